"""A number with its uncertainty, and how the uncertainty was found."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from labsyn.data.errors import FitError

Item = TypeVar("Item")

MIN_CYCLES = 3
"""Fewer repetitions than this say nothing of their own scatter."""

_FEWEST_BLOCKS = 5


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error, and the 95 % interval that follows.

    Attributes
    ----------
    value, standard_error : float
        In `unit`; the standard error is NaN where nothing can be said.
    dof : float
        Degrees of freedom of the standard error; infinite for a normal one.
    unit : str
        SI unit symbol, empty for a pure number.
    source : str
        What the standard error rests on: "5 cycles", "residuals", …
    """

    value: float
    standard_error: float = math.nan
    dof: float = math.inf
    unit: str = ""
    source: str = ""

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % confidence interval (Student's t)."""
        from scipy.special import stdtrit  # 0.1 s

        quantile = (
            1.959963984540054 if math.isinf(self.dof) else float(stdtrit(self.dof, 0.975))
        )
        half = quantile * self.standard_error
        return self.value - half, self.value + half

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and texts; what is not finite becomes None (JSON has no NaN)."""
        low, high = self.interval
        numbers = {
            "value": self.value,
            "standard_error": self.standard_error,
            "low_95": low,
            "high_95": high,
        }
        plain = {key: _finite(number) for key, number in numbers.items()}
        return plain | {"unit": self.unit, "source": self.source}

    def __str__(self) -> str:
        text = f"{self.value:.4g}"
        if math.isfinite(self.standard_error):
            text += f" ± {self.standard_error:.2g}"
        return f"{text} {self.unit}".rstrip()


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def drifts(levels: Sequence[float]) -> bool:
    """Tell whether neighbours in a series are alike beyond chance (two sigma), 10 or more."""
    x = np.asarray(levels, dtype=float)
    x = x - x.mean()
    power = float(x @ x)
    if x.size < 2 * _FEWEST_BLOCKS or power == 0:
        return False
    return float(x[1:] @ x[:-1]) / power > 2 / math.sqrt(x.size)


@dataclass(frozen=True)
class Replicas(Generic[Item]):
    """Data sets that might as well have been measured, for the error of any statistic.

    Attributes
    ----------
    items : sequence
        The data sets.
    is_simulated : bool
        Drawn from a model of the noise; otherwise a delete-one jackknife.
    dof : float
        Degrees of freedom of the noise that they show.
    source : str
        Where the data sets come from, for `Estimate.source`.
    """

    items: Sequence[Item]
    is_simulated: bool
    dof: float
    source: str

    @classmethod
    def leave_out(
        cls,
        cycles: Sequence[Any],
        combine: Callable[[list[Any]], Item],
        level: Callable[[Any], float] = np.mean,
    ) -> "Replicas[Item]":
        """Return the jackknife of at least `MIN_CYCLES` repetitions.

        The scatter between cycles holds every kind of noise, also noise that is correlated
        along a curve, which the residuals of a least-squares fit would take for shape.
        Each cycle is left out once; where the cycles drift (the `level` of one predicts
        that of the next), whole blocks of neighbours are, because a drift leaves fewer
        independent cycles than there are.

        References
        ----------
        B. Efron and C. Stein, Annals of Statistics 9, 586 (1981); H. R. Künsch, Annals of
        Statistics 17, 1217 (1989).
        """
        n = len(cycles)
        if n < MIN_CYCLES:
            raise FitError(f"{n} cycles have no scatter to look at, {MIN_CYCLES} are needed")
        drifting = drifts([level(cycle) for cycle in cycles])
        n_blocks = max(_FEWEST_BLOCKS, round(math.sqrt(n))) if drifting else n
        items = []
        for block in np.array_split(np.arange(n), n_blocks):
            left_out = set(block.tolist())
            items.append(combine([cycles[i] for i in range(n) if i not in left_out]))
        what = f"{n_blocks} blocks of {n} drifting cycles" if drifting else f"{n} cycles"
        return cls(items, False, n_blocks - 1, f"jackknife over {what}")

    @classmethod
    def simulated(
        cls,
        draw: Callable[[np.random.Generator], Item],
        dof: float,
        n_draws: int = 200,
        seed: int = 0,
    ) -> "Replicas[Item]":
        """Return `n_draws` data sets drawn from a model of the noise (parametric bootstrap).

        `dof` says on how many independent numbers that model rests.
        """
        rng = np.random.default_rng(seed)
        items = [draw(rng) for _ in range(n_draws)]
        source = f"{n_draws} simulated repetitions (rough: few cycles), seed {seed}"
        return cls(items, True, dof, source)

    def first(self, n: int) -> "Replicas[Item]":
        """Return the first `n` of simulated replicas, for slow ones; a jackknife whole."""
        if not self.is_simulated or n >= len(self.items):
            return self
        source = self.source.replace(str(len(self.items)), str(n), 1)
        return Replicas(self.items[:n], True, self.dof, source)

    def estimate(
        self, statistic: Callable[[Item], float], value: float, unit: str = ""
    ) -> Estimate:
        """Return `value` with the standard error that `statistic` has over the replicas."""
        return self.from_values([statistic(item) for item in self.items], value, unit)

    def from_values(self, values: ArrayLike, value: float, unit: str = "") -> Estimate:
        """Return `value` with the standard error of `values`, one of each replica.

        Simulated replicas give the distance within which 68 % of them lie, which a few
        wild values do not move; a replica without a value (NaN) counts as the wildest.
        """
        values = np.asarray(values, dtype=float)
        if not self.is_simulated:
            n = values.size  # a replica without a value leaves no error: NaN spreads
            error = math.sqrt((n - 1) / n * float(np.sum((values - values.mean()) ** 2)))
            return Estimate(value, error, self.dof, unit, self.source)
        spread = np.sort(np.where(np.isfinite(values), np.abs(values - value), np.inf))
        error = float(spread[min(round(0.6827 * spread.size), spread.size - 1)])
        return Estimate(
            value, error if math.isfinite(error) else math.nan, self.dof, unit, self.source
        )

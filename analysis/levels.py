r"""Resistance levels out of pulses: which ones a tuning run reaches, and which it skips.

*Segmentation* (Diao et al., Nanoscale Horizons 10, 780 (2025), Experimental section): of n
targets, evenly spaced from the lowest to the highest resistance, each takes the event that
comes nearest, :math:`m_j = \mathrm{argmin} |R_{FF} - r_{i,j}|`; what leads from one level to
the next is one group of write pulses. "If it is insufficient to separate enough resistance
levels, the states will remain unoccupied." The paper does not count them; here

* a level is *occupied* if its event lies within half a level spacing of its target;
* the *unique* events are the different ones that the n targets take.

*Verification* (figure 4c, 4d): a level is reached many times; the resistance that it got is
normalised so that its own target is 0 and the next one is 1. A level is *skipped* if 80 % of
the samples do not lie below 1 ("> 1 at a CPD = 80 %").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import Estimate
from labsyn.analysis.switching_law import POTENTIATION
from labsyn.data.errors import FitError

SKIPPED_AT = 0.8
"""Cumulative probability at which a level must lie before the next one."""
FEWEST_SAMPLES = 5
"""With fewer there is no 80 % point below the largest sample."""
_DRAWS = 200


@dataclass(frozen=True)
class Segmentation:
    """Levels of one run of tuning pulses.

    Attributes
    ----------
    targets : ndarray, shape (n,)
        Ideal resistances r_i, ascending, in ohm.
    events : ndarray of int, shape (n,)
        m: which event each level takes; 0 is the state before the first pulse.
    actual : ndarray, shape (n,)
        Resistances r_a of these events, in ohm.
    """

    targets: FloatArray
    events: NDArray[np.int64]
    actual: FloatArray

    @property
    def spacing(self) -> float:
        """Ohms from one target to the next."""
        return float(self.targets[-1] - self.targets[0]) / (self.targets.size - 1)

    @property
    def occupied(self) -> NDArray[np.bool_]:
        """Which levels have an event within half a level, shape (n,)."""
        return np.abs(self.actual - self.targets) <= self.spacing / 2

    @property
    def n_occupied(self) -> int:
        """Number of occupied levels."""
        return int(self.occupied.sum())

    @property
    def n_unique(self) -> int:
        """Number of different events among those of the levels."""
        return int(np.unique(self.events).size)

    def groups(self, voltages: ArrayLike, branch: int) -> list[FloatArray]:
        """Return the write voltages that lead to each level, in the order of the run.

        The first group leads from the start of the run to the first level that it meets (the
        highest one in potentiation); each further one to the next. Noise can make the
        event of a level come before that of the level before it: its group is empty then.

        Parameters
        ----------
        voltages : array_like, shape (n_events,)
            Of each pulse of the run, in volt; the first one leads to event 1.
        branch : int
            `POTENTIATION` or `DEPRESSION`.

        Returns
        -------
        list of ndarray
            One for each level.
        """
        volts = np.asarray(voltages, dtype=float)
        order = self.events[::-1] if branch == POTENTIATION else self.events
        last = np.maximum.accumulate(order)
        return np.split(volts[: last[-1]], last[:-1])


def level_targets(low: float, high: float, n_levels: int) -> FloatArray:
    """Return `n_levels` evenly spaced resistances from `low` to `high` ohm.

    Raises
    ------
    FitError
        For fewer than 2 levels, or a window without width.
    """
    if n_levels < 2 or not low < high:
        raise FitError(
            f"{n_levels} levels from {low:g} to {high:g} ohm are asked for, at least 2 and a "
            "window with a width are needed"
        )
    return np.linspace(low, high, n_levels)


def segment(
    resistance: ArrayLike, n_levels: int, *, low: float | None = None, high: float | None = None
) -> Segmentation:
    """Segment the resistances of one tuning run into `n_levels` levels.

    Parameters
    ----------
    resistance : array_like, shape (n_events + 1,)
        Before the first pulse and after each, in ohm.
    n_levels : int
        n.
    low, high : float, optional
        First and last target in ohm; by default the extremes of the run, as in the paper.

    Raises
    ------
    FitError
        If a resistance is not finite, or there is nothing to segment.
    """
    ohms = np.asarray(resistance, dtype=float)
    if ohms.ndim != 1 or ohms.size < 2 or not np.isfinite(ohms).all():
        raise FitError(
            f"a tuning run of shape {ohms.shape} is given; segmentation needs one row of 2 or "
            "more finite resistances"
        )
    targets = level_targets(
        ohms.min() if low is None else low, ohms.max() if high is None else high, n_levels
    )
    events = np.abs(ohms[None, :] - targets[:, None]).argmin(axis=1)
    return Segmentation(targets, events, ohms[events])


def reached(resistance: ArrayLike, targets: FloatArray, branch: int) -> FloatArray:
    """Return the first resistance at or beyond each target, NaN where the run never gets there.

    What a level gets when pulses are given until it is reached: never before its target.

    Parameters
    ----------
    resistance : array_like, shape (n_events + 1,)
        Of one tuning run, in ohm.
    targets : ndarray, shape (n,)
        In ohm.
    branch : int
        `POTENTIATION`, in which the resistance falls, or `DEPRESSION`.
    """
    sign = -1 if branch == POTENTIATION else 1
    farthest = np.maximum.accumulate(sign * np.asarray(resistance, dtype=float))
    events = np.searchsorted(farthest, sign * targets, side="left")
    return sign * np.append(farthest, np.nan)[events]


@dataclass(frozen=True)
class LevelStatistics:
    """How well each level is met, over many samples.

    Attributes
    ----------
    normalised : ndarray, shape (n_samples, n_levels)
        0 at the target of the level, 1 at that of the next one in the direction of the
        branch; NaN where a sample did not reach the level.
    quantile : ndarray, shape (n_levels,)
        Where the cumulative probability of `normalised` is 80 %; NaN of a level that fewer
        than 80 % of the samples reached.
    n_skipped : Estimate
        Levels with a `quantile` above 1 or none; its error is from a bootstrap over samples.
    """

    normalised: FloatArray
    quantile: FloatArray
    n_skipped: Estimate

    @property
    def skipped(self) -> NDArray[np.bool_]:
        """Which levels tend to be skipped, shape (n_levels,)."""
        return ~(self.quantile <= 1)

    def cumulative(self, level: int) -> tuple[FloatArray, FloatArray]:
        """Return the samples of one level (from 0), sorted, and their cumulative probability."""
        values = np.sort(self.normalised[:, level])  # NaN comes last
        chance = np.arange(1, values.size + 1) / values.size
        kept = np.isfinite(values)
        return values[kept], chance[kept]


def verify_levels(
    samples: ArrayLike, targets: FloatArray, branch: int, *, spacing: float, seed: int = 0
) -> LevelStatistics:
    """Return the statistics of levels that were each programmed several times.

    Parameters
    ----------
    samples : array_like, shape (n_samples, n_levels)
        Resistances that the levels got, in ohm; NaN where one was not reached.
    targets : ndarray, shape (n_levels,)
        In ohm.
    branch : int
        `POTENTIATION` or `DEPRESSION`: where the next level lies.
    spacing : float
        Ohms from one level to the next.
    seed : int
        Of the bootstrap.

    Raises
    ------
    FitError
        For fewer than 5 samples: they have no 80 % point.
    """
    ohms = np.atleast_2d(np.asarray(samples, dtype=float))
    n = ohms.shape[0]
    if n < FEWEST_SAMPLES:
        raise FitError(
            f"{n} samples of a level have no 80 % point, {FEWEST_SAMPLES} or more are needed"
        )
    sign = -1 if branch == POTENTIATION else 1
    normalised = sign * (ohms - targets) / spacing
    rng = np.random.default_rng(seed)
    draws = [_skipped(_quantile(normalised[rng.integers(0, n, n)])) for _ in range(_DRAWS)]
    quantile = _quantile(normalised)
    error = float(np.std(draws, ddof=1))
    source = f"bootstrap over {n} samples"
    return LevelStatistics(
        normalised, quantile, Estimate(_skipped(quantile), error, source=source)
    )


def verify_paths(
    paths: Sequence[FloatArray], n_levels: int, branch: int, *, low: float, high: float
) -> LevelStatistics:
    """Return the statistics of `n_levels` levels from several tuning runs of one branch.

    Each run passes every level once: it counts with the first resistance at or beyond the
    target (`reached`). With the nearest event of the run instead no level could be skipped
    that has one within a level spacing.

    Parameters
    ----------
    paths : sequence of ndarray
        Resistances of each run, before its first pulse and after each, in ohm.
    n_levels : int
        From `low` to `high` ohm.
    branch : int
        `POTENTIATION` or `DEPRESSION`.
    low, high : float
        First and last target, in ohm.
    """
    targets = level_targets(low, high, n_levels)
    samples = [reached(path, targets, branch) for path in paths]
    spacing = (high - low) / (n_levels - 1)
    return verify_levels(samples, targets, branch, spacing=spacing)


def _quantile(normalised: FloatArray) -> FloatArray:
    """Return the smallest sample at or below which 80 % of all samples lie."""
    ordered = np.sort(normalised, axis=0)  # NaN comes last
    return ordered[int(np.ceil(SKIPPED_AT * ordered.shape[0])) - 1]


def _skipped(quantile: FloatArray) -> int:
    return int((~(quantile <= 1)).sum())

"""One branch, potentiation or depression: every law fitted, every number with its error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np

from labsyn.analysis.devices.laws import FloatArray, UpdateLaw
from labsyn.analysis.estimate import MIN_CYCLES, Replicas
from labsyn.analysis.noise import NoiseModel
from labsyn.analysis.nonlinearity import ExponentialFit, fit_exponential
from labsyn.analysis.nonlinearity_batch import fit_exponential_batch
from labsyn.analysis.power_law import PowerFit, fit_power
from labsyn.analysis.shape import ShapeTest, shape_test
from labsyn.analysis.updates import UpdateStatistics, update_statistics
from labsyn.data.errors import FitError

Family = Literal["best", "exponential", "power"]
Fit = TypeVar("Fit")
_COMPLETE = 0.9
_REFITS = 40  # replicas that the slower laws are fitted to


@dataclass(frozen=True, kw_only=True)
class BranchFit:
    """Everything that is known of one branch.

    Attributes
    ----------
    mean : ndarray, shape (n_pulses + 1,)
        Mean of the complete cycles, in the unit of the data.
    n_cycles : int
        Complete cycles behind it.
    exponential, constrained, continuous : ExponentialFit
        β by the recursion with free ends (the one to quote), with both ends held, and of
        the same rate in continuous time; None where such a fit does not exist.
    power : PowerFit or None
        α; None where the law is undefined, then `power_refused` says why.
    shape, power_shape : ShapeTest
        Whether each law describes the mean curve.
    updates : UpdateStatistics
        ΔG against G, cycle-to-cycle and read noise.
    """

    name: str
    mean: FloatArray
    n_cycles: int
    exponential: ExponentialFit
    constrained: ExponentialFit | None
    continuous: ExponentialFit | None
    power: PowerFit | None
    power_refused: str
    shape: ShapeTest
    power_shape: ShapeTest | None
    updates: UpdateStatistics
    notes: tuple[str, ...] = ()

    @property
    def n_pulses(self) -> int:
        """Pulses of a complete cycle."""
        return self.mean.size - 1

    def family(self, wanted: Family = "best") -> str:
        """Return ``exponential`` or ``power``: the one asked for, or the better one.

        Better is the one that describes the curve; if both do, or none, that of lower AIC.
        """
        if wanted not in ("best", "exponential", "power"):
            raise FitError(f"family is {wanted!r}; known are best, exponential and power")
        if wanted == "power" and self.power is None:
            raise FitError(f"{self.name} has no power law: {self.power_refused}")
        if wanted != "best":
            return wanted
        if self.power is None or self.power_shape is None:
            return "exponential"
        if bool(self.shape.describes) != bool(self.power_shape.describes):
            return "power" if self.power_shape.describes else "exponential"
        return "power" if self.power.aic < self.exponential.aic else "exponential"

    def law(self, wanted: Family = "best") -> UpdateLaw:
        """Return the law of this branch, for a `Synapse`."""
        if self.family(wanted) == "power" and self.power is not None:
            return self.power.law
        return self.exponential.law

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "n_cycles": self.n_cycles,
            "n_pulses": self.n_pulses,
            "mean": [float(g) for g in self.mean],
            "exponential": self.exponential.to_dict() | {"shape": self.shape.to_dict()},
            "exponential_constrained": self.constrained and self.constrained.to_dict(),
            "exponential_continuous": self.continuous and self.continuous.to_dict(),
            "power": self.power.to_dict() | {"shape": self.power_shape.to_dict()}
            if self.power and self.power_shape
            else {"refused": self.power_refused},
            "best_family": self.family(),
            "updates": self.updates.to_dict(),
            "notes": list(self.notes),
        }


def fit_branch(cycles: Sequence[FloatArray], name: str) -> BranchFit:
    """Fit every law to one branch.

    Parameters
    ----------
    cycles : sequence of ndarray
        One curve a cycle: the state before the first pulse, then after each.
    name : str
        ``potentiation`` or ``depression``, for messages.

    Raises
    ------
    FitError
        As `fit_exponential`, with the branch named.
    """
    whole, notes = complete_cycles(cycles, name)
    mean = np.mean(whole, axis=0)
    pulse = np.arange(mean.size)
    try:
        fit = fit_exponential(pulse, mean)
    except FitError as error:
        raise FitError(f"{name}: {error}") from error
    updates = update_statistics(whole)
    sigmas: dict[str, Any] = {
        "sigma_c2c": updates.sigma_c2c.value,
        "sigma_read": updates.sigma_read.value,
        "n_cycles": len(whole),
        "span": fit.g_range,
    }
    replicas = mean_replicas(whole, fit.curve(pulse), updates.noise)
    power, refused = _power(pulse, mean, replicas)
    return BranchFit(
        name=name,
        mean=mean,
        n_cycles=len(whole),
        exponential=_with_errors(fit, replicas),
        constrained=_other_form(mean, replicas, constrained=True),
        continuous=_other_form(mean, replicas, form="continuous"),
        power=power,
        power_refused=refused,
        shape=shape_test(mean - fit.curve(pulse), fit.tangents(pulse), **sigmas),
        power_shape=_power_shape(power, pulse, mean, sigmas),
        updates=updates,
        notes=tuple(notes),
    )


def complete_cycles(
    cycles: Sequence[FloatArray], name: str
) -> tuple[list[FloatArray], list[str]]:
    """Return the cycles, all of one length, and notes on what was left out for that.

    Left out are cycles with a gap (NaN), and those of less than `_COMPLETE` of the longest,
    which were cut short; the others are compared on the pulses that all of them have.
    """
    if not cycles:
        raise FitError(f"{name}: there is no cycle to fit")
    notes = []
    whole = [np.asarray(c, dtype=float) for c in cycles if np.isfinite(c).all()]
    if len(whole) < len(cycles):
        notes.append(_left_out(len(cycles) - len(whole), len(cycles), name, "they have gaps"))
    if not whole:
        raise FitError(f"{name}: every cycle has gaps, values that are flagged or no numbers")
    longest = max(cycle.size for cycle in whole) - 1
    kept = [cycle for cycle in whole if cycle.size - 1 >= _COMPLETE * longest]
    if len(kept) < len(whole):
        why = f"shorter than {_COMPLETE:.0%} of {longest} pulses"
        notes.append(_left_out(len(whole) - len(kept), len(cycles), name, why))
    common = min(cycle.size for cycle in kept) - 1
    if common < longest:
        notes.append(
            f"{name} cycles have {common} to {longest} pulses: the first {common} count"
        )
    return [cycle[: common + 1] for cycle in kept], notes


def _left_out(n: int, n_cycles: int, name: str, why: str) -> str:
    return f"{n} of {n_cycles} {name} cycles left out: {why}"


def mean_replicas(
    cycles: Sequence[FloatArray], smooth: FloatArray, noise: NoiseModel
) -> Replicas[FloatArray]:
    """Return mean curves that might as well have been measured."""
    if len(cycles) >= MIN_CYCLES:
        return Replicas.leave_out(cycles, lambda rest: np.mean(rest, axis=0))
    narrower = np.sqrt(len(cycles))
    # One short curve shows its slow noise only as often as that comes round.
    dof = max(2, len(cycles) * (smooth.size // 10))
    return Replicas.simulated(lambda rng: smooth + noise.draw(smooth.size, rng) / narrower, dof)


def _with_errors(fit: ExponentialFit, replicas: Replicas[FloatArray]) -> ExponentialFit:
    refits = fit_exponential_batch(np.array(replicas.items))
    return replace(
        fit,
        beta=replicas.from_values(refits.beta, fit.beta.value),
        step=replicas.from_values(refits.step, fit.step.value),
    )


def _other_form(
    mean: FloatArray, replicas: Replicas[FloatArray], **options: Any
) -> ExponentialFit | None:
    used = replicas.first(_REFITS)
    pulse = np.arange(mean.size)
    fits = [_or_none(fit_exponential, pulse, curve, **options) for curve in (mean, *used.items)]
    fit = fits[0]
    if fit is None:
        return None
    betas = [refit.beta.value if refit else np.nan for refit in fits[1:]]
    steps = [refit.step.value if refit else np.nan for refit in fits[1:]]
    return replace(
        fit,
        beta=used.from_values(betas, fit.beta.value),
        step=used.from_values(steps, fit.step.value),
    )


def _power(
    pulse: FloatArray, mean: FloatArray, replicas: Replicas[FloatArray]
) -> tuple[PowerFit | None, str]:
    used = replicas.first(_REFITS)
    try:
        fit = fit_power(pulse, mean)
    except FitError as error:
        return None, str(error)
    refits = [_or_none(fit_power, pulse, curve) for curve in used.items]
    alphas = [refit.alpha.value if refit else np.nan for refit in refits]
    return replace(fit, alpha=used.from_values(alphas, fit.alpha.value)), ""


def _or_none(fit: Callable[..., Fit], *data: Any, **options: Any) -> Fit | None:
    """Return a fit, or None where it does not exist: a replica may be no curve."""
    try:
        return fit(*data, **options)
    except FitError:
        return None


def _power_shape(
    power: PowerFit | None, pulse: FloatArray, mean: FloatArray, sigmas: dict[str, Any]
) -> ShapeTest | None:
    if power is None:
        return None
    return shape_test(mean - power.curve(pulse), power.tangents(pulse), **sigmas)

"""What every export of a device starts from: its fit, its synapse, and what was measured."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from labsyn.analysis.branch import BranchFit, Family
from labsyn.analysis.characterise import Characterisation, characterise
from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.analysis.simulators.relaxation import RelaxationFit, fit_relaxation
from labsyn.data.curves import PulseCurves
from labsyn.data.errors import FitError
from labsyn.data.exporters.origin import exporter
from labsyn.data.provenance import timestamp

Branch = Literal["potentiation", "depression"]
BRANCHES: tuple[Branch, Branch] = ("potentiation", "depression")

LARGEST_MISFIT = 0.05
"""Of the range: what an exported law may deviate from the curve beyond noise."""

_START = 0.2  # progress around the first value within which a branch starts


@dataclass(frozen=True)
class Misfit:
    """How far the curve of an exported law is from the measured mean curve.

    Attributes
    ----------
    rms, beyond_noise : float
        Root mean square over the pulses, as a fraction of the range: all of it, and what
        the noise of the curve does not explain.
    """

    rms: float
    beyond_noise: float

    def __str__(self) -> str:
        return f"{self.rms:.2%} of the range rms, {self.beyond_noise:.2%} beyond noise"


@dataclass(frozen=True)
class MeasuredDevice:
    """A device as it was measured and as it was fitted.

    Attributes
    ----------
    curves : PulseCurves
        The cycles.
    fit : Characterisation
        Made of them.
    """

    curves: PulseCurves
    fit: Characterisation

    @classmethod
    def of(cls, curves: PulseCurves) -> "MeasuredDevice":
        """Return the device of some curves; raise FitError where there is no fit."""
        return cls(curves, characterise(curves))

    def branch(self, name: Branch) -> BranchFit:
        """Return the fits of a branch."""
        return self.fit.potentiation if name == "potentiation" else self.fit.depression

    def synapse(self, family: Family = "best") -> Synapse:
        """Return the device that the networks of labsyn are made of."""
        return self.fit.synapse(family)

    def progress(self, name: Branch) -> FloatArray:
        """Return the mean curve of a branch in its progress: 0 where it starts, 1 at the end.

        The range is `g_min` to `g_max` of the fit, so that the two branches of a loop that
        is not closed go a little beyond.
        """
        low, high = self.fit.g_min.value, self.fit.g_max.value
        part = (self.branch(name).mean - low) / (high - low)
        return part if name == "potentiation" else 1 - part

    @cached_property
    def relaxations(self) -> dict[Branch, RelaxationFit]:
        """NeuroSim's law of each branch; raises FitError where there is none."""
        return {
            name: fit_relaxation(self.branch(name), self._cycles(name)) for name in BRANCHES
        }

    def misfit(self, name: Branch, step: Callable[[float], float], law: str) -> Misfit:
        """Return how far the curve of a law is from the mean curve.

        Parameters
        ----------
        name : str
            The branch.
        step : callable
            How far a pulse goes, in the progress of the branch, from a progress.
        law : str
            Its name, for the message.

        Raises
        ------
        FitError
            If it deviates by more than `LARGEST_MISFIT` beyond noise.
        """
        from scipy.optimize import minimize_scalar

        measured, shape = self.progress(name), self.branch(name).shape

        def variance(start: float) -> float:
            curve = _curve(step, start, measured.size)
            return float(np.mean((curve - measured) ** 2))

        # One read tells little of where the branch starts: that is fitted.
        near = float(np.clip(measured[0], 0, 1))
        bounds = (max(near - _START, 0), min(near + _START, 1))
        best = minimize_scalar(
            variance, bounds=bounds, method="bounded", options={"xatol": 1e-4}
        )
        smallest = min(float(best.fun), variance(near))
        noise = shape.rms**2 - shape.misfit**2  # what noise explains of the residual of a fit
        found = Misfit(math.sqrt(smallest), math.sqrt(max(smallest - noise, 0.0)))
        if not found.beyond_noise <= LARGEST_MISFIT:
            raise FitError(
                f"{name}: {law} misses the curve by {found.beyond_noise:.1%} of the range, "
                f"beyond noise; at most {LARGEST_MISFIT:.0%} are exported"
            )
        return found

    def describe(self, simulator: str) -> dict[str, Any]:
        """Return what every exported file says: which data, which fit, what was left out."""
        fit = self.fit
        return {
            "labsyn_export": simulator,
            "source": fit.source,
            "source_sha256": fit.source_sha256,
            "exported": timestamp(),
            "exported_by": exporter(),
            "unit": fit.unit,
            "g_min": fit.g_min.to_dict(),
            "g_max": fit.g_max.to_dict(),
            "fit": {name: _verdicts(self.branch(name)) for name in BRANCHES},
            "notes": [*fit.notes, *self.unknown()],
        }

    def unknown(self) -> list[str]:
        """Return what one device cannot tell."""
        return [
            "one device was measured: the spread from device to device is unknown, 0 is set"
        ]

    def _cycles(self, name: Branch) -> list[FloatArray]:
        curves = self.curves
        return curves.potentiation if name == "potentiation" else curves.depression


def _curve(step: Callable[[float], float], start: float, n_points: int) -> FloatArray:
    x, curve = start, np.empty(n_points)
    for k in range(n_points):
        curve[k] = x
        x = min(max(x + step(x), 0.0), 1.0)
    return curve


def refuse_unless_siemens(device: MeasuredDevice, simulator: str) -> None:
    """Raise FitError if the conductances are normalised, or negative."""
    fit = device.fit
    if fit.unit != "S":
        raise FitError(
            f"{fit.source}: the conductances are normalised; {simulator} needs them in siemens"
        )
    if not fit.g_min.value > 0:
        raise FitError(
            f"{fit.source}: the lowest conductance is {fit.g_min.value:.4g} S; {simulator} "
            "needs positive ones"
        )


def _verdicts(branch: BranchFit) -> dict[str, Any]:
    said: dict[str, Any] = {
        "n_pulses": branch.n_pulses,
        "n_cycles": branch.n_cycles,
        "best_law": branch.family(),
        "beta": branch.exponential.beta.to_dict(),
        "exponential": branch.shape.verdict,
    }
    if branch.power is not None and branch.power_shape is not None:
        said |= {"alpha": branch.power.alpha.to_dict(), "power": branch.power_shape.verdict}
    return said

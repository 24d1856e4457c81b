"""Device configurations of aihwkit: ExpStep, SoftBounds and PiecewiseStep.

The weight w is -1 at `g_min` and 1 at `g_max`, w = 2x - 1 with the progress x of labsyn.

*ExpStep* steps by ``dw_min · max(1 - A exp(±γ z), 0)``, the lower sign downwards, with
``z = 2 a w / (w_max - w_min) + b``. With a = 1/2 and b = 0 that is z = w/2, and the exponential
law ``s exp(-β x)`` of labsyn, in w twice as large, is ``2 s exp(-β/2) exp(-β z)``: in both
directions γ = -β and ``A = -2 s exp(-β/2) / dw_min``, once `dw_min` is so small that the 1 does
not count.

*SoftBounds* steps by ``scale · (1 - w / w_bound)``, which is NeuroSim's law: the bound is
``±(2B - 1)``, the scale that times the rate. *PiecewiseStep* interpolates `Steps`.

M. J. Rasch et al., IEEE AICAS (2021); update rules as in aihwkit 1.2, `rpu_expstep_device.cpp`,
`rpu_linearstep_device.cpp` and `rpu_piecewisestep_device.cpp`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import ExponentialLaw
from labsyn.analysis.simulators.device import BRANCHES, Branch, MeasuredDevice, Misfit
from labsyn.analysis.simulators.steps import branch_steps
from labsyn.data.errors import FitError

_NEGLIGIBLE = 1e-6  # dw_min of an ExpStep, in its smallest step
_NOISE_FLOOR = 100.0  # dw_min_std_add: so far above a step that noise does not depend on it
_STRAIGHTEST = 1e-3  # 1/A, below which soft bounds lie beyond a thousand ranges


@dataclass(frozen=True, kw_only=True)
class AihwkitDevice:
    """One configuration of a device.

    Attributes
    ----------
    kind : str
        Name of the class in `aihwkit.simulator.configs`.
    parameters : dict
        What to call it with.
    misfit : dict
        Of each branch.
    verdict : dict
        Of each branch: whether its law describes the curve; empty for a table.
    source : str
        What it is made of.
    """

    kind: str
    parameters: dict[str, Any]
    misfit: dict[Branch, Misfit]
    verdict: dict[Branch, str]
    source: str

    @property
    def largest_misfit(self) -> float:
        """Root mean square of the worse branch."""
        return max(misfit.rms for misfit in self.misfit.values())


def aihwkit_devices(device: MeasuredDevice) -> tuple[list[AihwkitDevice], dict[str, str]]:
    """Return the configurations that express a device, best first, and why others do not.

    Raises
    ------
    FitError
        If none does.
    """
    made: list[AihwkitDevice] = []
    refused: dict[str, str] = {}
    makers: dict[str, Callable[[MeasuredDevice], AihwkitDevice]] = {
        "ExpStepDevice": exp_step,
        "SoftBoundsDevice": soft_bounds,
        "PiecewiseStepDevice": piecewise_step,
    }
    for kind, make in makers.items():
        try:
            made.append(make(device))
        except FitError as error:
            refused[kind] = str(error)
    if not made:
        reasons = "; ".join(f"{kind}: {why}" for kind, why in refused.items())
        raise FitError(f"{device.fit.source}: no device of aihwkit is like this one: {reasons}")
    return sorted(made, key=lambda it: it.largest_misfit), refused


def exp_step(device: MeasuredDevice) -> AihwkitDevice:
    """Return the exponential law as ExpStepDevice; raise FitError where it is none."""
    laws = {name: device.branch(name).exponential.law for name in BRANCHES}
    misfit = {
        name: device.misfit(name, _increment(law), "the exponential law")
        for name, law in laws.items()
    }
    verdict = {name: device.branch(name).shape.verdict for name in BRANCHES}
    smallest = min(2 * law.step * math.exp(-max(law.beta, 0)) for law in laws.values())
    dw_min = _NEGLIGIBLE * smallest
    parameters: dict[str, Any] = {"dw_min": dw_min, "a": 0.5, "b": 0.0}
    for name, way in zip(BRANCHES, ("up", "down"), strict=True):
        law = laws[name]
        parameters[f"A_{way}"] = -2 * law.step * math.exp(-law.beta / 2) / dw_min
        parameters[f"gamma_{way}"] = -law.beta
    noise = {
        "dw_min_std": _sigma_w(device) / _NOISE_FLOOR,
        "dw_min_std_add": _NOISE_FLOOR,
        "dw_min_std_slope": 0.0,
    }
    return _made(
        "ExpStepDevice", device, parameters | noise, misfit, verdict, "exponential law"
    )


def soft_bounds(device: MeasuredDevice) -> AihwkitDevice:
    """Return NeuroSim's law as SoftBoundsDevice; raise FitError where it is none."""
    bounds: list[float] = []
    scales: list[float] = []
    misfit: dict[Branch, Misfit] = {}
    for name in BRANCHES:
        fit, n = device.relaxations[name], device.branch(name).n_pulses
        if fit.bend < _STRAIGHTEST:
            raise FitError(
                f"{name}: the curve does not saturate (1/A = {fit.bend:.3g}), soft bounds do"
            )
        misfit[name] = device.misfit(name, fit.step(n), "the law of soft bounds")
        bounds.append(2 * fit.end - 1)
        scales.append(fit.rate(n) * bounds[-1])
    up, down = scales
    verdict = {name: device.relaxations[name].shape.verdict for name in BRANCHES}
    parameters = {
        "w_max": bounds[0],
        "w_min": -bounds[1],
        "dw_min": max(scales),
        "up_down": 1 - down / up if up >= down else up / down - 1,
        "mult_noise": False,
        "dw_min_std": _sigma_w(device) / math.sqrt((up**2 + down**2) / 2),
    }
    return _made("SoftBoundsDevice", device, parameters, misfit, verdict, "NeuroSim's law")


def piecewise_step(device: MeasuredDevice) -> AihwkitDevice:
    """Return a table of steps as PiecewiseStepDevice; raise FitError where none fits."""
    up, down = branch_steps(device, "potentiation"), branch_steps(device, "depression")
    steps = 2 * np.concatenate([up.size, down.size])
    dw_min = float(steps.mean())
    parameters = {
        "dw_min": dw_min,
        "piecewise_up": [float(size) for size in 2 * up.size / dw_min],
        "piecewise_down": [float(size) for size in 2 * down.size / dw_min],
        "dw_min_std": _sigma_w(device) / float(np.sqrt(np.mean(steps**2))),
    }
    misfit: dict[Branch, Misfit] = {"potentiation": up.misfit, "depression": down.misfit}
    source = f"up: {up.source}; down: {down.source}"
    return _made("PiecewiseStepDevice", device, parameters, misfit, {}, source)


def _made(
    kind: str,
    device: MeasuredDevice,
    parameters: dict[str, Any],
    misfit: dict[Branch, Misfit],
    verdict: dict[Branch, str],
    source: str,
) -> AihwkitDevice:
    """Return a configuration in which no default of aihwkit adds a spread."""
    spread = {
        "dw_min_dtod": device.synapse().sigma_d2d,
        "up_down": 0.0,
        "up_down_dtod": 0.0,
        "w_max": 1.0,
        "w_max_dtod": 0.0,
        "w_min": -1.0,
        "w_min_dtod": 0.0,
        "reset_std": 0.0,
    }
    return AihwkitDevice(
        kind=kind, parameters=spread | parameters, misfit=misfit, verdict=verdict, source=source
    )


def _sigma_w(device: MeasuredDevice) -> float:
    """Return the cycle-to-cycle noise of a pulse in w, whose range is 2."""
    return 2 * device.synapse().sigma_c2c


def _increment(law: ExponentialLaw) -> Callable[[float], float]:
    return lambda x: float(law.increment(x))

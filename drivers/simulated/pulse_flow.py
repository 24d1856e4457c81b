r"""A law of single pulses made continuous: parts of a pulse that add up to whole ones.

A fitted law says where one pulse leads, :math:`p → M(p) = p + s\,Δ(p)`. In between, the
device follows the coordinate σ(p), in pulses, that solves Abel's equation
:math:`σ(M(p)) = σ(p) + 1`: a pulse of u times the width leads to
:math:`σ^{-1}(σ(p) + u)`, so that u = 1 is exactly M wherever it starts, and u and v in a
row are u + v. Within the first pulse, where the equation leaves σ free, the rate is
taken proportional to the step, :math:`σ(p) ∝ \int_0^p dp'/Δ(p')`.

Where a law is so steep that one pulse reverses the order of two states (β times the step
above 1, as in the first pulses of strongly nonlinear devices), no continuous law is M. There
the device keeps to the fitted curve itself: whole pulses from the start of the branch are
exact, and a pulse from between two points of the curve leads to between the next two.
"""

import numpy as np

from labsyn.analysis.devices.laws import FloatArray, UpdateLaw
from labsyn.data.errors import ModelError

_PARTS = 64  # of a pulse; linear in between
_MOST_PULSES = 20_000
_END = 1 - 1e-12  # rounding


class PulseFlow:
    """Where any number of pulses of a law leads, whole or not.

    Parameters
    ----------
    law : UpdateLaw
        What one pulse does.
    step_scale : float
        Size of the steps of this device in units of the law's.
    name : str
        Of the branch, for messages.

    Raises
    ------
    ModelError
        If the branch stands still before its end, or has no end within 20 000 pulses.
    """

    def __init__(self, law: UpdateLaw, step_scale: float, name: str) -> None:
        self._law, self._scale, self._name = law, step_scale, name
        curve = self._curve()
        for n_curve in range(curve.size):  # the last one keeps to the curve all the way
            self._progress = self._table(curve, n_curve)
            if np.all(np.diff(self._progress) > 0):
                break
        self._pulses = np.arange(self._progress.size) / _PARTS

    def _curve(self) -> FloatArray:
        """Return the progress after 0, 1, 2, … pulses, to the end of the branch."""
        curve = [0.0]
        while curve[-1] < _END:
            step = self._scale * float(self._law.increment(curve[-1]))
            if not step > 0:
                raise ModelError(
                    f"FittedSynapse: {self._name} makes a step of {step:g} at {curve[-1]:g} of "
                    "the range; it must move on until its end"
                )
            if len(curve) > _MOST_PULSES:
                raise ModelError(
                    f"FittedSynapse: {self._name} needs more than {_MOST_PULSES} pulses from "
                    "end to end; its steps are too small to be put under test"
                )
            curve.append(curve[-1] + step)
        return np.array(curve)

    def _table(self, curve: FloatArray, n_curve: int) -> FloatArray:
        """Return the progress at each part of a pulse, up to the first at the end.

        The first `n_curve` pulses keep to the curve; from there on the law is obeyed.
        """
        last = curve.size - 1
        parts = [self._pulse(curve[k], curve[k + 1]) for k in range(min(n_curve + 1, last))]
        while len(parts) < last:
            parts.append(parts[-1] + self._scale * self._law.increment(parts[-1]))
        progress = np.concatenate([*parts, curve[-1:]])
        # A law that ends at 1 stands still there, and its last steps are cut short.
        return progress[: 1 + int(np.argmax(progress >= _END))]

    def _pulse(self, start: float, end: float) -> FloatArray:
        """Return the progress at the parts of the pulse from `start` to `end`."""
        fine = start + (end - start) * np.linspace(0, 1, 16 * _PARTS + 1)
        steps = np.maximum(self._law.increment(fine), 1e-6 * (end - start))  # 0 at an end
        slowness = 1 / steps
        pulses = np.concatenate([[0.0], np.cumsum(slowness[1:] + slowness[:-1])])
        return np.interp(np.arange(_PARTS) / _PARTS, pulses / pulses[-1], fine)

    def after(self, progress: float, pulses: float) -> float:
        """Return the progress (0 to 1) after a number of pulses, whole or not, 0 or more."""
        start = float(np.interp(progress, self._progress, self._pulses))
        moved = float(np.interp(start + pulses, self._pulses, self._progress))
        return 1.0 if moved >= _END else moved

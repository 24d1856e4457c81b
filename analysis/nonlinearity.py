r"""Nonlinearity β of one potentiation or depression curve, with standard errors.

The exponential law is fitted as the recursion that defines it, not as its continuum limit
(the two differ by 2 % of the range at β = 3 and 50 pulses). Every curve of the recursion is

.. math:: G_k = G_0 + A\,z_k(c),\qquad z_{k+1} = z_k + e^{-c z_k},\; z_0 = 0,

with the first step A (negative in depression) and :math:`c = β |A| / (G_{max} - G_{min})`,
which leaves one nonlinear unknown and a regular point at β = 0. By default
:math:`G_{max} - G_{min}` is the range of the fitted branch itself, from its first to its
last pulse, so that :math:`β = c\,z_n(c)`, and β is a measure of shape alone.

Equations S1 and S2 of Baek et al., Nano-Micro Letters (2022), Supporting Information.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import ExponentialLaw, FloatArray
from labsyn.analysis.estimate import Estimate
from labsyn.analysis.least_squares import (
    akaike,
    checked_curve,
    from_residuals,
    residual_covariance,
)
from labsyn.data.errors import FitError

Form = Literal["recursion", "continuous"]
_LARGEST_BETA = 20.0  # beyond, the curve is a step or noise
_RUNAWAY = 1e100


@dataclass(frozen=True, kw_only=True)
class ExponentialFit:
    """Fit of the exponential law to one branch.

    Attributes
    ----------
    beta : Estimate
        Nonlinearity β; positive saturates, 0 is linear, negative accelerates.
    step : Estimate
        First step :math:`α_P` or :math:`α_D`, positive, in the unit of the conductance.
    g_start, g_end : float
        Fitted conductance at the first and the last pulse.
    curvature : float
        c of the module's text.
    covariance : ndarray, shape (3, 3)
        Of (`g_start`, signed first step, `curvature`), from the residuals.
    rmse : float
        Root mean square residual, in the unit of the conductance.
    aic : float
        Akaike's criterion, ``n ln(rmse²) + 2 · (parameters + 1)``.
    form : str
        ``recursion`` (the law pulse by pulse) or ``continuous`` (the same rate in
        continuous time, as a pulsed device integrates it).
    constrained : bool
        True if both ends were held at the data and only β was fitted.
    """

    beta: Estimate
    step: Estimate
    g_start: float
    g_end: float
    curvature: float
    first_step: float
    first_pulse: float
    n_pulses: int
    covariance: FloatArray
    rmse: float
    aic: float
    form: Form
    constrained: bool

    @property
    def g_range(self) -> float:
        """Absolute range of the fitted branch."""
        return abs(self.g_end - self.g_start)

    @property
    def law(self) -> ExponentialLaw:
        """The law of this branch, for a `Synapse`."""
        return ExponentialLaw(beta=self.beta.value, step=abs(self.first_step) / self.g_range)

    def curve(self, pulse: ArrayLike) -> FloatArray:
        """Return the fitted conductance at `pulse` (any shape, numbered as in the data)."""
        offset = np.asarray(pulse, dtype=float) - self.first_pulse
        return self.g_start + self.first_step * _basis(self.form)(offset, self.curvature)[0]

    def tangents(self, pulse: ArrayLike) -> FloatArray:
        """Return the derivatives of `curve` by its parameters, shape (n, 3)."""
        offset = np.asarray(pulse, dtype=float) - self.first_pulse
        z, dz = _basis(self.form)(offset, self.curvature)
        return np.column_stack([np.ones_like(z), z, self.first_step * dz])

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {
            "law": "exponential",
            "form": self.form,
            "constrained": self.constrained,
            "beta": self.beta.to_dict(),
            "step": self.step.to_dict(),
            "g_start": self.g_start,
            "g_end": self.g_end,
            "rmse": self.rmse,
            "aic": self.aic if math.isfinite(self.aic) else None,
        }


def fit_exponential(
    pulse: ArrayLike,
    conductance: ArrayLike,
    *,
    form: Form = "recursion",
    constrained: bool = False,
    g_min: float | None = None,
    g_max: float | None = None,
) -> ExponentialFit:
    """Fit the exponential law (β) to one curve by least squares.

    Parameters
    ----------
    pulse : array_like of int, shape (n,)
        Pulse numbers, ascending; 0 is the state before the first pulse. Pulses may be
        missing.
    conductance : array_like, shape (n,)
        Conductance after each pulse, in siemens (any unit, negative values too: the law
        has no origin).
    form : {"recursion", "continuous"}
        See `ExponentialFit`.
    constrained : bool
        Hold both ends at the first and last value and fit β alone. On noisy data the
        noise of these two points then enters β in full.
    g_min, g_max : float, optional
        The range that β refers to, in the unit of `conductance`, when it is not the range
        of this branch: the step then falls as ``exp(-β ΔG / (g_max - g_min))``.

    Raises
    ------
    FitError
        With fewer than 5 points, unequal shapes, values that are not finite, pulses out
        of order, a constant curve, or a fit that does not converge.
    """
    from scipy.optimize import least_squares

    k, y = checked_curve(pulse, conductance)
    offset = k - k[0]
    basis = _basis(form)
    middle, scale = float(y.mean()), float(np.ptp(y))
    v = (y - middle) / scale

    def residuals(b: FloatArray) -> FloatArray:
        return _solve(basis, offset, v, _curvature(b.item(), offset[-1]), constrained)[0]

    trials = np.linspace(-9, 9, 13)
    start = trials[np.argmin([np.sum(residuals(trial) ** 2) for trial in trials])]
    # The linear unknowns are solved inside, so that only the continuum β is searched.
    bounds = (-_LARGEST_BETA, _LARGEST_BETA)
    found = least_squares(
        residuals, [start], jac="3-point", xtol=1e-15, ftol=1e-15, gtol=1e-15, bounds=bounds
    )
    if not found.success:
        raise FitError(f"the exponential fit did not converge: {found.message}")
    c = _curvature(found.x.item(), offset[-1])
    reached = max(abs(found.x.item()), abs(c * basis(offset, c)[0][-1]))
    if reached > 0.99 * _LARGEST_BETA:
        raise FitError("no exponential law comes near this curve: it is a step, or noise")
    r, start_value, step = _solve(basis, offset, v, c, constrained)
    return _exponential_result(
        (k, middle + scale * start_value, scale * step, c),
        (scale * r, basis, form, constrained),
        None if g_min is None or g_max is None else g_max - g_min,
    )


Basis = Callable[[FloatArray, float], tuple[FloatArray, FloatArray]]


def _basis(form: Form) -> Basis:
    if form not in ("recursion", "continuous"):
        raise FitError(f"form is {form!r}, it must be 'recursion' or 'continuous'")
    return _recursion if form == "recursion" else _continuous


def _recursion(offset: FloatArray, c: float) -> tuple[FloatArray, FloatArray]:
    """Return z and dz/dc at `offset`; between pulses the recursion is interpolated."""
    last = math.ceil(float(offset.max(initial=0.0)))
    z, dz = np.zeros(last + 1), np.zeros(last + 1)
    for i in range(last):
        # A trial that runs away is cut where squares still are numbers.
        fall = math.exp(min(-c * z[i], 100.0))
        z[i + 1] = min(z[i] + fall, _RUNAWAY)
        dz[i + 1] = max(dz[i] - fall * (z[i] + c * dz[i]), -_RUNAWAY)
    whole = np.arange(last + 1)
    return np.interp(offset, whole, z), np.interp(offset, whole, dz)


def _continuous(offset: FloatArray, c: float) -> tuple[FloatArray, FloatArray]:
    if abs(c) * float(offset.max(initial=0.0)) < 1e-5:
        return offset - c * offset**2 / 2, -(offset**2) / 2
    log = np.log1p(c * offset)
    return log / c, offset / (c * (1 + c * offset)) - log / c**2


def _curvature(continuum_beta: float, n_pulses: float) -> float:
    """Return c for the β that the continuum limit would have: a well-behaved coordinate."""
    return math.expm1(continuum_beta) / n_pulses


def _solve(
    basis: Basis, offset: FloatArray, v: FloatArray, c: float, constrained: bool
) -> tuple[FloatArray, float, float]:
    """Return residuals, start and first step for one c: a straight line in z."""
    z, _ = basis(offset, c)
    if constrained:
        start, step = float(v[0]), float((v[-1] - v[0]) / z[-1])
    else:
        centred = z - z.mean()
        norm = float(centred @ centred)
        # An accelerating trial may be flat to rounding: then it explains nothing.
        step = float(centred @ v) / norm if math.isfinite(norm) and norm > 0 else 0.0
        start = float(v.mean()) - step * float(z.mean()) if step else float(v.mean())
    return start + step * z - v if step else start - v, start, step


def _exponential_result(
    solution: tuple[FloatArray, float, float, float],
    quality: tuple[FloatArray, Basis, Form, bool],
    given_range: float | None,
) -> ExponentialFit:
    k, start, step, c = solution
    residual, basis, form, constrained = quality
    offset = k - k[0]
    z, dz = basis(offset, c)
    tangents = np.column_stack([np.ones_like(z), z, step * dz])
    if constrained:  # one free number: the ends follow from c
        along_c = step * (dz - z * dz[-1] / z[-1])
        covariance = np.zeros((3, 3))
        covariance[2, 2] = residual_covariance(along_c[:, None], residual, 1)[0, 0]
        covariance[1, 2] = covariance[2, 1] = -step * dz[-1] / z[-1] * covariance[2, 2]
        covariance[1, 1] = (step * dz[-1] / z[-1]) ** 2 * covariance[2, 2]
    else:
        covariance = residual_covariance(tangents, residual, 3)
    n_free = 1 if constrained else 3
    if given_range is None:
        beta, gradient = c * z[-1], np.array([0.0, 0.0, z[-1] + c * dz[-1]])
    else:
        beta = c * given_range / abs(step)
        gradient = np.array([0.0, -beta / step, given_range / abs(step)])
    rmse = math.sqrt(float(np.mean(residual**2)))
    return ExponentialFit(
        beta=from_residuals(beta, gradient @ covariance @ gradient, k.size - n_free),
        step=from_residuals(abs(step), covariance[1, 1], k.size - n_free),
        g_start=start,
        g_end=start + step * float(z[-1]),
        curvature=c,
        first_step=step,
        first_pulse=float(k[0]),
        n_pulses=int(k[-1] - k[0]),
        covariance=covariance,
        rmse=rmse,
        aic=akaike(rmse, k.size, n_free),
        form=form,
        constrained=constrained,
    )

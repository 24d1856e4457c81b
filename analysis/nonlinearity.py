r"""Nonlinearity of one potentiation or depression curve: β and α, with standard errors.

The exponential law is fitted as the recursion that defines it, not as its continuum limit
(the two differ by 2 % of the range at β = 3 and 50 pulses). Every curve of the recursion is

.. math:: G_k = G_0 + A\,z_k(c),\qquad z_{k+1} = z_k + e^{-c z_k},\; z_0 = 0,

with the first step A (negative in depression) and :math:`c = β |A| / (G_{max} - G_{min})`,
which leaves one nonlinear unknown and a regular point at β = 0. By default
:math:`G_{max} - G_{min}` is the range of the fitted branch itself, from its first to its
last pulse, so that :math:`β = c\,z_n(c)`, and β is a measure of shape alone.

Equations S1-S3 of Baek et al., Nano-Micro Letters (2022), Supporting Information.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import (
    ExponentialLaw,
    FloatArray,
    PowerLaw,
    power_conductance,
)
from labsyn.analysis.estimate import Estimate
from labsyn.data.errors import FitError

Form = Literal["recursion", "continuous"]
_LARGEST_BETA = 20.0  # beyond, the curve is a step or noise
_RUNAWAY = 1e100
_LARGEST_ALPHA = 40.0  # beyond, the curve is a step within rounding


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


@dataclass(frozen=True, kw_only=True)
class PowerFit:
    """Fit of the power law to one branch, ``w = k / n`` for pulse k of n.

    Attributes
    ----------
    alpha : Estimate
        Nonlinearity α; 1 is linear, above 1 saturates in potentiation.
    g_min, g_max : float
        Fitted ends of the branch.
    """

    alpha: Estimate
    g_min: float
    g_max: float
    rising: bool
    first_pulse: float
    n_pulses: int
    rmse: float
    aic: float

    @property
    def law(self) -> PowerLaw:
        """The law of this branch, for a `Synapse`."""
        return PowerLaw(
            alpha=self.alpha.value,
            n_pulses=self.n_pulses,
            on_off_ratio=self.g_max / self.g_min,
            rising=self.rising,
        )

    def curve(self, pulse: ArrayLike) -> FloatArray:
        """Return the fitted conductance at `pulse` (any shape)."""
        w = (np.asarray(pulse, dtype=float) - self.first_pulse) / self.n_pulses
        w = np.clip(w if self.rising else 1 - w, 0, 1)
        return power_conductance(w, self.g_min, self.g_max, self.alpha.value)

    def tangents(self, pulse: ArrayLike) -> FloatArray:
        """Return the derivatives of `curve` by g_min, g_max and α, shape (n, 3)."""
        values = np.array([self.g_min, self.g_max, self.alpha.value])
        steps = np.array([1e-6 * self.g_min, 1e-6 * self.g_max, 1e-5])
        columns = []
        for i, step in enumerate(steps):
            shift = np.where(np.arange(3) == i, step, 0.0)
            above = self._at(pulse, values + shift)
            columns.append((above - self._at(pulse, values - shift)) / (2 * step))
        return np.column_stack(columns)

    def _at(self, pulse: ArrayLike, values: FloatArray) -> FloatArray:
        moved = replace(
            self,
            g_min=float(values[0]),
            g_max=float(values[1]),
            alpha=Estimate(float(values[2])),
        )
        return moved.curve(pulse)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {
            "law": "power",
            "alpha": self.alpha.to_dict(),
            "g_min": self.g_min,
            "g_max": self.g_max,
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

    k, y = _checked(pulse, conductance)
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


def fit_power(pulse: ArrayLike, conductance: ArrayLike) -> PowerFit:
    """Fit the power law (α) to one curve by least squares.

    Parameters are as in `fit_exponential`, in siemens; both ends are free.

    Raises
    ------
    FitError
        As `fit_exponential`, and if a conductance is not positive: the law is undefined
        for data with a subtracted offset.
    """
    from scipy.optimize import least_squares

    k, y = _checked(pulse, conductance)
    if y.min() <= 0:
        raise FitError(
            f"the lowest conductance is {y.min():g}; the power law needs positive values, "
            "so data with a subtracted offset has no α"
        )
    scale, n = float(y.max()), int(k[-1] - k[0])
    rising = bool(y[-1] > y[0])
    w = (k - k[0]) / n
    w = w if rising else 1 - w
    v = y / scale

    def model(p: FloatArray) -> FloatArray:
        return power_conductance(w, math.exp(p[0]), math.exp(p[0]) + math.exp(p[1]), p[2])

    low = max(float(v.min()), 1e-9)
    start = [math.log(low), math.log(max(float(v.max()) - low, 1e-9)), 1.0]
    bounds = ([-25.0, -25.0, -_LARGEST_ALPHA], [3.0, 3.0, _LARGEST_ALPHA])
    found = least_squares(
        lambda p: model(p) - v, start, jac="3-point", x_scale="jac", bounds=bounds,
        xtol=1e-14, ftol=1e-14, gtol=1e-14,
    )  # fmt: skip
    if not found.success:
        raise FitError(f"the power-law fit did not converge: {found.message}")
    if abs(found.x[2]) > 0.99 * _LARGEST_ALPHA or not min(found.x[:2]) > -24.9:
        raise FitError("no power law comes near this curve: the fit runs into its bounds")
    covariance = _covariance(found.jac, found.fun, 3)
    g_low, g_span, alpha = math.exp(found.x[0]), math.exp(found.x[1]), float(found.x[2])
    rmse = scale * math.sqrt(float(np.mean(found.fun**2)))
    return PowerFit(
        alpha=_from_residuals(alpha, covariance[2, 2], k.size - 3),
        g_min=scale * g_low,
        g_max=scale * (g_low + g_span),
        rising=rising,
        first_pulse=float(k[0]),
        n_pulses=n,
        rmse=rmse,
        aic=_aic(rmse, k.size, 3),
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
        covariance[2, 2] = _covariance(along_c[:, None], residual, 1)[0, 0]
        covariance[1, 2] = covariance[2, 1] = -step * dz[-1] / z[-1] * covariance[2, 2]
        covariance[1, 1] = (step * dz[-1] / z[-1]) ** 2 * covariance[2, 2]
    else:
        covariance = _covariance(tangents, residual, 3)
    n_free = 1 if constrained else 3
    if given_range is None:
        beta, gradient = c * z[-1], np.array([0.0, 0.0, z[-1] + c * dz[-1]])
    else:
        beta = c * given_range / abs(step)
        gradient = np.array([0.0, -beta / step, given_range / abs(step)])
    rmse = math.sqrt(float(np.mean(residual**2)))
    return ExponentialFit(
        beta=_from_residuals(beta, gradient @ covariance @ gradient, k.size - n_free),
        step=_from_residuals(abs(step), covariance[1, 1], k.size - n_free),
        g_start=start,
        g_end=start + step * float(z[-1]),
        curvature=c,
        first_step=step,
        first_pulse=float(k[0]),
        n_pulses=int(k[-1] - k[0]),
        covariance=covariance,
        rmse=rmse,
        aic=_aic(rmse, k.size, n_free),
        form=form,
        constrained=constrained,
    )


def _covariance(jacobian: FloatArray, residual: FloatArray, n_free: int) -> FloatArray:
    variance = float(residual @ residual) / max(residual.size - n_free, 1)
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0
    inverse = np.linalg.pinv((jacobian / scale).T @ (jacobian / scale))
    return variance * inverse / np.outer(scale, scale)


def _from_residuals(value: float, variance: float, dof: int) -> Estimate:
    return Estimate(float(value), math.sqrt(max(float(variance), 0.0)), dof, source="residuals")


def _aic(rmse: float, n_points: int, n_free: int) -> float:
    return n_points * math.log(rmse**2) + 2 * (n_free + 1) if rmse > 0 else -math.inf


def _checked(pulse: ArrayLike, conductance: ArrayLike) -> tuple[FloatArray, FloatArray]:
    k, y = np.asarray(pulse, dtype=float), np.asarray(conductance, dtype=float)
    if k.ndim != 1 or k.shape != y.shape:
        raise FitError(
            f"pulse has shape {k.shape} and conductance {y.shape}; "
            "one curve needs two arrays of the same length"
        )
    if y.size < 5:
        raise FitError(f"3 parameters need at least 5 points, got {y.size}")
    if not (np.isfinite(k).all() and np.isfinite(y).all()):
        bad = int(np.flatnonzero(~(np.isfinite(k) & np.isfinite(y)))[0])
        raise FitError(f"point {bad} is not finite; leave out what was not measured")
    if np.any(np.diff(k) <= 0):
        raise FitError("pulse numbers must ascend; split potentiation and depression first")
    if np.ptp(y) <= 1e-12 * np.abs(y).max():
        raise FitError(f"the conductance is constant ({y[0]:g}); no pulse changed it")
    return k, y

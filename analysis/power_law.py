r"""Nonlinearity α of one potentiation or depression curve.

The conductance is a power mean of its two ends, with the internal variable w = k / n at
pulse k of n (1 - k / n in depression); see `labsyn.analysis.devices.laws`.

Equation S3 of Baek et al., Nano-Micro Letters (2022), Supporting Information.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray, PowerLaw, power_conductance
from labsyn.analysis.estimate import Estimate
from labsyn.analysis.least_squares import (
    akaike,
    checked_curve,
    from_residuals,
    residual_covariance,
)
from labsyn.data.errors import FitError

_LARGEST_ALPHA = 40.0  # beyond, the curve is a step within rounding


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

    k, y = checked_curve(pulse, conductance)
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
    covariance = residual_covariance(found.jac, found.fun, 3)
    g_low, g_span, alpha = math.exp(found.x[0]), math.exp(found.x[1]), float(found.x[2])
    rmse = scale * math.sqrt(float(np.mean(found.fun**2)))
    return PowerFit(
        alpha=from_residuals(alpha, covariance[2, 2], k.size - 3),
        g_min=scale * g_low,
        g_max=scale * (g_low + g_span),
        rising=rising,
        first_pulse=float(k[0]),
        n_pulses=n,
        rmse=rmse,
        aic=akaike(rmse, k.size, 3),
    )

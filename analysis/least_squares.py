"""What every least-squares fit of one curve shares: checks, covariance, criterion."""

import math

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import Estimate
from labsyn.data.errors import FitError


def residual_covariance(jacobian: FloatArray, residual: FloatArray, n_free: int) -> FloatArray:
    """Return the covariance of `n_free` parameters from the residuals at the best fit."""
    variance = float(residual @ residual) / max(residual.size - n_free, 1)
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0
    inverse = np.linalg.pinv((jacobian / scale).T @ (jacobian / scale))
    return variance * inverse / np.outer(scale, scale)


def from_residuals(value: float, variance: float, dof: int) -> Estimate:
    """Return an estimate whose error rests on the residuals of one curve."""
    return Estimate(float(value), math.sqrt(max(float(variance), 0.0)), dof, source="residuals")


def akaike(rmse: float, n_points: int, n_free: int) -> float:
    """Return Akaike's criterion, ``n ln(rmse²) + 2 (n_free + 1)``."""
    return n_points * math.log(rmse**2) + 2 * (n_free + 1) if rmse > 0 else -math.inf


def checked_curve(pulse: ArrayLike, conductance: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return pulse numbers and conductances as arrays; raise FitError if they are no curve."""
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

r"""β of thousands of curves at once: the fit of `nonlinearity`, as one compiled kernel.

The linear unknowns of :math:`G_0 + A z_k(c)` are eliminated in closed form (variable
projection), so that one Gauss-Newton search over one number is left, and a pass over a
curve needs one exponential a point. Values and standard errors agree with
`fit_exponential` (recursion, unconstrained) to 1e-6 relative.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.errors import FitError

_MAX_STEPS = 60
_TRIALS = 13  # starts of the search: continuum β from -9 to 9


@dataclass(frozen=True, kw_only=True)
class ExponentialFits:
    """Fits of many curves; every array has shape (n_curves,).

    Attributes
    ----------
    beta, beta_error : ndarray
        Nonlinearity β and its standard error from the residuals.
    step : ndarray
        First step, positive, in the unit of the data.
    g_start, g_end : ndarray
        Fitted ends.
    rmse : ndarray
        Root mean square residual.
    converged : ndarray of bool
        False where no fit exists: fewer than 5 points, not finite, constant.
    """

    beta: FloatArray
    beta_error: FloatArray
    step: FloatArray
    g_start: FloatArray
    g_end: FloatArray
    rmse: FloatArray
    converged: np.ndarray


def fit_exponential_batch(curves: ArrayLike | Sequence[ArrayLike]) -> ExponentialFits:
    """Fit the exponential law to many curves.

    Parameters
    ----------
    curves : array_like, shape (n_curves, n_points), or sequence of 1-D array_like
        Conductance before the first pulse and after each following one. Curves of unequal
        length are given as a sequence.

    Raises
    ------
    FitError
        If `curves` is neither. A curve that cannot be fitted does not raise: its
        `converged` is False and its numbers are NaN.
    """
    if isinstance(curves, np.ndarray) and curves.ndim == 2:
        values = np.ascontiguousarray(curves, dtype=float).ravel()
        ends = np.arange(1, curves.shape[0] + 1) * curves.shape[1]
    else:
        pieces = [np.asarray(curve, dtype=float) for curve in curves]  # type: ignore[union-attr]
        wrong = [i for i, piece in enumerate(pieces) if piece.ndim != 1]
        if wrong:
            raise FitError(f"curve {wrong[0]} has {pieces[wrong[0]].ndim} dimensions, not 1")
        values = np.concatenate(pieces) if pieces else np.empty(0)
        ends = np.cumsum([piece.size for piece in pieces], dtype=np.int64)
    out = np.full((ends.size, 7), np.nan)
    _fit_all(values, ends.astype(np.int64), out)
    return ExponentialFits(
        beta=out[:, 0],
        beta_error=out[:, 1],
        step=out[:, 2],
        g_start=out[:, 3],
        g_end=out[:, 4],
        rmse=out[:, 5],
        converged=out[:, 6] == 1.0,
    )


@numba.njit(cache=True, nogil=True)
def _fit_all(values, ends, out):  # type: ignore[no-untyped-def]
    begin = 0
    for i in range(ends.size):
        _fit_one(values[begin : ends[i]], out[i])
        begin = ends[i]


@numba.njit(cache=True, nogil=True)
def _fit_one(y, out):  # type: ignore[no-untyped-def]
    n = y.size
    low, high = np.inf, -np.inf
    for k in range(n):
        if not math.isfinite(y[k]):
            return
        low, high = min(low, y[k]), max(high, y[k])
    if n < 5 or high - low <= 1e-12 * max(abs(low), abs(high)):
        return
    middle, scale = 0.5 * (low + high), high - low
    sums, trial_sums = np.empty(9), np.empty(9)
    b = _start(y, middle, scale, high - low, sums)
    best = _project(y, middle, scale, b, sums)
    move = 1.0
    for _ in range(_MAX_STEPS):
        step_c = sums[4] / sums[5] if sums[5] > 0 else 0.0
        move = min(max(step_c * (n - 1) / math.exp(b), -1.0), 1.0)  # c = expm1(b) / (n - 1)
        misfit = _project(y, middle, scale, b + move, trial_sums)
        while misfit > best and abs(move) > 1e-9:
            move *= 0.25
            misfit = _project(y, middle, scale, b + move, trial_sums)
        if misfit > best:
            break
        b, best = b + move, misfit
        sums, trial_sums = trial_sums, sums
        if abs(move) < 1e-9:
            break
    _store(n, middle, scale, sums, out)
    out[6] = 1.0 if abs(b) < 20 and abs(move) < 1e-6 else 0.0


@numba.njit(cache=True, nogil=True)
def _start(y, middle, scale, spread, sums):  # type: ignore[no-untyped-def]
    """Return the continuum β that has the mean level of the curve between its ends.

    The mean level of ln(1 + (e^b - 1) x)/b is 1 + 1/(e^b - 1) - 1/b. Where noise hides
    the ends, a coarse row of values is tried instead.
    """
    first, last = y[0], y[-1]
    if abs(last - first) < 0.5 * spread:
        return _coarse_start(y, middle, scale, sums)
    level = 0.0
    for k in range(y.size):
        level += y[k]
    level = min(max((level / y.size - first) / (last - first), 0.08), 0.92)
    low, high = -14.0, 14.0
    for _ in range(12):
        b = 0.5 * (low + high)
        mean = 0.5 + b / 12 if abs(b) < 1e-3 else 1 + 1 / math.expm1(b) - 1 / b
        if mean < level:
            low = b
        else:
            high = b
    return 0.5 * (low + high)


@numba.njit(cache=True, nogil=True)
def _coarse_start(y, middle, scale, sums):  # type: ignore[no-untyped-def]
    b, best = 0.0, np.inf
    for i in range(_TRIALS):
        trial = -9.0 + 18.0 * i / (_TRIALS - 1)
        misfit = _project(y, middle, scale, trial, sums)
        if misfit < best:
            b, best = trial, misfit
    return b


@numba.njit(cache=True, nogil=True)
def _project(y, middle, scale, b, sums):  # type: ignore[no-untyped-def]
    """Return the misfit at b; leave in `sums` what the step and the result need.

    sums: 0 mean z, 1 mean v, 2 first step A, 3 residual sum of squares, 4 and 5 numerator
    and denominator of the Gauss-Newton step in c, 6 z_n, 7 dz_n/dc, 8 c.
    """
    n = y.size
    c = math.expm1(b) / (n - 1)
    z = dz = sz = sd = sv = szz = sdd = szd = szv = sdv = svv = 0.0
    for k in range(n):
        v = (y[k] - middle) / scale
        sz += z
        sd += dz
        sv += v
        szz += z * z
        sdd += dz * dz
        szd += z * dz
        szv += z * v
        sdv += dz * v
        svv += v * v
        if k < n - 1:
            fall = math.exp(min(-c * z, 700.0))
            dz -= fall * (z + c * dz)
            z += fall
    szz -= sz * sz / n
    sdd -= sd * sd / n
    szd -= sz * sd / n
    szv -= sz * sv / n
    sdv -= sd * sv / n
    svv -= sv * sv / n
    if not (math.isfinite(szz) and math.isfinite(sdd)) or szz <= 0:
        return np.inf
    a = szv / szz
    sums[0], sums[1], sums[2] = sz / n, sv / n, a
    sums[3] = max(svv - a * szv, 0.0)
    sums[4] = a * (sdv - szd / szz * szv)
    sums[5] = a * a * (sdd - szd * szd / szz)
    sums[6], sums[7], sums[8] = z, dz, c
    return sums[3]


@numba.njit(cache=True, nogil=True)
def _store(n, middle, scale, sums, out):  # type: ignore[no-untyped-def]
    a, c, z, dz = sums[2], sums[8], sums[6], sums[7]
    start = sums[1] - a * sums[0]
    out[0] = c * z
    variance = sums[3] / max(n - 3, 1)
    out[1] = abs(z + c * dz) * math.sqrt(variance / sums[5]) if sums[5] > 0 else np.nan
    out[2] = abs(a) * scale
    out[3] = middle + scale * start
    out[4] = middle + scale * (start + a * z)
    out[5] = scale * math.sqrt(sums[3] / n)

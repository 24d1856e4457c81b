r"""β of thousands of curves at once: the fit of `nonlinearity`, as one compiled kernel.

The linear unknowns of :math:`G_0 + A z_k(c)` are eliminated in closed form (variable
projection), so that one Gauss-Newton search over one number is left. Eight curves go
through the recursion side by side, because each step waits for the one before: the
processor then has eight chains to work on, and vector registers to do it in. The factor
:math:`e^{-c z_k}` is itself a recurrence, whose small exponent a short series takes.
Values and standard errors agree with `fit_exponential` (recursion, unconstrained) to 1e-6
relative.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.errors import FitError

_LANES = 8
_MAX_STEPS = 60
_TOLERANCE = 1e-8
_LARGEST_BETA = 20.0  # beyond, the curve is a step or noise
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
        False where no fit exists: fewer than 5 points, not finite, constant, or a curve
        that is noise or a step.
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
        sizes = np.full(curves.shape[0], curves.shape[1])
    else:
        pieces = [np.asarray(curve, dtype=float) for curve in curves]  # type: ignore[union-attr]
        wrong = [i for i, piece in enumerate(pieces) if piece.ndim != 1]
        if wrong:
            raise FitError(f"curve {wrong[0]} has {pieces[wrong[0]].ndim} dimensions, not 1")
        values = np.concatenate(pieces) if pieces else np.empty(0)
        sizes = np.array([piece.size for piece in pieces], dtype=np.int64)
    out = np.full((sizes.size, 7), np.nan)
    begins = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    for size in np.unique(sizes[sizes >= 5]):
        alike = np.flatnonzero(sizes == size)
        _fit_all(values, begins[alike], int(size), alike, out)
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
def _fit_all(values, begins, n, rows, out):  # type: ignore[no-untyped-def]
    """Fit curves of one length, `_LANES` at a time; a lane without a curve repeats one."""
    v = np.empty((n, _LANES))
    middle, scale = np.zeros(_LANES), np.ones(_LANES)
    usable = np.empty(_LANES, dtype=np.bool_)
    for block in range(0, rows.size, _LANES):
        for lane in range(_LANES):
            i = min(block + lane, rows.size - 1)
            y = values[begins[i] : begins[i] + n]
            usable[lane] = _normalise(y, v, lane, middle, scale)
        b, sums, converged = _search(v)
        for lane in range(min(_LANES, rows.size - block)):
            if usable[lane]:
                row = out[rows[block + lane]]
                beta = sums[8, lane] * sums[6, lane]  # c z_n
                if converged[lane] and max(abs(beta), abs(b[lane])) < _LARGEST_BETA:
                    _store(n, middle[lane], scale[lane], sums[:, lane], row)
                    row[6] = 1.0


@numba.njit(cache=True, nogil=True)
def _normalise(y, v, lane, middle, scale):  # type: ignore[no-untyped-def]
    """Put a curve into its lane, from -0.5 to 0.5; False if it cannot be fitted."""
    low, high = np.inf, -np.inf
    finite = True
    for k in range(y.size):
        finite = finite and math.isfinite(y[k])
        low, high = min(low, y[k]), max(high, y[k])
    if not finite or high - low <= 1e-12 * max(abs(low), abs(high)):
        for k in range(y.size):
            v[k, lane] = k / (y.size - 1) - 0.5
        return False
    middle[lane], scale[lane] = 0.5 * (low + high), high - low
    for k in range(y.size):
        v[k, lane] = (y[k] - middle[lane]) / scale[lane]
    return True


@numba.njit(cache=True, nogil=True)
def _search(v):  # type: ignore[no-untyped-def]
    """Return the continuum β of each lane, its sums there, and whether the search ended."""
    n = v.shape[0]
    b, sums, best = _start(v)
    trial_sums = np.empty_like(sums)
    move, active = np.ones(_LANES), np.ones(_LANES, dtype=np.bool_)
    for lane in range(_LANES):
        move[lane] = _gauss_newton(sums[:, lane], b[lane], n)
    for _ in range(_MAX_STEPS):
        misfit = _project(v, b + move, trial_sums)
        for lane in range(_LANES):
            if not active[lane]:
                continue
            if misfit[lane] <= best[lane]:
                b[lane] += move[lane]
                best[lane] = misfit[lane]
                sums[:, lane] = trial_sums[:, lane]
                active[lane] = abs(move[lane]) > _TOLERANCE
                move[lane] = _gauss_newton(sums[:, lane], b[lane], n) if active[lane] else 0.0
            else:
                move[lane] *= 0.25
                active[lane] = abs(move[lane]) > _TOLERANCE
                if not active[lane]:
                    move[lane] = 0.0
        if not active.any():
            break
    return b, sums, ~active


@numba.njit(cache=True, nogil=True)
def _gauss_newton(sums, b, n):  # type: ignore[no-untyped-def]
    step_c = sums[4] / sums[5] if sums[5] > 0 else 0.0
    return min(max(step_c * (n - 1) / math.exp(b), -1.0), 1.0)  # c = expm1(b) / (n - 1)


@numba.njit(cache=True, nogil=True)
def _start(v):  # type: ignore[no-untyped-def]
    """Return for each lane the continuum β that has its mean level between its ends.

    The mean level of ln(1 + (e^b - 1) x)/b is 1 + 1/(e^b - 1) - 1/b. Where noise hides
    the ends, the best of a coarse row of values is taken instead.
    """
    n = v.shape[0]
    b = np.zeros(_LANES)
    hidden = False
    for lane in range(_LANES):
        first, last = v[0, lane], v[n - 1, lane]
        if abs(last - first) < 0.5:
            hidden = True
            continue
        level = min(max((v[:, lane].mean() - first) / (last - first), 0.08), 0.92)
        low, high = -14.0, 14.0
        for _ in range(12):
            b[lane] = 0.5 * (low + high)
            x = b[lane]
            mean = 0.5 + x / 12 if abs(x) < 1e-3 else 1 + 1 / math.expm1(x) - 1 / x
            if mean < level:
                low = x
            else:
                high = x
    sums = np.empty((9, _LANES))
    best = _project(v, b, sums)
    if hidden:
        trial_sums = np.empty_like(sums)
        for i in range(_TRIALS):
            trial = -9.0 + 18.0 * i / (_TRIALS - 1)
            misfit = _project(v, np.full(_LANES, trial), trial_sums)
            for lane in range(_LANES):
                if misfit[lane] < best[lane]:
                    b[lane], best[lane] = trial, misfit[lane]
                    sums[:, lane] = trial_sums[:, lane]
    return b, sums, best


@numba.njit(cache=True, nogil=True)
def _project(v, b, out):  # type: ignore[no-untyped-def]
    """Return the misfit of each lane at b; leave in `out` what step and result need.

    out: 0 mean z, 1 mean v, 2 first step A, 3 residual sum of squares, 4 and 5 numerator
    and denominator of the Gauss-Newton step in c, 6 z_n, 7 dz_n/dc, 8 c.
    """
    n = v.shape[0]
    c, steepest = np.empty(_LANES), 0.0
    for lane in range(_LANES):
        c[lane] = math.expm1(b[lane]) / (n - 1)
        steepest = max(steepest, math.expm1(abs(b[lane])) / (n - 1))
    halvings = max(0, math.ceil(math.log2(steepest / 0.1))) if steepest > 0.1 else 0
    z, dz = np.zeros(_LANES), np.zeros(_LANES)
    moments = _moments(v, c, min(halvings, 60), z, dz)
    misfit = np.full(_LANES, np.inf)
    for lane in range(_LANES):
        sz, sd, sv, szz, sdd, szd, szv, sdv, svv = moments[:, lane]
        szz -= sz * sz / n
        sdd -= sd * sd / n
        szd -= sz * sd / n
        szv -= sz * sv / n
        sdv -= sd * sv / n
        svv -= sv * sv / n
        if not (math.isfinite(szz) and math.isfinite(sdd)) or szz <= 0:
            continue
        a = szv / szz
        out[0, lane], out[1, lane], out[2, lane] = sz / n, sv / n, a
        misfit[lane] = out[3, lane] = max(svv - a * szv, 0.0)
        out[4, lane] = a * (sdv - szd / szz * szv)
        out[5, lane] = a * a * (sdd - szd * szd / szz)
        out[6, lane], out[7, lane], out[8, lane] = z[lane], dz[lane], c[lane]
    return misfit


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"})
def _moments(v, c, halvings, z, dz):  # type: ignore[no-untyped-def]
    """Return the sums over a pass: z, dz, v, zz, dd, zd, zv, dv, vv; leave z_n and dz_n."""
    n = v.shape[0]
    s = np.zeros((9, _LANES))
    fall, shrink = np.ones(_LANES), 0.5**halvings
    limit = 0.2 / shrink  # only a curve that runs away gets there
    factor = np.empty(_LANES)
    for k in range(n):
        for lane in range(_LANES):
            zl, dl, vl = z[lane], dz[lane], v[k, lane]
            s[0, lane] += zl
            s[1, lane] += dl
            s[2, lane] += vl
            s[3, lane] += zl * zl
            s[4, lane] += dl * dl
            s[5, lane] += zl * dl
            s[6, lane] += zl * vl
            s[7, lane] += dl * vl
            s[8, lane] += vl * vl
        if k == n - 1:
            break
        for lane in range(_LANES):
            fl = fall[lane]
            dz[lane] -= fl * (z[lane] + c[lane] * dz[lane])
            z[lane] += fl
            t = shrink * min(-c[lane] * fl, limit)
            # e^t for |t| < 0.2, to 1e-12
            series = 1 / 120 + t * (1 / 720 + t * (1 / 5040 + t / 40320))
            factor[lane] = 1 + t * (1 + t * (0.5 + t * (1 / 6 + t * (1 / 24 + t * series))))
        for _ in range(halvings):
            for lane in range(_LANES):
                factor[lane] *= factor[lane]
        for lane in range(_LANES):
            fall[lane] *= factor[lane]
    return s


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

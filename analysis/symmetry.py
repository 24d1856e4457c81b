r"""Symmetry and range of a potentiation-depression loop.

A loop is a potentiation branch P and the depression branch D that follows it, each with
the state before its first pulse: P[0] … P[n] and D[0] … D[m], where D[0] is P[n] again.
Branches of unequal length are compared at equal fractions of their pulses.

References
----------
Baek et al., Nano-Micro Letters (2022), Supporting Information, equations S4 and S5.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.errors import FitError

Definition = Literal["mirrored", "printed"]


def symmetric_error(potentiation: ArrayLike, depression: ArrayLike) -> float:
    r"""Return the symmetric error, dimensionless; 0 for a mirror-symmetric loop.

    .. math:: \sum_{k=1}^{n} \frac{(G(k) - G(2n-k))^2}{n (G_{max} - G_{min})^2}

    with the highest and lowest conductance of the loop. The term k = n is zero, so that
    the value stays below ``(n - 1) / n``: a loop of infinite error, as the source draws
    it, does not exist.

    Raises
    ------
    FitError
        If a branch has fewer than 2 points or the loop has no range.
    """
    p, d = _mirrored(potentiation, depression)
    span = max(p.max(), d.max()) - min(p.min(), d.min())
    if not span > 0:
        raise FitError("the loop has no range: every conductance is the same")
    return float(np.mean((p[1:] - d[1:]) ** 2) / span**2)


def symmetricity(potentiation: ArrayLike, depression: ArrayLike) -> float:
    """Return the reciprocal of the symmetric error; infinite only for perfect symmetry."""
    error = symmetric_error(potentiation, depression)
    return 1 / error if error > 0 else math.inf


def asymmetric_ratio(
    potentiation: ArrayLike,
    depression: ArrayLike,
    definition: Definition = "mirrored",
) -> float:
    r"""Return the asymmetric ratio AR of the mean branches, dimensionless; ideally 0.

    ``mirrored``:
    :math:`\max_k |\bar G_P(k) - \bar G_D(n-k)| / (\bar G_P(n) - \bar G_D(n))`, where the
    bar is the mean over cycles (average before calling). ``printed``: the numerator
    :math:`\max \bar G_P - \max \bar G_D` of the source, which is zero for every closed
    loop, because both branches share the highest conductance; it is offered to compare
    with values that were computed that way.

    The largest of noisy differences is biased upwards: with read noise of 2 % of the range
    and 5 cycles by about a tenth of its value. Average more cycles before trusting the
    second digit.

    Raises
    ------
    FitError
        As `symmetric_error`, or for an unknown definition.
    """
    p, d = _mirrored(potentiation, depression)
    span = float(p[-1] - d[0])
    if span == 0:
        raise FitError("the loop has no range: depression ends where potentiation did")
    if definition == "mirrored":
        return float(np.max(np.abs(p[1:] - d[1:])) / abs(span))
    if definition == "printed":
        return float((p.max() - d.max()) / span)
    raise FitError(f"definition is {definition!r}, it must be 'mirrored' or 'printed'")


def on_off_ratio(potentiation: ArrayLike, depression: ArrayLike) -> float:
    """Return ``G_max / G_min`` of the loop (dynamic range), from its mean turning points.

    G_max is where potentiation ends; G_min is the mean of where it starts and where
    depression ends, so that noise does not widen the range as maximum and minimum would.

    Raises
    ------
    FitError
        If G_min is not positive: then the ratio means nothing.
    """
    g_min, g_max = turning_points(potentiation, depression)
    if g_min <= 0:
        raise FitError(f"G_min is {g_min:g}: a ratio needs positive conductances")
    return g_max / g_min


def turning_points(potentiation: ArrayLike, depression: ArrayLike) -> tuple[float, float]:
    """Return (G_min, G_max) at the turning points of a loop, in the unit of the data."""
    p, d = np.asarray(potentiation, dtype=float), np.asarray(depression, dtype=float)
    return float((p[0] + d[-1]) / 2), float((p[-1] + d[0]) / 2)


def _mirrored(potentiation: ArrayLike, depression: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return P[0…n] and D reversed in time, on the pulses of P."""
    p, d = np.asarray(potentiation, dtype=float), np.asarray(depression, dtype=float)
    if p.ndim != 1 or d.ndim != 1 or p.size < 2 or d.size < 2:
        raise FitError(f"two curves are needed, got the shapes {p.shape} and {d.shape}")
    if not (np.isfinite(p).all() and np.isfinite(d).all()):
        raise FitError("a branch holds values that are not finite; leave them out first")
    d = d[::-1]
    if d.size != p.size:
        d = np.interp(np.linspace(0, 1, p.size), np.linspace(0, 1, d.size), d)
    return p, d

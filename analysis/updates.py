r"""Statistics of the weight updates: ΔG against G, and which noise is in them.

The increment of one pulse carries two noises that differ in their memory: cycle-to-cycle
noise stays in the device, read noise is gone with the next read. With the mean curve
removed, increments :math:`d_k` therefore have

.. math:: \mathrm{var}(d) = σ_{c2c}^2 + 2 σ_{read}^2,\qquad
          \mathrm{cov}(d_k, d_{k+1}) = -σ_{read}^2 ,

from which both follow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import MIN_CYCLES, Estimate, Replicas
from labsyn.data.errors import FitError


@dataclass(frozen=True, kw_only=True)
class UpdateStatistics:
    """Weight updates of one branch over all cycles.

    Attributes
    ----------
    g, dg : ndarray, shape (n_updates,)
        Conductance before each pulse and its change, in the unit of the data.
    g_bins : ndarray, shape (n_bins + 1,)
        Edges of equal width over the range of `g`.
    mean, standard_error : ndarray, shape (n_bins,)
        Mean ΔG in each bin and its standard error; NaN where a bin is empty (or, for the
        error, holds a single update).
    sigma_c2c, sigma_read : Estimate
        Noise of one pulse and of one read, in the unit of the data.
    """

    g: FloatArray
    dg: FloatArray
    g_bins: FloatArray
    mean: FloatArray
    standard_error: FloatArray
    sigma_c2c: Estimate
    sigma_read: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return the table and the noises for JSON; an empty bin is None."""

        def column(values: FloatArray) -> list[float | None]:
            return [float(v) if math.isfinite(v) else None for v in values]

        return {
            "g_bins": column(self.g_bins),
            "mean_dg": column(self.mean),
            "standard_error": column(self.standard_error),
            "n_updates": int(self.g.size),
            "sigma_c2c": self.sigma_c2c.to_dict(),
            "sigma_read": self.sigma_read.to_dict(),
        }


def update_statistics(cycles: Sequence[FloatArray], n_bins: int = 10) -> UpdateStatistics:
    """Return the statistics of ΔG against G of one branch.

    Parameters
    ----------
    cycles : sequence of ndarray
        One curve a cycle, each with the state before its first pulse.
    n_bins : int
        Bins over the range of G.

    Raises
    ------
    FitError
        If no cycle holds two points, or `n_bins` is below 1.
    """
    usable = [np.asarray(cycle, dtype=float) for cycle in cycles if len(cycle) > 1]
    if not usable:
        raise FitError("no cycle holds two points, so there is no update to look at")
    if n_bins < 1:
        raise FitError(f"n_bins is {n_bins}, at least 1 is needed")
    g = np.concatenate([cycle[:-1] for cycle in usable])
    dg = np.concatenate([np.diff(cycle) for cycle in usable])
    edges = np.linspace(g.min(), g.max(), n_bins + 1)
    index = np.clip(np.searchsorted(edges, g, side="right") - 1, 0, n_bins - 1)
    count = np.bincount(index, minlength=n_bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(index, dg, n_bins) / count
        square = np.bincount(index, (dg - mean[index]) ** 2, n_bins)
        error = np.sqrt(square / (count - 1) / count)
    error[count < 2] = np.nan
    c2c, read = noise(usable)
    return UpdateStatistics(
        g=g, dg=dg, g_bins=edges, mean=mean, standard_error=error,
        sigma_c2c=c2c, sigma_read=read,
    )


def noise(cycles: Sequence[FloatArray]) -> tuple[Estimate, Estimate]:
    """Return (sigma_c2c, sigma_read) in the unit of the data, see the module's text.

    With three cycles or more of equal length the mean curve is their average, without any
    model; otherwise the mean curve of each is a polynomial of at most fifth degree. A
    variance estimated below zero counts as zero.
    """
    deviations = _deviations(cycles)

    def split(items: Sequence[FloatArray]) -> tuple[float, float]:
        d = [np.diff(item) for item in items]
        variance = float(np.mean(np.concatenate([x**2 for x in d])))
        covariance = float(np.mean(np.concatenate([x[1:] * x[:-1] for x in d])))
        return variance + 2 * covariance, -covariance

    # One degree of freedom a point went into the mean curve.
    m = len(deviations)
    widen = math.sqrt(m / (m - 1)) if _comparable(cycles) else 1.0
    scaled = [widen * item for item in deviations]
    values = split(scaled)
    if m < MIN_CYCLES:
        sigmas = [Estimate(math.sqrt(max(v, 0.0)), source="one mean curve") for v in values]
        return sigmas[0], sigmas[1]
    replicas = Replicas.leave_one_out(scaled, split)
    estimates = []
    for which, value in enumerate(values):
        variance = replicas.estimate(lambda pair, w=which: pair[w], value)
        sigma = math.sqrt(max(value, 0.0))
        error = variance.standard_error / (2 * sigma) if sigma > 0 else math.nan
        estimates.append(Estimate(sigma, error, variance.dof, source=variance.source))
    return estimates[0], estimates[1]


def noise_covariance(n_points: int, sigma_c2c: float, sigma_read: float) -> FloatArray:
    """Return the covariance of the points of one curve, shape (n_points, n_points).

    The noise of pulse k stays in every later point; the noise of a read does not.
    """
    after = np.minimum.outer(np.arange(n_points), np.arange(n_points))
    return sigma_c2c**2 * after + sigma_read**2 * np.eye(n_points)


def _comparable(cycles: Sequence[FloatArray]) -> bool:
    return len(cycles) >= MIN_CYCLES and len({len(cycle) for cycle in cycles}) == 1


def _deviations(cycles: Sequence[FloatArray]) -> list[FloatArray]:
    """Return each cycle without its mean curve."""
    if _comparable(cycles):
        stack = np.array(cycles)
        return list(stack - stack.mean(axis=0))
    smooth = []
    for cycle in cycles:
        x = np.linspace(-1, 1, len(cycle))
        degree = min(5, max(len(cycle) // 6, 1))
        smooth.append(cycle - np.polynomial.Polynomial.fit(x, cycle, degree)(x))
    return smooth

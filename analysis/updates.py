"""Statistics of the weight updates: ΔG against G, the input of lookup-table simulators."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import Estimate
from labsyn.analysis.noise import NoiseModel, fit_noise
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
    noise : NoiseModel
        What makes the updates differ from their mean.
    sigma_c2c, sigma_read : Estimate
        Noise of one pulse and of one read, in the unit of the data.
    """

    g: FloatArray
    dg: FloatArray
    g_bins: FloatArray
    mean: FloatArray
    standard_error: FloatArray
    noise: NoiseModel
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
    noise, c2c, read = fit_noise(usable)
    return UpdateStatistics(
        g=g,
        dg=dg,
        g_bins=edges,
        mean=mean,
        standard_error=error,
        noise=noise,
        sigma_c2c=c2c,
        sigma_read=read,
    )

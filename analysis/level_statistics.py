"""How often a resistance level is skipped, over many samples of it.

After Diao et al., Nanoscale Horizons 10, 780 (2025), figures 4c and 4d: the resistance that a
level got is normalised so that its own target is 0 and the next one is 1, and levels have "a
tendency to be skipped" if they are above 1 at a cumulative probability of 80 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import Estimate
from labsyn.analysis.levels import level_targets
from labsyn.analysis.switching_law import POTENTIATION
from labsyn.data.errors import FitError

SKIPPED_AT = 0.8
"""Cumulative probability at which a level must lie before the next one."""
FEWEST_SAMPLES = 5
"""With fewer there is no 80 % point below the largest sample."""
_DRAWS = 200


def reached(resistance: ArrayLike, targets: FloatArray, branch: int) -> FloatArray:
    """Return the first resistance at or beyond each target, NaN where the run never gets there.

    What a level gets when pulses are given until it is reached: never before its target.

    Parameters
    ----------
    resistance : array_like, shape (n_events + 1,)
        Of one tuning run, in ohm.
    targets : ndarray, shape (n,)
        In ohm.
    branch : int
        `POTENTIATION`, in which the resistance falls, or `DEPRESSION`.
    """
    sign = -1 if branch == POTENTIATION else 1
    farthest = np.maximum.accumulate(sign * np.asarray(resistance, dtype=float))
    events = np.searchsorted(farthest, sign * targets, side="left")
    return sign * np.append(farthest, np.nan)[events]


@dataclass(frozen=True)
class LevelStatistics:
    """How well each level is met, over many samples.

    Attributes
    ----------
    normalised : ndarray, shape (n_samples, n_levels)
        0 at the target of the level, 1 at that of the next one in the direction of the
        branch; NaN where a sample did not reach the level.
    quantile : ndarray, shape (n_levels,)
        Where the cumulative probability of `normalised` is 80 %; NaN of a level that fewer
        than 80 % of the samples reached.
    n_skipped : Estimate
        Levels with a `quantile` above 1 or none; its error is from a bootstrap over samples.
        It is a quarter too small where most levels lie at the threshold and each has a noise of
        its own.
    """

    normalised: FloatArray
    quantile: FloatArray
    n_skipped: Estimate

    @property
    def skipped(self) -> NDArray[np.bool_]:
        """Which levels tend to be skipped, shape (n_levels,)."""
        return ~(self.quantile <= 1)

    def cumulative(self, level: int) -> tuple[FloatArray, FloatArray]:
        """Return the sorted samples of one level (from 0), and how many lie so low, 0 to 1."""
        values = np.sort(self.normalised[:, level])  # NaN comes last
        chance = np.arange(1, values.size + 1) / values.size
        kept = np.isfinite(values)
        return values[kept], chance[kept]


def verify_levels(
    samples: ArrayLike, targets: FloatArray, branch: int, *, spacing: float, seed: int = 0
) -> LevelStatistics:
    """Return the statistics of levels that were each programmed several times.

    Parameters
    ----------
    samples : array_like, shape (n_samples, n_levels)
        Resistances that the levels got, in ohm; NaN where one was not reached.
    targets : ndarray, shape (n_levels,)
        In ohm.
    branch : int
        `POTENTIATION` or `DEPRESSION`: where the next level lies.
    spacing : float
        Ohms from one level to the next.
    seed : int
        Of the bootstrap.

    Raises
    ------
    FitError
        For fewer than 5 samples: they have no 80 % point.
    """
    ohms = np.atleast_2d(np.asarray(samples, dtype=float))
    n = ohms.shape[0]
    if n < FEWEST_SAMPLES:
        raise FitError(
            f"{n} samples of a level have no 80 % point, {FEWEST_SAMPLES} or more are needed"
        )
    sign = -1 if branch == POTENTIATION else 1
    normalised = sign * (ohms - targets) / spacing
    rng = np.random.default_rng(seed)
    draws = [_skipped(_quantile(normalised[rng.integers(0, n, n)])) for _ in range(_DRAWS)]
    quantile = _quantile(normalised)
    error = float(np.std(draws, ddof=1))
    source = f"bootstrap over {n} samples"
    return LevelStatistics(
        normalised, quantile, Estimate(_skipped(quantile), error, source=source)
    )


def verify_paths(
    paths: Sequence[FloatArray], n_levels: int, branch: int, *, low: float, high: float
) -> LevelStatistics:
    """Return the statistics of `n_levels` levels from several tuning runs of one branch.

    Each run passes every level once: it counts with the first resistance at or beyond the
    target (`reached`). With the nearest event of the run instead no level could be skipped
    that has one within a level spacing.

    Parameters
    ----------
    paths : sequence of ndarray
        Resistances of each run, before its first pulse and after each, in ohm.
    n_levels : int
        From `low` to `high` ohm.
    branch : int
        `POTENTIATION` or `DEPRESSION`.
    low, high : float
        First and last target, in ohm.
    """
    targets = level_targets(low, high, n_levels)
    samples = [reached(path, targets, branch) for path in paths]
    spacing = (high - low) / (n_levels - 1)
    return verify_levels(samples, targets, branch, spacing=spacing)


def _quantile(normalised: FloatArray) -> FloatArray:
    """Return the smallest sample at or below which 80 % of all samples lie."""
    ordered = np.sort(normalised, axis=0)  # NaN comes last
    return ordered[int(np.ceil(SKIPPED_AT * ordered.shape[0])) - 1]


def _skipped(quantile: FloatArray) -> int:
    return int((~(quantile <= 1)).sum())

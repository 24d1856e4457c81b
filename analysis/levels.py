r"""Resistance levels out of the pulses of a tuning run: which ones it occupies.

*Segmentation* (Diao et al., Nanoscale Horizons 10, 780 (2025), Experimental section): of n
targets, evenly spaced from the lowest to the highest resistance, each takes the event that
comes nearest, :math:`m_j = \mathrm{argmin} |R_{FF} - r_{i,j}|`; what leads from one level to
the next is one group of write pulses. Levels that the events cannot separate "will remain
unoccupied" there, and are not counted; here

* a level is *occupied* if its event lies within half a level spacing of its target;
* the *unique* events are the different ones that the n targets take.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.switching_law import POTENTIATION
from labsyn.data.errors import FitError


@dataclass(frozen=True)
class Segmentation:
    """Levels of one run of tuning pulses.

    Attributes
    ----------
    targets : ndarray, shape (n,)
        Ideal resistances r_i, ascending, in ohm.
    events : ndarray of int, shape (n,)
        m: which event each level takes; 0 is the state before the first pulse.
    actual : ndarray, shape (n,)
        Resistances r_a of these events, in ohm.
    """

    targets: FloatArray
    events: NDArray[np.int64]
    actual: FloatArray

    @property
    def spacing(self) -> float:
        """Ohms from one target to the next."""
        return float(self.targets[-1] - self.targets[0]) / (self.targets.size - 1)

    @property
    def occupied(self) -> NDArray[np.bool_]:
        """Which levels have an event within half a level, shape (n,)."""
        return np.abs(self.actual - self.targets) <= self.spacing / 2

    @property
    def n_occupied(self) -> int:
        """Number of occupied levels."""
        return int(self.occupied.sum())

    @property
    def n_unique(self) -> int:
        """Number of different events among those of the levels."""
        return int(np.unique(self.events).size)

    def groups(self, voltages: ArrayLike, branch: int) -> list[FloatArray]:
        """Return the write voltages that lead to each level, in the order of the run.

        The first group leads from the start of the run to the first level that it meets (the
        highest one in potentiation); each further one to the next. Noise can make the
        event of a level come before that of the level before it: its group is empty then.

        Parameters
        ----------
        voltages : array_like, shape (n_events,)
            Of each pulse of the run, in volt; the first one leads to event 1.
        branch : int
            `POTENTIATION` or `DEPRESSION`.

        Returns
        -------
        list of ndarray
            One for each level.
        """
        volts = np.asarray(voltages, dtype=float)
        order = self.events[::-1] if branch == POTENTIATION else self.events
        last = np.maximum.accumulate(order)
        return np.split(volts[: last[-1]], last[:-1])


def level_targets(low: float, high: float, n_levels: int) -> FloatArray:
    """Return `n_levels` evenly spaced resistances from `low` to `high` ohm.

    Raises
    ------
    FitError
        For fewer than 2 levels, or a window without width.
    """
    if n_levels < 2 or not low < high:
        raise FitError(
            f"{n_levels} levels from {low:g} to {high:g} ohm are asked for, at least 2 and a "
            "window with a width are needed"
        )
    return np.linspace(low, high, n_levels)


def segment(
    resistance: ArrayLike, n_levels: int, *, low: float | None = None, high: float | None = None
) -> Segmentation:
    """Segment the resistances of one tuning run into `n_levels` levels.

    Parameters
    ----------
    resistance : array_like, shape (n_events + 1,)
        Before the first pulse and after each, in ohm.
    n_levels : int
        n.
    low, high : float, optional
        First and last target in ohm; by default the extremes of the run, as in the paper.

    Raises
    ------
    FitError
        If a resistance is not finite, or there is nothing to segment.
    """
    ohms = np.asarray(resistance, dtype=float)
    if ohms.ndim != 1 or ohms.size < 2 or not np.isfinite(ohms).all():
        raise FitError(
            f"a tuning run of shape {ohms.shape} is given; segmentation needs one row of 2 or "
            "more finite resistances"
        )
    targets = level_targets(
        ohms.min() if low is None else low, ohms.max() if high is None else high, n_levels
    )
    events = np.abs(ohms[None, :] - targets[:, None]).argmin(axis=1)
    return Segmentation(targets, events, ohms[events])

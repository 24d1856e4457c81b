"""How far one pulse goes at each conductance, for simulators that interpolate a table."""

from dataclasses import dataclass

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.simulators.device import Branch, MeasuredDevice, Misfit

_INTERVALS = (10, 6, 5, 3, 2, 1)  # of a table made of data: each divides N_INTERVALS
N_INTERVALS = 30
_PULSES_AN_INTERVAL = 4
_STIFFNESS = 1e-3  # of the table against its own noise, in the unit of a step


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Mean step of a branch at equally spaced conductances.

    Attributes
    ----------
    conductance : ndarray, shape (N_INTERVALS + 1,)
        Ascending, as a fraction of the range: 0 is `g_min`, 1 is `g_max`.
    size : ndarray, shape (N_INTERVALS + 1,)
        Of the step in the direction of the branch, as a fraction of the range.
    source : str
        The law that it is computed from, or that it is made of the data.
    misfit : Misfit
        Of the curve that it makes.
    """

    conductance: FloatArray
    size: FloatArray
    source: str
    misfit: Misfit


def branch_steps(device: MeasuredDevice, name: Branch) -> Steps:
    """Return the steps of a branch, of its law if one describes it, else of the mean curve.

    Raises
    ------
    FitError
        If the curve that they make deviates by more than `LARGEST_MISFIT`.
    """
    branch = device.branch(name)
    nodes = np.linspace(0, 1, N_INTERVALS + 1)  # of the progress
    family = branch.family()
    shape = branch.power_shape if family == "power" else branch.shape
    if shape is not None and shape.describes is not False:
        sizes, source = branch.law().increment(nodes), f"{family} law"
    else:
        sizes, source = _measured(device.progress(name), nodes), "mean curve, without a law"
    misfit = device.misfit(
        name, lambda x: float(np.interp(x, nodes, sizes)), f"a table of the {source}"
    )
    rising = name == "potentiation"
    return Steps(
        conductance=nodes,
        size=np.asarray(sizes if rising else sizes[::-1]),
        source=source,
        misfit=misfit,
    )


def _measured(progress: FloatArray, nodes: FloatArray) -> FloatArray:
    """Return the steps that make a mean curve: least squares of a line between few nodes."""
    from scipy.optimize import nnls

    n_pulses = progress.size - 1
    n = next(n for n in _INTERVALS if n == 1 or n * _PULSES_AN_INTERVAL <= n_pulses)
    coarse = np.linspace(0, 1, n + 1)
    hats = np.array([np.interp(progress[:-1], coarse, row) for row in np.eye(n + 1)]).T
    bend = _STIFFNESS * np.diff(np.eye(n + 1), 2, axis=0)  # settles nodes without data
    steps = np.concatenate([np.diff(progress), np.zeros(len(bend))])
    found, _ = nnls(np.vstack([hats, bend]), steps)
    return np.interp(nodes, coarse, found)

r"""NeuroSim's law: the conductance relaxes towards an end that it does not reach.

.. math:: x(p) = B\,(1 - e^{-p/A}),\qquad B = 1 / (1 - e^{-1/A}),\qquad p = k / n

takes the progress x of a branch from 0 to 1 in n pulses. Every pulse covers the same part
:math:`1 - e^{-1/(A n)}` of what is left to B, which is the law of soft bounds. A > 0 saturates,
A < 0 accelerates; 1/A, here `bend`, is regular at the straight line.

P.-Y. Chen, X. Peng and S. Yu, IEEE Trans. Comput.-Aided Des. 37, 3067 (2018).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labsyn.analysis.branch import BranchFit, complete_cycles, mean_replicas
from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import Estimate
from labsyn.analysis.shape import ShapeTest, shape_test
from labsyn.data.errors import FitError

_LABEL = 10.1015254
"""NL over the largest |x(p) - p|: NeuroSim's table, `getParamA`, to its last digit."""

_LARGEST_LABEL = 9.0  # the table ends there
_STEEPEST = 45.0  # |1/A| that no device has


@dataclass(frozen=True, kw_only=True)
class RelaxationFit:
    """NeuroSim's law fitted to one branch, both ends free.

    Attributes
    ----------
    bend : float
        1/A; 0 is a straight line.
    label : Estimate
        NeuroSim's nonlinearity label of the branch in its own progress: positive saturates.
    shape : ShapeTest
        Whether the law describes the mean curve.
    """

    bend: float
    label: Estimate
    shape: ShapeTest

    @property
    def end(self) -> float:
        """B, the progress that is approached; infinite for a straight line."""
        return float(-1 / np.expm1(-self.bend)) if self.bend else np.inf

    def rate(self, n_pulses: int) -> float:
        """Return the part of what is left to `end` that one of `n_pulses` pulses covers."""
        return float(-np.expm1(-self.bend / n_pulses))

    def step(self, n_pulses: int) -> Callable[[float], float]:
        """Return how far one of `n_pulses` pulses goes from a progress."""
        if not self.bend:
            return lambda x: 1 / n_pulses
        rate, end = self.rate(n_pulses), self.end
        return lambda x: rate * (end - x)


def relaxation_curve(part: FloatArray, bend: float) -> FloatArray:
    """Return the progress after the `part` (0 to 1) of the pulses."""
    if abs(bend) < 1e-6:  # first order; the next term is below 1e-12
        return part + bend * part * (1 - part) / 2
    return np.asarray(np.expm1(-bend * part) / np.expm1(-bend))


def nonlinearity_label(bend: float) -> float:
    """Return NeuroSim's label NL of 1/A, of the same sign.

    >>> round(nonlinearity_label(1 / 1.226672), 4)
    1.02
    """
    b = abs(bend)
    if b < 1e-6:
        return _LABEL * bend / 8
    furthest = np.log(b / -np.expm1(-b)) / b  # where the slope of x(p) is 1
    return float(np.sign(bend) * _LABEL * (relaxation_curve(furthest, b) - furthest))


def fit_relaxation(branch: BranchFit, cycles: list[FloatArray]) -> RelaxationFit:
    """Fit NeuroSim's law to a branch.

    Raises
    ------
    FitError
        If the curve is steeper than any label of NeuroSim.
    """
    whole, _ = complete_cycles(cycles, branch.name)
    bend = _bend(branch.mean)
    label = nonlinearity_label(bend)
    if abs(label) > _LARGEST_LABEL:
        raise FitError(
            f"{branch.name}: NeuroSim's nonlinearity of this curve is {label:.2f}; its labels "
            f"end at {_LARGEST_LABEL:g}"
        )
    fitted, columns = _linear_part(branch.mean, bend)
    replicas = mean_replicas(whole, fitted, branch.updates.noise).first(40)
    shape = shape_test(
        branch.mean - fitted,
        columns,
        sigma_c2c=branch.updates.sigma_c2c.value,
        sigma_read=branch.updates.sigma_read.value,
        n_cycles=branch.n_cycles,
        span=abs(float(fitted[-1] - fitted[0])),
    )
    return RelaxationFit(
        bend=bend,
        label=replicas.estimate(lambda curve: nonlinearity_label(_bend(curve)), label),
        shape=shape,
    )


def _linear_part(curve: FloatArray, bend: float) -> tuple[FloatArray, FloatArray]:
    """Return the curve of least squares for a bend, and its tangents, shape (n, 3)."""
    part = np.linspace(0, 1, curve.size)
    step = 1e-4
    basis = np.column_stack([np.ones_like(part), relaxation_curve(part, bend)])
    (_, span), *_ = found = np.linalg.lstsq(basis, curve)
    moved = relaxation_curve(part, bend + step) - relaxation_curve(part, bend - step)
    return basis @ found[0], np.column_stack([basis, span * moved / (2 * step)])


def _bend(curve: FloatArray) -> float:
    from scipy.optimize import minimize_scalar

    def miss(bend: float) -> float:
        return float(np.sum((curve - _linear_part(curve, bend)[0]) ** 2))

    grid = np.sinh(np.linspace(-1, 1, 61) * np.arcsinh(_STEEPEST))  # finer near the line
    best = min(max(int(np.argmin([miss(bend) for bend in grid])), 1), grid.size - 2)
    found = minimize_scalar(
        miss, bounds=(grid[best - 1], grid[best + 1]), method="bounded", options={"xatol": 1e-9}
    )
    return float(found.x)

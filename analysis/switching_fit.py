"""Fit the law of a branch to a map: trains of identical pulses at several voltages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.least_squares import residual_covariance
from labsyn.analysis.switching_law import LINEAR, POTENTIATION, SwitchingLaw
from labsyn.data.errors import FitError

_SEEN = 3.0  # standard errors by which a voltage has to move the mean resistance
_ROUNDS = 3  # of fit and noise: the noise gives the weights of the fit
_LARGEST_BETA = 20.0


@dataclass(frozen=True)
class Train:
    """Identical pulses, and the resistance before the first and after each.

    Attributes
    ----------
    voltage : float
        Write voltage, in volt.
    resistance : ndarray, shape (n_pulses + 1,)
        In ohm.
    """

    voltage: float
    resistance: FloatArray


def fit_switching_law(
    branch: int, trains: Sequence[Train], *, width: float, lrs: float, hrs: float
) -> SwitchingLaw:
    """Fit the law of one branch to trains of identical pulses of `width` seconds.

    A change is compared with the one that the law gives from the read *before* the pulse
    before it: that read knows nothing of the noise of this change, so that noise is not
    taken for a dependence on the state. The weights follow from the noise, which follows
    from the squared residuals: ``sigma**2 |ΔR| + 2 sigma_read**2``.

    The errors take every change for independent of its neighbours. A read that is wrong makes
    one change too large and the next too small, which cancels: where reads scatter more than
    pulses move, the errors are too large, up to fivefold, never too small.

    Voltages that do not move the mean resistance beyond its noise are left out.

    Raises
    ------
    FitError
        If fewer than two voltages move it.
    """
    if not 0 < lrs < hrs:
        raise FitError(f"lrs = {lrs:g} ohm and hrs = {hrs:g} ohm, 0 < lrs < hrs is needed")
    span = hrs - lrs
    data = _Changes.of(branch, trains, lrs, hrs)
    voltages, index, rates = data.moving()
    if voltages.size < 2:
        raise FitError(
            f"{voltages.size} of the voltages move the resistance beyond its noise, a law "
            "needs 2: give more pulses or higher voltages"
        )
    keep = index >= 0
    index, before, change = index[keep], data.before[keep] / span, data.change[keep] / span
    weights = np.ones_like(change)
    unknown = np.append(np.log(rates / span), 0.5)  # log k w of each voltage, β

    for _ in range(_ROUNDS):
        unknown, jacobian = _least_squares(before, index, change, weights, unknown)
        found = _expected(unknown, before, index)[0]
        residual = change - found
        walk, read = _noise(residual, found, weights)
        weights = 1 / np.sqrt(walk * found + 2 * read + 1e-12 * float(change.std()) ** 2)
    covariance = residual_covariance(jacobian, weights * residual, unknown.size)
    errors = np.sqrt(np.diag(covariance))
    from scipy.optimize import isotonic_regression

    rising = isotonic_regression(unknown[:-1], weights=1 / np.maximum(errors[:-1], 1e-9) ** 2)
    return SwitchingLaw(
        branch=branch, lrs=lrs, hrs=hrs, voltages=voltages,
        rates=np.exp(rising.x) / width, rate_errors=errors[:-1],
        beta=float(unknown[-1]), beta_error=float(errors[-1]),
        sigma=float(np.sqrt(walk * span)), sigma_read=float(np.sqrt(read)) * span,
        n_pulses=change.size,
    )  # fmt: skip


def _noise(
    residual: FloatArray, change: FloatArray, weights: FloatArray
) -> tuple[float, float]:
    """Return ``sigma**2`` and ``sigma_read**2``, neither negative, from squared residuals."""
    from scipy.optimize import nnls

    each = (weights * weights)[:, None]  # a square scatters as its own mean
    wanted = np.column_stack([change, np.full_like(change, 2.0)])
    scale = np.array([1.0, float(change.mean())])
    walk, read = nnls(each * wanted * scale, each[:, 0] * residual**2)[0] * scale
    return float(walk), float(read)


def _expected(
    x: FloatArray, before: FloatArray, index: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Return Δp by the second of two pulses from `before`, and its slope with log k w.

    `x` holds log k w of each voltage, and β last; `index` says which voltage a pulse has.
    """
    beta, reach = x[-1], np.exp(x[:-1])[index] * np.exp(-x[-1] * before)
    if beta <= LINEAR:
        return reach, reach
    one, two = 1 + beta * reach, 1 + 2 * beta * reach
    return np.log(two / one) / beta, 2 * reach / two - reach / one


def _least_squares(
    before: FloatArray,
    index: NDArray[np.int64],
    change: FloatArray,
    weights: FloatArray,
    start: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    from scipy.optimize import least_squares  # 0.3 s

    rows, h = np.arange(change.size), 1e-6

    def residual(x: FloatArray) -> FloatArray:
        return weights * (_expected(x, before, index)[0] - change)

    def jacobian(x: FloatArray) -> FloatArray:
        slopes = np.zeros((change.size, x.size))
        found, slopes[rows, index] = _expected(x, before, index)
        more = np.append(x[:-1], x[-1] + h)
        slopes[:, -1] = (_expected(more, before, index)[0] - found) / h
        return weights[:, None] * slopes

    high = np.append(np.full(start.size - 1, np.inf), _LARGEST_BETA)
    low = np.append(-high[:-1], 0.0)  # a branch saturates: β is not negative
    result = least_squares(residual, start, jacobian, bounds=(low, high), x_scale="jac")
    return result.x, result.jac


@dataclass(frozen=True)
class _Changes:
    """Change by each pulse but the first of each train, in the direction of the branch."""

    voltage: FloatArray
    before: FloatArray  # progress times span, before the pulse before
    change: FloatArray

    @classmethod
    def of(cls, branch: int, trains: Sequence[Train], lrs: float, hrs: float) -> "_Changes":
        parts = []
        for train in trains:
            ohms = np.asarray(train.resistance, dtype=float)
            way = hrs - ohms if branch == POTENTIATION else ohms - lrs
            n = max(ohms.size - 2, 0)
            parts.append((np.full(n, train.voltage), way[:n], np.diff(way)[1:]))
        columns = [np.concatenate(each) for each in zip(*parts, strict=True)] if parts else []
        if not columns or not columns[0].size:
            raise FitError("the map has no train of 2 pulses or more")
        good = np.isfinite(columns[1]) & np.isfinite(columns[2])
        return cls(*(column[good] for column in columns))

    def moving(self) -> tuple[FloatArray, Any, FloatArray]:
        """Return the moving voltages, which of them each pulse has, and the mean changes.

        A pulse of none of them has -1; the mean change by each voltage is in ohm.
        """
        found = np.unique(self.voltage)
        found = found[np.argsort(np.abs(found))]
        signs = set(np.sign(found).tolist())
        if len(signs) > 1 or 0.0 in signs:
            raise FitError(f"one branch has write voltages of one sign, not {found.tolist()} V")
        index = np.full(self.change.size, -1)
        kept: list[float] = []
        means: list[float] = []
        for volts in found:
            mine = self.voltage == volts
            change = self.change[mine]
            mean, error = change.mean(), change.std() / np.sqrt(change.size)
            if mean > _SEEN * error:
                index[mine] = len(kept)
                kept.append(volts)
                means.append(mean)
        return np.array(kept), index, np.array(means)

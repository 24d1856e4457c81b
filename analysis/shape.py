r"""Does the family describe the curve? A test that knows what noise a pulse train has.

Residuals of a potentiation curve are correlated, because the device remembers the noise of
every pulse: a runs test would reject every true law. Here the mean residual is compared
with four smooth deviations (Legendre polynomials of degree 2 to 5, freed of what the fit
can absorb). The roughness of the same curve (degrees 6 to 24) sets a scale, with the mixture
of both noises that excuses most. With three cycles or more, the noises that their scatter
shows must fail to excuse the deviation as well, so that a true law is rejected no more often
than stated; but a residual of more than four times the variance that this noise explains (a
step, a kink, an oscillation) is excused by nothing. One curve alone cannot tell such a
deviation from noise, and the verdict says so.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import MIN_CYCLES
from labsyn.analysis.noise import noise_covariance

SIGNIFICANCE = 0.01
SMALL_MISFIT = 0.01
_ROUGHEST_CURVE = 0.1  # rms residual of a single curve, beyond which nothing can be said
_EXCUSABLE = 4.0  # times the variance that noise explains
_SLOW = (2, 5)
_ROUGH = 25


@dataclass(frozen=True, kw_only=True)
class ShapeTest:
    """Outcome of the test.

    Attributes
    ----------
    p_value : float
        Probability of so large a smooth deviation if the family were true; NaN where
        there are too few points to tell.
    misfit : float
        Root mean square residual that noise does not explain, as a fraction of the range.
    rms : float
        Root mean square residual, as a fraction of the range.
    single : bool
        True if there were too few cycles to know the noise apart from the curve.
    """

    p_value: float
    misfit: float
    rms: float
    single: bool

    @property
    def describes(self) -> bool | None:
        """True if the deviation is within noise or below 1 %; None if nobody can tell."""
        if math.isnan(self.p_value) or (self.single and self.rms > _ROUGHEST_CURVE):
            return None
        return self.p_value >= SIGNIFICANCE or self.misfit < SMALL_MISFIT

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        rms, p = f"rms residual {100 * self.rms:.2g} % of the range", f"p = {self.p_value:.2g}"
        if math.isnan(self.p_value):
            return f"too few points to tell ({rms})"
        if self.describes is None:
            return f"one curve cannot tell deviation from noise ({rms}); measure three cycles"
        if self.p_value >= SIGNIFICANCE:
            whose = "the roughness of a single curve" if self.single else "its noise"
            return f"describes the curve within {whose} ({p}, {rms})"
        size = f"{100 * self.misfit:.2g} % of the range"
        if self.describes:
            return f"describes the curve to {size}, a deviation beyond noise but small"
        return f"does NOT describe the curve: it deviates by {size} ({p})"

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers and the sentence for JSON."""
        return {
            "describes": self.describes,
            "p_value": None if math.isnan(self.p_value) else self.p_value,
            "misfit": self.misfit,
            "rms": self.rms,
            "verdict": self.verdict,
        }


def shape_test(
    residual: FloatArray,
    tangents: FloatArray,
    *,
    sigma_c2c: float,
    sigma_read: float,
    n_cycles: int,
    span: float,
) -> ShapeTest:
    """Test the mean residual of a least-squares fit for a deviation beyond noise.

    Parameters
    ----------
    residual : ndarray, shape (n,)
        Mean of the data over `n_cycles` cycles minus the fit, pulse by pulse.
    tangents : ndarray, shape (n, n_parameters)
        Derivatives of the fitted curve by its parameters.
    sigma_c2c, sigma_read : float
        Noise of one pulse and of one read, in the unit of `residual`.
    span : float
        Range of the curve, in the same unit.
    """
    n = residual.size
    fitted, _ = np.linalg.qr(tangents / np.linalg.norm(tangents, axis=0))
    covariance = noise_covariance(n, sigma_c2c, sigma_read) / n_cycles
    variance = float(np.mean(residual**2))
    left = covariance - fitted @ (fitted.T @ covariance)  # of the residual, on its diagonal
    explained = float(np.trace(left - (left @ fitted) @ fitted.T)) / n
    single = n_cycles < MIN_CYCLES
    rms, misfit = math.sqrt(variance) / span, math.sqrt(max(variance - explained, 0)) / span
    if rms < 1e-9:  # exact up to rounding
        return ShapeTest(p_value=1.0, misfit=0.0, rms=rms, single=single)
    modes, n_slow = _modes(n, fitted)
    if not n_slow or (single and modes.shape[1] < n_slow + 2):
        return ShapeTest(p_value=math.nan, misfit=misfit, rms=rms, single=single)
    amounts = modes.T @ residual
    p_value = max(
        _unknown_scale(modes, amounts, n_slow, noise_covariance(n, c2c, 1 - c2c))
        for c2c in (0.0, 0.03, 0.1, 0.2, 0.4, 1.0)
    )
    if not single:
        known = _known_noise(modes[:, :n_slow], amounts[:n_slow], covariance)
        p_value = max(p_value, known) if variance < _EXCUSABLE * explained else 0.0
    return ShapeTest(p_value=p_value, misfit=misfit, rms=rms, single=single)


def _modes(n: int, fitted: FloatArray) -> tuple[FloatArray, int]:
    """Return orthonormal deviations that no fit absorbs, slow ones first, and their number."""
    x = np.linspace(-1, 1, n)
    columns: list[FloatArray] = []
    n_slow = 0
    for degree in range(_SLOW[0], min(_ROUGH, n - fitted.shape[1] - 1)):
        column = np.polynomial.Legendre.basis(degree)(x)
        length = float(np.linalg.norm(column))
        for known in (
            *fitted.T,
            *columns,
            *fitted.T,
            *columns,
        ):  # twice: orthogonal to rounding
            column = column - known * (known @ column)
        if np.linalg.norm(column) > 1e-6 * length:
            columns.append(column / np.linalg.norm(column))
            n_slow += degree <= _SLOW[1]
    return np.array(columns).reshape(-1, n).T, n_slow


def _known_noise(modes: FloatArray, amounts: FloatArray, covariance: FloatArray) -> float:
    from scipy.special import chdtrc

    spread = modes.T @ covariance @ modes
    if not np.any(spread):
        return 0.0
    return float(chdtrc(amounts.size, amounts @ np.linalg.pinv(spread) @ amounts))


def _unknown_scale(
    modes: FloatArray, amounts: FloatArray, n_slow: int, covariance: FloatArray
) -> float:
    """F test of the slow amounts, given the rough ones, for a covariance up to a factor."""
    from scipy.special import fdtrc

    spread = modes.T @ covariance @ modes
    slow, rough = amounts[:n_slow], amounts[n_slow:]
    if rough.size < 2:  # nothing sets the scale: nothing is excused
        return 0.0
    to_rough = np.linalg.solve(spread[n_slow:, n_slow:], spread[n_slow:, :n_slow])
    scale = float(rough @ np.linalg.solve(spread[n_slow:, n_slow:], rough)) / rough.size
    left = slow - to_rough.T @ rough
    conditional = spread[:n_slow, :n_slow] - spread[:n_slow, n_slow:] @ to_rough
    ratio = float(left @ np.linalg.solve(conditional, left)) / n_slow / scale
    return float(fdtrc(n_slow, rough.size, ratio))

r"""Does the family describe the curve? A test that knows what noise a pulse train has.

Residuals of a potentiation curve are correlated, because the device remembers the noise of
every pulse: a runs test would reject every true law. Here the mean residual is compared
with four smooth deviations (Legendre polynomials of degree 2 to 5, freed of what the fit
can absorb). One curve alone cannot tell a slow deviation from remembered noise: the
roughness of the same curve (degrees 6 to 24) sets the scale, and the mixture of both noises
that excuses most is assumed. With three cycles or more the noises that their scatter shows
must fail to excuse the deviation as well. The law is rejected only on both counts, so that
a true law is rejected no more often than stated.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import MIN_CYCLES
from labsyn.analysis.noise import noise_covariance

SIGNIFICANCE = 0.01
SMALL_MISFIT = 0.01
_SLOW = (2, 5)
_ROUGH = 25


@dataclass(frozen=True)
class ShapeTest:
    """Outcome of the test.

    Attributes
    ----------
    p_value : float
        Probability of so large a smooth deviation if the family were true.
    misfit : float
        Root mean square of the smooth deviation, as a fraction of the range of the curve.
    """

    p_value: float
    misfit: float

    @property
    def describes(self) -> bool:
        """True if the deviation is within noise, or too small to matter (below 1 %)."""
        return self.p_value >= SIGNIFICANCE or self.misfit < SMALL_MISFIT

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        size = f"{100 * self.misfit:.2g} % of the range"
        if self.p_value >= SIGNIFICANCE:
            return f"describes the curve within its noise (p = {self.p_value:.2g})"
        if self.describes:
            return f"describes the curve to {size}, a deviation beyond noise but small"
        return f"does NOT describe the curve: it deviates by {size} (p = {self.p_value:.2g})"

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers and the sentence for JSON."""
        return {
            "describes": self.describes,
            "p_value": self.p_value,
            "misfit": self.misfit,
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
    """Test the mean residual of a least-squares fit for a smooth deviation.

    Parameters
    ----------
    residual : ndarray, shape (n,)
        Mean of the data over `n_cycles` cycles minus the fit, pulse by pulse.
    tangents : ndarray, shape (n, n_parameters)
        Derivatives of the fitted curve by its parameters.
    sigma_c2c, sigma_read : float
        Noise of one pulse and of one read, in the unit of `residual`; used with
        `MIN_CYCLES` cycles or more.
    span : float
        Range of the curve, in the same unit.
    """
    n = residual.size
    modes, n_slow = _modes(n, tangents)
    amounts = modes.T @ residual
    misfit = float(np.sqrt(np.sum(amounts[:n_slow] ** 2) / n) / span)
    if np.sqrt(np.mean(residual**2)) < 1e-9 * span:  # exact up to rounding
        return ShapeTest(1.0, misfit)
    p_value = max(
        _unknown_scale(modes, amounts, n_slow, noise_covariance(n, c2c, 1 - c2c))
        for c2c in (0.0, 0.03, 0.1, 0.2, 0.4, 1.0)
    )
    if n_cycles >= MIN_CYCLES:
        covariance = noise_covariance(n, sigma_c2c, sigma_read) / n_cycles
        p_value = max(p_value, _known_noise(modes[:, :n_slow], amounts[:n_slow], covariance))
    return ShapeTest(p_value, misfit)


def _modes(n: int, tangents: FloatArray) -> tuple[FloatArray, int]:
    """Return orthonormal deviations that no fit absorbs, slow ones first, and their number."""
    x = np.linspace(-1, 1, n)
    fitted, _ = np.linalg.qr(tangents / np.linalg.norm(tangents, axis=0))
    columns: list[FloatArray] = []
    n_slow = 0
    for degree in range(_SLOW[0], min(_ROUGH, n - tangents.shape[1] - 1)):
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
    return np.column_stack(columns), n_slow


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
    if rough.size < 2:
        return 1.0
    to_rough = np.linalg.solve(spread[n_slow:, n_slow:], spread[n_slow:, :n_slow])
    scale = float(rough @ np.linalg.solve(spread[n_slow:, n_slow:], rough)) / rough.size
    left = slow - to_rough.T @ rough
    conditional = spread[:n_slow, :n_slow] - spread[:n_slow, n_slow:] @ to_rough
    ratio = float(left @ np.linalg.solve(conditional, left)) / n_slow / scale
    return float(fdtrc(n_slow, rough.size, ratio))

r"""Update laws of a synapse: how far one pulse takes the conductance.

Two laws describe most measured potentiation and depression curves.

*Exponential* (nonlinearity β): the step falls exponentially with the state,

.. math:: G_{k+1} = G_k + α_P e^{-β_P (G_k - G_{min})/(G_{max} - G_{min})},\qquad
          G_{k+1} = G_k - α_D e^{-β_D (G_{max} - G_k)/(G_{max} - G_{min})}.

*Power* (nonlinearity α): the conductance is a power mean of its two ends,

.. math:: G = [(G_{max}^α - G_{min}^α) w + G_{min}^α]^{1/α},\qquad
          G = G_{min} (G_{max}/G_{min})^w \text{ for } α = 0.

Both: Baek et al., Nano-Micro Letters (2022), Supporting Information, equations S1-S3.
The linear device has β = 0 and α = 1. The two α are unrelated: here the step is `step`.

A law works in the *progress* of its own branch, so that one formula serves both: 0 where
the branch starts, 1 at its other end; ``(G - g_min) / (g_max - g_min)`` in potentiation
and ``(g_max - G) / (g_max - g_min)`` in depression.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.data.errors import ModelError

FloatArray = NDArray[np.float64]


class UpdateLaw(Protocol):
    """What a `Synapse` needs to know of a branch."""

    def increment(self, progress: ArrayLike) -> FloatArray:
        """Return the change of `progress` (any shape, 0 to 1) by one pulse."""


def pulse_sums(n_pulses: int, curvature: float) -> FloatArray:
    r"""Return :math:`z_0 … z_n` of :math:`z_{k+1} = z_k + e^{-c z_k}`, :math:`z_0 = 0`.

    Every curve of the exponential law is ``G0 + A z_k(c)``, with the first step A and
    ``c = β A / (g_max - g_min)``: one nonlinear number is left of three.

    Parameters
    ----------
    n_pulses : int
        Number of pulses; the result has one value more.
    curvature : float
        c, dimensionless; 0 gives 0, 1, 2, …

    Returns
    -------
    ndarray, shape (n_pulses + 1,)
    """
    sums = np.empty(n_pulses + 1)
    total = 0.0
    for k in range(n_pulses + 1):
        sums[k] = total
        total += math.exp(min(-curvature * total, 700.0))
    return sums


def step_to_endpoint(beta: float, n_pulses: int) -> float:
    """Return the first step, as a fraction of the range, that ends after `n_pulses` at 1.

    Solves the recursion itself, not its continuum limit ``(e^β - 1)/(β n)``: with 50
    pulses and β = 3 the two differ by 3 %.

    Raises
    ------
    ModelError
        If no step leads from one end to the other in that many pulses.
    """
    from scipy.optimize import brentq  # 0.5 s, and only fitting and simulating need it

    if n_pulses < 1:
        raise ModelError(f"n_pulses is {n_pulses}, a branch needs at least 1 pulse")
    guess = math.expm1(beta) / (beta * n_pulses) if beta else 1.0 / n_pulses

    def miss(step: float) -> float:
        return step * float(pulse_sums(n_pulses, beta * step)[-1]) - 1.0

    low, high = guess / 4, guess
    while miss(high) < 0 and high < 1e3:
        high *= 1.5
    if miss(low) > 0 or miss(high) < 0:
        raise ModelError(f"no step takes β = {beta:g} to its end in {n_pulses} pulses")
    return float(brentq(miss, low, high, xtol=1e-16, rtol=1e-14))


@dataclass(frozen=True, kw_only=True)
class ExponentialLaw:
    """Step that falls exponentially with the progress: ``step · exp(-beta · progress)``.

    Attributes
    ----------
    beta : float
        Nonlinearity β, dimensionless; 0 is linear, negative accelerates.
    step : float
        First step, as a fraction of the conductance range (0 excluded).
    """

    beta: float
    step: float

    def increment(self, progress: ArrayLike) -> FloatArray:
        return self.step * np.exp(-self.beta * np.asarray(progress, dtype=float))


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """Step of a device whose internal variable w moves by ``1 / n_pulses`` a pulse.

    Attributes
    ----------
    alpha : float
        Nonlinearity α, dimensionless; 1 is linear in G, -1 linear in 1/G.
    n_pulses : int
        Pulses from one end of the range to the other.
    on_off_ratio : float
        ``g_max / g_min``, above 1.
    rising : bool
        True for potentiation; depression runs through the same curve from above.
    """

    alpha: float
    n_pulses: int
    on_off_ratio: float
    rising: bool = True

    def __post_init__(self) -> None:
        if not self.on_off_ratio > 1:
            raise ModelError(f"on_off_ratio is {self.on_off_ratio:g}, it must exceed 1")

    def increment(self, progress: ArrayLike) -> FloatArray:
        progress = np.asarray(progress, dtype=float)
        span = self.on_off_ratio - 1
        x = np.clip(progress if self.rising else 1 - progress, 0, 1)
        w = power_weight(1 + span * x, 1.0, self.on_off_ratio, self.alpha)
        moved = np.clip(w + (1 if self.rising else -1) / self.n_pulses, 0, 1)
        after = (power_conductance(moved, 1.0, self.on_off_ratio, self.alpha) - 1) / span
        return np.abs(after - x)


def power_conductance(w: ArrayLike, g_min: float, g_max: float, alpha: float) -> FloatArray:
    """Return the conductance at the internal variable `w` (any shape, 0 to 1), in siemens.

    Regular at α = 0, where it is the geometric mean; no power of a large α overflows.

    Raises
    ------
    ModelError
        If `g_min` is not positive or `g_max` not above it: the law is undefined there; or
        if `w` lies outside 0 to 1.
    """
    log_ratio = _log_ratio(g_min, g_max)
    given = np.asarray(w, dtype=float)
    x = np.clip(given, 0, 1)
    if not np.all(np.abs(given - x) < 1e-9):  # rounding is forgiven, NaN is not
        raise ModelError(
            f"w lies between {given.min():g} and {given.max():g}, allowed is 0 to 1"
        )
    if abs(alpha) < 1e-6:  # first order in α; the next term is below 1e-12
        exponent = x * log_ratio * (1 + 0.5 * alpha * log_ratio * (1 - x))
    else:
        with np.errstate(divide="ignore"):  # log 0 at the two ends is what is meant
            exponent = np.logaddexp(np.log1p(-x), np.log(x) + alpha * log_ratio) / alpha
    return g_min * np.exp(exponent)


def power_weight(
    conductance: ArrayLike, g_min: float, g_max: float, alpha: float
) -> FloatArray:
    """Return the internal variable w of a conductance: the inverse of `power_conductance`."""
    log_ratio = _log_ratio(g_min, g_max)
    exponent = np.log(np.asarray(conductance, dtype=float) / g_min)
    if abs(alpha * log_ratio) < 1e-9:
        return exponent / log_ratio
    return np.expm1(alpha * exponent) / math.expm1(alpha * log_ratio)


def _log_ratio(g_min: float, g_max: float) -> float:
    if not g_min > 0:
        raise ModelError(
            f"g_min is {g_min:g} S: the power law needs a positive conductance; "
            "data with a subtracted offset cannot follow it"
        )
    if not g_max > g_min:
        raise ModelError(f"g_max = {g_max:g} S must exceed g_min = {g_min:g} S")
    return math.log(g_max / g_min)

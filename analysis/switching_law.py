r"""How far one write pulse moves the resistance, at any voltage and width.

With the progress p of a branch (0 where it starts, 1 where it ends: from the high resistance
HRS to the low one LRS in potentiation, back in depression) the law is

.. math:: \dot p = k(V)\, e^{-β p}, \qquad
          Δp = β^{-1} \ln(1 + β\, k(V)\, w\, e^{-β p})

for a pulse of width w: the exponential law of `labsyn.analysis.devices.laws` in continuous
time, so that what is measured with one width holds for another. β is one number of the
branch; k is one free number for each voltage of the map it is fitted to
(`labsyn.analysis.switching_fit`), and a power of the voltage in between.

A pulse scatters with the variance ``sigma**2 |ΔR|`` (what is left of a random walk, however
it is cut into pulses), a read with ``sigma_read**2``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.errors import ModelError

POTENTIATION, DEPRESSION = 1, -1
LINEAR = 1e-9
"""β below which the law is its own limit, to rounding."""


@dataclass(frozen=True, kw_only=True)
class SwitchingLaw:
    """Change of the resistance by one pulse, in one branch.

    Attributes
    ----------
    branch : int
        `POTENTIATION` (the resistance falls) or `DEPRESSION`.
    lrs, hrs : float
        Ends of the window, in ohm.
    voltages : ndarray, shape (n,)
        Write voltages of the map, the smallest first, all of one sign.
    rates : ndarray, shape (n,)
        k at each, in 1/s.
    rate_errors : ndarray, shape (n,)
        Standard errors of `rates`, relative.
    beta, beta_error : float
        β and its standard error, dimensionless.
    sigma : float
        Standard deviation of a change by 1 Ω, in ohm.
    sigma_read : float
        Standard deviation of one read, in ohm.
    n_pulses : int
        Pulses that it was fitted to.
    """

    branch: int
    lrs: float
    hrs: float
    voltages: FloatArray
    rates: FloatArray
    rate_errors: FloatArray
    beta: float
    beta_error: float
    sigma: float
    sigma_read: float
    n_pulses: int

    def progress(self, resistance: ArrayLike) -> FloatArray:
        """Return p at `resistance` (any shape): 0 at the start of the branch, 1 at its end."""
        ohms = np.asarray(resistance, dtype=float)
        span = self.hrs - self.lrs
        return (self.hrs - ohms if self.branch == POTENTIATION else ohms - self.lrs) / span

    def rate(self, voltage: ArrayLike) -> FloatArray:
        """Return k at `voltage` (any shape), in 1/s.

        Raises
        ------
        ModelError
            For a voltage beyond those of the map.
        """
        volts = np.asarray(voltage, dtype=float)
        sizes, sign = np.abs(self.voltages), np.sign(self.voltages[0])
        low, high = sizes[0] * (1 - 1e-9), sizes[-1] * (1 + 1e-9)
        if not np.all((volts * sign >= low) & (volts * sign <= high)):
            raise ModelError(
                f"write voltage {volts} V lies beyond those of the map, "
                f"{self.voltages[0]:g} to {self.voltages[-1]:g} V"
            )
        return np.exp(np.interp(np.log(np.abs(volts)), np.log(sizes), np.log(self.rates)))

    def change(self, resistance: ArrayLike, voltage: ArrayLike, width: float) -> FloatArray:
        """Return ``|ΔR|`` by one pulse, in ohm, from `resistance` ohm (any shape)."""
        push = self.rate(voltage) * width
        return (self.hrs - self.lrs) * _moved(self.progress(resistance), self.beta, push)

    def voltage_for(self, resistance: float, change: float, width: float) -> float:
        """Return the voltage whose pulse moves `resistance` by `change` ohm.

        Where none does, the smallest or the largest voltage of the map, whichever comes
        nearest: `change` tells by how much it moves.
        """
        progress, step = float(self.progress(resistance)), change / (self.hrs - self.lrs)
        reach = np.expm1(self.beta * step) / self.beta if self.beta > LINEAR else step
        wanted = max(reach * np.exp(self.beta * progress) / width, 1e-300)
        sizes = np.log(np.abs(self.voltages))
        size = np.exp(np.interp(np.log(wanted), np.log(self.rates), sizes))
        return float(np.sign(self.voltages[0]) * size)

    def largest_below(self, resistance: float, change: float, width: float) -> float:
        """Return the largest voltage of the map that moves `resistance` by less than `change`.

        The smallest one where all move it further.
        """
        below = self.change(resistance, self.voltages, width) < change
        return float(self.voltages[max(int(below.sum()) - 1, 0)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, for a run file."""
        plain = {name: getattr(self, name) for name in _NUMBERS}
        return plain | {name: getattr(self, name).tolist() for name in _ARRAYS}


_NUMBERS = (
    "branch", "lrs", "hrs", "beta", "beta_error", "sigma", "sigma_read", "n_pulses",
)  # fmt: skip
_ARRAYS = ("voltages", "rates", "rate_errors")


def _moved(progress: ArrayLike, beta: float, push: ArrayLike) -> FloatArray:
    """Return Δp of a pulse of ``push`` = k w from `progress`; regular at β = 0."""
    reach = np.asarray(push) * np.exp(-beta * np.asarray(progress))
    return np.log1p(beta * reach) / beta if beta > LINEAR else reach

"""One free layer: a moment with two directions, switched by heat over a barrier.

The waiting time for a jump is exact for any history of field and current: a jump happens
when the integral of the rate has used up a patience drawn from the unit exponential
distribution. So it does not matter how an interval is cut.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

_ATTEMPT_TIME = 1e-9
_SWEEP_SECONDS, _PULSE_SECONDS = 1.0, 200e-9
_MANY_JUMPS = 1e4


@dataclass(kw_only=True)
class FreeLayer:
    """State and barrier of the free layer of one cell.

    Attributes
    ----------
    direction : int
        -1 or +1.
    stability : float
        Δ at 25 °C.
    anisotropy_field : float
        H_k, in tesla: removes the barrier alone.
    shift : float
        H_ex, in tesla.
    torque_voltage : float
        V_k, in volt: removes the barrier alone.
    draw_patience : callable
        Returns a fresh patience, dimensionless.
    """

    direction: int
    stability: float
    anisotropy_field: float
    shift: float
    torque_voltage: float
    draw_patience: Callable[[], float]

    def __post_init__(self) -> None:
        self._patience = self.draw_patience()

    def rate(self, direction: int, tesla: float, volts: float, stability: float) -> float:
        """Return the rate of leaving `direction`, in 1/s; `stability` at the temperature."""
        h = -direction * (tesla - self.shift) / self.anisotropy_field
        v = -direction * volts / self.torque_voltage
        barrier = stability * (max(1 - h, 0.0) * max(1 - v, 0.0)) ** 2
        return math.exp(-min(barrier, 700.0)) / _ATTEMPT_TIME

    def advance(self, tesla: float, volts: float, kelvin_ratio: float, seconds: float) -> None:
        """Let `seconds` pass at `kelvin_ratio` times 298.15 K."""
        stability = self.stability / kelvin_ratio
        rates = {d: self.rate(d, tesla, volts, stability) for d in (-1, 1)}
        if seconds / (1 / rates[-1] + 1 / rates[1]) > _MANY_JUMPS:
            self._forget(rates)
            return
        left = seconds
        while self._patience < rates[self.direction] * left:
            left -= self._patience / rates[self.direction]
            self.direction = -self.direction
            self._patience = self.draw_patience()
        self._patience -= rates[self.direction] * left

    def _forget(self, rates: dict[int, float]) -> None:
        """Take the equilibrium, which very many jumps have reached."""
        up = rates[-1] / (rates[-1] + rates[1])
        # The probability integral of a unit exponential variable is uniform.
        self.direction = 1 if -math.expm1(-self.draw_patience()) < up else -1
        self._patience = self.draw_patience()


def anisotropy_field(coercive_field: float, stability: float) -> float:
    """Return H_k, in tesla, for which half of the layers switch in 1 s at H_c."""
    return coercive_field / (1 - _remaining(_SWEEP_SECONDS, stability))


def torque_voltage(critical_voltage: float, field: float, stability: float) -> float:
    """Return V_k, in volt, for which 200 ns at V_c switch half, from +1 at no field.

    `field` is the shift of the loop in units of H_k.
    """
    return critical_voltage / (1 - _remaining(_PULSE_SECONDS, stability) / (1 - field))


def _remaining(seconds: float, stability: float) -> float:
    """Return the square root of the barrier over which half jump within `seconds`."""
    return math.sqrt(math.log(seconds / (_ATTEMPT_TIME * math.log(2))) / stability)

r"""Which write pulse comes next: by feedforward, or by a model that learns from each read.

*Feedforward* (Diao et al., Nanoscale Horizons 10, 780 (2025), figure 3a): read r, look up
:math:`V_w(r)`, write, read. :math:`V_w(r)` keeps every change between two limits, 0.1 and
0.3 Ω, however far the target is. Which of the voltages inside that window is taken is not
printed there: here it is the largest.

*Closed loop* (chosen here): predict the pulse that covers the whole distance to the target,
apply it, and correct the model by what the read says. What a model fitted to an earlier map
has wrong is above all its speed, so that one number a branch is learned: the gain g, the
ratio of the actual change and that of the map. With the change f by the map, the measured one
y, and the variance P of g,

.. math:: K = \frac{P f}{P f^2 + σ^2 g f + 2 σ_{read}^2},\qquad
          g ← g + K (y - g f),\quad P ← (1 - K f) P + q,

the Kalman filter of a slowly wandering g. Both schemes turn back where they went too far.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from labsyn.analysis.switching_law import DEPRESSION, POTENTIATION, SwitchingLaw

Laws = Mapping[int, SwitchingLaw]
"""The law of each branch, by `POTENTIATION` and `DEPRESSION`."""


@dataclass(frozen=True)
class WritePulse:
    """The next pulse.

    Attributes
    ----------
    branch : int
        `POTENTIATION` or `DEPRESSION`.
    voltage : float
        In volt.
    change : float
        Expected ``|ΔR|``, in ohm.
    """

    branch: int
    voltage: float
    change: float


_LEAST_GAIN = 0.1


class Scheme(Protocol):
    """Chooses pulses towards a target, and may learn from what they did."""

    def pulse(self, resistance: float, target: float) -> WritePulse:
        """Return the pulse to apply at `resistance` ohm on the way to `target` ohm."""

    def learn(self, pulse: WritePulse, before: float, after: float) -> None:
        """Take notice of the reads before and after `pulse`, in ohm."""


@dataclass(frozen=True, kw_only=True)
class Feedforward:
    """Changes inside a window, whatever the distance; nothing is learned.

    Attributes
    ----------
    laws : mapping of int to SwitchingLaw
        Of both branches.
    width : float
        Of a pulse, in seconds.
    largest_change : float
        Upper end of the window, in ohm.
    """

    laws: Laws
    width: float
    largest_change: float

    def pulse(self, resistance: float, target: float) -> WritePulse:
        return self.pulse_in(branch_to(resistance, target), resistance)

    def pulse_in(self, branch: int, resistance: float) -> WritePulse:
        """Return ``V_w`` at `resistance` ohm in `branch`."""
        law = self.laws[branch]
        volts = law.largest_below(resistance, self.largest_change, self.width)
        return WritePulse(branch, volts, float(law.change(resistance, volts, self.width)))

    def learn(self, pulse: WritePulse, before: float, after: float) -> None:
        """Learn nothing: that is what feedforward means."""


class ClosedLoop:
    """Pulses that cover the distance, by laws that are corrected while they are used.

    Parameters
    ----------
    laws : mapping of int to SwitchingLaw
        Of both branches.
    width : float
        Of a pulse, in seconds.
    gain_uncertainty : float
        Standard deviation of g before the first pulse, when it is 1: how far the device
        may have moved from its map, 0.2 for 20 %.
    gain_drift : float
        Standard deviation by which g wanders a pulse; the square root of q.

    Attributes
    ----------
    gain : dict of int to float
        g of each branch, as it is now; never below a tenth, so that noise turns nothing
        round.
    """

    def __init__(
        self, laws: Laws, width: float, gain_uncertainty: float = 0.2, gain_drift: float = 0.01
    ) -> None:
        self.laws, self.width, self._drift = laws, width, gain_drift**2
        self.gain = dict.fromkeys(laws, 1.0)
        self._variance = dict.fromkeys(laws, gain_uncertainty**2)

    def pulse(self, resistance: float, target: float) -> WritePulse:
        branch = branch_to(resistance, target)
        law, gain = self.laws[branch], self.gain[branch]
        distance = abs(target - resistance)
        volts = law.voltage_for(resistance, distance / gain, self.width)
        return WritePulse(
            branch, volts, gain * float(law.change(resistance, volts, self.width))
        )

    def learn(self, pulse: WritePulse, before: float, after: float) -> None:
        law, branch = self.laws[pulse.branch], pulse.branch
        gain, variance = self.gain[branch], self._variance[branch]
        by_map = pulse.change / gain
        change = before - after if branch == POTENTIATION else after - before
        noise = law.sigma**2 * pulse.change + 2 * law.sigma_read**2
        weight = variance * by_map / (variance * by_map**2 + noise)
        self.gain[branch] = max(gain + weight * (change - pulse.change), _LEAST_GAIN)
        self._variance[branch] = (1 - weight * by_map) * variance + self._drift


def branch_to(resistance: float, target: float) -> int:
    """Return the branch that leads from `resistance` to `target`, both in ohm."""
    return POTENTIATION if target < resistance else DEPRESSION

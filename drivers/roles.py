"""What an instrument can do for a procedure: procedures know roles, not instruments."""

from dataclasses import dataclass
from typing import Protocol

from labsyn.data.flags import Flag

NO_FLAG = Flag(0)


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured point.

    Attributes
    ----------
    voltage, current : float
        At the terminal, in volt and ampere; the current is NaN where the instrument
        reported an overflow.
    flags : Flag
        What was wrong with it.
    """

    voltage: float
    current: float
    flags: Flag = NO_FLAG

    @property
    def conductance(self) -> float:
        """``current / voltage``, in siemens."""
        return self.current / self.voltage


class PulseSource(Protocol):
    """Applies voltage pulses to a terminal, and rests at 0 V between them."""

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        """Prepare pulses of `width` and `period` seconds with a current limit in ampere."""

    def pulse(self, voltage: float) -> Reading:
        """Apply one pulse of `voltage`; return what was measured at its end."""


class Reader(Protocol):
    """Reads the conductance of the device with a voltage too small to change it."""

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        """Prepare reads at `voltage` with a current limit in ampere."""

    def read(self) -> Reading:
        """Apply the read voltage, measure, and return to 0 V."""


ROLES = {"pulse_source": PulseSource, "reader": Reader}
"""Every role a bench can offer, by the name that bench.toml and procedures use."""

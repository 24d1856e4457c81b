"""What an instrument can do for a procedure: procedures know roles, not instruments."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
        reported an overflow, or measures none.
    flags : Flag
        What was wrong with it.
    time : float
        Seconds since the start of the sweep it belongs to; NaN for a single point.
    """

    voltage: float
    current: float
    flags: Flag = NO_FLAG
    time: float = math.nan

    @property
    def conductance(self) -> float:
        """``current / voltage``, in siemens; NaN at 0 V."""
        return self.current / self.voltage if self.voltage else math.nan

    def flagged(self, flag: Flag) -> "Reading":
        """Return the same reading with one more flag."""
        return replace(self, flags=self.flags | flag)


class PulseSource(Protocol):
    """Applies voltage pulses to a terminal, and rests at 0 V between them."""

    def check_pulses(
        self, voltages: Sequence[float], *,
        width: float, period: float, compliance_current: float,
    ) -> None:  # fmt: skip
        """Raise LimitError if the instrument cannot give such pulses; nothing is sent."""

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        """Prepare pulses of `width` and `period` seconds with a current limit in ampere."""

    def pulse(self, voltage: float) -> Reading:
        """Apply one pulse of `voltage`; return, a period later, what was measured in it."""


class Reader(Protocol):
    """Reads the conductance of the device with a voltage too small to change it."""

    @property
    def read_time(self) -> float:
        """Seconds that one read takes, without what the computer and the cables take."""

    def check_reads(self, *, voltage: float, compliance_current: float) -> None:
        """Raise LimitError if the instrument cannot read so; nothing is sent."""

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        """Prepare reads at `voltage` with a current limit in ampere."""

    def read(self) -> Reading:
        """Apply the read voltage, measure, and return to 0 V."""

    def uncertainties(self, reading: Reading) -> dict[str, float]:
        """Return the standard uncertainties of its resistance, in ohm, by their cause.

        Those of the instrument and what it reads through. What differs from one reading to
        the next has the key ``noise``, where it is known; that of the device is not.
        """

    def resync(self) -> None:
        """After a reply that failed: forget what is under way; no late answer counts."""


class Sweeper(Protocol):
    """Steps or holds a voltage, and measures the current meanwhile."""

    def check_sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> None:  # fmt: skip
        """Raise LimitError if the instrument cannot sweep so; nothing is sent."""

    def sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> list[Reading]:  # fmt: skip
        """Step from `start` to `stop` volt, and back if `double`, and end at 0 V.

        Each of the `n_points` steps of one way lasts `step_time` seconds; a double sweep
        passes its turn twice.
        """

    def check_hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> None:
        """Raise LimitError if the instrument cannot hold a voltage so; nothing is sent."""

    def hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> list[Reading]:
        """Hold `voltage` for `seconds`, then return to 0 V.

        Meanwhile `n_points` measurements are taken at even distances.
        """


class Field(Protocol):
    """Sets a magnetic field and measures it."""

    @property
    def is_measured(self) -> bool:
        """Whether a gaussmeter measures the field; else it follows from a current."""

    def check_field(self, tesla: float, *, slew: float) -> None:
        """Raise LimitError if coil and supply cannot reach `tesla`; nothing is sent."""

    def ramp_time(self, change: float, *, slew: float) -> float:
        """Return the seconds that a `change` in tesla takes until it has settled."""

    def set_field(self, tesla: float, *, slew: float) -> float:
        """Go to `tesla` at `slew` T/s, wait until it has settled, return what is measured."""

    def read_field(self) -> float:
        """Return the flux density in tesla."""


class Switch(Protocol):
    """Connects instruments to terminals through relays."""

    @property
    def route_time(self) -> float:
        """Seconds that relays take to go from one route to another."""

    def check_route(self, channels: Sequence[str]) -> None:
        """Raise LimitError if these relays may not be closed together; nothing is sent."""

    def route(self, channels: Sequence[str]) -> None:
        """Close these relays and open all others; raise InstrumentError if one is stuck."""


ROLES: dict[str, type] = {
    "pulse_source": PulseSource,
    "reader": Reader,
    "sweeper": Sweeper,
    "field": Field,
    "switch": Switch,
}
"""Every role a bench can offer, by the name that bench.toml and procedures use."""

"""A system switch that connects one route at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from labsyn.drivers.bench_model import SwitchRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.keithley3706a import Keithley3706A


class RelaySwitch:
    """Closes the relays of one route, and opens all others first.

    Sources rest at 0 V between what they do, so that no relay moves under voltage. The
    relays themselves are asked where they are: somebody may have opened them.
    """

    route_time = 0.008  # opening, then closing: 4 ms each (3706A data sheet, 3730)

    def __init__(self, part: SwitchRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        self._switch: Keithley3706A = instruments[part.instrument]

    def check_route(self, channels: Sequence[str]) -> None:
        self._switch.check_allowed(list(channels), [])

    def route(self, channels: Sequence[str]) -> None:
        if set(self._switch.closed_channels) == set(channels):
            return
        if not self._switch.breaks_first:  # or two routes would meet
            self._switch.connect_rule = "break_before_make"
        self._switch.close_exclusively(*channels)

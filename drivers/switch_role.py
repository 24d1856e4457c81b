"""A system switch that connects one route at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from labsyn.drivers.bench_model import SwitchRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.keithley3706a import Keithley3706A


class RelaySwitch:
    """Closes the relays of one route, and opens all others first.

    Sources rest at 0 V between what they do, so that no relay moves under voltage.
    """

    def __init__(self, part: SwitchRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        self._switch: Keithley3706A = instruments[part.instrument]
        self._route: tuple[str, ...] | None = None

    def check_route(self, channels: Sequence[str]) -> None:
        self._switch.check_allowed(list(channels), [])

    def route(self, channels: Sequence[str]) -> None:
        wanted = tuple(channels)
        if wanted == self._route:
            return
        self._route = None  # nothing is known if the instrument refuses
        self._switch.close_exclusively(*wanted)
        self._route = wanted

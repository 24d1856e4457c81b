"""The ``dmm`` object: readings, the measure path, and configurations of channels.

3700A Reference Manual, sections 6 and 11.
"""

import math
from collections.abc import Callable
from typing import Any

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.tsp_channel import ChannelObject
from labsyn.drivers.simulated.tsp_dmm_settings import (
    LINE_FREQUENCY,
    DmmSettings,
    Settings,
    defaults,
)
from labsyn.drivers.simulated.tsp_errors import (
    PARAMETER,
    SETTINGS_CONFLICT,
    TspError,
    integer_argument,
    refuse_full,
    text_argument,
)
from labsyn.drivers.simulated.tsp_meter import RANGES, Meter
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox

NO_FUNCTION = "nofunction"
_CONSTANTS: dict[str, str | int] = {
    "ON": 1, "OFF": 0, "AUTODELAY_ONCE": 2, "FILTER_MOVING_AVG": 0, "FILTER_REPEAT_AVG": 1,
    "CONNECT_NONE": 0, "CONNECT_TWO_WIRE": 1, "CONNECT_FOUR_WIRE": 3, "CONNECT_AMPS": 4,
    "CONNECT_TWO_WIRE_AMPS": 5, "CONNECT_ALL": 7, "AC_CURRENT": "accurrent",
    "AC_VOLTS": "acvolts", "CONTINUITY": "continuity", "DC_CURRENT": "dccurrent",
    "DC_VOLTS": "dcvolts", "FOUR_WIRE_OHMS": "fourwireohms", "FREQUENCY": "frequency",
    "PERIOD": "period", "TEMPERATURE": "temperature", "TWO_WIRE_OHMS": "twowireohms",
}  # fmt: skip
_SETTLING_TIME = 1e-3  # of autodelay: a choice


class DmmObject:
    """Measuring, and switching for it.

    Parameters
    ----------
    channels : ChannelObject
        What ``dmm.close`` moves.
    meter : Meter
        What reads.
    clock : VirtualClock
        For delays.

    Attributes
    ----------
    settings : DmmSettings
        Function and settings.
    """

    SAVED = ("_saved", "_of_channel")

    def __init__(self, channels: ChannelObject, meter: Meter, clock: VirtualClock) -> None:
        self._channels, self._meter, self._clock = channels, meter, clock
        self.settings = DmmSettings()
        self.reset()

    def reset(self) -> None:
        """Return to the state after power-on; configurations of channels go as well."""
        self.settings.reset()
        self._saved: dict[str, tuple[str, Settings]] = {}
        self._of_channel: dict[str, str] = {}
        self._meter.connect = 7
        self._meter.dmm_closed = []

    def install(self, sandbox: TspSandbox) -> None:
        """Make the object known to scripts."""
        for name, value in _CONSTANTS.items():
            sandbox.constant(f"dmm.{name}", value)
        self.settings.install(sandbox)
        sandbox.attribute("dmm.connect", lambda: self._meter.connect, self._set_connect)
        calls: dict[str, Callable[..., Any]] = {
            "close": self.close, "open": self.open, "reset": self.reset,
            "setconfig": self.set_config, "getconfig": self.get_config,
            "configure.set": self.save, "configure.recall": self.recall,
            "configure.delete": self.delete, "rel.acquire": self.acquire,
        }  # fmt: skip
        for name, call in calls.items():
            sandbox.function(f"dmm.{name}", call)

    @property
    def channel(self) -> str:
        """The channel that ``dmm.close`` put on the measure path and that is still closed."""
        closed = self._channels.relays.closed(self._meter.dmm_closed)
        return closed[0] if closed else ""

    def reading(self) -> float:
        """Take one reading; filter and relative offset are in it."""
        value = self._filtered()
        return (
            value - self.settings.now.rel_level
            if self.settings.now.rel_enable and value < 9e37
            else value
        )

    def _filtered(self) -> float:
        count = int(self.settings.now.filter_count) if self.settings.now.filter_enable else 1
        return sum(self._once() for _ in range(count)) / count

    def _once(self) -> float:
        now = self.settings.now
        if now.autodelay:
            self._clock.sleep(_SETTLING_TIME)
        if now.linesync:
            cycles = self._clock.now() * LINE_FREQUENCY
            self._clock.sleep((math.ceil(cycles) - cycles) / LINE_FREQUENCY)
        scale = 0.0 if now.autorange else now.range
        seconds = (
            self.settings.aperture
            * (1 + bool(now.autozero))
            * (1 + bool(now.offsetcompensation))
        )
        function = self.settings.function
        value = self._meter.read(function, scale, seconds, dry=bool(now.drycircuit))
        self.settings.change(range=self._meter.used_range)
        return value

    def acquire(self) -> float:
        """Use the present reading as the relative offset."""
        value = self._filtered()
        self.settings.change(rel_level=value)
        return value

    def close(self, channel: object) -> None:
        """Put one channel on the measure path, with the function it is configured for."""
        names = self._channels.expand(channel, slots=False, backplane=False)
        if len(names) != 1:
            raise TspError(PARAMETER, "dmm.close takes one channel")
        name = names[0]
        config = self._of_channel.get(name, NO_FUNCTION)
        if config == NO_FUNCTION:
            raise TspError(SETTINGS_CONFLICT, f"channel {name} has no dmm configuration")
        wanted = self.measure_path(name, config)
        self._channels.refuse_forbidden(wanted)
        bus = ("911", "912", "921", "922")
        others = [
            relay
            for relay in self._channels.relays.all_closed
            if relay not in wanted
            and (relay[0] == name[0] or relay[1:] in bus or relay in self._meter.dmm_closed)
        ]
        relays = self._channels.relays
        self._channels.switch(others, [r for r in wanted if not relays.is_closed(r)])
        self.put_on_path(name, config)

    def put_on_path(self, name: str, config: str) -> None:
        """Measure at `name` from now on, as `config` says."""
        self._meter.dmm_closed = [name]
        self.recall(config)

    def open(self, channel: object) -> None:
        names = self._channels.expand(channel, slots=False, backplane=False)
        relays = [
            relay
            for name in names
            for relay in self.measure_path(name, self._of_channel.get(name, NO_FUNCTION))
        ]
        self._channels.switch(self._channels.relays.closed(dict.fromkeys(relays)), [])
        self._meter.dmm_closed = [n for n in self._meter.dmm_closed if n not in names]

    def measure_path(self, name: str, config: str) -> list[str]:
        """Return what must be closed to measure `name` with the configuration `config`."""
        frame = self._channels.frame
        relays = [name, f"{name[0]}911"]
        if self._config(config)[0] == "fourwireohms":
            pair = frame.partner(name)
            relays += [pair, f"{name[0]}922"] if pair else [f"{name[0]}912"]
        return relays

    def set_config(self, channels: object, name: object) -> None:
        config = text_argument(name, "configuration")
        self._config(config)
        for channel in self._channels.expand(channels, backplane=False):
            self._of_channel[channel] = config

    def get_config(self, channels: object) -> str:
        names = self._channels.expand(channels, backplane=False)
        return ",".join(self.config_of(name) for name in names)

    def config_of(self, name: str) -> str:
        """Return the name of the configuration that a channel measures with."""
        return self._of_channel.get(name, NO_FUNCTION)

    def save(self, name: object) -> None:
        text = text_argument(name, "configuration")
        if not text.isidentifier() or text in RANGES or text == NO_FUNCTION:
            raise TspError(PARAMETER, f"invalid configuration name {text}")
        refuse_full(self._saved, text, "configurations")
        self._saved[text] = (self.settings.function, self.settings.now)

    def recall(self, name: object) -> None:
        function, settings = self._config(text_argument(name, "configuration"))
        if function != NO_FUNCTION:
            self.settings.recall(function, settings)

    def delete(self, name: object) -> None:
        if self._saved.pop(str(name), None) is None:
            raise TspError(PARAMETER, "configuration does not exist")

    def _config(self, name: str) -> tuple[str, Settings]:
        if name in self._saved:
            return self._saved[name]
        if name in RANGES:
            return name, defaults(name)
        if name == NO_FUNCTION:
            return name, self.settings.now
        raise TspError(PARAMETER, f"configuration {name} does not exist")

    def _set_connect(self, value: object) -> None:
        wanted = integer_argument(value, 0, 7, "connect")
        if wanted not in (0, 1, 3, 4, 5, 7):
            raise TspError(PARAMETER, "connect must be 0, 1, 3, 4, 5 or 7")
        self._meter.connect = wanted

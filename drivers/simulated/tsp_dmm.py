"""The ``dmm`` object: function, settings kept for each function, and the measure path.

3700A Reference Manual, sections 6 and 11.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.tsp_channel import ChannelObject
from labsyn.drivers.simulated.tsp_errors import (
    PARAMETER,
    SETTINGS_CONFLICT,
    TspError,
    integer_argument,
    number_argument,
    text_argument,
)
from labsyn.drivers.simulated.tsp_meter import RANGES, Meter
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox

LINE_FREQUENCY = 60.0
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


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is kept for each function; the bounds stand in `_BOUNDS`."""

    range: float
    nplc: float = 1.0
    autorange: float = 1
    autozero: float = 1
    autodelay: float = 1
    linesync: float = 0
    drycircuit: float = 0
    offsetcompensation: float = 0
    filter_enable: float = 0
    filter_count: float = 10
    filter_type: float = 1
    rel_enable: float = 0
    rel_level: float = 0.0


_BOUNDS = {
    "nplc": (5e-4, 15), "autorange": (0, 1), "autozero": (0, 1), "autodelay": (0, 2),
    "linesync": (0, 1), "drycircuit": (0, 1), "offsetcompensation": (0, 1),
    "filter_enable": (0, 1), "filter_count": (1, 100), "filter_type": (0, 1),
    "rel_enable": (0, 1), "rel_level": (-1.2e8, 1.2e8),
}  # fmt: skip
_REAL = ("nplc", "rel_level")


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
    """

    SAVED = ("function", "measure_count", "_settings", "_saved", "_of_channel")

    def __init__(self, channels: ChannelObject, meter: Meter, clock: VirtualClock) -> None:
        self._channels, self._meter, self._clock = channels, meter, clock
        self.reset()

    def reset(self) -> None:
        """Return to the state after power-on; configurations of channels go as well."""
        self.function = "dcvolts"
        self.measure_count = 1
        self._settings = {name: _defaults(name) for name in RANGES}
        self._saved: dict[str, tuple[str, Settings]] = {}
        self._of_channel: dict[str, str] = {}
        self._meter.connect = 7

    def install(self, sandbox: TspSandbox) -> None:
        """Make the object known to scripts."""
        for name, value in _CONSTANTS.items():
            sandbox.constant(f"dmm.{name}", value)
        sandbox.attribute("dmm.func", lambda: self.function, self._set_function)
        for name in _BOUNDS:
            self._install_setting(sandbox, name)
        sandbox.attribute("dmm.range", self._get_range, self._set_range)
        sandbox.attribute("dmm.aperture", lambda: self.aperture, self._set_aperture)
        sandbox.attribute("dmm.measurecount", lambda: self.measure_count, self._set_count)
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
        """The channel that ``dmm.close`` put on the measure path; empty for none."""
        return self._meter.dmm_closed[0] if self._meter.dmm_closed else ""

    @property
    def now(self) -> Settings:
        """The settings of the present function."""
        return self._settings[self.function]

    @property
    def aperture(self) -> float:
        """Seconds of one reading."""
        return self.now.nplc / LINE_FREQUENCY

    def reading(self) -> float:
        """Take one reading; filter and relative offset are in it."""
        value = self._filtered()
        return value - self.now.rel_level if self.now.rel_enable and value < 9e37 else value

    def _filtered(self) -> float:
        count = int(self.now.filter_count) if self.now.filter_enable else 1
        return sum(self._once() for _ in range(count)) / count

    def _once(self) -> float:
        now = self.now
        if now.autodelay:
            self._clock.sleep(_SETTLING_TIME)
        if now.linesync:
            cycles = self._clock.now() * LINE_FREQUENCY
            self._clock.sleep((math.ceil(cycles) - cycles) / LINE_FREQUENCY)
        scale = 0.0 if now.autorange else now.range
        seconds = self.aperture * (1 + bool(now.autozero)) * (1 + bool(now.offsetcompensation))
        value = self._meter.read(self.function, scale, seconds, dry=bool(now.drycircuit))
        self._change(range=self._meter.used_range)
        return value

    def acquire(self) -> float:
        """Use the present reading as the relative offset."""
        value = self._filtered()
        self._change(rel_level=value)
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
        self._saved[text] = (self.function, self.now)

    def recall(self, name: object) -> None:
        function, settings = self._config(text_argument(name, "configuration"))
        if function != NO_FUNCTION:
            self.function = function
            self._settings[function] = settings

    def delete(self, name: object) -> None:
        if self._saved.pop(str(name), None) is None:
            raise TspError(PARAMETER, "configuration does not exist")

    def _config(self, name: str) -> tuple[str, Settings]:
        if name in self._saved:
            return self._saved[name]
        if name in RANGES:
            return name, _defaults(name)
        if name == NO_FUNCTION:
            return name, self.now
        raise TspError(PARAMETER, f"configuration {name} does not exist")

    def _set_function(self, value: object) -> None:
        name = text_argument(value, "function")
        if name not in RANGES:
            raise TspError(PARAMETER, f"function {name} not supported")
        self.function = name

    def _get_range(self) -> float:
        return self.now.range

    def _set_range(self, value: object) -> None:
        ranges = RANGES[self.function]
        wanted = number_argument(value, 0, ranges[-1], "range")
        self._change(range=self._meter.best_range(self.function, wanted), autorange=0)

    def _set_aperture(self, value: object) -> None:
        low, high = (bound / LINE_FREQUENCY for bound in _BOUNDS["nplc"])
        self._change(nplc=number_argument(value, low, high, "aperture") * LINE_FREQUENCY)

    def _set_count(self, value: object) -> None:
        self.measure_count = integer_argument(value, 1, 450_000, "measurecount")

    def _set_connect(self, value: object) -> None:
        wanted = integer_argument(value, 0, 7, "connect")
        if wanted not in (0, 1, 3, 4, 5, 7):
            raise TspError(PARAMETER, "connect must be 0, 1, 3, 4, 5 or 7")
        self._meter.connect = wanted

    def _install_setting(self, sandbox: TspSandbox, name: str) -> None:
        low, high = _BOUNDS[name]

        def read() -> float:
            return float(getattr(self.now, name))

        def write(value: object) -> None:
            if name in _REAL:
                self._change(**{name: number_argument(value, low, high, name)})
            else:
                self._change(**{name: integer_argument(value, int(low), int(high), name)})

        sandbox.attribute(f"dmm.{name.replace('_', '.')}", read, write)

    def _change(self, **values: float) -> None:
        self._settings[self.function] = replace(self.now, **values)


def _defaults(function: str) -> Settings:
    return Settings(range=RANGES[function][-1])

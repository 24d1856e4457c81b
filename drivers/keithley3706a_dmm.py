"""The multimeter inside a Keithley 3706A: function, reading buffers, scans."""

import math
import re
from collections.abc import Iterable
from itertools import chain
from typing import Any

from pymeasure.instruments import Channel
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labsyn.data.errors import InstrumentDataError, InstrumentError, LimitError
from labsyn.drivers.switch_channels import channel_names

FUNCTIONS = [
    "dcvolts", "acvolts", "dccurrent", "accurrent", "twowireohms", "fourwireohms",
    "frequency", "period", "temperature", "continuity",
]  # fmt: skip
_BUFFER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SCAN_SUCCESS = 6
_HALVES = {"3720": 30, "3721": 20, "3722": 48}  # from a channel to its four-wire partner
_CAPACITY = 650_000  # readings in one buffer
_MOST_READINGS = 450_000  # of one measurement
_MOST_SCANS = 100_000


def _number(reply: Any) -> float:
    """Return a setting; raise InstrumentDataError for the nil of a function without it."""
    if not isinstance(reply, float):
        raise InstrumentDataError(
            f"the 3706A answered {reply!r}, no number; its function may lack this setting"
        )
    return reply


class Keithley3706ADmm(Channel):
    """Measure what the relays of the switch put on the measure path.

    Settings are kept for each function.
    """

    function = Channel.control(
        "print({ch}.func)",
        '{ch}.func = "%s"',
        """Control what the DMM measures (str, such as "dcvolts" or "twowireohms").""",
        validator=strict_discrete_set,
        values=FUNCTIONS,
        check_set_errors=True,
    )
    range = Channel.control(
        "print({ch}.range)",
        "{ch}.range = %.9g",
        """Control the range of the DMM function in its unit (float, strictly 0 to 120e6);
        setting it switches the automatic range off.""",
        validator=strict_range,
        values=(0, 120e6),
        check_set_errors=True,
        get_process=_number,
    )
    autorange_enabled = Channel.control(
        "print({ch}.autorange)",
        "{ch}.autorange = %d",
        """Control whether the DMM finds its range itself (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        check_set_errors=True,
        get_process=lambda reply: int(_number(reply)),
    )
    nplc = Channel.control(
        "print({ch}.nplc)",
        "{ch}.nplc = %.9g",
        """Control the integration time in power line cycles (float, strictly 0.0005 to 15).""",
        validator=strict_range,
        values=(5e-4, 15),
        check_set_errors=True,
        get_process=_number,
    )

    def measure(self) -> float:
        """Take one reading, in the unit of the DMM function; NaN where it overflows."""
        return self.parent.numbers(self.ask("print(dmm.measure())"), ",")[0]

    def make_buffer(self, name: str, capacity: int) -> None:
        """Make a reading buffer for `capacity` readings, a Lua variable called `name`.

        Raises
        ------
        LimitError
            If `capacity` is no whole number from 1 to 650 000.
        """
        size = _count(capacity, _CAPACITY, "capacity")
        self.parent.command(f"{_buffer(name)} = dmm.makebuffer({size})")

    def measure_into(self, name: str, count: int) -> None:
        """Take `count` readings into a buffer, which is cleared first.

        The `timeout` must be longer than they take.

        Raises
        ------
        LimitError
            If `count` is no whole number from 1 to 450 000.
        """
        readings = _count(count, _MOST_READINGS, "count")
        # back to 1 in the same message: `measure` takes as many as are set
        self.parent.command(
            f"dmm.measurecount = {readings} dmm.measure({_buffer(name)}) dmm.measurecount = 1"
        )

    def read_buffer(self, name: str) -> tuple[list[float], list[float], list[str]]:
        """Return readings, seconds since the first one, and channels of a buffer.

        A reading that overflowed is NaN.
        """
        buffer = _buffer(name)
        count = int(self.parent.numbers(self.ask(f"print({buffer}.n)"), ",")[0])
        if not count:
            return [], [], []
        span = f"1, {count}, {buffer}"
        values = self.parent.numbers(self.ask(f"printbuffer({span}.readings)"), ", ", count)
        times = self.parent.numbers(
            self.ask(f"printbuffer({span}.relativetimestamps)"), ", ", count
        )
        channels = self.ask(f"printbuffer({span}.channels)").split(", ")
        return values, times, channels

    def measure_paths(self, names: list[str]) -> list[list[str]]:
        """Return the relays that must close to measure each of `names` as it is configured.

        For a configuration of one's own all relays of a four-wire path are named.
        """
        reply = self.ask(f'print(dmm.getconfig("{",".join(names)}"))')
        configs = reply.split(",")
        if len(configs) != len(names):
            self.parent.check_errors()
            raise InstrumentDataError(f"the 3706A answered {reply[:200]!r} to dmm.getconfig")
        return [[n, *self._behind(n, config)] for n, config in zip(names, configs, strict=True)]

    def _behind(self, name: str, config: str) -> list[str]:
        """Return what closes with the channel `name` to measure it as `config` says."""
        if config == "nofunction":
            return []
        slot = name[0]
        if config in FUNCTIONS and config != "fourwireohms":
            return [f"{slot}911"]
        half = _HALVES.get(self.ask(f"print(slot[{slot}].idn)").split(",")[0])
        pair = [f"{slot}{int(name[1:]) + half:03d}"] if half else []
        return [f"{slot}911", f"{slot}912", f"{slot}922", *pair]

    def scan(self, channels: Iterable[str], buffer: str, *, n_scans: int = 1) -> None:
        """Measure channels one after the other into a buffer, as they are configured.

        The `timeout` must be longer than it takes.

        Raises
        ------
        LimitError
            If a channel is forbidden, or `n_scans` no whole number from 1 to 100 000.
        InstrumentError
            If the instrument refuses, or the scan did not succeed.
        """
        names = channel_names(channels)
        scans = _count(n_scans, _MOST_SCANS, "n_scans")
        paths = self.measure_paths(names)
        for step in paths if self.parent.breaks_first else [list(chain(*paths))]:
            self.parent.check_allowed(step, [])
        self.parent.command(f'scan.create("{",".join(names)}") scan.scancount = {scans}')
        self.parent.command(f"scan.execute({_buffer(buffer)})")
        state = int(self.parent.numbers(self.ask("print(scan.state())").split("\t")[0], ",")[0])
        if state != _SCAN_SUCCESS:
            raise InstrumentError(f"the scan of the 3706A ended in state {state}")


def _buffer(name: str) -> str:
    if not _BUFFER.fullmatch(name):
        raise LimitError(f"{name!r} is no name for a reading buffer; write letters and digits")
    return name


def _count(value: float, most: int, what: str) -> int:
    if not math.isfinite(value) or value != int(value) or not 1 <= value <= most:
        raise LimitError(f"{what} {value!r} must be a whole number from 1 to {most}")
    return int(value)

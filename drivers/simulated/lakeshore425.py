"""The simulated LakeShore 425 gaussmeter: a Hall probe in the field of the bench.

Commands and forms are those of the manual (chapter 6) on the virtual serial port
of its USB, lines ending with LF. Noise, and what it answers beyond its range, are choices.
"""

import math
from collections import deque
from typing import Any

import numpy as np

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.answers import AnswerQueue
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.srs import (
    EXECUTION_ERROR,
    Command,
    SRSError,
    integer,
    number,
    parse_statement,
    setting,
    split_message,
)

IDENTITY = "LSCI,MODEL425,4250022,1.0"
RANGES = {1: 35.0, 2: 350.0, 3: 3500.0, 4: 35_000.0}
"""Gauss, by number, with a high sensitivity probe."""
PER_GAUSS = {1: 1.0, 2: 1e-4, 3: 1.0, 4: 1000 / (4 * math.pi)}
"""Gauss, tesla, oersted and ampere per metre, by number: that many are one gauss."""
OVERLOAD = "OL"
"""Answered beyond the range, as the display shows it; a choice."""
_OVERRANGE = 1.05
_DIGITS = {1: 3_500, 2: 35_000}  # steps of full scale: 3 3/4 digits wide band, 4 3/4 narrow
_NOISE = {1: 1e-4, 2: 1e-5}  # of full scale, rms: wide band, narrow band
_UPDATE = 0.1  # seconds between new readings; a reading in between is the same
_AUTO_DOWN = 0.09  # below this share the automatic range goes one down
_DC = 1
_ZERO_TIME = 5.0  # seconds that ZPROBE takes
_POWER_ON, _QUERY_ERROR = 1 << 7, 1 << 2
_LARGEST_SETPOINT = 350e3  # gauss
_DEFAULTS: dict[tuple[Any, ...], Any] = {
    ("UNIT",): 1, ("RANGE",): 4, ("AUTO",): 1, ("RDGMODE",): (_DC, 1, 2), ("REL",): 0,
    ("*ESE",): 0, ("*SRE",): 0,
}  # fmt: skip


class SimulatedLakeShore425:
    """A gaussmeter.

    Parameters
    ----------
    environment : Environment
        Whose field it measures.
    clock : VirtualClock
        The time of the bench.
    seed : int
        Seed of the noise.
    noise : bool
        Whether readings are noisy.

    Attributes
    ----------
    log : deque of (float, str)
        Virtual time and text of the latest messages, 10 000 at most.
    settings : dict
        What was set, by mnemonic.
    maximum, setpoint : float
        Largest magnitude since it was reset, and what relative readings refer to, in gauss.
    """

    def __init__(
        self,
        environment: Environment,
        clock: VirtualClock,
        *,
        seed: int = 0,
        noise: bool = True,
    ) -> None:
        self.log: deque[tuple[float, str]] = deque(maxlen=10_000)
        self.settings: dict[tuple[Any, ...], Any] = {}
        self.event = _POWER_ON
        self._environment, self._clock = environment, clock
        self._rng, self._noise = np.random.default_rng(seed), noise
        self._answers = AnswerQueue()
        self._zero = 0.0  # gauss that zeroing the probe takes off
        self._reading, self._read_at = 0.0, -math.inf
        self.reset()

    def write(self, data: bytes) -> None:
        """Handle one message; what is wrong with it sets bits of the event register."""
        text = data.decode("latin-1")
        self.log.append((self._clock.now(), text.rstrip("\r\n")))
        for statement in split_message(text):
            try:
                command, values, is_query = parse_statement(statement, COMMANDS)
                answer = command.handler(self, *values)
            except SRSError as error:
                self.event |= error.bit
                continue
            if not is_query:
                self._read_at = -math.inf  # a new setting makes a new reading
            if isinstance(answer, str) and not self._answers.put(
                answer.encode("ascii") + b"\n"
            ):
                self.event |= _QUERY_ERROR

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        return self._answers.read(count, termchar)

    def clear(self) -> None:
        """Forget what waits to be read."""
        self._answers.clear()

    def trigger(self) -> None:
        """Do nothing: a serial port has no trigger."""

    def status_byte(self) -> int:
        """Return message available 16, event 32 and request 64."""
        byte = 16 * bool(self._answers) | 32 * bool(self.event & self.settings["*ESE",])
        return byte | 64 * bool(byte & self.settings["*SRE",])

    def reset(self) -> None:
        """Gauss, direct field, narrow band, automatic range."""
        self.settings = dict(_DEFAULTS)
        self.maximum = self.setpoint = 0.0

    def measure(self) -> float:
        """Return the reading in gauss, infinite on overload, as of the last update."""
        now = self._clock.now()
        if now - self._read_at < _UPDATE:
            return self._reading
        self._read_at = now
        mode, _, band = self.settings["RDGMODE",]
        # The rms mode sees alternating fields only, and there are none.
        field = 1e4 * self._environment.field - self._zero if mode == _DC else 0.0
        if self.settings["AUTO",]:
            self._choose_range(field)
        scale = RANGES[self.settings["RANGE",]]
        draw = float(self._rng.standard_normal()) if self._noise else 0.0
        noisy = field + draw * _NOISE[band] * scale
        if mode != _DC:
            noisy = abs(noisy)
        if abs(noisy) > _OVERRANGE * scale:
            self._reading = math.copysign(math.inf, noisy)
        else:
            step = scale / _DIGITS[band]
            self._reading = round(noisy / step) * step
            self.maximum = max(self.maximum, abs(self._reading))
        return self._reading

    def zero_probe(self) -> None:
        """Take what the probe sees for zero: it should sit in a zero gauss chamber."""
        self._clock.sleep(_ZERO_TIME)
        self._zero = 1e4 * self._environment.field

    def show(self, gauss: float) -> str:
        """Return a field in the unit that is set."""
        if math.isinf(gauss):
            return OVERLOAD
        return format_number(gauss * PER_GAUSS[self.settings["UNIT",]])

    def _choose_range(self, field: float) -> None:
        index = self.settings["RANGE",]
        while index < 4 and abs(field) > RANGES[index]:
            index += 1
        while index > 1 and abs(field) < _AUTO_DOWN * RANGES[index]:
            index -= 1
        self.settings["RANGE",] = index


def format_number(value: float) -> str:
    """Return ±nnn.nnnE±nn, an engineering number.

    >>> format_number(-0.3)
    '-300.000E-03'
    """
    if abs(value) < 1e-96:  # no exponent of two digits goes there
        value = 0.0
    power = 3 * math.floor(math.log10(abs(value)) / 3) if value else 0
    digits = value / 10.0**power
    if abs(round(digits, 3)) >= 1000:
        digits, power = digits / 1000, power + 3
    return f"{digits:+08.3f}E{power:+03d}"


_Meter = SimulatedLakeShore425


def _identify(meter: _Meter) -> str:
    return IDENTITY


def _reset(meter: _Meter) -> None:
    meter.reset()


def _query_field(meter: _Meter) -> str:
    return meter.show(meter.measure())


def _query_relative(meter: _Meter) -> str:
    return meter.show(meter.measure() - meter.setpoint)


def _query_maximum(meter: _Meter) -> str:
    meter.measure()
    return meter.show(meter.maximum)


def _reset_maximum(meter: _Meter) -> None:
    meter.maximum = 0.0


def _set_range(meter: _Meter, index: int) -> None:
    meter.settings["RANGE",], meter.settings["AUTO",] = index, 0


def _query_range(meter: _Meter) -> str:
    meter.measure()  # which chooses it
    return str(meter.settings["RANGE",])


def _set_automatic(meter: _Meter, on: int = 1) -> None:
    """AUTO alone switches it on; that it takes a number is a choice after the 475."""
    meter.settings["AUTO",] = on


def _set_mode(meter: _Meter, mode: int, filtered: int, band: int) -> None:
    meter.settings["RDGMODE",] = (mode, filtered, band)


def _query_mode(meter: _Meter) -> str:
    return ",".join(str(value) for value in meter.settings["RDGMODE",])


def _zero_probe(meter: _Meter) -> None:
    meter.zero_probe()


def _set_setpoint(meter: _Meter, value: float) -> None:
    gauss = value / PER_GAUSS[meter.settings["UNIT",]]
    if abs(gauss) > _LARGEST_SETPOINT:
        raise SRSError(EXECUTION_ERROR)
    meter.setpoint = gauss


def _query_setpoint(meter: _Meter) -> str:
    return meter.show(meter.setpoint)


def _query_probe(meter: _Meter) -> str:
    return "40"  # high sensitivity


def _query_event(meter: _Meter) -> str:
    event, meter.event = meter.event, 0
    return str(event)


def _clear_status(meter: _Meter) -> None:
    meter.event = 0


def _query_status_byte(meter: _Meter) -> str:
    return str(meter.status_byte())


def _query_complete(meter: _Meter) -> str:
    return "1"


def _query_test(meter: _Meter) -> str:
    return "0"


_ON_OFF = integer(0, 1)
COMMANDS: dict[str, Command] = {
    "*IDN?": Command(_identify),
    "*RST": Command(_reset),
    "*CLS": Command(_clear_status),
    "*ESR?": Command(_query_event),
    "*STB?": Command(_query_status_byte),
    "*OPC?": Command(_query_complete),
    "*TST?": Command(_query_test),
    **setting("*ESE", integer(0, 255)),
    **setting("*SRE", integer(0, 255)),
    "RDGFIELD?": Command(_query_field),
    "RDGREL?": Command(_query_relative),
    "RDGMX?": Command(_query_maximum),
    "MXRST": Command(_reset_maximum),
    **setting("UNIT", integer(1, 4)),
    "RANGE": Command(_set_range, (integer(1, 4),)),
    "RANGE?": Command(_query_range),
    **setting("AUTO", _ON_OFF),
    "AUTO": Command(_set_automatic, (_ON_OFF,), optional=1),
    "RDGMODE": Command(_set_mode, (integer(1, 2), _ON_OFF, integer(1, 2))),
    "RDGMODE?": Command(_query_mode),
    "ZPROBE": Command(_zero_probe),
    **setting("REL", _ON_OFF),
    "RELSP": Command(_set_setpoint, (number(-math.inf, math.inf),)),
    "RELSP?": Command(_query_setpoint),
    "TYPE?": Command(_query_probe),
}
"""Every command of this instrument by mnemonic; ``?`` makes a query."""

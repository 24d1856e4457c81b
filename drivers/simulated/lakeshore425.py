"""The simulated LakeShore 425 gaussmeter: a Hall probe in the field of the bench.

Commands and forms are those of the manual (chapter 6) on the virtual serial port
of its USB, lines ending with LF. Noise, and what it answers beyond its range, are choices.
The filter of readings is kept and answered, and changes nothing; the largest reading is
that of the readings that were asked for.
"""

import math
from typing import Any, ClassVar

import numpy as np

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.lakeshore425_commands import LAKESHORE425_COMMANDS
from labsyn.drivers.simulated.terse_instrument import TerseInstrument

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
QUERY_TIME = 10e-3
"""Seconds that a query takes on the serial port; a choice. A program that polls waits so."""
_DEVICE_ERROR = 1 << 3
_DEFAULTS: dict[tuple[Any, ...], Any] = {
    ("UNIT",): 1, ("RANGE",): 4, ("AUTO",): 1, ("RDGMODE",): (_DC, 1, 2), ("REL",): 0,
    ("ALARM",): (0, 1, 0.0, 0.0, 1, 0, 0), ("RELAY",): (0, 3),
    ("*ESE",): 0, ("*SRE",): 0,
}  # fmt: skip


class SimulatedLakeShore425(TerseInstrument):
    """A gaussmeter.

    Parameters
    ----------
    environment : Environment
        Whose field it measures.
    clock : VirtualClock
        The time of the bench.
    query_time : float
        Seconds that a query takes.
    seed : int
        Seed of the noise.
    noise : bool
        Whether readings are noisy.

    Attributes
    ----------
    maximum, setpoint : float
        Largest magnitude since it was reset, and what relative readings refer to, in gauss.
    """

    COMMANDS = LAKESHORE425_COMMANDS
    AILMENTS: ClassVar[tuple[str, ...]] = ("error", "overload")

    def __init__(
        self,
        environment: Environment,
        clock: VirtualClock,
        *,
        query_time: float = QUERY_TIME,
        seed: int = 0,
        noise: bool = True,
    ) -> None:
        super().__init__(clock, query_time)
        self._environment = environment
        self._rng, self._noise = np.random.default_rng(seed), noise
        self._zero = 0.0  # gauss that zeroing the probe takes off
        self._reading, self._read_at = 0.0, -math.inf
        self._overloaded = False
        self.reset()

    def after_setting(self) -> None:
        self._read_at = -math.inf  # a new setting makes a new reading

    def trigger(self) -> None:
        """Do nothing: a serial port has no trigger."""

    def fail(self, code: int, text: str) -> None:
        """Set the device error bit of the event register: it keeps neither code nor text."""
        self.standard_event |= _DEVICE_ERROR

    def ail(self, ailment: str) -> None:
        """Let the probe see more than the range."""
        self._overloaded, self._read_at = bool(ailment), -math.inf

    def status_byte(self) -> int:
        """Return message available 16, event 32 and request 64."""
        byte = 16 * bool(self._answers) | 32 * bool(
            self.standard_event & self.settings["*ESE",]
        )
        return byte | 64 * bool(byte & self.settings["*SRE",])

    def reset(self) -> None:
        """Gauss, direct field, narrow band, automatic range."""
        self.settings = dict(_DEFAULTS)
        self.maximum = self.setpoint = 0.0

    def measure(self) -> float:
        """Return the reading in gauss, infinite on overload, as of the last update."""
        now = self.clock.now()
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
        if self._overloaded or abs(noisy) > _OVERRANGE * scale:
            self._reading = math.copysign(math.inf, noisy)
        else:
            step = scale / _DIGITS[band]
            self._reading = round(noisy / step) * step
            self.maximum = max(self.maximum, abs(self._reading))
        return self._reading

    @property
    def relay_on(self) -> bool:
        """Whether the relay is switched on, or the alarm it follows is active."""
        mode, which = self.settings["RELAY",]
        return bool(mode == 1 or (mode == 2 and which & self._active_alarms()))

    def _active_alarms(self) -> int:
        """Return the alarms that are active: low 1, high 2, both where one end is as good."""
        on, compares, low, high, where, *_ = self.settings["ALARM",]
        reading = self.measure()
        value = abs(reading) if compares == 1 else reading
        if not on:
            return 0
        if where == 1:
            return 1 * (value < low) | 2 * (value > high)
        return 3 * (low < value < high)

    def zero_probe(self) -> None:
        """Take what the probe sees for zero: it should sit in a zero gauss chamber."""
        self.clock.sleep(_ZERO_TIME)
        self._zero = 1e4 * self._environment.field

    def to_gauss(self, value: float) -> float:
        """Return a field that was given in the unit that is set."""
        return value / PER_GAUSS[self.settings["UNIT",]]

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

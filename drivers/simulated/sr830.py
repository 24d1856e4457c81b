"""The simulated Stanford Research SR830 lock-in amplifier.

It behaves as the manual (chapter 5) documents it. What the manual does not give
as a number is a choice, named where it stands. The line filters, grounding and the
synchronous filter are kept and answered, but hum and harmonics, which they would remove,
do not exist here; nor do the speaker and the keys, whose settings are kept as well.
"""

from typing import Any, ClassVar

from labsyn.drivers.simulated.sr830_buffer import BUFFER_DEFAULTS, SampleBuffer
from labsyn.drivers.simulated.sr830_commands import SR830_COMMANDS
from labsyn.drivers.simulated.srs_lock_in import OUTPUT_FULL_SCALE, SRSLockIn

IDENTITY = "Stanford_Research_Systems,SR830,s/n12345,ver1.07"
_DECADES = (1, 2, 5)
SENSITIVITIES = [2e-9, 5e-9] + [
    float(f"{m}e{e}") for e in range(-8, 0) for m in _DECADES
] + [1.0]  # fmt: skip
TIME_CONSTANTS = [float(f"{m}e{e}") for e in range(-5, 5) for m in (1, 3)]
_LONG_TIME_CONSTANT = 13  # above 30 s only below 200 Hz
_LOW_RANGE, _HIGH_RANGE = 199.21, 203.12  # hertz, the hysteresis of the range switch
_INPUT_LIMIT = 1.0 * OUTPUT_FULL_SCALE  # volt rms
_CURRENT_GAINS = {2: 1e6, 3: 1e8}  # ohm, by ISRC
_MOST_AT_HIGH_GAIN = 10e-9  # ampere: larger scales select the gain of 1 MΩ
# How far beyond full scale a signal may be before the filter, by RMOD; a choice.
_RESERVES = {0: 100.0, 1: 10.0, 2: 1.0}
_INPUT, _FILTER, _OUTPUT, _UNLOCK, _RANGE, _TIME_CONSTANT, _TRIGGERED = (
    1 << bit for bit in range(7)
)


class SimulatedSR830(SRSLockIn):
    r"""An SR830; its parameters are those of `SRSLockIn`.

    Examples
    --------
    >>> from labsyn.drivers.clock import VirtualClock
    >>> from labsyn.drivers.simulated.wiring import Wiring
    >>> clock = VirtualClock()
    >>> lock_in = SimulatedSR830(Wiring(clock), clock, noise=False)
    >>> lock_in.write(b"SLVL0.5;SLVL?")
    >>> lock_in.read(99)
    (b'0.500\n', True)
    """

    IDENTITY = IDENTITY
    COMMANDS = SR830_COMMANDS
    POWER_ON_AMPLITUDE = 0.004  # it keeps its settings; *RST sets 1 V
    NOISE_DENSITY = 6e-9
    FIRST_AUX = 1
    OVERLOAD = _INPUT
    DEFAULTS: ClassVar[dict[tuple[Any, ...], Any]] = {
        ("FREQ",): 1000.0, ("SLVL",): 1.0, ("PHAS",): 0.0, ("HARM",): 1, ("FMOD",): 1,
        ("RSLP",): 0, ("ISRC",): 0, ("IGND",): 0, ("ICPL",): 0, ("ILIN",): 0,
        ("SENS",): 26, ("RMOD",): 1, ("OFLT",): 8, ("OFSL",): 1, ("SYNC",): 0,
        ("OUTX",): 1, ("OVRM",): 1, ("LOCL",): 1, ("KCLK",): 1, ("ALRM",): 1, ("*PSC",): 1,
        ("FPOP", 1): 0, ("FPOP", 2): 0,
        ("OEXP", 1): (0.0, 0), ("OEXP", 2): (0.0, 0), ("OEXP", 3): (0.0, 0),
        ("AUXV", 1): 0.0, ("AUXV", 2): 0.0, ("AUXV", 3): 0.0, ("AUXV", 4): 0.0,
        **BUFFER_DEFAULTS,
    }  # fmt: skip

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.setups: dict[int, dict[tuple[Any, ...], Any]] = {}  # by SSET, 1 to 9
        super().__init__(*arguments, **options)

    def clear_storage(self) -> None:
        self.low_range = False
        self.buffer = SampleBuffer(self)

    def configure(self) -> None:
        self._limit_time_constant()
        if self.settings["ISRC",] == 3 and self.full_scale > _MOST_AT_HIGH_GAIN:
            self.settings["ISRC",] = 2
        super().configure()
        self.signal.current_input = self.settings["ISRC",] in _CURRENT_GAINS
        self.signal.time_constant = TIME_CONSTANTS[self.settings["OFLT",]]
        self.signal.drive(self.settings["SLVL",])

    def _limit_time_constant(self) -> None:
        """Follow the two detection ranges, and what they do to long time constants."""
        detection = self.settings["FREQ",] * self.settings["HARM",]
        low_range = detection < (_HIGH_RANGE if self.low_range else _LOW_RANGE)
        if low_range != self.low_range:
            self.low_range = low_range
            self.lock_in_status |= _RANGE
        if not self.allows_time_constant(self.settings["OFLT",]):
            self.settings["OFLT",] = _LONG_TIME_CONSTANT
            self.lock_in_status |= _TIME_CONSTANT

    def allows_time_constant(self, index: int) -> bool:
        """Return whether the detection range has that time constant."""
        return self.low_range or index <= _LONG_TIME_CONSTANT

    @property
    def full_scales(self) -> list[float]:
        """Volts (or ampere) of full scale, by sensitivity."""
        unit = 1e-6 if self.settings["ISRC",] in _CURRENT_GAINS else 1.0
        return [volts * unit for volts in SENSITIVITIES]

    @property
    def full_scale(self) -> float:
        return self.full_scales[self.settings["SENS",]]

    def scaled_outputs(self) -> list[tuple[float, float]]:
        """Return X, Y and R less their offsets, each with 109 % of its expanded full scale.

        The offset takes part of full scale off what is displayed; the expand adds a digit
        to that, and leaves a tenth or a hundredth of full scale (manual, page 2-10). The
        offsets of X and Y do not change R.
        """
        raw, scale = self.signal.output, self.full_scale
        scaled = []
        for output, value in enumerate((raw.real, raw.imag, abs(raw)), start=1):
            percent, expand = self.settings["OEXP", output]
            most = OUTPUT_FULL_SCALE * scale / 10**expand
            scaled.append((value - percent / 100 * scale, most))
        return scaled

    @property
    def has_reference(self) -> bool:
        return bool(self.settings["FMOD",])  # nothing is on the external reference input

    @property
    def storing(self) -> bool:
        return self.buffer.running

    def store_samples(self, until: float, level: float) -> None:
        self.buffer.store_until(until, level)

    def watch_overloads(self, level: float) -> None:
        most = OUTPUT_FULL_SCALE * self.full_scale
        gain = _CURRENT_GAINS.get(self.settings["ISRC",], 1.0)
        self.lock_in_status |= _INPUT * (abs(level) * gain > _INPUT_LIMIT)
        self.lock_in_status |= _FILTER * (abs(level) > most * _RESERVES[self.settings["RMOD",]])
        overloaded = any(abs(value) > limit for value, limit in self.scaled_outputs())
        self.lock_in_status |= _OUTPUT * overloaded
        self.lock_in_status |= _UNLOCK * (not self.has_reference)

    def displayed(self, name: int) -> float:
        """Return a value by its SNAP number: X, Y, R, theta, aux 1 to 4, f, CH1, CH2."""
        if name <= 4:
            return self.outputs[name - 1]
        if name <= 8:
            return self.aux_input(name - 4)
        if name == 9:
            return float(self.settings["FREQ",])
        return self.buffer.channel_value(name - 9)

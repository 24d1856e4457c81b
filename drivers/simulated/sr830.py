"""The simulated Stanford Research SR830 lock-in amplifier.

It behaves as the manual (chapter 5) documents it. What the manual does not give
as a number is a choice, named where it stands. The line filters, grounding and the
synchronous filter are kept and answered, but hum and harmonics, which they would remove,
do not exist here.
"""

import math
from typing import Any, ClassVar

from labsyn.drivers.simulated.sr830_buffer import BUFFER_COMMANDS, BUFFER_DEFAULTS, SampleBuffer
from labsyn.drivers.simulated.srs import (
    EXECUTION_ERROR,
    Command,
    SRSError,
    integer,
    number,
    setting,
    wrap_phase,
)
from labsyn.drivers.simulated.srs_lock_in import OUTPUT_FULL_SCALE, SRSLockIn
from labsyn.drivers.simulated.srs_status import STATUS_COMMANDS

IDENTITY = "Stanford_Research_Systems,SR830,s/n12345,ver1.07"
_DECADES = (1, 2, 5)
SENSITIVITIES = [2e-9, 5e-9] + [
    float(f"{m}e{e}") for e in range(-8, 0) for m in _DECADES
] + [1.0]  # fmt: skip
TIME_CONSTANTS = [float(f"{m}e{e}") for e in range(-5, 5) for m in (1, 3)]
_MAX_DETECTION_FREQUENCY = 102_000.0
_LONG_TIME_CONSTANT = 13  # above 30 s only below 200 Hz
_LOW_RANGE, _HIGH_RANGE = 199.21, 203.12  # hertz, the hysteresis of the range switch
_INPUT_LIMIT = 1.0 * OUTPUT_FULL_SCALE  # volt rms
_CURRENT_GAINS = {2: 1e6, 3: 1e8}  # ohm, by ISRC
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

    POWER_ON_AMPLITUDE = 0.004  # it keeps its settings; *RST sets 1 V
    NOISE_DENSITY = 6e-9
    DEFAULTS: ClassVar[dict[tuple[Any, ...], Any]] = {
        ("FREQ",): 1000.0, ("SLVL",): 1.0, ("PHAS",): 0.0, ("HARM",): 1, ("FMOD",): 1,
        ("RSLP",): 0, ("ISRC",): 0, ("IGND",): 0, ("ICPL",): 0, ("ILIN",): 0,
        ("SENS",): 26, ("RMOD",): 1, ("OFLT",): 8, ("OFSL",): 1, ("SYNC",): 0,
        ("OUTX",): 1, ("OVRM",): 1,
        ("OEXP", 1): (0.0, 0), ("OEXP", 2): (0.0, 0), ("OEXP", 3): (0.0, 0),
        ("AUXV", 1): 0.0, ("AUXV", 2): 0.0, ("AUXV", 3): 0.0, ("AUXV", 4): 0.0,
        **BUFFER_DEFAULTS,
    }  # fmt: skip

    def clear_storage(self) -> None:
        self._low_range = False
        self.buffer = SampleBuffer(self)

    def configure(self) -> None:
        source = self.settings["ISRC",]
        self._limit_time_constant()
        super().configure()
        self.signal.current_input = source in _CURRENT_GAINS
        self.signal.time_constant = TIME_CONSTANTS[self.settings["OFLT",]]
        self.signal.drive(self.settings["SLVL",])

    def _limit_time_constant(self) -> None:
        """Follow the two detection ranges, and what they do to long time constants."""
        detection = self.settings["FREQ",] * self.settings["HARM",]
        low_range = detection < (_HIGH_RANGE if self._low_range else _LOW_RANGE)
        if low_range != self._low_range:
            self._low_range = low_range
            self.lock_in_status |= _RANGE
        if not low_range and self.settings["OFLT",] > _LONG_TIME_CONSTANT:
            self.settings["OFLT",] = _LONG_TIME_CONSTANT
            self.lock_in_status |= _TIME_CONSTANT

    @property
    def full_scale(self) -> float:
        volts = SENSITIVITIES[self.settings["SENS",]]
        return volts * 1e-6 if self.settings["ISRC",] in _CURRENT_GAINS else volts

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
        self.lock_in_status |= _OUTPUT * (abs(self.signal.output) > most)
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


def _identify(lock_in: SimulatedSR830) -> str:
    return IDENTITY


def _set_frequency(lock_in: SimulatedSR830, hertz: float) -> None:
    """FREQ: internal reference only, to five digits or 0.1 mHz."""
    if not lock_in.has_reference:
        raise SRSError(EXECUTION_ERROR)
    if hertz * lock_in.settings["HARM",] > _MAX_DETECTION_FREQUENCY:
        raise SRSError(EXECUTION_ERROR)
    lock_in.settings["FREQ",] = max(round(float(f"{hertz:.5g}"), 4), 1e-3)


def _set_harmonic(lock_in: SimulatedSR830, harmonic: int) -> None:
    """HARM: at most what keeps the detection below 102 kHz."""
    highest = math.floor(_MAX_DETECTION_FREQUENCY / lock_in.settings["FREQ",])
    lock_in.settings["HARM",] = min(harmonic, highest)


def _set_phase(lock_in: SimulatedSR830, degrees: float) -> None:
    lock_in.settings["PHAS",] = wrap_phase(round(degrees, 2))


def _set_amplitude(lock_in: SimulatedSR830, volts: float) -> None:
    lock_in.settings["SLVL",] = round(round(volts / 0.002) * 0.002, 3)  # steps of 2 mV


def _set_time_constant(lock_in: SimulatedSR830, index: int) -> None:
    detection = lock_in.settings["FREQ",] * lock_in.settings["HARM",]
    if index > _LONG_TIME_CONSTANT and detection > _HIGH_RANGE:
        raise SRSError(EXECUTION_ERROR)
    lock_in.settings["OFLT",] = index


def _output(lock_in: SimulatedSR830, index: int) -> str:
    return f"{lock_in.displayed(index):.6g}"


def _snap(lock_in: SimulatedSR830, *names: int) -> str:
    return ",".join(f"{lock_in.displayed(name):.6g}" for name in names)


def _set_expansion(lock_in: SimulatedSR830, output: int, percent: float, expand: int) -> None:
    lock_in.settings["OEXP", output] = (percent, expand)


def _query_expansion(lock_in: SimulatedSR830, output: int) -> str:
    percent, expand = lock_in.settings["OEXP", output]
    return f"{percent:.2f},{expand}"


def _offset_automatically(lock_in: SimulatedSR830, output: int) -> None:
    percent = 100 * lock_in.outputs[output - 1] / lock_in.full_scale
    lock_in.settings["OEXP", output] = (
        round(min(max(percent, -105.0), 105.0), 2),
        lock_in.settings["OEXP", output][1],
    )


def _gain_automatically(lock_in: SimulatedSR830) -> None:
    """AGAN: the smallest sensitivity that R fits into; nothing above 1 s."""
    if lock_in.signal.time_constant > 1:
        return
    scale = 1e-6 if lock_in.settings["ISRC",] in _CURRENT_GAINS else 1.0
    magnitude = abs(lock_in.signal.output)
    fitting = [i for i, sens in enumerate(SENSITIVITIES) if magnitude <= sens * scale]
    lock_in.settings["SENS",] = fitting[0] if fitting else len(SENSITIVITIES) - 1


def _reserve_automatically(lock_in: SimulatedSR830) -> None:
    lock_in.settings["RMOD",] = 2


def _phase_automatically(lock_in: SimulatedSR830) -> None:
    shift = lock_in.outputs[3]
    lock_in.settings["PHAS",] = wrap_phase(round(lock_in.settings["PHAS",] + shift, 2))


def _set_aux_output(lock_in: SimulatedSR830, channel: int, volts: float) -> None:
    lock_in.settings["AUXV", channel] = round(volts, 3)
    lock_in.drive_aux(channel, round(volts, 3))


def _query_aux_output(lock_in: SimulatedSR830, channel: int) -> str:
    return f"{lock_in.settings['AUXV', channel]:.3f}"


def _query_aux_input(lock_in: SimulatedSR830, channel: int) -> str:
    return f"{lock_in.aux_input(channel):.4f}"


_ONE_TO_FOUR = integer(1, 4)
_SNAPPED = integer(1, 11)
SimulatedSR830.COMMANDS = {
    **STATUS_COMMANDS,
    **BUFFER_COMMANDS,
    "*IDN?": Command(_identify),
    **setting("FREQ", number(1e-3, 102_000), "{:.6g}"),
    **setting("SLVL", number(0.004, 5), "{:.3f}"),
    **setting("PHAS", number(-360, 729.99), "{:.2f}"),
    **setting("HARM", integer(1, 19_999)),
    **setting("FMOD", integer(0, 1)),
    **setting("RSLP", integer(0, 2)),
    **setting("ISRC", integer(0, 3)),
    **setting("IGND", integer(0, 1)),
    **setting("ICPL", integer(0, 1)),
    **setting("ILIN", integer(0, 3)),
    **setting("SENS", integer(0, 26)),
    **setting("RMOD", integer(0, 2)),
    **setting("OFLT", integer(0, 19)),
    **setting("OFSL", integer(0, 3)),
    **setting("SYNC", integer(0, 1)),
    **setting("OUTX", integer(0, 1)),
    **setting("OVRM", integer(0, 1)),
    "FREQ": Command(_set_frequency, (number(1e-3, 102_000),)),
    "SLVL": Command(_set_amplitude, (number(0.004, 5),)),
    "PHAS": Command(_set_phase, (number(-360, 729.99),)),
    "HARM": Command(_set_harmonic, (integer(1, 19_999),)),
    "OFLT": Command(_set_time_constant, (integer(0, 19),)),
    "OUTP?": Command(_output, (_ONE_TO_FOUR,)),
    "SNAP?": Command(_snap, (_SNAPPED,) * 6, optional=4),
    "OEXP": Command(_set_expansion, (integer(1, 3), number(-105, 105), integer(0, 2))),
    "OEXP?": Command(_query_expansion, (integer(1, 3),)),
    "AOFF": Command(_offset_automatically, (integer(1, 3),)),
    "AGAN": Command(_gain_automatically),
    "ARSV": Command(_reserve_automatically),
    "APHS": Command(_phase_automatically),
    "AUXV": Command(_set_aux_output, (_ONE_TO_FOUR, number(-10.5, 10.5))),
    "AUXV?": Command(_query_aux_output, (_ONE_TO_FOUR,)),
    "OAUX?": Command(_query_aux_input, (_ONE_TO_FOUR,)),
}

"""The simulated Stanford Research SR860 lock-in amplifier.

It behaves as the manual documents it; what that does not give as a number is a
choice, named where it stands. Unlike in an SR830 the sensitivity only scales the analogue
outputs: the numbers saturate with the input range.
"""

from typing import Any, ClassVar

from labsyn.drivers.simulated.sr860_capture import (
    CAPTURE_COMMANDS,
    CAPTURE_DEFAULTS,
    Capture,
)
from labsyn.drivers.simulated.srs import (
    EXECUTION_ERROR,
    Command,
    Reader,
    SRSError,
    integer,
    number,
    setting,
    word,
    wrap_phase,
)
from labsyn.drivers.simulated.srs_lock_in import OUTPUT_FULL_SCALE, SRSLockIn
from labsyn.drivers.simulated.srs_status import STATUS_COMMANDS

IDENTITY = "Stanford_Research_Systems,SR860,002823,v1.51"
SENSITIVITIES = [float(f"{m}e{e}") for e in range(-9, 0) for m in (1, 2, 5)][::-1]
SENSITIVITIES = [1.0, *SENSITIVITIES]
TIME_CONSTANTS = [float(f"{m}e{e}") for e in range(-6, 5) for m in (1, 3)]
INPUT_RANGES = [1.0, 0.3, 0.1, 0.03, 0.01]
_CURRENT_SCALE = 1e-6  # ampere at the sensitivity of 1 V
PARAMETERS = (
    "X", "Y", "R", "THeta", "IN1", "IN2", "IN3", "IN4", "XNOise", "YNOise", "OUT1", "OUT2",
    "PHAse", "SAMp", "LEVel", "FInt", "FExt",
)  # fmt: skip
_CHANNEL_1, _CHANNEL_2, _UNLOCK, _RANGE = 1 << 0, 1 << 1, 1 << 3, 1 << 4

_FREQUENCY = number(1e-3, 500_000)
_AMPLITUDE = number(0, 2)
_LEVEL = number(-5, 5)
_AUX = number(-10.5, 10.5)
_PARAMETER = word(*PARAMETERS)
_FOUR = integer(0, 3)
_SWITCH = word("OFF", "ON")

# Values that are just kept: mnemonic, reader, start value.
_PLAIN: dict[str, tuple[Reader, Any]] = {
    "HARM": (integer(1, 99), 1),
    "HARMDUAL": (integer(1, 99), 1),
    "TBMODE": (word("AUTO", "INternal"), 0),
    "REFM": (word("COMmon", "DIFference"), 0),
    "RSRC": (word("INT", "EXT", "DUAL", "CHOP"), 0),
    "RTRG": (word("SIN", "POSttl", "NEGttl"), 0),
    "REFZ": (word("50ohms", "1Meg"), 1),
    "IVMD": (word("VOLTage", "CURRent"), 0),
    "ISRC": (word("A", "A-B"), 0),
    "ICPL": (word("AC", "DC"), 0),
    "IGND": (word("FLOat", "GROund"), 0),
    "IRNG": (word("1Volt", "300Mvolt", "100Mvolt", "30Mvolt", "10Mvolt"), 0),
    "ICUR": (word("1MEG", "100MEG"), 0),
    "SCAL": (integer(0, 27), 0),
    "OFLT": (integer(0, 21), 10),
    "OFSL": (integer(0, 3), 1),
    "SYNC": (_SWITCH, 0),
    "ADVFILT": (_SWITCH, 1),
    "DBLK": (_SWITCH, 1),
    "DLAY": (integer(0, 5), 0),
    "GSPD": (integer(0, 16), 0),
}
# The same by channel: mnemonic, reader, form, start values.
_BY_CHANNEL: dict[str, tuple[Reader, str, tuple[Any, ...]]] = {
    "PSTF": (_FREQUENCY, "{:.10g}", (10.0, 100.0, 1e3, 1e4)),
    "PSTA": (_AMPLITUDE, "{:.10g}", (0.01, 0.1, 0.5, 1.0)),
    "PSTL": (_LEVEL, "{:.10g}", (0.0, 0.1, 0.5, 1.0)),
    "AUXV": (_AUX, "{:.7g}", (0.0, 0.0, 0.0, 0.0)),
    "CDSP": (_PARAMETER, "{:d}", (0, 1, 2, 3)),
    "CGRF": (_SWITCH, "{:d}", (1, 1, 1, 1)),
    "COFP": (number(-999.99, 999.99), "{:.2f}", (0.0, 0.0, 0.0, 0.0)),
    "CEXP": (integer(0, 2), "{:d}", (0, 0, 0, 0)),
}


class SimulatedSR860(SRSLockIn):
    r"""An SR860; its parameters are those of `SRSLockIn`.

    Examples
    --------
    >>> from labsyn.drivers.clock import VirtualClock
    >>> from labsyn.drivers.simulated.wiring import Wiring
    >>> clock = VirtualClock()
    >>> lock_in = SimulatedSR860(Wiring(clock), clock, noise=False)
    >>> lock_in.write(b"SLVL 0.5; SLVL?")
    >>> lock_in.read(99)
    (b'0.5\n', True)
    """

    POWER_ON_AMPLITUDE = 0.0
    NOISE_DENSITY = 2.5e-9
    DEFAULTS: ClassVar[dict[tuple[Any, ...], Any]] = {
        ("FREQ",): 1e5, ("SLVL",): 0.0, ("SOFF",): 0.0, ("PHAS",): 0.0,
        **{(name,): start for name, (_, start) in _PLAIN.items()},
        **{
            (name, index): start
            for name, (_, _, starts) in _BY_CHANNEL.items()
            for index, start in enumerate(starts)
        },
        **CAPTURE_DEFAULTS,
    }  # fmt: skip

    def clear_storage(self) -> None:
        self.capture = Capture(self)

    def configure(self) -> None:
        super().configure()
        self.signal.current_input = self.settings["IVMD",] == 1
        self.signal.time_constant = TIME_CONSTANTS[self.settings["OFLT",]]
        self.signal.drive(self.settings["SLVL",], self.settings["SOFF",])

    @property
    def full_scale(self) -> float:
        volts = SENSITIVITIES[self.settings["SCAL",]]
        return volts * _CURRENT_SCALE if self.settings["IVMD",] else volts

    @property
    def saturation(self) -> float:
        if self.settings["IVMD",]:
            return OUTPUT_FULL_SCALE * _CURRENT_SCALE / (100.0 if self.settings["ICUR",] else 1)
        return OUTPUT_FULL_SCALE * INPUT_RANGES[self.settings["IRNG",]]

    @property
    def has_reference(self) -> bool:
        return self.settings["RSRC",] == 0  # nothing is on the external reference input

    @property
    def storing(self) -> bool:
        return self.capture.running

    def store_samples(self, until: float, level: float) -> None:
        self.capture.store_until(until, level)

    def overloads(self, level: float) -> int:
        """Return the bits of what is overloaded now, with `level` at the input."""
        raw = self.signal.output
        most = OUTPUT_FULL_SCALE * self.full_scale
        bits = _CHANNEL_1 * (abs(raw.real) > most) | _CHANNEL_2 * (abs(raw.imag) > most)
        return (
            bits | _UNLOCK * (not self.has_reference) | _RANGE * (abs(level) > self.saturation)
        )

    def watch_overloads(self, level: float) -> None:
        self.lock_in_status |= self.overloads(level)

    def displayed(self, index: int) -> float:
        """Return one of `PARAMETERS`; the noise outputs are not simulated, they read zero."""
        values = {
            "PHAse": self.settings["PHAS",],
            "SAMp": self.settings["SLVL",],
            "LEVel": self.settings["SOFF",],
            "FInt": self.settings["FREQ",],
            "OUT1": self.settings["AUXV", 0],
            "OUT2": self.settings["AUXV", 1],
        }
        if index < 4:
            return self.outputs[index]
        if index < 8:
            return self.aux_input(index - 3)
        return float(values.get(PARAMETERS[index], 0.0))


def _identify(lock_in: SimulatedSR860) -> str:
    return IDENTITY


def _set_phase(lock_in: SimulatedSR860, degrees: float) -> None:
    lock_in.settings["PHAS",] = wrap_phase(degrees)


def _set_frequency(lock_in: SimulatedSR860, hertz: float) -> None:
    lock_in.settings["FREQ",] = float(f"{hertz:.6g}")


def _query_frequency(lock_in: SimulatedSR860) -> str:
    return f"{lock_in.settings['FREQ',]:.10g}"


def _query_detection_frequency(lock_in: SimulatedSR860) -> str:
    return f"{lock_in.settings['FREQ',] * lock_in.settings['HARM',]:.10g}"


def _query_external_frequency(lock_in: SimulatedSR860) -> str:
    return "0"


def _query_time_base(lock_in: SimulatedSR860) -> str:
    return "1"  # internal: no 10 MHz comes in


def _query_strength(lock_in: SimulatedSR860) -> str:
    """ILVL: how much of the input range is used, 0 to 4."""
    share = abs(lock_in.signal.level()) / (lock_in.saturation / OUTPUT_FULL_SCALE)
    return str(sum(share > limit for limit in (0.05, 0.25, 0.5, 1.0)))


def _query_bandwidth(lock_in: SimulatedSR860) -> str:
    return f"{lock_in.signal.noise_bandwidth:.6g}"


def _query_overload(lock_in: SimulatedSR860) -> str:
    return str(lock_in.overloads(lock_in.signal.level()))


def _output(lock_in: SimulatedSR860, index: int) -> str:
    return f"{lock_in.displayed(index):.9g}"


def _snap(lock_in: SimulatedSR860, *indices: int) -> str:
    return ",".join(f"{lock_in.displayed(index):.9g}" for index in indices)


def _snap_display(lock_in: SimulatedSR860) -> str:
    return _snap(lock_in, *(lock_in.settings["CDSP", channel] for channel in range(4)))


def _set_aux_output(lock_in: SimulatedSR860, channel: int, volts: float) -> None:
    lock_in.settings["AUXV", channel] = volts
    lock_in.drive_aux(channel + 1, volts)


def _query_aux_input(lock_in: SimulatedSR860, channel: int) -> str:
    return f"{lock_in.aux_input(channel + 1):.7g}"


def _phase_automatically(lock_in: SimulatedSR860) -> None:
    phase = lock_in.settings["PHAS",] + lock_in.outputs[3]
    lock_in.settings["PHAS",] = wrap_phase(round(phase, 7))


def _scale_automatically(lock_in: SimulatedSR860) -> None:
    """ASCL: the smallest sensitivity that R fits into."""
    unit = _CURRENT_SCALE if lock_in.settings["IVMD",] else 1.0
    magnitude = abs(lock_in.signal.output)
    fitting = [i for i, scale in enumerate(SENSITIVITIES) if magnitude <= scale * unit]
    lock_in.settings["SCAL",] = fitting[-1] if fitting else 0


def _range_automatically(lock_in: SimulatedSR860) -> None:
    """ARNG: the smallest input range that the signal fits into."""
    level = abs(lock_in.signal.level())
    fitting = [i for i, volts in enumerate(INPUT_RANGES) if level <= volts]
    lock_in.settings["IRNG",] = fitting[-1] if fitting else 0


def _save_screen(lock_in: SimulatedSR860) -> None:
    raise SRSError(EXECUTION_ERROR)  # there is no memory stick in its port


SimulatedSR860.COMMANDS = {
    **STATUS_COMMANDS,
    **CAPTURE_COMMANDS,
    "*IDN?": Command(_identify),
    **{k: v for name, (reader, _) in _PLAIN.items() for k, v in setting(name, reader).items()},
    **{
        k: v
        for name, (reader, form, _) in _BY_CHANNEL.items()
        for k, v in setting(name, reader, form, among=_FOUR).items()
    },
    **setting("SLVL", _AMPLITUDE, "{:.10g}"),
    **setting("SOFF", _LEVEL, "{:.10g}"),
    **setting("PHAS", number(-360_000, 360_000), "{:.9g}"),
    "PHAS": Command(_set_phase, (number(-360_000, 360_000),)),
    "FREQ": Command(_set_frequency, (_FREQUENCY,)),
    "FREQ?": Command(_query_frequency),
    "FREQINT": Command(_set_frequency, (_FREQUENCY,)),
    "FREQINT?": Command(_query_frequency),
    "FREQDET?": Command(_query_detection_frequency),
    "FREQEXT?": Command(_query_external_frequency),
    "TBSTAT?": Command(_query_time_base),
    "ILVL?": Command(_query_strength),
    "ENBW?": Command(_query_bandwidth),
    "CUROVLDSTAT?": Command(_query_overload),
    "OUTP?": Command(_output, (_PARAMETER,)),
    "SNAP?": Command(_snap, (_PARAMETER,) * 3, optional=1),
    "SNAPD?": Command(_snap_display),
    "AUXV": Command(_set_aux_output, (_FOUR, _AUX)),
    "OAUX?": Command(_query_aux_input, (_FOUR,)),
    "APHS": Command(_phase_automatically),
    "ASCL": Command(_scale_automatically),
    "ARNG": Command(_range_automatically),
    "DCAP": Command(_save_screen),
}

"""Commands and settings of a simulated SR860, beside those of capture and status bytes."""

import math
from typing import TYPE_CHECKING, Any

from labsyn.drivers.simulated.sr860_capture import CAPTURE_COMMANDS, CAPTURE_DEFAULTS
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
from labsyn.drivers.simulated.srs_lock_in import OUTPUT_FULL_SCALE
from labsyn.drivers.simulated.srs_status import STATUS_COMMANDS

if TYPE_CHECKING:
    from labsyn.drivers.simulated.sr860 import SimulatedSR860

PARAMETERS = (
    "X", "Y", "R", "THeta", "IN1", "IN2", "IN3", "IN4", "XNOise", "YNOise", "OUT1", "OUT2",
    "PHAse", "SAMp", "LEVel", "FInt", "FExt",
)  # fmt: skip
INPUT_RANGES = [1.0, 0.3, 0.1, 0.03, 0.01]
_VOLTS = {"NV": 1e-9, "UV": 1e-6, "MV": 1e-3, "V": 1.0}
_DEGREES = {
    "UDEG": 1e-6, "MDEG": 1e-3, "DEG": 1.0,
    "URAD": math.degrees(1e-6), "MRAD": math.degrees(1e-3), "RAD": math.degrees(1),
}  # fmt: skip
_FREQUENCY = number(1e-3, 500_000, {"HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6})
_AMPLITUDE = number(0, 2, _VOLTS)
_LEVEL = number(-5, 5, _VOLTS)
_PHASE = number(-360_000, 360_000, _DEGREES)
_AUX = number(-10.5, 10.5)
_PARAMETER = word(*PARAMETERS)
_FOUR = integer(0, 3)
_OUTPUT = word("X", "Y", "R")
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
    "OVRM": (_SWITCH, 1),
}
# The same by channel: mnemonic, which channel, reader, form, start values.
_BY_CHANNEL: dict[str, tuple[Reader, Reader, str, tuple[Any, ...]]] = {
    "PSTF": (_FOUR, _FREQUENCY, "{:.10g}", (10.0, 100.0, 1e3, 1e4)),
    "PSTA": (_FOUR, _AMPLITUDE, "{:.10g}", (0.01, 0.1, 0.5, 1.0)),
    "PSTL": (_FOUR, _LEVEL, "{:.10g}", (0.0, 0.1, 0.5, 1.0)),
    "AUXV": (_FOUR, _AUX, "{:.7g}", (0.0, 0.0, 0.0, 0.0)),
    "CDSP": (_FOUR, _PARAMETER, "{:d}", (0, 1, 2, 3)),
    "CGRF": (_FOUR, _SWITCH, "{:d}", (1, 1, 1, 1)),
    "COUT": (word("OCH1", "OCH2"), word("XY", "RTHeta"), "{:d}", (0, 0)),
    "COFA": (_OUTPUT, _SWITCH, "{:d}", (0, 0, 0)),
    "COFP": (_OUTPUT, number(-999.99, 999.99), "{:.2f}", (0.0, 0.0, 0.0)),
    "CEXP": (_OUTPUT, word("OFF", "X10", "X100"), "{:d}", (0, 0, 0)),
    "CRAT": (_OUTPUT, _SWITCH, "{:d}", (0, 0, 0)),
}
SR860_DEFAULTS: dict[tuple[Any, ...], Any] = {
    ("FREQ",): 1e5, ("SLVL",): 0.0, ("SOFF",): 0.0, ("PHAS",): 0.0,
    **{(name,): start for name, (_, start) in _PLAIN.items()},
    **{
        (name, index): start
        for name, (_, _, _, starts) in _BY_CHANNEL.items()
        for index, start in enumerate(starts)
    },
    **CAPTURE_DEFAULTS,
}  # fmt: skip
"""Every setting after ``*RST``."""


def _set_phase(lock_in: "SimulatedSR860", degrees: float) -> None:
    lock_in.settings["PHAS",] = wrap_phase(degrees)


def _set_frequency(lock_in: "SimulatedSR860", hertz: float) -> None:
    """FREQ, FREQINT: to six digits or 0.1 mHz."""
    lock_in.settings["FREQ",] = max(round(float(f"{hertz:.6g}"), 4), 1e-3)


def _query_frequency(lock_in: "SimulatedSR860") -> str:
    return f"{lock_in.settings['FREQ',]:.10g}"


def _query_detection_frequency(lock_in: "SimulatedSR860") -> str:
    return f"{lock_in.settings['FREQ',] * lock_in.settings['HARM',]:.10g}"


def _query_external_frequency(lock_in: "SimulatedSR860") -> str:
    return "0"


def _query_time_base(lock_in: "SimulatedSR860") -> str:
    return "1"  # internal: no 10 MHz comes in


def _query_strength(lock_in: "SimulatedSR860") -> str:
    """ILVL: how much of the input range is used, 0 to 4."""
    share = abs(lock_in.signal.level()) / (lock_in.saturation / OUTPUT_FULL_SCALE)
    return str(sum(share > limit for limit in (0.05, 0.25, 0.5, 1.0)))


def _query_bandwidth(lock_in: "SimulatedSR860") -> str:
    return f"{lock_in.signal.noise_bandwidth:.6g}"


def _query_overload(lock_in: "SimulatedSR860") -> str:
    return str(lock_in.overloads(lock_in.signal.level()))


def _output(lock_in: "SimulatedSR860", index: int) -> str:
    return f"{lock_in.displayed(index):.9g}"


def _snap(lock_in: "SimulatedSR860", *indices: int) -> str:
    return ",".join(f"{lock_in.displayed(index):.9g}" for index in indices)


def _snap_display(lock_in: "SimulatedSR860") -> str:
    return _snap(lock_in, *(lock_in.settings["CDSP", channel] for channel in range(4)))


def _set_aux_output(lock_in: "SimulatedSR860", channel: int, volts: float) -> None:
    lock_in.settings["AUXV", channel] = volts
    lock_in.drive_aux(channel + 1, volts)


def _query_aux_input(lock_in: "SimulatedSR860", channel: int) -> str:
    return f"{lock_in.aux_input(channel + 1):.7g}"


def _offset_automatically(lock_in: "SimulatedSR860", output: int) -> None:
    """OAUT: the offset that takes the analogue output to zero, and switch it on."""
    percent = 100 * lock_in.outputs[output] / lock_in.full_scale
    lock_in.settings["COFP", output] = round(min(max(percent, -999.99), 999.99), 2)
    lock_in.settings["COFA", output] = 1


def _phase_automatically(lock_in: "SimulatedSR860") -> None:
    phase = lock_in.settings["PHAS",] + lock_in.outputs[3]
    lock_in.settings["PHAS",] = wrap_phase(round(phase, 7))


def _scale_automatically(lock_in: "SimulatedSR860") -> None:
    """ASCL: the smallest sensitivity that R fits into."""
    magnitude = abs(lock_in.signal.output)
    fitting = [i for i, scale in enumerate(lock_in.full_scales) if magnitude <= scale]
    lock_in.settings["SCAL",] = fitting[-1] if fitting else 0


def _range_automatically(lock_in: "SimulatedSR860") -> None:
    """ARNG: the smallest input range that the signal fits into."""
    level = abs(lock_in.signal.level())
    fitting = [i for i, volts in enumerate(INPUT_RANGES) if level <= volts]
    lock_in.settings["IRNG",] = fitting[-1] if fitting else 0


def _save_screen(lock_in: "SimulatedSR860") -> None:
    raise SRSError(EXECUTION_ERROR)  # there is no memory stick in its port


SR860_COMMANDS: dict[str, Command] = {
    **STATUS_COMMANDS,
    **CAPTURE_COMMANDS,
    **{k: v for name, (reader, _) in _PLAIN.items() for k, v in setting(name, reader).items()},
    **{
        k: v
        for name, (among, reader, form, _) in _BY_CHANNEL.items()
        for k, v in setting(name, reader, form, among=among).items()
    },
    **setting("SLVL", _AMPLITUDE, "{:.10g}"),
    **setting("SOFF", _LEVEL, "{:.10g}"),
    **setting("PHAS", _PHASE, "{:.9g}"),
    "PHAS": Command(_set_phase, (_PHASE,)),
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
    "OAUT": Command(_offset_automatically, (_OUTPUT,)),
    "APHS": Command(_phase_automatically),
    "ASCL": Command(_scale_automatically),
    "ARNG": Command(_range_automatically),
    "DCAP": Command(_save_screen),
}
"""Every command by mnemonic; ``?`` makes a query."""

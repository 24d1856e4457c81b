"""Commands of a simulated SR830, beside those of its buffer and its status bytes."""

import math
from typing import TYPE_CHECKING

from labsyn.drivers.simulated.sr830_buffer import BUFFER_COMMANDS
from labsyn.drivers.simulated.srs import (
    EXECUTION_ERROR,
    Command,
    SRSError,
    integer,
    number,
    setting,
    wrap_phase,
)
from labsyn.drivers.simulated.srs_status import STATUS_COMMANDS

if TYPE_CHECKING:
    from labsyn.drivers.simulated.sr830 import SimulatedSR830

_MAX_DETECTION_FREQUENCY = 102_000.0


def _set_frequency(lock_in: "SimulatedSR830", hertz: float) -> None:
    """FREQ: internal reference only, to five digits or 0.1 mHz."""
    if not lock_in.has_reference:
        raise SRSError(EXECUTION_ERROR)
    if hertz * lock_in.settings["HARM",] > _MAX_DETECTION_FREQUENCY:
        raise SRSError(EXECUTION_ERROR)
    lock_in.settings["FREQ",] = max(round(float(f"{hertz:.5g}"), 4), 1e-3)


def _set_harmonic(lock_in: "SimulatedSR830", harmonic: int) -> None:
    """HARM: at most what keeps the detection below 102 kHz."""
    highest = math.floor(_MAX_DETECTION_FREQUENCY / lock_in.settings["FREQ",])
    lock_in.settings["HARM",] = min(harmonic, highest)


def _set_phase(lock_in: "SimulatedSR830", degrees: float) -> None:
    lock_in.settings["PHAS",] = wrap_phase(round(degrees, 2))


def _set_amplitude(lock_in: "SimulatedSR830", volts: float) -> None:
    lock_in.settings["SLVL",] = round(round(volts / 0.002) * 0.002, 3)  # steps of 2 mV


def _set_time_constant(lock_in: "SimulatedSR830", index: int) -> None:
    if not lock_in.allows_time_constant(index):
        raise SRSError(EXECUTION_ERROR)
    lock_in.settings["OFLT",] = index


def _output(lock_in: "SimulatedSR830", index: int) -> str:
    return f"{lock_in.displayed(index):.6g}"


def _snap(lock_in: "SimulatedSR830", *names: int) -> str:
    return ",".join(f"{lock_in.displayed(name):.6g}" for name in names)


def _set_expansion(lock_in: "SimulatedSR830", output: int, percent: float, expand: int) -> None:
    lock_in.settings["OEXP", output] = (percent, expand)


def _query_expansion(lock_in: "SimulatedSR830", output: int) -> str:
    percent, expand = lock_in.settings["OEXP", output]
    return f"{percent:.2f},{expand}"


def _offset_automatically(lock_in: "SimulatedSR830", output: int) -> None:
    before, expand = lock_in.settings["OEXP", output]
    left, _ = lock_in.scaled_outputs()[output - 1]
    percent = before + 100 * left / lock_in.full_scale
    lock_in.settings["OEXP", output] = (round(min(max(percent, -105.0), 105.0), 2), expand)


def _gain_automatically(lock_in: "SimulatedSR830") -> None:
    """AGAN: the smallest sensitivity that R fits into; nothing above 1 s."""
    if lock_in.signal.time_constant > 1:
        return
    magnitude, scales = abs(lock_in.signal.output), lock_in.full_scales
    fitting = [index for index, scale in enumerate(scales) if magnitude <= scale]
    lock_in.settings["SENS",] = fitting[0] if fitting else len(scales) - 1


def _reserve_automatically(lock_in: "SimulatedSR830") -> None:
    lock_in.settings["RMOD",] = 2


def _phase_automatically(lock_in: "SimulatedSR830") -> None:
    shift = lock_in.outputs[3]
    lock_in.settings["PHAS",] = wrap_phase(round(lock_in.settings["PHAS",] + shift, 2))


def _save_setup(lock_in: "SimulatedSR830", place: int) -> None:
    lock_in.setups[place] = dict(lock_in.settings)


def _recall_setup(lock_in: "SimulatedSR830", place: int) -> None:
    if place not in lock_in.setups:
        raise SRSError(EXECUTION_ERROR)
    lock_in.restore(lock_in.setups[place])


def _set_aux_output(lock_in: "SimulatedSR830", channel: int, volts: float) -> None:
    lock_in.settings["AUXV", channel] = round(volts, 3)
    lock_in.drive_aux(channel, round(volts, 3))


def _query_aux_output(lock_in: "SimulatedSR830", channel: int) -> str:
    return f"{lock_in.settings['AUXV', channel]:.3f}"


def _query_aux_input(lock_in: "SimulatedSR830", channel: int) -> str:
    return f"{lock_in.aux_input(channel):.4f}"


_ONE_TO_FOUR = integer(1, 4)
_SWITCH = integer(0, 1)
_SNAPPED = integer(1, 11)
SR830_COMMANDS: dict[str, Command] = {
    **STATUS_COMMANDS,
    **BUFFER_COMMANDS,
    **setting("FREQ", number(1e-3, 102_000), "{:.6g}"),
    **setting("SLVL", number(0.004, 5), "{:.3f}"),
    **setting("PHAS", number(-360, 729.99), "{:.2f}"),
    **setting("HARM", integer(1, 19_999)),
    **setting("FMOD", _SWITCH),
    **setting("RSLP", integer(0, 2)),
    **setting("ISRC", integer(0, 3)),
    **setting("IGND", _SWITCH),
    **setting("ICPL", _SWITCH),
    **setting("ILIN", integer(0, 3)),
    **setting("SENS", integer(0, 26)),
    **setting("RMOD", integer(0, 2)),
    **setting("OFLT", integer(0, 19)),
    **setting("OFSL", integer(0, 3)),
    **setting("SYNC", _SWITCH),
    **{
        k: v
        for name in ("OUTX", "OVRM", "KCLK", "ALRM", "*PSC")
        for k, v in setting(name, _SWITCH).items()
    },
    **setting("LOCL", integer(0, 2)),
    **setting("FPOP", _SWITCH, among=integer(1, 2)),
    "SSET": Command(_save_setup, (integer(1, 9),)),
    "RSET": Command(_recall_setup, (integer(1, 9),)),
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
"""Every command by mnemonic; ``?`` makes a query."""

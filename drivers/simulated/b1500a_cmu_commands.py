"""B1500A commands of the capacitance unit: signal, parameters, corrections, C-V sweep."""

from labsyn.drivers.simulated.b1500a_cmu import HIGHEST_BIAS, MODES
from labsyn.drivers.simulated.b1500a_cv import capacitance
from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_setup import TIMING, checked_sweep, checked_timing
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    ON_OFF,
    Command,
    FlexError,
    choice,
    integer,
    number,
)
from labsyn.drivers.simulated.flex_data import Item

_COMPENSATION_TIME = 30.0
_RANGES = (0, 50, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)  # ohm
_CORRECTION_TIME = 1.0  # a choice


def _set_bias(frame: Mainframe, channel: int, volts: float) -> None:
    frame.active_cmu(channel).force(volts)


def _set_level(frame: Mainframe, channel: int, volts: float) -> None:
    frame.active_cmu(channel).level = volts


def _set_frequency(frame: Mainframe, channel: int, hertz: float) -> None:
    frame.active_cmu(channel).frequency = hertz


def _set_bias_timed(frame: Mainframe, channel: int, volts: float) -> None:
    _set_bias(frame, channel, volts)
    frame.send([frame.time_item(channel)])


def _set_level_timed(frame: Mainframe, channel: int, volts: float) -> None:
    _set_level(frame, channel, volts)
    frame.send([frame.time_item(channel)])


def _set_parameters(frame: Mainframe, mode: int) -> None:
    """IMP: what all capacitance units measure."""
    for cmu in frame.cmus.values():
        cmu.mode = mode


def _set_monitor(frame: Mainframe, on: int) -> None:
    for cmu in frame.cmus.values():
        cmu.monitor = on


def _set_averaging(frame: Mainframe, mode: int, n: int | None) -> None:
    """ACT: 0 multiplies the automatic number of samples, 2 counts line periods."""
    value = n or (2 if mode == 0 else 1)
    if mode == 2 and value > 100:
        raise FlexError(BAD_PARAMETER)
    for cmu in frame.cmus.values():
        cmu.averaging = (mode, value)


def _set_ranging(frame: Mainframe, channel: int, mode: int, ohms: int | None) -> None:
    """RC: 0 automatic, 2 fixed, which needs its range."""
    if mode == 2 and (not ohms or ohms not in _RANGES):
        raise FlexError(BAD_PARAMETER)
    frame.cmu(channel).ranging = (mode, ohms or 0)


def _spot(
    frame: Mainframe, channel: int, mode: int, ohms: int | None, *, timed: bool = False
) -> None:
    """TC: measure both parameters now."""
    if mode == 2 and ohms not in _RANGES[1:]:
        raise FlexError(BAD_PARAMETER)
    frame.send(capacitance(frame, frame.active_cmu(channel), timed=timed))


def _spot_timed(frame: Mainframe, channel: int, mode: int, ohms: int | None) -> None:
    _spot(frame, channel, mode, ohms, timed=True)


def _monitor_level(frame: Mainframe, channel: int, mode: int, volts: float | None) -> None:
    """TMACV: the ac level; mode 2 needs a range."""
    _monitor(frame, channel, mode, volts, frame.active_cmu(channel).level)


def _monitor_bias(frame: Mainframe, channel: int, mode: int, volts: float | None) -> None:
    """TMDCV: the dc bias; mode 2 needs a range."""
    _monitor(frame, channel, mode, volts, frame.active_cmu(channel).bias)


def _monitor(
    frame: Mainframe, channel: int, mode: int, volts: float | None, value: float
) -> None:
    if mode == 2 and volts is None:
        raise FlexError(BAD_PARAMETER)
    frame.send([Item(channel=channel, kind="V", value=value)])


def _set_adjustment(frame: Mainframe, channel: int, mode: int) -> None:
    frame.cmu(channel).adjustment = mode


def _adjust(frame: Mainframe, channel: int, mode: int | None) -> str:
    """ADJ?: half a minute of phase compensation, which succeeds; mode 0 takes the last."""
    frame.cmu(channel)
    if mode != 0:
        frame.pass_time(_COMPENSATION_TIME)
    return "0"


def _correct(frame: Mainframe, channel: int, kind: int) -> str:
    """CORR?: take the open, short or load data, which succeeds."""
    frame.cmu(channel)
    frame.pass_time(_CORRECTION_TIME)
    return "0"


def _set_correction(frame: Mainframe, channel: int, kind: int, on: int) -> None:
    frame.cmu(channel).corrections[kind] = bool(on)


def _query_correction(frame: Mainframe, channel: int, kind: int) -> str:
    return str(int(frame.cmu(channel).corrections[kind]))


def _set_standard(
    frame: Mainframe, channel: int, kind: int, mode: int, primary: float, secondary: float
) -> None:
    frame.cmu(channel).standards[kind] = (mode, primary, secondary)


def _query_standard(frame: Mainframe, channel: int, kind: int) -> str:
    default = (400, 0.0, 0.0) if kind > 1 else (100, 0.0, 0.0)
    mode, primary, secondary = frame.cmu(channel).standards.get(kind, default)
    return f"{mode},{primary:.6g},{secondary:.6g}"


def _add_frequency(frame: Mainframe, channel: int, hertz: float) -> None:
    frame.cmu(channel).frequencies.append(hertz)


def _query_frequency(frame: Mainframe, channel: int, index: int | None) -> str:
    """CORRL?: how many frequencies there are, or the one of an index from 1."""
    frequencies = frame.cmu(channel).frequencies
    if index is None:
        return str(len(frequencies))
    if not 1 <= index <= len(frequencies):
        raise FlexError(BAD_PARAMETER)
    return f"{frequencies[index - 1]:.6g}"


def _clear_corrections(frame: Mainframe, channel: int, mode: int) -> None:
    """CLCORR: corrections off, and the list empty (1) or its default (2)."""
    cmu = frame.cmu(channel)
    cmu.corrections = dict.fromkeys(cmu.corrections, False)
    cmu.frequencies = [] if mode == 1 else [1e3, 1e4, 1e5, 1e6, 5e6]


def _set_sweep(
    frame: Mainframe, channel: int, mode: int, start: float, stop: float, steps: int,
    limit: float | None,
) -> None:  # fmt: skip
    """WDCV: the bias sweep, of the unit itself (no compliance then) or of an SMU."""
    sweep = Sweep(channel, False, mode, 0, (start, stop), steps, limit)
    if channel in frame.cmus:
        too_high = max(abs(start), abs(stop)) > HIGHEST_BIAS
        if limit is not None or too_high or (mode in (2, 4) and start * stop <= 0):
            raise FlexError(BAD_PARAMETER)
    else:
        checked_sweep(frame, sweep)
    frame.settings.cv.source = sweep


def _set_timing(frame: Mainframe, *seconds: float | None) -> None:
    """WTDCV: as WT; there is no channel."""
    frame.settings.cv.timing = checked_timing(seconds)


def _set_abort(frame: Mainframe, abort: int, post: int | None) -> None:
    frame.settings.cv.abort = abort
    if post is not None:
        frame.settings.cv.post = post


_KIND = choice(1, 2, 3)
_BIAS = (CHANNEL, number(-100, 100))
_SPOT = (CHANNEL, choice(0, 2), integer(0, 300_000, optional=True))
_MONITOR = (CHANNEL, choice(0, 2), number(0, 100, optional=True))

COMMANDS = {
    "DCV": Command(_set_bias, _BIAS),
    "ACV": Command(_set_level, (CHANNEL, number(0, 0.25))),
    "FC": Command(_set_frequency, (CHANNEL, number(1e3, 5e6))),
    "TDCV": Command(_set_bias_timed, _BIAS),
    "TACV": Command(_set_level_timed, (CHANNEL, number(0, 0.25))),
    "IMP": Command(_set_parameters, (choice(*MODES),)),
    "LMN": Command(_set_monitor, (ON_OFF,)),
    "ACT": Command(_set_averaging, (choice(0, 2), integer(1, 1023, optional=True))),
    "RC": Command(_set_ranging, _SPOT),
    "TC": Command(_spot, _SPOT),
    "TTC": Command(_spot_timed, _SPOT),
    "TMACV": Command(_monitor_level, _MONITOR),
    "TMDCV": Command(_monitor_bias, _MONITOR),
    "ADJ": Command(_set_adjustment, (CHANNEL, choice(0, 1, 2))),
    "ADJ?": Command(_adjust, (CHANNEL, choice(0, 1, optional=True))),
    "CORR?": Command(_correct, (CHANNEL, _KIND)),
    "CORRST": Command(_set_correction, (CHANNEL, _KIND, ON_OFF)),
    "CORRST?": Command(_query_correction, (CHANNEL, _KIND)),
    "DCORR": Command(_set_standard, (CHANNEL, _KIND, choice(100, 400), number(), number())),
    "DCORR?": Command(_query_standard, (CHANNEL, _KIND)),
    "CORRL": Command(_add_frequency, (CHANNEL, number(1e3, 5e6))),
    "CORRL?": Command(_query_frequency, (CHANNEL, integer(1, 1000, optional=True))),
    "CLCORR": Command(_clear_corrections, (CHANNEL, choice(1, 2))),
    "WDCV": Command(
        _set_sweep,
        (CHANNEL, choice(1, 2, 3, 4), number(-100, 100), number(-100, 100),
         integer(1, 1001), number(optional=True)),
    ),
    "WTDCV": Command(_set_timing, TIMING),
    "WMDCV": Command(_set_abort, (choice(1, 2), choice(1, 2, optional=True))),
}  # fmt: skip

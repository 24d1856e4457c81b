"""B1500A commands that concern the whole mainframe: identity, errors, buffers, formats."""

from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    ON_OFF,
    OPTIONAL_CHANNEL,
    Command,
    FlexError,
    choice,
    integer,
    number,
)
from labsyn.drivers.simulated.flex_binary import BINARY_FORMATS
from labsyn.drivers.simulated.flex_data import ASCII_FORMATS

IDENTITY = "Agilent Technologies,B1500A,0,A.04.03.2010.0130"
_CALIBRATION_TIME = 30.0
_SELF_TEST_TIME = 30.0
_MAINFRAME = 11  # as a slot of *CAL? and *TST?
_REQUEST = 64  # the bit of the status byte that no mask can hold


def _identify(frame: Mainframe) -> str:
    return IDENTITY


def _list_units(frame: Mainframe, mode: int | None) -> str:
    """Answer model and revision of the ten slots; mode 1 counts the installed ones."""
    if mode == 1:
        return str(len(frame.modules))
    return ";".join(f"{frame.modules.get(slot, '0')},0" for slot in range(1, 11))


def _next_error(frame: Mainframe, mode: int | None) -> str:
    """Answer the oldest error and forget it; mode 1 answers the code alone."""
    frame.error_bit = False
    code = frame.errors.popleft() if frame.errors else 0
    return f"{code:+d}" if mode == 1 else f'{code:+d},"{frame.error_text(code)}"'


def _four_errors(frame: Mainframe, mode: int | None) -> str:
    """Answer four codes and forget all; mode 1 answers one and forgets that."""
    frame.error_bit = False
    if mode == 1:
        return str(frame.errors.popleft() if frame.errors else 0)
    codes = [*list(frame.errors)[:4], 0, 0, 0, 0][:4]
    frame.errors.clear()
    return ",".join(str(code) for code in codes)


def _error_text(frame: Mainframe, code: int) -> str:
    text = frame.error_text(code)
    if text is None:
        raise FlexError(BAD_PARAMETER)
    return text


def _query_status(frame: Mainframe) -> str:
    return str(frame.status_byte())


def _set_service_request(frame: Mainframe, mask: int) -> None:
    frame.settings.service_request = mask & ~_REQUEST


def _query_service_request(frame: Mainframe) -> str:
    return str(frame.settings.service_request)


def _operation_complete(frame: Mainframe) -> str:
    return "1"  # a measurement is over when XE returns: its time has passed


def _calibrate(frame: Mainframe, slot: int | None) -> str:
    """Open all outputs, take half a minute, and pass."""
    _open_outputs(frame, slot)
    frame.clock.sleep(_CALIBRATION_TIME)
    return "0"


def _self_test(frame: Mainframe, slot: int | None) -> str:
    _open_outputs(frame, slot)
    frame.clock.sleep(_SELF_TEST_TIME)
    return "0"


def _recover(frame: Mainframe, slot: int | None) -> None:
    """RCV: let a module work that failed its test or calibration; here none does."""
    _check_slot(frame, slot)


def _check_slot(frame: Mainframe, slot: int | None) -> None:
    if slot and slot not in frame.modules:
        raise FlexError(BAD_PARAMETER)


def _open_outputs(frame: Mainframe, slot: int | None) -> None:
    frame.error_bit = False  # *CAL? and *TST? clear the bit
    if slot == _MAINFRAME:
        return
    _check_slot(frame, slot)
    units = frame.chosen_channels(())
    frame.switch_off([u for u in units if not slot or u.slot in (slot, slot * 100 + 2)])


def _reset(frame: Mainframe) -> None:
    frame.reset()


def _abort(frame: Mainframe) -> None:
    """End the running measurement; there is none between two messages. Outputs stay."""


def _clear_buffers(frame: Mainframe) -> None:
    frame.output.clear()


def _count_data(frame: Mainframe) -> str:
    return str(frame.output.n_items)


def _pause(frame: Mainframe, seconds: float | None) -> None:
    frame.pass_time(seconds or 0.0)


def _set_format(frame: Mainframe, data_format: int, mode: int | None) -> None:
    """Set format and mode; the data buffer is cleared, as FMT does."""
    frame.settings.data_format, frame.settings.data_mode = data_format, mode or 0
    frame.output.clear_data()


def _set_auto_calibration(frame: Mainframe, on: int) -> None:
    frame.settings.auto_calibration = on


def _set_parallel(frame: Mainframe, on: int) -> None:
    frame.settings.parallel = on


def _set_time_stamp(frame: Mainframe, on: int) -> None:
    frame.settings.time_stamp = on


def _clear_timer(frame: Mainframe, channel: int | None) -> None:
    if channel is not None:
        frame.smu(channel)
    frame.timer_start = frame.clock.now()


def _set_wait_time(frame: Mainframe, kind: int, factor: float, offset: float | None) -> None:
    frame.settings.wait_times[kind] = (factor, offset or 0.0)


_MODE = choice(0, 1, optional=True)
_SLOT = integer(0, 10, optional=True)
_SLOT_OR_MAINFRAME = integer(0, _MAINFRAME, optional=True)

COMMANDS = {
    "*IDN?": Command(_identify),
    "UNT?": Command(_list_units, (_MODE,)),
    "ERRX?": Command(_next_error, (_MODE,)),
    "ERR?": Command(_four_errors, (_MODE,)),
    "EMG?": Command(_error_text, (integer(0, 999),)),
    "*STB?": Command(_query_status),
    "*SRE": Command(_set_service_request, (integer(0, 255),)),
    "*SRE?": Command(_query_service_request),
    "*OPC?": Command(_operation_complete),
    "*CAL?": Command(_calibrate, (_SLOT_OR_MAINFRAME,)),
    "*TST?": Command(_self_test, (_SLOT_OR_MAINFRAME,)),
    "RCV": Command(_recover, (_SLOT,)),
    "*RST": Command(_reset),
    "AB": Command(_abort),
    "BC": Command(_clear_buffers),
    "NUB?": Command(_count_data),
    "PA": Command(_pause, (number(-99.9999, 99.9999, optional=True),)),
    "FMT": Command(
        _set_format,
        (choice(*ASCII_FORMATS, *BINARY_FORMATS), integer(0, 10, optional=True)),
    ),
    "CM": Command(_set_auto_calibration, (ON_OFF,)),
    "PAD": Command(_set_parallel, (ON_OFF,)),
    "TSC": Command(_set_time_stamp, (ON_OFF,)),
    "TSR": Command(_clear_timer, (OPTIONAL_CHANNEL,)),
    "WAT": Command(
        _set_wait_time, (choice(1, 2, 3), number(0, 10), number(0, 1, optional=True))
    ),
}  # fmt: skip

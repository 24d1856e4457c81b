"""B1500A commands that concern the whole mainframe: identity, errors, formats, converters."""

from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    CHANNELS,
    ERROR_TEXTS,
    RANGE,
    Command,
    FlexError,
    choice,
    integer,
    number,
)
from labsyn.drivers.simulated.flex_data import ASCII_FORMATS

IDENTITY = "Agilent Technologies,B1500A,0,A.04.03.2010.0130"
_CALIBRATION_TIME = 30.0
_SELF_TEST_TIME = 30.0
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
    code = frame.errors.popleft() if frame.errors else 0
    return f"{code:+d}" if mode == 1 else f'{code:+d},"{ERROR_TEXTS[code]}"'


def _four_errors(frame: Mainframe, mode: int | None) -> str:
    """Answer four codes and forget all; mode 1 answers one and forgets that."""
    if mode == 1:
        return str(frame.errors.popleft() if frame.errors else 0)
    codes = [*list(frame.errors)[:4], 0, 0, 0, 0][:4]
    frame.errors.clear()
    return ",".join(str(code) for code in codes)


def _error_text(frame: Mainframe, code: int) -> str:
    if code not in ERROR_TEXTS:
        raise FlexError(BAD_PARAMETER)
    return ERROR_TEXTS[code]


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
    for smu in frame.chosen_smus((slot,) if slot else ()):
        smu.switch_off()
    frame.clock.sleep(_CALIBRATION_TIME)
    return "0"


def _self_test(frame: Mainframe, slot: int | None) -> str:
    for smu in frame.chosen_smus((slot,) if slot else ()):
        smu.switch_off()
    frame.clock.sleep(_SELF_TEST_TIME)
    return "0"


def _reset(frame: Mainframe) -> None:
    frame.reset()


def _abort(frame: Mainframe) -> None:
    """End the running measurement; there is none between two messages. Outputs stay."""


def _clear_buffers(frame: Mainframe) -> None:
    frame.output.clear()


def _count_data(frame: Mainframe) -> str:
    return str(frame.output.n_items)


def _pause(frame: Mainframe, seconds: float | None) -> None:
    frame.clock.sleep(seconds or 0.0)


def _set_format(frame: Mainframe, data_format: int, mode: int | None) -> None:
    """Set format and mode; the data buffer is cleared, as FMT does."""
    frame.settings.data_format, frame.settings.data_mode = data_format, mode or 0
    frame.output.clear_data()


def _set_averaging(frame: Mainframe, n: int, mode: int | None) -> None:
    """AV: samples of the high-speed converter; negative n counts power line cycles."""
    if n == 0 or (n < 0 and n < -100):
        raise FlexError(BAD_PARAMETER)
    frame.settings.adc_modes[0] = (mode or 0, float(n)) if n > 0 else (2, float(-n))


_ADC_DEFAULTS: dict[int, dict[int, float]] = {
    0: {0: 1, 1: 1, 2: 1, 3: 2e-6},
    1: {0: 6, 1: 3, 2: 1},
    2: {1: 1, 2: 1, 3: 2e-6},
}
_ADC_LIMITS = {0: (1, 1023), 1: (1, 127), 2: (1, 100), 3: (2e-6, 20e-3)}


def _set_converter(frame: Mainframe, adc: int, mode: int, n: float | None) -> None:
    """AIT: mode of a converter: 0 auto, 1 manual, 2 power line cycles, 3 seconds."""
    if mode not in _ADC_DEFAULTS[adc]:
        raise FlexError(BAD_PARAMETER)
    value = float(_ADC_DEFAULTS[adc][mode] if n is None else n)
    low, high = _ADC_LIMITS[mode]
    if not low <= value <= high or (mode != 3 and not value.is_integer()):
        raise FlexError(BAD_PARAMETER)
    frame.settings.adc_modes[adc] = (mode, value)


def _set_auto_zero(frame: Mainframe, on: int) -> None:
    frame.settings.auto_zero = on


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


def _set_trigger_mode(frame: Mainframe, mode: int) -> None:
    frame.settings.trigger_mode = mode


def _set_wait_time(frame: Mainframe, kind: int, factor: float, offset: float | None) -> None:
    frame.settings.wait_times[kind] = (factor, offset or 0.0)


def _set_filter(frame: Mainframe, on: int, *channels: int) -> None:
    for smu in frame.chosen_smus(channels):
        smu.filter_on = on


def _set_series_resistor(frame: Mainframe, channel: int, on: int) -> None:
    """SSR: 1 MΩ in series with the output, felt in voltage operation."""
    smu = frame.smu(channel)
    smu.series_resistor = on
    if smu.on:
        smu.apply(smu.output)


def _set_current_range(frame: Mainframe, channel: int, code: int) -> None:
    smu = frame.smu(channel)
    smu.check_range(code, volts=False)
    smu.current_range = code


def _set_voltage_range(frame: Mainframe, channel: int, code: int) -> None:
    smu = frame.smu(channel)
    smu.check_range(code, volts=True)
    smu.voltage_range = code


def _set_ranging(frame: Mainframe, channel: int, mode: int, rate: int | None) -> None:
    frame.smu(channel).ranging = (mode, rate or 50)


def _set_operation(frame: Mainframe, channel: int, mode: int) -> None:
    frame.smu(channel).operation = mode


def _select_converter(frame: Mainframe, channel: int, adc: int) -> None:
    frame.smu(channel).adc = adc


_ON_OFF = choice(0, 1)
_MODE = choice(0, 1, optional=True)
_SLOT = integer(0, 10, optional=True)

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
    "*CAL?": Command(_calibrate, (_SLOT,)),
    "*TST?": Command(_self_test, (_SLOT,)),
    "*RST": Command(_reset),
    "AB": Command(_abort),
    "BC": Command(_clear_buffers),
    "NUB?": Command(_count_data),
    "PA": Command(_pause, (number(0, 99.9999, optional=True),)),
    "FMT": Command(_set_format, (choice(*ASCII_FORMATS), integer(0, 10, optional=True))),
    "AV": Command(_set_averaging, (integer(-100, 1023), _MODE)),
    "AIT": Command(
        _set_converter, (choice(0, 1, 2), choice(0, 1, 2, 3), number(optional=True))
    ),
    "AZ": Command(_set_auto_zero, (_ON_OFF,)),
    "CM": Command(_set_auto_calibration, (_ON_OFF,)),
    "PAD": Command(_set_parallel, (_ON_OFF,)),
    "TSC": Command(_set_time_stamp, (_ON_OFF,)),
    "TSR": Command(_clear_timer, (integer(1, 10, optional=True),)),
    "TM": Command(_set_trigger_mode, (choice(1, 2, 3, 4),)),
    "WAT": Command(
        _set_wait_time, (choice(1, 2), number(0, 10), number(0, 1, optional=True))
    ),
    "FL": Command(_set_filter, (_ON_OFF, CHANNELS)),
    "SSR": Command(_set_series_resistor, (CHANNEL, _ON_OFF)),
    "RI": Command(_set_current_range, (CHANNEL, RANGE)),
    "RV": Command(_set_voltage_range, (CHANNEL, RANGE)),
    "RM": Command(
        _set_ranging, (CHANNEL, choice(1, 2, 3), integer(11, 100, optional=True))
    ),
    "CMM": Command(_set_operation, (CHANNEL, choice(0, 1, 2, 3, 4))),
    "AAD": Command(_select_converter, (CHANNEL, choice(0, 1, 2))),
}  # fmt: skip

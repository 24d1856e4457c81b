"""B1500A commands of the converters, and of the settings that each SMU has."""

from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    CHANNELS,
    ON_OFF,
    RANGE,
    Command,
    FlexError,
    choice,
    integer,
    number,
)


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
    """AAD: the one of pulses (2) is theirs in any case, and never used for anything else."""
    smu = frame.smu(channel)
    smu.adc = smu.adc if adc == 2 else adc


COMMANDS = {
    "AV": Command(_set_averaging, (integer(-100, 1023), choice(0, 1, optional=True))),
    "AIT": Command(
        _set_converter, (choice(0, 1, 2), choice(0, 1, 2, 3), number(optional=True))
    ),
    "AZ": Command(_set_auto_zero, (ON_OFF,)),
    "FL": Command(_set_filter, (ON_OFF, CHANNELS)),
    "SSR": Command(_set_series_resistor, (CHANNEL, ON_OFF)),
    "RI": Command(_set_current_range, (CHANNEL, RANGE)),
    "RV": Command(_set_voltage_range, (CHANNEL, RANGE)),
    "RM": Command(_set_ranging, (CHANNEL, choice(1, 2, 3), integer(11, 100, optional=True))),
    "CMM": Command(_set_operation, (CHANNEL, choice(0, 1, 2, 3, 4))),
    "AAD": Command(_select_converter, (CHANNEL, choice(0, 1, 2))),
}

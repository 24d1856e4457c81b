"""B1500A commands that set pulses and samplings up."""

from labsyn.drivers.simulated.b1500a_settings import SamplingSource, Sweep
from labsyn.drivers.simulated.b1500a_setup import SWEEP, checked_sweep
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    CHANNELS,
    OUTPUT_RANGE,
    Command,
    FlexError,
    choice,
    integer,
    number,
)


def _set_pulse_timing(
    frame: Mainframe, hold: float, width: float, period: float | None, delay: float | None
) -> None:
    """PT: the shortest period, also the automatic one, leaves 2 or 10 ms after a pulse."""
    shortest = max(width + (2e-3 if width <= 0.1 else 10e-3), 5e-3)
    if (period and period < shortest * (1 - 1e-9)) or (delay or 0.0) > width:
        raise FlexError(BAD_PARAMETER)
    frame.settings.pulse_timing = (hold, width, period or shortest, delay or 0.0)


def _set_pulse(frame: Mainframe, pulse: Sweep) -> None:
    smu = frame.smu(pulse.channel)
    for value in pulse.values:
        smu.prepared(pulse.forces_current, pulse.range_code, value, pulse.limit)
    frame.settings.pulse = pulse


def _pulse_voltage(
    frame: Mainframe, channel: int, code: int, base: float, pulse: float, limit: float | None
) -> None:
    _set_pulse(frame, Sweep(channel, False, 1, code, (base, pulse), 1, limit))


def _pulse_current(
    frame: Mainframe, channel: int, code: int, base: float, pulse: float, limit: float | None
) -> None:
    _set_pulse(frame, Sweep(channel, True, 1, code, (base, pulse), 1, limit))


def _pulsed_sweep(
    frame: Mainframe, forces_current: bool, channel: int, mode: int, code: int, base: float,
    start: float, stop: float, steps: int, limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    """Set a pulse of changing height; base and both ends have one sign, or are zero."""
    if any(base * value < 0 for value in (start, stop)):
        raise FlexError(BAD_PARAMETER)
    sweep = Sweep(channel, forces_current, mode, code, (start, stop), steps, limit,
                  power_limit, base)  # fmt: skip
    frame.settings.pulsed_sweep = checked_sweep(frame, sweep)
    frame.settings.synchronous = None


def _pulsed_voltage_sweep(
    frame: Mainframe, channel: int, mode: int, code: int, base: float, start: float,
    stop: float, steps: int, limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    _pulsed_sweep(
        frame, False, channel, mode, code, base, start, stop, steps, limit, power_limit
    )


def _pulsed_current_sweep(
    frame: Mainframe, channel: int, mode: int, code: int, base: float, start: float,
    stop: float, steps: int, limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    _pulsed_sweep(
        frame, True, channel, mode, code, base, start, stop, steps, limit, power_limit
    )


def _set_sampling_timing(
    frame: Mainframe, bias_hold: float, interval: float, number: int, base_hold: float | None
) -> None:
    """MT: a negative bias hold time is for intervals below 2 ms only."""
    if bias_hold < 0 and interval >= 2e-3:
        raise FlexError(BAD_PARAMETER)
    sampling = frame.settings.sampling
    sampling.bias_hold, sampling.interval = bias_hold, interval
    sampling.number, sampling.base_hold = number, base_hold or 0.0


def _set_sampling_law(frame: Mainframe, law: int) -> None:
    frame.settings.sampling.law = law


def _set_sampling_abort(frame: Mainframe, abort: int, post: int | None) -> None:
    """MSC: the automatic abort, and what is forced afterwards; the bias if it is not said."""
    frame.settings.sampling.abort, frame.settings.sampling.post = abort, post or 2


def _set_after_sampling(
    frame: Mainframe, channel: int, post: float | None, base: float | None
) -> None:
    """MSP: what a channel forces after the measurement, and after an abort."""
    frame.smu(channel)
    frame.settings.sampling.after[channel] = (post, base)


def _clear_sampling_sources(frame: Mainframe, *channels: int) -> None:
    """MCC: forget the sources of some channels, or of all."""
    sampling = frame.settings.sampling
    for channel in channels or tuple(sampling.sources):
        frame.smu(channel)
        sampling.sources.pop(channel, None)


def _set_sampling_source(frame: Mainframe, source: SamplingSource) -> None:
    smu = frame.smu(source.channel)
    for value in (source.base, source.bias):
        smu.prepared(source.forces_current, source.range_code, value, source.limit)
    frame.settings.sampling.sources[source.channel] = source


def _sampling_voltage(
    frame: Mainframe, channel: int, code: int, base: float, bias: float, limit: float | None
) -> None:
    _set_sampling_source(frame, SamplingSource(channel, False, code, base, bias, limit))


def _sampling_current(
    frame: Mainframe, channel: int, code: int, base: float, bias: float, limit: float | None
) -> None:
    _set_sampling_source(frame, SamplingSource(channel, True, code, base, bias, limit))


_PULSE = (CHANNEL, OUTPUT_RANGE, number(), number(), number(optional=True))
_PULSED_SWEEP = (*SWEEP[:3], number(), *SWEEP[3:])

COMMANDS = {
    "PT": Command(
        _set_pulse_timing,
        (
            number(0, 655.35),
            number(0.5e-3, 2),
            number(0, 5, optional=True),
            number(0, 2, optional=True),
        ),
    ),
    "PV": Command(_pulse_voltage, _PULSE),
    "PI": Command(_pulse_current, _PULSE),
    "PWV": Command(_pulsed_voltage_sweep, _PULSED_SWEEP),
    "PWI": Command(_pulsed_current_sweep, _PULSED_SWEEP),
    "MT": Command(
        _set_sampling_timing,
        (
            number(-0.09, 655.35),
            number(1e-4, 65.535),
            integer(1, 100_001),
            number(0, 655.35, optional=True),
        ),
    ),
    "ML": Command(_set_sampling_law, (choice(1, 2, 3, 4, 5, 6, 7),)),
    "MSC": Command(_set_sampling_abort, (choice(1, 2), choice(1, 2, optional=True))),
    "MSP": Command(
        _set_after_sampling, (CHANNEL, number(optional=True), number(optional=True))
    ),
    "MCC": Command(_clear_sampling_sources, (CHANNELS,)),
    "MV": Command(_sampling_voltage, _PULSE),
    "MI": Command(_sampling_current, _PULSE),
}

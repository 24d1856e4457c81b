"""B1500A commands that set a measurement up: mode, sweep and pulse sources, timing."""

from labsyn.drivers.simulated.b1500a_state import Mainframe, Sweep
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    CHANNELS,
    WRONG_CHANNEL_COUNT,
    Command,
    FlexError,
    choice,
    integer,
    number,
)

SPOT, STAIRCASE, PULSED_SPOT = 1, 2, 3


def _set_mode(frame: Mainframe, mode: int, *channels: int) -> None:
    """MM: what XE will measure, and the channels in the order of their data."""
    for channel in channels:
        frame.smu(channel)
    if not channels or len(set(channels)) < len(channels):
        raise FlexError(WRONG_CHANNEL_COUNT)
    if mode == PULSED_SPOT and len(channels) != 1:
        raise FlexError(WRONG_CHANNEL_COUNT)
    frame.settings.measurement = (mode, *channels)


def _set_sweep_timing(frame: Mainframe, *seconds: float | None) -> None:
    """WT: hold, delay, step delay, source trigger delay, measurement trigger delay."""
    timing = tuple(value or 0.0 for value in seconds)
    if timing[3] > timing[1]:
        raise FlexError(BAD_PARAMETER)
    frame.settings.sweep_timing = timing


def _set_sweep_abort(frame: Mainframe, abort: int, post: int | None) -> None:
    frame.settings.sweep_abort = abort
    if post is not None:
        frame.settings.sweep_post = post


def _set_sweep(frame: Mainframe, sweep: Sweep) -> None:
    smu = frame.smu(sweep.channel)
    for value in sweep.values:
        smu.prepared(sweep.forces_current, sweep.range_code, value, sweep.limit)
    if sweep.mode in (2, 4) and sweep.values[0] * sweep.values[1] <= 0:
        raise FlexError(BAD_PARAMETER)  # a logarithmic sweep cannot cross zero
    if sweep.power_limit is not None and sweep.power_limit <= 0:
        raise FlexError(BAD_PARAMETER)
    frame.settings.sweep = sweep


def _sweep_voltage(
    frame: Mainframe, channel: int, mode: int, code: int, start: float, stop: float,
    steps: int, limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    values = (start, stop)
    _set_sweep(frame, Sweep(channel, False, mode, code, values, steps, limit, power_limit))


def _sweep_current(
    frame: Mainframe, channel: int, mode: int, code: int, start: float, stop: float,
    steps: int, limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    values = (start, stop)
    _set_sweep(frame, Sweep(channel, True, mode, code, values, steps, limit, power_limit))


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


_SWEEP = (
    CHANNEL,
    choice(1, 2, 3, 4),
    integer(0, 2000),
    number(),
    number(),
    integer(1, 10001),
    number(optional=True),
    number(optional=True),
)
_PULSE = (CHANNEL, integer(0, 2000), number(), number(), number(optional=True))

COMMANDS = {
    "MM": Command(_set_mode, (choice(SPOT, STAIRCASE, PULSED_SPOT), CHANNELS)),
    "WT": Command(
        _set_sweep_timing,
        (
            number(0, 655.35),
            number(0, 65.535),
            number(0, 1, optional=True),
            number(0, 65.535, optional=True),
            number(0, 65.535, optional=True),
        ),
    ),
    "WM": Command(_set_sweep_abort, (choice(1, 2), choice(1, 2, optional=True))),
    "WV": Command(_sweep_voltage, _SWEEP),
    "WI": Command(_sweep_current, _SWEEP),
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
}

"""B1500A commands that set sweeps up: staircase, synchronous and multi-channel sources."""

from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    OUTPUT_RANGE,
    Command,
    FlexError,
    choice,
    integer,
    number,
)


def _set_sweep_timing(frame: Mainframe, *seconds: float | None) -> None:
    """WT: hold, delay, step delay, source trigger delay, measurement trigger delay."""
    frame.settings.sweep_timing = checked_timing(seconds)


def checked_timing(seconds: tuple[float | None, ...]) -> tuple[float, ...]:
    """Return the times of WT or WTDCV; the trigger lies within the delay (else 120)."""
    timing = tuple(value or 0.0 for value in seconds)
    if timing[3] > timing[1]:
        raise FlexError(BAD_PARAMETER)
    return timing


def _set_sweep_abort(frame: Mainframe, abort: int, post: int | None) -> None:
    """WM: the automatic abort, and what is forced afterwards; the start if it is not said."""
    frame.settings.sweep_abort, frame.settings.sweep_post = abort, post or 1


def checked_sweep(frame: Mainframe, sweep: Sweep) -> Sweep:
    """Return a sweep that its SMU can do; raise FlexError 120 for any other."""
    smu = frame.smu(sweep.channel)
    for value in (*sweep.values, sweep.base):
        smu.prepared(sweep.forces_current, sweep.range_code, value, sweep.limit)
    if sweep.crosses_zero or (sweep.power_limit is not None and sweep.power_limit <= 0):
        raise FlexError(BAD_PARAMETER)
    return sweep


def _set_sweep(frame: Mainframe, sweep: Sweep) -> None:
    frame.settings.sweep = checked_sweep(frame, sweep)
    frame.settings.synchronous = None  # a new primary source clears the others
    frame.settings.more_sources = {}


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


def _synchronous(
    frame: Mainframe, forces_current: bool, channel: int, code: int, start: float,
    stop: float, limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    """Set the second source; steps and direction are those of the primary one."""
    settings = frame.settings
    primary = settings.sweep or settings.pulsed_sweep
    if primary is None or primary.channel == channel:
        raise FlexError(BAD_PARAMETER)
    values = (start, stop)
    sweep = Sweep(channel, forces_current, primary.mode, code, values, primary.steps, limit,
                  power_limit)  # fmt: skip
    settings.synchronous = checked_sweep(frame, sweep)


def _synchronous_voltage(
    frame: Mainframe, channel: int, code: int, start: float, stop: float,
    limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    _synchronous(frame, False, channel, code, start, stop, limit, power_limit)


def _synchronous_current(
    frame: Mainframe, channel: int, code: int, start: float, stop: float,
    limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    _synchronous(frame, True, channel, code, start, stop, limit, power_limit)


def _set_further_source(
    frame: Mainframe, n: int, channel: int, kind: int, code: int, start: float, stop: float,
    limit: float | None, power_limit: float | None,
) -> None:  # fmt: skip
    """WNX: the n-th source of MM 16, of voltage (1) or current (2).

    A new setting for a number or a channel replaces the old one of either (page 4-225).
    """
    settings = frame.settings
    primary = settings.sweep
    if primary is None or primary.channel == channel:
        raise FlexError(BAD_PARAMETER)
    sweep = Sweep(channel, kind == 2, primary.mode, code, (start, stop), primary.steps,
                  limit, power_limit)  # fmt: skip
    checked_sweep(frame, sweep)
    kept = {k: s for k, s in settings.more_sources.items() if k != n and s.channel != channel}
    settings.more_sources = kept | {n: sweep}


SWEEP = (
    CHANNEL,
    choice(1, 2, 3, 4),
    OUTPUT_RANGE,
    number(),
    number(),
    integer(1, 10001),
    number(optional=True),
    number(optional=True),
)
_SYNCHRONOUS = (
    CHANNEL,
    OUTPUT_RANGE,
    number(),
    number(),
    number(optional=True),
    number(optional=True),
)
TIMING = (
    number(0, 655.35),
    number(0, 65.535),
    number(0, 1, optional=True),
    number(0, 65.535, optional=True),
    number(0, 65.535, optional=True),
)

COMMANDS = {
    "WT": Command(_set_sweep_timing, TIMING),
    "WM": Command(_set_sweep_abort, (choice(1, 2), choice(1, 2, optional=True))),
    "WV": Command(_sweep_voltage, SWEEP),
    "WI": Command(_sweep_current, SWEEP),
    "WSV": Command(_synchronous_voltage, _SYNCHRONOUS),
    "WSI": Command(_synchronous_current, _SYNCHRONOUS),
    "WNX": Command(
        _set_further_source,
        (integer(2, 10), CHANNEL, choice(1, 2), *SWEEP[2:5], *SWEEP[6:]),
    ),
}

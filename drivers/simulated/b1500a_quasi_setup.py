"""B1500A commands that set up quasi-pulsed spot and quasi-static C-V measurements."""

from labsyn.drivers.simulated.b1500a_quasi import whole_line_periods
from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_setup import checked_sweep
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    ON_OFF,
    OPTIONAL_CHANNEL,
    OUTPUT_RANGE,
    Command,
    FlexError,
    choice,
    integer,
    number,
)

_SMALLEST_QUASI_PULSE = 10.0


def _set_detection(frame: Mainframe, interval: int, mode: int | None) -> None:
    settings = frame.settings.quasi_pulse
    settings.interval, settings.mode = interval, mode or 0


def _set_quasi_timing(frame: Mainframe, hold: float, delay: float) -> None:
    settings = frame.settings.quasi_pulse
    settings.hold, settings.delay = hold, delay


def _set_quasi_source(
    frame: Mainframe, channel: int, code: int, start: float, stop: float, limit: float | None
) -> None:
    """BDV: start and stop differ by 10 V at least."""
    if abs(stop - start) < _SMALLEST_QUASI_PULSE:
        raise FlexError(BAD_PARAMETER)
    sweep = Sweep(channel, False, 1, code, (start, stop), 1, limit)
    frame.settings.quasi_pulse.source = checked_sweep(frame, sweep)


def _set_compatibility(frame: Mainframe, mode: int) -> None:
    frame.settings.quasi_static.compatible = mode


def _set_leakage(frame: Mainframe, output: int, compensation: int) -> None:
    settings = frame.settings.quasi_static
    settings.leakage_output, settings.compensation = output, compensation


def _set_abort(frame: Mainframe, abort: int, post: int | None) -> None:
    settings = frame.settings.quasi_static
    settings.abort = abort
    if post is not None:
        settings.post = post


def _set_smart(frame: Mainframe, on: int, channel: int | None, limit: float | None) -> None:
    """QSO 1 needs two SMUs in a loop, which no device here is wired for: 120."""
    if on or (limit is not None and channel is None):
        raise FlexError(BAD_PARAMETER)
    if channel is not None:
        frame.smu(channel)
    frame.settings.quasi_static.smart = on


def _set_range(frame: Mainframe, code: int) -> None:
    frame.settings.quasi_static.current_range = code


def _set_timing(
    frame: Mainframe, capacitance: float, leakage: float, hold: float,
    first_delay: float, second_delay: float | None,
) -> None:  # fmt: skip
    """QST: integration times become whole power line periods."""
    settings = frame.settings.quasi_static
    settings.capacitance_time = whole_line_periods(capacitance)
    settings.leakage_time = whole_line_periods(leakage)
    settings.hold, settings.delays = hold, (first_delay, second_delay or 0.0)


def _set_source(
    frame: Mainframe, channel: int, mode: int, code: int, start: float, stop: float,
    step_voltage: float, steps: int, limit: float | None,
) -> None:  # fmt: skip
    """QSV: a measurement voltage beyond the sweep step becomes the sweep step."""
    if start == stop or step_voltage <= 0:
        raise FlexError(BAD_PARAMETER)
    sweep = Sweep(channel, False, mode, code, (start, stop), steps, limit)
    settings = frame.settings.quasi_static
    settings.source = checked_sweep(frame, sweep)
    settings.step_voltage = min(step_voltage, abs(stop - start) / (steps + 1))


def _measure_offset(frame: Mainframe, mode: int) -> str | None:
    """QSZ: the offset of an ideal fixture is nil; mode 2 measures and answers it."""
    return "+0.000000E+00" if mode == 2 else None


COMMANDS = {
    "BDM": Command(_set_detection, (choice(0, 1), choice(0, 1, optional=True))),
    "BDT": Command(_set_quasi_timing, (number(0, 655.35), number(0, 6.5535))),
    "BDV": Command(
        _set_quasi_source, (CHANNEL, OUTPUT_RANGE, number(), number(), number(optional=True))
    ),
    "QSC": Command(_set_compatibility, (ON_OFF,)),
    "QSL": Command(_set_leakage, (ON_OFF, ON_OFF)),
    "QSM": Command(_set_abort, (choice(1, 2), choice(1, 2, optional=True))),
    "QSO": Command(_set_smart, (ON_OFF, OPTIONAL_CHANNEL, number(optional=True))),
    "QSR": Command(_set_range, (integer(-14, -9),)),
    "QST": Command(
        _set_timing,
        (
            number(0.016667, 400),
            number(0.016667, 400),
            number(0, 655.35),
            number(0, 65.535),
            number(0, 65.535, optional=True),
        ),
    ),
    "QSV": Command(
        _set_source,
        (
            CHANNEL,
            choice(1, 3),
            OUTPUT_RANGE,
            number(-200, 200),
            number(-200, 200),
            number(0, 10),
            integer(1, 1001),
            number(optional=True),
        ),
    ),
    "QSZ": Command(_measure_offset, (choice(0, 1, 2),)),
}

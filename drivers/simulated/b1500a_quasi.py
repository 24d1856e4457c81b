"""Quasi-pulsed spot (MM 9) and quasi-static C-V (MM 13) of a simulated B1500A."""

from labsyn.drivers.simulated.b1500a_cmu import capacitance_between
from labsyn.drivers.simulated.b1500a_reading import dummies, read, source_item, stamped
from labsyn.drivers.simulated.b1500a_settings import QuasiStatic
from labsyn.drivers.simulated.b1500a_smu import Smu, range_value
from labsyn.drivers.simulated.b1500a_state import LINE_FREQUENCY, Mainframe
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.flex_data import Item

_SLEW = 1e4  # volt a second of the quasi-pulse: a choice
_INTERVALS = {0: 1e-3, 1: 5e-3}  # seconds between looks at the settling: a choice


def quasi_pulsed_spot(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 9: ramp from start to stop, wait until settled, measure, and go back to start.

    Outputs settle at once here, so the first look at the settling finds it done.
    """
    settings = frame.settings.quasi_pulse
    sweep = settings.source
    if sweep is None:
        raise FlexError(BAD_PARAMETER)
    source = frame.active_smu(sweep.channel)
    start, stop = sweep.values
    source.apply(source.prepared(False, sweep.range_code, start, sweep.limit))
    frame.pass_time(settings.hold)
    source.apply(source.prepared(False, sweep.range_code, stop, sweep.limit))
    frame.pass_time(abs(stop - start) / _SLEW + _INTERVALS[settings.interval])
    frame.pass_time(settings.delay)
    smu = smus[0]
    seconds = frame.integration_time(smu)
    frame.pass_time(seconds)
    items = [frame.reading_item(smu, value) for value in read(smu, seconds)]
    source.force(start)
    return items


def quasi_static(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 13: at each step the charge of a small voltage step, over that step.

    The charge is that of the film, :math:`C ΔV`, and of what leaks while it is measured;
    with compensation (QSL) the leakage measured just before is taken off.
    """
    settings = frame.settings.quasi_static
    sweep = settings.source
    if sweep is None:
        raise FlexError(BAD_PARAMETER)
    source, meter = frame.active_smu(sweep.channel), smus[0]
    source.apply(source.prepared(False, sweep.range_code, sweep.values[0], sweep.limit))
    frame.pass_time(settings.hold)
    voltages = _step_voltages(settings)
    items: list[Item] = []
    found: list[Item] = []
    aborted = False
    for index, volts in enumerate(voltages):
        if aborted:
            items += dummies(found)
        else:
            leakage, capacitance = _step(frame, source, meter, volts)
            found = leakage + capacitance
            aborted = settings.abort == 2 and any(item.failed for item in found)
            found = found if settings.leakage_output else capacitance
            items += found
        if frame.settings.data_mode == 1:
            last = index == len(voltages) - 1
            items.append(source_item(frame, sweep, volts, last=last))
    source.force(sweep.values[0 if aborted else settings.post - 1])
    return items


def _step_voltages(settings: QuasiStatic) -> list[float]:
    """Return the voltages of the steps, without start and stop (page 4-164)."""
    sweep = settings.source
    if sweep is None:
        raise FlexError(BAD_PARAMETER)
    start, stop = sweep.values
    step = (stop - start) / (sweep.steps + 1)
    values = [start + step * k for k in range(1, sweep.steps + 1)]
    return values + values[::-1] if sweep.mode == 3 else values


def _step(
    frame: Mainframe, source: Smu, meter: Smu, volts: float
) -> tuple[list[Item], list[Item]]:
    """Return leakage and capacitance at one step, each after its time if TSC asks for it."""
    settings = frame.settings.quasi_static
    source.force(volts)
    frame.pass_time(settings.delays[0])
    begin = frame.time_item(meter.slot)
    frame.pass_time(settings.leakage_time)
    code = settings.current_range
    leakage = frame.reading_item(
        meter, meter.measure("I", code, settings.leakage_time, meter.adc)
    )
    if settings.compatible == 0:
        frame.pass_time(settings.delays[1])
    middle = frame.time_item(meter.slot)
    half = settings.step_voltage / 2
    charge = 0.0
    for sign in (-1, 1):  # the leakage through both halves of the step is collected too
        source.force(volts + sign * half)
        frame.pass_time(settings.capacitance_time / 2)
        charge += frame.wiring.current(meter.source) * settings.capacitance_time / 2
    if settings.compensation:
        charge -= (leakage.value or 0.0) * settings.capacitance_time
    # The meter may be at the other end of the film: its current flows the other way.
    sign = 1 if meter is source else -1
    farads = capacitance_between(frame.wiring, source.source, meter.source)
    capacitance = farads + sign * charge / settings.step_voltage
    overflow = abs(charge) / settings.capacitance_time > 1.1 * range_value(code, False)
    item = _capacitance(leakage, None if overflow else capacitance)
    return stamped(frame, begin, [leakage]), stamped(frame, middle, [item])


def _capacitance(leakage: Item, value: float | None) -> Item:
    return Item(
        channel=leakage.channel,
        kind="C",
        value=None if leakage.value is None else value,
        this_compliance=leakage.this_compliance,
        other_compliance=leakage.other_compliance,
    )


def whole_line_periods(seconds: float) -> float:
    """Return an integration time rounded to power line periods, at least one."""
    return max(1, round(seconds * LINE_FREQUENCY)) / LINE_FREQUENCY

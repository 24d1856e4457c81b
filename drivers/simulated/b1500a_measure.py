"""B1500A measurements started by XE: spot, staircase sweep and pulsed spot.

A measurement takes its time on the virtual clock while XE is handled: when the message
has been written, the data are there and ``*OPC?`` answers at once.
"""

import math

from labsyn.drivers.simulated.b1500a_setup import SPOT, STAIRCASE
from labsyn.drivers.simulated.b1500a_smu import Reading, Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe, Sweep
from labsyn.drivers.simulated.flex import BAD_PARAMETER, Command, FlexError
from labsyn.drivers.simulated.flex_data import Item


def _execute(frame: Mainframe) -> None:
    """XE: run the measurement of MM and put its data into the data buffer."""
    if not frame.settings.measurement:
        raise FlexError(BAD_PARAMETER)
    mode, *channels = frame.settings.measurement
    smus = [frame.active_smu(channel) for channel in channels]
    if mode == SPOT:
        frame.send(_measure(frame, smus))
    elif mode == STAIRCASE:
        frame.send(_staircase(frame, smus))
    else:
        frame.send(_pulsed_spot(frame, smus[0]))


def _kinds(smu: Smu) -> str:
    """Return what CMM lets a channel measure: the compliance side comes first."""
    sides = "VI" if smu.output.forces_current else "IV"
    return {0: sides[0], 1: "I", 2: "V", 3: sides[1], 4: sides}[smu.operation]


def _read(smu: Smu, seconds: float) -> list[Reading]:
    ranges = {"I": smu.current_range, "V": smu.voltage_range}
    return [smu.measure(kind, ranges[kind], seconds) for kind in _kinds(smu)]


def _measure(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """Return the readings of `smus` in order; with PAD 1 fast converters work together."""
    stamps: dict[int, Item] = {}
    readings: dict[int, list[Item]] = {}
    together = [smu for smu in smus if frame.settings.parallel and smu.adc != 1]
    groups = ([together] if together else []) + [[s] for s in smus if s not in together]
    for group in groups:
        stamps |= {smu.slot: frame.time_item(smu.slot) for smu in group}
        seconds = {smu.slot: frame.integration_time(smu) for smu in group}
        frame.clock.sleep(max(seconds.values()))
        for smu in group:
            values = _read(smu, seconds[smu.slot])
            readings[smu.slot] = [frame.reading_item(smu, value) for value in values]
    items: list[Item] = []
    for smu in smus:
        for item in readings[smu.slot]:
            items += [stamps[smu.slot], item] if frame.settings.time_stamp else [item]
    return items


def sweep_values(sweep: Sweep) -> list[float]:
    """Return the source values of a sweep; a double one passes its turn twice."""
    (start, stop), last = sweep.values, sweep.steps - 1
    if sweep.mode in (2, 4):
        ratio = math.log(stop / start)
        values = [
            start * math.exp(ratio * k / last) if last else start for k in range(last + 1)
        ]
    else:
        values = [start + (stop - start) * k / last if last else start for k in range(last + 1)]
    if last:
        values[-1] = stop
    return values + values[::-1] if sweep.mode in (3, 4) else values


def _staircase(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    settings = frame.settings
    sweep = settings.sweep
    if sweep is None:
        raise FlexError(BAD_PARAMETER)
    source = frame.active_smu(sweep.channel)
    hold, delay, step_delay, _, measurement_delay = settings.sweep_timing
    values = sweep_values(sweep)
    source.apply(
        source.prepared(sweep.forces_current, sweep.range_code, values[0], sweep.limit)
    )
    items: list[Item] = []
    aborted = False
    for index, value in enumerate(values):
        if aborted:
            items += _missing(frame, smus)
        else:
            source.force(value, sweep.power_limit)
            frame.clock.sleep((0.0 if index else hold) + delay + measurement_delay)
            items += _measure(frame, smus)
            frame.clock.sleep(step_delay)
            aborted = settings.sweep_abort == 2 and _any_compliance(frame)
        if settings.data_mode == 1:
            last = index == len(values) - 1
            items.append(_source_item(sweep, value, last=last))
    source.force(sweep.values[settings.sweep_post - 1])
    return items


def _any_compliance(frame: Mainframe) -> bool:
    return any(smu.in_compliance for smu in frame.smus.values())


def _missing(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """Return one step of an aborted sweep."""
    items: list[Item] = []
    for smu in smus:
        for kind in _kinds(smu):
            if frame.settings.time_stamp:
                items.append(Item(channel=smu.slot, kind="T", value=None, aborted=True))
            items.append(Item(channel=smu.slot, kind=kind, value=None, aborted=True))
    return items


def _source_item(sweep: Sweep, value: float, *, last: bool) -> Item:
    kind = "I" if sweep.forces_current else "V"
    return Item(channel=sweep.channel, kind=kind, value=value, source="E" if last else "W")


def _pulsed_spot(frame: Mainframe, smu: Smu) -> list[Item]:
    """Apply one pulse, and measure at its end."""
    pulse = frame.settings.pulse
    if pulse is None:
        raise FlexError(BAD_PARAMETER)
    source = frame.active_smu(pulse.channel)
    hold, width, period, _ = frame.settings.pulse_timing
    base, peak = pulse.values
    source.apply(source.prepared(pulse.forces_current, pulse.range_code, base, pulse.limit))
    frame.clock.sleep(hold)
    stamp = frame.time_item(smu.slot)
    source.force(peak)
    frame.clock.sleep(width)
    readings = [frame.reading_item(smu, value) for value in _read(smu, width)]
    source.force(base)
    frame.clock.sleep(period - width)
    items: list[Item] = []
    for item in readings:
        items += [stamp, item] if frame.settings.time_stamp else [item]
    return items


COMMANDS = {"XE": Command(_execute)}

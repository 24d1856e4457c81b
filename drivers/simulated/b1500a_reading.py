"""What a measurement of a B1500A reads at one moment, and the data items it makes."""

from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_smu import Reading, Smu, range_value
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex_data import Item


def kinds(smu: Smu) -> str:
    """Return what CMM lets a channel measure: the compliance side comes first."""
    sides = "VI" if smu.output.forces_current else "IV"
    return {0: sides[0], 1: "I", 2: "V", 3: sides[1], 4: sides}[smu.operation]


def read(
    smu: Smu, seconds: float, *, still: bool = False, high_speed: bool = False
) -> list[Reading]:
    """Return the readings of one channel, integrated over `seconds` that have passed.

    The converter is that of AAD, or the `high_speed` one.

    A `still` one has no time to find its range: unless a fixed one is set, it is that of
    the output and of its compliance.
    """
    ranges = {"I": smu.current_range, "V": smu.voltage_range}
    if still:
        output = smu.output
        own = (output.range_code, output.limit_range)
        held = dict(zip("IV" if output.forces_current else "VI", own, strict=True))
        ranges = {kind: code if code < 0 else -held[kind] for kind, code in ranges.items()}
    adc = 0 if high_speed else smu.adc
    return [smu.measure(kind, ranges[kind], seconds, adc) for kind in kinds(smu)]


def measure(frame: Mainframe, smus: list[Smu], *, parallel: bool = False) -> list[Item]:
    """Return the readings of `smus` in order.

    With PAD 1, or in a mode that is always `parallel`, the channels with the high-speed
    converter and fixed ranges measure first, together (page 2-48).
    """
    parallel = parallel or frame.settings.parallel == 1
    together = [smu for smu in smus if parallel and smu.adc != 1 and _is_fixed(smu)]
    groups = ([together] if together else []) + [[s] for s in smus if s not in together]
    found: dict[int, list[Item]] = {}
    for group in groups:
        seconds = {smu.slot: frame.integration_time(smu) for smu in group}
        found |= measure_together(frame, group, seconds)
    return [item for smu in smus for item in found[smu.slot]]


def _is_fixed(smu: Smu) -> bool:
    ranges = {"I": smu.current_range, "V": smu.voltage_range}
    return all(ranges[kind] < 0 for kind in kinds(smu))


def measure_together(
    frame: Mainframe, smus: list[Smu], seconds: dict[int, float], *, still: bool = False
) -> dict[int, list[Item]]:
    """Return the items of channels that integrate at the same time, by slot."""
    stamps = {smu.slot: frame.time_item(smu.slot) for smu in smus}
    frame.pass_time(max(seconds.values()))
    items: dict[int, list[Item]] = {}
    for smu in smus:
        found = read(smu, seconds[smu.slot], still=still)
        readings = [frame.reading_item(smu, value) for value in found]
        items[smu.slot] = stamped(frame, stamps[smu.slot], readings)
    return items


def stamped(frame: Mainframe, stamp: Item, readings: list[Item]) -> list[Item]:
    """Put the time before each reading, if TSC asks for it."""
    if not frame.settings.time_stamp:
        return readings
    return [item for reading in readings for item in (stamp, reading)]


def missing(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """Return one step of an aborted measurement."""
    items: list[Item] = []
    for smu in smus:
        stamp = Item(channel=smu.slot, kind="T", value=None, aborted=True)
        values = [
            Item(channel=smu.slot, kind=kind, value=None, aborted=True) for kind in kinds(smu)
        ]
        items += stamped(frame, stamp, values)
    return items


def dummies(found: list[Item]) -> list[Item]:
    """Return one step of an aborted measurement, of the same form as the step `found`."""
    return [
        Item(channel=item.channel, kind=item.kind, value=None, aborted=True) for item in found
    ]


def source_item(frame: Mainframe, source: Sweep, value: float, *, last: bool) -> Item:
    """Return the value of a sweep source, marked as an intermediate step or the last."""
    code = 200
    if source.channel in frame.smus:
        smu = frame.smus[source.channel]
        code = smu.output.range_code
        if source.ranges_each:
            code = smu.prepared(True, source.range_code, value, source.limit).range_code
    volts = not source.forces_current
    return Item(
        channel=source.channel,
        kind="V" if volts else "I",
        value=value,
        source="E" if last else "W",
        range_code=code,
        scale=range_value(code, volts),
    )

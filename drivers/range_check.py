"""Limits of a bench file against what its instruments can do; nothing is driven."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.data.units import format_quantity
from labsyn.drivers.bench_model import BenchConfig, FieldRole, SourceRole
from labsyn.drivers.connection import Connection
from labsyn.drivers.finding import Finding
from labsyn.drivers.kepco_bop import MAX_CURRENT, MAX_VOLTAGE
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.lakeshore425 import LakeShore425
from labsyn.drivers.limits import UNITS, Limits
from labsyn.drivers.pulse_generator import SOURCE_RESISTANCE, PulseGenerator
from labsyn.drivers.smu_ranges import INTERLOCK_VOLTAGE, highest_current, highest_voltage

_FIRST_SPGU = 101
_SPGU_LEVEL = 40.0  # volt into an open end, either sign (B1525A)
_INTERLOCK_OPEN = 8  # of the status byte
_TESLA_PER_GAUSS = 1e-4
_SLACK = 1 + 1e-9


@dataclass(frozen=True)
class Reach:
    """What an output can do: volts, and amperes at a voltage."""

    what: str
    voltage: float
    current: Callable[[float], float] = lambda volts: math.inf


def role_findings(
    config: BenchConfig, role: str, connections: Mapping[str, Connection]
) -> Iterator[Finding]:
    """Compare the limits at the terminals of `role` with the ranges of its instrument."""
    part = config.roles.played()[role]
    connection = connections.get(part.instrument)
    if connection is None:
        return
    where, instrument = f"[roles.{role}]", connection.instrument
    if isinstance(part, SourceRole):
        limits = [way.limits for way in config.ways(role)]
        yield _source(where, part, instrument, limits)
    elif isinstance(part, FieldRole):
        meter: Connection | None = connections.get(part.gaussmeter)
        yield from _field(where, part, meter.instrument if meter else None, config.limits_of())


def interlock_findings(config: BenchConfig, name: str, instrument: Any) -> Iterator[Finding]:
    """Tell of the interlock of the analyser called `name`, and whether the limits need it."""
    if not isinstance(instrument, KeysightB1500A):
        return
    if not int(float(instrument.ask("*STB?"))) & _INTERLOCK_OPEN:
        yield Finding(name, "ok", "its status tells of no open interlock")
        return
    roles = [role for role, part in config.roles.sources().items() if part.instrument == name]
    ways = [way for role in roles for way in config.ways(role)]
    voltage = max((way.limits.voltage for way in ways), default=0.0)
    most = format_quantity(INTERLOCK_VOLTAGE, "V")
    if voltage <= INTERLOCK_VOLTAGE:
        yield Finding(name, "ok", f"the interlock is open; no limit is above {most}")
        return
    limit = format_quantity(voltage, "V")
    yield Finding(
        name,
        "failed",
        f"the interlock is open, and a voltage limit of {limit} is above {most}: close the "
        "cover, or lower the limit",
    )


def _source(where: str, part: SourceRole, instrument: Any, limits: list[Limits]) -> Finding:
    reach = _reach(part, instrument)
    if reach is None:
        text = f"the ranges of {instrument.name} are not known here: compare them by hand"
        return Finding(where, "warning", text)
    voltage = max(each.voltage for each in limits)
    current = max(each.current for each in limits)
    asked = {"voltage": (voltage, reach.voltage)}
    asked["current"] = (current, reach.current(min(voltage, reach.voltage)))
    return _compared(where, reach.what, asked)


def _reach(part: SourceRole, instrument: Any) -> Reach | None:
    """Return what the output of a role reaches; raise ConfigError if there is none."""
    if isinstance(instrument, KeysightB1500A):
        return _analyser_reach(part, instrument)
    if isinstance(instrument, PulseGenerator):
        share = _share(part)
        return Reach(f"{instrument.name} at this load", 2 * share * instrument.RANGE.level)
    if not hasattr(instrument, "AMPLITUDE"):
        return None
    return Reach(f"the sine of {instrument.name}", instrument.AMPLITUDE[1])


def _analyser_reach(part: SourceRole, analyser: KeysightB1500A) -> Reach:
    modules = analyser.query_modules()
    pulses = part.channel >= _FIRST_SPGU
    slot = part.channel // 100 if pulses else part.channel
    kind = modules.get(slot, "nothing")
    if pulses and kind == "SPGU":
        return Reach(f"the SPGU in slot {slot} at this load", _SPGU_LEVEL * _share(part))
    highest = highest_voltage(kind)
    if pulses or not highest:
        units = ", ".join(f"{unit} in {n}" for n, unit in modules.items())
        raise ConfigError(
            f"channel {part.channel} is no output that can play it: there is {kind} in slot "
            f"{slot}; the analyser has {units}"
        )
    return Reach(
        f"the {kind} in slot {slot}", highest, lambda volts: highest_current(kind, volts)
    )


def _share(part: SourceRole) -> float:
    """Return the share of an open voltage that a load gets behind 50 ohm."""
    load = math.inf if part.load is None else part.load
    return 1.0 if math.isinf(load) else load / (load + SOURCE_RESISTANCE)


def _field(
    where: str, part: FieldRole, gaussmeter: LakeShore425 | None, limits: Limits
) -> Iterator[Finding]:
    reach = MAX_CURRENT * part.coil_constant
    what = f"coil and supply ({MAX_CURRENT:g} A times coil_constant)"
    yield _compared(where, what, {"field": (limits.field, reach)})
    if part.voltage_limit > MAX_VOLTAGE:
        volts = format_quantity(part.voltage_limit, "V")
        yield Finding(
            where, "failed", f"voltage_limit is {volts}, the supply has {MAX_VOLTAGE:g} V"
        )
    if gaussmeter is None:
        return
    if gaussmeter.ask("AUTO?").strip() == "1":
        yield Finding(where, "ok", "the gaussmeter chooses its range by itself")
        return
    gauss = gaussmeter.range
    most = min(limits.field, reach)
    asked = {"field": (most, gauss * _TESLA_PER_GAUSS)}
    yield _compared(where, f"the gaussmeter in its range of {gauss:g} G", asked)


def _compared(where: str, what: str, asked: dict[str, tuple[float, float]]) -> Finding:
    """Return whether each limit lies within what can be reached."""
    beyond = [
        f"the {key} limit of {format_quantity(limit, UNITS[key])} is beyond "
        f"{format_quantity(reach, UNITS[key])}"
        for key, (limit, reach) in asked.items()
        if limit > reach * _SLACK
    ]
    if beyond:
        text = f"{what}: {' and '.join(beyond)}; a run that asks for more is refused late"
        return Finding(where, "warning", f"{text}: lower the limit")
    reaches = " and ".join(
        format_quantity(reach, UNITS[key])
        for key, (_, reach) in asked.items()
        if math.isfinite(reach)
    )
    return Finding(where, "ok", f"{what}: up to {reaches}; the limits lie within")

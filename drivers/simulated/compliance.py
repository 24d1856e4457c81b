"""Sources with limits: the voltages at which every output keeps to its compliance.

A source in voltage operation gives way until no more than its current limit flows; one
in current operation raises its voltage until its current flows, up to its voltage limit.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labsyn.drivers.simulated.device import DeviceUnderTest

_TOLERANCE = 1e-12


@dataclass(eq=False)
class Source:
    """One instrument output: what it forces, and what came of it.

    Attributes
    ----------
    forced, limit : float
        Volts and ampere; ampere and volts if `forces_current`.
    series_resistance : float
        Ohm between the output and the terminal.
    volts : float or None
        At the output, as `settle` found them; None while off.
    limited : bool
        Whether the limit holds it back.
    """

    forced: float = 0.0
    limit: float = math.inf
    forces_current: bool = False
    series_resistance: float = 0.0
    driving: bool = False
    volts: float | None = None
    limited: bool = False

    def has_headroom(self, current: float, share: float) -> bool:
        """Tell whether its terminal keeps its voltage while the device changes."""
        return (
            not self.forces_current
            and not self.series_resistance
            and abs(current) <= share * self.limit
        )

    def settle_open(self) -> None:
        """Settle with nothing connected."""
        if self.forces_current:
            self.limited = self.forced != 0
            self.volts = math.copysign(self.limit, self.forced) if self.limited else 0.0
        else:
            self.volts, self.limited = self.forced, False

    @property
    def current_bound(self) -> float:
        return abs(self.forced) if self.forces_current else self.limit


def by_source(acting: Mapping[str, Source]) -> dict[Source, list[str]]:
    """Return the terminals that each source holds together."""
    held: dict[Source, list[str]] = {}
    for terminal, source in acting.items():
        held.setdefault(source, []).append(terminal)
    return held


def settle(
    device: DeviceUnderTest, acting: Mapping[str, Source], grounded: set[str]
) -> tuple[dict[str, float | None], dict[str, float]]:
    """Return the volts at each terminal and the ampere into it; update the sources.

    The tightest source is settled first: it decides the current of a two-terminal device,
    and one pass is enough. Others may need a few.
    """
    voltages: dict[str, float | None] = dict.fromkeys(device.terminals)
    voltages.update(dict.fromkeys(grounded, 0.0))
    for terminal, source in acting.items():
        voltages[terminal] = 0.0 if source.forces_current else source.forced
        source.limited = False
    held = by_source(acting)
    currents = device.currents(voltages)
    if any(not s.has_headroom(_sum(currents, ends), 1.0) for s, ends in held.items()):
        order = sorted(held, key=lambda source: source.current_bound)
        for _ in range(20):
            before = dict(voltages)
            for source in order:
                _balance(device, source, held[source], voltages)
            if all(_close(before[t], voltages[t]) for t in acting):
                break
        currents = device.currents(voltages)
    for source, terminals in held.items():
        volts = voltages[terminals[0]] or 0.0
        source.volts = volts + source.series_resistance * _sum(currents, terminals)
    return voltages, currents


def _sum(currents: Mapping[str, float], terminals: list[str]) -> float:
    return sum(currents[terminal] for terminal in terminals)


def _balance(
    device: DeviceUnderTest,
    source: Source,
    terminals: list[str],
    voltages: dict[str, float | None],
) -> None:
    """Find the volts of the terminals of one source while all others keep theirs."""

    def current(volts: float) -> float:
        voltages.update(dict.fromkeys(terminals, volts))
        return _sum(device.currents(voltages), terminals)

    others = [v for t, v in voltages.items() if t not in terminals and v is not None]
    if source.forces_current:
        volts, source.limited = _current_source(current, source.forced, source.limit)
    else:
        low, high = min([0.0, *others]), max([0.0, *others])
        volts, source.limited = _voltage_source(current, source, low, high)
    voltages.update(dict.fromkeys(terminals, volts))


def _current_source(
    current: Callable[[float], float], amperes: float, limit: float
) -> tuple[float, bool]:
    if current(0.0) == amperes:
        return 0.0, False
    if current(limit) < amperes:
        return limit, True
    if current(-limit) > amperes:
        return -limit, True
    return _root(lambda volts: current(volts) - amperes, -limit, limit), False


def _voltage_source(
    current: Callable[[float], float], source: Source, low: float, high: float
) -> tuple[float, bool]:
    volts = source.forced
    if source.series_resistance:
        volts = _root(
            lambda v: v + source.series_resistance * current(v) - source.forced,
            min(low, source.forced),
            max(high, source.forced),
        )
    flows = current(volts)
    if abs(flows) <= source.limit * (1 + 1e-9):
        return volts, False
    bound = math.copysign(source.limit, flows)
    # No current of this sign flows at the lowest (highest) voltage of all terminals.
    ends = (min(low, volts), volts) if flows > 0 else (volts, max(high, volts))
    return _root(lambda v: current(v) - bound, *ends), True


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising `function` is zero: regula falsi with the Illinois weights.

    Exact after one step for an ohmic device. The nearer end if there is no sign change.
    """
    at_low, at_high = function(low), function(high)
    if at_low >= 0:
        return low
    if at_high <= 0:
        return high
    scale = max(-at_low, at_high)
    side = 0
    middle = low
    for _ in range(100):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        value = function(middle)
        if abs(value) <= _TOLERANCE * scale or high - low <= _TOLERANCE * abs(high):
            break
        if value > 0:
            high, at_high = middle, value
            at_low *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            low, at_low = middle, value
            at_high *= 0.5 if side < 0 else 1.0
            side = -1
    return middle


def _close(before: float | None, after: float | None) -> bool:
    return abs((before or 0.0) - (after or 0.0)) <= 1e-9 * (1e-3 + abs(after or 0.0))

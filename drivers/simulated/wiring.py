"""Wiring: which instrument output reaches which terminal of which device under test.

Instruments drive and release their outputs; between two calls time passes on the virtual
clock, and before any change or reading the devices are advanced to now under the voltages
that held in the meantime.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.compliance import Source, by_source, settle
from labsyn.drivers.simulated.device import DeviceUnderTest

# Below this share of its limit no source can reach compliance before the next reading of
# the change (devices here change by less than a factor 4): the interval needs no cutting.
_HEADROOM = 0.25


@dataclass
class _Fixture:
    """A device with what is connected to it, and the time it has reached."""

    device: DeviceUnderTest
    time: float
    grounded: set[str] = field(default_factory=set)
    driving: dict[str, list[Source]] = field(default_factory=dict)
    acting: dict[str, Source] = field(default_factory=dict)
    voltages: dict[str, float | None] = field(default_factory=dict)
    currents: dict[str, float] = field(default_factory=dict)
    stale: bool = True
    steady: bool = False

    def settle(self) -> None:
        """Find the voltages and currents that hold now, unless they are known.

        `steady` says that every source keeps its voltage whatever the device does before
        the next reading: then only the currents are new.
        """
        if not self.stale:
            return
        if self.steady:
            self.currents = self.device.currents(self.voltages)
            self.steady = self._has_headroom()
        if not self.steady:
            self.voltages, self.currents = settle(self.device, self.acting, self.grounded)
            self.steady = self._has_headroom()
        self.stale = False

    def _has_headroom(self) -> bool:
        return all(
            source.has_headroom(sum(self.currents[t] for t in terminals), _HEADROOM)
            for source, terminals in by_source(self.acting).items()
        )

    def changed(self) -> None:
        """Note that a source or a relay is not what it was: all must be found again.

        The source that was driven last holds a terminal.
        """
        self.acting = {terminal: on[-1] for terminal, on in self.driving.items() if on}
        self.stale, self.steady = True, False


class Wiring:
    """Connections between instrument outputs and devices under test.

    Parameters
    ----------
    clock : VirtualClock
        The time of the bench.

    Attributes
    ----------
    warnings : list of str
        What a person at the bench should be told, such as two outputs on one terminal.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.warnings: list[str] = []
        self._sources: dict[str, Source] = {}
        self._places: dict[str, tuple[_Fixture, list[str]]] = {}
        self._fixtures: dict[int, _Fixture] = {}
        self._active: dict[int, _Fixture] = {}  # those that an output drives
        self._watchers: list[Callable[[], None]] = []
        self._telling = False

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have `watcher` called before each change, while the old voltages still hold."""
        self._watchers.append(watcher)

    def _tell(self) -> None:
        if self._telling:  # a watcher may look at the wiring, which changes nothing
            return
        self._telling = True
        try:
            for watcher in self._watchers:
                watcher()
        finally:
            self._telling = False

    def connect(self, source: str, device: DeviceUnderTest, terminal: str) -> None:
        """Connect the output `source`, such as ``"GPIB0::17::INSTR/1"``, to a terminal.

        Connected to several terminals of one device, it ties them together.

        Raises
        ------
        ConfigError
            If the device has no such terminal, the terminal is tied to ground, or the
            output is connected to it, or to another device, already.
        """
        fixture = self._fixture(device, terminal)
        if terminal in fixture.grounded:
            raise ConfigError(f"terminal {terminal!r} is tied to ground, not free for {source}")
        there, terminals = self._places.get(source, (fixture, []))
        if there is not fixture or terminal in terminals:
            raise ConfigError(f"{source} is connected to terminal {terminals[0]!r} already")
        self._tell()
        self._places[source] = (fixture, [*terminals, terminal])
        output = self._source(source)
        if output.driving:
            self._advance(fixture)
            self._switch_on(output, source, [terminal])
            self._apply(fixture)

    def disconnect(self, source: str, terminal: str = "") -> None:
        """Take the output off `terminal`, or off all, driven or not, as opening relays do.

        Raises
        ------
        ConfigError
            If the output is connected to nothing.
        """
        place = self._places.get(source)
        if place is None:
            raise ConfigError(f"{source} is connected to nothing")
        self._tell()
        fixture, terminals = place
        leaving = [terminal] if terminal else terminals
        output = self._source(source)
        self._advance(fixture)
        if output.driving:
            for each in leaving:
                fixture.driving[each].remove(output)
        left = [each for each in terminals if each not in leaving]
        self._places[source] = (fixture, left)
        if not left:
            output.settle_open()
            del self._places[source]
        self._apply(fixture)

    def is_connected(self, source: str) -> bool:
        """Tell whether the output leads to a device."""
        return source in self._places

    def advance_all(self) -> None:
        """Advance every device to now: before something outside the wiring changes."""
        for fixture in self._fixtures.values():
            self._advance(fixture)

    def apply_all(self) -> None:
        """Let every device feel what changed outside the wiring, such as a field."""
        for fixture in self._fixtures.values():
            self._apply(fixture)

    def ground(self, device: DeviceUnderTest, terminal: str) -> None:
        """Tie a terminal to 0 V; raise ConfigError if it is connected to an output."""
        fixture = self._fixture(device, terminal)
        for source, (there, terminals) in self._places.items():
            if there is fixture and terminal in terminals:
                raise ConfigError(f"terminal {terminal!r} cannot be ground: {source} is on it")
        self._advance(fixture)
        fixture.grounded.add(terminal)
        self._apply(fixture)

    def drive(
        self,
        source: str,
        volts: float,
        current_limit: float = math.inf,
        series_resistance: float = 0.0,
    ) -> None:
        """Force `volts`, with at most `current_limit` ampere of either sign.

        Beyond the limit the voltage at the terminal is what lets just the limit flow.
        """
        self._force(source, volts, current_limit, series_resistance, forces_current=False)

    def drive_current(self, source: str, amperes: float, voltage_limit: float) -> None:
        """Force `amperes`, with at most `voltage_limit` volt of either sign."""
        self._force(source, amperes, voltage_limit, 0.0, forces_current=True)

    def release(self, source: str) -> None:
        """Switch the output off: high impedance."""
        output = self._source(source)
        if not output.driving:
            return
        self._tell()
        place = self._places.get(source)
        if place is not None:
            self._advance(place[0])
            for terminal in place[1]:
                place[0].driving[terminal].remove(output)
        output.driving = False
        output.volts, output.limited = None, False
        if place is not None:
            self._apply(place[0])

    def current(self, source: str) -> float:
        """Return the ampere that flow out of the output into the device, without noise."""
        fixture, terminals = self._now(source)
        return sum(fixture.currents[t] for t in terminals) if fixture is not None else 0.0

    def measured_current(self, source: str) -> float:
        """Return the ampere that flow out of the output, with the noise of the device."""
        fixture, terminals = self._now(source)
        if fixture is None:
            return 0.0
        measured = fixture.device.measured_currents(fixture.voltages)
        return sum(measured[terminal] for terminal in terminals)

    def voltage(self, source: str) -> float | None:
        """Return the volts at the output, None while it is off."""
        self._now(source)
        return self._source(source).volts

    def potential(self, device: DeviceUnderTest, terminal: str) -> float | None:
        """Return the volts of a terminal against ground, None if nothing holds it."""
        fixture = self._fixture(device, terminal)
        self._advance(fixture)
        fixture.settle()
        return fixture.voltages[terminal]

    def limited(self) -> list[str]:
        """Return the outputs that are held back by their limits now."""
        now = self.clock.now()
        for fixture in self._active.values():
            if fixture.time < now:
                self._advance(fixture)
            if fixture.stale:
                fixture.settle()
        return [name for name, source in self._sources.items() if source.limited]

    def in_compliance(self, source: str) -> bool:
        """Tell whether the output is held back by its limit."""
        self._now(source)
        return self._source(source).limited

    def _force(
        self, name: str, value: float, limit: float, resistance: float, *, forces_current: bool
    ) -> None:
        self._tell()
        output = self._source(name)
        place = self._places.get(name)
        if place is not None:
            self._advance(place[0])
        output.forced, output.limit = value, abs(limit)
        output.series_resistance, output.forces_current = resistance, forces_current
        if not output.driving:
            output.driving = True
            if place is not None:
                self._switch_on(output, name, place[1])
        if place is None:
            output.settle_open()
            return
        for terminal in place[1]:
            on = place[0].driving[terminal]
            on.append(on.pop(on.index(output)))  # the last one driven holds the terminal
        self._apply(place[0])

    def _switch_on(self, output: Source, name: str, terminals: list[str]) -> None:
        fixture, _ = self._places[name]
        for terminal in terminals:
            on = fixture.driving.setdefault(terminal, [])
            if on:
                others = ", ".join(key for key, other in self._sources.items() if other in on)
                self.warnings.append(
                    f"{name} drives terminal {terminal!r}, which {others} drives already; "
                    f"{name} wins"
                )
            on.append(output)

    def _source(self, name: str) -> Source:
        source = self._sources.get(name)
        if source is None:
            source = self._sources[name] = Source()
        return source

    def _fixture(self, device: DeviceUnderTest, terminal: str) -> _Fixture:
        if terminal not in device.terminals:
            known = ", ".join(device.terminals)
            raise ConfigError(
                f"{type(device).__name__} has no terminal {terminal!r}, it has {known}"
            )
        return self._fixtures.setdefault(id(device), _Fixture(device, self.clock.now()))

    def _now(self, name: str) -> tuple[_Fixture | None, list[str]]:
        """Return where a driving source acts, advanced to now and settled."""
        place = self._places.get(name)
        output = self._sources.get(name)
        if place is None or output is None or not output.driving:
            return None, []
        fixture, terminals = place
        if fixture.time < self.clock.now():
            self._advance(fixture)
        if fixture.stale:
            fixture.settle()
        # Another output may hold a terminal.
        return fixture, [t for t in terminals if fixture.acting[t] is output]

    def _apply(self, fixture: _Fixture) -> None:
        """Find the new voltages, and let the device feel them."""
        fixture.changed()
        if fixture.acting:
            self._active[id(fixture)] = fixture
        else:
            self._active.pop(id(fixture), None)
        fixture.settle()
        fixture.device.advance(fixture.voltages, 0.0)
        fixture.stale = True  # it may have broken

    def _advance(self, fixture: _Fixture) -> None:
        elapsed = self.clock.now() - fixture.time
        if elapsed <= 0:
            return
        fixture.time += elapsed
        fixture.settle()
        if fixture.steady:
            fixture.device.advance(fixture.voltages, elapsed)
            fixture.stale = True
        else:
            self._advance_in_steps(fixture, elapsed)

    def _advance_in_steps(self, fixture: _Fixture, elapsed: float) -> None:
        """Follow voltages that move with the state, in steps that change little."""
        step = elapsed / 64
        left = elapsed
        while left > 1e-12 * elapsed:
            step = min(max(step, elapsed / 4096), left)
            currents, voltages = fixture.currents, fixture.voltages
            fixture.device.advance(fixture.voltages, step)
            left -= step
            fixture.stale, fixture.steady = True, False
            fixture.settle()
            change = max(
                _change(currents, fixture.currents), _change(voltages, fixture.voltages)
            )
            step *= 0.5 if change > 4e-3 else 2.0 if change < 1e-3 else 1.0


def _change(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> float:
    """Return the largest relative change of any value."""
    pairs = ((value, after[terminal]) for terminal, value in before.items())
    return max((abs((new or 0.0) / old - 1) for old, new in pairs if old), default=0.0)

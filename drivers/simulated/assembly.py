"""A simulated bench from a bench file: instruments by name, their outputs on terminals."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pyvisa.rname import InvalidResourceName, ResourceName

from labsyn.data.errors import ConfigError, LabsynError
from labsyn.drivers.simulated.agilent33250a import (
    SimulatedAgilent33220A,
    SimulatedAgilent33250A,
)
from labsyn.drivers.simulated.agilent33500 import SimulatedAgilent33500
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.b1500a_selector import SelectorPort
from labsyn.drivers.simulated.device import DeviceUnderTest
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.faults import Fault, FaultyInstrument
from labsyn.drivers.simulated.instrument import SimulatedInstrument
from labsyn.drivers.simulated.kepco_bop import SimulatedKepcoBOP
from labsyn.drivers.simulated.keysight81160a import SimulatedKeysight81160A
from labsyn.drivers.simulated.lakeshore425 import SimulatedLakeShore425
from labsyn.drivers.simulated.sr830 import SimulatedSR830
from labsyn.drivers.simulated.sr860 import SimulatedSR860
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring

if TYPE_CHECKING:
    from labsyn.drivers.bench_model import BenchConfig, InstrumentConfig

_GENERATORS = {
    "Keysight81160A": SimulatedKeysight81160A,
    "Agilent33250A": SimulatedAgilent33250A,
    "Agilent33220A": SimulatedAgilent33220A,
    "Agilent33500": SimulatedAgilent33500,
}
_MOST_SLOTS = 10
_GROUND = "ground"  # what a path begins with that brings a terminal to 0 V
_LOCK_INS = {"SR830": SimulatedSR830, "SR860": SimulatedSR860}


class Assembly:
    """Puts the instruments of a bench file around one device.

    Parameters
    ----------
    config : BenchConfig
        The bench file.
    devices : sequence of DeviceUnderTest
        What is under test, counted from 1 in the names of terminals.
    wiring, clock, environment
        What all share.
    """

    def __init__(
        self,
        config: "BenchConfig",
        devices: Sequence[DeviceUnderTest],
        wiring: Wiring,
        clock: Timeline,
        environment: Environment,
    ) -> None:
        self._config, self._devices = config, devices
        self._wiring, self._clock, self._environment = wiring, clock, environment
        self._seed = config.simulation.seed if config.simulation else 0

    def build(self) -> dict[str, SimulatedInstrument]:
        """Wire the outputs and return the instruments by VISA resource name."""
        switched = self._behind_selectors()
        for output, terminal in self._config.outputs().items():
            if output in switched:
                continue
            self._wiring.connect(self._source(output), *self._place(terminal))
        for terminal in self._config.ground:
            places = (
                [self._place(terminal)]
                if ":" in terminal
                else [(device, terminal) for device in self._devices]
            )
            for place in places:
                self._wiring.ground(*place)
        self._check_addresses()
        built = {}
        for name, entry in self._config.instruments.items():
            instrument = self._instrument(name, entry)
            faults = [_fault(name, plain) for plain in entry.faults]
            built[entry.resource] = (
                FaultyInstrument(instrument, faults, self._clock) if faults else instrument
            )
        return built

    def _behind_selectors(self) -> set[str]:
        """Return the outputs that a 16440A connects, which are not wired for good."""
        return {
            f"{name}/{port[kind]}"
            for name, entry in self._config.instruments.items()
            for port in entry.simulated.get("selector", {}).values()
            for kind in ("smu", "pgu")
            if kind in port
        }

    def _check_addresses(self) -> None:
        holders: dict[str, str] = {}
        for name, entry in self._config.instruments.items():
            try:
                address = str(ResourceName.from_string(entry.resource)).upper()
            except InvalidResourceName as error:
                raise ConfigError(
                    f"[instruments.{name}] resource {entry.resource!r} is no VISA resource "
                    "name such as GPIB0::17::INSTR"
                ) from error
            other = holders.setdefault(address, name)
            if other != name:
                raise ConfigError(
                    f"[instruments.{name}] has the address {entry.resource!r}, where "
                    f"{other!r} is already"
                )

    def _source(self, output: str) -> str:
        """Return the name on the wiring of ``smu/1``, an output of a named instrument."""
        name, _, channel = output.partition("/")
        if name == _GROUND and channel:
            self._wiring.drive(output, 0.0)
            return output
        entry = self._config.instruments.get(name)
        if entry is None or not channel:
            known = ", ".join(self._config.instruments)
            raise ConfigError(
                f"{output!r} is no output; write NAME/CHANNEL with a name of {known}"
            )
        return f"{entry.resource}/{channel}"

    def _place(self, terminal: str) -> tuple[DeviceUnderTest, str]:
        """Return the device and the terminal that ``"top"`` or ``"2:top"`` names."""
        number, colon, name = terminal.partition(":")
        if not colon:
            return self._devices[0], terminal
        if not number.isdigit() or not 1 <= int(number) <= len(self._devices):
            raise ConfigError(
                f"terminal {terminal!r} names no device; [simulation] n_devices is "
                f"{len(self._devices)}"
            )
        return self._devices[int(number) - 1], name

    def _instrument(self, name: str, entry: "InstrumentConfig") -> SimulatedInstrument:
        try:
            return self._make(name, entry, {**self._of_roles(name), **entry.simulated})
        except LabsynError:
            raise
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"[instruments.{name}.simulated] holds an option that the simulated "
                f"{entry.driver} does not take: {error}"
            ) from error

    def _of_roles(self, name: str) -> dict[str, Any]:
        """Return the options that follow from what the roles say of an instrument."""
        roles = self._config.roles
        if roles.field is not None and roles.field.instrument == name:
            return {"coil_constant": roles.field.coil_constant}
        reader = roles.reader
        if reader is not None and reader.instrument == name and reader.reference_resistance:
            return {
                "reference_resistance": reader.reference_resistance,
                "input_across": reader.input_across,
            }
        return {}

    def _make(
        self, name: str, entry: "InstrumentConfig", options: dict[str, Any]
    ) -> SimulatedInstrument:
        kind, address = entry.driver, entry.resource
        if kind in _GENERATORS:
            return _GENERATORS[kind](self._wiring, self._clock, address, **options)
        options = {"seed": self._seed} | options
        if kind in _LOCK_INS:
            lock_in = _LOCK_INS[kind](
                self._wiring, self._clock, address, environment=self._environment, **options
            )
            self._wiring.watch(lock_in.advance)  # what it saw so far, before it changes
            return lock_in
        if kind == "KepcoBOP":
            return SimulatedKepcoBOP(self._environment, self._clock, **options)
        if kind == "LakeShore425":
            return SimulatedLakeShore425(self._environment, self._clock, **options)
        if kind == "Keithley3706A":
            return self._switch(entry, options)
        return self._analyser(name, entry, options)

    def _analyser(
        self, name: str, entry: "InstrumentConfig", options: dict[str, Any]
    ) -> SimulatedInstrument:
        used = {
            role.channel
            for role in self._config.roles.sources().values()
            if role.instrument == name and role.channel <= _MOST_SLOTS
        }
        modules = options.pop("modules", None)
        slots = (
            {int(slot): model for slot, model in modules.items()}
            if modules
            else dict.fromkeys({1, 2, *used}, "B1517A")
        )
        selector = {
            int(number): self._port(**port)
            for number, port in options.pop("selector", {}).items()
        }
        return SimulatedB1500A(
            self._wiring, self._clock, slots, entry.resource, selector=selector, **options
        )

    def _port(self, terminal: str, smu: int = 0, pgu: int = 0) -> SelectorPort:
        return SelectorPort(*self._place(terminal), smu, pgu)

    def _switch(
        self, entry: "InstrumentConfig", options: dict[str, Any]
    ) -> SimulatedInstrument:
        from labsyn.drivers.simulated.keithley3706a import SimulatedKeithley3706A  # Lua

        paths = {
            channel: (
                self._source(f"{_GROUND}/{channel}" if output == _GROUND else output),
                *self._place(terminal),
            )
            for channel, (output, terminal) in entry.paths.items()
        }
        cards, stuck = options.pop("cards", None), options.pop("stuck", ())
        switch = SimulatedKeithley3706A(
            self._wiring,
            self._clock,
            {int(slot): model for slot, model in cards.items()} if cards else None,
            paths,
            entry.resource,
            **options,
        )
        for relay in stuck:
            if relay not in switch.relay_names:
                raise ConfigError(f"there is no relay {relay!r} that could be stuck")
        switch.stuck.update(stuck)
        return switch


def _fault(name: str, plain: dict[str, Any]) -> Fault:
    known = [each.name for each in fields(Fault)]
    for key in plain:
        if key not in known:
            raise ConfigError(
                f"[instruments.{name}] a fault has no {key!r}, it has {', '.join(known)}"
            )
    if "kind" not in plain:
        raise ConfigError(f"[instruments.{name}] the fault {plain} has no kind")
    return Fault(**plain)

"""What a bench file may say: its sections, keys and units, as pydantic models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core.core_schema import CoreSchema, no_info_before_validator_function

from labsyn.data.units import parse_quantity
from labsyn.drivers.catalogue import DRIVERS
from labsyn.drivers.limits import Limits
from labsyn.drivers.ramp import RAMP_RATE


@dataclass(frozen=True)
class Quantity:
    """Mark of a float that is also read from a text with a unit, such as ``"100 ns"``."""

    unit: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": ["number", "string"],
            "description": f"a number in {self.unit}, or a text such as '1.5 {self.unit}'",
        }

    def _read(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"{value!r} is no quantity in {self.unit}")
        return parse_quantity(value, self.unit)


GROUND = "ground"
"""What a relay brings to a terminal that is no output of an instrument."""
LOCK_INS = ("SR830", "SR860")
"""Drivers whose sine output reads a device through a resistor."""
FIRST_SPGU = 101
"""Channel of a B1500A from which on it is a pulse generator; the slots of SMUs are 1 to 10."""

_SLOWEST_RAMP = 1.2  # A/s: from 12 A a bench is safe in 10 s

Volts = Annotated[float, Quantity("V")]
Amperes = Annotated[float, Quantity("A")]
Seconds = Annotated[float, Quantity("s")]
Positive = Field(gt=0)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InstrumentConfig(_Section):
    """One instrument: its driver and where it is."""

    driver: Literal[DRIVERS]  # type: ignore[valid-type]
    resource: str
    timeout: Annotated[float, Positive, Quantity("s")] = 5.0
    """Longest wait for an answer, beyond what a measurement takes by itself."""
    forbidden: list[str] = []
    """Of a switch: channels that may never be closed."""
    never_together: list[list[str]] = []
    """Of a switch: sets of channels of which no two may be closed at the same time."""
    paths: dict[str, tuple[str, str]] = {}
    """Of a switch: what each channel connects, ``"1101" = ["smu/1", "T1"]``, or ``"ground"``
    to a terminal."""
    simulated: dict[str, Any] = {}
    """Options of the simulated twin, such as ``coil_constant`` or ``modules``."""
    faults: list[dict[str, Any]] = []
    """Faults of the simulated twin, such as ``{kind = "late", match = "TI"}``."""


class SourceRole(_Section):
    """Which output plays a role, and which terminal it reaches, through which relays."""

    instrument: str
    channel: int = Field(default=1, ge=1, le=1002)
    terminal: str = "top"
    path: list[str] = []
    """Channels of the switch that connect it; without them it is wired for good."""
    return_channel: int | None = Field(default=None, ge=1, le=10)
    """Of an SMU that reads: another one, at 0 V, which measures the current instead."""
    averaging: int | None = Field(default=None, ge=1, le=127)
    """Of an SMU that reads: samples of its high-resolution converter that are averaged; without
    it one sample of the high-speed one."""
    load: Annotated[float, Positive, Quantity("ohm")] | None = None
    """Of a pulse generator: what its output drives. A wrong one doubles the voltage."""
    edge: Annotated[float, Positive, Quantity("s")] | None = None
    """Of a pulse generator: rise and fall time."""
    reference_resistance: Annotated[float, Positive, Quantity("ohm")] | None = None
    """Of a lock-in: the resistor in series with the device."""
    reference_uncertainty: float = Field(default=0.0, ge=0, lt=1)
    """Of that resistor, relative, one standard deviation."""
    input_across: Literal["device", "reference"] = "device"
    """Of a lock-in: what its input measures, the device or that resistor."""
    frequency: Annotated[float, Positive, Quantity("Hz")] = 1234.5
    """Of a lock-in: the sine that reads the device."""
    time_constant: Annotated[float, Positive, Quantity("s")] = 0.03
    """Of a lock-in: one stage of its output filter."""


class FieldRole(_Section):
    """Which supply drives the coil, and who measures the field."""

    instrument: str
    coil_constant: Annotated[float, Positive, Quantity("T/A")]
    gaussmeter: str = ""
    """Instrument that measures the field; without one it is the supply's current."""
    tolerance: Annotated[float, Positive, Quantity("T")] = 1e-4
    """How near the measured field must come to be settled."""
    settling_time: Annotated[float, Positive, Quantity("s")] = 0.3
    """What coil and gaussmeter take to settle after a step of the current."""
    voltage_limit: Annotated[float, Positive, Quantity("V")] = 36.0
    """Of the supply."""


class SwitchRole(_Section):
    """Which instrument closes the relays."""

    instrument: str


class RolesConfig(_Section):
    """Which instruments play the roles that procedures ask for."""

    pulse_source: SourceRole | None = None
    reader: SourceRole | None = None
    sweeper: SourceRole | None = None
    field: FieldRole | None = None
    switch: SwitchRole | None = None

    def played(self) -> dict[str, SourceRole | FieldRole | SwitchRole]:
        """Return the roles that this bench has, by name."""
        roles = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: role for name, role in roles.items() if role is not None}

    def sources(self) -> dict[str, SourceRole]:
        """Return the roles that drive a terminal, by name."""
        return {k: role for k, role in self.played().items() if isinstance(role, SourceRole)}


class TighterLimits(_Section):
    """Limits of one terminal or device; the strictest of all that apply holds."""

    voltage: Volts | None = None
    current: Amperes | None = None
    power: Annotated[float, Quantity("W")] | None = None
    voltage_slew: Annotated[float, Quantity("V/s")] | None = None
    pulse_width: Seconds | None = None
    pulse_charge: Annotated[float, Quantity("C")] | None = None
    pulse_energy: Annotated[float, Quantity("J")] | None = None
    n_pulses: int | None = None
    charge: Annotated[float, Quantity("C")] | None = None
    energy: Annotated[float, Quantity("J")] | None = None
    run_time: Seconds | None = None
    field: Annotated[float, Quantity("T")] | None = None
    field_slew: Annotated[float, Quantity("T/s")] | None = None
    conductance_jump: float | None = None


class LimitsConfig(TighterLimits):
    """Limits of the bench in SI numbers or texts such as ``"1 mA"``."""

    terminals: dict[str, TighterLimits] = {}
    """``[limits.terminals.T1]``: stricter ones of a terminal."""
    devices: dict[str, TighterLimits] = {}
    """``[limits.devices.2]``: stricter ones of a device behind the switch."""


class DieConfig(_Section):
    """One device of a sample: where it is, and through which relays each role reaches it."""

    row: int | None = None
    column: int | None = None
    note: str = ""
    paths: dict[str, list[str]] = {}

    def located(self) -> dict[str, str | float]:
        """Return what a run file says of the die."""
        given = {"row": self.row, "column": self.column, "note": self.note or None}
        return {name: value for name, value in given.items() if value is not None}


class SimulationConfig(_Section):
    """The device to simulate.

    With `n_devices` there are several of a kind, drawn with `seed`, ``seed + 1``, …; the
    terminals of the second are written ``"2:top"``, those of the first with or without 1.
    """

    device: str
    enabled: bool = True
    """Whether the bench itself is simulated; if not, this is its twin for dry runs."""
    seed: int = Field(default=0, ge=0)
    n_devices: int = Field(default=1, ge=1, le=10_000)
    parameters: dict[str, float | str] = {}


class BenchConfig(_Section):
    """A whole bench."""

    instruments: dict[str, InstrumentConfig]
    roles: RolesConfig = RolesConfig()
    wiring: dict[str, str] = {}
    """Which terminal each further output is wired to: ``"smu/2" = "T3"``."""
    ground: list[str] = ["bottom"]
    limits: LimitsConfig = LimitsConfig()
    sample: dict[str, str | float] = {}
    """What is measured, for the run files: wafer, die, electrodes, temperature, …"""
    dies: dict[str, DieConfig] = {}
    simulation: SimulationConfig | None = None
    watchdog: bool = True
    """Whether a second process makes safe if this one is killed; real benches only."""

    @property
    def is_simulated(self) -> bool:
        """Whether this bench is simulated."""
        return self.simulation is not None and self.simulation.enabled

    def outputs(self) -> dict[str, str]:
        """Return the terminal of each output that is wired for good: of roles and `wiring`.

        Those behind the switch are connected by its `paths`.
        """
        switched = {role for die in self.dies.values() for role in die.paths}
        played = {
            f"{role.instrument}/{self.output_name(role)}": role.terminal
            for name, role in self.roles.sources().items()
            if not role.path and name not in switched
        }
        return played | self.wiring

    def output_name(self, role: SourceRole) -> str:
        """Return the output of a role's instrument: a channel, or the sine of a lock-in."""
        instrument = self.instruments.get(role.instrument)
        lock_in = instrument is not None and instrument.driver in LOCK_INS
        return "sine" if lock_in else str(role.channel)

    def way_of(self, role: str, die: str = "") -> tuple[list[str], list[str]]:
        """Return the relays that connect a role to a die, and the terminals they reach."""
        part = self.roles.sources()[role]
        path = (self.dies[die].paths.get(role) if die else None) or part.path
        return path, self.reached(role, path) or [part.terminal]

    def ways(self, role: str) -> list["Way"]:
        """Return how a role reaches the device, or each die on which it has a path."""
        dies = [die for die, each in self.dies.items() if role in each.paths]
        if not dies or self.roles.sources()[role].path:
            dies = ["", *dies]
        found = []
        for die in dies:
            relays, terminals = self.way_of(role, die)
            limits = self.limits_of(*terminals)
            found.append(Way(die, relays, " and ".join(terminals), limits))
        return found

    def wired_instruments(self) -> set[str]:
        """Return the instruments with an output on a terminal, for good or through relays."""
        starts = [
            start for each in self.instruments.values() for start, _ in each.paths.values()
        ]
        wired = {output.partition("/")[0] for output in [*self.outputs(), *starts]}
        wired |= {role.instrument for role in self.roles.sources().values()}
        return wired & self.instruments.keys()

    def used_channels(self) -> list[str]:
        """Return the channels of the switch that paths of roles and dies close."""
        paths = [role.path for role in self.roles.sources().values()]
        paths += [path for die in self.dies.values() for path in die.paths.values()]
        return list(dict.fromkeys(channel for path in paths for channel in path))

    def reached(self, role: str, path: Sequence[str]) -> list[str]:
        """Return the terminals to which the relays of `path` bring the output of a role."""
        part = self.roles.sources()[role]
        output = f"{part.instrument}/{self.output_name(part)}"
        links = [self.links()[channel] for channel in path if channel in self.links()]
        return [end for start, end in links if start == output]

    def links(self) -> dict[str, tuple[str, str]]:
        """Return what each channel of the switch connects: an output or ground, a terminal."""
        if self.roles.switch is None or self.roles.switch.instrument not in self.instruments:
            return {}
        return self.instruments[self.roles.switch.instrument].paths

    def options_of(self, name: str) -> dict[str, Any]:
        """Return what the driver of an instrument has to know: what a switch must not do,
        and how fast a coil may be ramped down when the bench is made safe.
        """  # noqa: D205
        instrument, field = self.instruments[name], self.roles.field
        switch = {
            "never_together": instrument.never_together, "forbidden": instrument.forbidden
        }  # fmt: skip
        options: dict[str, Any] = {key: value for key, value in switch.items() if value}
        if field is not None and field.instrument == name:
            rate = self.limits_of().field_slew / field.coil_constant
            options["ramp_rate"] = min(max(rate, _SLOWEST_RAMP), RAMP_RATE)
        return options

    def limits_of(self, *terminals: str) -> Limits:
        """Return the limits that hold at all of `terminals`, or of the bench as a whole."""
        name = " and ".join(terminals)
        limits = Limits(terminal=name, **given(self.limits))  # type: ignore[arg-type]
        devices = dict.fromkeys(device_of(terminal) for terminal in terminals)
        places = [("devices", device) for device in devices]
        for kind, name in [*places, *(("terminals", terminal) for terminal in terminals)]:
            tighter = getattr(self.limits, kind).get(name)
            if tighter is not None:
                limits = limits.tightened(given(tighter), f"[limits.{kind}.{name}]")
        return limits


@dataclass(frozen=True)
class Way:
    """From the output of a role to a terminal.

    Attributes
    ----------
    die : str
        On which die; empty for what needs none.
    relays : list of str
        Channels of the switch that are closed.
    terminal : str
        Where it leads: several have "and" between them.
    limits : Limits
        What holds there.
    """

    die: str
    relays: list[str]
    terminal: str
    limits: Limits


def device_of(terminal: str) -> str:
    """Return the number of the device that a terminal such as ``"2:top"`` belongs to."""
    device, colon, _ = terminal.partition(":")
    return device if colon else "1"


def given(limits: TighterLimits) -> dict[str, float]:
    """Return the limits that a section of the bench file sets."""
    values = {name: getattr(limits, name) for name in TighterLimits.model_fields}
    return {name: value for name, value in values.items() if value is not None}


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of bench files, for editors that complete and check TOML."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **BenchConfig.model_json_schema(), "title": "labsyn bench"}

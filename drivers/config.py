"""bench.toml: which instruments there are, which roles they play, what is allowed."""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from labsyn.data.errors import ConfigError, LabsynError
from labsyn.data.units import parse_quantity
from labsyn.drivers.catalogue import DRIVERS
from labsyn.drivers.limits import Limits


def _quantity(unit: str) -> Any:
    """Return a float type that also reads ``"100 ns"``."""

    def read(value: Any) -> Any:
        return parse_quantity(value, unit) if isinstance(value, int | float | str) else value

    return Annotated[float, BeforeValidator(read)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InstrumentConfig(_Section):
    """One instrument: its driver and where it is."""

    driver: Literal[DRIVERS]  # type: ignore[valid-type]
    resource: str
    paths: dict[str, tuple[str, str]] = {}
    """Of a switch: what each channel connects, ``"1101" = ["smu/1", "T1"]``."""
    simulated: dict[str, Any] = {}
    """Options of the simulated twin, such as ``coil_constant`` or ``modules``."""
    faults: list[dict[str, Any]] = []
    """Faults of the simulated twin, such as ``{kind = "late", match = "TI"}``."""


class RoleConfig(_Section):
    """Which instrument plays a role, on which channel, and which terminal that reaches."""

    instrument: str
    channel: int = Field(ge=1, le=10)
    terminal: str = "top"


class LimitsConfig(_Section):
    """Limits in SI numbers or texts such as ``"1 mA"``."""

    voltage: _quantity("V") = Limits.voltage  # type: ignore[valid-type]
    current: _quantity("A") = Limits.current  # type: ignore[valid-type]
    pulse_width: _quantity("s") = Limits.pulse_width  # type: ignore[valid-type]
    n_pulses: int = Limits.n_pulses


class SimulationConfig(_Section):
    """The device to simulate; without this section the bench is real.

    With `n_devices` there are several of a kind, drawn with `seed`, ``seed + 1``, …; the
    terminals of the second are written ``"2:top"``, those of the first with or without 1.
    """

    device: str
    seed: int = Field(default=0, ge=0)
    n_devices: int = Field(default=1, ge=1, le=10_000)
    parameters: dict[str, float | str] = {}


class BenchConfig(_Section):
    """A whole bench."""

    instruments: dict[str, InstrumentConfig]
    roles: dict[Literal["pulse_source", "reader"], RoleConfig] = {}
    wiring: dict[str, str] = {}
    """Which terminal each further output is wired to: ``"smu/2" = "T3"``."""
    limits: LimitsConfig = LimitsConfig()
    simulation: SimulationConfig | None = None
    ground: list[str] = ["bottom"]

    def outputs(self) -> dict[str, str]:
        """Return the terminal of each output that is wired for good: of roles and `wiring`."""
        played = {
            f"{role.instrument}/{role.channel}": role.terminal for role in self.roles.values()
        }
        return played | self.wiring

    @property
    def allowed(self) -> Limits:
        """The limits as the guard wants them."""
        return Limits(**self.limits.model_dump())


def simulated_config(device: str, seed: int, parameters: dict[str, float | str]) -> BenchConfig:
    """Return the bench that `labsyn demo` uses: a B1500A wired to one two-terminal device."""
    role = {"instrument": "smu", "channel": 1, "terminal": "top"}
    return BenchConfig.model_validate(
        {
            "instruments": {
                "smu": {"driver": "KeysightB1500A", "resource": "GPIB0::17::INSTR"}
            },
            "roles": {"pulse_source": role, "reader": role},
            "simulation": {"device": device, "seed": seed, "parameters": parameters},
        }
    )


def load_config(path: Path) -> BenchConfig:
    """Return the bench of a TOML file.

    Raises
    ------
    ConfigError
        If the file is missing, no TOML, or a key or value is wrong; all are named.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is no bench file: {error}") from error
    try:
        config = BenchConfig.model_validate(plain)
        _ = config.allowed
    except ValidationError as error:
        problems = "; ".join(_sentence(item) for item in error.errors())
        raise ConfigError(f"{path}: {problems}") from None
    except LabsynError as error:
        raise ConfigError(f"{path}: {error}") from error
    _check_roles(config, path)
    return config


def _check_roles(config: BenchConfig, path: Path) -> None:
    holders: dict[str, tuple[str, int]] = {}
    for role, played in config.roles.items():
        if played.instrument not in config.instruments:
            known = ", ".join(config.instruments)
            raise ConfigError(
                f"{path}: [roles.{role}] names the instrument {played.instrument!r}; "
                f"the bench has {known}"
            )
        output = (played.instrument, played.channel)
        if holders.setdefault(played.terminal, output) != output:
            raise ConfigError(
                f"{path}: [roles.{role}] puts channel {played.channel} on terminal "
                f"{played.terminal!r}, where channel {holders[played.terminal][1]} is already; "
                "two outputs on one terminal drive against each other"
            )
    if config.simulation is not None and not config.ground:
        raise ConfigError(f"{path}: ground is empty; a current needs a terminal to return by")


def _sentence(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(item["loc"][-1]), _keys(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"unknown key {where!r}{hint}"
    return f"{where}: {item['msg']}"


def _keys() -> list[str]:
    sections = (BenchConfig, InstrumentConfig, RoleConfig, LimitsConfig, SimulationConfig)
    return [name for section in sections for name in section.model_fields]

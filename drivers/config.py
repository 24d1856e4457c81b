"""Reading a bench file: every mistake is one sentence with its key and what is allowed."""

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ValidationError

from labsyn.data.config_errors import config_sentences
from labsyn.data.errors import ConfigError, LabsynError
from labsyn.drivers import bench_model
from labsyn.drivers.bench_check_file import check_file
from labsyn.drivers.bench_model import BenchConfig, SimulationConfig

STARTERS = ("lixcoo2", "titania", "mtj")
"""Benches that there is a commented file for, by the device that is measured."""


def starter(kind: str) -> str:
    """Return the text of the commented bench file for `kind`, one of `STARTERS`.

    Raises
    ------
    ConfigError
        If there is no such file.
    """
    if kind not in STARTERS:
        known = ", ".join(STARTERS)
        raise ConfigError(f"there is no starter bench {kind!r}; there are {known}")
    return (files("labsyn.drivers") / "benches" / f"{kind}.toml").read_text(encoding="utf-8")


def simulated_config(device: str, seed: int, parameters: dict[str, float | str]) -> BenchConfig:
    """Return the starter bench of a device; of a two-terminal one, a B1500A wired to it."""
    if device in ("titania", "mtj"):
        config = BenchConfig.model_validate(tomllib.loads(starter(device)))
        simulation = SimulationConfig(device=device, seed=seed, parameters=parameters)
        return config.model_copy(update={"simulation": simulation})
    role = {"instrument": "smu", "channel": 1, "terminal": "top"}
    return BenchConfig.model_validate(
        {
            "instruments": {
                "smu": {"driver": "KeysightB1500A", "resource": "GPIB0::17::INSTR"}
            },
            "roles": {"pulse_source": role, "reader": role, "sweeper": role},
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
        check_file(config)
    except ValidationError as error:
        raise ConfigError(f"{path}: {config_sentences(error, _keys())}") from None
    except LabsynError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config


def _keys() -> list[str]:
    sections = [
        each
        for each in vars(bench_model).values()
        if isinstance(each, type) and issubclass(each, BaseModel)
    ]
    return [name for section in sections for name in section.model_fields]

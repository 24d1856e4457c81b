"""Reading what is to be measured: a TOML file of steps, a CSV file of dies."""

import csv
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labsyn.data.config_errors import config_sentences
from labsyn.data.errors import ConfigError, UnitError
from labsyn.data.units import parse_quantity
from labsyn.procedures.catalogue import find_procedure
from labsyn.procedures.sequence import Sequence
from labsyn.procedures.steps import Die, Step

_DELIMITERS = ",;\t"  # a spreadsheet writes what its country is used to


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _StepConfig(_Section):
    """One ``[[step]]``; values of parameters are judged by the procedure."""

    procedure: str
    set: dict[str, Any] = {}
    loop: dict[str, list[Any]] = {}
    zip: dict[str, list[Any]] = {}
    repeat: int = Field(default=1, ge=1, strict=True)
    wait: Any = 0.0  # judged by parse_quantity
    over: str = ""
    note: str = ""


class _SequenceConfig(_Section):
    name: str = ""
    over: str = ""
    repeat: int = Field(default=1, ge=1, strict=True)
    step: list[_StepConfig] = Field(min_length=1)


def load_sequence(path: Path | str) -> Sequence:
    """Return the sequence that a TOML file describes.

    Paths in it, of dies and of procedures in files, start at its folder.

    Raises
    ------
    ConfigError
        If the file is missing, no TOML, or a key or value is wrong; it names the step.
    """
    path = Path(path)
    config = _read(path)
    steps = []
    for number, step in enumerate(config.step, 1):
        try:
            steps.append(_step(step, path.parent))
        except ConfigError as error:
            raise ConfigError(f"{path}: step {number}: {error}") from error
    try:
        over = load_dies(path.parent / config.over) if config.over else ()
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    name = config.name or path.stem
    return Sequence(name=name, steps=steps, over=over, repeat=config.repeat, source=str(path))


def _read(path: Path) -> _SequenceConfig:
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is no sequence file: {error}") from error
    try:
        return _SequenceConfig.model_validate(plain)
    except ValidationError as error:
        keys = [*_SequenceConfig.model_fields, *_StepConfig.model_fields]
        raise ConfigError(f"{path}: {config_sentences(error, keys)}") from None


def _step(config: _StepConfig, folder: Path) -> Step:
    beside = folder / config.procedure
    name = str(beside) if ".py" in config.procedure else config.procedure
    try:
        wait = parse_quantity(config.wait, "s")
    except UnitError as error:
        raise ConfigError(f"wait: {error}") from error
    return Step(
        procedure=find_procedure(name),
        set=config.set,
        loop=config.loop,
        zip=config.zip,
        repeat=config.repeat,
        wait=wait,
        over=load_dies(folder / config.over) if config.over else (),
        note=config.note,
    )


def load_dies(path: Path | str) -> tuple[Die, ...]:
    """Return the dies of a CSV file: a column `die`, and one for each parameter of their own.

    Columns are separated by commas, semicolons or tabs. An empty cell sets nothing; empty
    lines, and those that begin with ``#``, are left out.

    Raises
    ------
    ConfigError
        If the file cannot be read, has no column `die` or no dies, or a line is wrong.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no file of dies: {error}") from error
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip(" ,;\t")]
    numbered = [(i, line) for i, line in numbered if not line.lstrip().startswith("#")]
    if not numbered:
        raise ConfigError(f"{path} is empty: its first line names the columns, die first")
    head = numbered[0][1]
    delimiter = max(_DELIMITERS, key=head.count)
    rows = [(i, *csv.reader([line], delimiter=delimiter)) for i, line in numbered]
    names = [name.strip() for name in rows[0][1]]
    if "die" not in names or len(set(names)) < len(names) or "" in names:
        raise ConfigError(
            f"{path}, line {numbered[0][0]}: the columns are {', '.join(map(repr, names))}; "
            "there is one named die, and each other one is a parameter, named once"
        )
    if len(rows) == 1:
        raise ConfigError(f"{path} names no die")
    return tuple(_die(f"{path}, line {number}", names, row) for number, row in rows[1:])


def _die(where: str, names: list[str], row: list[str]) -> Die:
    if len(row) > len(names):
        raise ConfigError(f"{where}: {len(row)} cells, and {len(names)} columns are named")
    cells = dict(zip(names, (cell.strip() for cell in row), strict=False))
    die = cells.pop("die", "")
    if not die:
        raise ConfigError(f"{where} names no die")
    return Die(die, {name: value for name, value in cells.items() if value}, source=where)

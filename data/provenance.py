"""The header of a run: its columns, and when, where, by whom and with what it was made."""

import functools
import getpass
import importlib.metadata
import json
import os
import platform
import struct
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import DataFileError, UnitError
from labsyn.data.flags import Flag
from labsyn.data.units import parse_quantity

VERSION = 1

KNOWN_FLAGS = frozenset(range(2 * max(Flag)))
"""Every value that the column ``flags`` can have."""

_PACKAGES = ("h5py", "numba", "numpy", "pandas", "pint", "pymeasure", "pyvisa", "scipy")
_GIT_TIMEOUT = 2.0  # s; a repository on a network share must not hold up a measurement


@dataclass(frozen=True)
class Column:
    """One quantity of every row.

    Attributes
    ----------
    name : str
        Key of the column; without "/", as HDF5 wants it.
    unit : str
        Unit symbol, "1" for a plain number.
    long_name : str
        Label for plots.

    Raises
    ------
    DataFileError
        If the name cannot be one in the file.
    UnitError
        If the unit is not known.
    """

    name: str
    unit: str = "1"
    long_name: str = ""

    def __post_init__(self) -> None:
        name = self.name
        if not name.strip(".") or "/" in name or not name.isprintable():
            raise DataFileError(f"a column cannot be named {name!r}; use letters and digits")
        if not (self.unit + self.long_name).isprintable():
            raise DataFileError(f"unit and long name of column {name!r} must be printable")
        if self.unit not in ("", "1"):
            try:
                parse_quantity(f"1 {self.unit}", self.unit)
            except UnitError as error:
                raise UnitError(
                    f"column {name!r}: {self.unit!r} is no unit; use a symbol such as V, A, "
                    "S or s, and 1 for a plain number"
                ) from error


def check_columns(names: Sequence[str], plot: tuple[str, str] | None) -> None:
    """Refuse columns, or a default plot of two of them, that no file can have."""
    if not names:
        raise DataFileError("a run needs at least one column")
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise DataFileError(f"column {twice[0]!r} is named twice")
    for name in plot or ():
        if name not in names:
            raise DataFileError(
                f"plot names {name!r}, which is no column; the columns are {', '.join(names)}"
            )


def make_header(
    procedure: str,
    parameters: Mapping[str, Any],
    parameter_units: Mapping[str, str],
    columns: Sequence[Column],
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    """Return all that is known of a run of this process before its first row."""
    return {
        "format": "labsyn_run",
        "version": VERSION,
        "uuid": str(uuid.uuid4()),
        "procedure": procedure,
        "parameters": plain(parameters, "parameters"),
        "parameter_units": plain(parameter_units, "parameter_units"),
        "columns": [[column.name, column.unit, column.long_name] for column in columns],
        "metadata": plain(metadata, "metadata"),
        "provenance": provenance(),
        "pid": os.getpid(),
        "host": platform.node(),
        "start_time": timestamp(),
    }


def row_in_order(
    path: Path, names: Sequence[str], values: Mapping[str, float] | Sequence[float]
) -> Sequence[float]:
    """Return a row in the order of the columns `names`, whichever way it was given."""
    if not isinstance(values, Mapping):
        return values
    check_names(path, names, values)
    return [values[name] for name in names]


def check_names(path: Path, names: Sequence[str], values: Mapping[str, Any]) -> None:
    """Refuse values that are not one for each column, naming what is wrong."""
    if values.keys() == set(names):
        return
    parts = [f"no value for column {name!r}" for name in names if name not in values]
    parts += [f"no such column {name!r}" for name in values if name not in names]
    raise DataFileError(f"{path}: {'; '.join(parts)}; its columns are {', '.join(names)}")


def table_in_order(
    path: Path, names: Sequence[str], values: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return columns as a table of rows, shape (n_rows, n_columns)."""
    check_names(path, names, values)
    arrays = {name: np.asarray(values[name], dtype="<f8") for name in names}
    first = arrays[names[0]]
    for name, array in arrays.items():
        if array.ndim != 1 or array.shape != first.shape:
            raise DataFileError(
                f"{path}: column {name!r} has shape {array.shape}, {names[0]!r} has "
                f"{first.shape}; one dimension and one length are needed"
            )
    flags = arrays.get("flags", np.zeros(0))
    wrong = ~np.isin(flags, list(KNOWN_FLAGS))
    if wrong.any():
        raise DataFileError(explain_flags(path, float(flags[wrong][0])))
    return np.column_stack(list(arrays.values()))


def explain_row(path: Path, names: Sequence[str], values: Sequence[float]) -> str:
    """Return why `values` are no row of the columns `names`."""
    if len(values) != len(names):
        return (
            f"{path}: a row of {len(values)} values; its {len(names)} columns are "
            f"{', '.join(names)}"
        )
    for name, value in zip(names, values, strict=True):
        try:
            struct.pack("<d", value)
        except (struct.error, TypeError, OverflowError):
            return f"{path}: column {name!r} got {value!r}, which is no number"
    return f"{path}: {values!r} is no row"


def explain_flags(path: Path, value: float) -> str:
    """Return why `value` cannot stand in the column `flags`."""
    bits = ", ".join(f"{flag.value} {flag.name}" for flag in Flag)
    return f"{path}: flags are {value!r}; they are a sum of the bits {bits}"


def timestamp() -> str:
    """Return the wall time in ISO 8601: local time with its offset from UTC."""
    return datetime.now(UTC).astimezone().isoformat(timespec="microseconds")


def provenance() -> dict[str, Any]:
    """Return versions, platform, host, operator and source revision; never fails.

    What cannot be found out is left out. Everything is asked once a process: the code that
    runs is the code that was imported, whatever happens to the checkout afterwards.

    Returns
    -------
    dict
        `labsyn`, `python`, `packages` (name to version), `platform`, `host`, `operator`,
        and, from a checkout, `git_commit` and `git_dirty`.
    """
    return dict(_facts())


@functools.cache
def _facts() -> dict[str, Any]:
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    facts: dict[str, Any] = {
        "labsyn": _version("labsyn"),
        "python": platform.python_version(),
        "packages": versions,
        "platform": platform.platform(),
        "host": platform.node(),
        "operator": _operator(),
    }
    # data/ lies at the root of a checkout; in an installed wheel nothing above it is ours.
    facts |= source_revision(Path(__file__).resolve().parents[1])
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _operator() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user (container), no pwd (Windows)
        return None


def source_revision(root: Path) -> dict[str, Any]:
    """Return `git_commit` and `git_dirty` of the checkout at `root`, empty if it is none.

    Only a repository whose top is `root` counts: a virtual environment often lies inside
    the repository of somebody else's project.
    """
    if not (root / ".git").exists():
        return {}
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain")
    if commit is None or changes is None:
        return {}
    return {"git_commit": commit.strip(), "git_dirty": bool(changes.strip())}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_TIMEOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},  # never write into the checkout
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout


def to_json(value: Mapping[str, Any], where: str) -> str:
    """Return `value` as JSON text in ASCII; `where` names it in the message.

    Raises
    ------
    DataFileError
        If something in it has no equal in JSON, naming the key that leads to it.
    """
    return json.dumps(plain(value, where), ensure_ascii=True)


def plain(value: Any, where: str) -> Any:
    """Return `value` made of dict, list, str, int, float, bool and None only."""
    if value is None or isinstance(value, str | bool):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufU":
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise DataFileError(
        f"{where} is a {type(value).__name__}, which a run file cannot hold; use numbers, "
        "texts, lists, and mappings with text keys"
    )


def check_header(path: Path, payload: bytes | str) -> dict[str, Any]:
    """Return the header in `payload`, JSON, once everything that a run needs is in it.

    Raises
    ------
    DataFileError
        If it is no header of a run, or of a version that this labsyn cannot read.
    """
    header = from_json(payload)
    if header is None or header.get("format") != "labsyn_run":
        raise DataFileError(f"{path} is no run of labsyn")
    if not isinstance(header.get("version"), int) or header["version"] > VERSION:
        raise DataFileError(
            f"{path}: run file version {header.get('version')!r}, this labsyn reads up to "
            f"{VERSION}; update labsyn to open it"
        )
    kinds = {"uuid": str, "procedure": str, "start_time": str, "columns": list}
    kinds |= dict.fromkeys(("parameters", "parameter_units", "metadata", "provenance"), dict)
    for key, kind in kinds.items():
        if not isinstance(header.get(key), kind):
            raise DataFileError(f"{path}: the header has no {key!r}; the run cannot be read")
    columns = header["columns"]
    if not columns or not all(
        isinstance(column, list) and [type(x) for x in column] == [str] * 3
        for column in columns
    ):
        raise DataFileError(f"{path}: the header names no columns; the run cannot be read")
    return header


def from_json(payload: bytes | str) -> dict[str, Any] | None:
    """Return the mapping that a JSON text holds, or None if it holds none."""
    try:
        plain = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None

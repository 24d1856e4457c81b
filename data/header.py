"""The header of a run: its columns, and all that is known before the first row."""

import os
import platform
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labsyn.data.errors import DataFileError, UnitError
from labsyn.data.plain_json import from_json, is_count, plain
from labsyn.data.provenance import provenance, timestamp
from labsyn.data.units import parse_quantity

VERSION = 2
"""Raised when an older labsyn would read a new file wrongly; additions do not raise it.

1: eager checksum over all rows, events with a `level`. 2: blocks, a checksum for each
column, events with a `kind`. Every version before this one is read.
"""


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
        if not is_link_name(name):
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


def is_link_name(name: str) -> bool:
    """Return whether HDF5 can hold something of that name."""
    return name.isprintable() and "/" not in name and name.strip(".") != ""


def check_columns(names: Sequence[str], plot: tuple[str, str] | None) -> None:
    """Refuse columns, or a default plot of two of them, that no file can have."""
    if not names:
        raise DataFileError("a run needs at least one column")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DataFileError(f"column {name!r} is named twice")
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
    durable: float,
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
        "durable": durable,
        "pid": os.getpid(),
        "host": platform.node(),
        "start_time": timestamp(),
    }


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
    check_version(path, header.get("version"))
    kinds = {"uuid": str, "procedure": str, "start_time": str, "columns": list}
    kinds |= dict.fromkeys(("parameters", "parameter_units", "metadata", "provenance"), dict)
    for key, kind in kinds.items():
        if not isinstance(header.get(key), kind):
            raise DataFileError(f"{path}: the header has no {key!r}; the run cannot be read")
    if not _makes_sense(header):
        raise DataFileError(f"{path}: the header is damaged; the run cannot be read")
    columns = header["columns"]
    if not columns or not all(_is_column(column) for column in columns):
        raise DataFileError(f"{path}: the header names no columns; the run cannot be read")
    plot, names = header.get("plot"), [name for name, _, _ in columns]
    if plot is not None and not (
        isinstance(plot, dict) and all(plot.get(key) in names for key in ("signal", "axis"))
    ):
        raise DataFileError(f"{path}: the header plots what is no column; it cannot be read")
    try:
        check_columns(names, None)
    except DataFileError as error:
        raise DataFileError(f"{path} is damaged: {error}") from error
    return header


def _makes_sense(header: Mapping[str, Any]) -> bool:
    """Whether what is believed later is of the right kind; it may come from anywhere."""
    durable = header.get("durable", 0.0)
    return (
        re.fullmatch(r"[\w-]+", header["uuid"], re.ASCII) is not None
        and all(isinstance(unit, str) for unit in header["parameter_units"].values())
        and (isinstance(durable, float) or is_count(durable))
    )


def _is_column(column: Any) -> bool:
    if not isinstance(column, list) or [type(x) for x in column] != [str] * 3:
        return False
    return is_link_name(column[0]) and "".join(column).isprintable()


def check_version(path: Path, version: object) -> None:
    """Refuse a version of the run file that this labsyn cannot read."""
    if type(version) is not int or not 1 <= version <= VERSION:
        raise DataFileError(
            f"{path}: run file version {version!r}, this labsyn reads up to {VERSION}; "
            "update labsyn to open it"
        )

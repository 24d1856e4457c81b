"""Pulse curves of others: two columns up and down, and the ramps of CrossSim.

Two columns: no header, conductance after each up pulse and after each down pulse, as in
the examples of aihwkit (N. Gong et al., Nat. Commun. 9, 2102 (2018)). The file states no
unit, so the caller must.

CrossSim: one file a branch, header ``rmp1, rmp2, …``, a column is one ramp, a row one
pulse, in siemens; ramps differ in length and end in empty cells. ``set.csv`` potentiates,
``reset.csv`` depresses.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from labsyn.data.curves import FloatArray, PulseCurves
from labsyn.data.errors import DataFileError, ImportFormatError, UnitError
from labsyn.data.units import parse_quantity

Branch = Literal["potentiation", "depression"]

_RAMP = re.compile(r"rmp\d+", re.IGNORECASE)
_BY_NAME: Mapping[str, Branch] = {"set": "potentiation", "reset": "depression"}
_LARGEST = 1e30  # SCPI writes 9.91E+37 for "not a number" and 9.9E+37 for an overflow
_ORIGIN = (
    "the file does not say whether its first value came before or after the first pulse: "
    "it is taken as the one before"
)


@dataclass(frozen=True)
class _Table:
    """The cells of one file: rows of texts, each with the line it begins on."""

    path: Path
    rows: list[tuple[int, list[str]]]
    sha256: str

    @property
    def is_crosssim(self) -> bool:
        cells = [cell.strip() for cell in self.rows[0][1]]
        return bool(cells[0]) and all(_RAMP.fullmatch(cell) or not cell for cell in cells)


def import_curves(
    paths: Sequence[Path],
    unit: str | None = None,
    branch: Branch | Sequence[Branch] | None = None,
) -> PulseCurves:
    """Return the curves in one two-column file, or in CrossSim's files.

    Nothing is guessed: values that are not finite are refused, and a branch that runs the
    wrong way is noted, not turned round.

    Parameters
    ----------
    paths : sequence of Path
        One two-column file, or one CrossSim file a branch.
    unit : str, optional
        "1" for normalised weights, or "S", "mS", "uS", "nS"; the result is in siemens or
        "1". CrossSim's files are in siemens unless another unit is stated.
    branch : "potentiation" or "depression", or one of them for each path, optional
        Which branch a CrossSim file holds; two files named set and reset need none.

    Raises
    ------
    ImportFormatError
        If a file breaks its format (with line and column), or unit or branch is missing.
    DataFileError
        If a file does not exist or cannot be read.
    """
    if not paths:
        raise DataFileError("no file was given to import")
    tables = [_read_table(Path(path)) for path in paths]
    kinds = [table.is_crosssim for table in tables]
    if all(kinds):
        return _import_crosssim(tables, unit or "S", branch)
    if any(kinds) or len(tables) > 1:
        two_column = tables[kinds.index(False)].path
        raise ImportFormatError(
            f"{two_column} has no CrossSim header (rmp1, rmp2, …): a two-column file is "
            "imported alone"
        )
    if branch is not None:
        raise ImportFormatError(
            f"{tables[0].path} holds both branches in two columns; leave out branch={branch!r}"
        )
    return _import_two_columns(tables[0], unit)


# --- the two formats -------------------------------------------------------------------


def _import_two_columns(table: _Table, unit: str | None) -> PulseCurves:
    if unit is None:
        raise ImportFormatError(
            f"{table.path} does not state its unit; say which with --unit (unit=…): "
            "1 for normalised weights, or S, mS, uS, nS"
        )
    columns = _columns(table, 2, table.rows)
    if len(columns) != 2 or not columns[1].size:
        count = len(columns) if columns[1].size else 1
        raise ImportFormatError(
            f"{table.path}, line {table.rows[0][0]}: columns of numbers: {count}; a pulse file "
            "has two, up and down, or a CrossSim header (rmp1, rmp2, …)"
        )
    return _result(
        [table],
        columns[:1],
        columns[1:],
        unit,
        ["column 1 is potentiation, column 2 depression"],
    )


def _import_crosssim(
    tables: Sequence[_Table], unit: str, branch: Branch | Sequence[Branch] | None
) -> PulseCurves:
    notes: list[str] = []
    branches = _crosssim_branches(tables, branch, notes)
    found: dict[Branch, list[FloatArray]] = {"potentiation": [], "depression": []}
    for table, which in zip(tables, branches, strict=True):
        heads = [cell for cell in table.rows[0][1] if cell.strip()]
        ramps = _columns(table, len(heads), table.rows[1:])
        if len(ramps) != len(heads) or not any(ramp.size for ramp in ramps):
            raise ImportFormatError(
                f"{table.path}: {len(heads)} headings, but "
                f"{sum(ramp.size > 0 for ramp in ramps)} columns of numbers below them"
            )
        found[which] += [ramp for ramp in ramps if ramp.size]
        if empty := sum(not ramp.size for ramp in ramps):
            notes.append(f"{table.path.name}: {empty} of {len(ramps)} ramps are empty")
    return _result(tables, found["potentiation"], found["depression"], unit, notes)


def _crosssim_branches(
    tables: Sequence[_Table], branch: Branch | Sequence[Branch] | None, notes: list[str]
) -> list[Branch]:
    if branch is None:
        stems = [table.path.stem.lower() for table in tables]
        if sorted(stems) != ["reset", "set"]:
            raise ImportFormatError(
                f"{tables[0].path} does not say which branch it holds; state branch="
                "'potentiation' or 'depression', or import two files named set and reset"
            )
        notes.append("by their names, set is potentiation and reset is depression")
        return [_BY_NAME[stem] for stem in stems]
    given = [branch] * len(tables) if isinstance(branch, str) else list(branch)
    if len(given) != len(tables):
        raise ImportFormatError(f"{len(given)} branches are stated for {len(tables)} files")
    for name in given:
        if name not in _BY_NAME.values():
            raise ImportFormatError(
                f"branch is {name!r}, it must be 'potentiation' or 'depression'"
            )
    return list(given)


def _result(
    tables: Sequence[_Table],
    up: list[FloatArray],
    down: list[FloatArray],
    unit: str,
    notes: list[str],
) -> PulseCurves:
    scale = _scale(unit, tables[0].path)
    return PulseCurves(
        potentiation=[curve * scale for curve in up],
        depression=[curve * scale for curve in down],
        unit="1" if unit == "1" else "S",
        source=", ".join(str(table.path) for table in tables),
        sha256=" ".join(table.sha256 for table in tables),
        notes=[*notes, _ORIGIN, *_directions(up, down)],
    )


def _scale(unit: str, path: Path) -> float:
    if unit == "1":
        return 1.0
    try:
        return parse_quantity(f"1 {unit}", "S")
    except UnitError as error:
        raise ImportFormatError(
            f"{path}: unit {unit!r} is no conductance; use S, mS, uS, nS, or 1 for "
            "normalised weights"
        ) from error


def _directions(up: list[FloatArray], down: list[FloatArray]) -> list[str]:
    """Note the branches that run the wrong way."""
    notes = []
    for curves, name, sign, way in (
        (up, "potentiation", 1, "falls"),
        (down, "depression", -1, "rises"),
    ):
        wrong = sum(sign * (curve[-1] - curve[0]) < 0 for curve in curves)
        if wrong:
            notes.append(
                f"{name} {way} overall in {wrong} of {len(curves)} cycles: are the branches "
                "exchanged?"
            )
    return notes


# --- cells -----------------------------------------------------------------------------


def _read_table(path: Path) -> _Table:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")  # with or without a byte order mark
    except FileNotFoundError as error:
        raise DataFileError(f"{path} does not exist") from error
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportFormatError(
            f"{path}: byte {error.start} is no text (UTF-8); is this a CSV file?"
        ) from error
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ImportFormatError(f"{path}, line {reader.line_num}: {error}") from error
    if not rows:
        raise ImportFormatError(f"{path} is empty; a pulse file has one line a pulse")
    return _Table(path, rows, hashlib.sha256(data).hexdigest())


def _columns(
    table: _Table, n_columns: int, rows: Sequence[tuple[int, list[str]]]
) -> list[FloatArray]:
    """Return the columns without the empty cells at their ends."""
    width = max([n_columns, *(len(_without_trailing_blanks(row)) for _, row in rows)])
    columns: list[list[float]] = [[] for _ in range(width)]
    ended = [0] * width  # the line at which a column was found to be over
    for line, row in rows:
        cells = [cell.strip() for cell in row] + [""] * (width - len(row))
        for i in range(width):
            if not cells[i]:
                ended[i] = ended[i] or line
            elif ended[i]:
                raise ImportFormatError(
                    f"{table.path}, line {ended[i]}, column {i + 1}: an empty cell in the "
                    f"middle of a ramp that goes on in line {line}"
                )
            else:
                columns[i].append(_number(table.path, line, i + 1, cells[i]))
    return [np.array(column) for column in columns]


def _without_trailing_blanks(row: list[str]) -> list[str]:
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _number(path: Path, line: int, column: int, text: str) -> float:
    where = f"{path}, line {line}, column {column}"
    try:
        number = float(text)
    except ValueError as error:
        raise ImportFormatError(f"{where}: {text[:40]!r} is no number") from error
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise ImportFormatError(
            f"{where}: {text!r} is what instruments write for a value that was not measured; "
            "leave this pulse or ramp out of the file"
        )
    return number

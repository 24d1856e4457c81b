"""Pulse curves of others: two columns up and down, and the ramps of CrossSim.

Two columns: no header, conductance after each up pulse and after each down pulse, as in
the examples of aihwkit (N. Gong et al., Nat. Commun. 9, 2102 (2018)). The file states no
unit, so the caller must.

CrossSim: one file a branch, header ``rmp1, rmp2, …``, a column is one ramp, a row one
pulse, in siemens; ramps differ in length and end in empty cells. ``set.csv`` potentiates,
``reset.csv`` depresses.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.branches import branch_words
from labsyn.data.importers.cells import Table, read_columns
from labsyn.data.importers.headed import split_heading
from labsyn.data.importers.result import FloatArray

Branch = Literal["potentiation", "depression"]

_RAMP = re.compile(r"rmp\d+", re.IGNORECASE)
_BY_NAME: Mapping[str, Branch] = {"set": "potentiation", "reset": "depression"}
ORIGIN = (
    "the file does not say whether its first value came before or after the first pulse: "
    "it is taken as the one before"
)


@dataclass(frozen=True)
class Ramps:
    """The ramps of pulse files as they stand there.

    Attributes
    ----------
    up, down : list of ndarray, shape (n_pulses + 1,)
        In `unit`; infinity where the instrument wrote that a value is out of range.
    notes : list of str
        What was settled about the branches.
    """

    up: list[FloatArray]
    down: list[FloatArray]
    unit: str
    notes: list[str]


def read_ramps(
    tables: Sequence[Table],
    unit: str | None,
    branches: Sequence[Branch] | None,
) -> Ramps:
    """Return the ramps in one two-column table, or in CrossSim's.

    Parameters
    ----------
    tables : sequence of Table
        One of two columns, or one of CrossSim a branch.
    unit : str or None
        Unit of the values; CrossSim's are in siemens unless another one is stated.
    branches : sequence of "potentiation" or "depression", or None
        Which branch each CrossSim table holds; two files named set and reset need none.

    Raises
    ------
    ImportFormatError
        If a file breaks its format (with line and column), or unit or branch is missing.
    """
    kinds = [_is_crosssim(table) for table in tables]
    if all(kinds):
        return _read_crosssim(tables, unit or "S", branches)
    if any(kinds) or len(tables) > 1:
        two_column = tables[kinds.index(False)].path
        raise ImportFormatError(
            f"{two_column} has no CrossSim header (rmp1, rmp2, …): a two-column file is "
            "imported alone"
        )
    if branches is not None:
        raise ImportFormatError(
            f"{tables[0].path} holds both branches in two columns; leave out --branch"
        )
    return _read_two_columns(tables[0], unit)


def two_branches(table: Table) -> tuple[list[int], set[str | None]] | None:
    """Return the signs of two columns whose headings name branches, and their units.

    None if the headings are no such names, as LTP and LTD (or up, down; set, reset …) are.
    """
    heads = [split_heading(cell) for cell in table.rows[0][1] if cell.strip()]
    words = branch_words([name for name, _ in heads])
    if sorted(words) != ["-1", "1"]:
        return None
    return [int(word) for word in words], {unit for _, unit in heads}


def _read_two_columns(table: Table, unit: str | None) -> Ramps:
    named = two_branches(table)
    rows, notes = table.rows, ["column 1 is potentiation, column 2 depression"]
    if named:
        signs, units = named
        rows = rows[1:]
        up, down = signs.index(1) + 1, signs.index(-1) + 1
        notes = [f"by their headings, column {up} is potentiation, column {down} depression"]
        if units != {None}:
            unit = _unit_of_headings(table, units, unit)
    if unit is None:
        raise ImportFormatError(
            f"{table.path} does not state its unit; say which with --unit (unit=…): "
            "1 for normalised weights, or S, mS, uS, nS"
        )
    columns = read_columns(table, 2, rows)
    if len(columns) != 2 or not columns[1].size:
        count = len(columns) if columns[1].size else 1
        raise ImportFormatError(
            f"{table.path}, line {table.rows[0][0]}: columns of numbers: {count}; a pulse file "
            "has two, up and down, or a CrossSim header (rmp1, rmp2, …)"
        )
    if named and named[0] == [-1, 1]:
        columns.reverse()
    return Ramps(columns[:1], columns[1:], unit, notes)


def _unit_of_headings(table: Table, units: set[str | None], stated: str | None) -> str:
    if len(units) != 1 or stated is not None:
        what = "their unit; leave out --unit" if len(units) == 1 else "two units"
        raise ImportFormatError(
            f"{table.path}, line {table.rows[0][0]}: the headings state {what}"
        )
    return str(units.pop())


def _is_crosssim(table: Table) -> bool:
    cells = [cell.strip() for cell in table.rows[0][1]]
    return bool(cells[0]) and all(_RAMP.fullmatch(cell) or not cell for cell in cells)


def _read_crosssim(
    tables: Sequence[Table], unit: str, stated: Sequence[Branch] | None
) -> Ramps:
    notes: list[str] = []
    branches = stated or _branches_by_name(tables, notes)
    found: dict[Branch, list[FloatArray]] = {"potentiation": [], "depression": []}
    for table, which in zip(tables, branches, strict=True):
        heads = [cell for cell in table.rows[0][1] if cell.strip()]
        ramps = read_columns(table, len(heads), table.rows[1:])
        if len(ramps) != len(heads) or not any(ramp.size for ramp in ramps):
            raise ImportFormatError(
                f"{table.path}: {len(heads)} headings, but "
                f"{sum(ramp.size > 0 for ramp in ramps)} columns of numbers below them"
            )
        found[which] += [ramp for ramp in ramps if ramp.size]
        if empty := sum(not ramp.size for ramp in ramps):
            notes.append(f"{table.path.name}: {empty} of {len(ramps)} ramps are empty")
    return Ramps(found["potentiation"], found["depression"], unit, notes)


def _branches_by_name(tables: Sequence[Table], notes: list[str]) -> list[Branch]:
    stems = [table.path.stem.lower() for table in tables]
    if sorted(stems) != ["reset", "set"]:
        raise ImportFormatError(
            f"{tables[0].path} does not say which branch it holds; state --branch potentiation "
            "or depression (one a file, with a comma between), or import two files named set "
            "and reset"
        )
    notes.append("by their names, set is potentiation and reset is depression")
    return [_BY_NAME[stem] for stem in stems]

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
from pathlib import Path
from typing import Literal

import numpy as np

from labsyn.data.curves import FloatArray, PulseCurves
from labsyn.data.errors import DataFileError, ImportFormatError, UnitError
from labsyn.data.importers.cells import Table, read_columns, read_table
from labsyn.data.units import parse_quantity

Branch = Literal["potentiation", "depression"]

_RAMP = re.compile(r"rmp\d+", re.IGNORECASE)
_BY_NAME: Mapping[str, Branch] = {"set": "potentiation", "reset": "depression"}
ORIGIN = (
    "the file does not say whether its first value came before or after the first pulse: "
    "it is taken as the one before"
)


def import_curves(
    paths: Sequence[Path],
    unit: str | None = None,
    branch: Branch | Sequence[Branch] | None = None,
) -> PulseCurves:
    """Return the curves in one two-column file, or in CrossSim's files.

    Nothing is guessed: values that were not measured or are out of range become NaN and are
    noted, and a branch that runs the wrong way is noted, not turned round.

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
    ramps = read_ramps([read_table(Path(path)) for path in paths], unit, branch)
    notes = list(ramps.notes)
    scale = _scale(ramps.unit, Path(paths[0]))
    up = _finite("potentiation", ramps.up, scale, notes)
    down = _finite("depression", ramps.down, scale, notes)
    return PulseCurves(
        potentiation=up,
        depression=down,
        unit="1" if ramps.unit == "1" else "S",
        source=", ".join(str(path) for path in paths),
        sha256=" ".join(ramps.sha256),
        notes=[*notes, ORIGIN, *_directions(up, down)],
    )


def _finite(
    name: str, curves: list[FloatArray], scale: float, notes: list[str]
) -> list[FloatArray]:
    """Return the curves in SI with NaN for what is no number, and note how much that is."""
    if over := sum(int(np.isinf(curve).sum()) for curve in curves):
        notes.append(f"{name}: {over} values out of range, such as 9.91E+37, are left out")
    if unread := sum(int(np.isnan(curve).sum()) for curve in curves):
        notes.append(f"{name}: {unread} values are NaN in the file and left out")
    return [np.where(np.isinf(curve), np.nan, curve) * scale for curve in curves]


@dataclass(frozen=True)
class Ramps:
    """The ramps of pulse files as they stand there.

    Attributes
    ----------
    up, down : list of ndarray, shape (n_pulses + 1,)
        In `unit`; infinity where the instrument wrote that a value is out of range.
    sha256 : list of str
        Of each file.
    notes : list of str
        What was settled about the branches.
    """

    up: list[FloatArray]
    down: list[FloatArray]
    unit: str
    sha256: list[str]
    notes: list[str]


def read_ramps(
    tables: Sequence[Table],
    unit: str | None,
    branch: Branch | Sequence[Branch] | None,
) -> Ramps:
    """Return the ramps in one two-column table, or in CrossSim's; see `import_curves`."""
    kinds = [_is_crosssim(table) for table in tables]
    if all(kinds):
        return _read_crosssim(tables, unit or "S", branch)
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
    return _read_two_columns(tables[0], unit)


def _read_two_columns(table: Table, unit: str | None) -> Ramps:
    if unit is None:
        raise ImportFormatError(
            f"{table.path} does not state its unit; say which with --unit (unit=…): "
            "1 for normalised weights, or S, mS, uS, nS"
        )
    columns = read_columns(table, 2, table.rows)
    if len(columns) != 2 or not columns[1].size:
        count = len(columns) if columns[1].size else 1
        raise ImportFormatError(
            f"{table.path}, line {table.rows[0][0]}: columns of numbers: {count}; a pulse file "
            "has two, up and down, or a CrossSim header (rmp1, rmp2, …)"
        )
    _scale(unit, table.path)
    notes = ["column 1 is potentiation, column 2 depression"]
    return Ramps(columns[:1], columns[1:], unit, [table.sha256], notes)


def _is_crosssim(table: Table) -> bool:
    cells = [cell.strip() for cell in table.rows[0][1]]
    return bool(cells[0]) and all(_RAMP.fullmatch(cell) or not cell for cell in cells)


def _read_crosssim(
    tables: Sequence[Table], unit: str, branch: Branch | Sequence[Branch] | None
) -> Ramps:
    notes: list[str] = []
    branches = _crosssim_branches(tables, branch, notes)
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
    _scale(unit, tables[0].path)
    sha256 = [table.sha256 for table in tables]
    return Ramps(found["potentiation"], found["depression"], unit, sha256, notes)


def _crosssim_branches(
    tables: Sequence[Table], branch: Branch | Sequence[Branch] | None, notes: list[str]
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

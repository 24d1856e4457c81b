"""Files that hold nothing but a pulse train: two columns up and down, CrossSim's ramps."""

import re
from collections.abc import Sequence

import numpy as np

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import read_table
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.pulses import ORIGIN, Branch, Ramps, read_ramps, two_branches
from labsyn.data.importers.result import FloatArray, RawColumn, RawTable
from labsyn.data.importers.source import Source
from labsyn.data.importers.table_text import HEAD_ROWS, has_headings

_RAMPS = re.compile(r"\"?rmp\d+\"?\s*([,;\t]|$)", re.IGNORECASE)


def is_ramps(source: Source) -> bool:
    """Return whether the headings are CrossSim's, rmp1, rmp2 …."""
    return bool(_RAMPS.match("".join(source.first_lines[:1])))


def is_two_columns(source: Source, options: ImportOptions) -> bool:
    """Return whether there are two columns, of numbers alone or under names of branches."""
    if source.kind != "text":
        return False
    table = read_table(source, options, most_rows=HEAD_ROWS)
    if table.width != 2 or options.columns:
        return False
    return not has_headings(table) or two_branches(table) is not None


def stated_branches(options: ImportOptions, n_files: int) -> list[Branch] | None:
    """Return the branch that is stated of each file.

    Raises
    ------
    ImportFormatError
        If one is none, or there is not one a file.
    """
    if options.branch is None:
        return None
    branches: list[Branch] = []
    for name in options.branch.split(","):
        match name.strip():
            case "potentiation" | "depression" as branch:
                branches.append(branch)
            case other:
                raise ImportFormatError(
                    f"branch is {other!r}, it must be 'potentiation' or 'depression'"
                )
    if len(branches) != n_files:
        raise ImportFormatError(f"{len(branches)} branches are stated for {n_files} files")
    return branches


def read_pulse_files(sources: Sequence[Source], options: ImportOptions) -> RawTable:
    """Return the ramps as a pulse train: the first value of each, then one row a pulse."""
    tables = [read_table(source, options) for source in sources]
    ramps = read_ramps(tables, options.unit, stated_branches(options, len(tables)))
    decisions = [*ramps.notes, ORIGIN]
    if options.mirrored:
        turned = [ramp[::-1] for ramp in ramps.down]
        ramps = Ramps(ramps.up, turned, ramps.unit, ramps.notes)
        decisions.append("depression was stored last pulse first, as stated: turned round")
    rows = _train(ramps)
    said = "the file, or its format" if options.unit is None else "stated by the user"
    names = [("cycle", "1", "counted"), ("branch", "1", "by its ramp"),
             ("pulse", "1", "counted"), ("conductance", ramps.unit, said)]  # fmt: skip
    return RawTable(
        path=sources[0].path,
        columns=[
            RawColumn(heading=name, name=name, cells=rows[:, i], unit=unit, unit_from=origin)
            for i, (name, unit, origin) in enumerate(names)
        ],
        found=tables[0].found,
        decisions=decisions,
    )


def _train(ramps: Ramps) -> FloatArray:
    """Return rows of cycle, branch, pulse, value; the value before a ramp has branch 0."""
    parts: list[FloatArray] = []
    for i in range(max(len(ramps.up), len(ramps.down))):
        for curves, sign in ((ramps.up, 1.0), (ramps.down, -1.0)):
            if i < len(curves):
                pulse = np.arange(curves[i].size, dtype=float)
                branch = np.where(pulse > 0, sign, 0.0)
                cycle = np.full(pulse.size, i + 1.0)
                parts.append(np.column_stack([cycle, branch, pulse, curves[i]]))
    return np.concatenate(parts)

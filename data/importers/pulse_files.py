"""Files that hold nothing but a pulse train: two columns up and down, CrossSim's ramps."""

import re
from collections.abc import Sequence

import numpy as np

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import read_table
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.pulses import ORIGIN, Branch, Ramps, read_ramps
from labsyn.data.importers.result import FloatArray, RawColumn, RawTable
from labsyn.data.importers.source import Source
from labsyn.data.importers.table_text import HEAD_ROWS, has_headings

_RAMPS = re.compile(r"\"?rmp\d+\"?\s*([,;\t]|$)", re.IGNORECASE)


def is_ramps(source: Source) -> bool:
    """Return whether the headings are CrossSim's, rmp1, rmp2 …."""
    return bool(_RAMPS.match("".join(source.first_lines[:1])))


def is_two_columns(source: Source, options: ImportOptions) -> bool:
    """Return whether there are two columns of numbers and no headings."""
    if source.kind != "text":
        return False
    table = read_table(source, options, most_rows=HEAD_ROWS)
    return table.width == 2 and not has_headings(table)


def stated_branch(options: ImportOptions) -> Branch | None:
    """Return the branch that is stated of a whole file.

    Raises
    ------
    ImportFormatError
        If it is none.
    """
    match options.branch:
        case None | "potentiation" | "depression" as branch:
            return branch
    raise ImportFormatError(
        f"branch is {options.branch!r}, it must be 'potentiation' or 'depression'"
    )


def read_pulse_files(sources: Sequence[Source], options: ImportOptions) -> RawTable:
    """Return the ramps as a pulse train: the first value of each, then one row a pulse."""
    tables = [read_table(source, options) for source in sources]
    ramps = read_ramps(tables, options.unit, stated_branch(options))
    decisions = [*ramps.notes, ORIGIN]
    if options.mirrored:
        turned = [ramp[::-1] for ramp in ramps.down]
        ramps = Ramps(ramps.up, turned, ramps.unit, ramps.sha256, ramps.notes)
        decisions.append("depression was stored last pulse first, as stated: turned round")
    rows = _train(ramps)
    said = "CrossSim's custom" if options.unit is None else "stated by the user"
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

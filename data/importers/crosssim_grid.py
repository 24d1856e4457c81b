"""CrossSim's lookup tables of an update: ΔG over conductance and cumulative probability.

A line that names the parts, a row of conductance bins, a row of cumulative probabilities, then
one row a probability with ΔG at each bin. One file a branch, named ``…increasing`` and
``…decreasing``.
"""

import re
from collections.abc import Sequence

import numpy as np

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import read_columns, read_table
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.pulse_files import stated_branches
from labsyn.data.importers.pulses import Branch
from labsyn.data.importers.result import FloatArray, RawColumn, RawTable
from labsyn.data.importers.source import Source

_FIRST_LINE = re.compile(r".*\bG ?bins\b", re.IGNORECASE)
_BY_NAME = {"increasing": 1.0, "decreasing": -1.0}


def is_grid(source: Source) -> bool:
    """Return whether the first line says that it is a table of steps over conductance."""
    return bool(_FIRST_LINE.match("".join(source.first_lines[:1])))


def read_grids(sources: Sequence[Source], options: ImportOptions) -> RawTable:
    """Return the entries of one table or of the two of a device, one row an entry."""
    parts, decisions = [], []
    lines: list[int] = []
    found: dict[str, object] = {}
    stated = stated_branches(options, len(sources))
    for i, source in enumerate(sources):
        sign, said = _branch(source, stated[i] if stated else None)
        part, where = _grid(source, options, found)
        parts.append(np.column_stack([part, np.full(len(where), sign)]))
        lines += where
        decisions.append(said)
    rows = np.concatenate(parts)
    unit = options.unit or "S"
    said = "stated by the user" if options.unit else "CrossSim's custom"
    # Not `branch`: these are no rows of a measurement, in which branches follow one another.
    names = [("conductance", unit, said), ("cumulative_probability", "1", "the format"),
             ("delta_conductance", unit, said), ("update_branch", "1", "the file")]  # fmt: skip
    return RawTable(
        path=sources[0].path,
        columns=[
            RawColumn(heading=name, name=name, cells=rows[:, i], unit=of, unit_from=origin)
            for i, (name, of, origin) in enumerate(names)
        ],
        lines=lines,
        found=found,
        decisions=[*decisions, "update_branch: 1 is potentiation, -1 depression"],
    )


def _grid(
    source: Source, options: ImportOptions, found: dict[str, object]
) -> tuple[FloatArray, list[int]]:
    """Return bin, probability and ΔG of each entry, and the line of each."""
    text = source.text(options.encoding)
    start = next(i for i, line in enumerate(text.splitlines(), start=1) if line.strip())
    table = read_table(source, options, skip_lines=start)
    found.update(table.found)
    rows = [
        (line, np.concatenate(read_columns(table, 1, [(line, row)])))
        for line, row in table.rows
    ]
    if len(rows) < 3:
        raise ImportFormatError(
            f"{source.path}: {len(rows)} rows of numbers; a row of bins, one of probabilities "
            "and at least one of ΔG are needed"
        )
    (_, bins), (_, probabilities), *matrix = rows
    if len(matrix) != probabilities.size:
        raise ImportFormatError(
            f"{source.path}, line {matrix[-1][0]}: {len(matrix)} rows of ΔG for "
            f"{probabilities.size} probabilities"
        )
    for line, steps in matrix:
        if steps.size != bins.size:
            raise ImportFormatError(
                f"{source.path}, line {line}: {steps.size} values for {bins.size} bins"
            )
    grid = np.column_stack(
        [
            np.tile(bins, probabilities.size),
            np.repeat(probabilities, bins.size),
            np.concatenate([steps for _, steps in matrix]),
        ]
    )
    return grid, [line for line, _ in matrix for _ in range(bins.size)]


def _branch(source: Source, stated: Branch | None) -> tuple[float, str]:
    if stated is not None:
        sign = 1.0 if stated == "potentiation" else -1.0
        return sign, f"{source.path.name}: {stated}, as stated"
    for word, sign in _BY_NAME.items():
        if source.path.stem.lower().endswith(word):
            return sign, f"{source.path.name}: by its name, steps of {word} conductance"
    raise ImportFormatError(
        f"{source.path} does not say which branch it holds; state --branch potentiation "
        "or depression, or name the files …increasing and …decreasing"
    )

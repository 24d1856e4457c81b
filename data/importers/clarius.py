"""Workbooks of Keithley's Clarius (4200A-SCS): a sheet a run, ``Calc``, ``Settings``.

A run has a row of names, then numbers. Clarius calls a column after its terminal: ``GateV`` is
a voltage, ``DrainI`` a current, ``DrainI(2)`` that of the second step, ``Time`` a time; this is
taken as the unit, and said. The result of a formula has no unit; one that is a scalar stands in
the first row only, and ``#REF`` where it could not be computed.
"""

import re
from typing import Any

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import Table, without_trailing_blanks
from labsyn.data.importers.headed import cells_under, number_tests, one_below_the_other
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import RawColumn, RawTable
from labsyn.data.importers.source import Source
from labsyn.data.importers.workbook import read_sheet

_RUN = re.compile(r"(Run|Append|Data)\s?\d*", re.IGNORECASE)
_NAMED = re.compile(r"(?:[A-Z]|\w*[a-z\d])(V|I)(?:\(\d+\))?")
_TIME = re.compile(r"Time(?:\(\d+\))?")
_UNIT = {"V": "V", "I": "A"}
_SETTINGS = "Settings"
_ORIGIN = "Clarius' names"
_ERRORS = frozenset(("#REF", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!"))


def is_clarius(source: Source) -> bool:
    """Return whether a workbook has Clarius' sheets."""
    if source.kind != "workbook":
        return False
    return _SETTINGS in source.sheets and any(map(_RUN.fullmatch, source.sheets))


def read_clarius(source: Source, options: ImportOptions) -> RawTable:
    """Return the runs of a workbook one below the other, or the one of ``options.sheet``."""
    names = [name for name in source.sheets if _RUN.fullmatch(name)]
    names = [options.sheet] if options.sheet is not None else names
    if not names:
        raise ImportFormatError(f"{source.path} has no sheet of a run (Run1, Data, Append1)")
    decisions = ["units: by Clarius' names, …V volt, …I ampere, Time second"]
    scalars: dict[str, dict[str, str]] = {}
    runs, lines = [], []
    for name in names:
        table = read_sheet(source, name)
        runs.append(_run(table, name, scalars, decisions))
        lines.append([line for line, _ in table.rows[1:]])
    return RawTable(
        path=source.path,
        columns=_columns(runs, [len(of_run) for of_run in lines]),
        lines=[line for of_run in lines for line in of_run],
        found={"sheets": names},
        decisions=decisions,
        metadata={"scalars": scalars, "settings": _settings(source)},
    )


def _columns(runs: list[dict[str, list[str]]], sizes: list[int]) -> list[RawColumn]:
    columns = number_tests(sizes, "its order in the workbook")
    joined = one_below_the_other(runs, sizes)
    for number, (heading, cells) in enumerate(joined.items(), start=1):
        unit = _unit(heading)
        columns.append(
            RawColumn(heading=heading, cells=cells, number=number, unit=unit,
                      unit_from=_ORIGIN if unit else "", by_convention=True)
        )  # fmt: skip
    return columns


def _run(
    table: Table, name: str, scalars: dict[str, dict[str, str]], decisions: list[str]
) -> dict[str, list[str]]:
    """Return the columns of a run by heading; its scalars go to `scalars`."""
    (line, row), rows = table.rows[0], table.rows[1:]
    headings = [cell.strip() for cell in without_trailing_blanks(row)]
    wrong = [h for i, h in enumerate(headings) if not h or h in headings[:i]]
    if wrong or not rows:
        what = f"name {wrong[0]!r} is empty or twice there" if wrong else "no rows below"
        raise ImportFormatError(f"{table.path}, sheet {name!r}, row {line}: {what}")
    found: dict[str, list[str]] = {}
    for heading, column in zip(headings, cells_under(table, headings, rows), strict=True):
        cells = ["" if cell in _ERRORS else cell for cell in column]
        if broken := sum(cell in _ERRORS for cell in column):
            decisions.append(f"{name}, {heading}: {broken} values are #REF or the like: NaN")
        if not any(cells):
            decisions.append(f"{name}, {heading}: holds no value, left out")
        elif len(cells) > 1 and not any(cells[1:]) and _unit(heading) is None:
            scalars.setdefault(name, {})[heading] = cells[0]
            decisions.append(f"{name}, {heading}: a scalar, {cells[0]}, kept as metadata")
        else:
            found[heading] = cells
    if not found:
        raise ImportFormatError(f"{table.path}, sheet {name!r}: no column holds a value")
    return found


def _unit(heading: str) -> str | None:
    if _TIME.fullmatch(heading):
        return "s"
    match = _NAMED.fullmatch(heading)
    return _UNIT[match[1]] if match else None


def _settings(source: Source) -> list[Any]:
    if _SETTINGS not in source.sheets:  # a run was asked for by its sheet
        return []
    try:
        rows = read_sheet(source, _SETTINGS).rows
    except ImportFormatError as error:
        return [f"could not be read: {error}"]
    return [[cell for cell in row if cell] for _, row in rows]

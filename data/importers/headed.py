"""Columns with headings: cells of a table under a row of names, and units in the names."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from labsyn.data.errors import ImportFormatError, UnitError
from labsyn.data.importers.cells import Row, Table
from labsyn.data.importers.result import RawColumn
from labsyn.data.units import si_unit

_IN_BRACKETS = re.compile(r"(.*)(?:\(([^()]+)\)|\[([^\[\]]+)\])", re.DOTALL)
_LONGEST = 200  # characters of a heading that may have a unit in it
_NO_UNITS = frozenset(("min", "max", "in", "out", "set", "a", "b", "c", "d", "e", "h", "count"))
"""What a heading may have in brackets without meaning the minute, the inch, the year …"""


def split_heading(heading: str) -> tuple[str, str | None]:
    """Return name and unit of a heading such as ``Current (A)``; None if it states none."""
    match = _IN_BRACKETS.fullmatch(heading.strip()) if len(heading) <= _LONGEST else None
    if not match or not match[1].strip():
        return heading.strip(), None
    unit = (match[2] or match[3]).strip()
    if unit in _NO_UNITS:
        return heading.strip(), None
    try:
        si_unit(unit)
    except UnitError:  # as in "Current (forward)"
        return heading.strip(), None
    return match[1].strip(), unit


def cells_under(
    table: Table, headings: Sequence[str], rows: Sequence[Row], first: int = 0
) -> list[list[str]]:
    """Return the cells under each heading; cell `first` of a row belongs to the first one.

    Raises
    ------
    ImportFormatError
        If a row has another number of cells; empty ones at the end do not count.
    """
    columns: list[list[str]] = [[] for _ in headings]
    for line, row in rows:
        cells = row[first:]
        if len(cells) < len(headings) or any(cell.strip() for cell in cells[len(headings) :]):
            raise ImportFormatError(
                f"{table.path}, line {line}: {len(cells)} values under {len(headings)} headings"
            )
        for column, cell in zip(columns, cells, strict=False):
            column.append(cell)
    return columns


def raw_columns(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> list[RawColumn]:
    """Return the columns of a table; a unit in brackets in the heading is theirs."""
    columns = []
    for number, (heading, column) in enumerate(zip(headings, cells, strict=True), start=1):
        name, unit = split_heading(heading)
        origin = "the heading" if unit else ""
        columns.append(
            RawColumn(heading=name, cells=column, unit=unit, unit_from=origin, number=number)
        )
    return columns


def one_below_the_other(
    tests: Sequence[Mapping[str, Sequence[str]]], sizes: Sequence[int]
) -> dict[str, list[str]]:
    """Return the cells of several tests by heading; empty ones where a test lacks it."""
    joined: dict[str, list[str]] = {heading: [] for test in tests for heading in test}
    for test, size in zip(tests, sizes, strict=True):
        for heading, cells in joined.items():
            cells += test.get(heading, [""] * size)
    return joined


def number_tests(sizes: Sequence[int], origin: str) -> list[RawColumn]:
    """Return the column `test` of tests that are joined, if they are several."""
    if len(sizes) < 2:
        return []
    numbers = np.repeat(np.arange(1.0, len(sizes) + 1), sizes)
    return [RawColumn(heading="test", name="test", cells=numbers, unit="1", unit_from=origin)]

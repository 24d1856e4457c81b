"""Any CSV file with a row of headings; without headings its columns are called 1, 2, 3.

Units stand in brackets in the headings, ``G (uS)`` or ``V [mV]``, or are stated by the user.
"""

import math
from collections.abc import Sequence

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import Row, Table, read_table, without_trailing_blanks
from labsyn.data.importers.headed import cells_under, raw_columns
from labsyn.data.importers.number import number
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.pulses import two_branches
from labsyn.data.importers.result import RawTable
from labsyn.data.importers.source import Source

HEAD_ROWS = 100
"""Rows by which a table is recognised."""


def is_text_table(source: Source, options: ImportOptions) -> bool:
    """Return whether a text has numbers in its first row, or below headings there."""
    if source.kind != "text":
        return False
    table = read_table(source, options, most_rows=HEAD_ROWS)
    if has_headings(table):
        if two_branches(table) and not options.columns:  # the format of two columns
            return False
        return any(has_number(row, table.dialect.decimal) for _, row in table.rows[1:])
    # Two columns of numbers and the unit of a conductance are up and down pulses.
    return table.width != 2 or bool(options.columns) or options.unit is None


def has_number(cells: Sequence[str], decimal: str) -> bool:
    """Return whether any of the cells holds a number."""
    for cell in cells:
        try:
            if not math.isnan(number(cell, decimal)):
                return True
        except ValueError:
            continue
    return False


def has_headings(table: Table) -> bool:
    """Return whether the first row holds names: none of its cells is a number."""
    return not has_number(table.rows[0][1], table.dialect.decimal)


def read_text_table(source: Source, options: ImportOptions) -> RawTable:
    """Return the columns of a CSV file."""
    return table_columns(read_table(source, options))


def table_columns(table: Table) -> RawTable:
    """Return the columns of a table, whose first row may be headings.

    Raises
    ------
    ImportFormatError
        If there are no rows, or one has more or fewer cells than there are headings.
    """
    decisions = []
    if has_headings(table):
        (_, headings), rows = table.rows[0], table.rows[1:]
        # A table that was written with its index has no heading over it.
        headings = without_trailing_blanks(
            [
                f"#{i}" if not heading.strip() and _is_used(rows, i - 1) else heading
                for i, heading in enumerate(headings, start=1)
            ]
        )
    else:
        headings = [str(i) for i in range(1, table.width + 1)]
        rows = table.rows
        decisions.append("there are no headings: the columns are called 1, 2, 3 …")
    if not rows:
        raise ImportFormatError(f"{table.path}: no rows below the headings")
    columns = raw_columns(headings, cells_under(table, headings, rows))
    return RawTable(
        path=table.path,
        columns=[column for column in columns if column.heading],
        lines=[line for line, _ in rows],
        decimal=table.dialect.decimal,
        found=table.found,
        decisions=decisions,
    )


def _is_used(rows: list[Row], column: int) -> bool:
    return any(len(row) > column and row[column].strip() for _, row in rows)

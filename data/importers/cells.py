"""The cells of a CSV file as columns of numbers, each fault with its line and column."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.dialect import Dialect, find_dialect
from labsyn.data.importers.number import numbers
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.source import Source

Row = tuple[int, list[str]]

MOST_CELLS = 20_000_000
"""Of one file, each row counted as three more: what fits into a few gigabytes of memory."""


@dataclass(frozen=True)
class Table:
    """The cells of one file: rows of texts, each with the line it begins on.

    Attributes
    ----------
    found : mapping
        What was found of the file's form, for the report.
    """

    path: Path
    rows: list[Row]
    dialect: Dialect = field(default_factory=Dialect)
    found: Mapping[str, str | bool | int] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Cells of the longest row, without the empty ones at its end."""
        return max((len(without_trailing_blanks(row)) for _, row in self.rows), default=0)


def read_table(
    source: Path | Source,
    options: ImportOptions | None = None,
    skip_lines: int = 0,
    most_rows: int | None = None,
) -> Table:
    """Return the cells of a CSV file without its empty lines.

    Parameters
    ----------
    source : Path or Source
        The file.
    options : ImportOptions, optional
        Delimiter, decimal mark and encoding, where they are stated; else they are found.
    skip_lines : int
        Lines before the table, which are no CSV.
    most_rows : int, optional
        Rows to read, to recognise a file by.

    Raises
    ------
    ImportFormatError
        If the file is no CSV file, is empty, or has too many cells.
    DataFileError
        If it does not exist or cannot be read.
    """
    source = source if isinstance(source, Source) else Source(source)
    options = options or ImportOptions()
    text = source.text(options.encoding)
    stream = io.StringIO(text, newline="")
    for _ in range(skip_lines):
        stream.readline()
    dialect = find_dialect(source.path, text[stream.tell() :], options)
    rows = list(islice(_rows(source.path, stream, dialect, skip_lines + 1), most_rows))
    if not rows:
        raise ImportFormatError(f"{source.path} is empty: it holds no row")
    found: dict[str, str | bool | int] = {
        "encoding": options.encoding or source.encoding.removesuffix("-sig"),
        "byte order mark": source.has_mark,
        "gzip": source.compressed,
        "delimiter": dialect.delimiter,
        "decimal mark": dialect.decimal,
        "lines before the table": skip_lines,
    }
    return Table(source.path, rows, dialect, found)


def _rows(path: Path, stream: io.StringIO, dialect: Dialect, first: int) -> Iterator[Row]:
    reader = csv.reader(stream, delimiter=dialect.delimiter, skipinitialspace=True, strict=True)
    line = first
    n_cells = 0
    try:
        for row in reader:
            n_cells += len(row) + 3
            if n_cells > MOST_CELLS:
                raise ImportFormatError(
                    f"{path}, line {line}: the file has more than {MOST_CELLS} cells; import "
                    "a part of it"
                )
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + first
    except csv.Error as error:  # also a cell of more than 131 072 characters
        raise ImportFormatError(
            f"{path}, line {reader.line_num + first - 1}: {error}"
        ) from error


def read_columns(
    table: Table, n_columns: int, rows: Sequence[Row]
) -> list[NDArray[np.float64]]:
    """Return the columns without the empty cells at their ends.

    NaN stands for what was not measured, infinity for what instruments write instead of a
    value that is out of range.
    """
    width = max([n_columns, *(len(without_trailing_blanks(row)) for _, row in rows)])
    columns: list[list[str]] = [[] for _ in range(width)]
    lines: list[list[int]] = [[] for _ in range(width)]
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
                columns[i].append(cells[i])
                lines[i].append(line)
    return [
        numbers(column, table.dialect.decimal, _place(table.path, lines[i], i + 1))
        for i, column in enumerate(columns)
    ]


def _place(path: Path, lines: list[int], number: int) -> Callable[[int], str]:
    return lambda row: f"{path}, line {lines[row]}, column {number}"


def without_trailing_blanks(row: list[str]) -> list[str]:
    """Return the cells of a row without the empty ones at its end."""
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]

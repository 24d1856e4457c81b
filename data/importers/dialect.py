"""Which delimiter and which decimal mark a CSV file uses: found once, told in the report."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.options import ImportOptions

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_NUMBER = re.compile(r"[+-]?[\d.,]*\d\.?(?:[eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_HEAD = 262_144  # characters that are looked at; the header of an analyser has 10 000
_LINES = 50  # at the end of these: numbers, not the header


@dataclass(frozen=True)
class Dialect:
    """How the cells of a file are told apart, and the mark before their decimals."""

    delimiter: str = ","
    decimal: str = "."


def find_dialect(path: Path, text: str, options: ImportOptions) -> Dialect:
    """Return the dialect of `text`, where `options` do not state it.

    A semicolon or tab parts the cells if most lines have one; a space does if all lines but
    the headings are numbers with spaces between; else a comma does. A comma is a decimal mark
    where it does not part the cells, or stands inside their quotes.

    Raises
    ------
    ImportFormatError
        If the comma was stated to be the decimal mark and seems to part the cells as well.
    """
    cut = len(text) > _HEAD
    lines = _last_lines(_QUOTED.sub("Q", text[:_HEAD]), cut)
    delimiter = options.delimiter or _delimiter(lines)
    lines = _last_lines(text[:_HEAD], cut)
    if delimiter == ",":
        found = _decimal(cell[1:-1].strip() for cell in _QUOTED.findall("\n".join(lines)))
        decimal = options.decimal or found
        if options.delimiter is None and options.decimal == "," and found != ",":
            raise ImportFormatError(
                f"{path}: the comma seems to part the cells, but is stated to be the decimal "
                "mark; state what parts them with --delimiter"
            )
    else:
        cells = _cells(csv.reader(lines, delimiter=delimiter))
        decimal = options.decimal or _decimal(cell.strip() for cell in cells)
    return Dialect(delimiter, decimal)


def _last_lines(head: str, cut: bool) -> list[str]:
    """Return the last lines that are not blank; the very last of a text cut short is none."""
    lines = [line for line in head.splitlines() if line.strip()]
    return (lines[:-1] if cut else lines)[-_LINES:]


def _cells(rows: Iterable[list[str]]) -> Iterable[str]:
    try:
        for row in rows:
            yield from row
    except csv.Error:  # told with its line when the table is read
        return


def _delimiter(lines: list[str]) -> str:
    for mark in (";", "\t"):
        if sum(mark in line for line in lines) > len(lines) / 2:
            return mark
    below = lines[1:] or lines
    return " " if below and all(map(_is_spaced, below)) else ","


def _is_spaced(line: str) -> bool:
    """Return whether a line is two or more numbers with spaces between."""
    cells = line.split()
    return len(cells) > 1 and all(map(_NUMBER.fullmatch, cells))


def _decimal(cells: Iterable[str]) -> str:
    return "," if any(map(_DECIMAL_COMMA.fullmatch, cells)) else "."

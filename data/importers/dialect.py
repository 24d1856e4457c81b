"""Which delimiter and which decimal mark a CSV file uses: found once, told in the report."""

import re
from dataclasses import dataclass
from pathlib import Path

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.options import ImportOptions

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_NUMBER = r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?"
_SPACED = re.compile(rf"\s*{_NUMBER}(?: +{_NUMBER})+\s*")
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
    only where it does not part the cells.

    Raises
    ------
    ImportFormatError
        If delimiter and decimal mark are the same.
    """
    lines = [line for line in _QUOTED.sub("Q", text[:_HEAD]).splitlines() if line.strip()]
    if len(text) > _HEAD:
        lines = lines[:-1]  # it is cut short
    lines = lines[-_LINES:]
    delimiter = options.delimiter or _delimiter(lines)
    decimal = options.decimal or _decimal(lines, delimiter)
    if delimiter == decimal:
        raise ImportFormatError(
            f"{path}: {delimiter!r} cannot be both delimiter and decimal mark; state another "
            "with --delimiter or --decimal"
        )
    return Dialect(delimiter, decimal)


def _delimiter(lines: list[str]) -> str:
    for mark in (";", "\t"):
        if sum(mark in line for line in lines) > len(lines) / 2:
            return mark
    below = lines[1:] or lines
    return " " if below and all(map(_SPACED.fullmatch, below)) else ","


def _decimal(lines: list[str], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    cells = [cell.strip() for line in lines for cell in line.split(delimiter)]
    return "," if any(map(_DECIMAL_COMMA.fullmatch, cells)) else "."

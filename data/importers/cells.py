"""The cells of a CSV file as columns of numbers, each fault with its line and column."""

import csv
import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import DataFileError, ImportFormatError

_LARGEST = 1e30  # SCPI writes 9.91E+37 for "not a number" and 9.9E+37 for an overflow


@dataclass(frozen=True)
class Table:
    """The cells of one file: rows of texts, each with the line it begins on."""

    path: Path
    rows: list[tuple[int, list[str]]]
    sha256: str


def read_table(path: Path) -> Table:
    """Return the cells of a CSV file, UTF-8, without its empty lines.

    Raises
    ------
    ImportFormatError
        If the file is no CSV file, or is empty.
    DataFileError
        If it does not exist or cannot be read.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")  # with or without a byte order mark
    except FileNotFoundError as error:
        raise DataFileError(f"{path} does not exist") from error
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportFormatError(
            f"{path}: byte {error.start} is no text (UTF-8); is this a CSV file?"
        ) from error
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ImportFormatError(f"{path}, line {reader.line_num}: {error}") from error
    if not rows:
        raise ImportFormatError(f"{path} is empty; a pulse file has one line a pulse")
    return Table(path, rows, hashlib.sha256(data).hexdigest())


def read_columns(
    table: Table, n_columns: int, rows: Sequence[tuple[int, list[str]]]
) -> list[NDArray[np.float64]]:
    """Return the columns without the empty cells at their ends."""
    width = max([n_columns, *(len(_without_trailing_blanks(row)) for _, row in rows)])
    columns: list[list[float]] = [[] for _ in range(width)]
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
                columns[i].append(_number(table.path, line, i + 1, cells[i]))
    return [np.array(column) for column in columns]


def _without_trailing_blanks(row: list[str]) -> list[str]:
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _number(path: Path, line: int, column: int, text: str) -> float:
    where = f"{path}, line {line}, column {column}"
    try:
        number = float(text)
    except ValueError as error:
        raise ImportFormatError(f"{where}: {text[:40]!r} is no number") from error
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise ImportFormatError(
            f"{where}: {text!r} is what instruments write for a value that was not measured; "
            "leave this pulse or ramp out of the file"
        )
    return number

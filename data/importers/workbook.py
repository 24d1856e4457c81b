"""The cells of an .xlsx workbook, bounded: a small file can unpack to very much."""

import datetime
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import Row, Table
from labsyn.data.importers.source import MAX_BYTES, Source

_MOST_CELLS = 20_000_000
_MOST_CHARACTERS = 32_767  # Excel's own limit of a cell


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Give the workbook, once the sizes in its directory are known to be sane."""
    import openpyxl

    with path.open("rb") as file:  # which openpyxl would leave open when it fails
        try:
            with zipfile.ZipFile(file) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_BYTES:
                raise ImportFormatError(
                    f"{path} unpacks to {size} bytes; {MAX_BYTES} are read at most"
                )
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except ImportFormatError:
            raise
        except Exception as error:  # openpyxl raises whatever a damaged part makes it raise
            raise ImportFormatError(f"{path} is no workbook (.xlsx): {error}") from error
        yield book


def sheet_names(path: Path) -> tuple[str, ...]:
    """Return the names of the sheets."""
    with _open(path) as book:
        return tuple(book.sheetnames)


def read_sheet(source: Source, name: str) -> Table:
    """Return the cells of one sheet as texts, without its empty rows.

    Formulas give the value that was stored with them; dates are in ISO 8601.

    Raises
    ------
    ImportFormatError
        If there is no such sheet, it is damaged, empty or too large.
    """
    with _open(source.path) as book:
        if name not in book.sheetnames:
            raise ImportFormatError(
                f"{source.path} has no sheet {name!r}; it has {', '.join(book.sheetnames)}"
            )
        rows = _rows(source.path, book[name], name)
    if not rows:
        raise ImportFormatError(f"{source.path}: sheet {name!r} is empty")
    return Table(source.path, rows, found={"sheet": name})


def _rows(path: Path, sheet: Any, name: str) -> list[Row]:
    rows: list[Row] = []
    n_cells = 0
    where = f"{path}, sheet {name!r}"
    try:
        sheet.reset_dimensions()  # what a file says of its size may be wrong
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            n_cells += len(cells) + 1
            if n_cells > _MOST_CELLS:
                raise ImportFormatError(
                    f"{where}: more than {_MOST_CELLS} cells; import a part of it"
                )
            row = [_text(cell) for cell in cells]
            if any(len(cell) > _MOST_CHARACTERS for cell in row):
                raise ImportFormatError(
                    f"{where}, row {number}: a cell of more than {_MOST_CHARACTERS} characters"
                )
            if any(row):
                rows.append((number, row))
    except ImportFormatError:
        raise
    except Exception as error:  # as in _open
        raise ImportFormatError(f"{where} is damaged: {error}") from error
    width = max((len(row) for _, row in rows), default=0)
    return [(number, row + [""] * (width - len(row))) for number, row in rows]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell).strip()  # of a float: the shortest text that reads back the same

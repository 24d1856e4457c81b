"""A sheet of any .xlsx workbook, with a row of headings."""

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import RawTable
from labsyn.data.importers.source import Source
from labsyn.data.importers.table_text import table_columns
from labsyn.data.importers.workbook import read_sheet


def is_workbook(source: Source) -> bool:
    """Return whether the file is a workbook at all."""
    return source.kind == "workbook"


def read_workbook(source: Source, options: ImportOptions) -> RawTable:
    """Return the columns of one sheet: the only one, or the stated one.

    Raises
    ------
    ImportFormatError
        If there are several sheets and none is stated.
    """
    if options.sheet is None and len(source.sheets) != 1:
        raise ImportFormatError(
            f"{source.path} has sheets {', '.join(source.sheets)}; say which with --sheet"
        )
    return table_columns(read_sheet(source, options.sheet or source.sheets[0]))

"""CSV files of PyMeasure: parameters in lines that begin with #, then columns with units.

The header is ``#Procedure: <module.Class>``, ``#Parameters:`` and one ``#<tab>Name: value`` a
parameter, ``#Data:``; some files add ``#Metadata:``. A column is called ``Name (unit)``.
"""

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import read_table
from labsyn.data.importers.headed import cells_under, raw_columns
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import RawTable
from labsyn.data.importers.source import Source


def is_pymeasure(source: Source) -> bool:
    """Return whether the file begins as PyMeasure's do."""
    return source.head.startswith("#Procedure:")


def read_pymeasure(source: Source, options: ImportOptions) -> RawTable:
    """Return the columns of a PyMeasure file, its procedure and its parameters."""
    header = []
    for line in source.text(options.encoding).splitlines():
        if not line.startswith("#"):
            break
        header.append(line[1:])
    table = read_table(source, options, skip_lines=len(header))
    (first, headings), rows = table.rows[0], table.rows[1:]
    repeated = [line for line, row in rows if row[0].startswith("#")]
    if repeated:
        raise ImportFormatError(
            f"{source.path}, line {repeated[0]}: a second header; split the file there"
        )
    if not rows:
        raise ImportFormatError(f"{source.path}, line {first}: no rows below the headings")
    return RawTable(
        path=source.path,
        columns=raw_columns(headings, cells_under(table, headings, rows)),
        lines=[line for line, _ in rows],
        decimal=table.dialect.decimal,
        found=table.found,
        metadata=_metadata(header),
    )


def _metadata(header: list[str]) -> dict[str, object]:
    parts: dict[str, dict[str, str]] = {"parameters": {}, "metadata": {}}
    part, procedure = "parameters", ""
    for line in header:
        name, _, value = line.strip().partition(":")
        if line.startswith("\t"):
            parts[part][name] = value.strip()
        elif name == "Procedure":
            procedure = value.strip(" <>")
        elif name.lower() in parts:
            part = name.lower()
    return {"procedure": procedure, **{key: value for key, value in parts.items() if value}}

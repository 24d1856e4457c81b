"""CSV files of Keysight's oscilloscopes (InfiniiVision).

Two rows of headings, ``x-axis,1,2`` and ``second,Volt,Volt``: channels, then units.
"""

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import read_table
from labsyn.data.importers.headed import cells_under
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import RawColumn, RawTable
from labsyn.data.importers.source import Source


def is_scope(source: Source) -> bool:
    """Return whether the first row is that of an oscilloscope."""
    return "".join(source.first_lines[:1]).strip('"').lower().startswith("x-axis")


def read_scope(source: Source, options: ImportOptions) -> RawTable:
    """Return time and channels of a waveform."""
    table = read_table(source, options)
    (_, names), rows = table.rows[0], table.rows[2:]
    line, units = table.rows[1] if len(table.rows) > 1 else (table.rows[0][0], [])
    units = [cell.strip() for cell in units]
    if len(units) != len(names) or not all(units) or units[0].lower() != "second":
        raise ImportFormatError(
            f"{source.path}, line {line}: {','.join(units)[:40]!r} are no units of "
            f"{','.join(names)[:40]!r}; an oscilloscope writes 'x-axis,1' and 'second,Volt'"
        )
    columns = [
        RawColumn(
            heading=name.strip(),
            cells=cells,
            unit=units[i],
            unit_from="the second row",
            name="time" if i == 0 else f"channel_{name.strip()}",
            number=i + 1,
        )
        for i, (name, cells) in enumerate(
            zip(names, cells_under(table, names, rows), strict=True)
        )
    ]
    return RawTable(
        path=source.path,
        columns=columns,
        lines=[number for number, _ in rows],
        decimal=table.dialect.decimal,
        found=table.found,
        decisions=["time 0 is the trigger, as the oscilloscope counts"],
    )

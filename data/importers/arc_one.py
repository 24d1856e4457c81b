"""CSV files (also .csv.gz) of ArC ONE: one row an operation, sorted by device.

Line 1 names the session, line 2 is the date in the computer's own form, line 3 the headings.
A tag that begins with ``S R`` is a read, with ``P`` a pulse; its last letter says whether the
row starts (s), is inside (i) or ends (e) a block of a module. The resistance, in ohm, is the
one that was read after the operation.
"""

import re
from collections import Counter

import numpy as np

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import Row, Table, read_table
from labsyn.data.importers.device_choice import Device, choose_device
from labsyn.data.importers.headed import cells_under
from labsyn.data.importers.number import numbers
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import FloatArray, RawColumn, RawTable
from labsyn.data.importers.source import Source

HEADINGS = (
    "Wordline", "Bitline", "Resistance", "Amplitude (V)", "Pulse width (s)", "Tag", "ReadTag",
    "ReadVoltage",
)  # fmt: skip
_LINE = 3
READ, PULSE, OTHER = 1.0, 2.0, 0.0


def is_arc_one(source: Source) -> bool:
    """Return whether the third line begins with ArC ONE's first headings."""
    return _headings(source.head)[:3] == list(HEADINGS[:3])


def _headings(text: str) -> list[str]:
    line = "".join(text.splitlines()[_LINE - 1 : _LINE])
    return [cell.strip() for cell in line.split(",")]


def read_arc_one(source: Source, options: ImportOptions) -> RawTable:
    """Return every operation on every device, or on the one of ``options.device``."""
    text = source.text(options.encoding)
    if _headings(text) != list(HEADINGS):
        raise ImportFormatError(
            f"{source.path}, line {_LINE}: the headings of ArC ONE are {','.join(HEADINGS)}"
        )
    session, recorded = text.splitlines()[: _LINE - 1]
    table = read_table(source, options, skip_lines=_LINE - 1)
    rows = table.rows[1:]
    choice = choose_device(source.path, [_device(source, row) for row in rows], options)
    rows = [row for row, taken in zip(rows, choice.taken, strict=True) if taken]
    cells = dict(zip(HEADINGS, cells_under(table, HEADINGS, rows), strict=True))
    return RawTable(
        path=source.path,
        columns=_columns(cells, _resistance(table, rows)),
        lines=[line for line, _ in rows],
        decimal=table.dialect.decimal,
        found=table.found,
        decisions=[
            "operation: 1 is a read (tag S R…), 2 a pulse (tag P…), 0 anything else",
            "conductance: 1 / resistance of the row, read after its operation",
            choice.decision,
        ],
        metadata={
            "session": session,
            "recorded": recorded,  # in the form of the computer's country: not read
            "tags": dict(Counter(cells["Tag"])),
            "read_tags": dict(Counter(cells["ReadTag"])),
        },
    )


def _device(source: Source, row: Row) -> Device:
    line, cells = row
    if len(cells) < 2 or not all(re.fullmatch(r"\s*\d{1,6}\s*", cell) for cell in cells[:2]):
        raise ImportFormatError(
            f"{source.path}, line {line}: {','.join(cells[:2])[:40]!r} is no word and bit line"
        )
    return int(cells[0]), int(cells[1])


def _resistance(table: Table, rows: list[Row]) -> FloatArray:
    """Return the resistances in ohm, shape (n_rows,)."""
    cells = [row[2] for _, row in rows]
    return numbers(
        cells, table.dialect.decimal, lambda i: f"{table.path}, line {rows[i][0]}, column 3"
    )


def _columns(cells: dict[str, list[str]], resistance: FloatArray) -> list[RawColumn]:
    with np.errstate(divide="ignore"):
        conductance = np.where(np.isfinite(1 / resistance), 1 / resistance, np.nan)
    conductance[np.isinf(resistance)] = np.nan  # out of range, which is not 0 S
    kinds = [
        READ if tag.startswith("S R") else PULSE if tag.startswith("P") else OTHER
        for tag in cells["Tag"]
    ]
    columns: list[tuple[str, str, list[str] | FloatArray, str]] = [
        ("word", "Wordline", cells["Wordline"], "1"),
        ("bit", "Bitline", cells["Bitline"], "1"),
        ("resistance", "Resistance", resistance, "ohm"),
        ("pulse_voltage", "Amplitude", cells["Amplitude (V)"], "V"),
        ("pulse_width", "Pulse width", cells["Pulse width (s)"], "s"),
        ("operation", "Tag", np.array(kinds), "1"),
        ("read_voltage", "ReadVoltage", cells["ReadVoltage"], "V"),
        ("conductance", "1 / Resistance", conductance, "S"),
    ]
    return [
        RawColumn(
            heading=heading, name=name, cells=values, unit=unit, unit_from="the format",
            number=i,
        )
        for i, (name, heading, values, unit) in enumerate(columns, start=1)
    ]  # fmt: skip

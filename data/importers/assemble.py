"""From the columns of a file to columns in SI, with a report of every decision."""

import numpy as np

from labsyn.data.errors import ImportFormatError
from labsyn.data.flags import Flag
from labsyn.data.importers.branches import branch_words, settle_branches
from labsyn.data.importers.column_units import column_units
from labsyn.data.importers.number import LARGEST, numbers
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import (
    FloatArray,
    Imported,
    ImportedColumn,
    RawColumn,
    RawTable,
    Report,
    count_column,
)
from labsyn.data.importers.selection import choose_columns, printable

_SHOWN = 5  # of many values of one kind, that are named in the report


def assemble(
    raw: RawTable, options: ImportOptions, format_name: str, files: list[dict[str, str]]
) -> Imported:
    """Return the columns of `raw` in SI, with units and branches settled.

    Raises
    ------
    ImportFormatError
        If a unit is not known or contradicts the file, a stated column does not exist, a
        cell is no number, or a branch rule does not fit.
    """
    decisions, warnings = list(raw.decisions), list(raw.warnings)
    chosen = choose_columns(raw, options, decisions)
    units = column_units(raw, options, chosen)
    columns: list[ImportedColumn] = []
    over: list[FloatArray] = []
    for (name, column, _), unit in zip(chosen, units, strict=True):
        values = _values(raw, column, is_branch=name == "branch")
        if not values.size:
            raise ImportFormatError(f"{raw.path} holds no rows")
        _note_gaps(raw, column, name, values, decisions, warnings)
        over.append(np.isinf(values))
        with np.errstate(invalid="ignore"):  # a signalling NaN of a binary file
            values = np.where(over[-1], np.nan, values) * unit.si.scale + unit.si.offset
        columns.append(
            ImportedColumn(
                name=name,
                values=values,
                unit=unit.si.symbol,
                long_name=printable(column.heading),
                file_unit=unit.text,
                unit_from=unit.origin,
            )
        )
    if np.any(over):
        flags = np.where(np.any(over, axis=0), float(Flag.OVERFLOW), 0.0)
        columns.append(count_column("flags", flags, "overflow where a value is out of range"))
    columns = settle_branches(raw, columns, options, decisions, warnings)
    _note_negative(columns, warnings)
    return Imported(
        path=raw.path,
        stated={},
        format=format_name,
        files=files,
        columns=columns,
        metadata=raw.metadata,
        report=Report(
            found=raw.found,
            columns=[column.told() for column in columns],
            decisions=decisions,
            warnings=warnings,
        ),
    )


def _values(raw: RawTable, column: RawColumn, is_branch: bool) -> FloatArray:
    if isinstance(column.cells, np.ndarray):
        values = np.asarray(column.cells, dtype=np.float64)
        return np.where(np.abs(values) > LARGEST, np.copysign(np.inf, values), values)
    cells = branch_words(column.cells) if is_branch else column.cells
    heading = printable(column.heading)[:40]
    where = f"column {column.number} ({heading})"
    return numbers(cells, raw.decimal, lambda i: f"{raw.path}, {raw.place(i)}, {where}")


def _note_gaps(
    raw: RawTable,
    column: RawColumn,
    name: str,
    values: FloatArray,
    decisions: list[str],
    warnings: list[str],
) -> None:
    missing, over = int(np.isnan(values).sum()), np.flatnonzero(np.isinf(values))
    if missing == values.size:
        warnings.append(f"{name}: no value was measured, or its formulas were never computed")
    elif missing:
        decisions.append(
            f"{name}: {missing} of {values.size} values were not measured (empty or NaN)"
        )
    if over.size:
        texts = [f"{column.cells[i]} in {raw.place(int(i))}" for i in over[:_SHOWN]]
        more = ", …" if over.size > _SHOWN else ""
        warnings.append(
            f"{name}: {over.size} values out of range ({', '.join(texts)}{more}): NaN, with "
            "the flag overflow"
        )


def _note_negative(columns: list[ImportedColumn], warnings: list[str]) -> None:
    for column in columns:
        negative = int((column.values < 0).sum())
        if column.name == "conductance" and column.unit == "S" and negative:
            warnings.append(
                f"{negative} of {column.values.size} conductances are negative (an offset of "
                "the current, or a voltage of the other sign?); they are kept"
            )

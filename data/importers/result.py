"""What an importer reads, and what comes out once every unit and branch is settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class RawColumn:
    """One column as it stands in the file.

    Attributes
    ----------
    heading : str
        Its heading.
    cells : sequence of str, or ndarray, shape (n_rows,)
        Texts, or numbers in `unit`; NaN where nothing was measured, infinity where the
        instrument wrote that the value is out of range.
    unit : str or None
        Its unit; None if the file does not say.
    unit_from : str
        Where the unit comes from, for the report.
    by_convention : bool
        Whether the unit is the format's custom, which the user may overrule.
    name : str
        Its name in the run where the format settles it; else the heading does.
    number : int
        Which column of the file it is, from 1.
    """

    heading: str
    cells: Sequence[str] | FloatArray
    unit: str | None = None
    unit_from: str = ""
    by_convention: bool = False
    name: str = ""
    number: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class RawTable:
    """All that an importer reads from a file.

    Attributes
    ----------
    lines : sequence of int
        Line (or row of the sheet) of each row, for messages; empty for binary files.
    found : mapping
        What was found of the file's form: delimiter, decimal mark, sheet …
    decisions : list of str
        What was settled by a rule, for the report.
    warnings : list of str
        What the user should look at.
    metadata : mapping
        What the file says of how it was made.
    """

    path: Path
    columns: Sequence[RawColumn]
    lines: Sequence[int] = ()
    decimal: str = "."
    found: Mapping[str, Any] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def place(self, row: int) -> str:
        """Return where a row (from 0) stands in the file, for people."""
        return f"line {self.lines[row]}" if len(self.lines) else f"row {row + 1}"


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportedColumn:
    """One column in SI, and how it came to be.

    Attributes
    ----------
    values : ndarray, shape (n_rows,)
        In `unit`, an SI unit; NaN where nothing was measured.
    long_name : str
        Heading in the file.
    file_unit, unit_from : str
        Unit in the file, and who said so.
    """

    name: str
    values: FloatArray
    unit: str
    long_name: str
    file_unit: str
    unit_from: str

    def told(self) -> dict[str, str]:
        """Return what the report says of it."""
        return {
            "name": self.name,
            "heading": self.long_name,
            "file_unit": self.file_unit,
            "unit": self.unit,
            "unit_from": self.unit_from,
        }


def count_column(name: str, values: FloatArray, how: str) -> ImportedColumn:
    """Return a column that was not in the file but counted or decided, and how."""
    return ImportedColumn(
        name=name, values=values, unit="1", long_name=name, file_unit="1", unit_from=how
    )


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in a file and what was decided about it.

    Attributes
    ----------
    found : mapping
        Of the file's form.
    columns : list of mapping
        `name`, `heading`, `file_unit`, `unit`, `unit_from` of each.
    decisions, warnings : list of str
        In sentences.
    """

    found: Mapping[str, Any]
    columns: list[dict[str, str]]
    decisions: list[str]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "found": dict(self.found),
            "columns": self.columns,
            "decisions": self.decisions,
            "warnings": self.warnings,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported:
    """A file (or the files of a pair), read; `labsyn.data.importers.store` keeps it.

    Attributes
    ----------
    path : Path
        The first of the files.
    format : str
        Name of the format.
    stated : mapping
        What the user stated, as plain values.
    files : list of mapping
        `name` and `sha256` of each file.
    columns : list of ImportedColumn
        All of one length.
    metadata : mapping
        What the file says of how it was made.
    """

    path: Path
    format: str
    stated: Mapping[str, Any]
    files: list[dict[str, str]]
    columns: list[ImportedColumn]
    metadata: Mapping[str, Any]
    report: Report

    def __getitem__(self, name: str) -> FloatArray:
        return {column.name: column.values for column in self.columns}[name]

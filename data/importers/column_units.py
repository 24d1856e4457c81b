"""The unit of each column: said by the file, by its format, or by the user; never guessed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labsyn.data.errors import ImportFormatError, UnitError
from labsyn.data.importers.options import ColumnRule, ImportOptions
from labsyn.data.importers.result import RawColumn, RawTable
from labsyn.data.importers.selection import COUNTS, Chosen, printable
from labsyn.data.units import SiUnit, si_unit

_SHOWN = 5
_LOOKED_AT = 1000


@dataclass(frozen=True)
class ColumnUnit:
    """Unit of a column: in the file, who said so, and how it becomes SI."""

    text: str
    origin: str
    si: SiUnit


def column_units(
    raw: RawTable, options: ImportOptions, chosen: Sequence[Chosen]
) -> list[ColumnUnit]:
    """Return the unit of each chosen column.

    Raises
    ------
    ImportFormatError
        If one is not known, is no unit, contradicts the file, or suits no conductance.
    """
    units: list[ColumnUnit] = []
    unknown: list[str] = []
    asked: list[str] = []
    for name, column, rule in chosen:
        stated = rule.unit if rule else None
        if name == "conductance" and options.unit is not None:
            if stated is not None:
                raise ImportFormatError(
                    f"{raw.path}: the unit of the conductance is stated twice, {stated!r} and "
                    f"{options.unit!r}"
                )
            stated = options.unit
        found = _unit(raw, name, column, stated)
        if found is None and _is_text(column):
            raise ImportFormatError(
                f"{raw.path}: column {printable(column.heading)!r} (column {column.number}) "
                "holds texts, not numbers; leave it out: state the others with --column, and "
                "--only-stated"
            )
        if found is None:
            unknown.append(f"{printable(column.heading)!r} (column {column.number})")
            asked.append(_asked(name, column, rule))
        else:
            units.append(ColumnUnit(*found, _si(raw, name, found[0])))
    if unknown:
        more = " …" if len(unknown) > _SHOWN else ""
        raise ImportFormatError(
            f"{raw.path} does not state the unit of {', '.join(unknown[:_SHOWN])}{more}; say "
            f"it with {' '.join(asked[:_SHOWN])}{more} (UNIT: V, mA, uS, ohm …, or 1 for a "
            "plain number), or leave out every column that is not stated with --only-stated"
        )
    if options.unit and not any(name == "conductance" for name, _, _ in chosen):
        raise ImportFormatError(
            f"{raw.path} has no column 'conductance' that unit={options.unit!r} could be of; "
            "name it with --column conductance=HEADING"
        )
    return units


def _unit(
    raw: RawTable, name: str, column: RawColumn, stated: str | None
) -> tuple[str, str] | None:
    if stated is None:
        if column.unit is not None:
            return column.unit, column.unit_from
        return ("1", "it counts") if name in COUNTS else None
    if column.unit is not None and not column.by_convention and not _same(column.unit, stated):
        raise ImportFormatError(
            f"{raw.path} states the unit of {printable(column.heading)!r}, {column.unit!r}; "
            f"{stated!r} contradicts it"
        )
    return stated, "stated by the user"


def _is_text(column: RawColumn) -> bool:
    """Return whether none of the cells of a column holds a number, and some hold a text."""
    if isinstance(column.cells, np.ndarray):
        return False
    cells = [cell for cell in column.cells[:_LOOKED_AT] if cell.strip()]
    return bool(cells) and not any(re.search(r"\d", cell) for cell in cells)


def _asked(name: str, column: RawColumn, rule: ColumnRule | None) -> str:
    """Return the option that states the unit of a column."""
    if name == "conductance" and rule is None:
        return "--unit UNIT"
    heading = printable(column.heading)
    text = f"{heading}:UNIT" if rule is None else f"{rule.name}={rule.heading}:UNIT"
    return f"--column {text}" if re.fullmatch(r"[\w.=:]+", text) else f'--column "{text}"'


def _same(one: str, other: str) -> bool:
    """Return whether two texts mean one unit, such as uS and µS."""
    try:
        return one == other or si_unit(one) == si_unit(other)
    except UnitError:
        return False


def _si(raw: RawTable, name: str, text: str) -> SiUnit:
    try:
        unit = si_unit(text)
    except UnitError as error:
        raise ImportFormatError(f"{raw.path}, {name}: {error}") from error
    if name == "conductance" and unit.symbol not in ("S", "1"):
        raise ImportFormatError(
            f"{raw.path}: unit {text!r} is no conductance; use S, mS, uS, nS, or 1 for "
            "normalised weights"
        )
    return unit

"""Which columns of a file are taken, and what they are called in the run."""

import re
from collections.abc import Sequence

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.options import ColumnRule, ImportOptions
from labsyn.data.importers.result import RawColumn, RawTable

COUNTS = ("branch", "pulse", "cycle", "test", "sweep", "index", "point")
"""Columns that are counts by their name, and need no unit."""

_OURS = (*COUNTS, "conductance", "resistance", "pulse_voltage", "pulse_width", "read_voltage")
_MOST_TOLD = 40

Chosen = tuple[str, RawColumn, ColumnRule | None]


def choose_columns(raw: RawTable, options: ImportOptions, decisions: list[str]) -> list[Chosen]:
    """Return name, column and stated rule of each column that is taken.

    Raises
    ------
    ImportFormatError
        If a stated column does not exist, or two columns have one name.
    """
    rules = _rules(raw, options)
    chosen: list[Chosen] = []
    left: list[str] = []
    for i, column in enumerate(raw.columns):
        stated = rules.get(i)
        if stated is None and options.only_stated:
            left.append(column.heading)
            continue
        name = stated.name if stated else column.name or standard_name(column.heading)
        chosen.append((name, column, stated))
    if left:
        decisions.append(f"columns left out, as stated: {', '.join(map(printable, left))}")
    if not chosen:
        raise ImportFormatError(f"{raw.path}: no column is left; state one with --column")
    _check_names(raw, [name for name, _, _ in chosen])
    return chosen


def _rules(raw: RawTable, options: ImportOptions) -> dict[int, ColumnRule]:
    rules: dict[int, ColumnRule] = {}
    for rule in options.columns:
        matches = [i for i, column in enumerate(raw.columns) if _is(column, rule.heading)]
        if len(matches) != 1:
            headings = [repr(printable(column.heading)) for column in raw.columns]
            what = "no column" if not matches else f"{len(matches)} columns"
            raise ImportFormatError(
                f"{raw.path} has {what} {rule.heading!r}; it has "
                f"{', '.join(headings[:_MOST_TOLD])}; #2 is the second"
            )
        if matches[0] in rules:
            raise ImportFormatError(f"{raw.path}: column {rule.heading!r} is stated twice")
        rules[matches[0]] = rule
    return rules


def _is(column: RawColumn, heading: str) -> bool:
    return heading in (column.heading, printable(column.heading), f"#{column.number}")


def standard_name(heading: str) -> str:
    """Return what a heading is called here: our own name where it is one, else itself."""
    ours = re.sub(r"\W+", "_", heading.strip().lower())
    if ours in _OURS:
        return ours
    name = printable(heading).replace("/", "_").strip(". ")
    return "flags_in_file" if name == "flags" else name or "unnamed"


def printable(text: str) -> str:
    """Return a heading on one line: real ones hold newlines."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _check_names(raw: RawTable, names: Sequence[str]) -> None:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ImportFormatError(
            f"{raw.path}: two columns are called {twice[0]!r}; give one another name with "
            "--column NAME=#2, where #2 is the second column"
        )

"""Which rows potentiate and which depress: by a column or a stated rule, never by a guess."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labsyn.data.branches import Rows, stretches
from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import FloatArray, ImportedColumn, RawTable, count_column

BoolArray = NDArray[np.bool_]
Columns = dict[str, ImportedColumn]

_WORDS = {
    "1": ("potentiation", "potentiate", "ltp", "set", "p", "up", "increase"),
    "-1": ("depression", "depress", "ltd", "reset", "d", "down", "decrease"),
    "0": ("none", "read", "neither"),
}
_NUMBER_OF = {word: value for value, words in _WORDS.items() for word in words}
_SIGN = re.compile(r"sign:(-?)(.+)")
_MOST_PULSES = 10_000_000
_SHOWN = 3


def branch_words(cells: Sequence[str]) -> list[str]:
    """Return the cells of a branch column with numbers in place of words such as LTP."""
    return [_NUMBER_OF.get(cell.strip().lower(), cell) for cell in cells]


def settle_branches(
    raw: RawTable,
    columns: list[ImportedColumn],
    options: ImportOptions,
    decisions: list[str],
    warnings: list[str],
) -> list[ImportedColumn]:
    """Return the columns with `branch`, `pulse` and `cycle` where a rule or column gives them.

    Raises
    ------
    ImportFormatError
        If the rule contradicts the file or names no column, or a branch or pulse number
        is none.
    """
    found: Columns = {column.name: column for column in columns}
    applied = np.ones(columns[0].values.size, dtype=bool)  # rows that are a pulse
    if options.branch is not None:
        found["branch"], applied = _by_rule(raw, found, options.branch, decisions)
    elif "branch" not in found:
        if options.mirrored:
            raise ImportFormatError(
                f"{raw.path} has no branch that could be mirrored; state one with --branch"
            )
        return columns
    elif found["branch"].unit_from == "it counts":
        decisions.append("branch: by the column of the file, 1 is potentiation")
    _check_branch(raw, found["branch"].values)
    for name in ("pulse", "cycle"):
        if name in found:
            _check_whole(raw, name, found[name].values)
    if options.branch is None:
        applied = _join_reads(found, decisions)
    _count(found, applied, decisions)
    if options.mirrored:
        found = _unmirrored(found)
        decisions.append("depression was stored last pulse first, as stated: turned round")
    _note_pulses(found, warnings)
    _note_directions(found, warnings)
    return list(found.values())


def _by_rule(
    raw: RawTable, found: Columns, rule: str, decisions: list[str]
) -> tuple[ImportedColumn, BoolArray]:
    """Return the branch of each row, and which rows are a pulse."""
    if "branch" in found:
        raise ImportFormatError(
            f"{raw.path} states its branches in a column; leave out branch={rule!r}"
        )
    applied = np.ones(next(iter(found.values())).values.size, dtype=bool)
    sign = _SIGN.fullmatch(rule)
    if rule in ("potentiation", "depression"):
        values = np.full(applied.size, 1.0 if rule == "potentiation" else -1.0)
        text = f"all rows are {rule}, as stated"
    elif sign and sign[2] in found:
        signs = np.sign(np.nan_to_num(found[sign[2]].values)) * (-1.0 if sign[1] else 1.0)
        applied, values = signs != 0, _with_reads(signs)
        text = f"{'negative' if sign[1] else 'positive'} {sign[2]} potentiates, as stated"
        if reads := int((~applied & (values != 0)).sum()):
            text += f"; {reads} rows without a pulse keep the branch of the pulse before them"
    else:
        raise ImportFormatError(
            f"{raw.path}: branch {rule!r} is no rule; say potentiation, depression, or "
            f"sign:COLUMN with one of {', '.join(found)}"
        )
    decisions.append(f"branch: {text}")
    return count_column("branch", values, text), applied


def _with_reads(signs: FloatArray) -> FloatArray:
    """Return the signs where a row without one has that of the last row before it with one."""
    last = np.maximum.accumulate(np.where(signs != 0, np.arange(signs.size), -1))
    return np.where(last >= 0, signs[np.maximum(last, 0)], 0.0)


def _check_branch(raw: RawTable, branch: FloatArray) -> None:
    wrong = np.flatnonzero(~np.isin(branch, (-1, 0, 1)))
    if wrong.size:
        row = int(wrong[0])
        raise ImportFormatError(
            f"{raw.path}, {raw.place(row)}: branch is {branch[row]:g}; it is 1 for "
            "potentiation, -1 for depression, 0 for neither, or a word such as LTP"
        )


def _check_whole(raw: RawTable, name: str, values: FloatArray) -> None:
    with np.errstate(invalid="ignore"):
        good = (values >= 0) & (values <= _MOST_PULSES) & (values == np.round(values))
    wrong = np.flatnonzero(~good)
    if wrong.size:
        row = int(wrong[0])
        raise ImportFormatError(
            f"{raw.path}, {raw.place(row)}: {name} number {values[row]:g}; it is a whole "
            f"number from 0 to {_MOST_PULSES}"
        )


def _join_reads(found: Columns, decisions: list[str]) -> BoolArray:
    """Give reads between two pulses of a branch that branch; return which rows are a pulse.

    A read before a branch, which tells where it begins, is left as it is.
    """
    branch = found["branch"].values
    applied = branch != 0
    before = _with_reads(branch)
    joined = ~applied & (before != 0) & (before == _with_reads(branch[::-1])[::-1])
    for name in ("pulse", "cycle"):
        if name in found:  # which say that another branch begins with this read
            values = found[name].values
            last = np.maximum.accumulate(np.where(applied, np.arange(branch.size), 0))
            joined &= values >= values[last] if name == "pulse" else values == values[last]
    if joined.any():
        values = np.where(joined, before, branch)
        found["branch"] = replace(found["branch"], values=values)
        decisions.append(
            f"branch: {joined.sum()} rows of branch 0 between the pulses of a branch are reads "
            "of it"
        )
    return applied


def _count(found: Columns, applied: BoolArray, decisions: list[str]) -> None:
    """Count what the file does not: a cycle begins where its first branch begins again."""
    branch = found["branch"].values
    pulses = found["pulse"].values if "pulse" in found else None
    begins = np.ones(branch.size, dtype=bool)
    begins[1:] = branch[1:] != branch[:-1]
    if pulses is not None and np.unique(branch[branch != 0]).size == 1:
        begins[1:] |= pulses[1:] < pulses[:-1]  # one branch only: each ramp is a cycle
    begins &= branch != 0
    if "cycle" not in found:
        first = branch[np.argmax(branch != 0)]
        cycle = np.maximum(np.cumsum(begins & (branch == first)), 1).astype(float)
        found["cycle"] = count_column("cycle", cycle, "counted from the branches")
        decisions.append(f"cycle: counted from the branches, {cycle[-1]:g} in all")
    if pulses is None:
        # A cycle column may part a branch that the branches alone would not.
        begins[1:] |= np.diff(found["cycle"].values) != 0
        count = np.cumsum(applied & (branch != 0))
        before = np.maximum.accumulate(np.where(begins, count - 1, 0))
        pulse = np.where(branch != 0, count - before, 0).astype(float)
        found["pulse"] = count_column("pulse", pulse, "counted within each branch")
        decisions.append("pulse: counted within each branch, from 1")


def _unmirrored(found: Columns) -> Columns:
    """Turn each depression round; its pulse numbers rise afterwards, whatever they did."""
    order = np.arange(found["branch"].values.size)
    depressions = [rows for rows in _stretches(found) if found["branch"].values[rows[0]] == -1]
    for rows in depressions:
        order[rows] = rows[::-1]
    turned = {
        name: replace(column, values=column.values[order]) for name, column in found.items()
    }
    for rows in depressions:
        turned["pulse"].values[rows] = np.sort(turned["pulse"].values[rows])
    return turned


def _note_pulses(found: Columns, warnings: list[str]) -> None:
    pulse, branch, cycle = (found[name].values for name in ("pulse", "branch", "cycle"))
    places: list[str] = []
    for rows in _stretches(found):
        steps = np.diff(pulse[rows]) if branch[rows[0]] else np.zeros(0)
        places += [
            f"{pulse[rows[i]]:g} to {pulse[rows[i + 1]]:g} in cycle {cycle[rows[i]]:g}"
            for i in np.flatnonzero((steps != 1) & (steps != 0))
        ]
    if places:
        more = ", …" if len(places) > _SHOWN else ""
        warnings.append(
            f"pulse numbers are irregular in {len(places)} places: "
            f"{', '.join(places[:_SHOWN])}{more}; what lies between is not known"
        )


def _note_directions(found: Columns, warnings: list[str]) -> None:
    if "conductance" not in found:
        return
    value, branch = found["conductance"].values, found["branch"].values
    for sign, name, way in ((1, "potentiation", "falls"), (-1, "depression", "rises")):
        ramps = [value[rows] for rows in _stretches(found) if branch[rows[0]] == sign]
        ramps = [ramp[np.isfinite(ramp)] for ramp in ramps]
        wrong = sum(ramp.size > 1 and sign * (ramp[-1] - ramp[0]) < 0 for ramp in ramps)
        if wrong:
            hint = ", or is it stored mirrored (--mirrored)" if sign < 0 else ""
            warnings.append(
                f"{name} {way} overall in {wrong} of {len(ramps)} cycles: are the branches "
                f"exchanged{hint}?"
            )


def _stretches(found: Columns) -> list[Rows]:
    """Return the rows of each branch of each cycle, in order."""
    return stretches(found["cycle"].values, found["branch"].values)

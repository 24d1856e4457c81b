"""What fits are made of: the conductance after each pulse, cycle by cycle."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labsyn.data.branches import NAMES, Rows, branch_rows, look_at_pulses, read_steps
from labsyn.data.errors import ConfigError, DataFileError
from labsyn.data.flags import EXCLUDED
from labsyn.data.importers.options import ImportOptions
from labsyn.data.run import Run, is_run_file

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PulseCurves:
    """Measured branches of a device.

    Attributes
    ----------
    potentiation, depression : list of ndarray, shape (n_pulses + 1,)
        Conductance of each cycle: value k after k pulses, value 0 before the first.
        Where a file does not tell whether value 0 came before or after the first pulse,
        a note says so. Cycles need not be of one length; what is not known is NaN.
    unit : str
        "S", or "1" for normalised weights, which may be negative.
    source : str
        Names of the files.
    sha256 : str
        Checksum of the file; of several, the checksums in order, with a space between.
    notes : list of str
        What was left out or assumed, for the report.
    """

    potentiation: list[FloatArray]
    depression: list[FloatArray]
    unit: str
    source: str
    sha256: str = ""
    notes: list[str] = field(default_factory=list)


def load_curves(
    paths: Sequence[Path],
    unit: str | None = None,
    format: str | None = None,
    options: ImportOptions | None = None,
    condition: int | None = None,
) -> PulseCurves:
    """Return the curves of a run of labsyn, or of other people's files.

    Parameters
    ----------
    paths : sequence of Path
        One run (.h5 or .h5.part), or files that are imported: one, or several that are one
        measurement. They hold the conductance, and branches or what they follow from.
    unit : str, optional
        Unit of the conductance, where a file does not state it; a run does.
    format, options : str, ImportOptions, optional
        What else imported files do not say; see `Run.open`.
    condition : int, optional
        Which one, of a run that went through several.

    Raises
    ------
    DataFileError
        If a file is missing, is damaged, or needs something else than was stated.
    ConfigError
        If what was stated is none, or of no use for these files.
    """
    runs = [path for path in paths if is_run_file(path)]
    if format is not None or not runs:
        return _imported(paths, unit, format, options, condition)
    if len(paths) != 1:
        raise DataFileError(f"{runs[0]} is a run and is read alone, not with other files")
    stated = options or ImportOptions()
    if unit is None and stated.stated == {"unit"}:
        unit, stated = stated.unit, ImportOptions()
    if stated.stated:
        raise ConfigError(
            f"{runs[0]} is a run, which needs nothing stated: leave out "
            f"{', '.join(sorted(stated.stated))}"
        )
    curves = curves_from_run(Run.open(runs[0]), condition)
    if unit is not None and unit != curves.unit:
        raise DataFileError(
            f"{runs[0]} states its unit, {curves.unit!r}; leave out unit={unit!r}"
        )
    return curves


def _imported(
    paths: Sequence[Path],
    unit: str | None,
    format: str | None,
    options: ImportOptions | None,
    condition: int | None,
) -> PulseCurves:
    from labsyn.data.importers.reading import import_files, with_unit  # only for these

    imported = import_files(paths, format, with_unit(options, unit))
    run = Run.from_import(imported)
    if not {"branch", "conductance"} <= run.columns.keys():
        raise DataFileError(
            f"{run.path} is fitted once it has conductance and branch; it has "
            f"{', '.join(run.columns)}: say which is which with --column "
            "conductance=HEADING:UNIT, and --branch"
        )
    curves = curves_from_run(run, condition)
    return replace(
        curves,
        source=", ".join(map(str, paths)),
        sha256=" ".join(file["sha256"] for file in imported.files),
        notes=[*imported.report.decisions, *imported.report.warnings, *curves.notes],
    )


def curves_from_run(run: Run, condition: int | None = None) -> PulseCurves:
    """Return the branches of a pulse train; flagged rows are left out and counted.

    Each branch begins with the conductance that the one before it (or the last read of
    branch 0) left behind, so that value k is the conductance after k pulses. A pulse whose
    row is left out keeps its place: its value is NaN. Where a run was read after every n
    pulses, one step of its curves is n pulses, and a note says so; another says where the
    pulses of a branch were not identical.

    Parameters
    ----------
    run : Run
        A pulse train.
    condition : int, optional
        Which one, of a run that went through several.

    Raises
    ------
    DataFileError
        If the run is no pulse train: a column is missing, or `branch` is not 0, 1 or -1. If
        its branches of one kind are no repeats of each other, for they had other pulses. If
        it has several conditions and none, or one that it has not, is asked for.
    """
    needed = ("cycle", "branch", "pulse", "conductance")
    missing = [name for name in needed if name not in run.columns]
    if missing:
        raise DataFileError(
            f"{run.path} is no pulse train: it has no column {missing[0]!r}; "
            f"it has {', '.join(run.columns)}"
        )
    branch = run["branch"]
    wrong = ~np.isin(branch, (-1, 0, 1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataFileError(
            f"{run.path}: branch is {branch[row]:g} in row {row}; it is 1 for potentiation, "
            "-1 for depression, 0 for neither"
        )
    notes: list[str] = []
    usable = _usable_rows(run, notes)
    stretches = branch_rows(run, condition)
    for kind in NAMES:
        same = [rows for rows in stretches if run["branch"][rows[0]] == kind]
        look_at_pulses(run, same, kind, notes)
    branches = _branches(run, usable, stretches, notes)
    if run.status != "finished":
        notes.append(f"the run is {run.status}: its last branch may be short")
    return PulseCurves(
        potentiation=branches[1],
        depression=branches[-1],
        unit=run.units["conductance"] or "1",
        source=str(run.path),
        sha256=run.sha256(),
        notes=notes,
    )


def _usable_rows(run: Run, notes: list[str]) -> NDArray[np.bool_]:
    """Return which rows count, and note how many do not and why."""
    unflagged = run.mask()
    finite = np.isfinite(run["conductance"])
    flagged = int((~unflagged).sum())
    if flagged:
        flags = run["flags"][~unflagged]
        set_bits = [str(flag.name).lower() for flag in EXCLUDED if (flags & flag.value).any()]
        notes.append(f"{flagged} of {run.n_rows} rows left out: {', '.join(set_bits)}")
    unread = int((unflagged & ~finite).sum())
    if unread:
        notes.append(f"{unread} of {run.n_rows} rows left out: the conductance is no number")
    return unflagged & finite


def _branches(
    run: Run, usable: NDArray[np.bool_], stretches: list[Rows], notes: list[str]
) -> dict[int, list[FloatArray]]:
    curves: dict[int, list[FloatArray]] = {1: [], -1: []}
    value = np.where(usable, run["conductance"], np.nan)
    step = read_steps(run, notes)
    start: float | None = None  # what the row before the branch left behind
    for rows in stretches:
        kind = int(run["branch"][rows[0]])
        if kind:
            read = rows[step[rows] > 0]
            curve = np.full(int(step[rows].max(initial=0)) + 1, np.nan)
            curve[step[read]] = value[read]
            if start is None:
                curve = curve[1:]
                notes.append(
                    f"{NAMES[kind]} of cycle {run['cycle'][rows[0]]:g} has no read before its "
                    "first pulse: its first value is the one after that"
                )
            else:
                curve[0] = start
            curves[kind].append(curve)
        start = float(value[rows[-1]])
    return curves

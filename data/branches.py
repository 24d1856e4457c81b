"""How the rows of a pulse train hang together: branches, conditions, reads, repeats."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import DataFileError

if TYPE_CHECKING:
    from labsyn.data.run import Run

Rows = NDArray[np.int64]

NAMES = {1: "potentiation", -1: "depression"}
_SAME = 1e-2  # of the largest: pulses that differ by less are the same, as measured ones are


def stretches(*columns: NDArray[Any]) -> list[Rows]:
    """Return the rows of each stretch in which no column changes, in order."""
    key = np.stack(columns)
    changes = np.flatnonzero(np.any(key[:, 1:] != key[:, :-1], axis=0)) + 1
    return [rows for rows in np.split(np.arange(key.shape[1]), changes) if rows.size]


def branch_rows(run: "Run", condition: int | None = None) -> list[Rows]:
    """Return the rows of each branch of each cycle, in order.

    Of a run that went through several conditions, those of one.

    Raises
    ------
    DataFileError
        If one of several conditions has to be asked for, or is asked for and not there.
    """
    by = [name for name in ("condition", "cycle", "branch") if name in run.columns]
    found = stretches(*(run[name] for name in by))
    if "condition" not in run.columns:
        if condition is not None:
            raise DataFileError(f"{run.path} has no conditions; {condition} is asked for")
        return found
    number = run["condition"]
    known = np.unique(number).astype(int).tolist()
    if condition is None and len(known) > 1:
        raise DataFileError(
            f"{run.path} went through {len(known)} conditions, which are no repeats of each "
            f"other: ask for one with condition={known[0]}, --condition {known[0]}"
        )
    if condition is not None and condition not in known:
        raise DataFileError(
            f"{run.path} has no condition {condition}; it has {', '.join(map(str, known))}"
        )
    return [rows for rows in found if condition is None or number[rows[0]] == condition]


def read_steps(run: "Run", notes: list[str]) -> NDArray[np.int64]:
    """Return how often the device had been read in its branch, at each row.

    That is the number of the pulse, unless `read_every` of the run says that several went
    by from read to read. A row in between, where a run was stopped, has a step of -1.
    """
    pulse = run["pulse"].astype(np.int64)
    step = run.parameters.get("read_every", 1)
    if not isinstance(step, int) or step < 2:
        return pulse
    notes.append(
        f"the conductance was read after every {step} pulses: one step of these curves is "
        f"{step} pulses"
    )
    return np.where(pulse % step == 0, pulse // step, -1)


def look_at_pulses(run: "Run", branches: Sequence[Rows], kind: int, notes: list[str]) -> None:
    """Refuse branches of one kind that are no repeats, and note where pulses differ in one.

    Raises
    ------
    DataFileError
        If a pulse differs from the one with its number in another cycle.
    """
    for name, unit in (("pulse_voltage", "V"), ("pulse_width", "s")):
        if name not in run.columns or not branches:
            continue
        values, pulse = run[name], run["pulse"].astype(np.int64)
        first = np.full(max(int(pulse[rows].max()) for rows in branches) + 1, np.nan)
        for rows in branches:
            here = first[pulse[rows]]
            other = np.abs(values[rows] - here) > _SAME * np.abs(here)
            if other.any():
                row = int(rows[other.argmax()])
                raise DataFileError(
                    f"{run.path}: {name} of pulse {pulse[row]} is {values[row]:g} {unit} in "
                    f"{NAMES[kind]} of cycle {run['cycle'][row]:g} and "
                    f"{first[pulse[row]]:g} {unit} before: its branches are no repeats of "
                    "each other, and cannot be fitted together"
                )
            first[pulse[rows]] = np.where(np.isnan(here), values[rows], here)
        low, high = np.nanmin(first), np.nanmax(first)
        if high - low > _SAME * max(abs(low), abs(high)):
            known = first[np.isfinite(first)]
            notes.append(
                f"the pulses of {NAMES[kind]} are not identical ({name} from {known[0]:g} to "
                f"{known[-1]:g} {unit}): what is fitted describes this train, not the device"
            )

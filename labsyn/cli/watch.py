"""``labsyn watch``: look at a run from any terminal while it is measured."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli.catalogue import RUNS
from labsyn.cli.console import Json, leave_as, print_json, tell
from labsyn.cli.labels import find_run

if TYPE_CHECKING:
    from labsyn.data.run import Run


def watch(
    run: Annotated[
        Path | None,
        typer.Argument(help="A run, by file or name; by default the newest that goes on."),
    ] = None,
    every_row: Annotated[
        bool, typer.Option("--all", help="Print every row, not only the last at each look.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.01, metavar="SECONDS", help="Time between two looks.")
    ] = 0.5,
    as_json: Json = False,
) -> None:
    """Watch a run while it goes on: labsyn watch, from any terminal; Ctrl-C leaves it running.

    The exit code is that of the run: 0 finished, 130 aborted, 1 failed or interrupted.
    """
    from labsyn.data.run import Run

    path = find_run(run) if run is not None else _newest(RUNS)
    head = Run.open(path)
    if not as_json:
        tell(f"{head.path}: {head.status}, {head.procedure}, since {head.start_time}")
    for number, row in _rows(path, interval, every_row=every_row):
        if as_json:
            print_json({"row": number, **row}, indent=None)
        else:
            tell(f"{number:8d}  {_line(row, head)}")
        sys.stdout.flush()  # whoever reads a pipe watches as well
    ended = Run.open(path)
    if as_json:
        print_json(
            {"status": ended.status, "rows": ended.n_rows, "reason": ended.reason}, indent=None
        )
    else:
        tell(f"{ended.path}: {ended.status}, {ended.n_rows} rows{_reason(ended)}")
    leave_as(ended)


def _newest(folder: Path) -> Path:
    """Return the run in `folder` that is measured now; the last started if there are more."""
    from labsyn.data.catalogue import Catalogue
    from labsyn.data.errors import DataFileError

    going_on = [entry for entry in Catalogue(folder).entries if entry.status == "running"]
    if not going_on:
        raise DataFileError(
            f"no run goes on in {folder}; name one, 'labsyn list' shows what there is"
        )
    return folder / max(going_on, key=lambda entry: entry.started).file


def _rows(
    path: Path, interval: float, *, every_row: bool
) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield number (from 1) and values of the rows to be shown, as they come."""
    from labsyn.data.run import Run

    seen = 0
    for columns in Run.follow(path, interval=interval):
        n_rows = len(next(iter(columns.values())))
        for i in range(0 if every_row else n_rows - 1, n_rows):
            yield seen + i + 1, {name: values[i].item() for name, values in columns.items()}
        seen += n_rows


def _line(row: dict[str, float], run: "Run") -> str:
    from labsyn.data.units import format_quantity

    parts = []
    for name, value in row.items():
        unit = run.units[name]
        plain = f"{value:g}" if unit in ("", "1") else format_quantity(value, unit)
        parts.append(f"{name} {plain}")
    return "  ".join(parts)


def _reason(run: Any) -> str:
    return f" ({run.reason})" if run.reason else ""

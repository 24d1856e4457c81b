"""``labsyn info`` and ``labsyn recover``: look at run files, and bring lost ones back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli.console import print_json, print_table

if TYPE_CHECKING:
    from labsyn.data.run import Run

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def info(
    paths: Annotated[list[Path], typer.Argument(help="Run files (.h5 or .h5.part).")],
    as_json: Json = False,
) -> None:
    """Show what run files hold: how they were made, and what was wrong with which rows."""
    from labsyn.data.run import Run

    runs = [Run.open(path) for path in paths]
    if as_json:
        print_json([summary(run) for run in runs])
        return
    for run in runs:
        _show(run)


def summary(run: "Run") -> dict[str, Any]:
    """Return what is said of a run, for a table or for JSON."""
    return {
        "file": str(run.path),
        "status": run.status,
        "reason": run.reason,
        "procedure": run.procedure,
        "started": run.start_time,
        "ended": run.end_time,
        "rows": run.n_rows,
        "flagged rows": int(run.n_rows - run.mask().sum()),
        "torn bytes": run.torn_bytes,
        "simulated": bool(run.metadata.get("simulated", False)),
        "uuid": run.uuid,
        "parameters": dict(run.parameters),
        "units": dict(run.units),
    }


def _show(run: "Run") -> None:
    plain = [[k, str(v)] for k, v in summary(run).items() if not isinstance(v, dict)]
    print_table(str(run.path), ["what", "value"], plain)
    units = run.parameter_units
    rows = [[name, f"{value} {units.get(name, '')}"] for name, value in run.parameters.items()]
    print_table("parameters", ["name", "value"], rows)
    columns = [
        [name, run.units[name], str(values.size)] for name, values in run.columns.items()
    ]
    print_table("columns", ["name", "unit", "rows"], columns)


def recover(
    path: Annotated[Path, typer.Argument(help="A .part file, or a folder of runs.")],
    as_json: Json = False,
) -> None:
    """Finish the files of runs that were killed; every acknowledged row is kept."""
    from labsyn.data.recovery import recover as recover_all

    recovered = recover_all(path)
    if as_json:
        print_json([item.to_dict() for item in recovered])
    elif not recovered:
        typer.echo(f"nothing to recover in {path}")
    else:
        rows = [
            [str(r.path), r.status, str(r.n_rows), str(r.torn_bytes), r.error]
            for r in recovered
        ]
        heads = ["file", "status", "rows", "torn bytes", "problem"]
        print_table("recovered", heads, rows)
    if any(item.error for item in recovered):
        raise typer.Exit(1)

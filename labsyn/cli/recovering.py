"""``labsyn recover``: bring back the runs of a program that was killed."""

from pathlib import Path
from typing import Annotated

import typer

from labsyn.cli.console import Json, print_json, print_table


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

"""``labsyn run``: a procedure on a bench, real or simulated."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labsyn.cli.console import FAILED, INTERRUPTED, Json, one_step, print_json, print_table

if TYPE_CHECKING:
    from labsyn.drivers.bench import Bench
    from labsyn.procedures.base import BenchProcedure


def run(
    procedure: Annotated[
        str, typer.Argument(help="Name of the procedure, for example pulse_train.")
    ] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE, for example pulse_width=5ms.")
    ] = None,
    bench: Annotated[Path | None, typer.Option(help="A bench file (TOML).")] = None,
    device: Annotated[
        str, typer.Option(help="Simulate this device instead of a bench file.")
    ] = "",
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the simulated device (default 0).")
    ] = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of what is measured, for the file.")
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the runs.")] = Path(
        "runs"
    ),
    note: Annotated[str, typer.Option(help="Anything else about this run, for the file.")] = "",
    durable: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Rows that a power cut may take; 0 forces each to the disk.",
        ),
    ] = 1.0,
    list_all: Annotated[
        bool, typer.Option("--list", help="List procedures and their parameters.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Play it on the simulated twin; touch nothing real."),
    ] = False,
    wire_log: Annotated[
        Path | None, typer.Option(help="Append every message on the wire to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a procedure and store the run: labsyn run pulse_train --device lixcoo2."""
    from labsyn.data.errors import ConfigError
    from labsyn.drivers.bench import Bench
    from labsyn.procedures.catalogue import describe_parameters, find_procedure, procedures
    from labsyn.procedures.runner import measure

    if list_all or not procedure:
        for name, kind in procedures().items():
            heads = ["parameter", "default", "allowed", "meaning"]
            print_table(name, heads, describe_parameters(kind))
        if not list_all:
            raise ConfigError(
                "which procedure? for example: labsyn run pulse_train --device lixcoo2"
            )
        return
    if (bench is None) == (not device):
        raise ConfigError("give either --bench FILE or --device NAME (a simulated bench)")
    if bench is not None and seed is not None:
        raise ConfigError("--seed goes with --device; a bench file has its own seed")
    chosen = find_procedure(procedure)(**_assignments(settings or [], "--set"))
    if dry_run and wire_log is not None:
        raise ConfigError("--wire-log goes with a run; --dry-run sends nothing")
    if dry_run:
        twin = Bench.open_twin(bench, roles=chosen.ROLES) if bench else None
        _dry_run(chosen, twin or Bench.simulated(device, seed=seed or 0), as_json)
        return
    opened = (
        Bench.open(bench, roles=chosen.ROLES, wire_log=wire_log)
        if bench
        else Bench.simulated(device, seed=seed or 0, wire_log=wire_log)
    )
    where = f"a simulated {device}" if device else bench
    with opened, one_step(f"{procedure} on {where}") as update:
        stored = measure(
            chosen,
            opened,
            out,
            sample=_assignments(sample or [], "--sample"),
            note=note,
            durable=durable,
            on_progress=lambda percent: update(percent, 100),
        )
    flagged = int(stored.n_rows - stored.mask().sum())
    if as_json:
        print_json(
            {
                "path": str(stored.path),
                "status": stored.status,
                "rows": stored.n_rows,
                "flagged_rows": flagged,
            }
        )
    else:
        typer.echo(f"{stored.path}: {stored.status}, {stored.n_rows} rows, {flagged} flagged")
    if stored.status != "finished":
        raise typer.Exit(INTERRUPTED if stored.status == "aborted" else FAILED)


def _dry_run(procedure: "BenchProcedure", twin: "Bench", as_json: bool) -> None:
    from labsyn.procedures.dry_run import dry_run

    with twin, one_step(f"{procedure.name()} on the simulated twin"):
        done = dry_run(procedure, twin)
    if as_json:
        print_json(done.to_dict())
        return
    heads = ["of the whole run", "on the twin", "limit", "share"]
    print_table(f"{procedure.name()} on a simulated {done.device}", heads, done.rows())


def _assignments(settings: list[str], option: str) -> dict[str, str]:
    from labsyn.data.errors import ConfigError

    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name or not value:
            raise ConfigError(f"{option} {setting!r} is not NAME=VALUE")
        values[name.strip()] = value.strip()
    return values

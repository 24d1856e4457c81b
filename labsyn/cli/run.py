"""``labsyn run``: a procedure on a bench, real or simulated; or many, one after the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labsyn.cli import run_list, run_sequence
from labsyn.cli.console import (
    Json,
    in_words,
    leave_as,
    one_step,
    print_json,
    print_table,
    tell_warnings,
)

if TYPE_CHECKING:
    from labsyn.drivers.bench import Bench
    from labsyn.procedures.base import BenchProcedure


def run(
    context: typer.Context,
    procedure: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A procedure (pulse_train), a file of one (my_procedure.py), or a sequence "
            "(queue.toml).",
        ),
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
    die: Annotated[str, typer.Option(help="Measure this die of the bench file.")] = "",
    over: Annotated[
        Path | None, typer.Option(help="A CSV file of dies: measure each, with a run each.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Go on with a sequence that was interrupted."),
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
        bool, typer.Option("--list", help="List all procedures; with NAME as --help.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Play it on the simulated twin; touch nothing real."),
    ] = False,
    wire_log: Annotated[
        Path | None, typer.Option(help="Append every message on the wire to this file.")
    ] = None,
    as_json: Json = False,
    wants_help: Annotated[
        bool, typer.Option("--help", "-h", help="Show this; with NAME its parameters.")
    ] = False,
) -> None:
    """Run a procedure and store the run: labsyn run pulse_train --device lixcoo2."""
    if wants_help and not procedure:
        typer.echo(context.get_help())
        return
    if wants_help or list_all or not procedure:
        _show(procedure, list_all or wants_help, as_json)
        return
    from labsyn.data.errors import ConfigError

    many = procedure.endswith(".toml") or over is not None
    if (bench is None) == (not device):
        raise ConfigError("give either --bench FILE or --device NAME (a simulated bench)")
    if bench is not None and seed is not None:
        raise ConfigError("--seed goes with --device; a bench file has its own seed")
    if dry_run and wire_log is not None:
        raise ConfigError("--wire-log goes with a run; --dry-run sends nothing")
    if resume is not None and (dry_run or not many):
        raise ConfigError("--resume goes with --over or a sequence, and without --dry-run")
    if over is not None and die:
        raise ConfigError("--die names one die, --over many; give one of them")
    where = _Where(bench, device, seed or 0, die, wire_log)
    values = _assignments(settings or [], "--set")
    said = _assignments(sample or [], "--sample")
    if not many:
        _run_one(procedure, values, where, dry_run, as_json, out, said, note, durable)
        return
    from labsyn.procedures.queue import Queue

    sequence = run_sequence.sequence_of(procedure, values, over, note)
    runs = sequence.expand()
    if die and all(planned.die for planned in runs):
        raise ConfigError(f"--die names one die, and {procedure} says over which; leave it out")
    roles = [role for planned in runs for role in planned.procedure.ROLES]
    if dry_run:
        with where.twin(roles) as twin:
            run_sequence.rehearse(runs, twin, as_json=as_json)
        return
    with where.opened(roles) as opened:
        queue = Queue(
            sequence.name, runs, opened, out, resume=resume, sample=said, durable=durable
        )
        run_sequence.measure(queue, as_json=as_json)


@dataclass(frozen=True)
class _Where:
    """The bench that was asked for: of a file, or simulated for a device."""

    file: Path | None
    device: str
    seed: int
    die: str
    wire_log: Path | None

    def opened(self, roles: Iterable[str]) -> "Bench":
        from labsyn.drivers.bench import Bench

        bench = (
            Bench.open(self.file, roles=roles, wire_log=self.wire_log)
            if self.file
            else Bench.simulated(self.device, seed=self.seed, wire_log=self.wire_log)
        )
        return self._selected(bench)

    def twin(self, roles: Iterable[str]) -> "Bench":
        from labsyn.drivers.bench import Bench

        if self.file is None:
            return self.opened(roles)
        return self._selected(Bench.open_twin(self.file, roles=roles))

    def _selected(self, bench: "Bench") -> "Bench":
        try:
            if self.die:
                bench.select(self.die)
        except BaseException:
            bench.close()
            raise
        return bench

    def __str__(self) -> str:
        place = f"a simulated {self.device}" if self.file is None else str(self.file)
        return f"{place}, die {self.die}" if self.die else place


def _show(procedure: str, wanted: bool, as_json: bool) -> None:
    """List all procedures, or describe one."""
    from labsyn.data.errors import ConfigError
    from labsyn.procedures.catalogue import find_procedure

    if procedure.endswith(".toml"):
        raise ConfigError(f"{procedure} is a sequence; --dry-run, with a bench, shows its runs")
    if procedure:
        run_list.describe(find_procedure(procedure), as_json=as_json)
        return
    run_list.list_procedures(as_json=as_json)
    if not wanted:
        raise ConfigError(
            "which procedure? for example: labsyn run pulse_train --device lixcoo2"
        )


def _run_one(
    name: str,
    values: dict[str, str],
    where: _Where,
    dry_run: bool,
    as_json: bool,
    out: Path,
    sample: dict[str, str],
    note: str,
    durable: float,
) -> None:
    from labsyn.procedures.catalogue import find_procedure
    from labsyn.procedures.runner import measure

    chosen = find_procedure(name)(**values)
    if dry_run:
        with where.twin(chosen.ROLES) as twin:
            _dry_run(chosen, twin, as_json)
        return
    with where.opened(chosen.ROLES) as opened:
        opened.require(chosen.ROLES)
        chosen.check(opened)
        clock = "simulated time" if opened.is_simulated else "the bench"
        took = f"{in_words(chosen.duration(opened))} of {clock}"
        with one_step(f"{chosen.name()} on {where}, {took}") as update:
            stored = measure(
                chosen, opened, out, sample=sample, note=note, durable=durable,
                on_progress=lambda percent: update(percent, 100),
            )  # fmt: skip
    if as_json:
        print_json(
            {
                "path": str(stored.path),
                "status": stored.status,
                "rows": stored.n_rows,
                "flagged_rows": stored.n_flagged,
            }
        )
    else:
        tell_warnings(stored)
        rows = f"{stored.n_rows} rows, {stored.n_flagged} flagged"
        typer.echo(f"{stored.path}: {stored.status}, {rows}")
    leave_as(stored)


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
        if name.strip() in values:
            raise ConfigError(f"{option} {name.strip()} is given twice, say one of them")
        values[name.strip()] = value.strip()
    return values

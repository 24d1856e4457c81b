"""``labsyn run`` of many runs: over dies, or through the steps of a TOML file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from labsyn.cli.console import (
    FAILED,
    INTERRUPTED,
    in_words,
    one_step,
    print_json,
    print_table,
    say,
)

if TYPE_CHECKING:
    from labsyn.drivers.bench import Bench
    from labsyn.procedures.outcome import Outcome
    from labsyn.procedures.queue import Queue
    from labsyn.procedures.sequence import PlannedRun, Sequence


def sequence_of(
    what: str, settings: dict[str, str], over: Path | None, note: str
) -> "Sequence":
    """Return the sequence in a TOML file, or that of one procedure over dies."""
    from dataclasses import replace

    from labsyn.data.errors import ConfigError
    from labsyn.procedures.catalogue import find_procedure
    from labsyn.procedures.sequence import Sequence
    from labsyn.procedures.sequence_file import load_dies, load_sequence
    from labsyn.procedures.steps import Step

    dies = load_dies(over) if over is not None else ()
    if not what.endswith(".toml"):
        kind = find_procedure(what)
        name = f"{kind.name()}-{over.stem}" if over is not None else kind.name()
        return Sequence(
            name=name, steps=[Step(procedure=kind, set=settings, over=dies, note=note)]
        )
    if settings or note:
        raise ConfigError(f"--set and --note go with a procedure; write both into {what}")
    sequence = load_sequence(Path(what))
    if not dies:
        return sequence
    if sequence.over:
        raise ConfigError(f"{what} says over which dies; --over cannot say it as well")
    return replace(sequence, over=dies)


def measure(queue: "Queue", *, as_json: bool) -> None:
    """Measure a queue, and print what became of each run, whatever happens."""
    from labsyn.procedures.outcome import HEADS

    total = len(queue.runs)
    clock = "simulated time" if queue.bench.is_simulated else "the bench"
    heading = f"{total} runs of {queue.name}, {in_words(queue.duration)} of {clock}"

    def tell(outcome: "Outcome") -> None:
        run, left = outcome.planned, in_words(queue.seconds_left)
        before = " (measured before)" if outcome.earlier else ""
        error = f": {outcome.error}" if outcome.error else ""
        sys.stderr.write(
            f"{run.number}/{total} {run.name} {outcome.status}{before}{error}; {left} left\n"
        )

    try:
        with one_step(heading) as update:
            queue.run(lambda percent: update(percent, 100), tell)
    finally:
        _print(queue, HEADS, as_json=as_json)
    summary = queue.summary()
    if summary.is_interrupted:
        raise typer.Exit(INTERRUPTED)
    if summary.n_finished < total:
        raise typer.Exit(FAILED)


def _print(queue: "Queue", heads: list[str], *, as_json: bool) -> None:
    """Print what became of the runs so far, and how to go on if some are left."""
    from labsyn.procedures.resume import SUMMARY

    summary = queue.summary()
    if as_json:
        plain = [outcome.to_dict() for outcome in summary.outcomes]
        print_json({"folder": str(summary.folder), "left": summary.n_left, "runs": plain})
    elif summary.outcomes:
        print_table(str(summary.folder), heads, summary.rows())
        typer.echo(
            f"{summary.folder / SUMMARY}: {summary.n_finished} of {summary.n_planned} runs "
            "finished"
        )
    for notice in queue.notices:
        say(notice)
    if summary.n_left:
        left = f"{summary.n_left} of {summary.n_planned} runs are left"
        say(f"{left}; go on with: {_resume(queue)}")


def _resume(queue: "Queue") -> str:
    """Return the command that was typed, with the folder to go on with."""
    import shlex
    import subprocess

    words = [word for word in sys.argv[1:] if not word.startswith("--resume=")]
    if "--resume" in words:
        i = words.index("--resume")
        del words[i : i + 2]
    words = ["labsyn", *words, "--resume", str(queue.folder)]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def rehearse(runs: "list[PlannedRun]", twin: "Bench", *, as_json: bool) -> None:
    """Play all runs on the twin, and print what each does."""
    from labsyn.procedures.rehearsal import HEADS, rehearse

    with one_step(f"{len(runs)} runs on the simulated twin") as update:
        done = rehearse(runs, twin, lambda percent: update(percent, 100))
    if as_json:
        print_json([each.to_dict() for each in done])
    else:
        print_table("on the simulated twin", HEADS, [each.row() for each in done])
        seconds = sum(each.done.duration for each in done if each.done is not None)
        waits = sum(each.planned.wait for each in done)
        typer.echo(f"{len(done)} runs, {in_words(seconds + waits)} on the bench")
    if any(each.error for each in done):
        raise typer.Exit(FAILED)

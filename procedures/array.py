"""One procedure over many devices, and sequences: what a program calls."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from labsyn.drivers.bench import Bench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.outcome import Outcome, Summary
from labsyn.procedures.queue import Queue
from labsyn.procedures.runner import Progress
from labsyn.procedures.sequence import Sequence
from labsyn.procedures.sequence_file import load_dies, load_sequence
from labsyn.procedures.steps import Die, Step


def measure_over(
    procedure: BenchProcedure,
    bench: Bench,
    over: Path | str | Iterable[Die | str],
    folder: Path | str = "runs",
    *,
    resume: Path | str | None = None,
    sample: Mapping[str, Any] | None = None,
    durable: float = 1.0,
    on_progress: Progress | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Summary:
    """Run `procedure` on one die after the other, and return what became of each.

    Parameters
    ----------
    procedure : BenchProcedure
        What to do; a die may have parameters of its own.
    bench : Bench
        With a section ``[dies.NAME]`` for each die.
    over : path, or iterable of Die or str
        A CSV file (see `load_dies`), or the dies themselves.
    folder, resume, sample, durable
        As of `Queue`.
    on_progress, on_outcome : callable, optional
        As of `Queue.run`.

    Raises
    ------
    ConfigError, LimitError, RoleError
        If one of the runs is refused; nothing is sent then.
    LabsynError
        What concerns the bench and not a device: see `Queue.run`.
    """
    if isinstance(over, Path | str):
        dies, name = load_dies(over), f"{procedure.name()}-{Path(over).stem}"
    else:
        dies = tuple(Die(die) if isinstance(die, str) else die for die in over)
        name = procedure.name()
    given = {n: v for n, v in procedure.parameter_values().items() if v is not None}
    step = Step(procedure=type(procedure), set=given, over=dies)
    return measure_sequence(
        Sequence(name=name, steps=[step]), bench, folder, resume=resume, sample=sample,
        durable=durable, on_progress=on_progress, on_outcome=on_outcome,
    )  # fmt: skip


def measure_sequence(
    sequence: Sequence | Path | str,
    bench: Bench,
    folder: Path | str = "runs",
    *,
    resume: Path | str | None = None,
    sample: Mapping[str, Any] | None = None,
    durable: float = 1.0,
    on_progress: Progress | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Summary:
    """Measure all runs of a sequence, or of the TOML file of one; as `measure_over`."""
    if isinstance(sequence, Path | str):
        sequence = load_sequence(sequence)
    queue = Queue(
        sequence.name, sequence.expand(), bench, folder,
        resume=resume, sample=sample, durable=durable,
    )  # fmt: skip
    return queue.run(on_progress, on_outcome)

"""What is to be measured, one run after the other: steps, loops, repetitions, dies.

>>> from labsyn.procedures.pulse_train import PulseTrain
>>> from labsyn.procedures.steps import Die, Step
>>> widths = Step(procedure=PulseTrain, loop={"pulse_width": ["1 ms", "10 ms"]}, repeat=2)
>>> for run in Sequence(name="widths", steps=[widths], over=[Die("A1"), Die("A2")]).expand():
...     print(run.name, run.text, run.procedure.pulse_width)
001-A1-pulse_train pulse_width=1 ms 0.001
002-A1-pulse_train pulse_width=1 ms 0.001
003-A1-pulse_train pulse_width=10 ms 0.01
004-A1-pulse_train pulse_width=10 ms 0.01
005-A2-pulse_train pulse_width=1 ms 0.001
006-A2-pulse_train pulse_width=1 ms 0.001
007-A2-pulse_train pulse_width=10 ms 0.01
008-A2-pulse_train pulse_width=10 ms 0.01
"""

import re
from collections import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.steps import Die, Step

MOST_RUNS = 10_000
"""A sequence of more is refused: it is a mistake more often than it is a plan."""

_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run that is to be measured.

    Attributes
    ----------
    number : int
        Place in the sequence, from 1.
    procedure : BenchProcedure
        With all its parameters.
    die : str
        On which die; empty for a bench that has none.
    varied : mapping of str to object
        The parameters in which the runs of its step differ, as they were written.
    wait : float
        Seconds at rest before it.
    note : str
        For the run file.
    source : str
        Where it was written, for messages: ``queue.toml, step 2 and dies.csv, line 3``.
    """

    number: int
    procedure: BenchProcedure
    die: str
    varied: Mapping[str, Any]
    wait: float
    note: str
    source: str = ""

    @property
    def name(self) -> str:
        """Stem of the run file: number, die and procedure."""
        parts = (f"{self.number:03d}", file_name(self.die), self.procedure.name())
        return "-".join(part for part in parts if part)

    @property
    def text(self) -> str:
        """What is varied: ``pulse_width=10 ms``."""
        return ", ".join(f"{name}={value}" for name, value in self.varied.items())


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """Steps that are done one after the other, on one bench.

    Attributes
    ----------
    name : str
        For the folder of the runs.
    steps : sequence of Step
        What to do.
    over : sequence of Die
        Do all steps on one die after the other. Parameters of a die are given to the
        steps that have them.
    repeat : int
        How often all of it is done.
    source : str
        The file that it is from, for messages.
    """

    name: str
    steps: abc.Sequence[Step]
    over: abc.Sequence[Die] = ()
    repeat: int = 1
    source: str = ""

    def __post_init__(self) -> None:
        where = self.source or self.name
        if not self.steps or self.repeat < 1:
            raise ConfigError(f"{where}: a sequence has steps, and is done at least once")
        if self.over and any(step.over for step in self.steps):
            raise ConfigError(f"{where}: over is said for the whole and for a step")
        for die in self.over:
            for name in die.set:
                if not any(step.procedure.has_parameter(name) for step in self.steps):
                    raise ConfigError(f"{where}: {die} sets {name!r}, which no step has")

    @property
    def n_runs(self) -> int:
        """How many runs it has."""
        a_die = sum(
            step.repeat * step.n_variations * max(len(step.over), 1) for step in self.steps
        )
        return self.repeat * max(len(self.over), 1) * a_die

    def expand(self) -> list[PlannedRun]:
        """Return all runs in their order; nothing is measured.

        Raises
        ------
        ConfigError
            If a parameter or value is refused, naming the step; or for more than
            `MOST_RUNS` runs.
        """
        where = self.source or self.name
        if self.n_runs > MOST_RUNS:
            raise ConfigError(
                f"{where} has {self.n_runs} runs, at most {MOST_RUNS} are allowed"
            )
        runs: list[PlannedRun] = []
        dies: abc.Sequence[Die | None] = self.over or [None]
        for _ in range(self.repeat):
            for shared in dies:
                for number, step in enumerate(self.steps, 1):
                    source = f"{self.source}, step {number}" if self.source else ""
                    try:
                        runs += _runs_of(step, shared, len(runs) + 1, source)
                    except ConfigError as error:
                        raise ConfigError(f"{where}: step {number}: {error}") from error
        return runs


def file_name(text: str) -> str:
    """Return `text` as part of a file name on any system."""
    return _NOT_IN_NAMES.sub("_", text)


def _runs_of(step: Step, shared: Die | None, number: int, source: str) -> list[PlannedRun]:
    """Return the runs of one step, on its own dies or on that of the whole sequence."""
    runs: list[PlannedRun] = []
    dies: abc.Sequence[Die | None] = step.over or [shared]
    for die in dies:
        own = dict(die.set) if die is not None else {}
        written = (source, die.source if die is not None else "")
        if not step.over:  # meant for all steps: each takes what it has
            own = {name: own[name] for name in own if step.procedure.has_parameter(name)}
        for variation in step.variations():
            if both := own.keys() & variation.keys():
                raise ConfigError(f"{die}: {min(both)} is set for a die and varied as well")
            varied = own | variation
            given = {**step.set, **varied}
            for _ in range(step.repeat):
                runs.append(
                    PlannedRun(
                        number=number + len(runs),
                        procedure=_made(step.procedure, given, die),
                        die=die.name if die is not None else "",
                        varied=varied,
                        wait=step.wait,
                        note=step.note,
                        source=" and ".join(filter(None, written)),
                    )
                )
    return runs


def _made(kind: type[BenchProcedure], given: dict[str, Any], die: Die | None) -> BenchProcedure:
    try:
        return kind(**given)
    except ConfigError as error:
        if die is None or not die.set:
            raise
        raise ConfigError(f"{die}: {error}") from error

"""Measuring planned runs one after the other: over an array, or through a sequence.

A device that fails does not stop the next. What concerns the bench does: an instrument that
could not be made safe or is lost, a limit, a full disk. A queue that was interrupted is taken
up again from its folder, because the run files themselves say what they are.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labsyn.data.errors import (
    ConfigError,
    InstrumentDisconnected,
    LimitError,
    LockedError,
    RoleError,
    StorageError,
    UnsafeShutdownError,
    WatchdogError,
)
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.outcome import Outcome, Summary, after_breakdown
from labsyn.procedures.resume import OF_THE_DEVICE, SUMMARY, Earlier, free_path, new_folder
from labsyn.procedures.run_check import check_runs
from labsyn.procedures.runner import Progress, measure
from labsyn.procedures.sample import described
from labsyn.procedures.sequence import PlannedRun

_STOPPING = (
    UnsafeShutdownError, InstrumentDisconnected, LockedError, WatchdogError,
    LimitError, RoleError, ConfigError, StorageError,
)  # fmt: skip
_MOST_IN_A_ROW = 3  # runs that failed otherwise: then it is not the devices


class Queue:
    """Planned runs on one bench, and what became of each.

    Making one checks all runs against the limits; nothing is sent, and no file is made.

    Parameters
    ----------
    name : str
        Of the sequence.
    runs : sequence of PlannedRun
        In their order.
    bench : Bench
        Where to measure.
    folder : path
        A folder for this queue is made in it, named by date, time and `name`.
    resume : path, optional
        The folder of a queue that was interrupted, to go on with: what it holds is not
        measured again.
    sample : mapping, optional
        What is measured, for the files.
    durable : float
        As of `measure`.

    Attributes
    ----------
    outcomes : list of Outcome
        Of the runs that had their turn.
    folder : Path
        Where the runs go; made when the first one begins.

    Raises
    ------
    LimitError, RoleError, ConfigError
        If the bench cannot or must not do one of the runs, with a note that says which.
    """

    def __init__(
        self,
        name: str,
        runs: Sequence[PlannedRun],
        bench: Bench,
        folder: Path | str = "runs",
        *,
        resume: Path | str | None = None,
        sample: Mapping[str, Any] | None = None,
        durable: float = 1.0,
    ) -> None:
        self.name, self.runs, self.bench = name, runs, bench
        self.outcomes: list[Outcome] = []
        self._sample, self._durable = described(sample or {}), durable
        if "die" in self._sample and any(planned.die for planned in runs):
            raise ConfigError("the sample of a sequence over dies cannot name a die itself")
        self._seconds = check_runs(runs, bench)
        self._earlier = None
        if resume is not None:
            self._earlier = Earlier(Path(resume), simulated=bench.is_simulated)
        self.folder = Path(resume) if resume is not None else new_folder(Path(folder), name)
        self._die = bench.die
        self._broken: dict[str, int] = {}
        self._in_a_row = 0
        self._unsaved: list[str] = []

    @property
    def duration(self) -> float:
        """Seconds of all runs on the bench, without what the computer and cables take."""
        return sum(self._seconds)

    @property
    def seconds_left(self) -> float:
        """Seconds of the runs that had not their turn."""
        return sum(self._seconds[len(self.outcomes) :])

    @property
    def notices(self) -> list[str]:
        """What a person should know of the folder: of earlier runs in it, and its summary."""
        if self._earlier is None:
            return self._unsaved
        left = self._earlier.n_left if len(self.outcomes) == len(self.runs) else 0
        more = [f"{self.folder} holds {left} more runs, which this queue has not"] * bool(left)
        return self._unsaved + self._earlier.unreadable + more

    def summary(self) -> Summary:
        """Return what became of the runs so far."""
        return Summary(
            folder=self.folder, outcomes=tuple(self.outcomes), n_planned=len(self.runs)
        )

    def run(
        self,
        on_progress: Progress | None = None,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> Summary:
        """Measure what is not yet measured, and return what became of it.

        The summary in the folder is brought up to date after each run. A signal ends the
        present run, which is kept as `aborted`, and the queue.

        Parameters
        ----------
        on_progress : callable, optional
            Called with per cent of the time of the whole queue.
        on_outcome : callable, optional
            Called with what became of each run.

        Raises
        ------
        LabsynError
            Whatever concerns the bench and not a device, with a note that tells how far it
            came; everything measured is kept.
        """
        self._make_folder()
        try:
            for planned in self.runs:
                outcome, ending = self._turn(planned, on_progress)
                self._keep(outcome)
                if on_outcome is not None:
                    on_outcome(outcome)
                if ending is not None:
                    ending.add_note(
                        f"{self.summary().n_finished} of {len(self.runs)} runs are finished; "
                        f"{self.folder / SUMMARY} tells of each"
                    )
                    raise ending
                if outcome.status == "aborted":
                    break
        finally:
            self.bench.select(self._die)
        return self.summary()

    def _turn(
        self, planned: PlannedRun, on_progress: Progress | None
    ) -> tuple[Outcome, BaseException | None]:
        """Return what became of one run, and what ends the queue with it."""
        place = self._place(planned)
        self.bench.select(place)
        sample = self.bench.sample() | self._sample  # as the runner stores it
        earlier = self._earlier.take(planned, sample) if self._earlier is not None else None
        if earlier is not None:
            return Outcome.of_run(planned, earlier, earlier=True), None
        if place in self._broken:
            why = after_breakdown(self._broken[place])
            return Outcome(planned=planned, status="skipped", error=why), None
        self.bench.clock.sleep(planned.wait)
        path = free_path(self.folder, planned.name)
        try:
            run = measure(
                planned.procedure, self.bench, self.folder, name=path.stem,
                sample=self._sample, note=planned.note, durable=self._durable,
                on_progress=self._share(on_progress),
                metadata={
                    "sequence": {
                        "name": self.name, "run": planned.number, "of": len(self.runs)
                    }
                },
            )  # fmt: skip
        except BaseException as error:
            return self._failed(planned, path, error)
        self._in_a_row = 0
        return Outcome.of_run(planned, run), None

    def _failed(
        self, planned: PlannedRun, path: Path, error: BaseException
    ) -> tuple[Outcome, BaseException | None]:
        outcome = Outcome(planned=planned, status="failed", error=str(error))
        if path.exists():
            outcome = Outcome.of_run(planned, Run.open(path))
            if type(error) in OF_THE_DEVICE:
                self._in_a_row = 0
                return outcome, None
        self._in_a_row += 1
        of_the_run = isinstance(error, Exception) and not isinstance(error, _STOPPING)
        ends = not of_the_run or self._in_a_row == _MOST_IN_A_ROW
        return outcome, error if ends else None

    def _keep(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if outcome.broke_down:
            self._broken[self._place(outcome.planned)] = outcome.planned.number
        try:
            self.summary().save()
            self._unsaved = []
        except StorageError as error:  # open in a spreadsheet, say: no reason to stop
            self._unsaved = [str(error)]

    def _place(self, planned: PlannedRun) -> str:
        """Return the die of a run: one that names none stays where the queue began."""
        return planned.die or self._die

    def _share(self, on_progress: Progress | None) -> Progress | None:
        """Return what turns per cent of the present run into per cent of the queue."""
        if on_progress is None:
            return None
        number, whole = len(self.outcomes), self.duration or 1.0
        before, mine = sum(self._seconds[:number]), self._seconds[number]
        return lambda percent: on_progress((100 * before + percent * mine) / whole)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{self.folder} cannot hold runs: {error.strerror}") from error

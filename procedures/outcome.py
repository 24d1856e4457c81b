"""What became of planned runs: a table that is kept beside them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labsyn.data.durability import write_text
from labsyn.data.errors import BreakdownError, StorageError
from labsyn.data.run import Run
from labsyn.procedures.resume import SUMMARY, is_done
from labsyn.procedures.sequence import PlannedRun


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one planned run.

    Attributes
    ----------
    status : str
        As of `Run`, or "skipped" after a breakdown of its device.
    file : Path or None
        Where the run is; None if nothing was stored.
    n_rows, n_flagged : int
        Rows of the run, and those that a fit would leave out.
    error : str
        In one sentence why it is not finished.
    earlier : bool
        Whether it was measured before this queue was taken up again.
    """

    planned: PlannedRun
    status: str
    file: Path | None = None
    n_rows: int = 0
    n_flagged: int = 0
    error: str = ""
    earlier: bool = False

    @classmethod
    def of_run(cls, planned: PlannedRun, run: Run, *, earlier: bool = False) -> "Outcome":
        """Return what the run file says."""
        return cls(
            planned=planned,
            status=run.status,
            file=run.path,
            n_rows=run.n_rows,
            n_flagged=run.n_flagged,
            error=run.reason,
            earlier=earlier,
        )

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to measure."""
        return self.status == "skipped" or is_done(self.status, self.error)

    @property
    def broke_down(self) -> bool:
        """Whether the device broke down, and gets no more runs."""
        return self.error.startswith(f"{BreakdownError.__name__}:")

    def to_dict(self) -> dict[str, Any]:
        """Return all of it in plain values, for tables and other programs."""
        return {
            "run": self.planned.number,
            "procedure": self.planned.procedure.name(),
            "die": self.planned.die,
            "varied": self.planned.text,
            "file": self.file.name if self.file is not None else "",
            "status": self.status,
            "rows": self.n_rows,
            "flagged": self.n_flagged,
            "error": self.error,
        }


def after_breakdown(number: int) -> str:
    """Return why a run was skipped whose device broke down in run `number`."""
    return f"its device broke down in run {number}"


HEADS = ["run", "procedure", "die", "varied", "file", "status", "rows", "flagged", "error"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a sequence.

    Attributes
    ----------
    folder : Path
        Where the runs are, and ``summary.csv``.
    outcomes : sequence of Outcome
        Of the runs that had their turn.
    n_planned : int
        How many there are in all.
    """

    folder: Path
    outcomes: Sequence[Outcome]
    n_planned: int

    @property
    def is_interrupted(self) -> bool:
        """Whether runs are left because somebody asked to stop."""
        return any(outcome.status == "aborted" for outcome in self.outcomes)

    @property
    def n_left(self) -> int:
        """How many runs would be measured if the sequence was taken up again."""
        done = sum(outcome.is_done for outcome in self.outcomes)
        return self.n_planned - done

    @property
    def n_finished(self) -> int:
        """How many runs are whole."""
        return sum(outcome.status == "finished" for outcome in self.outcomes)

    @property
    def runs(self) -> list[Path]:
        """The files of the runs that are whole, in their order."""
        return [
            outcome.file
            for outcome in self.outcomes
            if outcome.status == "finished" and outcome.file is not None
        ]

    def rows(self) -> list[list[str]]:
        """Return the table as texts, under `HEADS`."""
        return [
            [str(value) for value in outcome.to_dict().values()] for outcome in self.outcomes
        ]

    def save(self) -> Path:
        """Write ``summary.csv`` whole, with each varied parameter in a column of its own.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        units: dict[str, str] = {}
        for outcome in self.outcomes:
            procedure = outcome.planned.procedure
            for name in outcome.planned.varied:
                units.setdefault(name, procedure.units().get(name, ""))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        varied = [f"{name} ({unit})" if unit else name for name, unit in units.items()]
        table.writerow([*HEADS[:3], *varied, *HEADS[4:]])
        for outcome in self.outcomes:
            cells, planned = [*outcome.to_dict().values()], outcome.planned
            values = [
                getattr(planned.procedure, n) if n in planned.varied else "" for n in units
            ]
            table.writerow([*cells[:3], *values, *cells[4:]])
        path = self.folder / SUMMARY
        try:
            return write_text(path, text.getvalue())
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error

"""A dry run of a whole sequence: every run on the simulated twin, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labsyn.data.errors import BenchError, BreakdownError
from labsyn.data.units import format_quantity
from labsyn.drivers.bench import Bench
from labsyn.procedures.dry_run import DryRun, dry_run
from labsyn.procedures.outcome import after_breakdown
from labsyn.procedures.resume import OF_THE_DEVICE
from labsyn.procedures.run_check import check_runs
from labsyn.procedures.runner import Progress
from labsyn.procedures.sequence import PlannedRun

HEADS = [
    "run", "procedure", "die", "varied", "duration", "peak voltage", "peak current", "rows",
    "error",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What a planned run did on the twin, or why the twin's device ended it."""

    planned: PlannedRun
    done: DryRun | None
    error: str = ""

    def row(self) -> list[str]:
        """Return it as texts, under `HEADS`."""
        run = self.planned
        told = [str(run.number), run.procedure.name(), run.die, run.text]
        if self.done is None:
            return [*told, "", "", "", "", self.error]
        return [
            *told,
            format_quantity(self.done.duration, "s"),
            format_quantity(self.done.account.peak_voltage, "V"),
            format_quantity(self.done.account.peak_current, "A"),
            f"{self.done.n_rows} ({self.done.n_flagged} flagged)",
            "",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it in plain values, for programs."""
        run = self.planned
        told = {
            "run": run.number, "procedure": run.procedure.name(), "die": run.die,
            "varied": run.text, "error": self.error,
        }  # fmt: skip
        return told | (self.done.to_dict() if self.done is not None else {})


def rehearse(
    runs: Sequence[PlannedRun], twin: Bench, on_progress: Progress | None = None
) -> list[Rehearsed]:
    """Play `runs` on `twin`, a simulated bench, and return what came out of each.

    What one run does to the twin's devices the next one finds. What a device does to end
    its run, such as a breakdown, is told in its place.

    Raises
    ------
    LimitError, RoleError, ConfigError
        As the real queue would.
    """
    check_runs(runs, twin)
    rehearsed: list[Rehearsed] = []
    broken: dict[str, int] = {}
    before = twin.die
    try:
        for planned in runs:
            twin.select(planned.die or before)  # where a run of no die stays
            rehearsed.append(_play(planned, twin, broken))
            if on_progress is not None:
                on_progress(100 * len(rehearsed) / len(runs))
    finally:
        twin.select(before)
    return rehearsed


def _play(planned: PlannedRun, twin: Bench, broken: dict[str, int]) -> Rehearsed:
    if twin.die in broken:
        return Rehearsed(planned=planned, done=None, error=after_breakdown(broken[twin.die]))
    twin.clock.sleep(planned.wait)
    try:
        return Rehearsed(planned=planned, done=dry_run(planned.procedure, twin))
    except BenchError as error:
        if type(error) not in OF_THE_DEVICE:
            raise
        if isinstance(error, BreakdownError):
            broken[twin.die] = planned.number
        return Rehearsed(planned=planned, done=None, error=str(error))

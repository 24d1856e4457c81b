"""Planned runs against the limits of a bench, all of them before the first begins."""

from collections.abc import Sequence

from labsyn.data.errors import LabsynError
from labsyn.drivers.bench import Bench
from labsyn.procedures.sequence import PlannedRun


def check_runs(runs: Sequence[PlannedRun], bench: Bench) -> list[float]:
    """Check every run against the limits, and return the seconds that each takes.

    Raises
    ------
    LimitError, RoleError, ConfigError
        For the first that is refused, with a note that says which; nothing was sent.
    """
    seconds, before = [], bench.die
    try:
        for planned in runs:
            try:
                bench.require(planned.procedure.ROLES)
                bench.select(planned.die or before)
                planned.procedure.check(bench)
                seconds.append(planned.wait + planned.procedure.duration(bench))
            except LabsynError as error:
                varied = f" ({planned.text})" if planned.varied else ""
                source = f", of {planned.source}" if planned.source else ""
                error.add_note(f"this is run {planned.name} of {len(runs)}{varied}{source}")
                raise
    finally:
        bench.select(before)
    return seconds

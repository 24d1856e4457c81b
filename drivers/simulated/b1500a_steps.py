"""The stepped sources of a B1500A sweep: their values, and how they begin and end."""

import math
from dataclasses import dataclass

from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError


def sweep_values(sweep: Sweep) -> list[float]:
    """Return the source values of a sweep; a double one passes its turn twice."""
    (start, stop), last = sweep.values, sweep.steps - 1
    if sweep.mode in (2, 4):
        ratio = math.log(stop / start)
        values = [
            start * math.exp(ratio * k / last) if last else start for k in range(last + 1)
        ]
    else:
        values = [start + (stop - start) * k / last if last else start for k in range(last + 1)]
    if last:
        values[-1] = stop
    return values + values[::-1] if sweep.mode in (3, 4) else values


@dataclass
class StepSource:
    """A sweep source at work: its settings, its unit and its values."""

    sweep: Sweep
    smu: Smu
    values: list[float]

    def prepare(self) -> None:
        """Force the first value with the ranges and limits of the sweep."""
        sweep = self.sweep
        covering = max(sweep.values, key=abs)  # one output range covers the whole sweep
        ranged = self.smu.prepared(
            sweep.forces_current, sweep.range_code, covering, sweep.limit
        )
        first = self.smu.prepared(
            sweep.forces_current, ranged.range_code, self.values[0], sweep.limit
        )
        self.smu.apply(first)

    def step(self, index: int) -> None:
        self.smu.force(self.values[index], self.sweep.power_limit)

    def finish(self, *, aborted: bool, post: int) -> None:
        """Force start after an abort, else start (1) or stop (2)."""
        self.smu.force(self.sweep.values[0 if aborted else post - 1])


def step_sources(frame: Mainframe, sweeps: list[Sweep]) -> list[StepSource]:
    """Return the sources at work, the primary one first; their channels must be on."""
    if not sweeps:
        raise FlexError(BAD_PARAMETER)
    primary = sweeps[0]
    found = []
    for sweep in [primary, *(other.like(primary) for other in sweeps[1:])]:
        found.append(StepSource(sweep, frame.active_smu(sweep.channel), sweep_values(sweep)))
    return found

"""The stepped sources of a B1500A sweep: their values, and how they begin and end."""

import math
from dataclasses import dataclass, replace

from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_smu import Output, Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError


def sweep_values(sweep: Sweep) -> list[float]:
    """Return the source values of a sweep; a double one passes its turn twice.

    Raises
    ------
    FlexError
        120 for logarithmic steps through zero: the law is that of the primary source, which
        may be another one than when this sweep was set.
    """
    if sweep.crosses_zero:
        raise FlexError(BAD_PARAMETER)
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
        self.smu.apply(self._output(self.values[0]), self.sweep.power_limit)

    def step(self, index: int) -> None:
        value = self.values[index]
        if self.sweep.ranges_each:
            self.smu.apply(self._output(value), self.sweep.power_limit)
        else:
            self.smu.force(value, self.sweep.power_limit)

    def finish(self, *, aborted: bool, post: int) -> None:
        """Force start after an abort, else start (1) or stop (2)."""
        self.smu.apply(self._output(self.sweep.values[0 if aborted else post - 1]))

    def _output(self, value: float) -> Output:
        """Return `value` in its own range, or in the one that covers the whole sweep."""
        sweep = self.sweep
        covering = value if sweep.ranges_each else max(sweep.values, key=abs)
        ranged = self.smu.prepared(
            sweep.forces_current, sweep.range_code, covering, sweep.limit
        )
        return replace(ranged, value=value)


def aborts(frame: Mainframe, sweep: Sweep, *others: Sweep) -> bool:
    """Tell whether compliance or an overflow ends the sweep.

    It does so with WM 2, and always where a source has a power compliance (page 2-9).
    """
    limited = any(each.power_limit is not None for each in (sweep, *others))
    return limited or frame.settings.sweep_abort == 2


def step_sources(frame: Mainframe, sweeps: list[Sweep]) -> list[StepSource]:
    """Return the sources at work, the primary one first; their channels must be on."""
    stepped = [sweep.like(sweeps[0]) for sweep in sweeps]
    return [
        StepSource(sweep, frame.active_smu(sweep.channel), sweep_values(sweep))
        for sweep in stepped
    ]

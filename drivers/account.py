"""What a run has done and seen so far: budgets, breakdowns, and what a run file should tell."""

import math
from collections.abc import Callable

from labsyn.data.errors import BreakdownError
from labsyn.data.flags import Flag
from labsyn.drivers.clock import Clock
from labsyn.drivers.ledger import Ledger
from labsyn.drivers.limits import Limits
from labsyn.drivers.roles import Reading

Tell = Callable[[str, str], None]


class Account:
    """What all guards of one bench share: the run, its ledgers, and a breakdown that was seen.

    Parameters
    ----------
    clock : Clock
        Of the bench.

    Attributes
    ----------
    tell : callable
        Takes what happened, its kind and a text, when it happens: into the run file while a
        run goes on.
    notes : list of str
        What was told while there was no run.
    """

    def __init__(self, clock: Clock) -> None:
        self.ledgers: dict[str, Ledger] = {}
        self.notes: list[str] = []
        self.tell: Tell = self._note
        self._clock = clock
        self._started = clock.now()
        self._jump: BreakdownError | None = None
        self._conductance: dict[str, float] = {}

    def start_run(self, tell: Tell | None = None) -> None:
        """Begin a run: budgets are those of one run, and so is what was seen."""
        self.tell = tell or self._note
        self.ledgers.clear()
        self.notes.clear()
        self._conductance.clear()
        self._started, self._jump = self._clock.now(), None

    def end_run(self) -> None:
        """Tell nothing more to the file of the run, which is finished."""
        self.tell = self._note

    def _note(self, kind: str, text: str) -> None:
        self.notes.append(text)

    def ledger(self, device: str) -> Ledger:
        """Return the account of one device."""
        return self.ledgers.setdefault(device, Ledger())

    def total(self) -> Ledger:
        """Return the account of all devices together."""
        total = Ledger()
        for ledger in self.ledgers.values():
            total = total.merged(ledger)
        return total

    def check_go(self, limits: Limits) -> None:
        """Raise if nothing more may be done in this run: a breakdown, or its time is over."""
        self.heed()
        seconds = self._clock.now() - self._started
        if seconds > limits.run_time:
            limits.check("run_time", seconds, "a run time")

    def heed(self) -> None:
        """Raise BreakdownError if a breakdown was seen in this run."""
        if self._jump is not None:
            raise self._jump

    def watch(self, terminal: str, limits: Limits, reading: Reading) -> Reading:
        """Compare with the reading before; flag it, and stop the run, if it jumped."""
        before, now = self._conductance.get(terminal), reading.conductance
        if math.isnan(now):
            return reading
        self._conductance[terminal] = now
        factor = limits.conductance_jump
        if before is None or math.isinf(factor) or 1 / factor <= _ratio(now, before) <= factor:
            return reading
        self._jump = BreakdownError(
            f"the conductance at {terminal} went from {before:.4g} S to {now:.4g} S, more "
            f"than the factor {factor:g} ({limits.where.get('conductance_jump', '[limits]')} "
            "conductance_jump of the bench): it may have broken down; the run is stopped"
        )
        self.tell("breakdown", str(self._jump))
        return reading.flagged(Flag.BREAKDOWN)


def _ratio(now: float, before: float) -> float:
    return abs(now / before) if before else math.inf

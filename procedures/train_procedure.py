"""The engine of pulse trains: cycles of branches, read on the way, with rests in between."""

from collections.abc import Sequence

from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import ConfigError
from labsyn.data.flags import EXCLUDED, Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.roles import Reading
from labsyn.procedures.pulsed import PulsedProcedure
from labsyn.procedures.trains import Branch, Train

ROW: tuple[Column, ...] = (
    Column("time", "s", "Time"),
    Column("cycle", "1", "Cycle"),
    Column("branch", "1", "Branch"),
    Column("pulse", "1", "Pulse"),
    Column("pulse_voltage", "V", "Pulse voltage"),
    Column("pulse_width", "s", "Pulse width"),
    Column("pulse_current", "A", "Pulse current"),
    Column("read_current", "A", "Read current"),
    Column("conductance", "S", "Conductance"),
    Column("flags", "1", "Flags"),
)
"""Columns of a pulse train."""


class TrainProcedure(PulsedProcedure):
    """Applies trains of pulses, each `n_cycles` times, and reads as it goes.

    A row is stored for each read; its pulse is the last one before it. After a rest the
    device is read again: that row is of no branch, and tells where the next one starts.

    A subclass says what the `trains` are, and may look at the device `before_train` and
    `after_branch`.
    """

    COLUMNS = ROW
    PLOT = ("conductance", "time")

    n_cycles = IntegerParameter("Cycles", default=5, minimum=1, maximum=10**6)
    read_every = IntegerParameter(
        "Pulses from read to read", default=1, minimum=1, maximum=10**6
    )
    branch_rest = FloatParameter(
        "Rest between branches", units="s", default=0.0, minimum=0.0, maximum=1e6
    )
    cycle_rest = FloatParameter(
        "Rest between cycles", units="s", default=0.0, minimum=0.0, maximum=1e6
    )

    conductance: float  # of the last read, NaN if it was flagged
    _trains: Sequence[Train]
    _n_pulses: int  # of the whole run
    _done: int

    def trains(self) -> Sequence[Train]:
        """Return the train of each condition; most procedures have one."""
        raise NotImplementedError

    def pulses(self) -> list[tuple[Branch, int]]:
        """Return every branch that is applied, and how often."""
        return [(branch, self.n_cycles) for train in self.trains() for branch in train]

    def before_train(self, number: int) -> None:
        """Do what has to be done before the train with this number, from 1."""

    def after_branch(self, cycle: int, branch: Branch) -> bool:
        """Look at the device after a branch; return whether to go on."""
        return True

    def extra(self) -> tuple[float, ...]:
        """Return the values of the columns that a subclass has more than this one."""
        return ()

    def check(self, bench: Bench) -> None:
        super().check(bench)
        for branch in (branch for train in self.trains() for branch in train):
            if len(branch) % self.read_every:
                raise ConfigError(
                    f"{self.name()}: read_every = {self.read_every} leaves the last pulses of "
                    f"a branch of {len(branch)} unread; it must divide their number"
                )
        self.check_pulses(bench, self.pulses())

    def row_estimate(self) -> int:
        return 1 + sum(self._n_reads(train) for train in self.trains())

    def duration(self, bench: Bench | None) -> float:
        seconds = self.row_estimate() * self.read_time(bench) + self.pulse_time(self.pulses())
        for train in self.trains():
            seconds += self.n_cycles * (len(train) - 1) * self.branch_rest
            seconds += (self.n_cycles - 1) * self.cycle_rest
        return seconds

    def startup(self) -> None:
        super().startup()
        self._trains, self._done = self.trains(), 0
        branches = (branch for train in self._trains for branch in train)
        self._n_pulses = self.n_cycles * sum(map(len, branches))

    def execute(self) -> None:
        self.read_row(0)  # where the device starts
        for number, train in enumerate(self._trains, 1):
            self.before_train(number)
            if self.should_stop():
                return
            for cycle in range(1, self.n_cycles + 1):
                if cycle > 1 and not self._rest(self.cycle_rest, cycle - 1):
                    return
                if not self._play(cycle, train):
                    return

    def _play(self, cycle: int, train: Train) -> bool:
        """Apply the train once; return whether to go on."""
        for number, branch in enumerate(train):
            if number and not self._rest(self.branch_rest, cycle):
                return False
            if not self._branch(cycle, branch) or not self.after_branch(cycle, branch):
                return False
        return True

    def _branch(self, cycle: int, branch: Branch) -> bool:
        flags = Flag(0)
        pulses = zip(branch.voltage.tolist(), branch.width.tolist(), strict=True)
        for pulse, (volts, width) in enumerate(pulses, 1):
            applied = self.apply(volts, width)
            flags |= applied.flags
            if pulse % self.read_every == 0 or self.must_stop(flags):
                self.read_row(cycle, branch.kind, pulse, applied, width, flags)
                flags = Flag(0)
            self._done += 1
            if self._done % max(self._n_pulses // 100, 1) == 0:
                self.emit("progress", 100 * self._done / self._n_pulses)
            if self.should_stop():
                return False
        return True

    def read_row(
        self,
        cycle: int,
        kind: int = 0,
        pulse: int = 0,
        applied: Reading = Reading(0.0, 0.0),  # noqa: B008, it is frozen
        width: float = 0.0,
        flags: Flag = Flag(0),  # noqa: B008, it is frozen
    ) -> None:
        """Read and store a row: after the pulse that was `applied` and has these `flags`."""
        bench = self.opened_bench()
        read = self.settled_read()
        flags |= read.flags | bench.origin
        self.conductance = float("nan") if flags & EXCLUDED else read.conductance
        row = (
            bench.clock.now(), cycle, kind, pulse, applied.voltage, width, applied.current,
            read.current, read.conductance, float(flags), *self.extra(),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"cycle {cycle}, pulse {pulse}")

    def _rest(self, seconds: float, cycle: int) -> bool:
        if seconds:
            self.wait(seconds)
            if not self.should_stop():
                self.read_row(cycle)
        return not self.should_stop()

    def _n_reads(self, train: Train) -> int:
        """Return how often a train is read in all its cycles: on the way and after rests."""
        on_the_way = sum(len(branch) // self.read_every for branch in train)
        rests = len(train) - 1 if self.branch_rest else 0
        between = self.n_cycles - 1 if self.cycle_rest else 0
        return self.n_cycles * (on_the_way + rests) + between

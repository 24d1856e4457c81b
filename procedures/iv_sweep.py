"""Current against voltage, swept at a rate: hysteresis, and what it depends on."""

from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter

from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedSweeper
from labsyn.procedures.base import BenchProcedure


class IVSweep(BenchProcedure):
    """Sweep the voltage from `start` to `stop`, and back if `double`, `n_sweeps` times.

    A sweep is one measurement of the instrument, with its own timing; a signal stops the
    run after the sweep that is under way. An ion moves while the voltage is on, so the loop
    depends on `sweep_rate` as well as on the voltage.

    The defaults are those of Baek et al., Nano-Micro Letters (2022), Supporting Information,
    figure S11a: potentiation by 10 sweeps 0 V, -1.5 V, 0 V (S11b, c: 20, 30; S11d: 30 sweeps
    to +1.5 V). Figure S2f is one sweep 0 V, -1 V, 0 V at each of several rates from 20 V/s down
    to 1 V/s. The rate of S11 and the number of points are not printed there and chosen here.
    """

    ROLES = ("sweeper",)
    COLUMNS = (
        Column("time", "s", "Time"),
        Column("sweep", "1", "Sweep"),
        Column("voltage", "V", "Voltage"),
        Column("current", "A", "Current"),
        Column("branch", "1", "Branch"),  # 0: neither potentiation nor depression
        Column("flags", "1", "Flags"),
    )
    PLOT = ("current", "voltage")

    start = FloatParameter("Start voltage", units="V", default=0.0)
    stop = FloatParameter("Stop voltage", units="V", default=-1.5)
    double = BooleanParameter("Back to the start", default=True)
    n_points = IntegerParameter("Points per way", default=76, minimum=2, maximum=10**4)
    sweep_rate = FloatParameter(
        "Sweep rate", units="V/s", default=1.0, minimum=1e-6, maximum=1e6
    )
    n_sweeps = IntegerParameter("Sweeps", default=10, minimum=1, maximum=10**6)

    sweeper: GuardedSweeper

    @property
    def step_time(self) -> float:
        """Seconds from one point to the next."""
        return abs(self.stop - self.start) / (self.n_points - 1) / self.sweep_rate

    def check(self, bench: Bench) -> None:
        super().check(bench)
        bench.sweeper.check_sweep(
            self.start, self.stop, self.n_points, double=self.double,
            step_time=self.step_time, compliance_current=self.compliance_current,
        )  # fmt: skip

    def row_estimate(self) -> int:
        return self.n_sweeps * self.n_points * (2 if self.double else 1)

    def duration(self, bench: Bench | None) -> float:
        return self.row_estimate() * self.step_time

    def startup(self) -> None:
        self.sweeper = self.opened_bench().sweeper

    def execute(self) -> None:
        for sweep in range(1, self.n_sweeps + 1):
            self._sweep(sweep)
            self.emit("progress", 100 * sweep / self.n_sweeps)
            if self.should_stop():
                return

    def _sweep(self, sweep: int) -> None:
        bench = self.opened_bench()
        began = bench.clock.now()
        readings = self.sweeper.sweep(
            self.start, self.stop, self.n_points, double=self.double,
            step_time=self.step_time, compliance_current=self.compliance_current,
        )  # fmt: skip
        seen = Flag(0)
        for reading in readings:
            seen |= reading.flags
            flags = reading.flags | bench.origin
            row = (
                began + reading.time, sweep, reading.voltage, reading.current, 0, float(flags)
            )  # fmt: skip
            self.record(row)
        self.heed(seen, f"sweep {sweep}")

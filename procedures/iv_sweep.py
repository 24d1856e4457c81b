"""Current against voltage, swept at a rate: hysteresis, and what it depends on."""

import math
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter

from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.sweeper_guard import GuardedSweeper
from labsyn.procedures.base import BenchProcedure

FloatArray = NDArray[np.float64]

_INEXACT_RATE = 0.02


class IVSweep(BenchProcedure):
    """Sweep the voltage from `start` to `stop`, and back if `double`, `n_sweeps` times.

    A sweep is one measurement of the instrument, with its own timing; a signal stops the
    run after the sweep that is under way. An ion moves while the voltage is on, so the loop
    depends on `sweep_rate` as well as on the voltage. The times are those of the
    instrument; an event tells the rate that was reached, and warns of another one than was
    asked for: an integration that takes longer than a step makes it slower.

    The defaults are those of Baek et al., Nano-Micro Letters (2022), Supporting Information,
    figure S11a: potentiation by 10 sweeps 0 V, -1.5 V, 0 V (S11b, c: 20, 30; S11d: 30 sweeps
    to +1.5 V). Figure S2f is one sweep 0 V, -1 V, 0 V at each of several rates from 20 V/s down
    to 1 V/s, which a B1500A steps through evenly with ``n_points=51``. The rate of S11 and the
    number of points are not printed there and chosen here.
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
        flags = [reading.flags for reading in readings]
        time = np.array([reading.time for reading in readings])
        voltage = np.array([reading.voltage for reading in readings])
        self.record_rows(
            {
                "time": began + time,
                "sweep": np.full(time.size, float(sweep)),
                "voltage": voltage,
                "current": np.array([reading.current for reading in readings]),
                "branch": np.zeros(time.size),
                "flags": np.array([float(each | bench.origin) for each in flags]),
            }
        )
        self._tell_rate(sweep, rate_of(time, voltage))
        self.heed(reduce(or_, flags, Flag(0)), f"sweep {sweep}")

    def _tell_rate(self, sweep: int, rate: float) -> None:
        """Tell the rate of the first sweep, and each that is another than was asked for."""
        wrong = not abs(rate / self.sweep_rate - 1) <= _INEXACT_RATE
        if sweep == 1 or wrong:
            self.record_event(
                "warning" if wrong else "info",
                f"sweep {sweep} went at {rate:.4g} V/s by its own times, "
                f"{self.sweep_rate:g} V/s were asked for",
                sweep=sweep, rate=rate,
            )  # fmt: skip


def rate_of(time: FloatArray, voltage: FloatArray) -> float:
    """Return the rate of a sweep in V/s: all the way that the voltage went, over its time.

    Where a double sweep turns it stays for one step, which is no time of a rate.
    """
    steps, seconds = np.abs(np.diff(voltage)), np.diff(time)
    moved = steps > 0
    return float(steps[moved].sum() / seconds[moved].sum()) if moved.any() else math.nan

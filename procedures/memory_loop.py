"""Resistance after long writes, up and down in voltage: the memory of a device."""

import math

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedReader
from labsyn.drivers.sweeper_guard import GuardedSweeper
from labsyn.procedures.base import BenchProcedure

_SAMPLES = 10  # of the current in a write


class MemoryLoop(BenchProcedure):
    """Write 0, +`write_voltage`, 0, -`write_voltage`, 0 in steps, and read after each write.

    A write holds its voltage for `write_time`, far longer than a pulse of most sources; the
    sweeper does it, on its own terminals (T2 and T4 of a four-terminal device). A write of
    0 V is a wait. A signal stops the run after the write that is under way.

    Diao et al., Nanoscale Horizons 10, 780 (2025), figures 1d and 1e: "each V_2,4 write
    process lasts 100 s", the loop is repeated 20 times, and it is read at 0.1 V on T1. How
    high the voltage goes, in which steps and which way first is drawn there but not printed:
    the 6 V with which the paper initialises, and four steps a quarter, are choices; so is the
    compliance, which the currents of such writes (0.14 A at 6 V) stay below.
    """

    ROLES = ("sweeper", "reader")
    COLUMNS = (
        Column("time", "s", "Time"),
        Column("loop", "1", "Loop"),
        Column("write", "1", "Write"),
        Column("write_voltage", "V", "Write voltage"),
        Column("write_current", "A", "Write current"),  # at the end of the write
        Column("read_current", "A", "Read current"),
        Column("resistance", "ohm", "Resistance"),
        Column("conductance", "S", "Conductance"),
        Column("branch", "1", "Branch"),  # 0: neither potentiation nor depression
        Column("flags", "1", "Flags"),
    )
    PLOT = ("resistance", "write_voltage")

    write_voltage = FloatParameter("Highest write voltage", units="V", default=6.0)
    n_steps = IntegerParameter("Steps of a quarter", default=4, minimum=1, maximum=10**4)
    write_time = FloatParameter(
        "Time of a write", units="s", default=100.0, minimum=0.1, maximum=600.0
    )
    n_loops = IntegerParameter("Loops", default=20, minimum=1, maximum=10**5)
    read_voltage = FloatParameter("Read voltage", units="V", default=0.1)
    compliance_current = FloatParameter(
        "Compliance current", units="A", default=0.2, minimum=1e-9, maximum=1.0
    )

    sweeper: GuardedSweeper
    reader: GuardedReader

    def check(self, bench: Bench) -> None:
        super().check(bench)
        for volts in (self.write_voltage, -self.write_voltage):
            bench.sweeper.check_hold(
                volts, self.write_time, _SAMPLES, compliance_current=self.compliance_current
            )
        bench.reader.check_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def row_estimate(self) -> int:
        return 1 + self.n_loops * len(self._voltages)

    def duration(self, bench: Bench | None) -> float:
        writes = (self.row_estimate() - 1) * self.write_time
        if bench is None:
            return writes
        relays = bench.route_time("sweeper", "reader")
        return writes + self.row_estimate() * (relays + bench.reader.read_time)

    def startup(self) -> None:
        bench = self.opened_bench()
        self.sweeper, self.reader = bench.sweeper, bench.reader
        self.reader.setup_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def execute(self) -> None:
        self._read(0, 0, 0.0, 0.0, Flag(0))  # where the device starts
        done, total = 0, self.row_estimate() - 1
        for loop in range(1, self.n_loops + 1):
            for write, volts in enumerate(self._voltages, 1):
                current, flags = self._write(volts)
                self._read(loop, write, volts, current, flags)
                done += 1
                self.emit("progress", 100 * done / total)
                if self.should_stop():
                    return

    @property
    def _voltages(self) -> list[float]:
        """Write voltages of one loop; it begins after the 0 V with which the last one ends."""
        up = np.arange(1, self.n_steps + 1) / self.n_steps
        half = self.write_voltage * np.concatenate([up, up[-2::-1], [0.0]])
        return [float(volts) for volts in np.concatenate([half, 0.0 - half])]

    def _write(self, volts: float) -> tuple[float, Flag]:
        """Return the current at the end of the write, and what was wrong on the way."""
        if volts == 0:
            self.wait(self.write_time)
            return math.nan, Flag(0)
        readings = self.sweeper.hold(
            volts, self.write_time, _SAMPLES, compliance_current=self.compliance_current
        )
        flags = Flag(0)
        for reading in readings:
            flags |= reading.flags
        return readings[-1].current, flags

    def _read(self, loop: int, write: int, volts: float, current: float, flags: Flag) -> None:
        bench = self.opened_bench()
        read = self.reader.read()
        flags |= read.flags | bench.origin
        resistance = 1 / read.conductance if read.conductance else math.inf
        row = (
            bench.clock.now(), loop, write, volts, current, read.current, resistance,
            read.conductance, 0, float(flags),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"loop {loop}, write {write}")

"""Resistance against magnetic field: switching fields, and the two states of a junction."""

import math

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedField, GuardedReader
from labsyn.procedures.base import BenchProcedure


class FieldLoop(BenchProcedure):
    """Step the field from +`field_amplitude` to its negative and back, `n_loops` times.

    At each step the field settles and the device is read. Whatever happens, the field is
    ramped to zero at the end.

    The defaults are the minor loop of Kumar et al., Nanoscale Horizons 9, 1522 (2024),
    figures 3d and 4a: ±20 mT along the easy axis, read through a resistor of 1 MΩ. Step,
    slew and read voltage are not printed there and chosen here. The read voltage is that of
    the reader: of a lock-in it is the sine in front of the resistor, and 3.4 V put the 0.1 V
    of the paper across 30 kΩ.
    """

    ROLES = ("field", "reader")
    COLUMNS = (
        Column("time", "s", "Time"),
        Column("loop", "1", "Loop"),
        Column("direction", "1", "Direction of the field"),  # 0 for the first point
        Column("field", "T", "Field"),
        Column("voltage", "V", "Voltage"),
        Column("current", "A", "Current"),
        Column("resistance", "ohm", "Resistance"),
        Column("conductance", "S", "Conductance"),
        Column("branch", "1", "Branch"),  # 0: neither potentiation nor depression
        Column("flags", "1", "Flags"),
    )
    PLOT = ("resistance", "field")

    field_amplitude = FloatParameter(
        "Field amplitude", units="T", default=20e-3, minimum=1e-6, maximum=10.0
    )
    n_steps = IntegerParameter("Steps per way", default=80, minimum=2, maximum=10**5)
    field_slew = FloatParameter(
        "Field slew", units="T/s", default=0.1, minimum=1e-6, maximum=100.0
    )
    n_loops = IntegerParameter("Loops", default=1, minimum=1, maximum=10**5)
    read_voltage = FloatParameter("Read voltage", units="V", default=0.1)

    field: GuardedField
    reader: GuardedReader

    def check(self, bench: Bench) -> None:
        super().check(bench)
        bench.field.check_field(self.field_amplitude, slew=self.field_slew)
        bench.reader.check_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def row_estimate(self) -> int:
        return 1 + 2 * self.n_steps * self.n_loops

    def duration(self, bench: Bench | None) -> float:
        first, step = self.field_amplitude, 2 * self.field_amplitude / self.n_steps
        n_steps = self.row_estimate() - 1
        if bench is None:
            return (first + n_steps * step) / self.field_slew
        ramps = bench.field.ramp_time(first, slew=self.field_slew)
        ramps += n_steps * bench.field.ramp_time(step, slew=self.field_slew)
        return ramps + self.row_estimate() * bench.reader.read_time

    def startup(self) -> None:
        bench = self.opened_bench()
        self.field, self.reader = bench.field, bench.reader
        self.reader.setup_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def execute(self) -> None:
        down = np.linspace(self.field_amplitude, -self.field_amplitude, self.n_steps + 1)
        self._point(0, 0, down[0])
        done, total = 0, self.row_estimate() - 1
        for loop in range(1, self.n_loops + 1):
            for direction, fields in ((-1, down[1:]), (1, down[-2::-1])):
                for tesla in fields:
                    self._point(loop, direction, tesla)
                    done += 1
                    self.emit("progress", 100 * done / total)
                    if self.should_stop():
                        return

    def shutdown(self) -> None:
        """Ramp the field to zero, among all else that makes the bench safe."""
        if self.bench is not None:
            self.bench.make_safe()

    def _point(self, loop: int, direction: int, tesla: float) -> None:
        bench = self.opened_bench()
        measured = self.field.set_field(float(tesla), slew=self.field_slew)
        read = self.reader.read()
        resistance = 1 / read.conductance if read.conductance else math.inf
        row = (
            bench.clock.now(), loop, direction, measured, read.voltage, read.current,
            resistance, read.conductance, 0, float(read.flags | bench.origin),
        )  # fmt: skip
        self.record(row)
        self.heed(read.flags, f"{1e3 * measured:.4g} mT of loop {loop}")

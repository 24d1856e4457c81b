"""Resistance against magnetic field: switching fields, and the two states of a junction."""

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import ConfigError
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.in_field import InField
from labsyn.procedures.resistance import READ_COLUMNS, ResistanceProcedure


class FieldLoop(InField, ResistanceProcedure):
    """Step the field from +`field_amplitude` to its negative and back, `n_loops` times.

    At each step the field settles and the device is read. The field of a row is that of the
    gaussmeter, never the one that was asked for; on a bench without a gaussmeter it follows
    from the current of the coil, and an event says so. Steps whose middle lies between
    `fine_from` and `fine_to`, of either sign, are divided into `refinement` equal ones.
    Whatever happens, the field is ramped to zero at the end.

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
        *READ_COLUMNS,
        Column("branch", "1", "Branch"),  # 0: neither potentiation nor depression
        Column("flags", "1", "Flags"),
    )
    PLOT = ("resistance", "field")

    field_amplitude = FloatParameter(
        "Field amplitude", units="T", default=20e-3, minimum=1e-6, maximum=10.0
    )
    n_steps = IntegerParameter("Steps per way", default=80, minimum=2, maximum=10**5)
    refinement = IntegerParameter("Parts of each fine step", default=1, minimum=1, maximum=100)
    fine_from = FloatParameter(
        "Fine steps from this |field|", units="T", default=4e-3, minimum=0.0, maximum=10.0
    )
    fine_to = FloatParameter(
        "Fine steps to this |field|", units="T", default=16e-3, minimum=0.0, maximum=10.0
    )
    n_loops = IntegerParameter("Loops", default=1, minimum=1, maximum=10**5)

    def falling_fields(self) -> NDArray[np.float64]:
        """Return the fields of the way down, from + to - `field_amplitude`, in tesla."""
        coarse = np.linspace(self.field_amplitude, -self.field_amplitude, self.n_steps + 1)
        middle = np.abs(coarse[:-1] + coarse[1:]) / 2
        fine = (middle >= self.fine_from) & (middle <= self.fine_to)
        ends = zip(coarse[:-1], coarse[1:], fine, strict=True)
        parts = [
            np.linspace(start, end, self.refinement if each else 1, endpoint=False)
            for start, end, each in ends
        ]
        return np.concatenate([*parts, coarse[-1:]])

    def check(self, bench: Bench) -> None:
        if self.fine_from > self.fine_to:
            raise ConfigError(
                f"{self.name()}: fine_from = {self.fine_from:g} T lies above fine_to = "
                f"{self.fine_to:g} T"
            )
        super().check(bench)
        bench.field.check_field(self.field_amplitude, slew=self.field_slew)

    def row_estimate(self) -> int:
        return 1 + 2 * (self.falling_fields().size - 1) * self.n_loops

    def duration(self, bench: Bench | None) -> float:
        down = self.falling_fields()
        if bench is None:
            return (1 + 4 * self.n_loops) * self.field_amplitude / self.field_slew
        start = bench.field.path_time(down[:1], slew=self.field_slew)
        way = bench.field.path_time(down, slew=self.field_slew) - start
        return start + 2 * self.n_loops * way + self.row_estimate() * self.point_time(bench)

    def execute(self) -> None:
        down = self.falling_fields()
        self._point(0, 0, down[0])
        done, total = 0, self.row_estimate() - 1
        for loop in range(1, self.n_loops + 1):
            for direction, fields in ((-1, down[1:]), (1, down[-2::-1])):
                for tesla in fields:
                    if self.should_stop():
                        return
                    self._point(loop, direction, tesla)
                    done += 1
                    self.emit("progress", 100 * done / total)

    def _point(self, loop: int, direction: int, tesla: float) -> None:
        measured = self.field.set_field(float(tesla), slew=self.field_slew)
        point = self.read_point()
        now = self.opened_bench().clock.now()
        self.record((now, loop, direction, measured, *point.row, 0, float(point.flags)))
        self.heed(point.flags, f"{1e3 * measured:.4g} mT of loop {loop}")


class MajorFieldLoop(FieldLoop):
    """A `FieldLoop` far enough to turn the reference layer too, with fine steps around zero.

    The defaults are the major loop of Kumar et al., Nanoscale Horizons 9, 1522 (2024),
    figure 3b: ±300 mT. The steps, 10 mT and 1 mT within ±20 mT, are chosen here. A bench
    that is to make it needs a `field` limit of 300 mT: that of the starter file, 50 mT, is
    for minor loops.
    """

    field_amplitude = FloatParameter(
        "Field amplitude", units="T", default=0.3, minimum=1e-6, maximum=10.0
    )
    n_steps = IntegerParameter("Steps per way", default=60, minimum=2, maximum=10**5)
    refinement = IntegerParameter("Parts of each fine step", default=10, minimum=1, maximum=100)
    fine_from = FloatParameter(
        "Fine steps from this |field|", units="T", default=0.0, minimum=0.0, maximum=10.0
    )
    fine_to = FloatParameter(
        "Fine steps to this |field|", units="T", default=20e-3, minimum=0.0, maximum=10.0
    )

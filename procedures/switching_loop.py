"""Resistance against the voltage of pulses, in both directions: switching by current."""

import math

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.in_field import InField
from labsyn.procedures.pulsed_resistance import PulsedResistance
from labsyn.procedures.resistance import READ_COLUMNS


class SwitchingLoop(InField, PulsedResistance):
    """Ramp the voltage of pulses towards the parallel, then towards the antiparallel state.

    The device begins in the state that `initial_field` leaves. Each ramp has an assist
    field of its own, held while its pulses are applied and the resistance is read after
    each; the first row of a ramp, with no pulse, is the state it starts from. The field of
    a row is measured after its pulse. ``branch`` is +1 on the ramp that is to raise the
    conductance (towards parallel), -1 on the other one. Three cells on a channel show their
    four states in one ramp. The channel is in series with the junctions: half of it to
    ground (150 Ω of 25 kΩ), less once a generator is on that holds its other end at 0 V.

    The defaults are the R(V) loop of Kumar et al., Nanoscale Horizons 9, 1522 (2024), figure
    4b: pulses of 0.1 V and more, of 200 ns, every 1.5 s, negative in a field of -6 mT and
    positive in one of +6 mT. Printed are pulses up to 2 V and fields of 6 to 10 mT; the
    ramps end at 1.5 V here, below the breakdown of the thinnest layers at 1.8 V. The step of
    50 mV and the initial field of 20 mT are chosen here. Figure 4c is the same without
    fields: `parallel_field` and `antiparallel_field` of zero.
    """

    ROLES = ("field", "pulse_source", "reader")
    COLUMNS = (
        Column("time", "s", "Time"),
        Column("loop", "1", "Loop"),
        Column("branch", "1", "Branch"),
        Column("pulse", "1", "Pulse"),  # 0: before the first of a ramp
        Column("pulse_voltage", "V", "Pulse voltage"),
        Column("pulse_current", "A", "Pulse current"),
        Column("field", "T", "Field"),
        *READ_COLUMNS,
        Column("flags", "1", "Flags"),
    )
    PLOT = ("resistance", "pulse_voltage")

    first_voltage = FloatParameter(
        "Amplitude of the first pulse of a ramp", units="V", default=0.1, minimum=1e-3
    )
    parallel_voltage = FloatParameter("Last pulse towards P", units="V", default=-1.5)
    antiparallel_voltage = FloatParameter("Last pulse towards AP", units="V", default=1.5)
    n_pulses = IntegerParameter("Pulses per ramp", default=29, minimum=2, maximum=10**5)
    parallel_field = FloatParameter("Assist field towards P", units="T", default=-6e-3)
    antiparallel_field = FloatParameter("Assist field towards AP", units="T", default=6e-3)
    initial_field = FloatParameter("Field that initialises", units="T", default=20e-3)
    n_loops = IntegerParameter("Loops", default=1, minimum=1, maximum=10**5)

    def ramps(self) -> list[tuple[int, float, NDArray[np.float64]]]:
        """Return branch, assist field and pulse voltages of the two ramps of a loop."""
        ways = (
            (1, self.parallel_field, self.parallel_voltage),
            (-1, self.antiparallel_field, self.antiparallel_voltage),
        )
        return [
            (
                branch,
                tesla,
                self.ramp(math.copysign(self.first_voltage, end), end, self.n_pulses),
            )
            for branch, tesla, end in ways
        ]

    def extremes(self) -> dict[str, float]:
        return {
            "first_voltage": self.first_voltage,
            "parallel_voltage": self.parallel_voltage,
            "antiparallel_voltage": self.antiparallel_voltage,
        }

    def n_applied(self) -> int:
        return int(2 * self.n_loops * self.n_pulses)

    def check(self, bench: Bench) -> None:
        self.ramps()
        super().check(bench)
        for tesla in (self.initial_field, self.parallel_field, self.antiparallel_field):
            bench.field.check_field(tesla, slew=self.field_slew)

    def row_estimate(self) -> int:
        return int(2 * self.n_loops * (self.n_pulses + 1))

    def duration(self, bench: Bench | None) -> float:
        if bench is None:
            return self.pulse_time()
        loop = [self.parallel_field, self.antiparallel_field]
        moving = bench.field.path_time(
            [self.initial_field, *(loop * self.n_loops)], slew=self.field_slew
        )
        reading = self.row_estimate() * self.point_time(bench)
        return self.pulse_time() + moving + reading + self.relay_time(bench)

    def execute(self) -> None:
        self.field.set_field(self.initial_field, slew=self.field_slew)
        done, total = 0, self.row_estimate()
        for loop in range(1, self.n_loops + 1):
            for branch, tesla, voltages in self.ramps():
                self.field.set_field(tesla, slew=self.field_slew)
                for pulse, voltage in enumerate([0.0, *voltages]):
                    if self.should_stop():
                        return
                    self._step(loop, branch, pulse, float(voltage))
                    done += 1
                    self.emit("progress", 100 * done / total)

    def _step(self, loop: int, branch: int, pulse: int, voltage: float) -> None:
        current, flags = 0.0, self.opened_bench().origin
        if pulse:
            applied = self.source.pulse(voltage)
            current, flags = applied.current, flags | applied.flags
        tesla = self.field.read_field()
        point = self.read_point()
        flags |= point.flags
        now = self.opened_bench().clock.now()
        self.record(
            (now, loop, branch, pulse, voltage, current, tesla, *point.row, float(flags))
        )
        self.heed(flags, f"pulse {pulse} of {voltage:g} V in loop {loop}")

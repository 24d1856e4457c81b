"""Breakdown voltage: pulses of rising voltage until the resistance jumps for good."""

import contextlib
import math
from typing import Any

from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import BenchError, BreakdownError
from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.pulsed_resistance import PulsedResistance
from labsyn.procedures.resistance import READ_COLUMNS, Point


class Breakdown(PulsedResistance):
    """Apply pulses from `first_voltage` to `last_voltage` until the conductance jumps.

    It breaks the device, on purpose, and stops there: no pulse follows the first reading
    whose conductance is more than `jump` times the one before, or less than that part of
    it, or cannot be read; nor one at which the guard of the bench (``conductance_jump``)
    stops. A ramp beyond the limits of the bench is refused as a whole before it begins.

    The breakdown voltage V_B is that of the last pulse, known to one step: the metadata
    ``breakdown`` hold it, the last voltage that the device survived, and the resistance
    before and after, and an event tells it when it happens. A device that survives the ramp
    has none, and the run says so.

    The pulses are those of Kumar et al., Nanoscale Horizons 9, 1522 (2024), figure 4h: V_B
    is 1.8 to 2.0 V with one cell and 1.7 to 1.9 V with three. Its criterion is not printed;
    the factor is chosen here, above every magnetoresistance of the paper (1.78).
    """

    COLUMNS = (
        Column("time", "s", "Time"),
        Column("pulse", "1", "Pulse"),  # 0: before the first
        Column("pulse_voltage", "V", "Pulse voltage"),
        Column("pulse_current", "A", "Pulse current"),
        *READ_COLUMNS,
        Column("branch", "1", "Branch"),  # 0: neither potentiation nor depression
        Column("flags", "1", "Flags"),
    )
    PLOT = ("resistance", "pulse_voltage")

    first_voltage = FloatParameter("Voltage of the first pulse", units="V", default=0.1)
    last_voltage = FloatParameter("Voltage of the last pulse", units="V", default=2.0)
    n_pulses = IntegerParameter("Pulses", default=39, minimum=2, maximum=10**5)
    jump = FloatParameter(
        "Factor of the conductance that is a breakdown", default=3.0, minimum=1.01, maximum=1e6
    )

    def extremes(self) -> dict[str, float]:
        return {"first_voltage": self.first_voltage, "last_voltage": self.last_voltage}

    def n_applied(self) -> int:
        return int(self.n_pulses)

    def check(self, bench: Bench) -> None:
        self.ramp(self.first_voltage, self.last_voltage, self.n_pulses)
        super().check(bench)

    def row_estimate(self) -> int:
        return int(self.n_pulses + 1)

    def duration(self, bench: Bench | None) -> float:
        if bench is None:
            return self.pulse_time()
        reading = self.row_estimate() * self.point_time(bench)
        return self.pulse_time() + reading + self.relay_time(bench)

    def execute(self) -> None:
        before, survived = self._step(0, 0.0, None), 0.0
        if not before.conductance or math.isnan(before.conductance):
            raise BenchError(
                f"{self.name()}: a conductance of {before.conductance:g} S was read before the "
                "first pulse; is there contact? no pulse was applied"
            )
        voltages = self.ramp(self.first_voltage, self.last_voltage, self.n_pulses)
        for pulse, voltage in enumerate(voltages.tolist(), 1):
            if self.should_stop():
                return
            after = self._step(pulse, voltage, before)
            self.emit("progress", 100 * pulse / self.n_pulses)
            if after.flags & Flag.BREAKDOWN:
                self._broke(voltage, survived, before, after)
                return
            before, survived = after, voltage
        self.record_event("info", f"no breakdown up to {survived:g} V")
        self.record_metadata(breakdown={"voltage": None, "last_survived": survived})

    def _step(self, pulse: int, voltage: float, before: Point | None) -> Point:
        """Apply and read; return the point, flagged if the device broke."""
        bench = self.opened_bench()
        current = 0.0
        flags = Flag(0)
        if pulse:
            applied = self.source.pulse(voltage)
            current, flags = applied.current, applied.flags
        point = self.read_point()
        flags |= point.flags
        if before is not None and self._jumped(before, point):
            flags |= Flag.BREAKDOWN
        row = (bench.clock.now(), pulse, voltage, current, *point.row, 0, float(flags))
        # The guard of the bench stops a run after a jump; here that is what is looked for.
        with contextlib.suppress(BreakdownError):
            self.record(row)
        if not flags & Flag.BREAKDOWN:
            self.heed(flags, f"pulse {pulse} of {voltage:g} V")
        return Point(point.voltage, point.current, point.uncertainties, flags)

    def _jumped(self, before: Point, after: Point) -> bool:
        ratio = after.conductance / before.conductance
        return not 1 / self.jump <= ratio <= self.jump  # written so that NaN is a jump

    def _broke(self, voltage: float, survived: float, before: Point, after: Point) -> None:
        found: dict[str, Any] = {
            "voltage": voltage,
            "last_survived": survived,
            "resistance_before": before.resistance,
            "resistance_after": after.resistance,
        }
        self.record_event(
            "breakdown",
            f"breakdown at {voltage:g} V (survived {survived:g} V): from "
            f"{before.resistance:.4g} ohm to {after.resistance:.4g} ohm",
            **found,
        )
        self.record_metadata(breakdown=found)

"""What every procedure that pulses and reads a device shares."""

import math
from collections.abc import Iterable

from pymeasure.experiment import FloatParameter

from labsyn.data.flags import Flag
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedPulseSource, GuardedReader
from labsyn.drivers.roles import Reading
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.trains import Branch

Repeated = Iterable[tuple[Branch, int]]
"""Pulses, and how often they are applied."""


class PulsedProcedure(BenchProcedure):
    """Pulses from 0 V with a pause after each, and reads at a small voltage.

    A pulse of 0 V is a rest as long as a pulse: nothing is sent, nothing is measured. Of
    pulses that are not read one by one the flags go to the read that comes after them.
    """

    ROLES = ("pulse_source", "reader")

    pulse_pause = FloatParameter(
        "Pause after a pulse", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    read_voltage = FloatParameter("Read voltage", units="V", default=0.1)
    read_settle_time = FloatParameter(
        "Wait before a read", units="s", default=0.0, minimum=0.0, maximum=1e4
    )

    source: GuardedPulseSource
    reader: GuardedReader
    _width = math.nan  # that the source is set up for

    def check_pulses(self, bench: Bench, pulses: Repeated) -> None:
        """Raise LimitError if these pulses, or the reads, are not allowed."""
        check, shortest, n_pulses = bench.pulse_source.check_pulses, math.inf, 0
        for branch, n_repeats in pulses:
            n_pulses += n_repeats * int((branch.voltage != 0).sum())
            for width, voltages in branch.extremes():
                shortest = min(shortest, width)
                check(
                    voltages, width=width, period=width + self.pulse_pause, n_pulses=1,
                    compliance_current=self.compliance_current,
                )  # fmt: skip
        if n_pulses:  # all of them together, at least as long as this
            check(
                {}, width=shortest, period=shortest + self.pulse_pause, n_pulses=n_pulses,
                compliance_current=self.compliance_current,
            )  # fmt: skip
        bench.reader.check_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def pulse_time(self, pulses: Repeated) -> float:
        """Return the seconds that these pulses and their pauses take."""
        return sum(
            n_repeats * (float(branch.width.sum()) + len(branch) * self.pulse_pause)
            for branch, n_repeats in pulses
        )

    def read_time(self, bench: Bench | None) -> float:
        """Return the seconds that one read takes, relays there and back included."""
        if bench is None:
            return self.read_settle_time
        relays = bench.route_time("pulse_source", "reader")
        return self.read_settle_time + relays + bench.reader.read_time

    def startup(self) -> None:
        bench = self.opened_bench()
        self.source, self.reader = bench.pulse_source, bench.reader
        self._width = math.nan
        self.reader.setup_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def apply(self, voltage: float, width: float) -> Reading:
        """Apply one pulse, and return what was measured in it, after its pause."""
        if voltage == 0:
            self.wait(width + self.pulse_pause)
            return Reading(0.0, math.nan)
        if width != self._width:
            self._width = math.nan  # nothing is known of it if this is refused
            self.source.setup_pulses(
                width=width, period=width + self.pulse_pause,
                compliance_current=self.compliance_current,
            )  # fmt: skip
            self._width = width
        return self.source.pulse(voltage)

    def apply_all(self, branches: Iterable[Branch]) -> Flag:
        """Apply the pulses of branches without reads until a stop; return their flags."""
        flags = Flag(0)
        for branch in branches:
            pulses = zip(branch.voltage.tolist(), branch.width.tolist(), strict=True)
            for volts, width in pulses:
                if self.should_stop() or self.must_stop(flags):
                    return flags
                flags |= self.apply(volts, width).flags
        return flags

    def settled_read(self) -> Reading:
        """Read the conductance, when `read_settle_time` is over."""
        if self.read_settle_time:
            self.wait(self.read_settle_time)
        return self.reader.read()

    def must_stop(self, flags: Flag) -> bool:
        """Whether these flags end the run by the policy `on_compliance`."""
        return bool(flags & Flag.COMPLIANCE) and self.on_compliance == "stop"

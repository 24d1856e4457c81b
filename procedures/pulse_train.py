"""Potentiation and depression by identical pulses, read after each."""

from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedPulseSource, GuardedReader
from labsyn.procedures.base import BenchProcedure


class PulseTrain(BenchProcedure):
    """Apply `n_pulses` potentiation, then `n_pulses` depression pulses, `n_cycles` times.

    The device rests at 0 V between pulses and is read after each. The sign of a voltage
    says nothing about its direction: Au/LixCoO2/Pt is potentiated by negative spikes.

    The defaults are the spikes of Baek et al., Nano-Micro Letters (2022), Supporting
    Information, Table S2, shape 1: 30 spikes of -1.5 V and 30 of +1.1 V, 10 ms each. Read
    voltage, pause and number of cycles are not printed there and chosen here.
    """

    ROLES = ("pulse_source", "reader")
    COLUMNS = (
        Column("time", "s", "Time"),
        Column("cycle", "1", "Cycle"),
        Column("branch", "1", "Branch"),
        Column("pulse", "1", "Pulse"),
        Column("pulse_voltage", "V", "Pulse voltage"),
        Column("pulse_current", "A", "Pulse current"),
        Column("read_current", "A", "Read current"),
        Column("conductance", "S", "Conductance"),
        Column("flags", "1", "Flags"),
    )

    PLOT = ("conductance", "time")

    n_pulses = IntegerParameter("Pulses per branch", default=30, minimum=1, maximum=10**6)
    n_cycles = IntegerParameter("Cycles", default=5, minimum=1, maximum=10**6)
    potentiation_voltage = FloatParameter("Potentiation voltage", units="V", default=-1.5)
    depression_voltage = FloatParameter("Depression voltage", units="V", default=1.1)
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    pulse_pause = FloatParameter(
        "Pause after a pulse", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    read_voltage = FloatParameter("Read voltage", units="V", default=0.1)

    source: GuardedPulseSource
    reader: GuardedReader

    def check(self, bench: Bench) -> None:
        super().check(bench)
        bench.pulse_source.check_pulses(
            {
                "potentiation_voltage": self.potentiation_voltage,
                "depression_voltage": self.depression_voltage,
            },
            width=self.pulse_width,
            period=self.pulse_width + self.pulse_pause,
            compliance_current=self.compliance_current,
            n_pulses=2 * self.n_pulses * self.n_cycles,
        )
        bench.reader.check_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def row_estimate(self) -> int:
        return 1 + 2 * self.n_pulses * self.n_cycles

    def duration(self, bench: Bench | None) -> float:
        n_pulses = self.row_estimate() - 1
        seconds = n_pulses * (self.pulse_width + self.pulse_pause)
        if bench is None:
            return seconds
        # Relays go to pulse and read once more in `startup`.
        relays = self.row_estimate() * bench.route_time("pulse_source", "reader")
        return seconds + relays + self.row_estimate() * bench.reader.read_time

    def startup(self) -> None:
        bench = self.opened_bench()
        self.source, self.reader = bench.pulse_source, bench.reader
        self.reader.setup_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )
        self.source.setup_pulses(
            width=self.pulse_width,
            period=self.pulse_width + self.pulse_pause,
            compliance_current=self.compliance_current,
        )

    def execute(self) -> None:
        self._read(0, 0, 0, 0.0, 0.0, Flag(0))  # where the device starts
        branches = ((1, self.potentiation_voltage), (-1, self.depression_voltage))
        done, total = 0, self.row_estimate() - 1
        for cycle in range(1, self.n_cycles + 1):
            for branch, voltage in branches:
                for pulse in range(1, self.n_pulses + 1):
                    applied = self.source.pulse(voltage)
                    self._read(cycle, branch, pulse, voltage, applied.current, applied.flags)
                    done += 1
                    if done % max(total // 100, 1) == 0:
                        self.emit("progress", 100 * done / total)
                    if self.should_stop():
                        return

    def _read(
        self, cycle: int, branch: int, pulse: int, voltage: float, current: float, flags: Flag
    ) -> None:
        bench = self.opened_bench()
        read = self.reader.read()
        flags |= read.flags | bench.origin
        row = (
            bench.clock.now(), cycle, branch, pulse, voltage, current,
            read.current, read.conductance, float(flags),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"cycle {cycle}, pulse {pulse}")

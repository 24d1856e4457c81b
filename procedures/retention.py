"""Retention: programmed states, read at times that grow by a factor."""

from collections.abc import Sequence

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import ConfigError, LimitError
from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.pulsed import PulsedProcedure
from labsyn.procedures.quantities import QuantitiesParameter
from labsyn.procedures.trains import Branch


class Retention(PulsedProcedure):
    """Program a state by a number of potentiation pulses, then read it for a long time.

    For each number in `n_potentiations`: `reset_pulses` depression pulses (not before the
    first, which finds the device as it is), the potentiation pulses, and `n_reads` reads
    from `first_read` to `retention_time` after the last pulse, evenly spaced in the
    logarithm of the time. The column ``elapsed`` is the time of the read by the clock of the
    bench, not the one that was planned: reads that are planned closer than they take come
    late.

    The defaults are Baek et al., Nano-Micro Letters (2022), Supporting Information, figure
    S4: pristine, 10, 20 and 30 potentiations, 1000 s. Figure S5 is ``n_potentiations=20`` at
    25, 50 and 75 °C: one run each, tagged with ``--sample temperature=323.15`` (kelvin), which
    the run file keeps; who heats is no part of the bench. Spikes are those of table S2, shape
    1; the reset, the number and the first of the reads are choices.
    """

    COLUMNS = (
        Column("time", "s", "Time"),
        Column("state", "1", "State"),
        Column("n_potentiations", "1", "Potentiations"),
        Column("elapsed", "s", "Time since programming"),
        Column("read_current", "A", "Read current"),
        Column("conductance", "S", "Conductance"),
        Column("branch", "1", "Branch"),  # 0: neither potentiation nor depression
        Column("flags", "1", "Flags"),
    )
    PLOT = ("conductance", "elapsed")

    n_potentiations = QuantitiesParameter(
        "Potentiation pulses of each state", default=[0, 10, 20, 30], minimum=0, maximum=1e6,
        whole=True,
    )  # fmt: skip
    potentiation_voltage = FloatParameter("Potentiation voltage", units="V", default=-1.5)
    reset_voltage = FloatParameter("Voltage of a reset pulse", units="V", default=1.1)
    reset_pulses = IntegerParameter(
        "Reset pulses before a state", default=30, minimum=0, maximum=10**6
    )
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    retention_time = FloatParameter(
        "Time of the last read", units="s", default=1000.0, minimum=1e-3, maximum=1e8
    )
    first_read = FloatParameter(
        "Time of the first read", units="s", default=0.1, minimum=1e-6, maximum=1e6
    )
    n_reads = IntegerParameter("Reads of a state", default=41, minimum=2, maximum=10**5)

    def check(self, bench: Bench) -> None:
        if not self.first_read < self.retention_time:
            raise ConfigError(
                f"retention: first_read of {self.first_read:g} s must be before "
                f"retention_time of {self.retention_time:g} s"
            )
        super().check(bench)
        pause = self.pulse_pause if self._pulses() else 0.0
        soonest = pause + bench.route_time(*self.ROLES) / 2 + self.read_settle_time
        if self.first_read < soonest:
            raise LimitError(
                f"first_read is {self.first_read:g} s, and the pause after the last pulse and "
                f"the way to the read take {soonest:.4g} s; make it longer or shorten "
                "pulse_pause; nothing was sent"
            )
        self.check_pulses(bench, self._pulses())

    def row_estimate(self) -> int:
        return self._n_states * self.n_reads

    def duration(self, bench: Bench | None) -> float:
        programming = self.pulse_time(self._pulses())
        return programming + self._n_states * (self.retention_time + self.read_time(bench))

    def execute(self) -> None:
        for number in range(self._n_states):
            flags = self.apply_all(self._state(number))
            if self.should_stop() or not self._watch(number, flags):
                return

    def _watch(self, number: int, flags: Flag) -> bool:
        """Read until the time is over; return whether to go on."""
        bench = self.opened_bench()
        clock = bench.clock
        pulsed = self._n_pulses(number) > 0
        programmed = clock.now() - (self.pulse_pause if pulsed else 0.0)
        times = np.geomspace(self.first_read, self.retention_time, self.n_reads)
        for k, seconds in enumerate(times.tolist()):
            to_reader = k == 0 and pulsed
            relays = bench.route_time(*self.ROLES) / 2 if to_reader else 0.0
            due = programmed + seconds - relays - self.read_settle_time
            self.wait(max(due - clock.now(), 0.0))
            if self.should_stop():
                return False
            self._row(number, programmed, flags)
            flags = Flag(0)
            done = number * self.n_reads + k + 1
            self.emit("progress", 100 * done / self.row_estimate())
        return not self.should_stop()

    def _row(self, number: int, programmed: float, flags: Flag) -> None:
        bench = self.opened_bench()
        read = self.settled_read()
        elapsed = bench.clock.now() - self.reader.read_time - programmed
        flags |= read.flags | bench.origin
        row = (
            bench.clock.now(), number + 1, self.n_potentiations[number], elapsed,
            read.current, read.conductance, 0, float(flags),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"state {number + 1}, {elapsed:.4g} s")

    @property
    def _n_states(self) -> int:
        return len(self.n_potentiations)

    def _pulses(self) -> list[tuple[Branch, int]]:
        return [(each, 1) for number in range(self._n_states) for each in self._state(number)]

    def _state(self, number: int) -> Sequence[Branch]:
        """Return the pulses that lead to a state, numbered from 0."""
        width = self.pulse_width
        reset = self.reset_pulses if number else 0
        pulses = [
            Branch.ramp(0, self.reset_voltage, reset, width=width, name="reset_voltage"),
            Branch.ramp(
                1, self.potentiation_voltage, int(self.n_potentiations[number]), width=width,
                name="potentiation_voltage",
            ),
        ]  # fmt: skip
        return [each for each in pulses if len(each)]

    def _n_pulses(self, number: int) -> int:
        return sum(len(each) for each in self._state(number))

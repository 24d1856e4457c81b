"""Paired-pulse facilitation: what a second pulse does, soon or late after the first."""

import math

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import ConfigError, LimitError
from labsyn.data.flags import EXCLUDED, Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.pulsed import PulsedProcedure
from labsyn.procedures.trains import Branch


class PairedPulse(PulsedProcedure):
    """Apply pairs of equal pulses at intervals that grow by a factor.

    The device is read before a pair (G0), after its first pulse (G1) and after its second
    (G2). With A1 = G1 - G0 and A2 = G2 - G0 the column ``facilitation`` is A2 / A1: 1 if
    the second pulse finds the first one forgotten, 2 if it adds as much to what was kept.
    ``interval`` runs from the end of the first pulse to the start of the second, by the clock
    of the bench. After a pair come `reset_pulses` pulses of `reset_voltage` and
    `recovery_time`.

    Paired-pulse facilitation is asked of any synapse (for example Zucker and Regehr, Annual
    Review of Physiology 64, 355 (2002)); the ratio is that of the two responses, both above
    the baseline. Spikes are those of Baek et al., Nano-Micro Letters (2022), table S2; all
    else is chosen here.
    """

    COLUMNS = (
        Column("time", "s", "Time"),
        Column("pair", "1", "Pair"),
        Column("interval", "s", "Interval"),
        Column("baseline", "S", "Conductance before"),
        Column("first", "S", "Conductance after the first pulse"),
        Column("second", "S", "Conductance after the second pulse"),
        Column("facilitation", "1", "Facilitation"),
        Column("branch", "1", "Branch"),
        Column("flags", "1", "Flags"),
    )
    PLOT = ("facilitation", "interval")

    pulse_voltage = FloatParameter("Pulse voltage", units="V", default=-1.5)
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    shortest_interval = FloatParameter(
        "Shortest interval", units="s", default=20e-3, minimum=1e-9, maximum=1e6
    )
    longest_interval = FloatParameter(
        "Longest interval", units="s", default=20.0, minimum=1e-9, maximum=1e6
    )
    n_intervals = IntegerParameter("Intervals", default=13, minimum=1, maximum=10**5)
    n_repeats = IntegerParameter("Pairs of each interval", default=3, minimum=1, maximum=10**6)
    reset_voltage = FloatParameter("Voltage of a reset pulse", units="V", default=1.1)
    reset_pulses = IntegerParameter(
        "Reset pulses after a pair", default=2, minimum=0, maximum=10**6
    )
    recovery_time = FloatParameter(
        "Time between pairs", units="s", default=1.0, minimum=0.0, maximum=1e6
    )

    def check(self, bench: Bench) -> None:
        low, high = self.shortest_interval, self.longest_interval
        if low > high:
            raise ConfigError(
                f"paired_pulse: shortest_interval of {low:g} s is longer than "
                f"longest_interval of {high:g} s"
            )
        super().check(bench)
        between = self.pulse_pause + self.read_time(bench)
        if low < between:
            raise LimitError(
                f"shortest_interval is {low:g} s, and pause and read between the pulses take "
                f"{between:.4g} s; make it longer or shorten pulse_pause; nothing was sent"
            )
        self.check_pulses(bench, [(pulses, self.row_estimate()) for pulses in self._pulses])

    def row_estimate(self) -> int:
        return self.n_intervals * self.n_repeats

    def duration(self, bench: Bench | None) -> float:
        n_pairs, read = self.row_estimate(), self.read_time(bench)
        seconds = self.pulse_time((pulses, n_pairs) for pulses in self._pulses)
        seconds += n_pairs * (2 * read + self.recovery_time - self.pulse_pause)
        return seconds + self.n_repeats * float(self._intervals.sum())

    def execute(self) -> None:
        intervals, before = np.tile(self._intervals, self.n_repeats), Flag(0)
        for number, interval in enumerate(intervals.tolist(), 1):
            self._pair(number, interval, before)
            before = self.apply_all(self._pulses[1:])
            self.heed(before, f"the reset after pair {number}")
            self.emit("progress", 100 * number / intervals.size)
            self.wait(self.recovery_time)
            if self.should_stop():
                return

    def _pair(self, number: int, interval: float, flags: Flag) -> None:
        """Apply a pair and store its row; `flags` are those of what came before it."""
        bench = self.opened_bench()
        clock = bench.clock
        before = self.settled_read()
        one = self.apply(self.pulse_voltage, self.pulse_width)
        ended = clock.now() - self.pulse_pause
        first = self.settled_read()
        relays = bench.route_time("pulse_source", "reader") / 2  # to the source again
        self.wait(max(ended + interval - relays - clock.now(), 0.0))
        if self.should_stop():
            return
        two = self.apply(self.pulse_voltage, self.pulse_width)
        interval = clock.now() - self.pulse_pause - self.pulse_width - ended
        second = self.settled_read()
        flags |= before.flags | one.flags | first.flags | two.flags | second.flags
        flags |= bench.origin
        rise = first.conductance - before.conductance
        gain = (second.conductance - before.conductance) / rise if rise else math.nan
        row = (
            clock.now(), number, interval, before.conductance, first.conductance,
            second.conductance, math.nan if flags & EXCLUDED else gain, 0, float(flags),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"pair {number}")

    @property
    def _intervals(self) -> np.ndarray:
        return np.geomspace(self.shortest_interval, self.longest_interval, self.n_intervals)

    @property
    def _pulses(self) -> tuple[Branch, Branch]:
        """Pulses of one pair, and those that come after it."""
        reset, width = self.reset_pulses, self.pulse_width
        return (
            Branch.ramp(0, self.pulse_voltage, 2, width=width),
            Branch.ramp(0, self.reset_voltage, reset, width=width, name="reset_voltage"),
        )

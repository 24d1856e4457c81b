"""Spike-timing dependent plasticity of a two-terminal device, by pulses that overlap."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import ConfigError
from labsyn.data.flags import EXCLUDED, Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.roles import Reading
from labsyn.procedures.pulsed import PulsedProcedure
from labsyn.procedures.trains import Branch, FloatArray


class STDP(PulsedProcedure):
    r"""Apply pairs of spikes, one from either neuron, at delays from -T to T.

    A spike is a head followed by a tail of `n_slots` pulses of opposite sign, whose height
    falls evenly to zero; its pulses have one width and come one `pulse_width + pulse_pause`
    after the other. The presynaptic spike is on one terminal, the postsynaptic one on the
    other, and the device has the difference, which the pulse source applies slot by slot:

    .. math:: V(k) = pre(k) - post(k - d), \qquad
       pre(0) = h_{pre},\; pre(k) = -t_{pre} (1 - (k - 1)/n), \; k = 1 … n,

    and the same for ``post``; d slots after it (Δt > 0: pre before post) the head of the
    second spike falls on the tail of the first, and only there do the two add up:
    :math:`-(t_{pre} (1 - (d - 1)/n) + h_{post})` potentiates, and for Δt < 0
    :math:`+(t_{post} (1 - (|d| - 1)/n) + h_{pre})` depresses. Each part alone must stay below
    the threshold of the device. Where positive voltages potentiate, give all four voltages
    the other sign.

    Overlapping pulses are those of Kuzum et al., Nano Letters 12, 2179 (2012), who tell the
    delay by the height of the pulse that is hit; heads with tails of the other sign are those
    of Zamarreño-Ramos et al., Frontiers in Neuroscience 5, 26 (2011). Baek et al. (2022)
    print no STDP: the voltages are chosen for the thresholds of the simulated Au/LixCoO2/Pt,
    -0.6 V and +0.2 V, and have to be found for a real device.

    Before each delay the device is brought to one state, by `reset_pulses` of
    `reset_voltage` and `set_pulses` of `set_voltage`. A row has the conductance before and
    after `n_pairs` pairs, and the relative change.
    """

    COLUMNS = (
        Column("time", "s", "Time"),
        Column("repeat", "1", "Repeat"),
        Column("delay", "s", "Post minus pre"),
        Column("before", "S", "Conductance before"),
        Column("after", "S", "Conductance after"),
        Column("change", "1", "Relative change"),
        Column("branch", "1", "Branch"),  # 0: neither potentiation nor depression
        Column("flags", "1", "Flags"),
    )
    PLOT = ("change", "delay")

    n_slots = IntegerParameter("Pulses of a tail", default=8, minimum=1, maximum=10**4)
    pre_head = FloatParameter("Head of the presynaptic spike", units="V", default=0.2)
    pre_tail = FloatParameter("Tail of the presynaptic spike", units="V", default=0.6)
    post_head = FloatParameter("Head of the postsynaptic spike", units="V", default=0.6)
    post_tail = FloatParameter("Tail of the postsynaptic spike", units="V", default=0.2)
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    n_pairs = IntegerParameter("Pairs at a delay", default=10, minimum=1, maximum=10**6)
    n_repeats = IntegerParameter("Repeats", default=1, minimum=1, maximum=10**6)
    reset_voltage = FloatParameter("Voltage of a reset pulse", units="V", default=1.1)
    reset_pulses = IntegerParameter(
        "Reset pulses before a delay", default=30, minimum=0, maximum=10**6
    )
    set_voltage = FloatParameter("Voltage of a set pulse", units="V", default=-1.5)
    set_pulses = IntegerParameter(
        "Set pulses before a delay", default=15, minimum=0, maximum=10**6
    )

    def check(self, bench: Bench) -> None:
        parts = (self.pre_head, self.pre_tail, self.post_head, self.post_tail)
        if min(parts) < 0 < max(parts):
            raise ConfigError(
                "stdp: heads and tails are given with one sign, tails are applied with the "
                f"other; they are {', '.join(f'{volts:g}' for volts in parts)} V"
            )
        super().check(bench)
        self.check_pulses(bench, self._pulses())

    def row_estimate(self) -> int:
        return self.n_repeats * len(self._delays)

    def duration(self, bench: Bench | None) -> float:
        reads = 2 * self.row_estimate() * self.read_time(bench)
        return reads + self.pulse_time(self._pulses())

    def execute(self) -> None:
        done = 0
        for repeat in range(1, self.n_repeats + 1):
            for delay in self._delays:
                self._at(repeat, delay)
                if self.should_stop():
                    return
                done += 1
                self.emit("progress", 100 * done / self.row_estimate())

    def _at(self, repeat: int, delay: int) -> None:
        bench = self.opened_bench()
        flags = self.apply_all(self._preset)
        before = self.settled_read()
        if not self.must_stop(flags):
            spikes = itertools.repeat(self._spikes(delay), self.n_pairs)
            flags |= self.apply_all(spikes)
        if self.should_stop():
            return
        self._row(repeat, delay, before, self.settled_read(), flags | bench.origin)

    def _row(
        self, repeat: int, delay: int, before: Reading, after: Reading, flags: Flag
    ) -> None:
        flags |= before.flags | after.flags
        start = before.conductance
        change = after.conductance / start - 1 if start else math.nan
        seconds = delay * (self.pulse_width + self.pulse_pause)
        row = (
            self.opened_bench().clock.now(), repeat, seconds, start, after.conductance,
            math.nan if flags & EXCLUDED else change, 0, float(flags),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"a delay of {seconds:g} s")

    def _pulses(self) -> Iterator[tuple[Branch, int]]:
        """Yield every pulse that is applied, and how often."""
        for delay in self._delays:
            yield self._spikes(delay), self.n_repeats * self.n_pairs
        for pulses in self._preset:
            yield pulses, self.row_estimate()

    @property
    def _delays(self) -> list[int]:
        """Delays of post after pre, in slots; at 0 heads and tails cancel or add whole."""
        return [slot for slot in range(-self.n_slots, self.n_slots + 1) if slot]

    @property
    def _preset(self) -> Sequence[Branch]:
        width = self.pulse_width
        pulses = [
            Branch.ramp(0, self.reset_voltage, self.reset_pulses, width=width,
                        name="reset_voltage"),
            Branch.ramp(0, self.set_voltage, self.set_pulses, width=width, name="set_voltage"),
        ]  # fmt: skip
        return [each for each in pulses if len(each)]

    def _spikes(self, delay: int) -> Branch:
        """Return the difference of both spikes, slot by slot, from the first to the last."""
        volts = np.zeros(self.n_slots + 1 + abs(delay))
        pre, post = max(-delay, 0), max(delay, 0)
        volts[pre : pre + self.n_slots + 1] += spike(self.pre_head, self.pre_tail, self.n_slots)
        volts[post : post + self.n_slots + 1] -= spike(
            self.post_head, self.post_tail, self.n_slots
        )
        widths = np.full(volts.size, self.pulse_width)
        return Branch(kind=0, voltage=volts, width=widths, name="spike overlap")


def spike(head: float, tail: float, n_slots: int) -> FloatArray:
    """Return the pulses of one spike, in volt: its head, and its tail of the other sign."""
    return np.concatenate([[head], -tail * (1 - np.arange(n_slots) / n_slots)])

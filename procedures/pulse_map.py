"""The map of identical pulses: how far each write voltage moves each resistance."""

from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.procedures.quantities import QuantitiesParameter
from labsyn.procedures.resistance_pulses import BRANCHES, ResistancePulses


class PulseMap(ResistancePulses):
    """Trains of identical pulses at each of several voltages, from HRS down and from LRS up.

    What `FeedforwardTuning` and `ClosedLoopTuning` are calibrated with. The defaults are
    figure 2 of Diao et al., Nanoscale Horizons 10, 780 (2025): 15 voltages, 100 pulses of 2 s
    each, 5 repetitions, both branches (15 000 pulses), from 880 Ω and from 740 Ω, to which
    pulses of 6 V initialise. Their number and the pause between pulses are not printed
    there and chosen here; so is the order, all repetitions of one voltage after each other.
    """

    write_voltages = QuantitiesParameter(
        "Sizes of the write voltages", units="V", minimum=1e-6, maximum=1e3,
        default=[0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7],
    )  # fmt: skip
    n_pulses = IntegerParameter("Pulses per train", default=100, minimum=2, maximum=10**6)
    n_cycles = IntegerParameter("Repetitions", default=5, minimum=1, maximum=10**4)
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=2.0, minimum=1e-9, maximum=1e4
    )
    most_initialising = IntegerParameter(
        "Most pulses of one initialisation", default=200, minimum=1, maximum=10**6
    )

    def voltages(self) -> dict[str, float]:
        sizes = enumerate(self.write_voltages, 1)
        return {f"number {number} of write_voltages": size for number, size in sizes}

    def n_trains(self) -> int:
        """Return the number of trains of a run."""
        return len(BRANCHES) * len(self.voltages()) * self.n_cycles

    def most_pulses(self) -> int:
        return self.n_trains() * (self.n_pulses + self.most_initialising)

    def execute(self) -> None:
        resistance, done = self.look(), 0
        for branch in BRANCHES:
            for size in self.voltages().values():
                for cycle in range(1, self.n_cycles + 1):
                    self.cycle = cycle
                    resistance = self.initialise(branch, resistance)
                    resistance = self._train(branch, self.signed(branch, size), resistance)
                    if self.should_stop():
                        return
                    done += 1
                    self.emit("progress", 100 * done / self.n_trains())

    def _train(self, branch: int, voltage: float, resistance: float) -> float:
        for pulse in range(1, self.n_pulses + 1):
            if self.should_stop():
                break
            resistance = self.write(branch, pulse, voltage)
        return resistance

"""Endurance: potentiation and depression, cycle after cycle, until the window closes."""

from collections.abc import Sequence

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.run import Axis
from labsyn.data.units import format_quantity
from labsyn.procedures.train_procedure import TrainProcedure
from labsyn.procedures.trains import Branch, Train


class Endurance(TrainProcedure):
    """Apply `n_pulses` potentiation and `n_pulses` depression pulses for `n_cycles` cycles.

    The device is read after each pulse; with ``read_every = n_pulses`` only at the two end
    states of a cycle. When the high state is less than `least_ratio` times the low one the
    window has closed: the run ends there, and is finished. A cycle whose end states are
    flagged decides nothing. At the end, whatever ends it, the block ``end_states`` holds both
    states of each cycle, and an event tells how far they have drifted from the first cycle to
    the last.

    The defaults are Baek et al., Nano-Micro Letters (2022), Supporting Information, figure
    S3: 350 cycles of 25 negative and 25 positive spikes. Its voltages are not printed there:
    those of table S2, shape 1, are taken. The ratio is a choice.
    """

    n_pulses = IntegerParameter("Pulses per branch", default=25, minimum=1, maximum=10**6)
    n_cycles = IntegerParameter("Cycles", default=350, minimum=1, maximum=500_000)
    potentiation_voltage = FloatParameter("Potentiation voltage", units="V", default=-1.5)
    depression_voltage = FloatParameter("Depression voltage", units="V", default=1.1)
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    least_ratio = FloatParameter(
        "Ratio of the states below which it ends", default=1.2, minimum=1.0, maximum=1e9
    )

    _states: list[tuple[float, float]]  # high and low of each cycle
    _high: float

    def trains(self) -> Sequence[Train]:
        branches = (
            (1, self.potentiation_voltage, "potentiation_voltage"),
            (-1, self.depression_voltage, "depression_voltage"),
        )
        return [
            [
                Branch.ramp(kind, volts, self.n_pulses, width=self.pulse_width, name=name)
                for kind, volts, name in branches
            ]
        ]

    def block_estimate(self) -> int:
        return 3 * 8 * self.n_cycles

    def startup(self) -> None:
        super().startup()
        self._states = []

    def execute(self) -> None:
        try:
            super().execute()
        finally:  # what was learned in a thousand cycles outlives a cable that comes off
            if self._states:
                self._tell()

    def after_branch(self, cycle: int, branch: Branch) -> bool:
        if branch.kind == 1:
            self._high = self.conductance
            return True
        high, low = self._high, self.conductance
        self._states.append((high, low))
        if np.isnan(high) or np.isnan(low) or (low > 0 and high / low >= self.least_ratio):
            return True
        self.record_event(
            "warning",
            f"the window closed in cycle {cycle}: {format_quantity(high, 'S')} over "
            f"{format_quantity(low, 'S')} is less than {self.least_ratio:g}",
            cycle=cycle, high=high, low=low,
        )  # fmt: skip
        return False

    def _tell(self) -> None:
        """Store the end states, and say how they drifted."""
        states = np.array(self._states)
        cycles = Axis("cycle", "1", "Cycle", values=np.arange(1, len(states) + 1))
        self.record_block(
            "end_states", states, "S", axes=[cycles, None],
            long_name="Conductance after potentiation and after depression",
        )  # fmt: skip
        good = states[(states > 0).all(axis=1)]  # without those that were flagged
        if len(good) < 2:
            return
        high, low = good[-1] / good[0] - 1
        ratios = good[[0, -1], 0] / good[[0, -1], 1]
        self.record_event(
            "info",
            f"{len(states)} cycles: the high state drifted by {100 * high:+.3g} %, the low one "
            f"by {100 * low:+.3g} %, their ratio from {ratios[0]:.4g} to {ratios[1]:.4g}",
            n_cycles=len(states), high_drift=float(high), low_drift=float(low),
        )  # fmt: skip

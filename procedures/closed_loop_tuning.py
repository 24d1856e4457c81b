"""Closed-loop pulse tuning: pulses that cover the distance, by a model that reads correct."""

import math

from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.analysis.levels import level_targets
from labsyn.analysis.pulse_tuning import ClosedLoop, Scheme
from labsyn.analysis.switching_law import POTENTIATION
from labsyn.data.errors import ConfigError
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.calibrated_pulses import CalibratedPulses
from labsyn.procedures.quantities import QuantitiesParameter
from labsyn.procedures.resistance_pulses import COLUMNS, LAST_COLUMN


class ClosedLoopTuning(CalibratedPulses):
    """Program one level after the other: predict a pulse, apply it, read, correct the model.

    Level 1 is LRS and level `n_levels` HRS, at even distances. From HRS, each level is
    approached from wherever the one before left the device, in either direction, until a
    read lies within `tolerance` of it. A level that is not met in `most_tuning` pulses is
    told, and the next one follows.

    Not of a paper: the counterpart of `FeedforwardTuning` (Diao et al., Nanoscale Horizons 10,
    780 (2025)) on its device, with its pulses of 0.8 s and its numbers of levels. Which levels,
    the tolerance, and what is assumed of the model's error are chosen here.
    `labsyn.analysis.pulse_tuning` has the equations, ``benchmarks/test_pulse_tuning.py``
    compares the two.
    """

    COLUMNS = (
        *COLUMNS,
        Column("level", "1", "Level"),
        Column("target", "ohm", "Target"),
        Column("expected_change", "ohm", "Expected change"),
        LAST_COLUMN,
    )

    n_levels = IntegerParameter("Number of levels", default=32, minimum=2, maximum=10**5)
    levels = QuantitiesParameter(
        "Levels to program, in this order", default=[16, 4, 28, 10, 22], minimum=1,
        maximum=10**5, whole=True,
    )  # fmt: skip
    tolerance = FloatParameter(
        "Largest deviation from a target, in levels", default=0.5, minimum=1e-6, maximum=1e6
    )
    most_tuning = IntegerParameter(
        "Most pulses of one level", default=2000, minimum=1, maximum=10**6
    )
    gain_uncertainty = FloatParameter(
        "Relative uncertainty of the model's changes", default=0.2, minimum=0.0, maximum=10.0
    )
    gain_drift = FloatParameter(
        "Its relative growth per pulse", default=0.01, minimum=0.0, maximum=10.0
    )

    def most_pulses(self) -> int:
        return self.most_initialising + len(self.levels) * self.most_tuning

    def check(self, bench: Bench) -> None:
        highest = max(self.levels)
        if highest > self.n_levels:
            raise ConfigError(
                f"levels has level {highest:g}, there are {self.n_levels} (n_levels)"
            )
        super().check(bench)

    def scheme(self) -> Scheme:
        """Return what chooses the pulses."""
        return ClosedLoop(self.laws(), self.pulse_width, self.gain_uncertainty, self.gain_drift)

    def execute(self) -> None:
        self.tell_laws()
        targets = level_targets(self.lrs, self.hrs, self.n_levels)
        self.more = (0.0, math.nan, math.nan)  # no level yet
        resistance = self.initialise(POTENTIATION, self.look())
        scheme = self.scheme()
        for number, level in enumerate(self.levels, 1):
            self.cycle = number
            resistance = self._program(scheme, level, float(targets[level - 1]), resistance)
            if self.should_stop():
                return
            self.emit("progress", 100 * self.cycle / len(self.levels))

    def _program(self, scheme: Scheme, level: int, target: float, resistance: float) -> float:
        """Approach `target` from `resistance`, both in ohm; return where that ended."""
        allowed = self.tolerance * (self.hrs - self.lrs) / (self.n_levels - 1)
        for pulse in range(1, self.most_tuning + 2):
            met = abs(resistance - target) <= allowed
            if met or pulse > self.most_tuning or self.should_stop():
                break
            chosen = scheme.pulse(resistance, target)
            self.more = (float(level), target, chosen.change)
            after = self.write(chosen.branch, pulse, chosen.voltage)
            scheme.learn(chosen, resistance, after)
            resistance = after
        if not self.should_stop():
            self.record_event(
                "info" if met else "warning",
                f"level {level} of {self.n_levels}: {pulse - 1} pulses to "
                f"{resistance:.5g} ohm, {'within' if met else 'NOT within'} {allowed:.3g} ohm "
                f"of {target:.5g} ohm",
                level=level, target=target, n_pulses=pulse - 1, resistance=resistance, met=met,
            )  # fmt: skip
        return resistance

"""Feedforward pulse tuning: from one end of the window to the other in small, even changes."""

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.level_statistics import FEWEST_SAMPLES, verify_paths
from labsyn.analysis.levels import segment
from labsyn.analysis.pulse_tuning import Feedforward
from labsyn.data.errors import BenchError, ConfigError
from labsyn.drivers.bench import Bench
from labsyn.procedures.calibrated_pulses import CalibratedPulses
from labsyn.procedures.quantities import QuantitiesParameter
from labsyn.procedures.resistance_pulses import BRANCHES, beyond


class FeedforwardTuning(CalibratedPulses):
    r"""Read, look up the write voltage for what was read, write, read: to LRS, then to HRS.

    The voltage is the largest of those of the map whose expected change is below
    `largest_change`, by the law that is fitted to the map; at a resistance where that change
    is below `smallest_change` the run goes on, and tells how many pulses that were. When a
    branch is over, its number of pulses and their mean power are told, and how many levels
    each of `level_counts` occupies (`labsyn.analysis.levels`).

    The defaults are figures 3 and 4 of Diao et al., Nanoscale Horizons 10, 780 (2025): pulses
    of 0.8 s, changes between 0.1 and 0.3 Ω, from 880 Ω to 740 Ω and back, segmented into 32,
    128 and 512 levels. Printed there are 494 ± 11 pulses of potentiation and 579 ± 17 of
    depression. How a voltage is chosen inside the window is not; nor are the pause, and the
    number of cycles but for the 66 samples of figure 4c. All three are chosen here.
    """

    smallest_change = FloatParameter(
        "Smallest change by a pulse", units="ohm", default=0.1, minimum=0.0
    )
    largest_change = FloatParameter(
        "Largest change by a pulse", units="ohm", default=0.3, minimum=1e-9
    )
    n_cycles = IntegerParameter("Cycles", default=5, minimum=1, maximum=10**4)
    most_tuning = IntegerParameter(
        "Most pulses of one branch", default=1000, minimum=1, maximum=10**6
    )
    level_counts = QuantitiesParameter(
        "Numbers of levels", default=[32, 128, 512], minimum=2, maximum=10**5, whole=True
    )

    _paths: dict[int, list[FloatArray]]

    def most_pulses(self) -> int:
        return 2 * self.n_cycles * (self.most_initialising + self.most_tuning)

    def check(self, bench: Bench) -> None:
        if not self.smallest_change < self.largest_change:
            raise ConfigError(
                f"smallest_change is {self.smallest_change:g} ohm and largest_change "
                f"{self.largest_change:g} ohm; the window has to have a width"
            )
        super().check(bench)

    def execute(self) -> None:
        self.tell_laws()
        scheme = Feedforward(
            laws=self.laws(), width=self.pulse_width, largest_change=self.largest_change
        )
        self._paths = {branch: [] for branch in BRANCHES}
        resistance, done = self.look(), 0
        for cycle in range(1, self.n_cycles + 1):
            self.cycle = cycle
            for branch in BRANCHES:
                resistance = self.initialise(branch, resistance)
                resistance = self._tune(scheme, branch, resistance)
                if self.should_stop():
                    return
                done += 1
                self.emit("progress", 100 * done / (2 * self.n_cycles))
        self._tell_skipped()

    def _tune(self, scheme: Feedforward, branch: int, resistance: float) -> float:
        """Go from one end of `branch` to the other, and tell what that took."""
        end = self.ends(branch)[1]
        path, power, small = [resistance], [], 0
        while not beyond(path[-1], end, branch):
            if self.should_stop():
                return path[-1]
            if len(path) > self.most_tuning:
                raise BenchError(
                    f"{self.most_tuning} pulses of {BRANCHES[branch]} brought the device to "
                    f"{path[-1]:.5g} ohm, it should reach {end:g} ohm; raise most_tuning, or "
                    "measure its map again"
                )
            pulse = scheme.pulse_in(branch, path[-1])
            small += pulse.change < self.smallest_change
            path.append(self.write(branch, len(path), pulse.voltage))
            power.append(self.pulse_power)
        if power:  # or it was at its end already
            self._paths[branch].append(np.array(path))
            self._tell_pulses(branch, power, small)
            self._tell_levels(branch, path)
        return path[-1]

    def _tell_pulses(self, branch: int, power: list[float], small: int) -> None:
        watts = float(np.mean(power))  # NaN where the source measures no current
        known = f"mean power {1e3 * watts:.1f} mW, " if np.isfinite(watts) else ""
        self.tell(
            f"{BRANCHES[branch]} {self.cycle}: {len(power)} pulses, {known}"
            f"{small} of them expected below {self.smallest_change:g} ohm",
            branch=branch, cycle=self.cycle, n_pulses=len(power), n_small=small,
            mean_power=watts if known else None,
        )  # fmt: skip

    def _tell_levels(self, branch: int, path: list[float]) -> None:
        for count in self.level_counts:
            levels = segment(path, count)
            self.tell(
                f"{BRANCHES[branch]} {self.cycle}: {count} levels, {levels.n_occupied} "
                f"occupied, {count - levels.n_occupied} not, {levels.n_unique} unique events",
                branch=branch, cycle=self.cycle, n_levels=count,
                n_occupied=levels.n_occupied, n_unique=levels.n_unique,
            )  # fmt: skip

    def _tell_skipped(self) -> None:
        """Tell which share of the levels is skipped, once there are samples enough."""
        for branch, paths in self._paths.items():
            for count in self.level_counts if len(paths) >= FEWEST_SAMPLES else []:
                found = verify_paths(paths, count, branch, low=self.lrs, high=self.hrs)
                self.tell(
                    f"{BRANCHES[branch]}: {found.n_skipped} of {count} levels are skipped at "
                    f"80 % of {len(paths)} samples",
                    branch=branch, n_levels=count, n_samples=len(paths),
                    n_skipped=found.n_skipped.value, error=found.n_skipped.standard_error,
                )  # fmt: skip

"""Level verification: the pulse groups that a tuning run planned, given again and again."""

import math

import numpy as np
from pymeasure.experiment import IntegerParameter, ListParameter, Parameter

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.level_statistics import FEWEST_SAMPLES, verify_levels
from labsyn.analysis.levels import segment
from labsyn.analysis.switching_law import POTENTIATION
from labsyn.data.errors import ConfigError, DataFileError, FitError
from labsyn.data.flags import Flag
from labsyn.data.run import Column, Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.resistance_pulses import (
    BRANCHES,
    COLUMNS,
    LAST_COLUMN,
    ResistancePulses,
)

Plan = tuple[FloatArray, list[FloatArray]]
"""Targets, in ohm, and groups of write voltages, in the order of the branch."""
_NO_LEVEL = (0.0, math.nan)
_NUMBERS = {name: branch for branch, name in BRANCHES.items()}


class LevelVerification(ResistancePulses):
    """Go from level to level by the planned groups of write pulses, `n_samples` times.

    The plan is one branch of one cycle of a `FeedforwardTuning` run, segmented into
    `n_levels`: what leads from one level to the next is a group of pulses, given in one
    go and read once at its end. Nothing is looked up on the way, so that what a pulse
    misses adds up. At the end the run tells how many levels are skipped: those that lie
    beyond the next one in more than 20 % of the samples.

    After figure 4 of Diao et al., Nanoscale Horizons 10, 780 (2025): 66 samples; levels
    "normalized resistance > 1 at a CPD = 80 %" tend to be skipped. Whether their samples
    were programmed open loop by the planned groups, as here, or are passes of the
    feedforward run itself, is not said; `FeedforwardTuning` counts its own passes.
    """

    COLUMNS = (
        *COLUMNS,
        Column("level", "1", "Level"),
        Column("target", "ohm", "Target"),
        LAST_COLUMN,
    )

    plan_run = Parameter("Run file of the feedforward tuning", default="")
    plan_cycle = IntegerParameter("Which of its cycles", default=1, minimum=1, maximum=10**4)
    plan_branch = ListParameter("Which branch", choices=list(_NUMBERS), default="potentiation")
    n_levels = IntegerParameter("Number of levels", default=32, minimum=2, maximum=10**5)
    n_samples = IntegerParameter("Samples of each level", default=66, minimum=1, maximum=10**5)

    _planned: tuple[tuple[object, ...], Plan] | None = None

    @property
    def branch(self) -> int:
        """The branch that is verified."""
        return _NUMBERS[self.plan_branch]

    def plan(self) -> Plan:
        """Return the plan; it is made once for these parameters.

        Raises
        ------
        ConfigError
            If there is no such run, it is no tuning run, or has no such cycle.
        """
        key = (
            self.plan_run, self.plan_cycle, self.plan_branch, self.n_levels, self.pulse_width
        )  # fmt: skip
        if self._planned is None or self._planned[0] != key:
            self._planned = (key, self._make_plan())
        return self._planned[1]

    def _make_plan(self) -> Plan:
        if not self.plan_run:
            raise ConfigError(
                "plan_run is not given; run feedforward_tuning first and give its run file"
            )
        try:
            run = Run.open(str(self.plan_run))
            if run.procedure != "feedforward_tuning":
                raise ConfigError(
                    f"plan_run {self.plan_run} is a run of {run.procedure}, not of "
                    "feedforward_tuning"
                )
            path, volts = self._path(run)
            levels = segment(path, self.n_levels)
        except (DataFileError, FitError) as error:
            raise ConfigError(f"plan_run {self.plan_run} gives no plan: {error}") from error
        if (width := run.parameters["pulse_width"]) != self.pulse_width:
            raise ConfigError(
                f"pulse_width is {self.pulse_width:g} s, the plan was made with {width:g} s"
            )
        targets = levels.targets[::-1] if self.branch == POTENTIATION else levels.targets
        return targets, levels.groups(volts, self.branch)

    def _path(self, run: Run) -> tuple[FloatArray, FloatArray]:
        mine = (run["branch"] == self.branch) & (run["cycle"] == self.plan_cycle)
        rows = np.flatnonzero(mine & (run["initialising"] == 0))
        if not rows.size or not run.mask()[rows].all():
            raise ConfigError(
                f"plan_run {self.plan_run} has no {self.plan_branch} in cycle "
                f"{self.plan_cycle} without flagged rows"
            )
        resistance = run["resistance"]
        return np.append(resistance[rows[0] - 1], resistance[rows]), run["pulse_voltage"][rows]

    def voltages(self) -> dict[str, float]:
        sizes = np.abs(np.concatenate(self.plan()[1]))
        return {"the largest voltage of plan_run": float(sizes.max())}

    def most_pulses(self) -> int:
        planned = sum(group.size for group in self.plan()[1])
        return self.n_samples * (planned + self.most_initialising)

    def row_estimate(self) -> int:
        return 1 + self.n_samples * (self.n_levels + self.most_initialising)

    def check(self, bench: Bench) -> None:
        sign = self.signed(self.branch, 1.0)
        if any((np.sign(group) != np.sign(sign)).any() for group in self.plan()[1]):
            raise ConfigError(
                f"plan_run has {self.plan_branch} against potentiation_sign = "
                f"{self.potentiation_sign}"
            )
        super().check(bench)

    def execute(self) -> None:
        targets, groups = self.plan()
        self.tell(
            f"plan of {self.n_levels} levels of {self.plan_branch}",
            targets=targets, groups=[group.tolist() for group in groups],
        )  # fmt: skip
        self.more = _NO_LEVEL
        resistance, samples = self.look(), []
        for cycle in range(1, self.n_samples + 1):
            self.cycle = cycle
            self.more = _NO_LEVEL
            resistance = self.initialise(self.branch, resistance)
            sample = self._sample(targets, groups)
            if self.should_stop():
                return
            samples.append(sample)
            resistance = sample[-1]
            self.emit("progress", 100 * self.cycle / self.n_samples)
        if len(samples) >= FEWEST_SAMPLES:
            self._tell_skipped(samples, targets)

    def _sample(self, targets: FloatArray, groups: list[FloatArray]) -> list[float]:
        """Program every level once; return the resistances they got, in ohm."""
        found: list[float] = []
        pulse = 0
        first, step = (len(groups), -1) if self.branch == POTENTIATION else (1, 1)
        for number, group in enumerate(groups):
            volts, current, flags = 0.0, 0.0, Flag(0)
            for volts in group.tolist():
                if self.should_stop():
                    return found
                applied = self.source.pulse(volts)
                current, flags, pulse = applied.current, flags | applied.flags, pulse + 1
            self.more = (float(first + step * number), float(targets[number]))
            found.append(self.look(self.branch, pulse, volts, current, flags))
        return found

    def _tell_skipped(self, samples: list[list[float]], targets: FloatArray) -> None:
        spacing = float(np.ptp(targets)) / (self.n_levels - 1)
        found = verify_levels(samples, targets, self.branch, spacing=spacing).n_skipped
        self.tell(
            f"{self.plan_branch}: {found} of {self.n_levels} levels are skipped at 80 % of "
            f"{len(samples)} samples",
            n_levels=self.n_levels, n_samples=len(samples), n_skipped=found.value,
            error=found.standard_error,
        )  # fmt: skip

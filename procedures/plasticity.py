"""What potentiation and depression depend on: one pulse train for each condition."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.run import Column
from labsyn.data.units import format_quantity
from labsyn.procedures.train_procedure import ROW, TrainProcedure
from labsyn.procedures.trains import Branch, Train


@dataclass(frozen=True)
class Condition:
    """One kind of spikes.

    Attributes
    ----------
    potentiation, depression : float
        Voltages, in volt.
    width : float
        In seconds.
    n_pulses : int
        Of either branch.
    """

    potentiation: float
    depression: float
    width: float
    n_pulses: int

    def train(self) -> Train:
        """Return the two branches."""
        return [
            Branch.ramp(kind, volts, self.n_pulses, width=self.width, name=name)
            for kind, volts, name in (
                (1, self.potentiation, "a potentiation voltage"),
                (-1, self.depression, "a depression voltage"),
            )
        ]

    def __str__(self) -> str:
        volts, width = f"{self.potentiation:g} V", format_quantity(self.width, "s")
        return f"{self.n_pulses} spikes of {volts}, {width}"


class Plasticity(TrainProcedure):
    """Goes through `conditions`; the column ``condition`` counts them from 1.

    Before each but the first the device is brought back to where it started: by pulses of
    `reset_voltage` until its conductance is no longer above that, or of `set_voltage` until
    it is no longer below, at most `reset_pulses` (rows of no branch). An event tells of each
    condition the conductance after its first potentiation over that before it, the ratio of
    figure S9.

    ``labsyn fit RUN --condition 2`` fits the curves of one condition.
    """

    COLUMNS = (*ROW, Column("condition", "1", "Condition"))

    n_cycles = IntegerParameter("Cycles of a condition", default=1, minimum=1, maximum=10**6)
    reset_voltage = FloatParameter("Voltage that depresses", units="V", default=1.1)
    set_voltage = FloatParameter("Voltage that potentiates", units="V", default=-1.5)
    reset_width = FloatParameter(
        "Width of the pulses that bring it back",
        units="s",
        default=10e-3,
        minimum=1e-9,
        maximum=1e4,
    )
    reset_pulses = IntegerParameter(
        "Most pulses to bring it back", default=30, minimum=0, maximum=10**6
    )

    _number: int
    _first: float  # conductance at the very start
    _before: float  # conductance before the condition

    def conditions(self) -> Sequence[Condition]:
        """Return what is gone through."""
        raise NotImplementedError

    def trains(self) -> Sequence[Train]:
        return [condition.train() for condition in self.conditions()]

    def pulses(self) -> list[tuple[Branch, int]]:
        back = [
            Branch.ramp(0, getattr(self, name), 1, width=self.reset_width, name=name)
            for name in ("reset_voltage", "set_voltage")
        ]
        most = self._n_resets * self.reset_pulses
        # Whichever they are: one of each is checked, and all are of one length.
        return [*super().pulses(), *([(back[0], most - 1), (back[1], 1)] if most else [])]

    def extra(self) -> tuple[float, ...]:
        return (self._number,)

    def row_estimate(self) -> int:
        """Return how many rows an uninterrupted run stores at most."""
        return super().row_estimate() + self._n_resets * (self.reset_pulses + 1)

    def startup(self) -> None:
        super().startup()
        self._number = 1

    def before_train(self, number: int) -> None:
        if number == 1:
            self._first = self.conductance
        else:
            self._number = number
            self._bring_back()
        self._before = self.conductance

    def after_branch(self, cycle: int, branch: Branch) -> bool:
        if branch.kind == 1 and cycle == 1:
            ratio = self.conductance / self._before if self._before else math.nan
            condition = self.conditions()[self._number - 1]
            before, after = (
                format_quantity(each, "S") for each in (self._before, self.conductance)
            )
            self.record_event(
                "info",
                f"condition {self._number}, {condition}: from {before} to {after}, "
                f"ratio {ratio:.4g}",
                condition=self._number, ratio=ratio,
            )  # fmt: skip
        return True

    @property
    def _n_resets(self) -> int:
        return len(self.conditions()) - 1

    def _bring_back(self) -> None:
        self.read_row(0)
        side = np.sign(self.conductance - self._first)
        volts = self.reset_voltage if side > 0 else self.set_voltage
        done = 0
        while self._is_beyond(side) and done < self.reset_pulses and not self.should_stop():
            done += 1
            applied = self.apply(volts, self.reset_width)
            self.read_row(0, 0, done, applied, self.reset_width, applied.flags)
        known = math.isfinite(side * self.conductance)
        if (self._is_beyond(side) or not known) and not self.should_stop():
            start, here = (format_quantity(g, "S") for g in (self._first, self.conductance))
            begins = f"at {here}" if known else "where a read is flagged"
            self.record_event(
                "warning",
                f"condition {self._number} begins {begins}: {done} pulses did not lead back "
                f"to {start}",
            )

    def _is_beyond(self, side: float) -> bool:
        """Whether the device is still on this side of where it started."""
        return bool(side * (self.conductance - self._first) > 0)

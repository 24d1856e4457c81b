"""Potentiation and depression by trains of pulses, read on the way."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter, ListParameter, Parameter

from labsyn.data.errors import ConfigError
from labsyn.drivers.bench import Bench
from labsyn.procedures.train_procedure import TrainProcedure
from labsyn.procedures.trains import Branch, Train, read_train, table_of

SHAPES = {
    "1": ((-1.5, -1.5), (1.1, 1.1)),
    "2": ((-1.2, -2.0), (2.0, 1.0)),
    "3": ((-1.2, -1.6), (0.0, 1.0)),
    "4": ((-1.8, -1.5), (-1.5, 1.0)),
    "5": ((-1.6, -1.3), (0.0, 1.0)),
}
"""Table S2: first and last voltage of potentiation and depression.

All pulses are of 10 ms, the default.

As printed, the depression of shape 4 begins at the -1.5 V that potentiate.
"""
_SET_BY_SHAPE = (
    "potentiation_voltage", "potentiation_step", "depression_voltage", "depression_step",
)  # fmt: skip
_ROUNDING = 1e-9  # V


class PulseTrain(TrainProcedure):
    """Apply `n_pulses` potentiation, then `n_pulses` depression pulses, `n_cycles` times.

    The device rests at 0 V between pulses and is read after each, or after each
    `read_every`. The sign of a voltage says nothing about its direction: Au/LixCoO2/Pt is
    potentiated by negative spikes. Each pulse is `potentiation_step` (or `depression_step`)
    volt above the one before, and `pulse_width_step` seconds longer; zero makes them
    identical. `train` gives any other train, as `labsyn.procedures.trains.read_train` reads
    it, in place of voltages, steps and number; the run keeps its pulses as the block
    ``train``.

    The defaults are the spikes of Baek et al., Nano-Micro Letters (2022), Supporting
    Information, Table S2, shape 1: 30 spikes of -1.5 V and 30 of +1.1 V, 10 ms each.
    `shape` takes the voltages of one of the five shapes of that table (figure 4e), from the
    first to the last of each branch. Read voltage, pauses and number of cycles are not
    printed there and chosen here, and so is that ramps are even.
    """

    n_pulses = IntegerParameter("Pulses per branch", default=30, minimum=1, maximum=10**6)
    potentiation_voltage = FloatParameter("Potentiation voltage", units="V", default=-1.5)
    potentiation_step = FloatParameter(
        "Potentiation voltage from pulse to pulse", units="V", default=0.0
    )
    depression_voltage = FloatParameter("Depression voltage", units="V", default=1.1)
    depression_step = FloatParameter(
        "Depression voltage from pulse to pulse", units="V", default=0.0
    )
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    pulse_width_step = FloatParameter(
        "Pulse width from pulse to pulse", units="s", default=0.0, minimum=-1e4, maximum=1e4
    )
    shape = ListParameter("Shape of Table S2", choices=["none", *SHAPES], default="none")
    train = Parameter("File (.csv) or list of any pulses", default="")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.shape != "none":
            for name, value in self._of_shape().items():
                if name not in values:
                    self._set(name, value)
        self._check_agree()

    def trains(self) -> Sequence[Train]:
        if self.train:
            return [read_train(self.train, self.pulse_width)]
        timing = {"width": self.pulse_width, "width_step": self.pulse_width_step}
        return [
            [
                Branch.ramp(
                    1, self.potentiation_voltage, self.n_pulses,
                    step=self.potentiation_step, name="potentiation_voltage", **timing,
                ),
                Branch.ramp(
                    -1, self.depression_voltage, self.n_pulses,
                    step=self.depression_step, name="depression_voltage", **timing,
                ),
            ]
        ]  # fmt: skip

    def check(self, bench: Bench) -> None:
        self._check_agree()
        super().check(bench)

    def block_estimate(self) -> int:
        return int(self._table().nbytes) if self.train else 0

    def startup(self) -> None:
        super().startup()
        if self.train:
            title = "Branch, voltage (V) and width (s) of each pulse of a cycle"
            self.record_block("train", self._table(), long_name=title)

    def _table(self) -> Any:
        return table_of(self.trains()[0])

    def _of_shape(self) -> dict[str, float]:
        """Return what the shape sets."""
        if self.n_pulses < 2 and self.shape != "1":
            raise ConfigError(
                f"pulse_train: shape = {self.shape} goes from one voltage to another, which "
                f"takes at least 2 pulses; n_pulses is {self.n_pulses}"
            )
        values = []
        for first, last in SHAPES[self.shape]:
            values += [first, (last - first) / max(self.n_pulses - 1, 1)]
        return dict(zip(_SET_BY_SHAPE, values, strict=True))

    def _check_agree(self) -> None:
        """Refuse what would be ignored: parameters may have been set one by one."""
        if self.train:
            fixed = {"shape", "n_pulses", "pulse_width_step", *_SET_BY_SHAPE}
            for name in sorted(fixed):
                if getattr(self, name) != getattr(type(self), name).default:
                    raise ConfigError(
                        f"pulse_train: {name} = {getattr(self, name)} says nothing of the "
                        "pulses of a train; leave out one of the two"
                    )
        elif self.shape != "none":
            for name, value in self._of_shape().items():
                if not np.isclose(getattr(self, name), value, rtol=0, atol=_ROUNDING):
                    raise ConfigError(
                        f"pulse_train: {name} is {getattr(self, name):g} V, shape "
                        f"{self.shape} has {value:g} V; set shape = none for other voltages"
                    )

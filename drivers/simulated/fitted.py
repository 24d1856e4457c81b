"""A synapse that was fitted to a run, put back under test.

A pulse of the fitted voltage and width is one pulse of the fitted law; longer or shorter
pulses are more or less of it, see `labsyn.drivers.simulated.pulse_flow`.
"""

import dataclasses
import math
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError
from labsyn.drivers.simulated.device import Voltages, two_terminal_voltage
from labsyn.drivers.simulated.pulse_flow import PulseFlow


@dataclass(kw_only=True)
class FittedSynapse:
    """Two-terminal device that obeys a fitted `Synapse`.

    A fit knows one voltage and one width a branch. How fast the device moves at other
    voltages is a choice: not at all below the threshold, and from there linearly through
    the fitted speed at the fitted voltage. It keeps its state at rest: retention is not
    part of a synapse. A voltage beyond `break_voltage` breaks it into an open, for good.

    Attributes
    ----------
    synapse : Synapse
        With conductances in siemens, none negative.
    potentiation_voltage, depression_voltage : float
        ``V(top) - V(bottom)`` of one fitted pulse, of opposite signs. The defaults are
        those of `labsyn.procedures.pulse_train.PulseTrain`, as is the width.
    pulse_width : float
        Of one fitted pulse, in seconds.
    threshold : float
        As a fraction of either fitted voltage, 0 to below 1. A choice.
    break_voltage : float
        In volt, beyond both fitted voltages. A choice.
    step_scale : float
        Size of the steps of this device in units of the mean one's.
    x : float
        State: 0 at ``g_min``, 1 at ``g_max``.
    seed : int
        Seed of the noise.
    """

    synapse: InitVar[Synapse]
    potentiation_voltage: float = -1.5
    depression_voltage: float = 1.1
    pulse_width: float = 10e-3
    threshold: float = 0.5
    break_voltage: float = 6.0
    step_scale: float = 1.0
    x: float = 0.0
    seed: int = 0
    terminals: tuple[str, ...] = field(default=("top", "bottom"), init=False)
    broken: bool = field(default=False, init=False)
    description: dict[str, Any] = field(init=False, repr=False)
    _synapse: Synapse = field(init=False, repr=False)
    _rng: np.random.Generator = field(init=False, repr=False, compare=False)
    _read_rng: np.random.Generator = field(init=False, repr=False, compare=False)
    _flows: dict[bool, PulseFlow] = field(init=False, repr=False, compare=False)

    def __post_init__(self, synapse: Synapse) -> None:
        self._synapse = synapse
        self.description = synapse.to_dict()  # a run file holds no objects
        self._check()
        self._rng = np.random.default_rng(self.seed)
        # Its own generator, so that the state does not know how often it was read.
        self._read_rng = np.random.default_rng([self.seed, 2])
        self._flows = {
            True: PulseFlow(synapse.potentiation, self.step_scale, "potentiation"),
            False: PulseFlow(synapse.depression, self.step_scale, "depression"),
        }

    def _check(self) -> None:
        if not self._synapse.g_min >= 0:
            raise ModelError(
                f"FittedSynapse: g_min is {self._synapse.g_min:g} S; a negative conductance, "
                "such as of data with a subtracted offset, cannot be put under test"
            )
        if not self.potentiation_voltage * self.depression_voltage < 0:
            raise ModelError(
                f"FittedSynapse: potentiation_voltage = {self.potentiation_voltage:g} V and "
                f"depression_voltage = {self.depression_voltage:g} V need opposite signs"
            )
        largest = max(abs(self.potentiation_voltage), abs(self.depression_voltage))
        if not self.break_voltage > largest:
            raise ModelError(
                f"FittedSynapse: break_voltage is {self.break_voltage:g} V, it must exceed the "
                f"fitted {largest:g} V"
            )
        for name in ("pulse_width", "step_scale"):
            if not 0 < getattr(self, name) < math.inf:
                raise ModelError(
                    f"FittedSynapse: {name} is {getattr(self, name):g}, not above 0"
                )
        for name, allowed in (("threshold", 0 <= self.threshold < 1), ("x", 0 <= self.x <= 1)):
            if not allowed:
                raise ModelError(
                    f"FittedSynapse: {name} is {getattr(self, name):g}, not between 0 and 1"
                )

    @classmethod
    def from_file(cls, path: str | Path, **parameters: Any) -> Self:
        """Return the mean device of a ``.fit.json``, as `Characterisation.save` wrote it.

        Raises
        ------
        DataFileError
            If the file does not exist or is no fit of labsyn.
        ModelError
            If the synapse cannot be put under test, or a parameter is out of its range.
        """
        return cls(synapse=_load(path), **parameters)

    @classmethod
    def ideal(cls, synapse: Synapse, **parameters: Any) -> Self:
        """Return a device without noise."""
        quiet = dataclasses.replace(synapse, sigma_c2c=0.0, sigma_read=0.0)
        return cls(synapse=quiet, **parameters)

    @classmethod
    def draw(cls, seed: int, path: str | Path, **parameters: Any) -> Self:
        """Return one device out of many, of the fit at `path`, with noise of its own.

        Its step size is lognormal with the fitted ``sigma_d2d``. `parameters` are exact.
        """
        synapse = _load(path)
        spread = float(np.random.default_rng([seed, 1]).standard_normal())
        scale = math.exp(synapse.sigma_d2d * spread)
        drawn: dict[str, Any] = {"synapse": synapse, "step_scale": scale, "seed": seed}
        return cls(**drawn | parameters)

    @property
    def conductance(self) -> float:
        """Conductance in siemens; 0 when broken."""
        return 0.0 if self.broken else self._synapse.g_min + self.x * self._synapse.g_range

    def currents(self, voltages: Voltages) -> dict[str, float]:
        current = self.conductance * two_terminal_voltage(voltages)
        return {"top": current, "bottom": -current}

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        volts = two_terminal_voltage(voltages)
        current = self.conductance * volts
        if volts and not self.broken:
            current = float(self._synapse.read(self.conductance, self._read_rng)) * volts
        return {"top": current, "bottom": -current}

    def advance(self, voltages: Voltages, seconds: float) -> None:
        volts = two_terminal_voltage(voltages)
        if abs(volts) > self.break_voltage:
            self.broken = True
        rising = volts * self.potentiation_voltage > 0
        pulses = self._pulses_per_second(volts, rising=rising) * max(seconds, 0.0)
        if self.broken or not pulses:
            return
        flow = self._flows[rising]
        after = flow.after(self.x if rising else 1 - self.x, pulses)
        after = after if rising else 1 - after
        if self._synapse.sigma_c2c:
            # The variance of a pulse, in parts: it does not matter how a pulse is cut.
            spread = self._synapse.sigma_c2c * math.sqrt(pulses)
            after += spread * self._rng.standard_normal()
        self.x = min(max(after, 0.0), 1.0)

    def _pulses_per_second(self, volts: float, *, rising: bool) -> float:
        """Return the fitted pulses that one second at `volts` is worth."""
        fitted = abs(self.potentiation_voltage if rising else self.depression_voltage)
        excess = (abs(volts) / fitted - self.threshold) / (1 - self.threshold)
        return max(excess, 0.0) / self.pulse_width


def _load(path: str | Path) -> Synapse:
    from labsyn.analysis.characterise import load_synapse  # files, h5py: only when asked

    return load_synapse(Path(path))

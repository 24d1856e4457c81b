"""The simulated Kepco BOP 36-12 bipolar supply with a BIT 4886 interface and a coil.

The coil is a resistance R and an inductance L in series, ``L dI/dt = V - R I``, and the
field follows the current, without hysteresis. Where the supply holds a current it drives
all the voltage it is allowed until that current flows: the limit sets the slew rate.
Commands are those of the BIT 4886 manual; what they do beyond it is a choice, named here.
"""

import math
from typing import Any

import numpy as np

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.scpi import Command, CommandTree, setting
from labsyn.drivers.simulated.scpi_instrument import COMMON, ScpiInstrument
from labsyn.drivers.simulated.scpi_values import Boolean, Choice, Number

MAX_CURRENT = 12.0
MAX_VOLTAGE = 36.0
CURRENT_NOISE = 1e-3  # ampere rms of one reading: 14 bits of full scale; a choice
VOLTAGE_NOISE = 3e-3
READING_TIME = 10e-3
"""Seconds that a measurement takes; a choice. A program that only polls waits so."""
_MODES = ("VOLT", "CURR")
_SETTLED = 10.0  # time constants after which nothing is pending for *OPC and *WAI


class SimulatedKepcoBOP(ScpiInstrument):
    """A supply, and the coil on its output.

    Parameters
    ----------
    environment : Environment
        Whose field the coil makes.
    clock : VirtualClock
        The current follows on it.
    coil_constant : float
        Tesla per ampere.
    coil_resistance : float
        Ohm; above 3 Ω the supply cannot drive its full current.
    coil_time_constant : float
        Inductance over resistance, in seconds.
    seed : int
        Seed of the noise of readings.
    noise : bool
        Whether readings are noisy.

    Raises
    ------
    ConfigError
        If resistance or time constant is not positive, or the constant is not finite.
    """

    IDENTITY = "KEPCO,BOP 36-12,08-15-2013,E123456,4.0"
    CLIPS = False

    def __init__(
        self,
        environment: Environment,
        clock: VirtualClock,
        *,
        coil_constant: float = 0.025,
        coil_resistance: float = 2.0,
        coil_time_constant: float = 0.05,
        seed: int = 0,
        noise: bool = True,
    ) -> None:
        for what, value in (
            ("coil resistance", coil_resistance),
            ("coil time constant", coil_time_constant),
        ):
            if not 0 < value < math.inf:
                raise ConfigError(f"a {what} of {value:g} must be positive")
        if not math.isfinite(coil_constant):
            raise ConfigError(f"a coil constant of {coil_constant:g} T/A must be finite")
        super().__init__(clock)
        self._environment = environment
        self._constant, self._resistance = coil_constant, coil_resistance
        self._time_constant = coil_time_constant
        self._noise, self._rng = noise, np.random.default_rng(seed)
        self._mode, self._current, self._voltage = _MODES[0], 0.0, 0.0
        self._on = False
        self._coil_current, self._time = 0.0, clock.now()
        environment.attach(lambda: self._constant * self.coil_current)

    @property
    def coil_current(self) -> float:
        """Ampere in the coil now."""
        return self._state()[0]

    @property
    def driven_voltage(self) -> float:
        """Volts at the output now."""
        return self._state()[1]

    def _state(self) -> tuple[float, float]:
        """Return ampere in the coil and volts at the output now."""
        start, resistance = self._coil_current, self._resistance
        target, push = self._regulate()
        decay = math.exp(-(self.clock.now() - self._time) / self._time_constant)
        free = push / resistance + (start - push / resistance) * decay
        reached = (free - target) * (target - start) >= 0
        return (target, target * resistance) if reached else (free, push)

    def _regulate(self) -> tuple[float, float]:
        """Return the current that will flow, and the volts that lead to it.

        Both settings bound what flows, the sign is that of the one that the mode holds.
        Switched off, the supply drives 0 V and does not disconnect the coil; a current
        above a limit that was lowered decays without any voltage: a choice.
        """
        if not self._on:
            return 0.0, 0.0
        held = self._current if self._mode == "CURR" else self._voltage
        most = min(abs(self._current), abs(self._voltage) / self._resistance)
        target = math.copysign(most, held)
        change = target - self._coil_current
        if self._mode == "CURR":
            return target, math.copysign(self._voltage, change)
        wanted = self._voltage / self._resistance - self._coil_current
        return target, self._voltage if wanted * change > 0 else 0.0

    @property
    def mode(self) -> str:
        """What the output holds: ``"VOLT"`` or ``"CURR"``; the other is a limit."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self._change("_mode", mode)

    @property
    def current(self) -> float:
        return self._current

    @current.setter
    def current(self, amperes: float) -> None:
        self._change("_current", amperes)

    @property
    def voltage(self) -> float:
        return self._voltage

    @voltage.setter
    def voltage(self, volts: float) -> None:
        self._change("_voltage", volts)

    @property
    def on(self) -> bool:
        """Whether the output is on."""
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        self._change("_on", on)

    def reset(self) -> None:
        """Voltage mode, 0 V, 0 A, output off: a choice for ``*RST``."""
        for name, value in (
            ("_on", False), ("_mode", _MODES[0]), ("_current", 0.0), ("_voltage", 0.0),
        ):  # fmt: skip
            self._change(name, value)

    def wait(self) -> None:
        """Let the coil settle."""
        left = self._time + _SETTLED * self._time_constant - self.clock.now()
        self.clock.sleep(left)

    def next_error(self) -> str:
        return super().next_error().removeprefix("+")  # the BIT 4886 writes 0,"No error"

    def _change(self, name: str, value: Any) -> None:
        with self._environment.change():
            self._coil_current, self._time = self.coil_current, self.clock.now()
            setattr(self, name, value)

    def measure(self, value: float, noise: float) -> str:
        """Return a reading, in the form of the interface."""
        reading = value + noise * float(self._rng.standard_normal()) * self._noise
        return f"{reading:.4E}"


class _Mode(Choice):
    """``VOLT`` or ``CURR``, answered as 0 or 1."""

    def show(self, value: str) -> str:
        return str(_MODES.index(value))


def _measure_current(supply: SimulatedKepcoBOP) -> str:
    supply.clock.sleep(READING_TIME)
    return supply.measure(supply.coil_current, CURRENT_NOISE)


def _measure_voltage(supply: SimulatedKepcoBOP) -> str:
    supply.clock.sleep(READING_TIME)
    return supply.measure(supply.driven_voltage, VOLTAGE_NOISE)


def _self_test(supply: SimulatedKepcoBOP) -> str:
    """Run the full test, which leaves the output off; the excursions of it are left out."""
    supply.on = False
    return "0"


_CURRENT = Number(unit="A", low=-MAX_CURRENT, high=MAX_CURRENT, form=".4E")
_VOLTAGE = Number(unit="V", low=-MAX_VOLTAGE, high=MAX_VOLTAGE, form=".4E")
SimulatedKepcoBOP.TREE = CommandTree(
    [
        *COMMON,
        *setting("[SOURce:]FUNCtion:MODE", "mode", _Mode(("VOLTage", "CURRent"))),
        *setting("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]", "current", _CURRENT),
        *setting("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", "voltage", _VOLTAGE),
        *setting("OUTPut[:STATe]", "on", Boolean()),
        Command("MEASure[:SCALar]:CURRent[:DC]?", _measure_current),
        Command("MEASure[:SCALar]:VOLTage[:DC]?", _measure_voltage),
        Command("DIAGnostic:TST?", _self_test),
        Command("SYSTem:BEEP", lambda supply: None),
        Command("SYSTem:VERSion?", lambda supply: "1997.0"),
    ]
)

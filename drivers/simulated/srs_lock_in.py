"""What the simulated Stanford Research lock-ins share: status bytes, outputs, time."""

import cmath
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.lock_in_signal import Across, SignalPath
from labsyn.drivers.simulated.terse_instrument import TerseInstrument
from labsyn.drivers.simulated.wiring import Wiring

QUERY_TIME = 2e-3
"""Seconds that a query takes on the bus; a choice. A program that only polls waits so."""
OUTPUT_FULL_SCALE = 1.09
"""An output overloads at 109 % of full scale (SR830 manual)."""
_AC_CORNER = 0.16  # hertz, of the coupling capacitor (SR830 manual)
_AUX_RESOLUTION = 1 / 3000  # volt


class SRSLockIn(TerseInstrument):
    """A lock-in whose sine output drives the wiring and whose input reads it.

    Parameters
    ----------
    wiring : Wiring
        Where ``"<address>/sine"`` is the sine output and ``"<address>/aux1"`` to ``aux4``
        are the auxiliary outputs.
    clock : VirtualClock
        The filter settles on it.
    address : str
        VISA resource name.
    reference_resistance : float
        Ohm between sine output and device.
    input_across : {"device", "reference"}
        What the input is connected to.
    input_resistance : float
        Ohm of the voltage input, 10 MΩ in the specifications of both.
    environment : Environment, optional
        Tells when the field changes, so that the filter sees it at that time. Changes by
        other instruments are noticed at the next message, or by calling `advance` first.
    aux_inputs : mapping of int to callable, optional
        Volts at the auxiliary inputs 1 to 4; the others are at 0 V.
    query_time : float
        Seconds that a query takes.
    seed : int
        Seed of the noise.
    noise : bool
        Whether input and device are noisy.

    Raises
    ------
    ConfigError
        If the reference resistance is not positive, or the input is across something else.
    """

    IDENTITY: ClassVar[str]
    DEFAULTS: ClassVar[Mapping[tuple[Any, ...], Any]]
    POWER_ON_AMPLITUDE: ClassVar[float]
    NOISE_DENSITY: ClassVar[float]
    FIRST_AUX: ClassVar[int]
    """Index of the first auxiliary output in the commands."""
    OVERLOAD: ClassVar[int]
    """Bit of the lock-in status for an overloaded input."""
    AILMENTS: ClassVar[tuple[str, ...]] = ("error", "overload")

    def __init__(
        self,
        wiring: Wiring,
        clock: VirtualClock,
        address: str = "GPIB0::8::INSTR",
        *,
        reference_resistance: float = 1e6,
        input_across: Across = "device",
        input_resistance: float = 10e6,
        environment: Environment | None = None,
        aux_inputs: Mapping[int, Callable[[], float]] | None = None,
        query_time: float = QUERY_TIME,
        seed: int = 0,
        noise: bool = True,
    ) -> None:
        super().__init__(clock, query_time)
        self.address = address
        self.lock_in_status = self.hardware_errors = 0
        self.overloaded = False
        self.enables = {"*ESE": 0, "*SRE": 0, "LIAE": 0, "ERRE": 0}
        self._wiring = wiring
        self._aux_inputs = dict(aux_inputs or {})
        self._time = clock.now()
        self.signal = SignalPath(
            wiring,
            f"{address}/sine",
            reference_resistance=reference_resistance,
            input_across=input_across,
            input_resistance=input_resistance,
            noise_density=self.NOISE_DENSITY if noise else 0.0,
            rng=np.random.default_rng(seed),
        )
        self.clear_storage()
        # Not by way of reset(): a device must not feel its amplitude, even for no time.
        self.restore({**self.DEFAULTS, ("SLVL",): self.POWER_ON_AMPLITUDE})
        if environment is not None:
            environment.watch(self.advance)

    def trigger(self) -> None:
        """Trigger data storage, as TRIG does."""
        self.write(b"TRIG")

    def fail(self, code: int, text: str) -> None:
        """Set the bits `code` of ERRS, the errors of the hardware; they have no texts."""
        self.hardware_errors |= code & 0xFF

    def ail(self, ailment: str) -> None:
        """Let the input be overloaded, as the status bits tell."""
        self.overloaded = bool(ailment)
        if ailment:
            self.lock_in_status |= self.OVERLOAD

    def status_byte(self) -> int:
        """Return the serial poll byte: ERR 4, LIA 8, MAV 16, ESB 32, SRQ 64."""
        byte = 0b10 | (0 if self.storing else 0b1)
        byte |= 4 * bool(self.hardware_errors & self.enables["ERRE"])
        byte |= 8 * bool(self.lock_in_status & self.enables["LIAE"])
        byte |= 16 * bool(self._answers)
        byte |= 32 * bool(self.standard_event & self.enables["*ESE"])
        return byte | 64 * bool(byte & self.enables["*SRE"])

    def reset(self) -> None:
        """Set the defaults of ``*RST``; stored data are lost."""
        self.clear_storage()
        self.restore(self.DEFAULTS)

    def restore(self, settings: Mapping[tuple[Any, ...], Any]) -> None:
        """Replace every setting, and let the outputs follow."""
        self.settings = dict(settings)
        for index in range(4):
            self.drive_aux(index + 1, self.settings["AUXV", index + self.FIRST_AUX])
        self.configure()

    def advance(self) -> None:
        """Let the filter catch up with the clock, under the input as it is.

        To be called before anything changes the input.
        """
        now = self.clock.now()
        if now > self._time:
            level = self.signal.level()
            self.store_samples(now, level)
            self.advance_to(now, level)
            self.watch_overloads(level)

    def advance_to(self, time: float, level: float) -> None:
        """Let the filter catch up with `time`, with `level` at its input."""
        self.signal.advance(max(time - self._time, 0.0), level)
        self._time = max(time, self._time)

    def before_statement(self) -> None:
        self.advance()

    def after_setting(self) -> None:
        self.configure()

    def configure(self) -> None:
        """Give the settings to the signal path; subclasses add theirs."""
        phase = cmath.rect(1.0, -math.radians(self.settings["PHAS",]))
        coupling = 1 + 0j
        if self.settings["ICPL",] == 0:
            coupling = 1 / (1 - 1j * _AC_CORNER / self.settings["FREQ",])  # one RC stage
        # The small signal has no harmonics, and without a reference nothing is detected.
        detects = self.settings["HARM",] == 1 and self.has_reference
        self.signal.response = phase * coupling if detects else 0j
        self.signal.stages = self.settings["OFSL",] + 1

    @property
    def outputs(self) -> tuple[float, float, float, float]:
        """X, Y, R in volt (or ampere) and theta in degrees, saturated where they do."""
        x, y, r = (min(max(value, -most), most) for value, most in self.scaled_outputs())
        return x, y, r, math.degrees(cmath.phase(self.signal.output))

    def aux_input(self, channel: int) -> float:
        """Return the volts at auxiliary input `channel` of 1 to 4, 1/3 mV resolved."""
        volts = self._aux_inputs[channel]() if channel in self._aux_inputs else 0.0
        return round(volts / _AUX_RESOLUTION) * _AUX_RESOLUTION

    def drive_aux(self, channel: int, volts: float) -> None:
        """Put `volts` on auxiliary output `channel` of 1 to 4."""
        self._wiring.drive(f"{self.address}/aux{channel}", volts)

    # What the models differ in.

    @property
    def full_scale(self) -> float:
        """Volts (or ampere) of full scale."""
        raise NotImplementedError

    def scaled_outputs(self) -> list[tuple[float, float]]:
        """Return X, Y and R in volt (or ampere), each with what it cannot exceed."""
        raise NotImplementedError

    @property
    def has_reference(self) -> bool:
        """Whether there is a reference signal."""
        raise NotImplementedError

    @property
    def storing(self) -> bool:
        """Whether data are being stored."""
        raise NotImplementedError

    def clear_storage(self) -> None:
        """Begin with an empty store."""
        raise NotImplementedError

    def store_samples(self, until: float, level: float) -> None:
        """Store the samples that are due, with `level` at the input."""
        raise NotImplementedError

    def watch_overloads(self, level: float) -> None:
        """Latch the status bits of what is overloaded now."""
        raise NotImplementedError

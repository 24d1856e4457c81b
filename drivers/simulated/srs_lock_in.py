"""What the simulated Stanford Research lock-ins share: status bytes, outputs, time."""

import cmath
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.answers import AnswerQueue
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.lock_in_signal import Across, SignalPath
from labsyn.drivers.simulated.srs import (
    Command,
    SRSError,
    parse_statement,
    split_message,
)
from labsyn.drivers.simulated.wiring import Wiring

QUERY_TIME = 2e-3
"""Seconds that a query takes on the bus; a choice. A program that only polls waits so."""
OUTPUT_FULL_SCALE = 1.09
"""An output overloads at 109 % of full scale (SR830 manual)."""
_QUEUE_OVERFLOW = 1 << 2
_POWER_ON = 1 << 7
_AC_CORNER = 0.16  # hertz, of the coupling capacitor (SR830 manual)
_AUX_RESOLUTION = 1 / 3000  # volt


class SRSLockIn:
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

    Attributes
    ----------
    settings : dict
        What was set, by mnemonic and index.
    log : deque of (float, str)
        Virtual time and text of the latest messages, 10 000 at most.

    Raises
    ------
    ConfigError
        If the reference resistance is not positive, or the input is across something else.
    """

    COMMANDS: ClassVar[Mapping[str, Command]]
    DEFAULTS: ClassVar[Mapping[tuple[Any, ...], Any]]
    POWER_ON_AMPLITUDE: ClassVar[float]
    NOISE_DENSITY: ClassVar[float]

    def __init__(
        self,
        wiring: Wiring,
        clock: VirtualClock,
        address: str = "GPIB0::8::INSTR",
        *,
        reference_resistance: float = 1e6,
        input_across: Across = "device",
        environment: Environment | None = None,
        aux_inputs: Mapping[int, Callable[[], float]] | None = None,
        query_time: float = QUERY_TIME,
        seed: int = 0,
        noise: bool = True,
    ) -> None:
        self.address, self.clock = address, clock
        self.log: deque[tuple[float, str]] = deque(maxlen=10_000)
        self.settings: dict[tuple[Any, ...], Any] = {}
        self.standard_event = _POWER_ON
        self.lock_in_status = 0
        self.enables = {"*ESE": 0, "*SRE": 0, "LIAE": 0, "ERRE": 0}
        self._wiring, self._query_time = wiring, query_time
        self._aux_inputs = dict(aux_inputs or {})
        self._answers = AnswerQueue()
        self._time = clock.now()
        self.signal = SignalPath(
            wiring,
            f"{address}/sine",
            reference_resistance=reference_resistance,
            input_across=input_across,
            noise_density=self.NOISE_DENSITY if noise else 0.0,
            rng=np.random.default_rng(seed),
        )
        self.clear_storage()
        # Not by way of reset(): a device must not feel its amplitude, even for no time.
        self.settings = {**self.DEFAULTS, ("SLVL",): self.POWER_ON_AMPLITUDE}
        self.configure()
        if environment is not None:
            environment.watch(self.advance)

    def write(self, data: bytes) -> None:
        """Handle one message; what is wrong with it sets bits of the standard event status."""
        message = data.decode("latin-1")
        self.log.append((self.clock.now(), message.rstrip("\r\n")))
        for statement in split_message(message):
            try:
                self._run(statement)
            except SRSError as error:
                self.standard_event |= error.bit

    def _run(self, statement: str) -> None:
        command, values, is_query = parse_statement(statement, self.COMMANDS)
        if is_query:
            self.clock.sleep(self._query_time)
        self.advance()
        answer = command.handler(self, *values)
        if not is_query:
            self.configure()
        if answer is not None:
            raw = answer if isinstance(answer, bytes) else answer.encode("ascii") + b"\n"
            if not self._answers.put(raw):
                self.standard_event |= _QUEUE_OVERFLOW

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        return self._answers.read(count, termchar)

    def clear(self) -> None:
        """Forget what waits to be read (device clear); settings stay."""
        self._answers.clear()

    def trigger(self) -> None:
        """Trigger data storage, as TRIG does."""
        self.write(b"TRIG")

    def status_byte(self) -> int:
        """Return the serial poll byte: ERR 4, LIA 8, MAV 16, ESB 32, SRQ 64."""
        byte = 0b10 | (0 if self.storing else 0b1)
        byte |= 8 * bool(self.lock_in_status & self.enables["LIAE"])
        byte |= 16 * bool(self._answers)
        byte |= 32 * bool(self.standard_event & self.enables["*ESE"])
        return byte | 64 * bool(byte & self.enables["*SRE"])

    def reset(self) -> None:
        """Set the defaults of ``*RST``; stored data are lost."""
        self.clear_storage()
        self.settings = dict(self.DEFAULTS)
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

    def configure(self) -> None:
        """Give the settings to the signal path; subclasses add theirs."""
        phase = cmath.rect(1.0, -math.radians(self.settings["PHAS",]))
        coupling = 1.0
        if self.settings["ICPL",] == 0:
            frequency = self.settings["FREQ",]
            coupling = frequency / math.hypot(frequency, _AC_CORNER)
        # The small signal has no harmonics, and without a reference nothing is detected.
        detects = self.settings["HARM",] == 1 and self.has_reference
        self.signal.response = phase * coupling if detects else 0j
        self.signal.stages = self.settings["OFSL",] + 1

    @property
    def outputs(self) -> tuple[float, float, float, float]:
        """X, Y, R in volt (or ampere) and theta in degrees, saturated where they do."""
        raw = self.signal.output
        most = self.saturation
        x, y = (min(max(part, -most), most) for part in (raw.real, raw.imag))
        return x, y, min(abs(raw), most), math.degrees(cmath.phase(raw))

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

    @property
    def saturation(self) -> float:
        """Volts (or ampere) that X, Y and R cannot exceed."""
        return OUTPUT_FULL_SCALE * self.full_scale

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

"""The simulated Stanford Research SR860 lock-in amplifier.

It behaves as the manual documents it; what that does not give as a number is a
choice, named where it stands. Unlike in an SR830 the sensitivity only scales the analogue
outputs: the numbers saturate with the input range.
"""

from labsyn.drivers.simulated.sr860_capture import Capture
from labsyn.drivers.simulated.sr860_commands import (
    INPUT_RANGES,
    PARAMETERS,
    SR860_COMMANDS,
    SR860_DEFAULTS,
)
from labsyn.drivers.simulated.srs_lock_in import OUTPUT_FULL_SCALE, SRSLockIn

IDENTITY = "Stanford_Research_Systems,SR860,002823,v1.51"
SENSITIVITIES = [float(f"{m}e{e}") for e in range(-9, 0) for m in (1, 2, 5)][::-1]
SENSITIVITIES = [1.0, *SENSITIVITIES]
TIME_CONSTANTS = [float(f"{m}e{e}") for e in range(-6, 5) for m in (1, 3)]
_CURRENT_SCALE = 1e-6  # ampere at the sensitivity of 1 V
_CHANNEL_1, _CHANNEL_2, _UNLOCK, _RANGE = 1 << 0, 1 << 1, 1 << 3, 1 << 4


class SimulatedSR860(SRSLockIn):
    r"""An SR860; its parameters are those of `SRSLockIn`.

    Examples
    --------
    >>> from labsyn.drivers.clock import VirtualClock
    >>> from labsyn.drivers.simulated.wiring import Wiring
    >>> clock = VirtualClock()
    >>> lock_in = SimulatedSR860(Wiring(clock), clock, noise=False)
    >>> lock_in.write(b"SLVL 0.5; SLVL?")
    >>> lock_in.read(99)
    (b'0.5\n', True)
    """

    IDENTITY = IDENTITY
    COMMANDS = SR860_COMMANDS
    POWER_ON_AMPLITUDE = 0.0
    NOISE_DENSITY = 2.5e-9
    FIRST_AUX = 0
    SPACED = True
    JOINS_ANSWERS = True
    DEFAULTS = SR860_DEFAULTS
    OVERLOAD = _RANGE

    def clear_storage(self) -> None:
        self.capture = Capture(self)

    def configure(self) -> None:
        super().configure()
        self.signal.current_input = self.settings["IVMD",] == 1
        self.signal.time_constant = TIME_CONSTANTS[self.settings["OFLT",]]
        self.signal.drive(self.settings["SLVL",], self.settings["SOFF",])

    @property
    def full_scales(self) -> list[float]:
        """Volts (or ampere) of full scale, by sensitivity."""
        unit = _CURRENT_SCALE if self.settings["IVMD",] else 1.0
        return [volts * unit for volts in SENSITIVITIES]

    @property
    def full_scale(self) -> float:
        return self.full_scales[self.settings["SCAL",]]

    @property
    def saturation(self) -> float:
        """Volts (or ampere) that X, Y and R cannot exceed."""
        if self.settings["IVMD",]:
            return OUTPUT_FULL_SCALE * _CURRENT_SCALE / (100.0 if self.settings["ICUR",] else 1)
        return OUTPUT_FULL_SCALE * INPUT_RANGES[self.settings["IRNG",]]

    def scaled_outputs(self) -> list[tuple[float, float]]:
        raw, most = self.signal.output, self.saturation
        return [(value, most) for value in (raw.real, raw.imag, abs(raw))]

    @property
    def has_reference(self) -> bool:
        return self.settings["RSRC",] == 0  # nothing is on the external reference input

    @property
    def storing(self) -> bool:
        return self.capture.running

    def store_samples(self, until: float, level: float) -> None:
        self.capture.store_until(until, level)

    def overloads(self, level: float) -> int:
        """Return the bits of what is overloaded now, with `level` at the input."""
        raw = self.signal.output
        most = OUTPUT_FULL_SCALE * self.full_scale
        bits = _CHANNEL_1 * (abs(raw.real) > most) | _CHANNEL_2 * (abs(raw.imag) > most)
        return (
            bits
            | _UNLOCK * (not self.has_reference)
            | _RANGE * (self.overloaded or abs(level) > self.saturation)
        )

    def watch_overloads(self, level: float) -> None:
        self.lock_in_status |= self.overloads(level)

    def displayed(self, index: int) -> float:
        """Return one of `PARAMETERS`; the noise outputs are not simulated, they read zero."""
        values = {
            "PHAse": self.settings["PHAS",],
            "SAMp": self.settings["SLVL",],
            "LEVel": self.settings["SOFF",],
            "FInt": self.settings["FREQ",],
            "OUT1": self.settings["AUXV", 0],
            "OUT2": self.settings["AUXV", 1],
        }
        if index < 4:
            return self.outputs[index]
        if index < 8:
            return self.aux_input(index - 3)
        return float(values.get(PARAMETERS[index], 0.0))

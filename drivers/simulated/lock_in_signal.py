"""From the sine output through the device to the filtered outputs of a lock-in.

The small signal is quasi-static: the sine output stands as its rms value on the wiring,
behind a reference resistor, and the input sees the voltage across the device or across
that resistor. It loads the point between the two. Demodulation gives X + iY; one to four
equal RC stages filter it.
"""

import cmath
import math
from typing import Literal

import numpy as np

from labsyn.data.errors import ConfigError
from labsyn.drivers.simulated.wiring import Wiring

# Equivalent noise bandwidth times time constant, by number of RC stages (SR830 manual,
# chapter 3).
_NOISE_BANDWIDTHS = {1: 1 / 4, 2: 1 / 8, 3: 3 / 32, 4: 5 / 64}
# A device model gives its noise for one ordinary reading; taken as 20 ms, which is 25 Hz.
_DEVICE_BANDWIDTH = 25.0
_CURRENT_NOISE = 0.13e-12  # ampere per root hertz at the current input (SR830 manual)
_MAX_STAGES = 4

Across = Literal["device", "reference"]


class SignalPath:
    """The analogue world of a lock-in: its sine output, its input, and its filter.

    Parameters
    ----------
    wiring : Wiring
        Where `source` is the sine output.
    source : str
        Name of the sine output.
    reference_resistance : float
        Ohm in series with the device.
    input_across : {"device", "reference"}
        What the input is connected to.
    input_resistance : float
        Of the voltage input, in ohm, from between resistor and device to ground.
    noise_density : float
        Of the input, in volt per root hertz; zero for neither this noise nor the device's.
    rng : numpy.random.Generator
        Draws the noise.

    Attributes
    ----------
    time_constant : float
        Of one stage, in seconds.
    stages : int
        RC stages, 6 dB per octave each.
    response : complex
        What the detector makes of one volt rms at the input: phase, coupling, harmonic.

    Raises
    ------
    ConfigError
        If the resistance is not positive, or the input is across something else.
    """

    def __init__(
        self,
        wiring: Wiring,
        source: str,
        *,
        reference_resistance: float,
        input_across: Across,
        input_resistance: float,
        noise_density: float,
        rng: np.random.Generator,
    ) -> None:
        if not 0 < reference_resistance < math.inf:
            raise ConfigError(
                f"a reference resistance of {reference_resistance:g} Ω must be positive"
            )
        if not input_resistance > 0:
            raise ConfigError(f"an input resistance of {input_resistance:g} Ω must be positive")
        if input_across not in ("device", "reference"):
            raise ConfigError(
                f"the input is across {input_across!r}, it must be 'device' or 'reference'"
            )
        self.time_constant, self.stages = 0.1, 2
        self.response = 1 + 0j
        self._current_input = False
        self._wiring, self._source = wiring, source
        self._resistance, self._across = reference_resistance, input_across
        self._input_resistance = input_resistance
        self._density, self._rng = noise_density, rng
        self._amplitude, self._offset = 0.0, 0.0
        self._states = [0j] * _MAX_STAGES
        self._noise = 0j

    @property
    def current_input(self) -> bool:
        """Whether the input takes the current through the device, in ampere."""
        return self._current_input

    @current_input.setter
    def current_input(self, takes_current: bool) -> None:
        if takes_current != self._current_input:
            self._current_input = takes_current
            if self._amplitude or self._offset:
                self._force(self._amplitude + self._offset)

    def drive(self, amplitude: float, offset: float = 0.0) -> None:
        """Put `amplitude` volt rms on a direct `offset` on the sine output."""
        if (amplitude, offset) != (self._amplitude, self._offset):
            self._amplitude, self._offset = amplitude, offset
            self._force(amplitude + offset)

    def level(self) -> float:
        """Return the volt (or ampere) rms at the input now, without noise."""
        if not self._offset:
            return self._at_input(self._amplitude)
        high = self._at_input(self._amplitude + self._offset)
        self._force(self._offset)
        low = self._at_input(self._offset)
        self._force(self._amplitude + self._offset)
        return high - low

    def advance(self, seconds: float, level: float) -> None:
        """Let `seconds` pass in the filter, with `level` at the input all the while."""
        target = level * self.response
        times = seconds / self.time_constant
        decay = math.exp(-times)
        gaps = [state - target for state in self._states]
        self._states = [
            target
            + decay * sum(gaps[k - j] * times**j / math.factorial(j) for j in range(k + 1))
            if decay > 0  # beyond that times**j overflows
            else target
            for k in range(_MAX_STAGES)
        ]
        if self._density and seconds > 0:
            kick = math.sqrt(-math.expm1(-2 * times))
            self._noise = decay * self._noise + kick * self._draw()

    @property
    def output(self) -> complex:
        """X + iY after the filter, in volt (or ampere) rms, with noise."""
        return self._states[self.stages - 1] + self._noise

    @property
    def noise_bandwidth(self) -> float:
        """Equivalent noise bandwidth of the filter, in hertz."""
        return _NOISE_BANDWIDTHS[self.stages] / self.time_constant

    def _draw(self) -> complex:
        width = math.sqrt(self.noise_bandwidth)
        x, y = self._rng.standard_normal(2)
        density = _CURRENT_NOISE if self.current_input else self._density
        own = density * width * (float(x) + 1j * float(y))
        flowing, forced = self._wiring.current(self._source), self._amplitude + self._offset
        excess = self._wiring.measured_current(self._source) - flowing
        share, resistance = self._loaded()
        if forced:  # at a constant voltage across the device; the divider lets it move
            excess *= 1 - flowing * resistance / (share * forced)
        volts = excess if self.current_input else excess * resistance
        return own + volts * width / math.sqrt(_DEVICE_BANDWIDTH) * _direction(self.response)

    def _at_input(self, forced: float) -> float:
        current = self._wiring.current(self._source)
        if self.current_input:
            return current
        share, resistance = self._loaded()
        across_device = share * forced - current * resistance
        return across_device if self._across == "device" else forced - across_device

    def _force(self, volts: float) -> None:
        share, resistance = self._loaded()
        self._wiring.drive(self._source, share * volts, series_resistance=resistance)

    def _loaded(self) -> tuple[float, float]:
        """Return the share of the sine, and the ohm behind it, that the device sees.

        Thévenin's source of sine, reference resistor and voltage input.
        """
        load = math.inf if self._current_input else self._input_resistance
        share = 1 / (1 + self._resistance / load)
        return share, share * self._resistance


def _direction(response: complex) -> complex:
    return cmath.rect(1.0, cmath.phase(response)) if response else 1 + 0j

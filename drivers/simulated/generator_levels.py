"""The levels of one output of a pulse generator, and the voltages that it shows and takes.

The output is an open-circuit voltage behind 50 Ω. What the instrument shows and takes as
voltages is what a load of the set resistance would get: changing the load setting rescales
the display and leaves the output alone (Agilent 33500 Series Operating and Service Guide,
"Output Termination").
"""

import math
from collections.abc import Callable

from labsyn.drivers.simulated.generator_model import Model
from labsyn.drivers.simulated.generator_waveform import rms_factor
from labsyn.drivers.simulated.scpi_values import ScpiError

SOURCE_RESISTANCE = 50.0
_LEAST_STEP = 1e-3  # volts between the levels when the instrument corrects their order
_ROUNDING = 1e-9  # relative


class GeneratorLevels:
    """Amplitude, offset, levels, load and voltage limits of one output.

    Parameters
    ----------
    model : Model
        What the instrument can do.
    report : callable
        Takes a `ScpiError` for the queue.
    """

    shape: str

    def __init__(self, model: Model, report: Callable[[ScpiError], None]) -> None:
        self.model = model
        self._report = report
        self.reset()

    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        self._load = SOURCE_RESISTANCE
        self._high = self.model.reset_amplitude  # half of twice what 50 Ω get
        self._low = -self.model.reset_amplitude
        self._unit = "VPP"
        self._limits_on = False
        self.limit_high, self.limit_low = 2 * self.model.level, -2 * self.model.level

    @property
    def share(self) -> float:
        """Share of the open-circuit voltage that the set load would get."""
        if math.isinf(self._load):
            return 1.0
        return self._load / (self._load + SOURCE_RESISTANCE)

    @property
    def load(self) -> float:
        return self._load

    @load.setter
    def load(self, ohm: float) -> None:
        if self._limits_on:
            raise ScpiError(-221, "load cannot change while voltage limits are on")
        self._load = ohm
        if math.isinf(ohm) and self._unit == "DBM":
            self._unit = "VPP"

    @property
    def highest(self) -> float:
        """The highest level, in volts at the set load."""
        return 2 * self.model.level * self.share

    @property
    def high(self) -> float:
        return self._high * self.share

    @high.setter
    def high(self, volts: float) -> None:
        self._set_levels(volts / self.share, self._low, keep_high=True)

    @property
    def low(self) -> float:
        return self._low * self.share

    @low.setter
    def low(self, volts: float) -> None:
        self._set_levels(self._high, volts / self.share, keep_high=False)

    @property
    def offset(self) -> float:
        return (self._high + self._low) / 2 * self.share

    @offset.setter
    def offset(self, volts: float) -> None:
        half = (self._high - self._low) / 2
        self._set_levels(volts / self.share + half, volts / self.share - half, keep_high=True)

    @property
    def greatest_offset(self) -> float:
        """The greatest offset that the amplitude leaves room for."""
        return self.highest if self.shape == "DC" else self.room(self.high - self.low)

    def room(self, vpp: float) -> float:
        """Return the greatest offset of `vpp` peak-to-peak volts."""
        return (self.highest - vpp / 2) * (1 + _ROUNDING)

    def set_swing(self, vpp: float, offset: float) -> None:
        """Set amplitude and offset, in volts, at once; the offset yields to the amplitude."""
        greatest = self.highest if self.shape == "DC" else self.room(vpp)
        if abs(offset) > greatest:
            if not self.model.adjusts:
                raise ScpiError(-222)
            self._report(ScpiError(-222, "offset limited by amplitude"))
            offset = math.copysign(greatest, offset)
        high, low = offset + vpp / 2, offset - vpp / 2
        self._set_levels(high / self.share, low / self.share, keep_high=True)

    @property
    def unit(self) -> str:
        return self._unit

    @unit.setter
    def unit(self, unit: str) -> None:
        if unit == "DBM" and math.isinf(self._load):
            raise ScpiError(-221, "dBm needs a finite load")
        self._unit = unit

    @property
    def amplitude(self) -> float:
        """Amplitude in the set unit."""
        return self.in_unit(self.high - self.low)

    @amplitude.setter
    def amplitude(self, value: float) -> None:
        self.set_swing(self.peak_to_peak(value), self.offset)

    @property
    def least_amplitude(self) -> float:
        """The least amplitude, in the set unit."""
        return self.in_unit(2 * self.model.amplitude[0] * self.share)

    @property
    def greatest_amplitude(self) -> float:
        """The greatest amplitude that the offset leaves room for, in the set unit."""
        room = 2 * (self.highest - abs(self.offset))
        return self.in_unit(min(2 * self.model.amplitude[1] * self.share, room))

    @property
    def greatest_centred_amplitude(self) -> float:
        """The greatest amplitude without an offset, in the set unit."""
        return self.in_unit(2 * min(self.model.amplitude[1] * self.share, self.highest))

    def in_unit(self, vpp: float, shape: str = "") -> float:
        """Return the peak-to-peak volts `vpp` of `shape`, or the one set, in the set unit."""
        rms = vpp / rms_factor(shape or self.shape)
        if self._unit == "VPP":
            return vpp
        return rms if self._unit == "VRMS" else 10 * math.log10(rms**2 / self._load / 1e-3)

    def peak_to_peak(self, value: float, unit: str = "", shape: str = "") -> float:
        """Return an amplitude in peak-to-peak volts; `unit`, `shape`: those set by default."""
        factor = rms_factor(shape or self.shape)
        match unit or self._unit:
            case "VRMS":
                return value * factor
            case "DBM" if math.isinf(self._load):
                raise ScpiError(-221, "dBm needs a finite load")
            case "DBM":
                watts = 1e-3 * 10.0 ** (max(-1000.0, min(value, 100.0)) / 10)
                return math.sqrt(watts * self._load) * factor
        return value

    @property
    def limits_on(self) -> bool:
        """Whether no level may go beyond `limit_low` and `limit_high`."""
        return self._limits_on

    @limits_on.setter
    def limits_on(self, on: bool) -> None:
        if on and (self.high > self.limit_high or self.low < self.limit_low):
            raise ScpiError(-221, "levels are beyond the voltage limits")
        self._limits_on = on

    def _set_levels(self, high: float, low: float, *, keep_high: bool) -> None:
        """Set the open-circuit levels."""
        lowest, highest = (2 * limit for limit in self.model.amplitude)
        gap = max(_LEAST_STEP, lowest)
        if high - low < lowest * (1 - _ROUNDING):
            self._resolve("high level must exceed low level")
            high, low = (high, high - gap) if keep_high else (low + gap, low)
            if max(high, -low) > 2 * self.model.level:  # both end at the end of the range
                edge = math.copysign(2 * self.model.level, high + low)
                high, low = (edge, edge - gap) if edge > 0 else (edge + gap, edge)
        elif high - low > highest * (1 + _ROUNDING):
            self._resolve("amplitude limited")
            high, low = (high, high - highest) if keep_high else (low + highest, low)
        middle = abs(high + low) / 2
        peak = middle if self.shape == "DC" else middle + (high - low) / 2
        if peak > 2 * self.model.level * (1 + 2 * _ROUNDING):
            raise ScpiError(-222)
        if self._limits_on:
            high, low = self._inside_limits(high, low, gap)
        self._high, self._low = high, low

    def _inside_limits(self, high: float, low: float, gap: float) -> tuple[float, float]:
        """Return the levels, clipped to the voltage limits where the instrument does that."""
        top, bottom = self.limit_high / self.share, self.limit_low / self.share
        if high <= top and low >= bottom:
            return high, low
        if not self.model.adjusts:
            raise ScpiError(-222, "beyond the voltage limits")
        self._resolve("level clipped to the voltage limits")
        low = min(max(low, bottom), top - gap)
        return max(min(high, top), low + gap), low

    def _resolve(self, conflict: str) -> None:
        """Report a conflict that the caller adjusts, or refuse the setting."""
        if not self.model.adjusts:
            raise ScpiError(-221, conflict)
        self._report(ScpiError(-221, conflict))

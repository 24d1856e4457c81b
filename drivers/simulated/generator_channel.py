"""One output of a pulse generator: its settings, and the voltages that follow from them.

The output is an open-circuit voltage behind 50 Ω. What the instrument shows and takes as
voltages is what a load of the set resistance would get: changing the load setting rescales
the display and leaves the output alone (Agilent 33500 Series Operating and Service Guide,
"Output Termination").
"""

import math
from collections.abc import Callable

from labsyn.drivers.simulated.generator_model import Model
from labsyn.drivers.simulated.generator_waveform import rms_factor, steps
from labsyn.drivers.simulated.scpi_values import ScpiError

SOURCE_RESISTANCE = 50.0
_EDGE_SHARE = 1.6  # width and edge: period >= width + 1.6 edge (81150A/81160A, 3.4.1)
_LEAST_STEP = 1e-3  # volts between the levels when the instrument corrects their order


class GeneratorChannel:
    """Settings of one output; every setter refuses or adjusts as the instrument does.

    Parameters
    ----------
    model : Model
        What the instrument can do.
    report : callable
        Takes a `ScpiError` for the queue.
    """

    def __init__(self, model: Model, report: Callable[[ScpiError], None]) -> None:
        self.model = model
        self._report = report
        self.reset()

    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        model = self.model
        self._shape, self.pulse_hold = "SIN", "WIDT"
        self._period, self._width = model.reset_period, model.reset_width
        self.edge = model.reset_edge
        self._load = SOURCE_RESISTANCE
        self._high = model.reset_amplitude  # half of twice what 50 Ω get
        self._low = -model.reset_amplitude
        self._unit = "VPP"
        self.output, self.polarity = False, "NORM"
        self.burst, self.burst_mode, self.cycles = False, "TRIG", max(1.0, model.cycles[0])
        self.trigger_source, self.burst_period = model.reset_trigger, 10e-3
        self.square_duty, self.symmetry = 50.0, 100.0
        self.limits_on, self.coupled = False, False
        self.limit_high, self.limit_low = 2 * model.level, -2 * model.level
        self.trigger_delay, self.trigger_slope, self.trigger_timer = 0.0, "POS", 1.0
        self.trigger_number = 1.0
        self.phase, self.burst_phase = 0.0, 0.0
        self.gate_polarity, self.frequency_mode = "NORM", "CW"
        self.waveform = "VOLATILE"
        self.waveforms: dict[str, tuple[float, ...]] = {}
        self.sample_rate, self.arb_advance, self.arb_filter = 40e3, "SRAT", "STEP"

    @property
    def shape(self) -> str:
        return self._shape

    @shape.setter
    def shape(self, shape: str) -> None:
        self._shape = shape
        if shape == "PULS" and self._period < self.model.period[0]:
            self._period = self.model.period[0]
            self._report(ScpiError(-221, "frequency reduced for pulse function"))

    @property
    def frequency(self) -> float:
        return 1 / self.period

    @frequency.setter
    def frequency(self, hertz: float) -> None:
        self.period = 1 / hertz

    @property
    def period(self) -> float:
        """Seconds of one cycle; an arbitrary waveform of the 33500 has its sample rate."""
        if self._shape == "ARB":
            return len(self.points) / self.sample_rate
        return self._period

    @period.setter
    def period(self, seconds: float) -> None:
        width = self._width
        if self.pulse_hold == "DCYC":
            width = max(self.model.width[0], width / self._period * seconds)
        if width + _EDGE_SHARE * self.edge > seconds * (1 + 1e-9):
            if self._shape == "PULS":  # another shape has no use for them
                self._resolve("pulse width and edge decreased due to period")
            self.edge = max(self.model.edge[0], (seconds - width) / _EDGE_SHARE)
            width = min(width, seconds - _EDGE_SHARE * self.edge)
            if width < self.model.width[0]:
                width, self.edge = self.model.width[0], self.model.edge[0]
        self._period, self._width = seconds, width

    @property
    def width(self) -> float:
        return self._width

    @width.setter
    def width(self, seconds: float) -> None:
        if _EDGE_SHARE * self.edge > seconds * (1 + 1e-9):
            self._resolve("pulse edge time decreased due to pulse width")
            self.edge = max(self.model.edge[0], seconds / _EDGE_SHARE)
        self._width = seconds

    @property
    def widest(self) -> float:
        """The longest pulse that fits the period."""
        room = self._period - _EDGE_SHARE * self.edge
        return max(self.model.width[0], min(room, self.model.width[1]))

    @property
    def slowest_edge(self) -> float:
        """The longest edge that fits width and period."""
        room = min(self._width, self._period - self._width) / _EDGE_SHARE
        return max(self.model.edge[0], min(room, self.model.edge[1]))

    @property
    def pulse_duty(self) -> float:
        return 100 * self._width / self._period

    @pulse_duty.setter
    def pulse_duty(self, percent: float) -> None:
        self.width = min(max(percent / 100 * self._period, self.model.width[0]), self.widest)

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
        if self.limits_on:
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
        vpp = (self._high - self._low) * self.share
        rms = vpp / rms_factor(self._shape)
        if self._unit == "VPP":
            return vpp
        return rms if self._unit == "VRMS" else 10 * math.log10(rms**2 / self._load / 1e-3)

    @amplitude.setter
    def amplitude(self, value: float) -> None:
        vpp = value
        if self._unit == "VRMS":
            vpp = value * rms_factor(self._shape)
        elif self._unit == "DBM":
            watts = 1e-3 * 10.0 ** (max(-1000.0, min(value, 100.0)) / 10)
            vpp = math.sqrt(watts * self._load) * rms_factor(self._shape)
        lowest, highest = (2 * limit for limit in self.model.amplitude)
        if not lowest * (1 - 1e-9) <= vpp / self.share <= highest * (1 + 1e-9):
            raise ScpiError(-222)
        middle, half = (self._high + self._low) / 2, vpp / self.share / 2
        self._set_levels(middle + half, middle - half, keep_high=True)

    def _set_levels(self, high: float, low: float, *, keep_high: bool) -> None:
        """Set the open-circuit levels."""
        lowest, highest = (2 * limit for limit in self.model.amplitude)
        if high - low < lowest * (1 - 1e-9):
            self._resolve("high level must exceed low level")
            gap = max(_LEAST_STEP, lowest)
            high, low = (high, high - gap) if keep_high else (low + gap, low)
        elif high - low > highest * (1 + 1e-9):
            self._resolve("amplitude limited")
            high, low = (high, high - highest) if keep_high else (low + highest, low)
        top = 2 * self.model.level * (1 + 1e-9)
        if high > top or low < -top:
            raise ScpiError(-222)
        if self.limits_on and (
            high * self.share > self.limit_high or low * self.share < self.limit_low
        ):
            raise ScpiError(-222, "beyond the voltage limits")
        self._high, self._low = high, low

    @property
    def trigger_count(self) -> float:
        """Cycles of one trigger: a short form of burst state and cycles (81160A)."""
        return self.cycles if self.burst else 1.0

    @trigger_count.setter
    def trigger_count(self, number: float) -> None:
        self.burst = number > 1
        if number > 1:
            self.cycles = number

    @property
    def points(self) -> tuple[float, ...]:
        """The selected arbitrary waveform, from -1 to 1."""
        return self.waveforms.get(self.waveform, (0.0,))

    @property
    def rest(self) -> float:
        """Open-circuit volts while a burst is waited for: where a cycle begins."""
        middle = (self._high + self._low) / 2
        at_low = self._low if self.polarity == "NORM" else self._high
        return at_low if self._shape in ("PULS", "SQU") else middle

    def cycle(self) -> list[tuple[float, float]]:
        """Return one cycle as (seconds, open-circuit volts); see `steps`."""
        duty = self._width / self._period if self._shape == "PULS" else self.square_duty / 100
        rising = 0.5 if self._shape == "TRI" else self.symmetry / 100
        sign = 1 if self.polarity == "NORM" else -1
        middle, half = (self._high + self._low) / 2, (self._high - self._low) / 2
        return [
            (share * self.period, middle + sign * half * y)
            for share, y in steps(self._shape, duty, rising, self.points)
            if share
        ]

    def _resolve(self, conflict: str) -> None:
        """Report a conflict that the caller adjusts, or refuse the setting."""
        if not self.model.adjusts:
            raise ScpiError(-221, conflict)
        self._report(ScpiError(-221, conflict))

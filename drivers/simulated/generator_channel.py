"""One output of a pulse generator: its settings, and the waveform that follows from them."""

import math

from labsyn.drivers.simulated.generator_levels import GeneratorLevels
from labsyn.drivers.simulated.generator_waveform import begun_at, first, steps
from labsyn.drivers.simulated.scpi_values import ScpiError

_EDGE_SHARE = 1.6  # width and edge: period >= width + 1.6 edge (81150A/81160A, 3.4.1)


class GeneratorChannel(GeneratorLevels):
    """Settings of one output; every setter refuses or adjusts as the instrument does."""

    def reset(self) -> None:
        super().reset()
        model = self.model
        self._shape, self.pulse_hold = "SIN", "WIDT"
        self._period, self._width = model.reset_period, model.reset_width
        self.edge = model.reset_edge
        self.output, self.polarity = False, "NORM"
        self.burst, self.burst_mode, self.cycles = False, "TRIG", max(1.0, model.cycles[0])
        self.trigger_source, self._burst_period = model.reset_trigger, 10e-3
        self.square_duty, self.symmetry = 50.0, 100.0
        self.coupled = False
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
        if self._shape == "DC" != shape and abs(self.offset) > self.room(self.high - self.low):
            self._resolve("offset changed on exit from dc function")
            self._shape = shape
            self.offset = math.copysign(self.greatest_offset, self.offset)
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
        if self._shape == "PULS" and seconds < self.model.period[0] * (1 - 1e-9):
            self._resolve("frequency reduced for pulse function")
            seconds = self.model.period[0]
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
    def burst_period(self) -> float:
        """Seconds between the starts of internally triggered bursts."""
        return self._burst_period

    @burst_period.setter
    def burst_period(self, seconds: float) -> None:
        needed = self.cycles * self.period
        internal = self.trigger_source == "IMM" and self.model.adjusts
        if internal and seconds < needed < math.inf:
            self._resolve("burst period increased to fit entire burst")
            seconds = needed
        self._burst_period = seconds

    def apply(
        self,
        shape: str,
        frequency: float | None,
        amplitude: float | None,
        offset: float | None,
    ) -> None:
        """Set what ``APPLy`` says, without bursts or triggers, and switch on; or nothing."""
        before = dict(vars(self))
        try:
            self._shape = shape  # on which effective values depend
            self.burst, self.trigger_source = False, "IMM"
            if frequency is not None:
                self.frequency = frequency
            vpp = self.high - self.low if amplitude is None else self.peak_to_peak(amplitude)
            self.set_swing(vpp, self.offset if offset is None else offset)
            self.shape = shape
        except ScpiError:
            vars(self).update(before)
            raise
        self.output = True

    @property
    def rest(self) -> float:
        """Open-circuit volts while a burst is waited for: where a cycle begins."""
        return self._volts(first(self._shape, self._rising, self.points, self._start))

    def cycle(self) -> list[tuple[float, float]]:
        """Return one cycle as (seconds, open-circuit volts); see `steps`."""
        duty = self._width / self._period if self._shape == "PULS" else self.square_duty / 100
        shares = steps(self._shape, duty, self._rising, self.points)
        return [
            (share * self.period, self._volts(y))
            for share, y in begun_at(shares, self._start)
            if share
        ]

    @property
    def _rising(self) -> float:
        """Share of the period in which a ramp rises."""
        return 0.5 if self._shape == "TRI" else self.symmetry / 100

    @property
    def _start(self) -> float:
        """Share of the period at which bursts begin; pulses have no burst phase."""
        if not self.burst or self._shape == "PULS":
            return 0.0
        return self.burst_phase / 360 % 1.0

    def _volts(self, y: float) -> float:
        """Return open-circuit volts for -1 to 1."""
        sign = 1 if self.polarity == "NORM" else -1
        return (self._high + self._low) / 2 + sign * (self._high - self._low) / 2 * y

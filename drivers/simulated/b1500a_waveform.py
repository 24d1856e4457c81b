"""What one channel of the pulse generator B1525A puts out during one period."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SOURCE_RESISTANCE = 50.0
HIGHEST_VOLTAGE = 40.0
"""Of the generator with an open output, in volts."""
DC, FIRST, SECOND, THREE_LEVEL = 0, 1, 2, 3
_SHARP = 0.05  # of the width: shorter edges are one step at their middle; a choice
_EDGE_STEPS = 16  # steps of a longer edge; a choice


@dataclass(frozen=True)
class PulseShape:
    """Times of one pulse in seconds: width from half height to half height.

    The leading edge begins after `delay`; edges are straight (both choices).
    """

    delay: float = 0.0
    width: float = 1e-7
    leading: float = 2e-8
    trailing: float = 2e-8

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Begin and end of the leading edge, begin and end of the trailing edge."""
        top = self.delay + self.leading / 2 + self.width
        return (
            self.delay,
            self.delay + self.leading,
            top - self.trailing / 2,
            top + self.trailing / 2,
        )

    def height(self, time: float) -> float:
        """Return the height at `time` in the period, from 0 to 1."""
        begin, high, low, end = self.corners
        return min(self._risen(time, begin, high), 1 - self._risen(time, low, end))

    def _risen(self, time: float, begin: float, end: float) -> float:
        """Return the share of an edge that is over at `time`."""
        if self._is_sharp(begin, end):
            return float(time >= (begin + end) / 2)
        return min(max((time - begin) / (end - begin), 0.0), 1.0)

    def _is_sharp(self, begin: float, end: float) -> bool:
        return end - begin <= _SHARP * self.width

    def times(self) -> list[float]:
        """Return the times at which the voltage is to change."""
        begin, high, low, end = self.corners
        return [*self._edge(begin, high), *self._edge(low, end)]

    def _edge(self, begin: float, end: float) -> list[float]:
        if self._is_sharp(begin, end):
            return [(begin + end) / 2]
        step = (end - begin) / _EDGE_STEPS
        return [begin + k * step for k in range(_EDGE_STEPS)] + [end]


@dataclass(frozen=True)
class PulseSwitch:
    """The switch at the output (ODSW): closed in a window, or open in it."""

    enabled: int = 0
    normally_closed: int = 0
    delay: float = 0.0
    width: float = 1e-7

    def closed(self, time: float) -> bool:
        """Tell whether the output is connected at `time` in the period."""
        if not self.enabled:
            return True
        inside = self.delay <= time < self.delay + self.width
        return inside != bool(self.normally_closed)

    def times(self) -> list[float]:
        """Return the times at which it opens or closes."""
        return [self.delay, self.delay + self.width] if self.enabled else []


@dataclass
class Waveform:
    """Voltages, times and switch of one channel, as the load would see them.

    Attributes
    ----------
    mode : int
        0 DC, 1 and 2 pulses of source 1 or 2, 3 pulses of both on top of each other.
    voltages : dict of int to tuple
        Base and peak of DC (0) and of the two pulse sources, in volt at the load.
    shapes : dict of int to PulseShape
    switch : PulseSwitch
    load : float
        Load that SER names, in ohm: the generator raises its voltage so that just this
        load sees what was set. A lighter one sees more: twice as much where 50 Ω, the
        initial setting, meet an open circuit.
    """

    mode: int = FIRST
    voltages: dict[int, tuple[float, float]] = field(
        default_factory=lambda: dict.fromkeys((DC, FIRST, SECOND), (0.0, 0.0))
    )
    shapes: dict[int, PulseShape] = field(
        default_factory=lambda: {FIRST: PulseShape(), SECOND: PulseShape()}
    )
    switch: PulseSwitch = PulseSwitch()
    load: float = 50.0

    @property
    def gain(self) -> float:
        """Voltage of the generator behind its 50 Ω, over the one at the load."""
        return (self.load + SOURCE_RESISTANCE) / self.load

    @property
    def sources(self) -> tuple[int, ...]:
        """Pulse sources in use."""
        return {DC: (), FIRST: (FIRST,), SECOND: (SECOND,)}.get(self.mode, (FIRST, SECOND))

    def base(self) -> float:
        """Volts of the generator between pulses."""
        return self._volts(None)

    def volts(self, time: float) -> float | None:
        """Return the volts of the generator at `time` in the period, None if switched off."""
        return self._volts(time) if self.switch.closed(time) else None

    def _volts(self, time: float | None) -> float:
        if self.mode == DC:
            return self.gain * self.voltages[DC][0]
        # Three levels: the base of source 1, and both pulses on it (unverified).
        level = self.voltages[self.sources[0]][0]
        for source in self.sources if time is not None else ():
            base, peak = self.voltages[source]
            level += (peak - base) * self.shapes[source].height(time or 0.0)
        return self.gain * level

    def is_possible(self) -> bool:
        """Tell whether the generator has the voltages that are set."""
        return _reached(self.gain * level for pair in self.voltages.values() for level in pair)

    def times(self) -> list[float]:
        """Return the times in a period at which the output changes."""
        times = self.switch.times()
        for source in self.sources:
            times += self.shapes[source].times()
        return times

    def fits(self, period: float) -> bool:
        """Tell whether the pulses can be put out, one on top of the other.

        Each is over within `period`, none begins to fall early, and the generator has the
        voltage of their sum.
        """
        corners = [self.shapes[source].corners for source in self.sources]
        in_time = all(
            high <= low * (1 + 1e-9) and end <= period * (1 + 1e-9)
            for _, high, low, end in corners
        )
        return in_time and _reached(self._volts(time) for each in corners for time in each)


def _reached(volts: Iterable[float]) -> bool:
    # SER ends at 1 MΩ: 40 V there stand for 40 V at an open output.
    return all(abs(level) <= HIGHEST_VOLTAGE * (1 + 1e-4) for level in volts)


def pieces(waveforms: Sequence[Waveform], period: float) -> list[tuple[float, float]]:
    """Return begin and end of the parts of a period in which no output changes."""
    cuts = {0.0, period}
    for waveform in waveforms:
        cuts.update(time for time in waveform.times() if 0 < time < period)
    ordered = sorted(cuts)
    return list(pairwise(ordered))

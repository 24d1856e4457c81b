"""Linear waveforms and channels of the B1530A: corners, sampling times, modes."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from labsyn.data.errors import InstrumentError

OPERATION_MODE_DC, OPERATION_MODE_FASTIV = 2000, 2001
OPERATION_MODE_PG, OPERATION_MODE_SMU = 2002, 2003
MEASURE_MODE_VOLTAGE, MEASURE_MODE_CURRENT = 4000, 4001
MEASURE_EVENT_DATA_AVERAGED, MEASURE_EVENT_DATA_RAW = 12000, 12001

PARAMETER_OUT_OF_RANGE, CONTEXT_ERROR = -1, -3
CHANNEL_NOT_FOUND, PATTERN_NOT_FOUND, PATTERN_EXISTS = -9, -10, -12
RESULT_NOT_READY = -14
RESOLUTION = 10e-9
"""Shortest time between two corners, in seconds."""


class WgfmuError(InstrumentError):
    """A call that the library refuses, with the status it would return."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"WGFMU {code}: {reason}")
        self.code = code


@dataclass
class Pattern:
    """A waveform: corner times and volts, and the times to measure at."""

    times: list[float]
    volts: list[float]
    samples: list[float] = field(default_factory=list)

    def measure(
        self, event: str, time: float, points: int, interval: float, average: float
    ) -> None:
        """Add `points` times to measure at, from `time` on, in the middle of each average."""
        if points < 1 or not time >= 0 or not 0 <= average <= interval:
            raise WgfmuError(
                PARAMETER_OUT_OF_RANGE,
                f"event {event!r}: {points} points from {time:g} s, average {average:g} s "
                f"of {interval:g} s",
            )
        samples = [time + k * interval + average / 2 for k in range(points)]
        if samples[-1] > self.times[-1] * (1 + 1e-9):
            raise WgfmuError(
                PARAMETER_OUT_OF_RANGE, f"event {event!r} ends after its pattern does"
            )
        self.samples = sorted([*self.samples, *samples])

    def at(self, time: float) -> float:
        """Return the volts at `time`, linear between corners."""
        k = bisect_left(self.times, time)
        if k == 0 or k == len(self.times):
            return self.volts[min(k, len(self.times) - 1)]
        begin, end = self.times[k - 1], self.times[k]
        share = (time - begin) / (end - begin)
        return self.volts[k - 1] + share * (self.volts[k] - self.volts[k - 1])


@dataclass
class WgfmuChannel:
    """Modes, output and results of one channel."""

    source: str
    operation: int = OPERATION_MODE_SMU
    measure: int = MEASURE_MODE_VOLTAGE
    connected: bool = False
    sequence: list[tuple[str, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    @property
    def plays(self) -> bool:
        """Whether it puts out its sequence: in fast IV and in PG mode."""
        able = self.operation in (OPERATION_MODE_FASTIV, OPERATION_MODE_PG)
        return able and self.connected and bool(self.sequence)


def unrolled(sequence: Sequence[tuple[Pattern, int]]) -> Pattern:
    """Return patterns and their counts as one pattern; a jump takes one time step."""
    whole = Pattern([0.0], [sequence[0][0].volts[0]])
    for part, count in sequence:
        for _ in range(count):
            start = whole.times[-1]
            if part.volts[0] != whole.volts[-1]:
                whole.times.append(start + RESOLUTION)
                whole.volts.append(part.volts[0])
            whole.samples += [start + time for time in part.samples]
            whole.times += [start + time for time in part.times[1:]]
            whole.volts += part.volts[1:]
    return whole

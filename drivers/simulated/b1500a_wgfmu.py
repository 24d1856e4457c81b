"""The waveform generator B1530A, at the level of Keysight's C library ``wgfmu``.

The B1530A has no FLEX commands: programs call ``wgfmu.dll``, with the function names below
(Keysight B1530A User's Guide). Here they play linear waveforms on the simulated wiring and
sample the current. Instead of the status of the C functions, `WgfmuError` carries it.
"""

from collections import Counter
from collections.abc import Sequence

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a_pattern import (
    CHANNEL_NOT_FOUND,
    CONTEXT_ERROR,
    MEASURE_EVENT_DATA_AVERAGED,
    MEASURE_MODE_CURRENT,
    MEASURE_MODE_VOLTAGE,
    OPERATION_MODE_DC,
    OPERATION_MODE_PG,
    OPERATION_MODE_SMU,
    PARAMETER_OUT_OF_RANGE,
    PATTERN_EXISTS,
    PATTERN_NOT_FOUND,
    RESOLUTION,
    RESULT_NOT_READY,
    Pattern,
    WgfmuChannel,
    WgfmuError,
    unrolled,
)
from labsyn.drivers.simulated.wiring import Wiring

_HIGHEST_VOLTAGE = 10.0
_PULSE_RESISTANCE = 50.0  # in PG mode; near zero in fast IV mode
_CURRENT_LIMIT = 10e-3
_RAMP_STEPS = 16  # constant pieces of a ramp between two samples: a choice


class SimulatedWGFMU:
    """One session with the B1530A of a simulated mainframe.

    Parameters
    ----------
    wiring, clock : Wiring, VirtualClock
        Of the bench; channel 401 is the source ``"<address>/401"``.
    address : str
        VISA resource name of the mainframe.
    slots : sequence of int
        Slots of the modules, two channels each.
    """

    def __init__(
        self, wiring: Wiring, clock: VirtualClock, address: str, slots: Sequence[int]
    ) -> None:
        self._wiring, self._clock, self._address = wiring, clock, address
        numbers = [slot * 100 + k for slot in slots for k in (1, 2)]
        self._channels = {n: WgfmuChannel(f"{address}/{n}") for n in numbers}
        self._patterns: dict[str, Pattern] = {}
        self._open = False

    def openSession(self, address: str) -> None:  # noqa: N802, names of the library
        """Begin; raise WgfmuError if `address` is another instrument's."""
        if self._open or address != self._address:
            raise WgfmuError(CONTEXT_ERROR, f"cannot open {address!r}")
        self._open = True

    def closeSession(self) -> None:  # noqa: N802
        """Disconnect every channel and end the session."""
        self.initialize()
        self._open = False

    def initialize(self) -> None:
        """Disconnect and reset every channel."""
        self._in_session()
        for number, channel in self._channels.items():
            self.disconnect(number)
            self._channels[number] = WgfmuChannel(channel.source)

    def clear(self) -> None:
        """Forget patterns and sequences."""
        self._patterns.clear()
        for channel in self._channels.values():
            channel.sequence.clear()

    def createPattern(self, pattern: str, volts: float) -> None:  # noqa: N802
        """Begin a waveform at time 0 with `volts`."""
        if not pattern or pattern in self._patterns:
            raise WgfmuError(PATTERN_EXISTS, f"pattern {pattern!r} exists or has no name")
        self._check_volts(volts)
        self._patterns[pattern] = Pattern([0.0], [volts])

    def addVector(self, pattern: str, seconds: float, volts: float) -> None:  # noqa: N802
        """Go to `volts` on a straight line that takes `seconds`."""
        found = self._pattern(pattern)
        self._check_volts(volts)
        if not RESOLUTION * (1 - 1e-6) <= seconds <= 10_995.11627775:
            raise WgfmuError(PARAMETER_OUT_OF_RANGE, f"{seconds:g} s is not 10 ns to 10995 s")
        found.times.append(found.times[-1] + seconds)
        found.volts.append(volts)

    def addVectors(  # noqa: N802
        self, pattern: str, seconds: Sequence[float], volts: Sequence[float]
    ) -> None:
        """Add several vectors; both sequences have the same length."""
        if len(seconds) != len(volts):
            raise WgfmuError(PARAMETER_OUT_OF_RANGE, "as many times as voltages are needed")
        for time, level in zip(seconds, volts, strict=True):
            self.addVector(pattern, time, level)

    def setMeasureEvent(  # noqa: N802
        self, pattern: str, event: str, time: float, points: int, interval: float,
        average: float, raw: int = MEASURE_EVENT_DATA_AVERAGED,
    ) -> None:  # fmt: skip
        """Measure at `points` times from `time` on, each averaged over `average` seconds.

        The value is the one in the middle of the average; raw data are refused.
        """
        found = self._pattern(pattern)
        if raw != MEASURE_EVENT_DATA_AVERAGED or not event:
            raise WgfmuError(PARAMETER_OUT_OF_RANGE, f"event {event!r} with data {raw}")
        found.measure(event, time, points, interval, average)

    def addSequence(self, channel: int, pattern: str, count: int) -> None:  # noqa: N802
        """Append `count` repetitions of a pattern to the output of a channel."""
        self._pattern(pattern)
        if count < 1:
            raise WgfmuError(PARAMETER_OUT_OF_RANGE, f"count {count} is below 1")
        self._channel(channel).sequence.append((pattern, count))

    def setOperationMode(self, channel: int, mode: int) -> None:  # noqa: N802
        """Choose DC, fast IV, PG or SMU; PG mode measures voltage."""
        if mode not in range(OPERATION_MODE_DC, OPERATION_MODE_SMU + 1):
            raise WgfmuError(PARAMETER_OUT_OF_RANGE, f"operation mode {mode}")
        found = self._channel(channel)
        found.operation = mode
        if mode == OPERATION_MODE_PG:
            found.measure = MEASURE_MODE_VOLTAGE
        if found.connected:
            self.connect(channel)

    def setMeasureMode(self, channel: int, mode: int) -> None:  # noqa: N802
        """Choose voltage or current; PG mode measures voltage only."""
        found = self._channel(channel)
        if mode not in (MEASURE_MODE_VOLTAGE, MEASURE_MODE_CURRENT):
            raise WgfmuError(PARAMETER_OUT_OF_RANGE, f"measure mode {mode}")
        if found.operation == OPERATION_MODE_PG and mode == MEASURE_MODE_CURRENT:
            raise WgfmuError(CONTEXT_ERROR, "PG mode measures voltage only")
        found.measure = mode

    def connect(self, channel: int) -> None:
        """Close the output switch, at 0 V; in SMU mode it leads to an SMU that is not here."""
        self._in_session()
        found = self._channel(channel)
        found.connected = True
        if found.operation == OPERATION_MODE_SMU:
            self._wiring.release(found.source)
        else:
            self._drive(found, 0.0)

    def disconnect(self, channel: int) -> None:
        """Open the output switch."""
        found = self._channel(channel)
        found.connected = False
        self._wiring.release(found.source)

    def execute(self) -> None:
        """Play the sequences of all channels in fast IV and PG mode together, and measure."""
        self._in_session()
        playing = [channel for channel in self._channels.values() if channel.plays]
        waves = [
            unrolled([(self._patterns[n], k) for n, k in channel.sequence])
            for channel in playing
        ]
        for channel in playing:
            channel.times, channel.values = [], []
        cuts = sorted({t for wave in waves for t in (*wave.times, *wave.samples)})
        due = [Counter(wave.samples) for wave in waves]
        before = 0.0
        for cut in cuts:
            self._ramp(playing, waves, before, cut)
            for channel, samples in zip(playing, due, strict=True):
                for _ in range(samples[cut]):
                    channel.times.append(cut)
                    channel.values.append(self._value(channel))
            before = cut

    def waitUntilCompleted(self) -> None:  # noqa: N802
        """Return at once: `execute` has played everything."""
        self._in_session()

    def getMeasureValueSize(self, channel: int) -> tuple[int, int]:  # noqa: N802
        """Return how many values were measured, and how many will be."""
        n = len(self._channel(channel).values)
        return n, n

    def getMeasureValues(  # noqa: N802
        self, channel: int, index: int, length: int
    ) -> tuple[list[float], list[float]]:
        """Return times in seconds, and values in ampere or volt, from `index` on."""
        found = self._channel(channel)
        end, n = index + length, len(found.values)
        if not 0 <= index <= end <= n:
            raise WgfmuError(RESULT_NOT_READY, f"values {index} to {end} of {n}")
        return found.times[index : index + length], found.values[index : index + length]

    def _ramp(
        self, playing: list[WgfmuChannel], waves: list[Pattern], begin: float, end: float
    ) -> None:
        """Let the time from `begin` to `end` pass, in steps where a voltage moves."""
        moving = any(abs(wave.at(end) - wave.at(begin)) > 1e-9 for wave in waves)
        steps = _RAMP_STEPS if moving else 1
        if end > begin:
            for k in range(steps):
                middle = begin + (k + 0.5) * (end - begin) / steps
                for channel, wave in zip(playing, waves, strict=True):
                    self._drive(channel, wave.at(middle))
                self._clock.sleep((end - begin) / steps)
        for channel, wave in zip(playing, waves, strict=True):
            self._drive(channel, wave.at(end))

    def _drive(self, channel: WgfmuChannel, volts: float) -> None:
        pulses = channel.operation == OPERATION_MODE_PG
        resistance = _PULSE_RESISTANCE if pulses else 0.0
        self._wiring.drive(channel.source, volts, _CURRENT_LIMIT, resistance)

    def _value(self, channel: WgfmuChannel) -> float:
        if channel.measure == MEASURE_MODE_CURRENT:
            return self._wiring.measured_current(channel.source)
        return self._wiring.voltage(channel.source) or 0.0

    def _channel(self, number: int) -> WgfmuChannel:
        if number not in self._channels:
            known = ", ".join(map(str, self._channels))
            raise WgfmuError(CHANNEL_NOT_FOUND, f"channel {number}, there are {known}")
        return self._channels[number]

    def _pattern(self, name: str) -> Pattern:
        if name not in self._patterns:
            raise WgfmuError(PATTERN_NOT_FOUND, f"there is no pattern {name!r}")
        return self._patterns[name]

    def _check_volts(self, volts: float) -> None:
        if not abs(volts) <= _HIGHEST_VOLTAGE:
            raise WgfmuError(PARAMETER_OUT_OF_RANGE, f"{volts:g} V is beyond ±10 V")

    def _in_session(self) -> None:
        if not self._open:
            raise WgfmuError(CONTEXT_ERROR, "no session is open")

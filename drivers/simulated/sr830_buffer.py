"""The data buffer of a simulated SR830: two channels, 16383 points (manual, chapter 5).

The fast transfer mode is kept and answered, but no sample is sent without being asked for.
"""

import math
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from labsyn.drivers.simulated.srs import EXECUTION_ERROR, Command, SRSError, integer

if TYPE_CHECKING:
    from labsyn.drivers.simulated.sr830 import SimulatedSR830

N_POINTS = 16_383
_TRIGGERED_RATE = 14
_TRIGGER_STATUS = 1 << 6
_START_DELAY = 0.5  # seconds, of STRD
# X, R, X noise and the first two auxiliary inputs; Y, theta, Y noise and the other two: as
# SNAP numbers. The noise outputs are not simulated: they read zero.
_SHOWN = {1: (1, 3, None, 5, 6), 2: (2, 4, None, 7, 8)}

BUFFER_DEFAULTS: dict[tuple[Any, ...], Any] = {
    ("SRAT",): 4, ("SEND",): 1, ("TSTR",): 0, ("FAST",): 0,
    ("DDEF", 1): (0, 0), ("DDEF", 2): (0, 0),
}  # fmt: skip


class SampleBuffer:
    """Points of CH1 and CH2, taken at the sample rate or by triggers."""

    def __init__(self, lock_in: "SimulatedSR830") -> None:
        self._lock_in = lock_in
        self._points: deque[tuple[float, float]] = deque(maxlen=N_POINTS)
        self.running = False
        self._next = 0.0

    def __len__(self) -> int:
        return len(self._points)

    def start(self, delay: float = 0.0) -> None:
        """Start or go on."""
        if not self.running:
            self.running = True
            self._next = self._lock_in.clock.now() + delay

    def pause(self) -> None:
        self.running = False

    def clear(self) -> None:
        self.running = False
        self._points.clear()

    def trigger(self) -> None:
        """Start if triggers start, or take one point if they clock the buffer."""
        settings = self._lock_in.settings
        if settings["TSTR",]:
            self.start()
        if self.running and settings["SRAT",] == _TRIGGERED_RATE:
            self._take()
            self._lock_in.lock_in_status |= _TRIGGER_STATUS

    def store_until(self, time: float, level: float) -> None:
        """Take the points due by `time`, the filter advanced to each of them."""
        index = self._lock_in.settings["SRAT",]
        if not self.running or index == _TRIGGERED_RATE or time < self._next:
            return
        period = 16.0 / 2**index  # 62.5 mHz to 512 Hz
        due = math.floor((time - self._next) / period) + 1
        skipped = max(due - N_POINTS, 0) if self._lock_in.settings["SEND",] else 0
        for k in range(skipped, due):
            self._lock_in.advance_to(self._next + k * period, level)
            if not self._take():
                break
        self._next += due * period

    def channel_value(self, channel: int) -> float:
        """Return what CH1 or CH2 shows now."""
        shown, ratio = self._lock_in.settings["DDEF", channel]
        name = _SHOWN[channel][shown]
        value = 0.0 if name is None else self._lock_in.displayed(name)
        if ratio == 0:
            return value
        by = self._lock_in.aux_input(2 * channel - 2 + ratio)
        return value / by if by else math.copysign(9.99e9, value)

    def values(self, channel: int, start: int, count: int) -> list[float]:
        """Return stored points of a channel; raise SRSError if there are not so many."""
        if start + count > len(self._points) or count < 1:
            raise SRSError(EXECUTION_ERROR)
        points = list(self._points)[start : start + count]
        return [point[channel - 1] for point in points]

    def _take(self) -> bool:
        """Store a point; return False if the buffer is full, which ends one shot."""
        if len(self._points) == N_POINTS and not self._lock_in.settings["SEND",]:
            self.running = False
            return False
        self._points.append((self.channel_value(1), self.channel_value(2)))
        return True


def _store(name: str) -> Command:
    limits = {"SRAT": 14, "SEND": 1, "TSTR": 1, "FAST": 2}

    def store(lock_in: "SimulatedSR830", value: int) -> None:
        lock_in.settings[name,] = value

    return Command(store, (integer(0, limits[name]),))


def _recall(name: str) -> Command:
    def recall(lock_in: "SimulatedSR830") -> str:
        return str(lock_in.settings[name,])

    return Command(recall)


def _define_display(lock_in: "SimulatedSR830", channel: int, shown: int, ratio: int) -> None:
    lock_in.settings["DDEF", channel] = (shown, ratio)


def _query_display(lock_in: "SimulatedSR830", channel: int) -> str:
    shown, ratio = lock_in.settings["DDEF", channel]
    return f"{shown},{ratio}"


def _display(lock_in: "SimulatedSR830", channel: int) -> str:
    return f"{lock_in.buffer.channel_value(channel):.6g}"


def _count(lock_in: "SimulatedSR830") -> str:
    return str(len(lock_in.buffer))


def _start(lock_in: "SimulatedSR830") -> None:
    lock_in.buffer.start()


def _start_delayed(lock_in: "SimulatedSR830") -> None:
    lock_in.buffer.start(_START_DELAY)


def _pause(lock_in: "SimulatedSR830") -> None:
    lock_in.buffer.pause()


def _clear(lock_in: "SimulatedSR830") -> None:
    lock_in.buffer.clear()


def _trigger(lock_in: "SimulatedSR830") -> None:
    lock_in.buffer.trigger()


def _read_ascii(lock_in: "SimulatedSR830", channel: int, start: int, count: int) -> str:
    values = lock_in.buffer.values(channel, start, count)
    return "".join(f"{value:.6g}," for value in values)  # the last one has a comma too


def _read_ieee(lock_in: "SimulatedSR830", channel: int, start: int, count: int) -> bytes:
    values = lock_in.buffer.values(channel, start, count)
    return struct.pack(f"<{count}f", *values)


def _read_native(lock_in: "SimulatedSR830", channel: int, start: int, count: int) -> bytes:
    """TRCL: mantissa and exponent, 16 bits each: mantissa · 2**(exponent − 124)."""
    raw = b""
    for value in lock_in.buffer.values(channel, start, count):
        exponent = max(math.frexp(value)[1] + 124 - 15, 0) if value else 0
        mantissa = round(math.ldexp(value, 124 - exponent))
        if abs(mantissa) > 32767:  # rounded up to 2**15
            mantissa, exponent = mantissa // 2, exponent + 1
        raw += struct.pack("<hh", mantissa, exponent)
    return raw


_CHANNEL = integer(1, 2)
_STRETCH = (_CHANNEL, integer(0, N_POINTS), integer(0, N_POINTS))
BUFFER_COMMANDS: dict[str, Command] = {
    **{name: _store(name) for name in ("SRAT", "SEND", "TSTR", "FAST")},
    **{f"{name}?": _recall(name) for name in ("SRAT", "SEND", "TSTR", "FAST")},
    "DDEF": Command(_define_display, (_CHANNEL, integer(0, 4), integer(0, 2))),
    "DDEF?": Command(_query_display, (_CHANNEL,)),
    "OUTR?": Command(_display, (_CHANNEL,)),
    "SPTS?": Command(_count),
    "STRT": Command(_start),
    "STRD": Command(_start_delayed),
    "PAUS": Command(_pause),
    "REST": Command(_clear),
    "TRIG": Command(_trigger),
    "TRCA?": Command(_read_ascii, _STRETCH),
    "TRCB?": Command(_read_ieee, _STRETCH),
    "TRCL?": Command(_read_native, _STRETCH),
}
"""Commands of display and data buffer."""

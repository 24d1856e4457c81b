"""The capture buffer of a simulated SR860 (manual, from page 135 on)."""

import math
import struct
from array import array
from typing import TYPE_CHECKING, Any

from labsyn.drivers.simulated.srs import (
    EXECUTION_ERROR,
    Command,
    SRSError,
    integer,
    word,
)

if TYPE_CHECKING:
    from labsyn.drivers.simulated.sr860 import SimulatedSR860

FASTEST_RATE = 1.25e6
_SLOWEST_STEP = 12  # the maximum rate never falls below 305 Hz
# The manual ties the maximum rate to the time constant by a table; ten points a time
# constant, rounded down to a power of two, is a choice that comes close to it.
_POINTS_PER_TIME_CONSTANT = 10
_BYTES = 4
_MAX_READ = 64  # kilobytes
_COLUMNS = {0: (0,), 1: (0, 1), 2: (2, 3), 3: (0, 1, 2, 3)}  # of X, Y, R, theta
_IN_PROGRESS, _TRIGGERED, _WRAPPED = 1, 2, 4

CAPTURE_DEFAULTS: dict[tuple[Any, ...], Any] = {
    ("CAPTURELEN",): 256, ("CAPTURECFG",): 0, ("CAPTURERATE",): 0,
}  # fmt: skip


def max_rate(time_constant: float) -> float:
    """Return the highest capture rate in hertz."""
    wanted = FASTEST_RATE * time_constant / _POINTS_PER_TIME_CONSTANT
    return FASTEST_RATE / 2 ** min(max(math.ceil(math.log2(wanted)), 0), _SLOWEST_STEP)


class Capture:
    """Samples of X, Y, R and theta at the capture rate."""

    def __init__(self, lock_in: "SimulatedSR860") -> None:
        self._lock_in = lock_in
        self._values = array("f")
        self.status = 0
        self._continuous = False
        self._mode = 0
        self._next = 0.0
        self._written = 0

    @property
    def running(self) -> bool:
        return bool(self.status & _IN_PROGRESS)

    @property
    def n_bytes(self) -> int:
        """Bytes captured so far, the whole buffer once it has wrapped."""
        return min(self._written, self._capacity) * _BYTES

    @property
    def _capacity(self) -> int:
        """Whole samples only, counted in values."""
        width = len(_COLUMNS[self._lock_in.settings["CAPTURECFG",]])
        return self._lock_in.settings["CAPTURELEN",] * 1024 // _BYTES // width * width

    @property
    def rate(self) -> float:
        """Samples per second."""
        fastest = max_rate(self._lock_in.signal.time_constant)
        return fastest / 2.0 ** self._lock_in.settings["CAPTURERATE",]

    def start(self, continuous: int, mode: int) -> None:
        """Start; mode 0 at once, 1 at a trigger, 2 one sample a trigger."""
        self._values = array("f", bytes(self._lock_in.settings["CAPTURELEN",] * 1024))
        self._continuous, self._mode, self._written = bool(continuous), mode, 0
        self.status = _IN_PROGRESS | (0 if mode else _TRIGGERED)
        self._next = self._lock_in.clock.now()

    def stop(self) -> None:
        self.status &= ~_IN_PROGRESS

    def trigger(self) -> None:
        if not self.running:
            return
        if self._mode == 2:
            self._take()
        elif not self.status & _TRIGGERED:
            self._next = self._lock_in.clock.now()
        self.status |= _TRIGGERED

    def store_until(self, time: float, level: float) -> None:
        """Take the samples due by `time`, the filter advanced to each of them."""
        runs = self.running and self.status & _TRIGGERED and self._mode != 2
        if not runs or time < self._next:
            return
        rate = self.rate
        due = math.floor((time - self._next) * rate) + 1
        width = len(_COLUMNS[self._lock_in.settings["CAPTURECFG",]])
        skipped = max(due - self._capacity // width, 0) if self._continuous else 0
        self._written += skipped * width
        for k in range(skipped, due):
            if not self.running:
                break
            self._lock_in.advance_to(self._next + k / rate, level)
            self._take()
        self._next += due / rate

    def _take(self) -> None:
        outputs = self._lock_in.outputs
        for column in _COLUMNS[self._lock_in.settings["CAPTURECFG",]]:
            self._values[self._written % self._capacity] = outputs[column]
            self._written += 1
        if self._written >= self._capacity:
            if self._continuous:
                self.status |= _WRAPPED
            else:
                self.stop()

    def block(self, offset: int, length: int) -> bytes:
        """Return `length` kilobytes from `offset` on, wrapping, as a definite block."""
        available = -(-self.n_bytes // 2048) * 2
        if self.running or length > available or offset > available:
            raise SRSError(EXECUTION_ERROR)
        raw = struct.pack(f"<{len(self._values)}f", *self._values)
        doubled = raw + raw
        data = doubled[offset * 1024 : (offset + length) * 1024]
        digits = str(len(data))
        return f"#{len(digits)}{digits}".encode("ascii") + data

    def sample(self, index: int) -> list[float]:
        """Return the values of one sample, counted from the oldest."""
        width = len(_COLUMNS[self._lock_in.settings["CAPTURECFG",]])
        if (index + 1) * width > self.n_bytes // _BYTES:
            raise SRSError(EXECUTION_ERROR)
        oldest = self._written if self.status & _WRAPPED else 0
        start = (oldest + index * width) % self._capacity
        return self._values[start : start + width].tolist()


def _set_length(lock_in: "SimulatedSR860", kilobytes: int) -> None:
    if lock_in.capture.running:
        raise SRSError(EXECUTION_ERROR)
    lock_in.settings["CAPTURELEN",] = kilobytes + kilobytes % 2  # even, rounded up
    lock_in.capture = Capture(lock_in)


def _query_length(lock_in: "SimulatedSR860") -> str:
    return str(lock_in.settings["CAPTURELEN",])


def _set_columns(lock_in: "SimulatedSR860", config: int) -> None:
    if lock_in.capture.running:
        raise SRSError(EXECUTION_ERROR)
    lock_in.settings["CAPTURECFG",] = config
    lock_in.capture = Capture(lock_in)


def _query_columns(lock_in: "SimulatedSR860") -> str:
    return str(lock_in.settings["CAPTURECFG",])


def _set_rate(lock_in: "SimulatedSR860", halvings: int) -> None:
    lock_in.settings["CAPTURERATE",] = halvings


def _query_rate(lock_in: "SimulatedSR860") -> str:
    return f"{lock_in.capture.rate:.8g}"


def _query_max_rate(lock_in: "SimulatedSR860") -> str:
    return f"{max_rate(lock_in.signal.time_constant):.8g}"


def _start(lock_in: "SimulatedSR860", continuous: int, mode: int) -> None:
    lock_in.capture.start(continuous, mode)


def _stop(lock_in: "SimulatedSR860") -> None:
    lock_in.capture.stop()


def _query_status(lock_in: "SimulatedSR860") -> str:
    return str(lock_in.capture.status)


def _query_bytes(lock_in: "SimulatedSR860") -> str:
    return str(lock_in.capture.n_bytes)


def _query_progress(lock_in: "SimulatedSR860") -> str:
    if lock_in.capture.running:
        raise SRSError(EXECUTION_ERROR)
    return str(-(-lock_in.capture.n_bytes // 2048) * 2)


def _get_block(lock_in: "SimulatedSR860", offset: int, length: int) -> bytes:
    return lock_in.capture.block(offset, length)  # no line feed follows a block


def _get_value(lock_in: "SimulatedSR860", index: int) -> str:
    return ",".join(f"{value:.7g}" for value in lock_in.capture.sample(index))


def _trigger(lock_in: "SimulatedSR860") -> None:
    lock_in.capture.trigger()


CAPTURE_COMMANDS: dict[str, Command] = {
    "CAPTURELEN": Command(_set_length, (integer(1, 4096),)),
    "CAPTURELEN?": Command(_query_length),
    "CAPTURECFG": Command(_set_columns, (word("X", "XY", "RT", "XYRT"),)),
    "CAPTURECFG?": Command(_query_columns),
    "CAPTURERATE": Command(_set_rate, (integer(0, 20),)),
    "CAPTURERATE?": Command(_query_rate),
    "CAPTURERATEMAX?": Command(_query_max_rate),
    "CAPTURESTART": Command(_start, (word("ONE", "CONT"), word("IMM", "TRIG", "SAMP"))),
    "CAPTURESTOP": Command(_stop),
    "CAPTURESTAT?": Command(_query_status),
    "CAPTUREBYTES?": Command(_query_bytes),
    "CAPTUREPROG?": Command(_query_progress),
    "CAPTUREGET?": Command(_get_block, (integer(0, 4095), integer(1, _MAX_READ))),
    "CAPTUREVAL?": Command(_get_value, (integer(0, 1 << 20),)),
    "TRIG": Command(_trigger),
    "*TRG": Command(_trigger),
}
"""Commands of the capture buffer."""

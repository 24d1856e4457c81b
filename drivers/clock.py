"""The only way to wait or to tell time on a bench: real seconds, or virtual ones."""

import threading
import time
from typing import Protocol

_NAP = 0.2  # seconds: Windows hears no Ctrl-C while a thread waits


class Clock(Protocol):
    """Seconds since the bench was opened, and a way to let them pass."""

    simulated: bool

    def now(self) -> float:
        """Return the seconds since the clock was made; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; nothing happens for zero or less."""


class RealClock:
    """Monotonic wall time: a clock jump of the computer does not show."""

    simulated = False

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._wake = threading.Event()

    def now(self) -> float:
        return time.monotonic() - self._start

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._wake.wait(min(left, _NAP)):
                return

    def wake(self) -> None:
        """End every wait now and from now on: an abort must not sleep out a retention."""
        self._wake.set()


class VirtualClock:
    """Simulated time: a thousand seconds of retention take no time at all.

    Attributes
    ----------
    lock : threading.RLock
        Held by whoever lets time pass or changes what happens in it: instruments are made
        safe by threads of their own.
    """

    simulated = True

    def __init__(self) -> None:
        self._now = 0.0
        self.lock = threading.RLock()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            with self.lock:
                self._now += seconds

    def wake(self) -> None:
        """Do nothing: virtual waits are over at once."""

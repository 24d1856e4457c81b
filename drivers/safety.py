"""Signals while a bench is open: they never kill a program with an output on.

The first SIGINT, SIGTERM or SIGHUP during a run only sets a flag: the run stops after the
current row, and leaving the bench makes it safe. A second one, or one outside a run, raises
in the main thread, which leaves the bench as well. While a file is being finished no signal
is let through: it is delivered when the file is whole. Each signal is also told to the
watchdog, which makes the bench safe if that has not happened a second later.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from labsyn.drivers.watchdog import Watchdog

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class StopSignals:
    """Context manager that turns signals into a request to stop.

    Parameters
    ----------
    watchdog : Watchdog, optional
        Who is told of every signal, and of every run that begins.

    Attributes
    ----------
    requested : str
        Name of the signal that asked to stop the current run; empty while none did.
    """

    def __init__(self, watchdog: Watchdog | None = None) -> None:
        self.requested = ""
        self._watchdog = watchdog or Watchdog()
        self._running = False
        self._held: int | None = None  # 0 while held back and none came
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():  # Python allows no other
            for name in _NAMES:
                number = getattr(signal, name, None)
                if number is not None:
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    @contextmanager
    def run(self) -> Iterator[None]:
        """Hold signals back while a run is on; `requested` tells of them.

        Afterwards they stay held until the `hold` that finishes the file has ended, so that
        none comes in between.
        """
        self._watchdog.running()
        self.requested, self._running = "", True
        try:
            yield
        finally:
            self._held, self._running = 0, False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep signals back, and deliver the first of them at the end."""
        self._held = self._held or 0
        try:
            yield
        finally:
            number, self._held = self._held, None
            if number:
                self._handle(number, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._watchdog.stopping()
        if self._held is not None:
            self._held = self._held or number
            return
        if self._running and not self.requested:
            self.requested = signal.Signals(number).name
            return
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

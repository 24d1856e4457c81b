"""Virtual time on which things happen by themselves: a generator that was left running."""

import heapq
import itertools
import math
from collections.abc import Iterator

from labsyn.drivers.clock import VirtualClock

# Most steps that one wait is cut into. A wait of more takes several cycles as one, first
# all the time at the first level, then at the next: the times at each level stay exact.
MOST_STEPS = 4000


class Timeline(VirtualClock):
    """A virtual clock that stops at every event on its way.

    A process is an iterator: it does something now and yields the time, in seconds on this
    clock, at which it wants to go on. Whoever lets time pass, and however far, each step
    of each process happens at its own time and in order.

    Attributes
    ----------
    departure, horizon : float
        Between which times the running `sleep` leads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.departure = self.horizon = 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Iterator[float]]] = []

    def start(self, process: Iterator[float]) -> None:
        """Let `process` act now, and again when it wants to."""
        time = next(process, None)
        if time is not None:
            heapq.heappush(self._waiting, (time, next(self._order), process))

    def stop(self, process: Iterator[float]) -> None:
        """Forget `process`; nothing happens if it is over already."""
        self._waiting = [entry for entry in self._waiting if entry[2] is not process]
        heapq.heapify(self._waiting)

    def stride(self, period: float, n_steps: int, cycles: float = math.inf) -> int:
        """Return how many of `cycles` of `n_steps` steps a process is to take as one.

        It is 1 unless very many come in the wait that is going on.
        """
        ahead = min((self.horizon - self.departure) / period, cycles)
        left = (self.horizon - self._now) / period
        return max(1, math.floor(min(ahead * n_steps / MOST_STEPS, left)))

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            with self.lock:
                self.sleep_until(self._now + seconds)

    def sleep_until(self, time: float) -> None:
        """Let time pass until `time`; nothing happens if that is over already."""
        with self.lock:
            if not self._waiting:
                self._now = max(time, self._now)
                return
            self.departure, self.horizon = self._now, max(time, self._now)
            while self._waiting and self._waiting[0][0] <= time:
                due, _, process = heapq.heappop(self._waiting)
                self._now = max(self._now, due)
                self.start(process)
            self._now = self.horizon

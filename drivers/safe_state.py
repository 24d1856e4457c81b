"""Making a bench safe: in an order that protects the device, each instrument on its own."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from labsyn.data.errors import UnsafeShutdownError
from labsyn.drivers.connection import Connection
from labsyn.drivers.emergency_recipes import RECIPES, STAGES

_BOUND = 15.0  # seconds for one instrument; a coil ramps down in 2.4 s
_ANSWER = 2000.0  # ms: who does not answer now is given up sooner than in a measurement


def make_all_safe(
    connections: Mapping[str, Connection], bound: float = _BOUND
) -> dict[str, str]:
    """Shut every instrument down; return why, for each that could not be reached.

    An instrument that fails, or does not come back in time, does not stop the next. Ctrl-C
    waits until all are off.

    Parameters
    ----------
    connections : mapping of str to Connection
        The instruments by name.
    bound : float
        Seconds after which an instrument is given up.
    """
    work = _Work(connections, bound)
    interrupt: BaseException | None = None
    while not work.done.is_set():
        try:
            _in_a_thread(work.run)  # twice if a signal came here: the second finds it claimed
            work.done.wait()
        except BaseException as error:  # once more: not all are off yet
            interrupt = error
    interrupt = interrupt or work.interrupt
    if interrupt is not None:
        raise interrupt
    return work.failed


def unsafe(failed: Mapping[str, str]) -> UnsafeShutdownError:
    """Return the error that names every instrument which `make_all_safe` could not reach."""
    named = "; ".join(f"{name} ({reason})" for name, reason in failed.items())
    return UnsafeShutdownError(f"could not make safe: {named}; switch the outputs off by hand")


class _Work:
    """Shuts one instrument down after the other, in a thread that no signal reaches."""

    def __init__(self, connections: Mapping[str, Connection], bound: float) -> None:
        self.failed: dict[str, str] = {}
        self.interrupt: BaseException | None = None
        self.done = threading.Event()
        self._order = sorted(connections.items(), key=lambda item: _stage(item[1]))
        self._bound = bound
        self._claimed = threading.Lock()

    def run(self) -> None:
        """Do it, once: whoever comes second finds it claimed."""
        if not self._claimed.acquire(blocking=False):
            return
        try:
            for name, connection in self._order:
                self._shut_down(name, connection.instrument)
        finally:
            self.done.set()

    def _shut_down(self, name: str, instrument: Any) -> None:
        trouble: list[BaseException] = []
        done = threading.Event()
        _in_a_thread(partial(_shut_down, instrument, trouble, done))
        if not done.wait(self._bound):
            self.failed[name] = f"no answer within {self._bound:g} s"
        elif trouble and isinstance(trouble[0], Exception):
            self.failed[name] = str(trouble[0])
        elif trouble:
            self.interrupt = trouble[0]


def _in_a_thread(job: Callable[[], None]) -> None:
    try:
        threading.Thread(target=job, daemon=True).start()
    except RuntimeError:  # no thread can be had any more: better without a bound than not
        job()


def _stage(connection: Connection) -> int:
    recipe = RECIPES[connection.config.driver]
    return STAGES.index(recipe.stage)


def _shut_down(instrument: Any, trouble: list[BaseException], done: threading.Event) -> None:
    try:
        with _short_timeout(instrument):
            instrument.shutdown()
    except BaseException as error:  # whatever it is, the next one must be switched off
        trouble.append(error)
    finally:
        done.set()


@contextlib.contextmanager
def _short_timeout(instrument: Any) -> Iterator[None]:
    """Wait for answers no longer than `_ANSWER`; the bench may go on with the old time-out."""
    with contextlib.suppress(Exception):  # a dead session has no time-out to set
        session = instrument.adapter.connection
        before = session.timeout
        session.timeout = min(before, _ANSWER)
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            session.timeout = before

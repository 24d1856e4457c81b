"""The watchdog itself: a process that waits at a pipe, and makes the bench safe when it must.

`labsyn.drivers.watchdog` starts it. The first line on its stdin is JSON: the targets, and a
path for the log. Then come single words:

``stopping``
    A stop was asked for. Unless ``safe`` comes within `GRACE` seconds, the program hangs.
``safe``
    Everything is off: whoever was to stop has stopped.
``running``
    A run begins: a stop that was asked for before it is over.
``bye``
    The bench is closed, with everything off: end, and do nothing.

The end of the pipe without ``bye`` means that the program died, or lost an instrument. That
is acted on even after ``safe``: roles can be used without a run. The process never holds the
bus: it opens a session of its own only to make safe.
"""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from labsyn.data.errors import LabsynError
from labsyn.drivers.emergency import Target, make_safe_by_second_session, prepare

GRACE = 1.0
"""Seconds that a program that was asked to stop gets to make the bench safe itself."""

READY = b"ready\n"
"""What it says on stdout once it could act."""

UNSAFE = 4
"""Exit code if it could not make everything safe."""

_ATTEMPTS = 3  # the system may take a while to give up the sessions of a killed program
_PAUSE = 0.5


def watch(
    lines: "queue.SimpleQueue[bytes]", make_safe: Callable[[str], bool], grace: float = GRACE
) -> bool:
    """Act on the lines of the program that is watched, until it says bye or is gone.

    Parameters
    ----------
    lines : queue of bytes
        Lines with their ends; an empty one is the end of the pipe.
    make_safe : callable
        Called with the reason; returns whether everything is safe.
    grace : float
        Seconds from ``stopping`` to ``safe``.

    Returns
    -------
    bool
        Whether the bench was left safe.
    """
    deadline: float | None = None
    while True:
        try:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            line = lines.get(timeout=left)
        except queue.Empty:
            deadline = None
            make_safe(f"a stop was asked for, and nothing was safe {grace:g} s later")
            continue
        if line == b"stopping\n":
            deadline = deadline or time.monotonic() + grace
        elif line in (b"safe\n", b"running\n"):
            deadline = None
        elif line == b"bye\n":
            return True
        elif not line.endswith(b"\n"):
            return make_safe("the program that drove the bench ended without closing it")


class _Rescue:
    """What the child does when it has to act, and says about it."""

    def __init__(self, targets: list[Target], managers: dict[Any, Any], log: str) -> None:
        self._targets, self._managers, self._log = targets, managers, log

    def __call__(self, reason: str) -> bool:
        self.say(f"{reason}: making {', '.join(each.name for each in self._targets)} safe")
        left = self._targets
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE)
            failures = make_safe_by_second_session(left, managers=self._managers)
            for failure in failures:
                self.say(str(failure))
            left = [failure.target for failure in failures]
            if not left:
                self.say("everything is safe")
                return True
        return False

    def say(self, sentence: str) -> None:
        """Write to stderr and to the log; a terminal that is closed is no reason to stop."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"labsyn watchdog: {sentence}\n")
            sys.stderr.flush()
        if self._log:
            with contextlib.suppress(OSError), Path(self._log).open("a", encoding="utf-8") as f:
                f.write(f"{datetime.now().astimezone().isoformat()} {sentence}\n")


def main() -> None:
    """Be the child: read targets, get ready, say so, and watch."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    lines = _lines()
    first = next(lines)
    if not first:
        return
    plain = json.loads(first)
    targets = [Target(**each) for each in plain["targets"]]
    try:
        managers = prepare(targets)
    except LabsynError as error:
        sys.exit(f"labsyn watchdog: {error}")
    arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_pass_on, args=(lines, arrived), daemon=True).start()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    if not watch(arrived, _Rescue(targets, managers, plain["log"])):
        sys.exit(UNSAFE)


def _pass_on(lines: Iterator[bytes], arrived: "queue.SimpleQueue[bytes]") -> None:
    for line in lines:
        arrived.put(line)


def _lines() -> Iterator[bytes]:
    """Yield the lines of stdin with their ends, and last what comes without one.

    Unbuffered: at the end of the child a thread may still wait here, and must hold no lock.
    """
    pending = b""
    while chunk := os.read(0, 65536):
        *lines, pending = (pending + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    yield pending


if __name__ == "__main__":
    main()

"""A second process that makes the bench safe when this one was killed, or hangs.

`Watchdog` starts ``python -m labsyn.drivers.watchdog`` with a pipe on its stdin. Its first
line is JSON: the targets, and a path for the log. Then come single words:

``stopping``
    A stop was asked for. Unless ``safe`` comes within `GRACE` seconds, the program hangs.
``safe``
    Everything is off: whoever was to stop has stopped.
``running``
    A run begins: a stop that was asked for before it is over.
``bye``
    The bench is closed, with everything off: end, and do nothing.

The end of the pipe without ``bye`` means that the program died, or lost an instrument. That
is acted on even after ``safe``: roles can be used without a run. The child never holds the
bus: it opens a session of its own only to make safe.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from labsyn.data.errors import LabsynError, WatchdogError
from labsyn.drivers.emergency import Target, make_safe_by_second_session, prepare

GRACE = 1.0
"""Seconds that a program that was asked to stop gets to make the bench safe itself."""

UNSAFE = 4
"""Exit code of a child that could not make everything safe."""

_READY = b"ready\n"
_START_TIMEOUT = 30.0  # imports on a busy computer
_END_TIMEOUT = 60.0  # a few attempts, each bounded
_ATTEMPTS = 3  # the system may take a while to give up the sessions of a killed program
_PAUSE = 0.5
_alive: "weakref.WeakSet[Watchdog]" = weakref.WeakSet()


class Watchdog:
    """The side of the program that drives the bench.

    Before `start` and after `close` every method does nothing. `stopping`, `safe` and
    `running` may be called in a signal handler: they write one line, and never raise.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._died = False

    def start(self, targets: Sequence[Target], log: Path | None = None) -> None:
        """Start the child for `targets`; it also writes to `log` if there is one.

        Returns at once; `confirm` waits for it, so that both can get ready meanwhile.

        Raises
        ------
        WatchdogError
            If there is no process to be had.
        """
        read_end, self._pipe = os.pipe()
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "labsyn.drivers.watchdog"],
                stdin=read_end,
                stdout=subprocess.PIPE,
                **_apart(),
            )
        except (OSError, ValueError) as error:
            self.forget()
            raise WatchdogError(_refusal(str(error))) from error
        finally:
            os.close(read_end)
        plain = {"targets": [asdict(each) for each in targets], "log": str(log) if log else ""}
        self._write(json.dumps(plain).encode() + b"\n")
        with contextlib.suppress(AttributeError, OSError):  # Windows before Python 3.12
            os.set_blocking(self._pipe, False)
        _alive.add(self)

    def confirm(self) -> None:
        """Wait until the child is ready to act.

        Raises
        ------
        WatchdogError
            If it is not, with what to do.
        """
        child = self._child
        if child is None or child.stdout is None:
            return
        said: list[bytes] = []
        reader = threading.Thread(
            target=lambda: said.append(child.stdout.readline()),  # type: ignore[union-attr]
            daemon=True,
        )
        reader.start()
        reader.join(_START_TIMEOUT)
        if said != [_READY]:
            child.kill()
            reader.join()
            self.abandon()
            raise WatchdogError(_refusal(f"it ended with {child.returncode}"))

    @property
    def warnings(self) -> list[str]:
        """What a person at the bench should be told of the watchdog."""
        if self._child is None or not (self._died or self._child.poll() is not None):
            return []
        what = "if this program is killed or hangs, outputs stay on until `labsyn bench off`"
        return [f"the watchdog of this bench died: {what}"]

    def stopping(self) -> None:
        """Tell that a stop was asked for."""
        self._write(b"stopping\n")

    def safe(self) -> None:
        """Tell that every instrument is off."""
        self._write(b"safe\n")

    def running(self) -> None:
        """Tell that a run begins."""
        self._write(b"running\n")

    def close(self) -> None:
        """Tell that the bench is closed and off, and wait for the end of the child."""
        self._write(b"bye\n")
        self.abandon()

    def abandon(self) -> bool:
        """Hang up without a word, so that the child makes safe; return whether it could."""
        child, self._child = self._child, None
        self.forget()
        if child is None:
            return False
        try:
            child.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()
        return child.returncode == 0

    def forget(self) -> None:
        """Close this end of the pipe; a forked worker must, or the child sees no end of it."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            os.close(pipe)

    def _write(self, line: bytes) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, line)
        except OSError:  # it is gone, or has read nothing for thousands of lines
            self._died = True


def _refusal(reason: str) -> str:
    return (
        f"the watchdog of this bench did not start: {reason}; without it outputs stay on when "
        "this program is killed; write watchdog = false in the bench file to go without"
    )


def _apart() -> dict[str, Any]:
    """Return what keeps a Ctrl-C at the terminal, and its closing, from the child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _forget_in_fork() -> None:
    for each in list(_alive):
        each.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_fork)


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
    sys.stdout.buffer.write(_READY)
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

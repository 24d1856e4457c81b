"""A second process that makes the bench safe when this one was killed, or hangs: our side."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labsyn.data.errors import WatchdogError
from labsyn.drivers.emergency import Target
from labsyn.drivers.watchdog_process import READY

_START_TIMEOUT = 30.0  # imports on a busy computer
_END_TIMEOUT = 60.0  # a few attempts, each bounded
_alive: "weakref.WeakSet[Watchdog]" = weakref.WeakSet()


class Watchdog:
    """Tells `labsyn.drivers.watchdog_process` what this program is about.

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
                [sys.executable, "-m", "labsyn.drivers.watchdog_process"],
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
        if said != [READY]:
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

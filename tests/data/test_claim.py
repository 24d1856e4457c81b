import ctypes
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from labsyn.data import claim
from labsyn.data.claim import process_alive


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_processes_are_told_from_no_processes() -> None:
    assert process_alive(os.getpid())
    assert not process_alive(dead_process())
    assert not process_alive(0)
    assert not process_alive(-1)


def test_a_process_of_somebody_else_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    assert process_alive(1)


class Kernel32:
    """What Windows answers about a process."""

    def __init__(self, handle: int, error: int = 0, code: int = 0, known: int = 1) -> None:
        self.handle, self.error, self.code, self.known = handle, error, code, known
        self.closed: list[int] = []

    def OpenProcess(self, access: int, inherit: bool, pid: int) -> int:  # noqa: N802
        assert (access, inherit, pid) == (0x1000, False, 42)
        return self.handle

    def GetLastError(self) -> int:  # noqa: N802
        return self.error

    def GetExitCodeProcess(self, handle: int, code: Any) -> int:  # noqa: N802
        code._obj.value = self.code
        return self.known

    def CloseHandle(self, handle: int) -> None:  # noqa: N802
        self.closed.append(handle)


@pytest.mark.parametrize(
    ("kernel", "alive"),
    [
        (Kernel32(handle=0, error=87), False),  # no such process
        (Kernel32(handle=0, error=5), True),  # access denied
        (Kernel32(handle=7, code=259), True),  # still active
        (Kernel32(handle=7, code=0), False),
        (Kernel32(handle=7, known=0), True),
    ],
)
def test_windows_is_asked_without_ending_the_process(
    monkeypatch: pytest.MonkeyPatch, kernel: Kernel32, alive: bool
) -> None:
    monkeypatch.setattr(claim, "_is_windows", lambda: True)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert process_alive(42) is alive
    assert kernel.closed == ([7] if kernel.handle else [])

"""Whose a journal is: of the process that holds its lock, or that its header names."""

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labsyn.data.durability import open_binary, try_lock


@dataclass(frozen=True)
class Claim:
    """Whether a journal may be finished here: why not, and is it known to be measured."""

    refused: str = ""
    measuring: bool = False


@contextmanager
def claimed(
    journal: Path, header: Mapping[str, Any], *, ended: bool, force: bool = False
) -> Iterator[Claim]:
    """Hold the lock of the journal, if it can be had."""
    descriptor = open_binary(journal, os.O_RDONLY)
    try:
        yield _claim(try_lock(descriptor), header, free=ended or force)
    finally:
        os.close(descriptor)


def _claim(locked: bool | None, header: Mapping[str, Any], *, free: bool) -> Claim:
    pid, host = header.get("pid"), header.get("host")
    if locked is False:
        holder = f"process {pid} on {host} is still measuring"
        return Claim(f"{holder}, or another one is recovering it", measuring=True)
    if free:
        return Claim()
    if host != platform.node():
        return Claim(f"it was started on {host}; recover it there, or with force")
    if locked is None and isinstance(pid, int) and process_alive(pid):
        why = f"process {pid} is alive, and this disk has no locks to tell more"
        return Claim(f"{why}; end it, or recover with force", measuring=True)
    return Claim()


def process_alive(pid: int) -> bool:
    """Return True unless no process has the number `pid` on this computer."""
    if _is_windows():
        return _windows_process_alive(pid)
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, so it is there
        return True
    return True


def _is_windows() -> bool:
    return os.name == "nt"


def _windows_process_alive(pid: int) -> bool:
    """Ask kernel32: on Windows ``os.kill(pid, 0)`` would end the process."""
    import ctypes

    query_limited_information, still_active, access_denied = 0x1000, 259, 5
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009, mypy runs on Linux
    handle = kernel32.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return bool(kernel32.GetLastError() == access_denied)
    code = ctypes.c_ulong()
    known = kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel32.CloseHandle(handle)
    return not known or code.value == still_active

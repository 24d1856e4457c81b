"""From the journal to the finished file, after the measurement or after a crash.

Killed at any point, the work starts again and ends the same: the finished file is written
beside, read back, forced to the disk and renamed; only then does the journal go.
"""

import errno
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labsyn.data.errors import DataFileError, LabsynError, StorageError
from labsyn.data.journal import JournalContent, open_binary, read_journal, try_lock
from labsyn.data.nexus import read_nexus, write_nexus

SUFFIX = ".part"

RESERVE = 200_000_000
"""Bytes of the disk that a new run leaves free, so that others can still be finished."""

_NOT_PORTABLE = frozenset('<>:"|?*\\') | {chr(code) for code in range(32)}


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What became of one journal.

    Attributes
    ----------
    path : Path
        The finished file, or the journal if it had to stay.
    status : str
        Status of the run; "running" for one that is being measured, "" for an unreadable.
    n_rows : int
        Rows that were saved.
    torn_bytes : int
        Bytes behind the last whole frame; kept in ``NAME.h5.part.UUID.damaged``.
    error : str
        Why the journal stayed; empty if it did not.
    """

    path: Path
    status: str
    n_rows: int
    torn_bytes: int
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain texts and numbers, for JSON."""
        return vars(self) | {"path": str(self.path)}


def journal_path(path: Path) -> Path:
    """Return the journal that belongs to the finished file `path`."""
    return path.with_name(path.name + SUFFIX)


def finished_path(journal: Path) -> Path:
    """Return the finished file that belongs to `journal`."""
    return journal.with_name(journal.name.removesuffix(SUFFIX))


def check_new(path: Path, needed: int) -> None:
    """Refuse a run file that could not be made; its folder is made if it is missing.

    Raises
    ------
    DataFileError
        If the name is not allowed.
    StorageError
        If it exists, or its disk has not `needed` bytes and `RESERVE` free.
    """
    if path.suffix != ".h5":
        raise DataFileError(f"{path}: the name of a run file ends in .h5")
    wrong = _NOT_PORTABLE.intersection(path.name)
    if wrong:
        raise DataFileError(f"{path}: {min(wrong)!r} is not allowed in file names on Windows")
    if path.exists():
        raise StorageError(f"{path} exists and is never overwritten")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise StorageError(f"{path.parent} cannot hold a run: {error.strerror}") from error
    if free < needed + RESERVE:
        raise StorageError(
            f"{path}: the run needs {(needed + RESERVE) / 1e6:.4g} MB, with a reserve of "
            f"{RESERVE / 1e6:.4g} MB, and {free / 1e6:.4g} MB are free; free some room first"
        )


def recover(path: Path, *, force: bool = False) -> list[Recovered]:
    """Finish the journal at `path`, or every one in the folder `path` and below.

    One that fails is reported and does not stop the rest. A journal that is still being
    written is never touched.

    Parameters
    ----------
    path : Path
        A folder, a journal, or the finished file that a journal should have become.
    force : bool
        Also finish journals of another computer, which cannot be asked whether it is
        still measuring, and those whose process id lives on a disk without locks.

    Raises
    ------
    DataFileError
        If there is nothing at `path`.
    """
    if path.is_dir():
        journals = sorted(path.rglob(f"*.h5{SUFFIX}"))
    elif path.name.endswith(SUFFIX) and path.exists():
        journals = [path]
    elif journal_path(path).exists():
        journals = [journal_path(path)]
    elif path.exists():
        return []
    else:
        raise DataFileError(f"{path} does not exist")
    return [recover_one(journal, force=force) for journal in journals]


def recover_one(journal: Path, *, force: bool = False) -> Recovered:
    """Finish one journal, or say why not; see `recover`."""
    try:
        content = read_journal(journal)
    except LabsynError as error:
        return Recovered(path=journal, status="", n_rows=0, torn_bytes=0, error=str(error))
    result = Recovered(
        path=journal,
        status=status(content),
        n_rows=content.rows.shape[0],
        torn_bytes=content.torn_bytes,
    )
    try:
        with _claimed(journal, content, force=force) as claim:
            if claim.refused:
                state = "running" if claim.measuring else result.status
                return replace(result, status=state, error=claim.refused)
            # Read again: only now is it certain that nobody writes any more.
            content = with_ending(journal, read_journal(journal))
            target = compact(journal, content)
        drop(journal, content)  # after closing it: Windows removes no open file
    except (LabsynError, OSError) as error:
        return replace(result, error=str(error))
    return replace(
        result,
        path=target,
        status=status(content),
        n_rows=content.rows.shape[0],
        torn_bytes=content.torn_bytes,
    )


def status(content: JournalContent) -> str:
    """Return the status of a run that nobody measures any more."""
    return str((content.ending or {}).get("status", "interrupted"))


@dataclass(frozen=True)
class _Claim:
    """Whether a journal may be finished here: why not, and is it known to be measured."""

    refused: str = ""
    measuring: bool = False


@contextmanager
def _claimed(journal: Path, content: JournalContent, *, force: bool) -> Iterator[_Claim]:
    """Hold the lock of the journal, if it can be had."""
    descriptor = open_binary(journal, os.O_RDONLY)
    try:
        yield _claim(try_lock(descriptor), content, force=force)
    finally:
        os.close(descriptor)


def _claim(locked: bool | None, content: JournalContent, *, force: bool) -> _Claim:
    pid, host = content.header.get("pid"), content.header.get("host")
    if locked is False:
        holder = f"process {pid} on {host} is still measuring"
        return _Claim(f"{holder}, or another one is recovering it", measuring=True)
    if force or content.ending:
        return _Claim()
    if host != platform.node():
        return _Claim(f"it was started on {host}; recover it there, or with force")
    if locked is None and isinstance(pid, int) and process_alive(pid):
        why = f"process {pid} is alive, and this disk has no locks to tell more"
        return _Claim(f"{why}; end it, or recover with force", measuring=True)
    return _Claim()


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


def with_ending(journal: Path, content: JournalContent) -> JournalContent:
    """Return `content` with an end: a run without one was interrupted when last written."""
    if content.ending is not None:
        return content
    written = datetime.fromtimestamp(journal.stat().st_mtime, UTC).astimezone()
    ending = {
        "status": "interrupted",
        "reason": "the process ended without finishing the run",
        "traceback": "",
        "time": written.isoformat(timespec="microseconds"),
        "elapsed": None,
    }
    return replace(content, ending=ending)


def compact(journal: Path, content: JournalContent) -> Path:
    """Write the finished file of `journal` whole, or leave everything as it was.

    Raises
    ------
    StorageError
        If the disk refuses; the journal is kept.
    DataFileError
        If a finished file is there already and is not the same run.
    """
    target = finished_path(journal)
    if target.exists():
        _check_same(target, content)  # killed between the rename and the end of the journal
        return target
    temporary = target.with_name(target.name + ".tmp")
    try:
        _check_room(target.parent, content)
        write_nexus(temporary, content)
        _check_same(temporary, content)
        descriptor = open_binary(temporary, os.O_RDWR)  # Windows syncs writable files only
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(target)
        sync_folder(target.parent)
    except (OSError, RuntimeError, DataFileError) as error:  # h5py: RuntimeError, disk full
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StorageError(
            f"{target} could not be written ({error}); all {content.rows.shape[0]} rows are "
            f"kept in {journal.name}: free some room, then run 'labsyn recover'"
        ) from error
    return target


def _check_room(folder: Path, content: JournalContent) -> None:
    """Refuse before HDF5 meets a full disk, which it survives badly."""
    needed = content.rows.nbytes + 1_000_000
    if (free := shutil.disk_usage(folder).free) < needed:
        raise OSError(
            errno.ENOSPC, f"{needed / 1e6:.3g} MB are needed, {free / 1e6:.3g} MB free"
        )


def _check_same(path: Path, content: JournalContent) -> None:
    found = read_nexus(path)
    same_run = found.header["uuid"] == content.header["uuid"]
    if not same_run or found.rows.tobytes() != content.rows.tobytes():
        raise DataFileError(
            f"{path} exists and holds another run than its journal; rename one of the two"
        )


def drop(journal: Path, content: JournalContent) -> None:
    """Remove a journal whose rows are in the finished file; bytes not read are kept."""
    if content.torn_bytes:
        uuid = str(content.header["uuid"])[:8]
        journal.replace(journal.with_name(f"{journal.name}.{uuid}.damaged"))
    else:
        journal.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut; Windows needs no asking."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

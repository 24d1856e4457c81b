"""What makes a file last: locks, syncs and renames, each with what systems without it do."""

import contextlib
import errno
import importlib
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_ZEROS = 1 << 20
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES)

_fcntl = _module("fcntl")  # not on Windows


def open_binary(path: Path, flags: int) -> int:
    """Open a file descriptor that changes no line ends, on any system."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666)


def is_there(path: Path) -> bool:
    """Return whether `path` is there and can be looked at; `Path.exists` may fail."""
    return _mode(path) != 0


def is_file(path: Path) -> bool:
    """Return whether `path` is a file, and no folder or pipe; `Path.is_file` may fail."""
    return stat.S_ISREG(_mode(path))


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return 0


def sync_file(descriptor: int) -> None:
    """Make the data of an open file survive a power cut."""
    getattr(os, "fdatasync", os.fsync)(descriptor)  # Windows and macOS lack fdatasync


def reserve(descriptor: int, size: int) -> None:
    """Let an open file grow to `size` bytes, which the disk then has for it.

    Raises
    ------
    OSError
        If the disk is too full, or a quota or limit is in the way.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    end = os.lseek(descriptor, 0, os.SEEK_END)  # Windows, macOS, some network disks
    while end < size:
        end += os.write(descriptor, bytes(min(size - end, _ZEROS)))


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file for this process: True, False (another has it), None (no locks).

    The lock dies with the process, unlike a lock file, and a process that got the number
    of a dead one does not hold it, unlike a process id.
    """
    if _fcntl is None:
        return None
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems know no locks
        return None
    return True


def sync_folder(folder: Path) -> None:
    """Make names in `folder` survive a power cut; Windows needs no asking."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        _sync_path(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:  # some network disks cannot, and say so
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def replace_file(temporary: Path, target: Path) -> None:
    """Give a written file its name, so that a power cut leaves all of it or nothing."""
    _sync_path(temporary, os.O_RDWR)  # Windows syncs writable files only
    temporary.replace(target)
    sync_folder(target.parent)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give the path of a file to write, which becomes `path` once it is whole."""
    # A name of its own: another program may write the same file at the same time.
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        replace_file(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> Path:
    """Write a text file whole or not at all; return `path`."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _sync_path(path: Path, flags: int) -> None:
    descriptor = open_binary(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

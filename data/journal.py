"""The journal of a running measurement: frames that are appended and never changed.

One frame is one ``write`` to a descriptor opened for appending: whatever kills the process,
the frames that were written before are whole. A row is acknowledged when `Journal.write`
has returned. A crash of the computer can lose the rows of the last `sync_interval`.
"""

import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from labsyn.data.durability import is_there, open_binary, sync_file, sync_folder, try_lock
from labsyn.data.errors import ConfigError, StorageError
from labsyn.data.frames import RowFrames, pack_frame, whole_frames


class Journal:
    """A new journal, open for appending; refuses a file that exists.

    Parameters
    ----------
    path : Path
        The journal, ``NAME.h5.part``.
    n_columns : int
        Numbers in a row.
    sync_interval : float
        Longest time in seconds that written frames may wait to be forced to the disk
        while frames come in; 0 forces every frame.
    room : int
        Bytes that the whole run needs, as far as known: journal and finished file.

    Raises
    ------
    StorageError
        If the file exists or cannot be made.
    """

    def __init__(
        self, path: Path, n_columns: int, *, sync_interval: float = 1.0, room: int = 0
    ) -> None:
        if not sync_interval >= 0:
            raise ConfigError(f"sync_interval is {sync_interval} s, it must be zero or more")
        self.path = path
        self.room = room
        self.sync_interval = sync_interval
        self.n_rows = 0
        self._mutex = threading.Lock()  # events may come from another thread than rows
        self._pack_row = RowFrames(n_columns).pack
        self._end = (0, 0)  # bytes and frames; one name, so that they never disagree
        self._settled = True  # whether the last frame is counted there
        self._synced = time.monotonic()
        self._named = False  # whether the folder was forced to the disk, with the name
        self._broken = ""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
        try:
            self._descriptor = open_binary(path, flags)
        except FileExistsError as error:
            raise _storage_error(f"{path} exists and is never overwritten", error) from error
        except OSError as error:
            text = f"{path} cannot be made: {error.strerror}; nothing was started"
            raise _storage_error(text, error) from error
        try_lock(self._descriptor)
        _open_journals.add(self)

    def write(self, kind: bytes, payload: bytes, n_rows: int = 0) -> bool:
        """Append a whole frame that holds `n_rows` rows, or nothing; see `write_row`."""
        with self._mutex:
            self._check_open()
            return self._append(pack_frame(kind, payload, self._end[1]), n_rows)

    def write_row(self, values: Sequence[float]) -> bool:
        """Append the frame of a row whole, or nothing; return True if it was synced.

        Raises
        ------
        struct.error, TypeError, OverflowError
            If the values are not as many numbers as the journal has columns.
        StorageError
            If it could not be stored; the file ends with the last whole frame.
        """
        with self._mutex:
            if not self._settled or self._descriptor < 0:
                self._check_open()
            return self._append(self._pack_row(values, self._end[1]), 1)

    def _check_open(self) -> None:
        if not self._settled and not self._broken:
            self._settle()
        if self._broken or self._descriptor < 0:
            raise StorageError(f"{self.path}: {self._broken or 'the journal is closed'}")

    def _append(self, frame: bytes | bytearray, n_rows: int) -> bool:
        self._settled = False  # until it is: a signal handler may raise in between
        try:
            written = os.write(self._descriptor, frame)
        except OSError as error:
            raise self._refused(frame, error) from error
        if written != len(frame):
            raise self._refused(frame, None)
        size, n_frames = self._end
        self._end = size + written, n_frames + 1
        self._settled = True
        self.n_rows += n_rows
        if time.monotonic() - self._synced < self.sync_interval:
            return False
        self._sync()
        return True

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._descriptor < 0

    def sync(self) -> None:
        """Force what was written to the disk; do so before a long wait."""
        with self._mutex:
            if self._descriptor >= 0:
                self._sync()

    def _sync(self) -> None:
        if not is_there(self.path):  # rows would go on into a file without a name
            raise StorageError(f"{self.path} was deleted or moved while the run was measured")
        try:
            sync_file(self._descriptor)
            if not self._named:  # rows of a file without a name would be gone as well
                sync_folder(self.path.parent)
                self._named = True
        except OSError as error:
            raise _storage_error(
                f"{self.path}: the disk did not confirm the last rows ({error.strerror}); "
                "the file holds them, but they may not survive a power cut",
                error,
            ) from error
        self._synced = time.monotonic()

    def close(self) -> None:
        """Release the file; it can be closed twice."""
        with self._mutex:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _refused(self, frame: bytes | bytearray, error: OSError | None) -> StorageError:
        """Cut off what was written of `frame`, and return the error to raise."""
        self._settle()
        reason = error.strerror if error else "the disk is full, or a quota or limit reached"
        # What was measured is needed twice, as the finished file is written beside.
        size, _ = self._end
        missing = max(self.room, 2 * (size + len(frame))) - size
        text = (
            f"{self.path}: {len(frame)} bytes could not be stored ({reason}); "
            f"the {self.n_rows} rows before are kept; free at least "
            f"{missing / 1e6:.3g} MB there, then run 'labsyn recover'"
        )
        return _storage_error(text, error)

    def _settle(self) -> None:
        """End the file with its last whole frame, which is counted if it was not."""
        size, n_frames = self._end
        try:
            with self.path.open("rb") as file:
                file.seek(size)
                more, whole = whole_frames(file.read(), n_frames)
            os.ftruncate(self._descriptor, size + whole)
        except OSError as error:
            # A torn frame would hide all later ones from a reader: accept no more.
            self._broken = f"no more rows are accepted after a torn one ({error.strerror})"
            return
        self._end = size + whole, n_frames + more
        self._settled = True

    def _forget_after_fork(self) -> None:
        """Close the copy in a forked child: it would keep the lock of a dead parent."""
        self._mutex = threading.Lock()
        self.close()


_open_journals: "weakref.WeakSet[Journal]" = weakref.WeakSet()


def _after_fork() -> None:
    for journal in list(_open_journals):
        journal._forget_after_fork()  # noqa: SLF001, its own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _storage_error(text: str, cause: OSError | None) -> StorageError:
    error = StorageError(text)
    error.errno = cause.errno if cause else None
    return error

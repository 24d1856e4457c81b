"""The journal of a running measurement: frames that are appended and never changed.

``NAME.h5.part`` is a sequence of frames, little endian::

    magic "LSJ1" | kind, 1 byte | length, uint32 | CRC-32, uint32 | payload

The CRC covers everything but itself. Kinds: ``H`` header (JSON: all that is known of the
run before its first row), ``R`` one row (doubles, in the order of the columns), ``B`` a
block of rows, ``M`` metadata to be merged, ``E`` an event, ``Z`` the end (all JSON).

One frame is one ``write`` to a descriptor opened for appending: whatever kills the process,
the frames that were written before are whole. A row is acknowledged when `Journal.write`
has returned. A crash of the computer can lose the rows of the last `sync_interval`.
"""

import importlib
import os
import struct
import threading
import time
import weakref
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import ConfigError, DataFileError, StorageError
from labsyn.data.provenance import check_header, from_json

MAX_PAYLOAD = 1 << 24
HEADER, ROW, BLOCK, METADATA, EVENT, END = b"H", b"R", b"B", b"M", b"E", b"Z"

_MAGIC = b"LSJ1"
_PREFIX = struct.Struct("<4scI")
_CRC = struct.Struct("<I")
_OVERHEAD = _PREFIX.size + _CRC.size


# --- what only some systems have, each with what the others do instead -----------------


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_fcntl = _module("fcntl")


def sync_file(descriptor: int) -> None:
    """Make the data of an open file survive a power cut."""
    getattr(os, "fdatasync", os.fsync)(descriptor)  # Windows and macOS lack fdatasync


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


def open_binary(path: Path, flags: int) -> int:
    """Open a file descriptor that changes no line ends, on any system."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666)


# --- writing ---------------------------------------------------------------------------


def pack_frame(kind: bytes, payload: bytes) -> bytes:
    """Return the frame of a payload.

    Raises
    ------
    DataFileError
        If the payload is longer than a reader would believe.
    """
    if len(payload) > MAX_PAYLOAD:
        raise DataFileError(
            f"a journal frame holds at most {MAX_PAYLOAD} bytes, not {len(payload)}"
        )
    prefix = _PREFIX.pack(_MAGIC, kind, len(payload))
    return prefix + _CRC.pack(zlib.crc32(payload, zlib.crc32(prefix))) + payload


class RowPacker:
    """Make the frame of a row: the hot path, so everything constant is made once.

    Parameters
    ----------
    n_columns : int
        Numbers in a row.
    """

    def __init__(self, n_columns: int) -> None:
        self._row = struct.Struct(f"<{n_columns}d")
        self._prefix = _PREFIX.pack(_MAGIC, ROW, self._row.size)
        self._seed = zlib.crc32(self._prefix)

    def __call__(self, *values: float) -> bytes:
        payload = self._row.pack(*values)
        return self._prefix + _CRC.pack(zlib.crc32(payload, self._seed)) + payload


class Journal:
    """A new journal, open for appending; refuses a file that exists.

    Parameters
    ----------
    path : Path
        The journal, ``NAME.h5.part``.
    sync_interval : float
        Longest time in seconds that written frames may wait to be forced to the disk
        while frames come in; 0 forces every frame.

    Raises
    ------
    StorageError
        If the file exists or cannot be made.
    """

    def __init__(self, path: Path, *, sync_interval: float = 1.0) -> None:
        if not sync_interval >= 0:
            raise ConfigError(f"sync_interval is {sync_interval} s, it must be zero or more")
        self.path = path
        self.sync_interval = sync_interval
        self.n_rows = 0
        self._mutex = threading.Lock()  # events may come from another thread than rows
        self._size = 0
        self._synced = time.monotonic()
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

    def write(self, frame: bytes, n_rows: int = 0) -> bool:
        """Append a whole frame of `n_rows` rows, or nothing; return True if it was synced.

        Raises
        ------
        StorageError
            If it could not be stored; the file ends with the last whole frame.
        """
        with self._mutex:
            if self._broken or self._descriptor < 0:
                raise StorageError(f"{self.path}: {self._broken or 'the journal is closed'}")
            try:
                written = os.write(self._descriptor, frame)
            except OSError as error:
                raise self._refused(frame, error) from error
            if written != len(frame):
                raise self._refused(frame, None)
            self._size += written
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
        if not self.path.exists():  # rows would go on into a file without a name
            raise StorageError(f"{self.path} was deleted or moved while the run was measured")
        try:
            sync_file(self._descriptor)
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

    def _refused(self, frame: bytes, error: OSError | None) -> StorageError:
        """Cut off what was written of `frame`, and return the error to raise."""
        try:
            self._cut_torn_frame()
        except OSError as second:
            # A torn frame would hide all later ones from a reader: accept no more.
            self._broken = f"no more rows are accepted after a torn one ({second.strerror})"
        reason = error.strerror if error else "the disk is full, or a quota or limit reached"
        text = (
            f"{self.path}: {len(frame)} bytes could not be stored ({reason}); "
            f"the {self.n_rows} rows before are kept; free at least "
            f"{(self._size + len(frame)) / 1e6:.3g} MB there to finish the run"
        )
        return _storage_error(text, error)

    def _cut_torn_frame(self) -> None:
        """End the file with its last whole frame.

        Not simply at `_size`: an exception from a signal handler can come between the
        write and the count, and a frame that was written whole is never cut off.
        """
        with self.path.open("rb") as file:
            file.seek(self._size)
            tail = file.read()
        whole = 0
        for _, _, whole in frames(tail):  # noqa: B007, the last end is what counts
            pass
        self._size += whole
        os.ftruncate(self._descriptor, self._size)

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


# --- reading ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class JournalContent:
    """All that a run file holds, in a journal or finished.

    Attributes
    ----------
    header : mapping
        What was known before the first row; `columns` is a list of name, unit, long name.
    rows : ndarray, shape (n_rows, n_columns)
        Float64, in the order of the columns.
    metadata : mapping
        Metadata of the header with every later update merged in.
    events : tuple of mapping
        Each with `time`, `elapsed` (s), `row` (rows stored before it), `level`, `text`.
    ending : mapping or None
        `status`, `reason`, `traceback`, `time`, `elapsed`; None without an end.
    torn_bytes : int
        Bytes behind the last whole frame: what could not be read, and is not guessed.
    """

    header: Mapping[str, Any]
    rows: NDArray[np.float64]
    metadata: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    ending: Mapping[str, Any] | None
    torn_bytes: int = 0


def frames(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield kind, payload and end of each whole frame, up to the first that is not."""
    start = 0
    while start + _OVERHEAD <= len(data):
        magic, kind, length = _PREFIX.unpack_from(data, start)
        end = start + _OVERHEAD + length
        if magic != _MAGIC or length > MAX_PAYLOAD or end > len(data):
            return
        payload = data[start + _OVERHEAD : end]
        seed = zlib.crc32(data[start : start + _PREFIX.size])
        if _CRC.unpack_from(data, start + _PREFIX.size)[0] != zlib.crc32(payload, seed):
            return
        yield kind, payload, end
        start = end


def read_journal(path: Path) -> JournalContent:
    """Return everything before the first damage of a journal, running or left behind.

    Raises
    ------
    DataFileError
        If it cannot be read, holds no whole header, or was written by a newer labsyn.
    """
    data = _bytes_of(path)
    found = frames(data)
    kind, payload, whole = next(found, (b"", b"", 0))
    if kind != HEADER:
        raise DataFileError(
            f"{path} holds no whole header ({len(data)} bytes): "
            "it is no journal of labsyn, or its run ended before it began"
        )
    header = check_header(path, payload)
    rows: list[bytes] = []
    events: list[Mapping[str, Any]] = []
    metadata, ending = dict(header["metadata"]), None
    row_size = 8 * len(header["columns"])
    for kind, payload, end in found:
        if (kind == ROW and len(payload) == row_size) or (
            kind == BLOCK and payload and len(payload) % row_size == 0
        ):
            rows.append(payload)
        elif kind in (METADATA, EVENT, END) and (plain := from_json(payload)) is not None:
            if kind == METADATA:
                metadata |= plain
            elif kind == EVENT:
                events.append(plain)
            else:
                ending = plain
        else:
            break
        whole = end
        if ending is not None:
            break
    return JournalContent(
        header=header,
        rows=_table(b"".join(rows), [name for name, _, _ in header["columns"]]),
        metadata=metadata,
        events=tuple(events),
        ending=ending,
        torn_bytes=len(data) - whole,
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataFileError(f"{path} does not exist") from error
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error


def _table(data: bytes, names: list[str]) -> NDArray[np.float64]:
    table = np.frombuffer(bytearray(data), "<f8").reshape(-1, len(names))
    if "flags" in names:
        table[:, names.index("flags")] += 0.0  # bits have no negative zero
    return table

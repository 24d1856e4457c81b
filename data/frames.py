"""The frames of a journal.

``NAME.h5.part`` is a sequence of frames, little endian::

    magic "LSJ2" | kind, 1 byte | length, uint32 | CRC-32, uint32 | payload

The CRC covers everything but itself, and what is stored is its exclusive or with the number
of the frame, counted from 0: a frame that was copied, lost or moved is none. (Version 1,
"LSJ1", stored the CRC alone.) Kinds: ``H`` header (JSON: all that is known of the
run before its first row), ``R`` one row (doubles, in the order of the columns), ``B`` many
rows, ``W`` a block (a waveform or sweep: see `blocks`), ``M`` metadata to be merged, ``E``
an event, ``Z`` the end (all JSON).
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import DataFileError

MAX_PAYLOAD = 1 << 24
HEADER, ROW, ROWS, BLOCK = b"H", b"R", b"B", b"W"
METADATA, EVENT, END = b"M", b"E", b"Z"
DAMAGED = b""
"""What `frame_at` finds where no frame can be, however many bytes are still to come."""

_MAGIC, _MAGIC_1 = b"LSJ2", b"LSJ1"
_PREFIX = struct.Struct("<4scI")
_CRC = struct.Struct("<I")
_CRC_BITS = 0xFFFFFFFF
OVERHEAD = _PREFIX.size + _CRC.size

_LOOK_AHEAD = 4096  # rows: a frame of another kind among them must not cost much


def pack_frame(kind: bytes, payload: bytes, number: int) -> bytes:
    """Return frame `number` of a journal.

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
    crc = zlib.crc32(payload, zlib.crc32(prefix)) ^ number & _CRC_BITS
    return prefix + _CRC.pack(crc) + payload


class RowFrames:
    """Make and find the frames of rows: the hot path, so everything constant is made once.

    Parameters
    ----------
    n_columns : int
        Numbers in a row.
    version : int
        Of the journal.
    """

    def __init__(self, n_columns: int, version: int = 2) -> None:
        row = struct.Struct(f"<{n_columns}d")
        self._pack_row, self._size = row.pack, row.size
        self._numbered = version > 1
        self._prefix = _PREFIX.pack(_MAGIC if self._numbered else _MAGIC_1, ROW, row.size)
        self._seed = zlib.crc32(self._prefix)
        self._pack_head = struct.Struct(f"<{len(self._prefix)}sI").pack
        self._frame = np.dtype(
            [("prefix", f"S{len(self._prefix)}"), ("crc", "<u4"), ("row", "<f8", n_columns)]
        )

    def pack(self, values: Sequence[float], number: int) -> bytes:
        """Return frame `number`, which holds a row."""
        payload = self._pack_row(*values)
        crc = zlib.crc32(payload, self._seed) ^ number & _CRC_BITS
        return self._pack_head(self._prefix, crc) + payload

    def find(self, data: bytes, start: int, number: int) -> tuple[NDArray[np.float64], int]:
        """Return the rows whose frames follow each other from `start`, and where they end.

        At most a few thousand, the first of them in frame `number`; shape
        (n_rows, n_columns), a view of `data`.
        """
        step = self._frame.itemsize
        n_rows = min((len(data) - start) // step, _LOOK_AHEAD)
        found = np.frombuffer(data, self._frame, n_rows, start)
        n_rows = _first_false(found["prefix"] == self._prefix)
        view, crc32, seed, size = memoryview(data), zlib.crc32, self._seed, self._size
        begins = range(start + OVERHEAD, start + OVERHEAD + n_rows * step, step)
        crcs = np.array([crc32(view[i : i + size], seed) for i in begins], np.uint32)
        if self._numbered:
            crcs ^= np.arange(number, number + n_rows).astype(np.uint32)
        n_rows = _first_false(found["crc"][:n_rows] == crcs)
        return found["row"][:n_rows], start + n_rows * step


def _first_false(values: NDArray[np.bool_]) -> int:
    return values.size if values.all() else int(values.argmin())


def frame_at(data: bytes, start: int, number: int) -> tuple[bytes, bytes, int] | None:
    """Return kind, payload and end of frame `number` at `start`; None if not whole yet."""
    if start + OVERHEAD > len(data):
        return None
    magic, kind, length = _PREFIX.unpack_from(data, start)
    end = start + OVERHEAD + length
    if magic not in (_MAGIC, _MAGIC_1) or length > MAX_PAYLOAD:
        return DAMAGED, b"", start
    if end > len(data):
        return None
    payload = data[start + OVERHEAD : end]
    crc = zlib.crc32(payload, zlib.crc32(data[start : start + _PREFIX.size]))
    if magic == _MAGIC:
        crc ^= number & _CRC_BITS
    if _CRC.unpack_from(data, start + _PREFIX.size)[0] != crc:
        return DAMAGED, b"", start
    return kind, payload, end


def whole_frames(data: bytes, number: int) -> tuple[int, int]:
    """Return how many whole frames `data` begins with, from `number` on, and their end."""
    n_frames, end = 0, 0
    while (found := frame_at(data, end, number + n_frames)) and found[0] != DAMAGED:
        n_frames, end = n_frames + 1, found[2]
    return n_frames, end

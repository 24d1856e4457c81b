"""The frames of a journal.

``NAME.h5.part`` is a sequence of frames, little endian::

    magic "LSJ1" | kind, 1 byte | length, uint32 | CRC-32, uint32 | payload

The CRC covers everything but itself. Kinds: ``H`` header (JSON: all that is known of the
run before its first row), ``R`` one row (doubles, in the order of the columns), ``B`` a
block of rows, ``M`` metadata to be merged, ``E`` an event, ``Z`` the end (all JSON).
"""

import struct
import zlib
from collections.abc import Iterator

from labsyn.data.errors import DataFileError

MAX_PAYLOAD = 1 << 24
HEADER, ROW, BLOCK, METADATA, EVENT, END = b"H", b"R", b"B", b"M", b"E", b"Z"

_MAGIC = b"LSJ1"
_PREFIX = struct.Struct("<4scI")
_CRC = struct.Struct("<I")
_OVERHEAD = _PREFIX.size + _CRC.size


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

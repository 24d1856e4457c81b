"""Read the idx format, in which MNIST and Fashion-MNIST are published.

Two zero bytes, a type code, the number of axes, the length of each axis (four bytes,
big endian), then the values: Y. LeCun, C. Cortes, C. Burges, the MNIST database.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import DataFileError

_UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array in an idx file of unsigned bytes, packed (.gz) or not.

    Raises
    ------
    DataFileError
        If the file is no idx file, is packed wrongly, has values of another type, or is
        shorter or longer than its header says.
    """
    raw = _unpack(path)
    n_axes = raw[3] if len(raw) >= 4 else 0
    start = 4 + 4 * n_axes
    if raw[:2] != b"\0\0" or not n_axes or len(raw) < start:
        raise DataFileError(f"{path}: this is no idx file: it starts with {raw[:4].hex()!r}")
    if raw[2] != _UNSIGNED_BYTE:
        raise DataFileError(f"{path}: values of type 0x{raw[2]:02x}, only 0x08 is read")
    shape = tuple(int(n) for n in np.frombuffer(raw[4:start], ">u4"))
    if len(raw) - start != math.prod(shape):
        raise DataFileError(
            f"{path}: {len(raw) - start} values, but its header says {math.prod(shape)}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _unpack(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(f"{path}: cannot be read: {error}") from error

"""What of a MATLAB 5 file is looked at before SciPy reads it: sizes, and counts of elements.

A compressed part of a few bytes can unpack to gigabytes, and a cell array can state more
elements than the file holds, for which SciPy would take memory at once.

References
----------
MATLAB MAT-File Format, The MathWorks, tables 1-1 to 1-3.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.source import MAX_BYTES

_MATRIX, _COMPRESSED = 14, 15  # miMATRIX, miCOMPRESSED
_CELL, _STRUCT, _OBJECT = 1, 2, 3  # classes whose elements are matrices themselves
_HEADER = 128
_DEEPEST = 20
_STEP = 1_000_000


def check_matlab5(path: Path) -> None:
    """Refuse a file that would take more memory than it may.

    Raises
    ------
    ImportFormatError
        If it unpacks to more than `MAX_BYTES`, or a variable states more elements than the
        file holds.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ImportFormatError(f"{path} has {size} bytes; {MAX_BYTES} are read at most")
    data = memoryview(path.read_bytes())
    order = "<" if bytes(data[126:128]) == b"IM" else ">"
    left = MAX_BYTES
    for kind, payload in _elements(data[_HEADER:], order):
        if kind == _COMPRESSED:
            unpacked = _unpack(path, payload, left)
            left -= len(unpacked)
            parts = list(_elements(memoryview(unpacked), order))
        else:
            parts = [(kind, payload)]
        for inner, matrix in parts:
            if inner == _MATRIX:
                _check_counts(path, matrix, order)


def _unpack(path: Path, packed: memoryview, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    parts: list[bytes] = []
    left: bytes | memoryview = packed
    size = 0
    while left:
        parts.append(unpacker.decompress(left, _STEP))
        left = unpacker.unconsumed_tail
        size += len(parts[-1])
        if size > most:
            raise ImportFormatError(
                f"{path} unpacks to more than {MAX_BYTES} bytes, which are read at most"
            )
    return b"".join(parts)


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Return kind and content of each element."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind >> 16:  # a small one: its size stands in the upper half, its content behind
            yield kind & 0xFFFF, data[at + 4 : at + 4 + min(kind >> 16, 4)]
            at += 8
            continue
        yield kind, data[at + 8 : at + 8 + size]
        # Compressed elements are not padded to 8 bytes, all others are.
        at += 8 + (size if kind == _COMPRESSED else (size + 7) // 8 * 8)


def _check_counts(path: Path, matrix: memoryview, order: str, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ImportFormatError(f"{path}: variables nested more than {_DEEPEST} deep")
    parts = list(_elements(matrix, order))
    if len(parts) < 2 or len(parts[0][1]) < 4:  # an empty element of a cell array
        return
    kind = struct.unpack_from(order + "I", parts[0][1])[0] & 0xFF
    if kind not in (_CELL, _STRUCT, _OBJECT):
        return
    within = [content for inner, content in parts if inner == _MATRIX]
    sizes = struct.unpack_from(f"{order}{len(parts[1][1]) // 4}i", parts[1][1])
    stated = math.prod(sizes) * (1 if kind == _CELL else _n_fields(parts, order))
    if min(sizes, default=0) < 0 or stated > len(within):
        raise ImportFormatError(
            f"{path}: a variable states {stated} elements and holds {len(within)}"
        )
    for content in within:
        _check_counts(path, content, order, depth + 1)


def _n_fields(parts: list[tuple[int, memoryview]], order: str) -> int:
    """Return how many fields a structure has: its names are all of one stated length."""
    for (_, length), (_, names) in pairwise(parts[2:]):
        if len(length) == 4 and (size := struct.unpack(order + "i", length)[0]) > 0:
            return max(len(names) // size, 1)
    return 1

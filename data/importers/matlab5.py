"""MATLAB 5 files (to 7.2): numbers, and numbers in structures; nothing else is looked at.

SciPy reads these files, too, but takes memory for whatever number of elements a cell array
states, and a few changed bytes make it crash the whole process. What is needed here is little.

References
----------
MATLAB MAT-File Format, The MathWorks, tables 1-1 to 1-3.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.source import MAX_BYTES

_MATRIX, _COMPRESSED = 14, 15  # miMATRIX, miCOMPRESSED
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
            13: "u8"}  # fmt: skip
_CLASSES = {1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 16: "function"}
_FULL = range(6, 16)  # classes of numbers: double, single, int8 …
_COMPLEX = 0x800
_HEADER = 128
_STEP = 1_000_000

Element = tuple[int, memoryview]


@dataclass(frozen=True)
class _Matrix:
    """One variable, or one field of a structure: its kind, and its elements not yet read."""

    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str
    elements: list[Element]


class Matlab5:
    """The variables of a file.

    Raises
    ------
    ImportFormatError
        If it unpacks to more than `MAX_BYTES`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ImportFormatError(f"{path} has {size} bytes; {MAX_BYTES} are read at most")
        data = memoryview(path.read_bytes())
        self._order = "<" if bytes(data[126:128]) == b"IM" else ">"
        matrices = [self._matrix(content) for content in self._contents(data[_HEADER:])]
        self._variables = {matrix.name: matrix for matrix in matrices}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave nothing open: the file was read as a whole."""

    def names(self) -> list[str]:
        """Return the names of the variables."""
        return list(self._variables)

    def read(self, path: list[str], where: str) -> NDArray[Any]:
        """Return the numbers of a variable, or of a field of a structure.

        Raises
        ------
        ImportFormatError
            If it is not in the file, or holds no real numbers, or less than it states.
        """
        found = self._variables.get(path[0])
        for name in path[1:]:
            found = found and self._field(found, name)
        if found is None:
            raise ImportFormatError(
                f"{where} is not in the file, which holds {', '.join(self._variables)}"
            )
        if found.kind not in _FULL or found.is_complex or not found.elements:
            kind = "complex" if found.is_complex else _CLASSES.get(found.kind, "empty")
            raise ImportFormatError(f"{where} is no column of numbers ({kind})")
        stored, content = found.elements[0]
        values = np.frombuffer(content, self._order + _NUMBERS[stored])
        if values.size != math.prod(found.shape):
            raise ImportFormatError(
                f"{where} states {' x '.join(map(str, found.shape))} numbers and holds "
                f"{values.size}"
            )
        return values.reshape(found.shape, order="F")

    def _contents(self, data: memoryview) -> Iterator[memoryview]:
        left = MAX_BYTES
        for kind, content in _elements(data, self._order):
            if kind == _MATRIX:
                yield content
            elif kind == _COMPRESSED:
                unpacked = _unpack(self.path, content, left)
                left -= len(unpacked)
                inner = _elements(memoryview(unpacked), self._order)
                yield from (matrix for kind, matrix in inner if kind == _MATRIX)

    def _matrix(self, content: memoryview) -> _Matrix:
        elements = list(_elements(content, self._order))
        if len(elements) < 3:  # an empty field of a structure, or a class of its own kind
            return _Matrix(0, False, (0,), "", [])
        (_, flags), (_, sizes), (_, name) = elements[:3]
        word = struct.unpack_from(self._order + "I", flags)[0]
        shape = struct.unpack(f"{self._order}{len(sizes) // 4}i", sizes)
        text = bytes(name).decode("ascii", "replace")
        return _Matrix(word & 0xFF, bool(word & _COMPLEX), shape, text, elements[3:])

    def _field(self, found: _Matrix, name: str) -> _Matrix | None:
        """Return a field of a structure; None if it has none, or is an array of structures."""
        if _CLASSES.get(found.kind) != "struct" or math.prod(found.shape) != 1:
            return None
        (_, length), (_, names) = found.elements[:2]
        size = struct.unpack(self._order + "i", length)[0]
        texts = [
            bytes(names[at : at + size]).rstrip(b"\0").decode("ascii", "replace")
            for at in range(0, len(names), max(size, 1))
        ]
        fields = found.elements[2:]
        if name not in texts or texts.index(name) >= len(fields):
            return None
        return self._matrix(fields[texts.index(name)][1])


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


def _elements(data: memoryview, order: str) -> Iterator[Element]:
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

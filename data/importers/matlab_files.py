"""The two kinds of .mat files behind one way to read a variable; both bounded."""

import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.source import MAX_BYTES

_COMPRESSED = 15  # miCOMPRESSED, MAT-file format, table 1-1
_STEP = 1_000_000


class Matlab5:
    """A file of MATLAB 5 to 7.2.

    Raises
    ------
    ImportFormatError
        If its compressed parts unpack to more than `MAX_BYTES`.
    """

    def __init__(self, path: Path) -> None:
        import scipy.io

        self.path = path
        _check_size(path)
        self._names = [name for name, _, _ in scipy.io.whosmat(path)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave nothing open: SciPy closes the file itself."""

    def names(self) -> list[str]:
        """Return the names of the variables."""
        return self._names

    def read(self, path: list[str], where: str) -> Any:
        """Return a variable, or a field of a structure."""
        import scipy.io

        content: Any = scipy.io.loadmat(self.path, variable_names=path[:1], simplify_cells=True)
        for name in path:
            if not isinstance(content, Mapping) or name not in content:
                raise ImportFormatError(
                    f"{where} is not in the file, which holds {', '.join(self._names)}"
                )
            content = content[name]
        return content


def _check_size(path: Path) -> None:
    left = MAX_BYTES - path.stat().st_size
    with path.open("rb") as file:
        order = "<" if file.read(128)[126:128] == b"IM" else ">"
        while left >= 0 and len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(order + "II", tag)
            if kind != _COMPRESSED:
                file.seek(size, os.SEEK_CUR)
                continue
            unpacker, packed = zlib.decompressobj(), file.read(size)
            while packed and left >= 0:
                left -= len(unpacker.decompress(packed, _STEP))
                packed = unpacker.unconsumed_tail
    if left < 0:
        raise ImportFormatError(
            f"{path} unpacks to more than {MAX_BYTES} bytes, which are read at most"
        )


class Matlab73:
    """A file of MATLAB 7.3, which is HDF5 with its matrices transposed."""

    def __init__(self, path: Path) -> None:
        import h5py

        self.path = path
        self._file = h5py.File(path, "r")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def names(self) -> list[str]:
        """Return the names of the variables."""
        return [name for name in self._file if not name.startswith("#")]

    def read(self, path: list[str], where: str) -> Any:
        """Return a variable, or a field of a structure."""
        import h5py

        item = self._file
        for name in path:
            # A link into another file is not followed: it would read what nobody named.
            link = item.get(name, getlink=True) if isinstance(item, h5py.Group) else None
            if not isinstance(link, h5py.HardLink):
                raise ImportFormatError(
                    f"{where} is not in the file, which holds {', '.join(self.names())}"
                )
            item = item[name]
        is_text = item.attrs.get("MATLAB_class", b"") == b"char"
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biuf" or is_text:
            raise ImportFormatError(f"{where} is no column of numbers")
        if item.size * 8 > MAX_BYTES:
            raise ImportFormatError(
                f"{where} unpacks to {item.size * 8} bytes; {MAX_BYTES} are read at most"
            )
        return item[()].T

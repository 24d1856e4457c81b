"""The two kinds of .mat files behind one way to read a variable; both bounded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.matlab_check import check_matlab5
from labsyn.data.importers.source import MAX_BYTES
from labsyn.data.untrusted import check_stored_here, member


class Matlab5:
    """A file of MATLAB 5 to 7.2.

    Raises
    ------
    ImportFormatError
        If it unpacks to more than `MAX_BYTES`, or states more elements than it holds.
    """

    def __init__(self, path: Path) -> None:
        import scipy.io

        self.path = path
        check_matlab5(path)
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

        content: Any = scipy.io.loadmat(self.path, variable_names=path[:1])
        for name in path:
            if isinstance(content, np.ndarray) and content.dtype.names and content.size == 1:
                content = {key: content.item()[i] for i, key in enumerate(content.dtype.names)}
            if not isinstance(content, Mapping) or name not in content:
                raise ImportFormatError(
                    f"{where} is not in the file, which holds {', '.join(self._names)}"
                )
            content = content[name]
        return content


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

        if path[0] not in self._file:
            raise ImportFormatError(
                f"{where} is not in the file, which holds {', '.join(self.names())}"
            )
        item = member(self._file, "/".join(path))
        is_text = item.attrs.get("MATLAB_class", b"") == b"char"
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biuf" or is_text:
            raise ImportFormatError(f"{where} is no column of numbers")
        if item.size * 8 > MAX_BYTES:
            raise ImportFormatError(
                f"{where} unpacks to {item.size * 8} bytes; {MAX_BYTES} are read at most"
            )
        check_stored_here(item, ".".join(path))
        return item[()].T

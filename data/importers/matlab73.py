"""MATLAB 7.3 files, which are HDF5 with their matrices transposed."""

from pathlib import Path
from typing import Any, Self

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.source import MAX_BYTES
from labsyn.data.untrusted import check_stored_here, member


class Matlab73:
    """The variables of a file; each is read when it is asked for."""

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

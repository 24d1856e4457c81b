"""A file to import: its bytes, decompressed and bounded, and what kind they are."""

import functools
import hashlib
import zipfile
import zlib
from pathlib import Path

from labsyn.data.durability import is_file, is_there
from labsyn.data.errors import DataFileError, ImportFormatError

MAX_BYTES = 256_000_000
"""Largest text or workbook that is read, decompressed: more is an error or an attack."""

_ALLOWED = f"{MAX_BYTES} are read at most; import a part of it"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD = 65_536


class Source:
    """One file to import.

    Attributes
    ----------
    path : Path
        The file.
    start : bytes
        Its first bytes, as they are.
    kind : str
        "hdf5", "mat" (MATLAB 5), "workbook" (.xlsx), "xls" (older Excel), or "text".
    compressed : bool
        Whether it is gzip; `data` is decompressed.

    Raises
    ------
    DataFileError
        If the file does not exist, is no file, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if is_there(path) and not is_file(path):  # a pipe is empty when it is read again
            raise DataFileError(f"{path} is no file and cannot be read")
        try:
            with path.open("rb") as file:
                self.start = file.read(1024)
            self.kind = _kind(path, self.start)
        except FileNotFoundError as error:
            raise DataFileError(f"{path} does not exist") from error
        except OSError as error:
            raise DataFileError(f"{path} cannot be read: {error.strerror}") from error
        self.compressed = self.start.startswith(b"\x1f\x8b")

    @functools.cached_property
    def sha256(self) -> str:
        """Checksum of the file as it is."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @functools.cached_property
    def data(self) -> bytes:
        """All bytes of a text, decompressed.

        Raises
        ------
        ImportFormatError
            If they are more than `MAX_BYTES`, or the compression is damaged.
        """
        size = self.path.stat().st_size
        if size > MAX_BYTES:
            raise ImportFormatError(f"{self.path} has {size} bytes; {_ALLOWED}")
        packed = self.path.read_bytes()
        return _decompress(self.path, packed) if self.compressed else packed

    @functools.cached_property
    def head(self) -> str:
        """The first lines of a text, to recognise it by; empty for any other file."""
        if self.kind != "text":
            return ""
        codec = self.encoding.removesuffix("-sig")
        return self.data[:_HEAD].decode(codec, errors="replace").lstrip("\ufeff")

    @property
    def first_lines(self) -> list[str]:
        """The lines of `head` that are not blank."""
        return [line.strip() for line in self.head.splitlines() if line.strip()]

    def text(self, encoding: str | None = None) -> str:
        """Return the whole text, in UTF-8 (or UTF-16 by its mark) unless stated otherwise.

        Raises
        ------
        ImportFormatError
            If it is no text, or not in that encoding.
        """
        codec = encoding or self.encoding
        try:
            return self.data.decode(codec)
        except UnicodeDecodeError as error:
            raise ImportFormatError(
                f"{self.path}: byte {error.start} is no text "
                f"({codec.upper().removesuffix('-SIG')}); is this a CSV file? If so, state its "
                "encoding, such as cp1252"
            ) from error

    @property
    def encoding(self) -> str:
        """What the text says of its encoding: UTF-16 by its byte order mark, or UTF-8."""
        if self.data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        return "utf-8-sig"  # with or without a byte order mark

    @property
    def has_mark(self) -> bool:
        """Whether the text begins with a byte order mark."""
        return self.data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))

    @functools.cached_property
    def sheets(self) -> tuple[str, ...]:
        """Names of the sheets of a workbook, without reading its cells.

        Raises
        ------
        ImportFormatError
            If it is no workbook, or unpacks to more than `MAX_BYTES`.
        """
        from labsyn.data.importers.workbook import sheet_names  # it needs this module itself

        return sheet_names(self.path)


def is_arc_two(path: Path) -> bool:
    """Return whether a file is an HDF5 store of ArC TWO, by the version that it states."""
    if not is_file(path):  # a pipe would wait for its writer
        return False
    try:
        with path.open("rb") as file:
            if file.read(len(_HDF5)) != _HDF5:
                return False
        import h5py

        with h5py.File(path, "r") as store:
            return "H5DS_VERSION_MAJOR" in store.attrs
    except Exception:  # HDF5 raises many kinds on a damaged file; whoever reads it tells
        return False


def _kind(path: Path, start: bytes) -> str:
    # MATLAB 7.3 puts a block of 512 bytes of its own before the HDF5 in it.
    if start.startswith(_HDF5) or start[512:520] == _HDF5:
        return "hdf5"
    if start.startswith(b"MATLAB 5.0 MAT-file"):
        return "mat"
    if start.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        return "workbook"
    return "xls" if start.startswith(_OLE) else "text"


def _decompress(path: Path, packed: bytes) -> bytes:
    """Return what a gzip file of one or more members holds, never more than `MAX_BYTES`."""
    parts: list[bytes] = []
    size = 0
    try:
        while packed:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(packed, MAX_BYTES + 1 - size))
            size += len(parts[-1])
            if size > MAX_BYTES:
                raise ImportFormatError(f"{path} unpacks to more bytes than may be: {_ALLOWED}")
            if not member.eof:
                raise ImportFormatError(f"{path} is a gzip file that was cut short")
            packed = member.unused_data
    except zlib.error as error:
        raise ImportFormatError(f"{path} is a damaged gzip file: {error}") from error
    return b"".join(parts)

"""Every message on the wire, with its time: for the day when nothing is what it seems."""

import time
from pathlib import Path
from typing import Any

import pyvisa
from pyvisa.constants import ResourceAttribute

from labsyn.data.errors import StorageError

_LONGEST = 200  # characters of one message


class WireLog:
    """Log of all messages of a PyVISA library, until it is closed.

    One line a message: seconds since the log began, resource, ``>`` sent or ``<`` received,
    and the bytes as Python writes them. It sits below every driver, so that what it shows
    is what went over the wire, whoever sent it.

    Parameters
    ----------
    path : path
        File to append to.
    library : object
        A PyVISA library.
    """

    def __init__(self, path: Path, library: Any) -> None:
        try:
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise StorageError(f"cannot write the wire log {path}: {error.strerror}") from error
        self._library = library
        self._start = time.monotonic()
        self._names: dict[Any, str] = {}
        self._file.write(f"# {time.strftime('%Y-%m-%dT%H:%M:%S%z')} {library}\n")
        library.write, library.read, library.clear = self._write, self._read, self._clear

    @classmethod
    def opened(cls, path: Path | str, library: Any) -> "WireLog":
        """Log the library that ``pyvisa.ResourceManager(library)`` uses."""
        return cls(Path(path), pyvisa.ResourceManager(library).visalib)

    def close(self) -> None:
        """Stop; the library is as it was."""
        for name in ("write", "read", "clear"):
            vars(self._library).pop(name, None)
        self._file.close()

    def _write(self, session: Any, data: bytes) -> Any:
        self._note(session, ">", data)
        return type(self._library).write(self._library, session, data)

    def _read(self, session: Any, count: int) -> Any:
        try:
            data, status = type(self._library).read(self._library, session, count)
        except pyvisa.errors.VisaIOError as error:
            self._note(session, "<", f"({error.abbreviation})")
            raise
        self._note(session, "<", data)
        return data, status

    def _clear(self, session: Any) -> Any:
        self._note(session, ">", "(device clear)")
        return type(self._library).clear(self._library, session)

    def _note(self, session: Any, direction: str, message: bytes | str) -> None:
        name = self._names.get(session)
        if name is None:
            name = self._library.get_attribute(session, ResourceAttribute.resource_name)[0]
            self._names[session] = name
        text = message if isinstance(message, str) else repr(bytes(message[:_LONGEST]))[1:]
        more = "" if len(message) <= _LONGEST else f" … {len(message)} bytes"
        seconds = time.monotonic() - self._start
        self._file.write(f"{seconds:.6f} {name} {direction} {text}{more}\n")

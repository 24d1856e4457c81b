"""Every message on the wire, with its time: for the day when nothing is what it seems."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyvisa
from pyvisa.constants import ResourceAttribute

from labsyn.data.errors import StorageError

_LONGEST = 200  # characters of one message


class WireLog:
    """Log of all messages of a PyVISA library, until it is closed.

    One line a message: seconds on the clock of the bench, resource, ``>`` sent or ``<``
    received, and the bytes as Python writes them. It sits below every driver, so that what
    it shows is what went over the wire, whoever sent it. A log that cannot be written any
    more ends, and the measurement goes on.

    Parameters
    ----------
    path : path
        File to append to.
    library : object
        A PyVISA library.
    now : callable
        Returns the seconds on the clock of the bench.

    Attributes
    ----------
    trouble : str
        Why it ended too soon; empty if it did not.
    before : mapping of str to callable or None
        What the library had of its own in place of its class's functions.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """

    def __init__(self, path: Path, library: Any, now: Callable[[], float]) -> None:
        try:
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise StorageError(f"cannot write the wire log {path}: {error.strerror}") from error
        self.trouble = ""
        self._path, self._library, self._now = path, library, now
        self._names: dict[Any, str] = {}
        self._file.write(f"# {time.strftime('%Y-%m-%dT%H:%M:%S%z')} {library}\n")
        # Functions of one library, not of its class: NI's has them as attributes of its own.
        # What is there already may be the hook of another log.
        hooks = {
            "write": self._write,
            "read": self._read,
            "clear": self._clear,
            "assert_trigger": self._trigger,
            "close": self._forget,
        }
        self._hooks = hooks
        self.before = {name: vars(library).get(name) for name in hooks}
        self._below = {name: getattr(library, name) for name in hooks}
        vars(library).update(hooks)

    @classmethod
    def opened(cls, path: Path | str, library: Any, now: Callable[[], float]) -> "WireLog":
        """Log the library that ``pyvisa.ResourceManager(library)`` uses."""
        return cls(Path(path), pyvisa.ResourceManager(library).visalib, now)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._file.closed

    def close(self) -> None:
        """Stop; the library is as it was. A second call does nothing."""
        with contextlib.suppress(OSError):  # the disk is full, and nothing can be done
            self._file.close()
        functions = vars(self._library)
        for name in self._hooks:
            # A log that was opened later may still stand above this one, and then goes on.
            while (top := _log_of(functions.get(name))) is not None and top.closed:
                before = top.before[name]
                if before is None:
                    del functions[name]
                else:
                    functions[name] = before

    def _write(self, session: Any, data: bytes) -> Any:
        self._note(session, ">", data)
        with self._failure(session, ">"):
            return self._below["write"](session, data)

    def _read(self, session: Any, count: int) -> Any:
        with self._failure(session, "<"):
            data, status = self._below["read"](session, count)
        self._note(session, "<", data)
        return data, status

    def _clear(self, session: Any) -> Any:
        self._note(session, ">", "(device clear)")
        with self._failure(session, ">"):
            return self._below["clear"](session)

    def _trigger(self, session: Any, protocol: Any) -> Any:
        self._note(session, ">", "(trigger)")
        with self._failure(session, ">"):
            return self._below["assert_trigger"](session, protocol)

    def _forget(self, session: Any) -> Any:
        self._names.pop(session, None)  # the next one may get the same number
        return self._below["close"](session)

    @contextlib.contextmanager
    def _failure(self, session: Any, direction: str) -> Any:
        try:
            yield
        except pyvisa.errors.VisaIOError as error:
            self._note(session, direction, f"({error.abbreviation})")
            raise

    def _note(self, session: Any, direction: str, message: bytes | str) -> None:
        if self.closed:
            return
        text = message if isinstance(message, str) else repr(bytes(message[:_LONGEST]))[1:]
        more = "" if len(message) <= _LONGEST else f" … {len(message)} bytes"
        name = self._names.get(session) or self._name(session)
        try:
            self._file.write(f"{self._now():.6f} {name} {direction} {text}{more}\n")
        except OSError as error:  # a full disk must not keep an instrument from going off
            self.trouble = f"the wire log {self._path} ended: {error.strerror}"
            self.close()

    def _name(self, session: Any) -> str:
        try:
            name = self._library.get_attribute(session, ResourceAttribute.resource_name)[0]
        except Exception:  # a lost session has no name, and its messages still count
            return f"session {session}"
        self._names[session] = str(name)
        return str(name)


def _log_of(function: Any) -> WireLog | None:
    log = getattr(function, "__self__", None)
    return log if isinstance(log, WireLog) else None

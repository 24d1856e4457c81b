"""One open instrument of a bench: locked for us, identified, and then opened by its driver."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyvisa

from labsyn.data.errors import BenchError, InstrumentDisconnected
from labsyn.drivers.bench_model import InstrumentConfig
from labsyn.drivers.catalogue import driver, open_driver
from labsyn.drivers.clock import Clock
from labsyn.drivers.resource_lock import ResourceLock
from labsyn.drivers.wire import as_labsyn_errors


@dataclass
class Connection:
    """An instrument, its driver, and the lock that keeps other programs away.

    Attributes
    ----------
    config : InstrumentConfig
        What the bench file says of it.
    idn : str
        Its answer to ``*IDN?``.
    instrument : object
        The open driver.
    """

    config: InstrumentConfig
    idn: str
    instrument: Any
    library: Any
    lock: ResourceLock | None

    @classmethod
    def open(
        cls,
        name: str,
        config: InstrumentConfig,
        library: Any,
        clock: Clock,
        *,
        exclusive: bool,
        options: Mapping[str, Any],
    ) -> "Connection":
        """Open the instrument called `name`, exclusively on a real bench, with `options`.

        Raises
        ------
        LockedError
            If another program drives it.
        BenchError
            If it is another instrument than the bench file says; nothing but its identity
            was asked.
        InstrumentDisconnected
            If it cannot be reached.
        """
        resource, kind = config.resource, config.driver
        lock = ResourceLock.taken(resource) if exclusive else None
        try:
            with as_labsyn_errors(name, "open"):
                idn = _identify(resource, library, config.timeout)
            if not driver(kind).MODEL.search(idn):
                raise BenchError(
                    f"{name} at {resource} is {idn!r}, no instrument for {kind}; "
                    "check the address in the bench file"
                )
            with as_labsyn_errors(name, "open"):
                instrument = open_driver(kind, resource, library, clock, dict(options))
            instrument.adapter.connection.timeout = config.timeout * 1000
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, BenchError):
                error.add_note(f"while opening {name} at {resource}")
                raise
            if isinstance(error, pyvisa.errors.LibraryError | OSError | ValueError):
                raise InstrumentDisconnected(
                    f"cannot open {name} at {resource}: {error}"
                ) from error
            raise
        return cls(config, idn, instrument, library, lock)

    def close(self) -> None:
        """Close the session and give the instrument back."""
        try:
            with contextlib.suppress(Exception):  # a lost session cannot be closed
                self.instrument.adapter.close()
        finally:
            if self.lock is not None:
                self.lock.release()


def _identify(resource: str, library: Any, timeout: float) -> str:
    """Ask who is there, and nothing else: it may be somebody else's instrument."""
    session = pyvisa.ResourceManager(library).open_resource(resource, read_termination="\n")
    with session:
        session.timeout = timeout * 1000
        return str(session.query("*IDN?")).strip()  # type: ignore[attr-defined]

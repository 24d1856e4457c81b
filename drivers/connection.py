"""One open instrument of a bench: locked for us, identified, and then opened by its driver."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyvisa

from labsyn.data.errors import BenchError, InstrumentDisconnected, LabsynError
from labsyn.drivers.bench_model import InstrumentConfig
from labsyn.drivers.catalogue import driver, open_driver
from labsyn.drivers.clock import Clock
from labsyn.drivers.identity import Identity, identify
from labsyn.drivers.resource_lock import ResourceLock
from labsyn.drivers.wire import as_labsyn_errors


@dataclass
class Connection:
    """An instrument, its driver, and the lock that keeps other programs away.

    Attributes
    ----------
    config : InstrumentConfig
        What the bench file says of it.
    identity : Identity
        What it said before the driver opened it.
    instrument : object
        The open driver.
    """

    config: InstrumentConfig
    identity: Identity
    instrument: Any
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
            identity = identify(name, kind, resource, library, config.timeout)
            if not driver(kind).MODEL.search(identity.idn):
                raise BenchError(
                    f"{name} at {resource} is {identity.idn!r}, no instrument for {kind}; "
                    "check the address in the bench file"
                )
            with as_labsyn_errors(name, "open"):
                instrument = open_driver(kind, resource, library, clock, dict(options))
            instrument.adapter.connection.timeout = config.timeout * 1000
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, LabsynError):
                error.add_note(f"while opening {name} at {resource}")
                raise
            if isinstance(error, pyvisa.errors.LibraryError | OSError | ValueError):
                raise InstrumentDisconnected(
                    f"cannot open {name} at {resource}: {error}"
                ) from error
            raise
        return cls(config, identity, instrument, lock)

    @property
    def warnings(self) -> list[str]:
        """What it had left of whoever used it before, for a person at the bench."""
        left = [f"a stale reply {text[:80]!r} was read away" for text in self.identity.stale]
        return left + [f"an error from before: {text}" for text in self.identity.errors]

    def close(self) -> None:
        """Close the session and give the instrument back."""
        try:
            with contextlib.suppress(Exception):  # a lost session cannot be closed
                self.instrument.adapter.close()
        finally:
            if self.lock is not None:
                self.lock.release()

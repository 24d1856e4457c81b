"""Every error that labsyn raises on purpose.

::

    LabsynError
    ├── UnitError            a quantity that cannot be read, or has the wrong unit
    ├── DataFileError        a file that is damaged, foreign or not what it should be
    │   └── ImportFormatError    an imported file, with the first offending line
    ├── StorageError         a row that could not be stored: disk full, read-only, vanished
    ├── FitError             data that cannot be fitted, and why
    ├── ModelError           a device or network model that was asked for the impossible
    ├── ConfigError          a wrong key or value in bench.toml or on the command line
    │   └── QueryError           a question to the catalogue that cannot be understood
    └── BenchError           the bench
        ├── LimitError           a setting outside the limits; nothing was sent
        ├── BreakdownError       the conductance jumped: the run is stopped
        ├── LockedError          another program drives this instrument
        ├── RoleError            no instrument on this bench can do what is asked
        ├── InstrumentError      an instrument reported an error
        │   ├── InstrumentDataError     a reply that cannot be read
        │   ├── InstrumentBusy          not ready in time
        │   └── InstrumentDisconnected  no reply at all
        ├── WatchdogError        nobody would make the bench safe if this process were killed
        └── UnsafeShutdownError  an instrument could not be brought to its safe state

Each also is the builtin that fits, so that ``except ValueError`` works as usual.
A message is one sentence: what was refused, the value, what is allowed, and where.
"""

import math


class LabsynError(Exception):
    """Base class of all errors that labsyn raises on purpose."""


class UnitError(LabsynError, ValueError):
    """A quantity cannot be read, or its unit is not the one needed."""


class DataFileError(LabsynError, ValueError):
    """A file is damaged, foreign, or not what it should be."""


class ImportFormatError(DataFileError):
    """An imported file breaks its format; the message names the line."""


class StorageError(LabsynError, OSError):
    """A row could not be stored; everything acknowledged before is kept."""


class FitError(LabsynError, ValueError):
    """The data cannot be fitted, for the reason given."""


class ModelError(LabsynError, ValueError):
    """A model was asked for something that it cannot be or do."""


class ConfigError(LabsynError, ValueError):
    """A key or value of a configuration is wrong."""


class QueryError(ConfigError):
    """A query cannot be understood; the message shows where.

    Attributes
    ----------
    query : str
        The whole query.
    start, end : int
        The piece that is meant; `start` may be the end of the query.
    """

    def __init__(self, what: str, query: str, start: int, end: int) -> None:
        line = "".join(" " if not c.isprintable() else c for c in query)
        super().__init__(f"{what}\n  {line}\n  {' ' * start}{'^' * max(end - start, 1)}")
        self.query, self.start, self.end = query, start, end


class BenchError(LabsynError, RuntimeError):
    """Something is wrong with the bench."""


class LimitError(BenchError, ValueError):
    """A setting lies outside the limits; nothing was sent.

    Attributes
    ----------
    key : str
        Name of the limit, empty where an instrument's own range is meant.
    value, limit : float
        What was asked for and what is allowed, in SI units; NaN where there is no number.
    terminal : str
        Where it was asked for; empty if that is no terminal.
    """

    def __init__(
        self,
        message: str,
        *,
        key: str = "",
        value: float = math.nan,
        limit: float = math.nan,
        terminal: str = "",
    ) -> None:
        super().__init__(message)
        self.key, self.value, self.limit, self.terminal = key, value, limit, terminal


class BreakdownError(BenchError):
    """The conductance jumped beyond the factor that the bench allows."""


class ComplianceError(BenchError):
    """Compliance was reached, and the policy of the run is to stop then."""


class LockedError(BenchError):
    """Another program drives the instrument."""


class RoleError(BenchError):
    """The bench has no instrument for a role that the procedure needs."""


class InstrumentError(BenchError):
    """An instrument reported an error."""


class InstrumentDataError(InstrumentError, ValueError):
    """An instrument answered something that cannot be read."""


class InstrumentBusy(InstrumentError, TimeoutError):  # noqa: N818, a state
    """An instrument has not finished in the time it was given."""


class InstrumentDisconnected(InstrumentError, ConnectionError):  # noqa: N818, a state
    """An instrument does not answer any more."""


class WatchdogError(BenchError):
    """The process that makes a bench safe when this one is killed could not be started."""


class UnsafeShutdownError(BenchError):
    """At least one instrument could not be brought to its safe state."""

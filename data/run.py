"""One measurement, one file: written row by row as it happens, read as a whole."""

import hashlib
import math
import struct
import time
import traceback as traceback_module
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from labsyn.data import journal as frames
from labsyn.data import provenance as headers
from labsyn.data import recovery
from labsyn.data.errors import DataFileError, StorageError
from labsyn.data.flags import EXCLUDED
from labsyn.data.journal import Journal, JournalContent, RowPacker, pack_frame, read_journal
from labsyn.data.nexus import read_nexus
from labsyn.data.provenance import KNOWN_FLAGS, Column, timestamp, to_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STATUSES", "Column", "Run", "RunWriter"]

STATUSES = ("finished", "aborted", "failed", "interrupted")

_CLOCK_STEP = 2.0  # s between wall and monotonic clock; NTP slews far less between two syncs


class RunWriter:
    """Write a run; made by `create`, best used in a ``with`` statement.

    Its end finishes the run: as "failed" with the traceback after an exception, as
    "aborted" after Ctrl-C.
    """

    def __init__(self, path: Path, columns: Sequence[Column], journal: Journal) -> None:
        self.path = path
        self.columns = tuple(columns)
        self._names = tuple(column.name for column in columns)
        self._journal = journal
        self._pack = RowPacker(len(columns))
        self._flags = self._names.index("flags") if "flags" in self._names else None
        self._started = time.monotonic()
        self._checked, self._wall = self._started, time.time()

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        procedure: str,
        parameters: Mapping[str, Any],
        columns: Sequence[Column],
        parameter_units: Mapping[str, str] = MappingProxyType({}),
        metadata: Mapping[str, Any] = MappingProxyType({}),
        sync_interval: float = 1.0,
        n_rows: int = 0,
        plot: tuple[str, str] | None = None,
    ) -> Self:
        """Start the run that will become `path`.

        Parameters
        ----------
        path : Path or str
            ``NAME.h5``; neither it nor its journal ``NAME.h5.part`` may exist.
        procedure : str
            Name of the procedure.
        parameters, parameter_units : mapping
            Parameters by name, and the units of those that have one.
        columns : sequence of Column
            What a row consists of.
        metadata : mapping
            Anything JSON can hold: instruments, bench, limits, sample, seed, simulated …
        sync_interval : float
            Seconds of rows that a power cut may take; 0 stores every row for good.
        n_rows : int
            Rows to come, as far as known: the disk must have room for them.
        plot : tuple of str, optional
            Signal and axis of the default plot.

        Raises
        ------
        StorageError
            If the file exists, or the folder cannot hold it.
        DataFileError
            If columns or metadata cannot be stored.
        """
        path = Path(path)
        names = [column.name for column in columns]
        headers.check_columns(names, plot)
        header = headers.make_header(procedure, parameters, parameter_units, columns, metadata)
        if plot:
            header["plot"] = {"signal": plot[0], "axis": plot[1]}
        frame = pack_frame(frames.HEADER, to_json(header, "header").encode())
        recovery.check_new(path, n_rows * 16 * (len(names) + 1) + len(frame))
        journal = Journal(recovery.journal_path(path), sync_interval=sync_interval)
        try:
            journal.write(frame)
        except StorageError:
            journal.close()
            journal.path.unlink(missing_ok=True)  # nothing was acknowledged yet
            raise
        return cls(path, columns, journal)

    @property
    def n_rows(self) -> int:
        """Rows acknowledged so far."""
        return self._journal.n_rows

    def append(self, values: Mapping[str, float] | Sequence[float]) -> None:
        """Store one row; it is kept, whatever happens, once this returns.

        Parameters
        ----------
        values : mapping or sequence of float
            By name of the column, or in the order of the columns (faster).

        Raises
        ------
        DataFileError
            If a column is missing or unknown, or a value is no number.
        StorageError
            If the row could not be stored; the rows before it are kept.
        """
        if type(values) is not tuple:
            values = headers.row_in_order(self.path, self._names, values)
        try:
            frame = self._pack(*values)
        except (struct.error, TypeError, OverflowError) as error:
            raise DataFileError(headers.explain_row(self.path, self._names, values)) from error
        if self._flags is not None and values[self._flags] not in KNOWN_FLAGS:
            raise DataFileError(headers.explain_flags(self.path, values[self._flags]))
        if self._journal.write(frame, 1):
            self._check_clock()

    def append_rows(self, columns: Mapping[str, NDArray[np.float64]]) -> None:
        """Store a block of rows at once: a whole waveform or sweep.

        Parameters
        ----------
        columns : mapping of str to ndarray, shape (n_rows,)
            Every column by name, all of one length.

        Raises
        ------
        DataFileError
            If a column is missing, unknown, or of another length.
        StorageError
            As `append`; of a block beyond 16 MiB, whole parts may have been kept.
        """
        table = headers.table_in_order(self.path, self._names, columns)
        step = frames.MAX_PAYLOAD // (8 * len(self._names))
        for start in range(0, table.shape[0], step):
            part = table[start : start + step]
            self._journal.write(pack_frame(frames.BLOCK, part.tobytes()), part.shape[0])

    def event(self, level: str, text: str) -> None:
        """Store what happened, with its time and the number of rows before it."""
        self._check_clock()
        event = {
            "time": timestamp(),
            "elapsed": time.monotonic() - self._started,
            "row": self.n_rows,
            "level": level,
            "text": text,
        }
        self._write_json(frames.EVENT, event, "event")

    def update_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Replace or add the given keys of the metadata: settings read back at the end."""
        self._write_json(frames.METADATA, metadata, "metadata")

    def sync(self) -> None:
        """Make every row survive a power cut, before a long wait."""
        self._check_clock()
        self._journal.sync()

    def finish(self, status: str = "finished", reason: str = "", traceback: str = "") -> Path:
        """End the run and return the finished file, in place of the journal.

        Raises
        ------
        DataFileError
            If the status is none that a run can end with.
        StorageError
            If the file cannot be written; the journal keeps every row for `recover`.
        """
        if status not in STATUSES:
            raise DataFileError(f"a run ends as one of {', '.join(STATUSES)}, not {status!r}")
        self._check_clock()
        ending = {
            "status": status,
            "reason": reason,
            "traceback": traceback,
            "time": timestamp(),
            "elapsed": time.monotonic() - self._started,
        }
        try:
            self._write_json(frames.END, ending, "ending")
            self._journal.sync()
            content = read_journal(self._journal.path)
            if content.rows.shape[0] < self.n_rows or content.ending is None:
                raise StorageError(
                    f"{self._journal.path} holds {content.rows.shape[0]} of {self.n_rows} "
                    "rows: it was changed from outside; it is left as it is"
                )
            recovery.compact(self._journal.path, content)
        finally:
            self._journal.close()
        recovery.drop(self._journal.path, content)
        return self.path

    def close(self) -> None:
        """Let go of the file without an end; `recover` finishes it as interrupted."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._journal.closed:
            return
        if error is None:
            self.finish()
            return
        status = "failed" if isinstance(error, Exception) else "aborted"
        text = "".join(traceback_module.format_exception(error))
        try:
            self.finish(status, reason=f"{type(error).__name__}: {error}", traceback=text)
        except (StorageError, DataFileError) as second:  # must not hide the first error
            error.add_note(f"the run was not finished either: {second}")

    def _write_json(self, kind: bytes, mapping: Mapping[str, Any], where: str) -> None:
        self._journal.write(pack_frame(kind, to_json(mapping, where).encode()))

    def _check_clock(self) -> None:
        """Store an event if the computer slept, or its clock was set, since the last check."""
        now, wall = time.monotonic(), time.time()
        step = (wall - self._wall) - (now - self._checked)
        self._checked, self._wall = now, wall
        if abs(step) > _CLOCK_STEP:
            self.event(
                "warning",
                f"the clock of the computer moved by {step:+.1f} s against its monotonic "
                "clock: it slept, or was set",
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One measurement, as it was stored; `open` reads it.

    Attributes
    ----------
    path : Path
        The file that was read.
    status : str
        "running", "finished", "aborted", "failed", or "interrupted" (it ended unrecorded).
    units, long_names : mapping of str to str
        Of each column.
    columns : mapping of str to ndarray, shape (n_rows,)
        Float64 and read-only; `flags` are integers.
    metadata, events : mapping, tuple of mapping
        As stored by `create`, `update_metadata` and `event`.
    torn_bytes : int
        Bytes that were damaged and left out; 0 for a whole file.
    start_time, end_time : str
        ISO 8601 with UTC offset; `end_time` is empty while running.
    duration : float
        Seconds by the monotonic clock, NaN if the end was not recorded.
    """

    path: Path
    uuid: str
    status: str
    procedure: str
    parameters: Mapping[str, Any]
    parameter_units: Mapping[str, str]
    units: Mapping[str, str]
    long_names: Mapping[str, str]
    columns: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any]
    provenance: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    torn_bytes: int
    reason: str
    traceback: str = field(repr=False)
    start_time: str
    end_time: str
    duration: float

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Read a finished file, or a journal: one left by a crash is finished on the way.

        Raises
        ------
        DataFileError
            If there is no such file, or it is no whole run of labsyn.
        """
        path = Path(path)
        if path.suffix not in (".h5", recovery.SUFFIX):
            raise DataFileError(f"{path} is no run file; runs end in .h5 or .h5.part")
        file = recovery.finished_path(path)  # the same for a finished one
        journal = recovery.journal_path(file)
        if not (file.exists() or journal.exists()):
            raise DataFileError(f"{path} does not exist")
        state = recovery.recover_one(journal).status if journal.exists() else ""
        if not file.exists():  # still being measured, or in a folder that cannot be written
            try:
                return cls._from_content(journal, read_journal(journal), state)
            except DataFileError:
                if not file.exists():  # else it was finished this very moment
                    raise
        return cls._from_content(file, read_nexus(file), state)

    @classmethod
    def _from_content(cls, path: Path, content: JournalContent, state: str) -> Self:
        header, ending = content.header, content.ending or {}
        columns: dict[str, NDArray[Any]] = {}
        for i, (name, _, _) in enumerate(header["columns"]):
            values = np.ascontiguousarray(content.rows[:, i])
            columns[name] = values.astype(np.int64) if name == "flags" else values
            columns[name].setflags(write=False)
        elapsed = ending.get("elapsed")
        return cls(
            path=path,
            uuid=header["uuid"],
            status=ending.get("status", state or "interrupted"),
            procedure=header["procedure"],
            parameters=header["parameters"],
            parameter_units=header["parameter_units"],
            units={name: unit for name, unit, _ in header["columns"]},
            long_names={name: text or name for name, _, text in header["columns"]},
            columns=columns,
            metadata=content.metadata,
            provenance=header["provenance"],
            events=content.events,
            torn_bytes=content.torn_bytes,
            reason=ending.get("reason", ""),
            traceback=ending.get("traceback", ""),
            start_time=header["start_time"],
            end_time=ending.get("time", ""),
            duration=math.nan if elapsed is None else float(elapsed),
        )

    @property
    def n_rows(self) -> int:
        """Rows of the run."""
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            raise DataFileError(
                f"{self.path} has no column {name!r}; it has {', '.join(self.columns)}"
            )
        return self.columns[name]

    def mask(self) -> NDArray[np.bool_]:
        """Return which rows a fit may use, shape (n_rows,): none of `EXCLUDED` is set."""
        if "flags" not in self.columns:
            return np.ones(self.n_rows, dtype=bool)
        return (self.columns["flags"] & int(EXCLUDED)) == 0

    def frame(self) -> "pd.DataFrame":
        """Return the columns as a table, with their units in ``attrs["units"]``."""
        import pandas as pd

        table = pd.DataFrame(dict(self.columns), copy=True)
        table.attrs["units"] = dict(self.units)
        return table

    def sha256(self) -> str:
        """Return the checksum of the file, to say what a result was made from."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

"""Write one measurement, row by row as it happens."""

import struct
import time
import traceback as traceback_module
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.data import compaction, frames
from labsyn.data.blocks import Axis, pack_block
from labsyn.data.errors import DataFileError, StorageError
from labsyn.data.flags import Flag
from labsyn.data.header import Column, check_columns, check_header, make_header
from labsyn.data.journal import Journal
from labsyn.data.plain_json import to_json
from labsyn.data.provenance import timestamp
from labsyn.data.rows import (
    KNOWN_FLAGS,
    explain_flags,
    explain_row,
    row_in_order,
    table_in_order,
)
from labsyn.data.run_files import check_new, journal_path

EVENT_KINDS = (
    "note", "info", "warning", "compliance", "retry", "temperature", "breakdown", "clock",
)  # fmt: skip
STATUSES = ("finished", "aborted", "failed", "interrupted")

_METADATA = 500_000  # bytes; what the finished file needs besides its rows, and some events

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
        self._flags = self._names.index("flags") if "flags" in self._names else None
        self._in_compliance = False  # whether a row of the run was
        self._blocks: set[str] = set()
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
        durable: float = 1.0,
        n_rows: int = 0,
        block_bytes: int = 0,
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
        durable : float
            Seconds of rows that a power cut may take, while rows come in; with 0 every
            row is on the disk (fdatasync) before it is acknowledged. A killed program
            loses none either way.
        n_rows, block_bytes : int
            Rows and bytes of blocks to come, as far as known: the disk must have room for
            them in the journal and in the finished file.
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
        check_columns(names, plot)
        header = make_header(procedure, parameters, parameter_units, columns, metadata, durable)
        if plot:
            header["plot"] = {"signal": plot[0], "axis": plot[1]}
        first = to_json(header, "header").encode()
        check_header(path, first)  # what no reader takes is refused before it holds a run
        row, other = frames.OVERHEAD + 2 * 8 * len(names), block_bytes + len(first) + _METADATA
        room = n_rows * row + 2 * other  # the journal, and the finished file beside it
        check_new(path, room)
        journal = Journal(journal_path(path), len(names), sync_interval=durable, room=room)
        try:
            journal.write(frames.HEADER, first)
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
            values = row_in_order(self.path, self._names, values)
        try:
            flags = 0 if self._flags is None else values[self._flags]
            if flags and flags not in KNOWN_FLAGS:
                raise DataFileError(explain_flags(self.path, flags))
            synced = self._journal.write_row(values)
        except (struct.error, TypeError, OverflowError, IndexError) as error:
            raise DataFileError(explain_row(self.path, self._names, values)) from error
        if synced:
            self._check_clock()
        if flags and not self._in_compliance and int(flags) & Flag.COMPLIANCE:
            self._enter_compliance(self.n_rows)

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
        table = table_in_order(self.path, self._names, columns)
        step = frames.MAX_PAYLOAD // (8 * len(self._names))
        for start in range(0, table.shape[0], step):
            part = table[start : start + step]
            before = self.n_rows
            self._journal.write(frames.ROWS, part.tobytes(), part.shape[0])
            if self._flags is not None and not self._in_compliance:
                flagged = part[:, self._flags].astype(int) & int(Flag.COMPLIANCE)
                if flagged.any():
                    self._enter_compliance(before + 1 + int(flagged.argmax()))

    def block(
        self,
        name: str,
        values: ArrayLike,
        unit: str = "1",
        *,
        axes: Sequence[Axis | None] = (),
        long_name: str = "",
    ) -> None:
        """Store a two-dimensional array beside the rows: waveforms, a whole sweep.

        It is kept whole, whatever happens, once this returns.

        Parameters
        ----------
        name : str
            Of this block, once in a run: ``waveform_17``.
        values : array_like, shape (n, m)
            Real numbers; their type is kept. At most 16 MiB at once.
        unit, long_name : str
            As of a `Column`.
        axes : sequence of Axis or None
            What its rows and its columns run along, ``[None, Axis("time", "s", values=t)]``.

        Raises
        ------
        DataFileError
            If the name is taken, or the array is not what a block can be.
        StorageError
            If it could not be stored.
        """
        if name in self._blocks:
            raise DataFileError(f"{self.path} has a block {name!r} already; number them")
        payload = pack_block(Column(name, unit, long_name), values, axes, self._when())
        self._journal.write(frames.BLOCK, payload)
        self._blocks.add(name)

    def event(self, kind: str, text: str, **details: Any) -> None:
        """Store what happened, with its time and the number of rows before it.

        Parameters
        ----------
        kind : str
            One of `EVENT_KINDS`.
        text : str
            For people.
        **details
            For programs: anything JSON can hold, such as ``temperature=295.0``.

        Raises
        ------
        DataFileError
            If the kind is none, or the details cannot be stored.
        StorageError
            If it could not be stored.
        """
        if kind not in EVENT_KINDS:
            raise DataFileError(
                f"an event is one of {', '.join(EVENT_KINDS)}, not {kind!r} ({text})"
            )
        if kind != "clock":
            self._check_clock()
        self._write_json(
            frames.EVENT, {**details, **self._when(), "kind": kind, "text": str(text)}, "event"
        )

    def _when(self) -> dict[str, Any]:
        elapsed = time.monotonic() - self._started
        return {"time": timestamp(), "elapsed": elapsed, "row": self.n_rows}

    def _enter_compliance(self, row: int) -> None:
        """Tell it once: every row has its flag."""
        self._in_compliance = True
        self.event("compliance", f"row {row} is the first in compliance")

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
        ending = {
            "status": status,
            "reason": str(reason),
            "traceback": str(traceback),
            "time": timestamp(),
            "elapsed": time.monotonic() - self._started,
        }
        try:
            self._check_clock()
            self._write_json(frames.END, ending, "ending")
            self._journal.sync()
            content = compaction.read_back(self._journal.path, self.n_rows)
            compaction.compact(self._journal.path, content)
        finally:
            self._journal.close()
        compaction.drop(self._journal.path, content)
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
        self._journal.write(kind, to_json(mapping, where).encode())

    def _check_clock(self) -> None:
        """Store an event if the computer slept, or its clock was set, since the last check."""
        now, wall = time.monotonic(), time.time()
        step = (wall - self._wall) - (now - self._checked)
        self._checked, self._wall = now, wall
        if abs(step) > _CLOCK_STEP:
            self.event(
                "clock",
                f"the clock of the computer moved by {step:+.1f} s against its monotonic "
                "clock: it slept, or was set",
            )

"""One measurement, read as a whole."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from labsyn.data.blocks import Axis, Block
from labsyn.data.content import Content
from labsyn.data.durability import is_there
from labsyn.data.errors import DataFileError
from labsyn.data.flags import EXCLUDED
from labsyn.data.follow import follow
from labsyn.data.header import Column
from labsyn.data.importers.source import is_arc_two
from labsyn.data.journal_reader import read_journal
from labsyn.data.labelled import run_dataset, run_frame
from labsyn.data.nexus_groups import plot_columns
from labsyn.data.nexus_reader import read_nexus
from labsyn.data.recovery import recover_one
from labsyn.data.run_files import SUFFIX, finished_path, journal_path
from labsyn.data.writer import STATUSES, RunWriter

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from labsyn.data.importers.options import ImportOptions
    from labsyn.data.importers.result import Imported

__all__ = [
    "STATUSES",
    "Axis",
    "Block",
    "Column",
    "Run",
    "RunWriter",
]  # all that users and procedures need


def is_run_file(path: Path) -> bool:
    """Return whether a file is a run by its name, and no file of ArC TWO, which ends alike."""
    return path.suffix in (".h5", SUFFIX) and not is_arc_two(path)


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
    n_rows : int
        Rows of each column.
    columns : mapping of str to ndarray, shape (n_rows,)
        Float64 and read-only; `flags` are integers. Of a finished file each is read, and
        compared with its checksum, when it is first asked for.
    blocks : mapping of str to Block
        Waveforms and sweeps, read in the same way.
    metadata, events : mapping, tuple of mapping
        As stored by `create`, `update_metadata` and `event`.
    torn_bytes : int
        Bytes that were damaged and left out; 0 for a whole file.
    start_time, end_time : str
        ISO 8601 with UTC offset; `end_time` is empty while running.
    signal, axis : str
        The columns of the default plot; `axis` is empty in a run of one column.
    durable : float
        Seconds of rows that a power cut could have taken; NaN if it was not recorded.
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
    n_rows: int
    columns: Mapping[str, NDArray[Any]] = field(repr=False)
    blocks: Mapping[str, Block] = field(repr=False)
    metadata: Mapping[str, Any]
    provenance: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    torn_bytes: int
    reason: str
    traceback: str = field(repr=False)
    start_time: str
    end_time: str
    duration: float
    durable: float
    signal: str
    axis: str

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        unit: str | None = None,
        format: str | None = None,
        options: "ImportOptions | None" = None,
    ) -> Self:
        """Read a run of labsyn, or a file of somebody else's, which is imported.

        A journal left by a crash is finished on the way.

        Parameters
        ----------
        path : Path or str
            A run (.h5 or .h5.part), or a file of a format that is imported.
        unit : str, optional
            Unit of the conductance, where an imported file does not state it.
        format : str, optional
            Format of an imported file, where its content does not tell.
        options : ImportOptions, optional
            Whatever else an imported file does not say.

        Raises
        ------
        DataFileError
            If there is no such file, or it is no whole run of labsyn.
        ImportFormatError
            If an imported file breaks its format, or does not say its units.
        """
        path = Path(path)
        if format is not None or not is_run_file(path):
            from labsyn.data.importers.reading import import_files, with_unit  # only for these

            return cls.from_import(import_files([path], format, with_unit(options, unit)))
        if unit is not None or options is not None:
            raise DataFileError(f"{path} is a run, which states its units; state nothing of it")
        file = finished_path(path)  # the same for a finished one
        journal = journal_path(file)
        if not (is_there(file) or is_there(journal)):
            raise DataFileError(f"{path} does not exist")
        state = recover_one(journal).status if is_there(journal) else ""
        if not is_there(file):  # still being measured, or in a folder that cannot be written
            try:
                return cls._from_content(journal, _held(read_journal(journal)), state)
            except DataFileError:
                if not is_there(file):  # else it was finished this very moment
                    raise
        return cls._from_content(file, read_nexus(file), state)

    @staticmethod
    def follow(path: Path | str, *, interval: float = 0.2) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the new rows of a run while it is measured, by this process or another one.

        The writer is not slowed: it does not know who reads its journal.

        Parameters
        ----------
        path : Path or str
            The run, by either of its names; of one that has ended all rows are given.
        interval : float
            Seconds between two looks.

        Yields
        ------
        dict of str to ndarray
            The columns of the rows that came since the last look, at least one row; it
            ends when the run does.

        Raises
        ------
        DataFileError
            If there is no such run, or it cannot be read.
        """
        return follow(Path(path), interval=interval)

    @classmethod
    def from_import(cls, imported: "Imported") -> Self:
        """Return what was imported as a run; its `path` is the file it was imported from."""
        from labsyn.data.importers.store import as_content  # it needs RunWriter

        return cls._from_content(imported.path, as_content(imported), "")

    @classmethod
    def _from_content(cls, path: Path, content: Content, state: str) -> Self:
        header, ending = content.header, content.ending or {}
        elapsed = ending.get("elapsed")
        signal, axis = plot_columns(header)
        return cls(
            path=path,
            uuid=header["uuid"],
            status=ending.get("status", state or "interrupted"),
            procedure=header["procedure"],
            parameters=header["parameters"],
            parameter_units=header["parameter_units"],
            units={name: unit for name, unit, _ in header["columns"]},
            long_names={name: text or name for name, _, text in header["columns"]},
            n_rows=content.n_rows,
            columns=content.columns,
            blocks=content.blocks,
            metadata=content.metadata,
            provenance=header["provenance"],
            events=content.events,
            torn_bytes=content.torn_bytes,
            reason=ending.get("reason", ""),
            traceback=ending.get("traceback", ""),
            start_time=header["start_time"],
            end_time=ending.get("time", ""),
            duration=math.nan if elapsed is None else float(elapsed),
            durable=float(header.get("durable", math.nan)),
            signal=signal,
            axis=axis,
        )

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            raise DataFileError(
                f"{self.path} has no column {name!r}; it has {', '.join(self.columns)}"
            )
        return self.columns[name]

    @property
    def n_flagged(self) -> int:
        """Rows that a fit leaves out: those that `mask` does not let pass."""
        return int(self.n_rows - self.mask().sum())

    def mask(self) -> NDArray[np.bool_]:
        """Return which rows a fit may use, shape (n_rows,): none of `EXCLUDED` is set."""
        if "flags" not in self.columns:
            return np.ones(self.n_rows, dtype=bool)
        return (self.columns["flags"] & int(EXCLUDED)) == 0

    def frame(self) -> "pd.DataFrame":
        """Return the columns as a table.

        ``attrs["units"]`` and ``attrs["long_names"]`` tell of each column, ``attrs["run"]``
        where they come from; `DataFrame.to_parquet` keeps them.
        """
        return run_frame(self)

    def to_xarray(self) -> "xr.Dataset":
        """Return columns and blocks with units, coordinates and all that the file tells.

        The column `axis` is the coordinate of the others. A block has dimensions of its own,
        ``NAME_AXIS``. Parameters, metadata, provenance and events are attributes in JSON.

        Raises
        ------
        DataFileError
            If xarray is not installed.
        """
        return run_dataset(self)

    def sha256(self) -> str:
        """Return the checksum of the file, to say what a result was made from."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _held(content: Content) -> Content:
    """Read columns and blocks now: a journal can be gone the next moment."""
    return replace(content, columns=dict(content.columns), blocks=dict(content.blocks))

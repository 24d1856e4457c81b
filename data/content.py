"""What a run file holds, whether it is a journal or finished."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.blocks import Block
from labsyn.data.plain_json import is_count


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """All that a run file holds; columns and blocks are read when they are asked for.

    Attributes
    ----------
    header : mapping
        What was known before the first row; `columns` is a list of name, unit, long name.
    n_rows : int
        Rows of each column.
    columns : mapping of str to ndarray, shape (n_rows,)
        Float64, `flags` int64; read-only.
    blocks : mapping of str to Block
        Two-dimensional arrays.
    metadata : mapping
        Metadata of the header with every later update merged in.
    events : tuple of mapping
        Each with `time`, `elapsed` (s), `row` (rows stored before it), `kind`, `text`.
    ending : mapping or None
        `status`, `reason`, `traceback`, `time`, `elapsed`; None without an end.
    torn_bytes : int
        Bytes behind the last whole frame: what could not be read, and is not guessed.
    tables : callable
        Returns the rows of a journal, shape (n, n_columns) each, for compaction.
    """

    header: Mapping[str, Any]
    n_rows: int
    columns: Mapping[str, NDArray[Any]]
    blocks: Mapping[str, Block]
    metadata: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    ending: Mapping[str, Any] | None
    torn_bytes: int = 0
    tables: Callable[[], Iterable[NDArray[np.float64]]] = tuple

    @property
    def status(self) -> str:
        """Status of a run that nobody measures any more."""
        return str((self.ending or {}).get("status", "interrupted"))

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [name for name, _, _ in self.header["columns"]]


def column_values(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return a column as it is given out: contiguous, read-only, `flags` as integers."""
    array = np.ascontiguousarray(values, np.int64 if name == "flags" else np.float64)
    array.setflags(write=False)
    return array


def event_of(stored: Any) -> dict[str, Any] | None:
    """Return an event of any version, None if it is none: it may be damaged or hostile."""
    if not isinstance(stored, dict):
        return None
    event = dict(stored)
    if "level" in event and "kind" not in event:  # as version 1 called it
        event["kind"] = event.pop("level")
    right = (
        _all_texts(event, "time", "kind", "text")
        and type(event.get("elapsed")) is float
        and is_count(event.get("row"))
    )
    return event if right else None


def is_ending(stored: Any) -> bool:
    """Whether that is how a run ended."""
    return (
        isinstance(stored, dict)
        and _all_texts(stored, "status", "reason", "traceback", "time")
        and isinstance(stored.get("elapsed"), float | None)
    )


def _all_texts(mapping: Mapping[str, Any], *keys: str) -> bool:
    return all(isinstance(mapping.get(key), str) for key in keys)

"""What a run file holds, whether it is a journal or finished."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class JournalContent:
    """All that a run file holds, in a journal or finished.

    Attributes
    ----------
    header : mapping
        What was known before the first row; `columns` is a list of name, unit, long name.
    rows : ndarray, shape (n_rows, n_columns)
        Float64, in the order of the columns.
    metadata : mapping
        Metadata of the header with every later update merged in.
    events : tuple of mapping
        Each with `time`, `elapsed` (s), `row` (rows stored before it), `level`, `text`.
    ending : mapping or None
        `status`, `reason`, `traceback`, `time`, `elapsed`; None without an end.
    torn_bytes : int
        Bytes behind the last whole frame: what could not be read, and is not guessed.
    """

    header: Mapping[str, Any]
    rows: NDArray[np.float64]
    metadata: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    ending: Mapping[str, Any] | None
    torn_bytes: int = 0

    @property
    def status(self) -> str:
        """Status of a run that nobody measures any more."""
        return str((self.ending or {}).get("status", "interrupted"))

"""Finished runs of version 1: one checksum over all rows, so all are read at once."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.content import column_values
from labsyn.data.errors import DataFileError
from labsyn.data.untrusted import stored_numbers

TEXTS_1 = ("header", "metadata", "events", "ending")


def columns_of_version_1(
    path: Path, entry: Any, texts: Mapping[str, str], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Return the columns that labsyn wrote before each had a checksum of its own."""
    n_rows = int(entry.attrs["n_rows"])
    columns = [stored_numbers(entry, f"data/{name}", (n_rows,))[()] for name in names]
    rows = np.column_stack(columns).astype("<f8")
    digest = hashlib.sha256(f"{int(entry.attrs['torn_bytes'])}\0".encode())
    for name in TEXTS_1:
        digest.update(texts[name].encode() + b"\0")
    digest.update(np.ascontiguousarray(rows).data)
    if digest.hexdigest() != entry.attrs["sha256"]:
        raise DataFileError(f"{path} was changed or damaged: its checksum does not match")
    return {name: column_values(name, rows[:, i]) for i, name in enumerate(names)}

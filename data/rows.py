"""Rows and blocks of rows in the order of the columns, or why they are none."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import DataFileError
from labsyn.data.flags import Flag

KNOWN_FLAGS = frozenset(range(2 * max(Flag)))
"""Every value that the column ``flags`` can have."""


def row_in_order(
    path: Path, names: Sequence[str], values: Mapping[str, float] | Sequence[float]
) -> Sequence[float]:
    """Return a row in the order of the columns `names`, whichever way it was given."""
    if not isinstance(values, Mapping):
        return values
    check_names(path, names, values)
    return [values[name] for name in names]


def check_names(path: Path, names: Sequence[str], values: Mapping[str, Any]) -> None:
    """Refuse values that are not one for each column, naming what is wrong."""
    if values.keys() == set(names):
        return
    parts = [f"no value for column {name!r}" for name in names if name not in values]
    parts += [f"no such column {name!r}" for name in values if name not in names]
    raise DataFileError(f"{path}: {'; '.join(parts)}; its columns are {', '.join(names)}")


def table_in_order(
    path: Path, names: Sequence[str], values: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return columns as a table of rows, shape (n_rows, n_columns)."""
    check_names(path, names, values)
    arrays = {name: np.asarray(values[name], dtype="<f8") for name in names}
    first = arrays[names[0]]
    for name, array in arrays.items():
        if array.ndim != 1 or array.shape != first.shape:
            raise DataFileError(
                f"{path}: column {name!r} has shape {array.shape}, {names[0]!r} has "
                f"{first.shape}; one dimension and one length are needed"
            )
    table = np.empty((first.size, len(names)))
    for i, array in enumerate(arrays.values()):
        table[:, i] = array
    if "flags" in arrays:
        flags = arrays["flags"]
        known = (flags >= 0) & (flags < len(KNOWN_FLAGS)) & (flags == np.floor(flags))
        if not known.all():
            raise DataFileError(explain_flags(path, float(flags[~known][0])))
    return table


def explain_row(path: Path, names: Sequence[str], values: Sequence[float]) -> str:
    """Return why `values` are no row of the columns `names`."""
    if len(values) != len(names):
        return (
            f"{path}: a row of {len(values)} values; its {len(names)} columns are "
            f"{', '.join(names)}"
        )
    for name, value in zip(names, values, strict=True):
        try:
            struct.pack("<d", value)
        except (struct.error, TypeError, OverflowError):
            return f"{path}: column {name!r} got {value!r}, which is no number"
    return f"{path}: {values!r} is no row"


def explain_flags(path: Path, value: float) -> str:
    """Return why `value` cannot stand in the column `flags`."""
    bits = ", ".join(f"{flag.value} {flag.name}" for flag in Flag)
    return f"{path}: flags are {value!r}; they are a sum of the bits {bits}"

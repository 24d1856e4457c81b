"""Blocks: two-dimensional arrays of a run, such as waveforms and whole sweeps.

The payload of a block in the journal, little endian::

    length of the JSON, uint32 | JSON | values, row by row | values of each axis (doubles)
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.data.errors import DataFileError
from labsyn.data.frames import MAX_PAYLOAD
from labsyn.data.header import Column
from labsyn.data.plain_json import from_json, is_count, to_json

VALUES = "values"
"""Name of the array of a block in the finished file, so of none of its axes."""

_LENGTH = struct.Struct("<I")
_TYPES = frozenset(["<f8", "<f4", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"])


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis(Column):
    """What one dimension of a block runs along.

    Attributes
    ----------
    name, unit, long_name : str
        As of a `Column`.
    values : array_like, shape (n,)
        One number for each row, or column, of the block, in `unit`.
    """

    values: ArrayLike


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """A two-dimensional array of a run.

    Attributes
    ----------
    name, unit, long_name : str
        Of the quantity.
    shape : tuple of int
        Rows and columns.
    values : ndarray, shape `shape`
        In `unit`; of the type that was stored.
    axes : tuple of Axis or None
        What the rows and the columns run along; None where that was not said.
    row : int
        Rows of the run that were stored before it.
    time : str
        When it was stored, ISO 8601 with UTC offset.
    elapsed : float
        Seconds since the run was started.
    """

    name: str
    unit: str
    long_name: str
    values: NDArray[Any] = field(repr=False)
    axes: tuple[Axis | None, ...] = field(repr=False)
    row: int
    time: str
    elapsed: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.values.shape


def pack_block(
    column: Column, values: ArrayLike, axes: Sequence[Axis | None], when: Mapping[str, Any]
) -> bytes:
    """Return the payload of a block.

    Raises
    ------
    DataFileError
        If it has not two dimensions of numbers, its axes do not fit, or it is too large.
    """
    array, name = np.asarray(values), column.name
    if array.ndim != 2:
        raise DataFileError(f"block {name!r} has {array.ndim} dimensions; two are needed")
    array = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    if array.dtype.str not in _TYPES:
        raise DataFileError(
            f"block {name!r} is made of {array.dtype}; real numbers of at most 8 bytes are "
            "needed"
        )
    if len(axes) not in (0, 2):
        raise DataFileError(f"block {name!r} has {len(axes)} axes; none or two are needed")
    _check_axis_names(name, [axis.name for axis in axes if axis is not None])
    parts = [array.tobytes()]
    for axis, length in zip(axes, array.shape, strict=False):
        if axis is not None:
            numbers = np.asarray(axis.values, "<f8")
            if numbers.shape != (length,):
                raise DataFileError(
                    f"block {name!r}: axis {axis.name!r} has shape {numbers.shape}, the block "
                    f"{array.shape}; ({length},) is needed"
                )
            parts.append(numbers.tobytes())
    described = {
        "name": name,
        "unit": column.unit,
        "long_name": column.long_name,
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "axes": [axis and [axis.name, axis.unit, axis.long_name] for axis in axes],
        **when,
    }
    text = to_json(described, f"block {name!r}").encode()
    payload = b"".join([_LENGTH.pack(len(text)), text, *parts])
    if len(payload) > MAX_PAYLOAD:
        raise DataFileError(
            f"block {name!r} has {len(payload)} bytes, at most {MAX_PAYLOAD} are stored at "
            "once; store it in parts"
        )
    return payload


def _check_axis_names(block: str, names: Sequence[str]) -> None:
    for i, name in enumerate(names):
        if name in (VALUES, *names[:i]):
            raise DataFileError(
                f"block {block!r} has an axis {name!r}; the names of its axes must differ "
                f"from each other and from {VALUES!r}"
            )


@dataclass(frozen=True)
class BlockFrame:
    """A block as it lies in a journal.

    Attributes
    ----------
    described : mapping
        What its JSON says.
    start, size : int
        Where in the journal its numbers are, and how many bytes.
    """

    described: Mapping[str, Any]
    start: int
    size: int

    def unpack(self, numbers: bytes) -> Block:
        """Return the block that is made of `numbers`, the bytes at `start`."""
        said = self.described
        shape, dtype = tuple(said["shape"]), np.dtype(said["dtype"])
        values = np.frombuffer(numbers, dtype, shape[0] * shape[1]).reshape(shape)
        used = values.nbytes
        axes: list[Axis | None] = []
        for length, axis in zip(shape, said["axes"], strict=False):
            if axis is None:
                axes.append(None)
                continue
            along = np.frombuffer(numbers, "<f8", length, used)
            used += along.nbytes
            axes.append(Axis(name=axis[0], unit=axis[1], long_name=axis[2], values=along))
        return block_of(said, values, axes)


def block_of(
    said: Mapping[str, Any], values: NDArray[Any], axes: Sequence[Axis | None]
) -> Block:
    """Return the block that `said` describes."""
    return Block(
        name=said["name"],
        unit=said["unit"],
        long_name=said["long_name"] or said["name"],
        values=values,
        axes=tuple(axes),
        row=said["row"],
        time=said["time"],
        elapsed=said["elapsed"],
    )


def find_block(payload: bytes, offset: int) -> BlockFrame | None:
    """Return the block whose `payload` begins at `offset` of a journal, None if it is none."""
    if len(payload) < _LENGTH.size:
        return None
    begin = _LENGTH.size + _LENGTH.unpack_from(payload)[0]
    said = from_json(payload[_LENGTH.size : begin])
    if not (is_description(said) and _has_shape(said)):
        return None
    n, m = said["shape"]
    lengths = [length for length, axis in zip((n, m), said["axes"], strict=False) if axis]
    size = n * m * np.dtype(said["dtype"]).itemsize + 8 * sum(lengths)
    if size != len(payload) - begin:
        return None
    return BlockFrame(said, offset + begin, size)


def is_description(said: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a description that comes from a file is one of a block: it may be hostile."""
    if not isinstance(said, dict) or not is_count(said.get("row")):
        return False
    kinds: dict[str, type] = dict.fromkeys(("name", "unit", "long_name", "time"), str)
    kinds |= {"axes": list, "elapsed": float}
    if not all(isinstance(said.get(key), kind) for key, kind in kinds.items()):
        return False
    axes = [axis for axis in said["axes"] if axis is not None]
    if len(said["axes"]) not in (0, 2) or not said["time"].isprintable():
        return False
    if not all(isinstance(a, list) and [type(text) for text in a] == [str] * 3 for a in axes):
        return False
    try:
        for text in ([said["name"], said["unit"], said["long_name"]], *axes):
            Column(*text)  # checks the name, and that the unit is one
        _check_axis_names(said["name"], [name for name, _, _ in axes])
    except ValueError:
        return False
    return True


def _has_shape(said: Mapping[str, Any]) -> bool:
    shape = said.get("shape")
    return (
        isinstance(said.get("dtype"), str)
        and said["dtype"] in _TYPES
        and isinstance(shape, list)
        and len(shape) == 2
        and all(type(length) is int and 0 <= length <= MAX_PAYLOAD for length in shape)
    )

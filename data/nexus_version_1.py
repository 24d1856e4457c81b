"""Finished runs of version 1: one checksum over all rows, so all are read at once.

Their texts are of variable length and lie in heaps. HDF5 believes every length that it finds
there and goes round in circles, or out of its memory, if one is damaged; so the few texts
that are needed are looked up here.
"""

import hashlib
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.content import column_values
from labsyn.data.errors import DataFileError
from labsyn.data.untrusted import member

TEXTS_1 = ("header", "metadata", "events", "ending")

_REFERENCE = struct.Struct("<IQI")  # length of the text, place of its heap, number in it
_HEAP = struct.Struct("<8sQ")  # signature with version, size of the heap
_OBJECT = struct.Struct("<HHIQ")  # number, references, nothing, size; number 0 is free space
_SIGNATURE = b"GCOL\1\0\0\0"


def columns_of_version_1(
    path: Path, entry: Any, texts: Mapping[str, str], datasets: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """Return the columns that labsyn wrote before each had a checksum of its own."""
    rows = np.column_stack([dataset[()] for dataset in datasets.values()]).astype("<f8")
    digest = hashlib.sha256(f"{int(entry.attrs['torn_bytes'])}\0".encode())
    for name in TEXTS_1:
        digest.update(texts[name].encode() + b"\0")
    digest.update(np.ascontiguousarray(rows).data)
    # It is such a text itself, of an attribute, whose place HDF5 does not tell.
    if digest.hexdigest().encode() not in path.read_bytes():
        raise DataFileError(f"{path} was changed or damaged: its checksum does not match")
    return {name: column_values(name, rows[:, i]) for i, name in enumerate(datasets)}


def text_of_version_1(group: Any, name: str) -> str:
    """Return a text of variable length.

    Raises
    ------
    DataFileError
        If it is missing, is no such text, or lies in no whole heap.
    """
    import h5py

    dataset = member(group, name)
    path = Path(group.file.filename)
    offset = dataset.id.get_offset() if isinstance(dataset, h5py.Dataset) else None
    if offset is None or dataset.shape != () or not h5py.check_string_dtype(dataset.dtype):
        raise DataFileError(f"{path} is damaged: {name!r} is no text")
    data = path.read_bytes()
    try:
        length, place, number = _REFERENCE.unpack_from(data, offset)
        return _look_up(data, place, number)[:length].decode()
    except (struct.error, LookupError, OverflowError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path} is damaged: the text {name!r} is not in it") from error


def _look_up(data: bytes, heap: int, wanted: int) -> bytes:
    """Return what has the number `wanted` in a heap."""
    signature, size = _HEAP.unpack_from(data, heap)
    position, end = heap + _HEAP.size, min(heap + size, len(data))
    while signature == _SIGNATURE and position < end:
        number, _, _, length = _OBJECT.unpack_from(data, position)
        if number in (0, wanted):
            break
        position += _OBJECT.size + (length + 7) // 8 * 8
    else:
        raise LookupError
    if number != wanted or position + _OBJECT.size + length > end:
        raise LookupError
    return data[position + _OBJECT.size :][:length]

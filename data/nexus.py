"""Finished runs: HDF5 in NeXus layout, written once and never edited.

::

    /entry                 NXentry: definition, title, start_time, end_time, status, reason
    /entry/data            NXdata: one 1-D array a column, `signal`, `axes`, dimension scales
    /entry/waveforms       one NXdata a block: `values`, chunked and compressed, and its axes
    /entry/sample          NXsample, from metadata["sample"]
    /entry/instrument      NXinstrument: one collection each, from metadata["instruments"]
    /entry/config          header, metadata, events and end as JSON: what labsyn reads
    /entry/parameters      the parameters of the procedure, with their units
    /entry/process         NXprocess: software versions, source revision, host, operator
    /entry/events          time, elapsed, row, kind and text of each event

NeXus (https://www.nexusformat.org) has no definition for pulse trains, so only its base
classes are claimed. Old viewers read the file: default HDF5 version, contiguous columns.
Each column and block carries the SHA-256 of its values (as little-endian doubles, or of the
type of the block), and the entry that of all these and of the texts.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.content import Content
from labsyn.data.durability import open_binary, reserve
from labsyn.data.errors import DataFileError
from labsyn.data.header import VERSION
from labsyn.data.nexus_blocks import block_room, describe_block, fill_blocks, make_blocks
from labsyn.data.nexus_groups import (
    NO_CHECKSUM,
    add_group,
    fixed_text,
    hdf5_text,
    make_columns,
    set_attributes,
    write_surroundings,
)

DEFINITION = "labsyn_run"
TEXTS = ("header", "metadata", "events", "ending", "blocks")

_MARGIN = 1 << 16  # bytes: alignment


def write_nexus(path: Path, content: Content) -> dict[str, str]:
    """Write a run to `path`, replacing what is there; `read_nexus` gives it back.

    HDF5 2.0 that meets a full disk ends the process with a segmentation fault while it
    closes the file. So it makes everything but the values in memory, a plain write stores
    that, room for the values is reserved, and only then HDF5 writes them.

    Parameters
    ----------
    path : Path
        Where to.
    content : Content
        As a journal has it.

    Returns
    -------
    dict
        The checksum of each column.

    Raises
    ------
    OSError
        If the file cannot be written.
    DataFileError
        If a flag is none.
    """
    import h5py

    image = _image(content)
    room = len(image) + 8 * content.n_rows * len(content.names)
    room += sum(block_room(block) for block in content.blocks.values()) + _MARGIN
    _store(path, image, room)
    with h5py.File(path, "r+") as file:
        entry = file["entry"]
        checksums = _fill_columns(entry["data"], content)
        parts = [*checksums.values(), *fill_blocks(entry, content)]
        checksum = total_checksum(_texts(content), parts, content.torn_bytes)
        entry.attrs.modify("sha256", np.bytes_(checksum))
    return checksums


def _image(content: Content) -> bytes:
    """Return the file with everything but the values."""
    import h5py

    ending = content.ending or {}
    # The name is never used, but HDF5 looks in vain for an open file that has it.
    memory = {"driver": "core", "backing_store": False}
    with h5py.File(content.header["uuid"], "w", **memory) as file:
        set_attributes(file, "NXroot", default="entry", creator="labsyn")
        file.attrs["creator_version"] = hdf5_text(
            str(content.header["provenance"].get("labsyn", ""))
        )
        file.attrs["file_time"] = hdf5_text(ending.get("time", ""))
        entry = add_group(file, "entry", "NXentry", default="data")
        entry.attrs.update(
            schema_version=VERSION,
            n_rows=content.n_rows,
            torn_bytes=content.torn_bytes,
            sha256=NO_CHECKSUM,
        )
        entry["definition"] = fixed_text(DEFINITION)
        entry["definition"].attrs["version"] = str(VERSION)
        entry["title"] = hdf5_text(content.header["procedure"])
        entry["entry_identifier_uuid"] = content.header["uuid"]
        entry["start_time"] = hdf5_text(content.header["start_time"])
        entry["end_time"] = hdf5_text(ending.get("time", ""))
        for key in ("status", "reason", "traceback"):
            entry[key] = hdf5_text(ending.get(key, ""))
        make_columns(add_group(entry, "data", "NXdata"), content)
        make_blocks(entry, content)
        config = add_group(entry, "config", "NXcollection")
        for name, text in _texts(content).items():
            config[name] = fixed_text(text)
        write_surroundings(entry, content)
        file.flush()
        return bytes(file.id.get_file_image())


def _store(path: Path, image: bytes, room: int) -> None:
    path.write_bytes(image)
    descriptor = open_binary(path, os.O_RDWR)
    try:
        reserve(descriptor, room)
    finally:
        os.close(descriptor)


def _fill_columns(data: Any, content: Content) -> dict[str, str]:
    checksums = Checksums(content.names)
    datasets = [data[name] for name in content.names]
    done = 0
    for table in content.tables():
        checksums.update(table)
        after = done + table.shape[0]
        for i, (name, dataset) in enumerate(zip(content.names, datasets, strict=True)):
            values = np.ascontiguousarray(table[:, i])
            dataset[done:after] = _flags(values) if name == "flags" else values
        done = after
    for name, checksum in checksums.result().items():
        data[name].attrs.modify("sha256", np.bytes_(checksum))
    return checksums.result()


def _flags(values: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the flags as bits."""
    bits = (values >= 0) & (values < 2**32) & (values == np.floor(values))
    if not bits.all():
        raise DataFileError(f"the column 'flags' holds {values[~bits][0]}, which is no flag")
    return values.astype(np.uint32)


class Checksums:
    """SHA-256 of each column of a table that comes in parts.

    Parameters
    ----------
    names : sequence of str
        Of the columns, in order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._digests = {name: hashlib.sha256() for name in names}

    def update(self, table: NDArray[np.float64]) -> None:
        """Go on with the next rows."""
        for column, digest in zip(table.T, self._digests.values(), strict=True):
            digest.update(np.ascontiguousarray(column, "<f8").data)

    def result(self) -> dict[str, str]:
        """Return the checksum of each column."""
        return {name: digest.hexdigest() for name, digest in self._digests.items()}


def total_checksum(texts: Mapping[str, str], parts: Iterable[str], torn_bytes: int) -> str:
    """Return the SHA-256 over the texts and the checksums of columns and blocks."""
    digest = hashlib.sha256(f"{torn_bytes}\0".encode())
    for text in (*(texts[name] for name in TEXTS), *parts):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _texts(content: Content) -> dict[str, str]:
    # What is read is what this version writes, whichever version the journal was of.
    header = {**content.header, "version": VERSION}
    blocks = [describe_block(block) for block in content.blocks.values()]
    parts = (header, content.metadata, list(content.events), content.ending, blocks)
    return {name: json.dumps(part) for name, part in zip(TEXTS, parts, strict=True)}

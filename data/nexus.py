"""Finished runs: HDF5 in NeXus layout, written once and never edited.

::

    /entry                 NXentry: definition, title, start_time, end_time, status, reason
    /entry/data            NXdata: one 1-D array a column, `signal`, `axes`, dimension scales
    /entry/sample          NXsample, from metadata["sample"]
    /entry/instrument      NXinstrument: one collection each, from metadata["instruments"]
    /entry/config          header, metadata, events and end as JSON: what labsyn reads
    /entry/parameters      the parameters of the procedure, with their units
    /entry/process         NXprocess: software versions, source revision, host, operator
    /entry/events          time, elapsed, row, level and text of each event

NeXus (https://www.nexusformat.org) has no definition for pulse trains, so only its base
classes are claimed. Old viewers read the file: default HDF5 version, contiguous arrays.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.content import JournalContent
from labsyn.data.errors import DataFileError
from labsyn.data.header import VERSION, check_header, check_version
from labsyn.data.nexus_groups import (
    add_group,
    hdf5_text,
    set_attributes,
    write_columns,
    write_surroundings,
)
from labsyn.data.untrusted import member, stored_numbers, stored_text

DEFINITION = "labsyn_run"

_TEXTS = ("header", "metadata", "events", "ending")


def write_nexus(path: Path, content: JournalContent) -> None:
    """Write `content` to `path`, replacing what is there; `read_nexus` gives it back.

    HDF5 makes the file in memory, and one plain write stores it: HDF5 2.0 that meets a full
    disk itself ends the process with a segmentation fault while it closes the file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path.write_bytes(_image(content))


def _image(content: JournalContent) -> bytes:
    import h5py

    texts = _texts(content)
    ending = content.ending or {}
    # The name is never used, but HDF5 looks in vain for an open file that has it.
    memory = {"driver": "core", "backing_store": False}
    with h5py.File(content.header["uuid"], "w", **memory) as file:
        set_attributes(file, "NXroot", default="entry", creator="labsyn")
        file.attrs["creator_version"] = content.header["provenance"].get("labsyn", "")
        file.attrs["file_time"] = ending.get("time", "")
        entry = add_group(file, "entry", "NXentry", default="data")
        entry.attrs.update(
            schema_version=VERSION,
            n_rows=content.rows.shape[0],
            torn_bytes=content.torn_bytes,
            sha256=_checksum(texts, content.rows, content.torn_bytes),
        )
        entry["definition"] = DEFINITION
        entry["definition"].attrs["version"] = str(VERSION)
        entry["title"] = hdf5_text(content.header["procedure"])
        entry["entry_identifier_uuid"] = content.header["uuid"]
        entry["start_time"] = content.header["start_time"]
        entry["end_time"] = hdf5_text(ending.get("time", ""))
        for key in ("status", "reason", "traceback"):
            entry[key] = hdf5_text(ending.get(key, ""))
        write_columns(add_group(entry, "data", "NXdata"), content)
        config = add_group(entry, "config", "NXcollection")
        for name, text in texts.items():
            config[name] = text
        write_surroundings(entry, content)
        file.flush()
        return bytes(file.id.get_file_image())


def read_nexus(path: Path) -> JournalContent:
    """Return what `write_nexus` wrote, checked against its checksum.

    Raises
    ------
    DataFileError
        If the file is missing, foreign, damaged, truncated, or of a newer version.
    """
    import h5py

    if not path.is_file():
        raise DataFileError(f"{path} does not exist")
    try:
        with h5py.File(path, "r") as file:
            return _read(path, file)
    except DataFileError:
        raise
    except PermissionError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # damaged HDF5 raises any of a dozen kinds
        raise DataFileError(f"{path} is damaged, or no HDF5 file: {error}") from error


def _read(path: Path, file: Any) -> JournalContent:
    if "entry/definition" not in file or stored_text(file, "entry/definition") != DEFINITION:
        raise DataFileError(f"{path} is an HDF5 file, but no run of labsyn")
    entry = member(file, "entry")
    check_version(path, int(entry.attrs["schema_version"]))
    texts = {name: stored_text(entry, f"config/{name}") for name in _TEXTS}
    header = check_header(path, texts["header"])
    n_rows = int(entry.attrs["n_rows"])
    size = path.stat().st_size
    if not 0 <= 8 * n_rows <= size:  # before any memory is asked for
        raise DataFileError(f"{path} is damaged: {n_rows} rows do not fit into {size} bytes")
    rows = np.empty((n_rows, len(header["columns"])))
    for i, (name, _, _) in enumerate(header["columns"]):
        rows[:, i] = stored_numbers(entry, f"data/{name}", (n_rows,))[()]
    torn_bytes = int(entry.attrs["torn_bytes"])
    if _checksum(texts, rows, torn_bytes) != entry.attrs["sha256"]:
        raise DataFileError(f"{path} was changed or damaged: its checksum does not match")
    metadata, events, ending = (json.loads(texts[name]) for name in _TEXTS[1:])
    if not (
        isinstance(metadata, dict)
        and isinstance(events, list)
        and all(isinstance(event, dict) for event in events)
        and isinstance(ending, dict | None)
    ):
        raise DataFileError(f"{path} is damaged: metadata, events or end are none")
    return JournalContent(
        header=header,
        rows=rows,
        metadata=metadata,
        events=tuple(events),
        ending=ending,
        torn_bytes=torn_bytes,
    )


def _texts(content: JournalContent) -> dict[str, str]:
    parts = (content.header, content.metadata, list(content.events), content.ending)
    return {name: json.dumps(part) for name, part in zip(_TEXTS, parts, strict=True)}


def _checksum(texts: Mapping[str, str], rows: NDArray[np.float64], torn_bytes: int) -> str:
    digest = hashlib.sha256(f"{torn_bytes}\0".encode())
    for name in _TEXTS:
        digest.update(texts[name].encode() + b"\0")
    digest.update(np.ascontiguousarray(rows, "<f8").tobytes())
    return digest.hexdigest()

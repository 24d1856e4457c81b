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

from labsyn.data.errors import DataFileError
from labsyn.data.flags import Flag
from labsyn.data.journal import JournalContent
from labsyn.data.provenance import VERSION, check_header

DEFINITION = "labsyn_run"

_SIGNALS = ("conductance", "resistance", "current", "voltage")
_NOT_PLOTTED = ("flags", "branch", "cycle")
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
        _group_attributes(file, "NXroot", default="entry", creator="labsyn")
        file.attrs["creator_version"] = content.header["provenance"].get("labsyn", "")
        file.attrs["file_time"] = ending.get("time", "")
        entry = _group(file, "entry", "NXentry", default="data")
        entry.attrs.update(
            schema_version=VERSION,
            n_rows=content.rows.shape[0],
            torn_bytes=content.torn_bytes,
            sha256=_checksum(texts, content.rows, content.torn_bytes),
        )
        entry["definition"] = DEFINITION
        entry["definition"].attrs["version"] = str(VERSION)
        entry["title"] = _text(content.header["procedure"])
        entry["entry_identifier_uuid"] = content.header["uuid"]
        entry["start_time"] = content.header["start_time"]
        entry["end_time"] = _text(ending.get("time", ""))
        for key in ("status", "reason", "traceback"):
            entry[key] = _text(ending.get(key, ""))
        _write_columns(_group(entry, "data", "NXdata"), content)
        config = _group(entry, "config", "NXcollection")
        for name, text in texts.items():
            config[name] = text
        _write_surroundings(entry, content)
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


# --- writing ---------------------------------------------------------------------------


def _texts(content: JournalContent) -> dict[str, str]:
    parts = (content.header, content.metadata, list(content.events), content.ending)
    return {name: json.dumps(part) for name, part in zip(_TEXTS, parts, strict=True)}


def _checksum(texts: Mapping[str, str], rows: NDArray[np.float64], torn_bytes: int) -> str:
    digest = hashlib.sha256(f"{torn_bytes}\0".encode())
    for name in _TEXTS:
        digest.update(texts[name].encode() + b"\0")
    digest.update(np.ascontiguousarray(rows, "<f8").tobytes())
    return digest.hexdigest()


def _group_attributes(group: Any, nx_class: str, **attributes: str) -> None:
    group.attrs.update(NX_class=nx_class, **attributes)


def _group(parent: Any, name: str, nx_class: str, **attributes: str) -> Any:
    group = parent.create_group(name)
    _group_attributes(group, nx_class, **attributes)
    return group


def _text(value: str) -> str:
    """Return what HDF5 can hold of a text: no zero bytes, no lone surrogates."""
    return value.replace("\0", "\\0").encode(errors="backslashreplace").decode()


def _write_columns(data: Any, content: JournalContent) -> None:
    columns = content.header["columns"]
    signal, axis = plot_columns(content.header)
    data.attrs.update(
        signal=signal, axes=[axis or "."], title=_text(content.header["procedure"])
    )
    if axis:
        data.attrs[f"{axis}_indices"] = 0
    for i, (name, unit, long_name) in enumerate(columns):
        values = content.rows[:, i]
        dataset = data.create_dataset(name, data=_flags(values) if name == "flags" else values)
        dataset.attrs.update(units=unit, long_name=long_name or name)
        if name == "flags":  # CF conventions 1.12, section 3.5
            dataset.attrs["flag_masks"] = np.array([flag.value for flag in Flag], np.uint32)
            dataset.attrs["flag_meanings"] = " ".join(str(flag.name).lower() for flag in Flag)
    if axis:
        data[axis].make_scale(axis)
        for name, _, _ in columns:
            if name != axis:
                data[name].dims[0].attach_scale(data[axis])


def _flags(values: NDArray[np.float64]) -> NDArray[Any]:
    """Return the flags as bits; numbers that are none stay what they are."""
    bits = (values >= 0) & (values < 2**32) & (values == np.floor(values))
    return values.astype(np.uint32) if bits.all() else values


def plot_columns(header: Mapping[str, Any]) -> tuple[str, str]:
    """Return signal and axis of the default plot; the axis is empty with one column only.

    `header["plot"]` says both; without it the signal is the conductance, resistance,
    current or voltage if there is one, else the last column, and the axis the first other.
    """
    names = [name for name, _, _ in header["columns"]]
    plotted = [name for name in names if name not in _NOT_PLOTTED] or names
    chosen = header.get("plot") or {}
    signal = chosen.get("signal") or next((s for s in _SIGNALS if s in names), plotted[-1])
    others = [name for name in [*plotted, *names] if name != signal]
    return signal, chosen.get("axis") or (others[0] if others else "")


def _write_surroundings(entry: Any, content: JournalContent) -> None:
    """Write what viewers show; labsyn itself reads the JSON of the config group."""
    header, metadata = content.header, content.metadata
    parameters = _group(entry, "parameters", "NXcollection")
    _write_mapping(parameters, header["parameters"], header["parameter_units"])
    process = _group(entry, "process", "NXprocess")
    known = {"program": "labsyn", "version": header["provenance"].get("labsyn", "")}
    _write_mapping(process, known | header["provenance"])
    sample = metadata.get("sample")
    if sample:
        plain = sample if isinstance(sample, dict) else {"name": sample}
        _write_mapping(_group(entry, "sample", "NXsample"), plain)
    instruments = metadata.get("instruments")
    if isinstance(instruments, dict):
        parent = _group(entry, "instrument", "NXinstrument")
        for name, settings in instruments.items():
            if isinstance(settings, dict) and _is_link(name):
                _write_mapping(_group(parent, name, "NXcollection"), settings)
            else:
                _write_mapping(parent, {name: settings})
    if content.events:
        events = _group(entry, "events", "NXcollection")
        for key in ("time", "level", "text"):
            events[key] = [_text(str(event.get(key, ""))) for event in content.events]
        for key in ("elapsed", "row"):
            events[key] = [float(event.get(key, np.nan)) for event in content.events]
        events["elapsed"].attrs["units"] = "s"


def _write_mapping(
    group: Any, mapping: Mapping[str, Any], units: Mapping[str, str] | None = None
) -> None:
    for name, value in mapping.items():
        if not _is_link(name):  # it stays in the JSON
            continue
        simple = isinstance(value, bool | float) or (
            isinstance(value, int) and abs(value) < 2**63
        )
        text = value if isinstance(value, str) else json.dumps(value)
        group[name] = value if simple else _text(text)
        if units and name in units:
            group[name].attrs["units"] = _text(units[name])


def _is_link(name: str) -> bool:
    return bool(name) and name.isprintable() and "/" not in name and name.strip(".") != ""


# --- reading ---------------------------------------------------------------------------


def _read(path: Path, file: Any) -> JournalContent:
    definition = file["entry/definition"][()] if "entry/definition" in file else b""
    if definition != DEFINITION.encode():
        raise DataFileError(f"{path} is an HDF5 file, but no run of labsyn")
    entry = file["entry"]
    version = int(entry.attrs["schema_version"])
    if version > VERSION:
        raise DataFileError(
            f"{path}: run file version {version}, this labsyn reads up to {VERSION}; "
            "update labsyn to open it"
        )
    texts = {name: entry["config"][name][()].decode() for name in _TEXTS}
    header = check_header(path, texts["header"])
    n_rows = int(entry.attrs["n_rows"])
    size = path.stat().st_size
    if not 0 <= 8 * n_rows <= size:  # before any memory is asked for
        raise DataFileError(f"{path} is damaged: {n_rows} rows do not fit into {size} bytes")
    rows = np.empty((n_rows, len(header["columns"])))
    for i, (name, _, _) in enumerate(header["columns"]):
        dataset = entry["data"][name]
        if dataset.shape != (n_rows,) or dataset.is_virtual or dataset.external:
            raise DataFileError(f"{path} is damaged: column {name!r} has not {n_rows} values")
        rows[:, i] = dataset[()]
    torn_bytes = int(entry.attrs["torn_bytes"])
    if _checksum(texts, rows, torn_bytes) != entry.attrs["sha256"]:
        raise DataFileError(f"{path} was changed or damaged: its checksum does not match")
    return JournalContent(
        header=header,
        rows=rows,
        metadata=json.loads(texts["metadata"]),
        events=tuple(json.loads(texts["events"])),
        ending=json.loads(texts["ending"]),
        torn_bytes=torn_bytes,
    )

"""The NeXus groups that viewers show: columns, default plot, parameters, surroundings."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from labsyn.data.content import Content
from labsyn.data.flags import MASKS, MEANINGS
from labsyn.data.header import is_link_name

_SIGNALS = ("conductance", "resistance", "current", "voltage")
NO_CHECKSUM = np.bytes_("0" * 64)
"""Stands where the SHA-256 of a dataset goes once its values are written."""

_NOT_PLOTTED = ("flags", "branch", "cycle")


def set_attributes(group: Any, nx_class: str, **attributes: str) -> None:
    """Say of which NeXus class an HDF5 group is, and more."""
    group.attrs.update(NX_class=nx_class, **attributes)


def add_group(parent: Any, name: str, nx_class: str, **attributes: str) -> Any:
    """Return a new HDF5 group of a NeXus class."""
    group = parent.create_group(name)
    set_attributes(group, nx_class, **attributes)
    return group


def hdf5_text(value: str) -> str:
    """Return what HDF5 can hold of a text: no zero bytes, no lone surrogates."""
    return value.replace("\0", "\\0").encode(errors="backslashreplace").decode()


def fixed_text(value: str) -> Any:
    """Return a text as HDF5 stores it in place: labsyn reads no other.

    Those of variable length lie in a heap, and HDF5 hangs on some that are damaged.
    """
    import h5py

    text = hdf5_text(value).encode()
    return np.array(text, h5py.string_dtype("utf-8", max(len(text), 1)))


def make_columns(data: Any, content: Content) -> None:
    """Make the columns, without their values, in the NXdata group `data`; with a plot."""
    columns = content.header["columns"]
    signal, axis = plot_columns(content.header)
    data.attrs.update(
        signal=signal, axes=[axis or "."], title=hdf5_text(content.header["procedure"])
    )
    if axis:
        data.attrs[f"{axis}_indices"] = 0
    for name, unit, long_name in columns:
        kind = np.dtype("<u4" if name == "flags" else "<f8")
        dataset = data.create_dataset(name, (content.n_rows,), kind)
        dataset.attrs.update(units=unit, long_name=long_name or name, sha256=NO_CHECKSUM)
        if name == "flags":
            dataset.attrs.update(flag_masks=np.array(MASKS, np.uint32), flag_meanings=MEANINGS)
    if axis:
        data[axis].make_scale(axis)
        for name, _, _ in columns:
            if name != axis:
                data[name].dims[0].attach_scale(data[axis])


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


def write_surroundings(entry: Any, content: Content) -> None:
    """Write what viewers show; labsyn itself reads the JSON of the config group."""
    header, metadata = content.header, content.metadata
    parameters = add_group(entry, "parameters", "NXcollection")
    _write_mapping(parameters, header["parameters"], header["parameter_units"])
    process = add_group(entry, "process", "NXprocess")
    known = {"program": "labsyn", "version": header["provenance"].get("labsyn", "")}
    _write_mapping(process, known | header["provenance"])
    sample = metadata.get("sample")
    if sample:
        plain = sample if isinstance(sample, dict) else {"name": sample}
        number = isinstance(plain.get("temperature"), int | float)
        units = {"temperature": "K"} if number else {}
        _write_mapping(add_group(entry, "sample", "NXsample"), plain, units)
    instruments = metadata.get("instruments")
    if isinstance(instruments, dict):
        parent = add_group(entry, "instrument", "NXinstrument")
        for name, settings in instruments.items():
            if isinstance(settings, dict) and is_link_name(name):
                _write_mapping(add_group(parent, name, "NXcollection"), settings)
            else:
                _write_mapping(parent, {name: settings})
    if content.events:
        events = add_group(entry, "events", "NXcollection")
        for key in ("time", "kind", "text"):
            events[key] = [hdf5_text(str(event.get(key, ""))) for event in content.events]
        for key in ("elapsed", "row"):
            events[key] = [float(event.get(key, np.nan)) for event in content.events]
        events["elapsed"].attrs["units"] = "s"
        events["elapsed"].make_scale("elapsed")  # else xarray warns of a nameless dimension
        for key in ("time", "kind", "text", "row"):
            events[key].dims[0].attach_scale(events["elapsed"])


def _write_mapping(
    group: Any, mapping: Mapping[str, Any], units: Mapping[str, str] | None = None
) -> None:
    for name, value in mapping.items():
        if not is_link_name(name):  # it stays in the JSON
            continue
        simple = isinstance(value, bool | float) or (
            isinstance(value, int) and abs(value) < 2**63
        )
        text = value if isinstance(value, str) else json.dumps(value)
        group[name] = value if simple else hdf5_text(text)
        if units and name in units:
            group[name].attrs["units"] = hdf5_text(units[name])

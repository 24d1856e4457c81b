"""HDF5 files of ArC TWO (arc2control): the history of every crosspoint.

``/crosspoints/WxxByy/timeseries`` doubles in size when it is full; the rows from its
attribute ``NROWS`` on are padding. ``op_type`` is 1 read, 2 pulse, 3 pulse and read; the
current, in ampere, was read at ``read_voltage``.
"""

import re
from typing import Any

import numpy as np

from labsyn.data.errors import DataFileError, ImportFormatError
from labsyn.data.importers.device_choice import Device, choose_device
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import FloatArray, RawColumn, RawTable
from labsyn.data.importers.source import Source
from labsyn.data.untrusted import check_stored_here, member

_NAME = re.compile(r"W(\d{2,6})B(\d{2,6})")
_FIELDS = {
    "current": ("read_current", "A"),
    "voltage": ("pulse_voltage", "V"),
    "pulse_width": ("pulse_width", "s"),
    "read_voltage": ("read_voltage", "V"),
    "op_type": ("operation", "1"),
}
_READ_BIT = 1
_MOST_ROWS = 5_000_000


def read_arc_two(source: Source, options: ImportOptions) -> RawTable:
    """Return every operation on every crosspoint, or on the one of ``options.device``."""
    import h5py

    try:
        with h5py.File(source.path, "r") as file:
            version = [int(file.attrs[f"H5DS_VERSION_{part}"]) for part in ("MAJOR", "MINOR")]
            if version[0] != 0:
                raise ImportFormatError(
                    f"{source.path}: ArC TWO store version {version[0]}.{version[1]}; 0.x is "
                    "read"
                )
            title = str(file.attrs.get("TITLE", ""))
            histories = _histories(source, file)
    except DataFileError:
        raise
    except Exception as error:  # HDF5 raises many kinds on a damaged file
        raise ImportFormatError(f"{source.path} is no store of ArC TWO: {error}") from error
    devices = [device for device, rows, _ in histories for _ in range(rows.size)]
    choice = choose_device(source.path, devices, options)
    table = np.concatenate([rows for _, rows, _ in histories])[choice.taken]
    padding = sum(padded for _, _, padded in histories)
    return RawTable(
        path=source.path,
        columns=_columns(np.array(devices, dtype=float)[choice.taken], table),
        found={"store version": f"{version[0]}.{version[1]}", "rows of padding": padding},
        decisions=[
            f"{padding} rows beyond NROWS are padding and left out",
            "operation: 1 is a read, 2 a pulse, 3 a pulse and a read",
            "conductance: current / read voltage of the rows with a read",
            choice.decision,
        ],
        metadata={"title": title},
    )


def _histories(source: Source, file: Any) -> list[tuple[Device, Any, int]]:
    """Return device, rows and rows of padding of each crosspoint."""
    histories, total = [], 0
    crosspoints = member(file, "crosspoints")
    for name in sorted(crosspoints):
        match = _NAME.fullmatch(name)
        if not match or "timeseries" not in member(crosspoints, name):
            continue
        series = member(crosspoints, f"{name}/timeseries")
        where = f"{source.path}, /crosspoints/{name}/timeseries"
        _check_fields(where, series)
        n_rows = int(series.attrs.get("NROWS", -1))
        if not 0 <= n_rows <= series.shape[0]:
            raise ImportFormatError(
                f"{where}: NROWS is {n_rows}; it is from 0 to {series.shape[0]}, its size"
            )
        total += n_rows
        if total > _MOST_ROWS:
            raise ImportFormatError(f"{source.path} holds more than {_MOST_ROWS} rows")
        device = (int(match[1]), int(match[2]))
        histories.append((device, series[:n_rows], series.shape[0] - n_rows))
    if not total:
        raise ImportFormatError(f"{source.path} holds no history of any crosspoint")
    return histories


def _check_fields(where: str, series: Any) -> None:
    kinds = series.dtype.fields or {}
    for field in _FIELDS:
        allowed = "iu" if field == "op_type" else "fiu"
        if field not in kinds or kinds[field][0].kind not in allowed:
            raise ImportFormatError(f"{where} has no numbers {field!r}")
    if series.ndim != 1:
        raise ImportFormatError(f"{where} has {series.ndim} dimensions; a history has one")
    check_stored_here(series, series.name)


def _columns(devices: FloatArray, table: Any) -> list[RawColumn]:
    current, read_voltage = (table[name].astype(float) for name in ("current", "read_voltage"))
    was_read = (table["op_type"].astype(int) & _READ_BIT == _READ_BIT) & (read_voltage != 0)
    conductance = np.full(current.size, np.nan)
    conductance[was_read] = current[was_read] / read_voltage[was_read]
    values = [("word", "W", devices[:, 0], "1"), ("bit", "B", devices[:, 1], "1")]
    values += [
        (name, field, table[field].astype(float), unit)
        for field, (name, unit) in _FIELDS.items()
    ]
    values.append(("conductance", "current / read_voltage", conductance, "S"))
    return [
        RawColumn(
            heading=heading, name=name, cells=cells, unit=unit, unit_from="the format",
            number=i,
        )
        for i, (name, heading, cells, unit) in enumerate(values, start=1)
    ]  # fmt: skip

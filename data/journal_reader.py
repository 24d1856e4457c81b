"""Read a journal, running or left behind: all that comes before its first damage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.content import JournalContent
from labsyn.data.errors import DataFileError
from labsyn.data.frames import BLOCK, END, EVENT, HEADER, METADATA, ROW, frames
from labsyn.data.header import check_header
from labsyn.data.plain_json import from_json


def read_journal(path: Path) -> JournalContent:
    """Return everything before the first damage of a journal, running or left behind.

    Raises
    ------
    DataFileError
        If it cannot be read, holds no whole header, or was written by a newer labsyn.
    """
    data = _bytes_of(path)
    found = frames(data)
    kind, payload, whole = next(found, (b"", b"", 0))
    if kind != HEADER:
        raise DataFileError(
            f"{path} holds no whole header ({len(data)} bytes): "
            "it is no journal of labsyn, or its run ended before it began"
        )
    header = check_header(path, payload)
    rows: list[bytes] = []
    events: list[Mapping[str, Any]] = []
    metadata, ending = dict(header["metadata"]), None
    row_size = 8 * len(header["columns"])
    for kind, payload, end in found:
        if (kind == ROW and len(payload) == row_size) or (
            kind == BLOCK and payload and len(payload) % row_size == 0
        ):
            rows.append(payload)
        elif kind not in (METADATA, EVENT, END) or (plain := from_json(payload)) is None:
            break
        elif kind == METADATA:
            metadata |= plain
        elif kind == EVENT:
            events.append(plain)
        else:
            ending = plain
        whole = end
        if ending is not None:
            break
    return JournalContent(
        header=header,
        rows=_table(b"".join(rows), [name for name, _, _ in header["columns"]]),
        metadata=metadata,
        events=tuple(events),
        ending=ending,
        torn_bytes=len(data) - whole,
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataFileError(f"{path} does not exist") from error
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error


def _table(data: bytes, names: list[str]) -> NDArray[np.float64]:
    table = np.frombuffer(bytearray(data), "<f8").reshape(-1, len(names))
    if "flags" in names:
        table[:, names.index("flags")] += 0.0  # bits have no negative zero
    return table

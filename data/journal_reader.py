"""Read a journal, running or left behind: all that comes before its first damage."""

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from labsyn.data.blocks import Block, BlockFrame, find_block
from labsyn.data.content import Content, column_values, event_of, is_ending
from labsyn.data.durability import is_file, is_there
from labsyn.data.errors import DataFileError
from labsyn.data.frames import (
    BLOCK,
    DAMAGED,
    END,
    EVENT,
    HEADER,
    METADATA,
    ROW,
    ROWS,
    RowFrames,
    frame_at,
)
from labsyn.data.header import check_header
from labsyn.data.lazy import Lazy
from labsyn.data.plain_json import from_json

_STEP = 1 << 20  # bytes read at once; a frame that is longer is read in several steps
_KEPT = 1 << 26  # bytes of rows that are kept rather than read again

Table = NDArray[np.float64]


class JournalReader:
    """Goes through a journal in steps of bounded memory, and on from there when it grew.

    Parameters
    ----------
    path : Path
        The journal. It is open only while `tables` reads: Windows removes no open file.

    Attributes
    ----------
    header, metadata, events, blocks, ending
        What was found so far.
    n_rows : int
        Rows found so far.
    torn_bytes : int
        Bytes that came behind the last whole frame when it was last read.

    Raises
    ------
    DataFileError
        If it cannot be read, holds no whole header, or was written by a newer labsyn.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        self.blocks: dict[str, BlockFrame] = {}
        self.ending: dict[str, Any] | None = None
        self.n_rows = 0
        self._position = 0
        with _opened(path) as file:
            data = _fill(file, b"")
            found = frame_at(data, 0, 0)
            while found is None and len(more := _fill(file, data)) > len(data):
                data = more
                found = frame_at(data, 0, 0)
            self.torn_bytes = os.fstat(file.fileno()).st_size
        if found is None or found[0] != HEADER:
            raise DataFileError(
                f"{path} holds no whole header ({self.torn_bytes} bytes): "
                "it is no journal of labsyn, or its run ended before it began"
            )
        self.header = check_header(path, found[1])
        self.metadata = dict(self.header["metadata"])
        self._names = [name for name, _, _ in self.header["columns"]]
        self._row_frames = RowFrames(len(self._names), self.header["version"])
        self._position, self._n_frames = found[2], 1
        self.torn_bytes -= self._position

    def tables(self) -> Iterator[Table]:
        """Yield the rows that were not read yet, shape (n, n_columns), some at a time.

        Raises
        ------
        DataFileError
            If the journal is not there any more, or cannot be read.
        """
        with _opened(self.path) as file:
            file.seek(self._position)
            data = b""
            while self.ending is None:
                length, data = len(data), _fill(file, data)
                at_end = len(data) == length
                parts, end, damaged = self._parse(data)
                self._position += end
                data = data[end:]
                if parts:
                    table = self._table(parts)
                    self.n_rows += table.shape[0]
                    yield table
                if damaged or at_end:
                    break
            self.torn_bytes = os.fstat(file.fileno()).st_size - self._position

    def _parse(self, data: bytes) -> tuple[list[Table], int, bool]:
        """Return the rows in `data`, where its last whole frame ends, and if damage follows."""
        parts: list[Table] = []
        end = 0
        while self.ending is None and (found := frame_at(data, end, self._n_frames)):
            kind, payload, after = found
            if kind == ROW and len(payload) == 8 * len(self._names):
                rows, after = self._row_frames.find(data, end, self._n_frames)
                if not rows.size:  # a frame of another version than the header
                    return parts, end, True
                parts.append(rows)
                self._n_frames += rows.shape[0]
            elif kind == ROWS and payload and not len(payload) % (8 * len(self._names)):
                parts.append(np.frombuffer(payload, "<f8").reshape(-1, len(self._names)))
                self._n_frames += 1
            elif kind != DAMAGED and self._take(kind, payload, self._position + after):
                self._n_frames += 1
            else:
                return parts, end, True
            end = after
        return parts, end, False

    def _take(self, kind: bytes, payload: bytes, end: int) -> bool:
        """Take in a frame that is no row, and return whether it is one of ours."""
        if kind == BLOCK:
            block = find_block(payload, end - len(payload))
            if block is None or block.described["name"] in self.blocks:
                return False
            self.blocks[block.described["name"]] = block
            return True
        if kind not in (METADATA, EVENT, END) or (plain := from_json(payload)) is None:
            return False
        if kind == METADATA:
            self.metadata |= plain
        elif kind == EVENT and (event := event_of(plain)):
            self.events.append(event)
        elif kind == END and is_ending(plain):
            self.ending = plain
        else:
            return False
        return True

    def _table(self, parts: list[Table]) -> Table:
        table = np.concatenate(parts)
        if "flags" in self._names:
            table[:, self._names.index("flags")] += 0.0  # bits have no negative zero
        return table


def read_journal(path: Path) -> Content:
    """Return everything before the first damage of a journal, running or left behind.

    Blocks are read again when they are asked for, and so are the rows of a large journal.

    Raises
    ------
    DataFileError
        If it cannot be read, holds no whole header, or was written by a newer labsyn.
    """
    reader = JournalReader(path)
    kept: list[Table] | None = []
    for part in reader.tables():
        if kept is not None:
            kept.append(part)
        if reader.n_rows * part.itemsize * part.shape[1] > _KEPT:
            kept = None
    names = [name for name, _, _ in reader.header["columns"]]

    def tables() -> Iterable[Table]:
        return _tables(path, reader.n_rows) if kept is None else kept

    whole = functools.cache(lambda: _whole(tables(), reader.n_rows, len(names)))
    return Content(
        header=reader.header,
        n_rows=reader.n_rows,
        columns=Lazy(names, lambda name: column_values(name, whole()[:, names.index(name)])),
        blocks=Lazy(
            [*reader.blocks], lambda name: _block(path, reader.blocks[name]), keep=False
        ),
        metadata=reader.metadata,
        events=tuple(reader.events),
        ending=reader.ending,
        torn_bytes=reader.torn_bytes,
        tables=tables,
    )


def _tables(path: Path, n_rows: int) -> Iterator[Table]:
    """Yield the first `n_rows` rows of a journal; raise DataFileError if they are gone."""
    missing = n_rows
    for table in JournalReader(path).tables():
        part = table[:missing]
        missing -= part.shape[0]
        yield part
        if not missing:
            return
    if missing:
        raise DataFileError(f"{path} holds {n_rows - missing} of {n_rows} rows any more")


def _whole(tables: Iterable[Table], n_rows: int, n_columns: int) -> Table:
    table = np.empty((n_rows, n_columns))
    done = 0
    for part in tables:
        table[done : done + part.shape[0]] = part
        done += part.shape[0]
    return table


def _block(path: Path, frame: BlockFrame) -> Block:
    with _opened(path) as file:
        file.seek(frame.start)
        numbers = file.read(frame.size)
    if len(numbers) < frame.size:
        raise DataFileError(f"{path} holds block {frame.described['name']!r} no more")
    return frame.unpack(numbers)


def _fill(file: BinaryIO, data: bytes) -> bytes:
    return data + file.read(_STEP)


def _opened(path: Path) -> BinaryIO:
    try:
        if is_there(path) and not is_file(path):  # opening a pipe waits for its writer
            raise DataFileError(f"{path} is no file")
        return path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise DataFileError(f"{path} does not exist") from error
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error

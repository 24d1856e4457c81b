import errno
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data import journal as module
from labsyn.data.errors import ConfigError, DataFileError, StorageError
from labsyn.data.journal import (
    BLOCK,
    END,
    EVENT,
    HEADER,
    MAX_PAYLOAD,
    METADATA,
    Journal,
    RowPacker,
    pack_frame,
    read_journal,
    sync_file,
    try_lock,
)
from labsyn.data.provenance import to_json

COLUMNS = [["index", "1", ""], ["current", "A", "Current"]]


def header(**changes: Any) -> bytes:
    plain = {
        "format": "labsyn_run",
        "version": 1,
        "uuid": "5b1c",
        "procedure": "PulseTrain",
        "parameters": {},
        "parameter_units": {},
        "columns": COLUMNS,
        "metadata": {"seed": 1, "sample": "A"},
        "provenance": {},
        "start_time": "2026-01-01T00:00:00+00:00",
    }
    return pack_frame(HEADER, to_json(plain | changes, "header").encode())


def whole_journal(path: Path) -> bytes:
    journal = Journal(path)
    row = RowPacker(2)
    journal.write(header())
    for i in range(4):
        journal.write(row(i, -i / 3), 1)
    journal.write(pack_frame(EVENT, b'{"level": "info", "text": "half"}'))
    block = np.array([[4, -4 / 3], [5, -5 / 3]], "<f8")
    journal.write(pack_frame(BLOCK, block.tobytes()), 2)
    journal.write(pack_frame(METADATA, b'{"sample": "B"}'))
    journal.write(pack_frame(END, b'{"status": "finished"}'))
    journal.close()
    return path.read_bytes()


def expected_rows() -> Any:
    return np.array([[i, -i / 3] for i in range(6)])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    whole_journal(path)
    content = read_journal(path)
    np.testing.assert_array_equal(content.rows, expected_rows())
    assert content.metadata == {"seed": 1, "sample": "B"}
    assert [event["text"] for event in content.events] == ["half"]
    assert content.ending == {"status": "finished"}
    assert content.torn_bytes == 0


def test_cut_at_every_byte_only_whole_frames_remain(tmp_path: Path) -> None:
    path, cut = tmp_path / "run.h5.part", tmp_path / "cut.h5.part"
    data = whole_journal(path)
    begin = len(header())
    n_rows = []
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        if length < begin:
            with pytest.raises(DataFileError, match="holds no whole header"):
                read_journal(cut)
            continue
        content = read_journal(cut)
        n = content.rows.shape[0]
        np.testing.assert_array_equal(content.rows, expected_rows()[:n])
        assert content.ending is None
        assert 0 <= content.torn_bytes <= length - begin
        n_rows.append(n)
    assert n_rows == sorted(n_rows)
    assert set(n_rows) == {0, 1, 2, 3, 4, 6}  # the block comes whole or not at all


def check_flip(path: Path, data: bytes, byte: int, bit: int) -> None:
    flipped = bytearray(data)
    flipped[byte] ^= 1 << bit
    path.write_bytes(flipped)
    if byte < len(header()):
        with pytest.raises(DataFileError, match="holds no whole header"):
            read_journal(path)
        return
    content = read_journal(path)
    assert content.torn_bytes >= len(data) - byte
    np.testing.assert_array_equal(content.rows, expected_rows()[: content.rows.shape[0]])


def test_a_flipped_bit_never_makes_a_wrong_row(tmp_path: Path) -> None:
    data = whole_journal(tmp_path / "run.h5.part")
    rng = random.Random(7)
    for byte in range(len(data)):
        check_flip(tmp_path / "flip.h5.part", data, byte, rng.randrange(8))


@pytest.mark.long
def test_no_flipped_bit_at_all_makes_a_wrong_row(tmp_path: Path) -> None:
    data = whole_journal(tmp_path / "run.h5.part")
    for byte in range(len(data)):
        for bit in range(8):
            check_flip(tmp_path / "flip.h5.part", data, byte, bit)


def test_garbage_behind_the_last_frame_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    data = whole_journal(path)
    path.write_bytes(data + b"\0" * 100)  # what a power cut leaves on some file systems
    assert read_journal(path).torn_bytes == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, r"run file version 2, this labsyn reads up to 1; update labsyn"),
        ({"format": "other"}, "is no run of labsyn"),
        ({"uuid": 3}, "the header has no 'uuid'"),
        ({"columns": []}, "the header names no columns"),
        ({"columns": [["a", 1, ""]]}, "the header names no columns"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "run.h5.part"
    path.write_bytes(header(**change))
    with pytest.raises(DataFileError, match=message):
        read_journal(path)


def test_missing_and_unreadable_journals_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"no\.part does not exist"):
        read_journal(tmp_path / "no.part")
    with pytest.raises(DataFileError, match="cannot be read"):
        read_journal(tmp_path)


def test_a_deeply_nested_header_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    path.write_bytes(pack_frame(HEADER, b"[" * 1_000_000))
    with pytest.raises(DataFileError, match="is no run of labsyn"):
        read_journal(path)


def test_a_length_that_nobody_writes_is_never_believed(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=f"at most {MAX_PAYLOAD} bytes"):
        pack_frame(BLOCK, bytes(MAX_PAYLOAD + 1))


def test_an_existing_journal_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    path.write_bytes(b"mine")
    with pytest.raises(StorageError, match="exists and is never overwritten") as caught:
        Journal(path)
    assert caught.value.errno == errno.EEXIST
    assert path.read_bytes() == b"mine"


def test_a_negative_sync_interval_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sync_interval is -1 s, it must be zero or more"):
        Journal(tmp_path / "run.h5.part", sync_interval=-1)


def test_nothing_can_be_written_after_close(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.h5.part")
    journal.close()
    journal.close()
    with pytest.raises(StorageError, match="the journal is closed"):
        journal.write(header())


class Disk:
    """A disk that stores `room` bytes of the next frame, then nothing."""

    def __init__(self, room: int, error: int | None) -> None:
        self.room, self.error = room, error
        self.write = os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        written = self.write(descriptor, data[: self.room])
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        return written


@pytest.mark.parametrize("room", [0, 5, 20])
@pytest.mark.parametrize("error", [None, errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_whole_rows_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, error: int | None
) -> None:
    path, row = tmp_path / "run.h5.part", RowPacker(2)
    journal = Journal(path)
    journal.write(header())
    journal.write(row(0, 0), 1)
    size = path.stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(room, error))
        with pytest.raises(StorageError, match=r"the 1 rows before are kept; free at least"):
            journal.write(row(1, 1), 1)
    assert path.stat().st_size == size
    journal.write(row(1, -1 / 3), 1)
    journal.close()
    np.testing.assert_array_equal(read_journal(path).rows, expected_rows()[:2])


def test_a_frame_that_was_written_whole_before_the_error_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, row = tmp_path / "run.h5.part", RowPacker(2)
    journal = Journal(path)
    journal.write(header())
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(10_000, errno.EINTR))
        with pytest.raises(StorageError, match="could not be stored"):
            journal.write(row(0, 0), 1)
    journal.write(row(1, -1 / 3), 1)
    journal.close()
    np.testing.assert_array_equal(read_journal(path).rows, expected_rows()[:2])


def test_no_row_follows_a_torn_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, row = tmp_path / "run.h5.part", RowPacker(2)
    journal = Journal(path)
    journal.write(header())

    def refuse(descriptor: int, length: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(7, None))
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(StorageError, match="could not be stored"):
            journal.write(row(0, 0), 1)
    with pytest.raises(StorageError, match="no more rows are accepted after a torn one"):
        journal.write(row(0, 0), 1)
    journal.close()
    assert read_journal(path).torn_bytes == 7


@pytest.mark.parametrize(("interval", "expected"), [(0.0, 4), (3600.0, 0)])
def test_rows_are_synced_as_often_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: float, expected: int
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(module, "sync_file", synced.append)
    journal = Journal(tmp_path / "run.h5.part", sync_interval=interval)
    for i in range(4):
        assert journal.write(RowPacker(2)(i, i), 1) is (interval == 0)
    assert len(synced) == expected
    journal.sync()
    assert len(synced) == expected + 1
    journal.close()
    journal.sync()
    assert len(synced) == expected + 1


def test_a_disk_that_does_not_confirm_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(module, "sync_file", refuse)
    journal = Journal(tmp_path / "run.h5.part", sync_interval=0)
    with pytest.raises(StorageError, match="did not confirm the last rows") as caught:
        journal.write(RowPacker(2)(0, 0), 1)
    assert caught.value.errno == errno.EIO
    journal.close()


def test_a_deleted_journal_stops_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    journal = Journal(path, sync_interval=0)
    path.unlink()
    with pytest.raises(StorageError, match="was deleted or moved"):
        journal.write(RowPacker(2)(0, 0), 1)
    journal.close()


def test_without_fdatasync_everything_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.delattr(os, "fdatasync", raising=False)  # as on Windows
    monkeypatch.setattr(os, "fsync", synced.append)
    sync_file(17)
    assert synced == [17]


def test_binary_mode_is_asked_for_where_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "O_BINARY", 1 << 20, raising=False)  # as on Windows

    def fake_open(path: Path, flags: int, mode: int) -> int:
        asked.append(flags)
        return 3

    monkeypatch.setattr(os, "open", fake_open)
    assert module.open_binary(tmp_path / "x", os.O_RDWR) == 3
    assert asked == [os.O_RDWR | 1 << 20]


def test_a_lock_is_had_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fcntl", reason="Windows has no flock")
    journal = Journal(tmp_path / "run.h5.part")
    other = os.open(journal.path, os.O_RDONLY)
    assert try_lock(other) is False
    journal.close()
    assert try_lock(other) is True
    os.close(other)
    assert try_lock(other) is None  # any error: the lock says nothing
    monkeypatch.setattr(module, "_fcntl", None)
    assert try_lock(other) is None

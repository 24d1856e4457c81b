import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data import journal as module
from labsyn.data.errors import ConfigError, StorageError
from labsyn.data.frames import HEADER
from labsyn.data.journal import Journal
from labsyn.data.journal_reader import JournalReader, read_journal
from labsyn.data.plain_json import to_json

ROWS = np.array([[0, 0], [1, -1 / 3]])


def rows_of(path: Path) -> Any:
    return np.concatenate(list(JournalReader(path).tables()))


def header() -> bytes:
    plain = {
        "format": "labsyn_run",
        "version": 2,
        "uuid": "5b1c",
        "procedure": "PulseTrain",
        "parameters": {},
        "parameter_units": {},
        "columns": [["index", "1", ""], ["current", "A", "Current"]],
        "metadata": {},
        "provenance": {},
        "start_time": "2026-01-01T00:00:00+00:00",
    }
    return to_json(plain, "header").encode()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new one of two columns, with its header."""
    journal = Journal(tmp_path / "run.h5.part", 2)
    journal.write(HEADER, header())
    yield journal
    journal.close()


def test_an_existing_journal_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    path.write_bytes(b"mine")
    with pytest.raises(StorageError, match="exists and is never overwritten") as caught:
        Journal(path, 2)
    assert caught.value.errno == errno.EEXIST
    assert path.read_bytes() == b"mine"


def test_a_negative_sync_interval_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sync_interval is -1 s, it must be zero or more"):
        Journal(tmp_path / "run.h5.part", 2, sync_interval=-1)


def test_nothing_can_be_written_after_close(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.h5.part", 2)
    journal.close()
    journal.close()
    with pytest.raises(StorageError, match="the journal is closed"):
        journal.write(HEADER, header())


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
    journal: Journal, monkeypatch: pytest.MonkeyPatch, room: int, error: int | None
) -> None:
    journal.write_row((0, 0))
    size = journal.path.stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(room, error))
        with pytest.raises(StorageError, match=r"the 1 rows before are kept; free at least"):
            journal.write_row((1, 1))
    assert journal.path.stat().st_size == size
    journal.write_row((1, -1 / 3))
    journal.close()
    np.testing.assert_array_equal(rows_of(journal.path), ROWS)


def test_a_frame_that_was_written_whole_before_the_error_is_kept(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(10_000, errno.EINTR))
        with pytest.raises(StorageError, match="could not be stored"):
            journal.write_row((0, 0))
    journal.write_row((1, -1 / 3))
    journal.close()
    np.testing.assert_array_equal(rows_of(journal.path), ROWS)


def test_an_exception_right_after_the_write_loses_no_row(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python raises KeyboardInterrupt between any two instructions."""
    write = os.write

    def interrupted(descriptor: int, frame: bytes) -> int:
        write(descriptor, frame)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.write_row((0, 0))
    journal.write_row((1, -1 / 3))
    journal.close()
    np.testing.assert_array_equal(rows_of(journal.path), ROWS)
    assert read_journal(journal.path).torn_bytes == 0


def test_no_row_follows_a_torn_one(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, length: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(7, None))
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(StorageError, match="could not be stored"):
            journal.write_row((0, 0))
    with pytest.raises(StorageError, match="no more rows are accepted after a torn one"):
        journal.write_row((0, 0))
    journal.close()
    assert read_journal(journal.path).torn_bytes == 7


@pytest.mark.parametrize(("interval", "expected"), [(0.0, 4), (3600.0, 0)])
def test_rows_are_synced_as_often_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: float, expected: int
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(module, "sync_file", synced.append)
    journal = Journal(tmp_path / "run.h5.part", 2, sync_interval=interval)
    for i in range(4):
        assert journal.write_row((i, i)) is (interval == 0)
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
    journal = Journal(tmp_path / "run.h5.part", 2, sync_interval=0)
    with pytest.raises(StorageError, match="did not confirm the last rows") as caught:
        journal.write_row((0, 0))
    assert caught.value.errno == errno.EIO
    journal.close()


def test_a_deleted_journal_stops_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    journal = Journal(path, 2, sync_interval=0)
    path.unlink()
    with pytest.raises(StorageError, match="was deleted or moved"):
        journal.write_row((0, 0))
    journal.close()

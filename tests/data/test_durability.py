import contextlib
import errno
import os
from pathlib import Path

import pytest

from labsyn.data import durability as module
from labsyn.data import journal as journal_module
from labsyn.data.durability import open_binary, sync_file, sync_folder, try_lock
from labsyn.data.journal import Journal


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
    assert open_binary(tmp_path / "x", os.O_RDWR) == 3
    assert asked == [os.O_RDWR | 1 << 20]


def test_a_lock_is_had_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fcntl", reason="Windows has no flock")
    journal = Journal(tmp_path / "run.h5.part", 1)
    other = os.open(journal.path, os.O_RDONLY)
    assert try_lock(other) is False
    journal.close()
    assert try_lock(other) is True
    os.close(other)
    assert try_lock(other) is None  # any error: the lock says nothing
    monkeypatch.setattr(module, "_fcntl", None)
    assert try_lock(other) is None


def test_windows_folders_need_no_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    if hasattr(os, "O_DIRECTORY"):
        sync_folder(tmp_path)
        assert len(synced) == 1
    monkeypatch.delattr(os, "O_DIRECTORY", raising=False)
    sync_folder(tmp_path / "not even there")
    assert len(synced) <= 1


def test_a_text_is_written_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text in ("an old one", "β, whole"):
        assert module.write_text(path, text) == path
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_that_cannot_be_named_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(temporary: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        module.write_text(tmp_path / "x.json", "new")
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_journal_is_synced_once_with_its_first_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(journal_module, "sync_folder", synced.append)
    journal = Journal(tmp_path / "run.h5.part", 1, sync_interval=0)
    for i in range(3):
        assert journal.write_row((i,))
    journal.close()
    assert synced == [tmp_path]


@pytest.mark.parametrize(("code", "fails"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_folder_that_cannot_be_synced_is_no_error_a_bad_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fails: bool
) -> None:
    """Some network disks sync no folders, and say so."""

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "O_DIRECTORY", getattr(os, "O_DIRECTORY", 0), raising=False)
    monkeypatch.setattr(module, "open_binary", lambda path, flags: os.open(os.devnull, 0))
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="error") if fails else contextlib.nullcontext():
        sync_folder(tmp_path)

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labsyn.data import compaction, durability, nexus
from labsyn.data.errors import DataFileError
from labsyn.data.recovery import recover
from labsyn.data.run import Column, Run, RunWriter


def orphan(path: Path, n_rows: int = 3) -> Path:
    """Leave a journal behind, as a killed process does."""
    writer = RunWriter.create(
        path, procedure="P", parameters={}, columns=[Column("x"), Column("y")]
    )
    for i in range(n_rows):
        writer.append((i, -i))
    writer.close()
    return Path(f"{path}.part")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))


def test_every_journal_below_a_folder_is_finished(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    orphan(tmp_path / "a.h5", 3)
    orphan(tmp_path / "b" / "c.h5", 0)
    first, second = recover(tmp_path)
    assert (first.path, first.status, first.n_rows) == (tmp_path / "a.h5", "interrupted", 3)
    assert (second.path, second.n_rows, second.error) == (tmp_path / "b" / "c.h5", 0, "")
    assert files(tmp_path) == ["a.h5", "b/c.h5"]
    assert Run.open(tmp_path / "a.h5")["y"].tolist() == [0, -1, -2]
    assert recover(tmp_path) == []
    assert first.to_dict() == {
        "path": str(tmp_path / "a.h5"),
        "status": "interrupted",
        "n_rows": 3,
        "torn_bytes": 0,
        "error": "",
    }


@pytest.mark.parametrize("name", ["a.h5", "a.h5.part"])
def test_one_journal_is_found_by_either_name(tmp_path: Path, name: str) -> None:
    orphan(tmp_path / "a.h5")
    (result,) = recover(tmp_path / name)
    assert (result.path, result.n_rows) == (tmp_path / "a.h5", 3)
    assert recover(tmp_path / "a.h5") == []


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="does not exist"):
        recover(tmp_path / "a.h5")


def test_a_bad_journal_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.h5.part").write_bytes(b"")
    (tmp_path / "b.h5.part").write_bytes(b"no journal at all" * 10)
    orphan(tmp_path / "c.h5")
    results = recover(tmp_path)
    assert [result.n_rows for result in results] == [0, 0, 3]
    assert "holds no whole header (0 bytes)" in results[0].error
    assert files(tmp_path) == ["a.h5.part", "b.h5.part", "c.h5"]


def test_damage_is_reported_and_the_bytes_are_kept(tmp_path: Path) -> None:
    journal = orphan(tmp_path / "a.h5", 4)
    data = bytearray(journal.read_bytes())
    data[-20] ^= 1  # in the last row
    journal.write_bytes(data + b"LSJ1R")
    (result,) = recover(tmp_path)
    assert (result.n_rows, result.torn_bytes, result.error) == (3, 29 + 5, "")
    run = Run.open(tmp_path / "a.h5")
    assert (run.n_rows, run.torn_bytes) == (3, 34)
    (kept,) = tmp_path.glob("*.damaged")
    assert kept.name == f"a.h5.part.{run.uuid[:8]}.damaged"
    assert kept.read_bytes() == data + b"LSJ1R"


def test_a_running_measurement_is_not_touched(tmp_path: Path) -> None:
    writer = RunWriter.create(
        tmp_path / "a.h5", procedure="P", parameters={}, columns=[Column("x")]
    )
    writer.append((1,))
    for force in (False, True):
        (result,) = recover(tmp_path, force=force)
        assert (result.status, result.n_rows) == ("running", 1)
        assert f"process {os.getpid()} on {platform.node()} is still measuring" in result.error
    assert files(tmp_path) == ["a.h5.part"]
    writer.finish()


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize(("alive", "status"), [(True, "running"), (False, "interrupted")])
def test_without_locks_the_process_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alive: bool, status: str
) -> None:
    monkeypatch.setattr(durability, "_fcntl", None)  # as on Windows
    pid = os.getpid() if alive else dead_process()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: pid)
        orphan(tmp_path / "a.h5")
    (result,) = recover(tmp_path)
    assert result.status == status
    assert (f"process {pid} is alive, and this disk has no locks" in result.error) is alive
    assert (recover(tmp_path, force=True) != []) is alive
    assert Run.open(tmp_path / "a.h5").n_rows == 3


def test_a_journal_of_another_computer_needs_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(platform, "node", lambda: "bench-2")
        orphan(tmp_path / "a.h5")
    (result,) = recover(tmp_path)
    assert result.status == "interrupted"
    assert "it was started on bench-2; recover it there, or with force" in result.error
    run = Run.open(tmp_path / "a.h5")
    assert (run.path.name, run.status) == ("a.h5.part", "interrupted")
    (result,) = recover(tmp_path, force=True)
    assert (result.path, result.error) == (tmp_path / "a.h5", "")


def test_a_journal_of_a_finished_run_goes(tmp_path: Path) -> None:
    journal = orphan(tmp_path / "a.h5")
    data = journal.read_bytes()
    recover(tmp_path)
    before = (tmp_path / "a.h5").read_bytes()
    journal.write_bytes(data)  # killed between the rename and the end of the journal
    (result,) = recover(tmp_path)
    assert (result.n_rows, result.error) == (3, "")
    assert files(tmp_path) == ["a.h5"]
    assert (tmp_path / "a.h5").read_bytes() == before


def test_a_second_recovery_gives_the_same_content(tmp_path: Path) -> None:
    journal = orphan(tmp_path / "a.h5")
    stat, data = journal.stat(), journal.read_bytes()
    recover(tmp_path)
    first = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").unlink()
    journal.write_bytes(data)
    os.utime(journal, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    recover(tmp_path)
    assert (tmp_path / "a.h5").read_bytes() == first


def test_another_run_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    journal = orphan(tmp_path / "other" / "a.h5")
    orphan(tmp_path / "a.h5", 1)
    recover(tmp_path / "a.h5")
    journal.rename(tmp_path / "a.h5.part")
    (result,) = recover(tmp_path)
    assert (
        "exists and holds another run than its journal; rename one of the two" in result.error
    )
    assert files(tmp_path) == ["a.h5", "a.h5.part"]
    assert Run.open(tmp_path / "a.h5").n_rows == 1


def test_a_full_disk_is_noticed_before_hdf5_meets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(descriptor: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    orphan(tmp_path / "a.h5")
    with monkeypatch.context() as patch:
        patch.setattr(nexus, "reserve", no_room)
        (result,) = recover(tmp_path)
    assert "could not be written ([Errno 28] No space left on device)" in result.error
    assert "all 3 rows are kept in a.h5.part: it needs about 1.00" in result.error
    assert files(tmp_path) == ["a.h5.part"]
    assert recover(tmp_path)[0].error == ""


def test_a_copy_that_does_not_read_back_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = orphan(tmp_path / "a.h5")
    good = nexus.write_nexus

    def bad_disk(path: Path, *what: Any) -> None:
        good(path, *what)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "write_nexus", bad_disk)
        (result,) = recover(tmp_path)
    assert "could not be written" in result.error
    assert files(tmp_path) == [journal.name]

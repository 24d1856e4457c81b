"""A disk that fills up or goes away: an error, and everything kept that was acknowledged."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labsyn.data import run_files
from labsyn.data.errors import StorageError
from labsyn.data.recovery import recover
from labsyn.data.run import Column, Run, RunWriter

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs rlimits, or mount")

# Tells the errors, then how many rows, events and blocks were acknowledged.
WRITER = """
import signal, sys
from pathlib import Path
import h5py
import numpy as np
from labsyn.data import writer as module
from labsyn.data.errors import StorageError
from labsyn.data.run import Column, RunWriter
path, limit, what, most = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
module.check_new = lambda path, needed: None  # it would refuse so small a disk
columns = [Column("x"), Column("y")]
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns)
if limit:
    import resource
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
done = {"rows": 0, "events": 0, "blocks": 0}
try:
    for i in range(most):
        writer.append((i, i / 3))
        done["rows"] += 1
        if what == "events":
            writer.event("note", f"{i} " + 200 * "x")
        elif what == "blocks":
            writer.block(f"{i}", np.random.default_rng(i).normal(size=(4, 128)))
        done[what] += what != "rows"
except StorageError as error:
    print(error)
try:
    writer.finish()
except StorageError as error:
    print(error)
print(done["rows"], done["events"], done["blocks"])
"""


def write(path: Path, *, limit: int = 0, what: str = "rows", most: int = 10**6) -> list[str]:
    """Return what the writer told."""
    # Coverage cannot store its own file on the disk that is made full here.
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), str(limit), what, str(most)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=plain,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def check(run: Run, acknowledged: str) -> None:
    """Compare a run with what was acknowledged."""
    n_rows, n_events, n_blocks = map(int, acknowledged.split())
    assert (run.n_rows - n_rows, run.torn_bytes) in ((0, 0), (1, 0))  # its event was not stored
    x = np.arange(run.n_rows)
    np.testing.assert_array_equal(run["x"], x)
    np.testing.assert_array_equal(run["y"], x / 3)
    assert [event["text"].split()[0] for event in run.events] == [*map(str, range(n_events))]
    assert list(run.blocks) == [*map(str, range(n_blocks))]
    for i, block in enumerate(run.blocks.values()):
        expected = np.random.default_rng(i).normal(size=(4, 128))
        np.testing.assert_array_equal(block.values, expected)


@posix_only
@pytest.mark.parametrize("what", ["rows", "events", "blocks"])
@pytest.mark.parametrize("limit", [5000, 9013])
def test_a_full_disk_is_an_error_and_keeps_what_was_stored(
    tmp_path: Path, what: str, limit: int
) -> None:
    row, end, acknowledged = write(tmp_path / "a.h5", limit=limit, what=what)
    n_rows = acknowledged.split()[0]
    assert f"the {n_rows} rows before are kept; free at least" in row
    assert "could not be stored" in end or "could not be written" in end
    (result,) = recover(tmp_path)
    assert (result.n_rows, result.torn_bytes, result.error) == (int(n_rows), 0, "")
    check(Run.open(tmp_path / "a.h5"), acknowledged)


@posix_only
def test_no_room_for_the_finished_file_keeps_the_journal(tmp_path: Path) -> None:
    message, acknowledged = write(tmp_path / "a.h5", limit=8000, most=100)
    assert "a.h5 could not be written" in message
    assert "all 100 rows are kept in a.h5.part: it needs about 1.00" in message
    assert "MB are free; free some room, then run 'labsyn recover'" in message
    assert acknowledged == "100 0 0"
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5.part"]
    run = Run.open(tmp_path / "a.h5")
    check(run, acknowledged)
    assert run.status == "finished"


CASES = {
    "rows": ("rows", 10**6),
    "an event": ("events", 10**6),
    "a block": ("blocks", 10**6),
    "finishing rows": ("rows", 26_000),
    "finishing blocks": ("blocks", 200),
}


@posix_only
@pytest.mark.parametrize("case", CASES)
def test_a_disk_that_is_full_keeps_everything(
    tmp_path: Path, small_disk: Path, case: str
) -> None:
    what, most = CASES[case]
    *errors, acknowledged = write(small_disk / "a.h5", what=what, most=most)
    if most == 10**6:
        assert "the disk is full" in errors[0] or "No space left on device" in errors[0]
        assert "rows before are kept; free at least" in errors[0]
    else:
        assert "could not be written ([Errno 28] No space left on device)" in errors[0]
        assert int(acknowledged.split()[0]) == most
    assert [path.name for path in small_disk.iterdir()] == ["a.h5.part"]
    check(Run.open(small_disk / "a.h5"), acknowledged)  # it cannot be finished there
    shutil.copy(small_disk / "a.h5.part", tmp_path)
    (result,) = recover(tmp_path / "a.h5.part")
    assert (result.torn_bytes, result.error) == (0, "")
    check(Run.open(tmp_path / "a.h5"), acknowledged)


@posix_only
def test_there_must_be_room_before_the_first_row(small_disk: Path) -> None:
    before = list(small_disk.iterdir())
    with pytest.raises(StorageError, match=r"needs 201 MB, with a reserve of 200 MB, and 1\.0"):
        start(small_disk / "a.h5")
    with pytest.raises(StorageError, match=r"the run needs 246 MB, with a reserve of 200"):
        start(small_disk / "a.h5", n_rows=10**6)
    assert list(small_disk.iterdir()) == before


def start(path: Path, **options: float) -> RunWriter:
    columns = [Column("x"), Column("y")]
    return RunWriter.create(
        path,
        procedure="P",
        parameters={},
        columns=columns,
        **options,  # type: ignore[arg-type]
    )


def test_the_room_of_rows_and_blocks_is_needed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in the journal, with 13 bytes a row, and once in the finished file."""
    asked: list[int] = []
    monkeypatch.setattr(run_files, "RESERVE", 0)
    real = shutil.disk_usage

    def small(folder: Path) -> object:
        asked.append(1)
        return real(folder)._replace(free=20_000_000)

    monkeypatch.setattr(shutil, "disk_usage", small)
    with pytest.raises(StorageError, match=r"needs 46 MB.* and 20 MB are free"):
        start(tmp_path / "a.h5", n_rows=1_000_000)
    with pytest.raises(StorageError, match=r"needs 41 MB.* and 20 MB are free"):
        start(tmp_path / "a.h5", block_bytes=20_000_000)
    start(tmp_path / "a.h5", n_rows=1000).close()
    assert len(asked) == 3


@posix_only
def test_a_folder_that_cannot_be_written_starts_nothing(small_disk: Path) -> None:
    run_files_reserve = run_files.RESERVE
    done = subprocess.run(
        ["mount", "-o", "remount,ro", str(small_disk)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no file system may be mounted read-only here")
    try:
        run_files.RESERVE = -(10**9)
        with pytest.raises(StorageError, match="Read-only file system; nothing was started"):
            start(small_disk / "a.h5")
        with pytest.raises(StorageError, match="cannot hold a run: Read-only file system"):
            start(small_disk / "new" / "a.h5")
    finally:
        run_files.RESERVE = run_files_reserve
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


@posix_only
def test_a_folder_that_is_moved_stops_the_run_and_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    writer = start(tmp_path / "old" / "a.h5", durable=0)
    for i in range(3):
        writer.append((i, i / 3))
    (tmp_path / "old").rename(tmp_path / "new")
    with pytest.raises(StorageError, match=r"a\.h5\.part was deleted or moved while the run"):
        writer.append((3, 1.0))
    with pytest.raises(StorageError, match="was deleted or moved"):
        writer.finish("failed", reason="moved")
    (result,) = recover(tmp_path / "new")
    assert (result.status, result.error) == ("failed", "")
    check(Run.open(tmp_path / "new" / "a.h5"), "4 0 0")  # the last one without a promise


@posix_only
def test_a_folder_that_is_deleted_stops_the_run(tmp_path: Path) -> None:
    writer = start(tmp_path / "runs" / "a.h5", durable=0)
    writer.append((0, 0))
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(StorageError, match=r"a\.h5\.part was deleted or moved while the run"):
        writer.append((1, 1))
    with pytest.raises(StorageError, match="was deleted or moved"):
        writer.finish()
    with pytest.raises(StorageError, match="the journal is closed"):
        writer.append((2, 2))


@pytest.mark.parametrize("written", [0, 7, 20])
def test_a_quota_is_told_from_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    if not hasattr(errno, "EDQUOT"):
        pytest.skip("Windows has no such error")
    writer = start(tmp_path / "a.h5", n_rows=1_000_000)
    writer.append((0, 0.0))
    real = os.write

    def over_quota(descriptor: int, data: bytes) -> int:
        real(descriptor, data[:written])  # what a network disk may do before it says no
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", over_quota)
        with pytest.raises(StorageError, match=r"quota exceeded\).*free at least 4\d MB"):
            writer.append((1, 1 / 3))
        with pytest.raises(StorageError, match="quota exceeded"):
            writer.event("note", "over")
        with pytest.raises(StorageError, match="quota exceeded"):
            writer.block("b", [[1.0]])
    writer.append((1, 1 / 3))  # somebody made room
    check(Run.open(writer.finish()), "2 0 0")

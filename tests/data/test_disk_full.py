"""A disk that fills up: an error with the room that is needed, and every row kept."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.recovery import recover
from labsyn.data.run import Run

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs rlimits, or mount")


def run_child(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # Coverage cannot store its own file on the disk that is made full here.
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=plain,
    )


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import h5py
from labsyn.data.errors import StorageError
from labsyn.data.run import Column, RunWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, limit, n_rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
columns = [Column("x"), Column("y")]
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for i in range(n_rows):
        writer.append((i, i / 3))
except StorageError as error:
    sys.stdout.write(f"{error}\\n")
try:
    writer.finish()
except StorageError as error:
    sys.stdout.write(f"{error}\\n")
sys.stdout.write(f"{writer.n_rows}\\n")
"""


@posix_only
@pytest.mark.parametrize("limit", [5000, 5001, 5013, 5020])
def test_a_full_disk_is_an_error_and_keeps_the_rows(tmp_path: Path, limit: int) -> None:
    done = run_child(FULL_DISK, str(tmp_path / "a.h5"), str(limit), "10000")
    assert (done.returncode, done.stderr) == (0, "")
    row, end, n_rows = done.stdout.splitlines()
    assert f"the {n_rows} rows before are kept; free at least" in row
    assert "could not be stored" in end
    assert int(n_rows) > 50
    (result,) = recover(tmp_path)
    assert (result.n_rows, result.torn_bytes, result.error) == (int(n_rows), 0, "")
    check_rows(Run.open(tmp_path / "a.h5"), int(n_rows))


@posix_only
def test_no_room_for_the_finished_file_keeps_the_journal(tmp_path: Path) -> None:
    done = run_child(FULL_DISK, str(tmp_path / "a.h5"), "8000", "100")
    assert (done.returncode, done.stderr) == (0, "")
    message, n_rows = done.stdout.splitlines()
    assert "a.h5 could not be written" in message
    assert "all 100 rows are kept in a.h5.part: it needs about 1.00" in message
    assert "MB are free; free some room, then run 'labsyn recover'" in message
    assert n_rows == "100"
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5.part"]
    run = Run.open(tmp_path / "a.h5")
    check_rows(run, 100)
    assert run.status == "finished"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


SMALL_DISK = """
import sys
from pathlib import Path
from labsyn.data import writer as module
from labsyn.data.errors import StorageError
from labsyn.data.run import Column, RunWriter
path, n_rows = Path(sys.argv[1]), int(sys.argv[2])
columns = [Column("x"), Column("y")]
module.check_new = lambda path, needed: None  # it would refuse so small a disk
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns)
try:
    for i in range(n_rows):
        writer.append((i, i / 3))
except StorageError as error:
    sys.stdout.write(f"{error}\\n")
try:
    writer.finish()
except StorageError as error:
    sys.stdout.write(f"{error}\\n")
sys.stdout.write(f"{writer.n_rows}\\n")
"""


@posix_only
@pytest.mark.parametrize("n_rows", [10**6, 26_000], ids=["measuring", "finishing"])
def test_a_disk_that_is_full_keeps_every_row(
    tmp_path: Path, small_disk: Path, n_rows: int
) -> None:
    done = run_child(SMALL_DISK, str(small_disk / "a.h5"), str(n_rows))
    assert (done.returncode, done.stderr) == (0, "")
    *errors, stored = done.stdout.splitlines()
    if n_rows == 10**6:
        assert f"the {stored} rows before are kept; free at least" in errors[0]
    else:
        assert "could not be written ([Errno 28] No space left on device)" in errors[0]
        assert int(stored) == n_rows
    assert [path.name for path in small_disk.iterdir()] == ["a.h5.part"]
    check_rows(Run.open(small_disk / "a.h5"), int(stored))  # it cannot be finished there
    shutil.copy(small_disk / "a.h5.part", tmp_path)
    (result,) = recover(tmp_path / "a.h5.part")
    assert (result.n_rows, result.torn_bytes, result.error) == (int(stored), 0, "")
    check_rows(Run.open(tmp_path / "a.h5"), int(stored))

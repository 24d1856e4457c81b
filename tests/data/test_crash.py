"""What a killed writer or a full disk leaves: every acknowledged row, whole."""

import os
import random
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.recovery import recover
from labsyn.data.run import Run

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL, fork or rlimits")

# Every line of the child's output is acknowledged work: -1 stands for "finishing now".
WRITER = """
import os, struct, sys
from pathlib import Path
import h5py
from labsyn.data.run import Column, RunWriter
path, n_rows = Path(sys.argv[1]), int(sys.argv[2])
columns = [Column("x"), Column("y")]
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns)
for i in range(n_rows):
    writer.append((i, i / 3))
    os.write(1, struct.pack("<q", i))
os.write(1, struct.pack("<q", -1))
writer.finish()
"""


def kill_writer(path: Path, n_rows: int, first: int, delay: float) -> list[int]:
    """Kill a writer `delay` seconds after it acknowledged `first`; return what it did."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(n_rows)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    timer: threading.Timer | None = None
    data = b""
    with process.stdout as pipe:
        while chunk := os.read(pipe.fileno(), 1 << 16):
            data += chunk
            if timer is None and (first >= 0 or data[-8:] == struct.pack("<q", -1)):
                timer = threading.Timer(delay, process.kill)
                timer.start()
    process.wait()
    assert timer is not None
    timer.cancel()
    timer.join()
    return [number for (number,) in struct.iter_unpack("<q", data)]


def check_rows(run: Run, acknowledged: int) -> None:
    assert run.n_rows >= acknowledged
    assert run.torn_bytes == 0
    x = np.arange(run.n_rows)
    np.testing.assert_array_equal(run["x"], x)
    np.testing.assert_array_equal(run["y"], x / 3)


def kill_while_measuring(folder: Path, seed: int) -> None:
    delay = random.Random(seed).uniform(0, 0.08)
    done = kill_writer(folder / "a.h5", 10**9, 0, delay)
    assert not (folder / "a.h5").exists()
    (result,) = recover(folder)
    assert (result.status, result.error) == ("interrupted", "")
    check_rows(Run.open(folder / "a.h5"), len(done))
    assert [path.name for path in folder.iterdir()] == ["a.h5"]


def kill_while_finishing(folder: Path, seed: int) -> None:
    delay = random.Random(seed).uniform(0, 0.03)
    n_rows = 2000
    done = kill_writer(folder / "a.h5", n_rows, -1, delay)
    assert done[-1] == -1
    recover(folder)
    run = Run.open(folder / "a.h5")
    check_rows(run, n_rows)
    assert run.n_rows == n_rows
    # Before the end was written down nobody can know that it was about to come.
    assert run.status in ("finished", "interrupted")
    assert [path.name for path in folder.iterdir()] == ["a.h5"]


@posix_only
@pytest.mark.parametrize("seed", range(20))
def test_a_kill_loses_no_acknowledged_row(tmp_path: Path, seed: int) -> None:
    kill_while_measuring(tmp_path, seed)


@posix_only
@pytest.mark.parametrize("seed", range(5))
def test_a_kill_while_finishing_loses_nothing(tmp_path: Path, seed: int) -> None:
    kill_while_finishing(tmp_path, seed)


@posix_only
@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 220))
def test_a_hundred_kills_lose_no_acknowledged_row(tmp_path: Path, seed: int) -> None:
    kill_while_measuring(tmp_path, seed)


@posix_only
@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_kills_while_finishing_lose_nothing(tmp_path: Path, seed: int) -> None:
    kill_while_finishing(tmp_path, seed)


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


STEPS = """
import os, sys
from pathlib import Path
from labsyn.data import compaction, durability, run
path, step = Path(sys.argv[1]), sys.argv[2]
writer = run.RunWriter.create(path, procedure="P", parameters={}, columns=[run.Column("x")])
writer.append((1.0,))
good = compaction.write_nexus
def half(path, *what):
    good(path, *what)
    path.write_bytes(path.read_bytes()[:1000])
    os._exit(9)
def die(*arguments):
    os._exit(9)
if step == "writing":
    compaction.write_nexus = half
elif step == "renaming":
    Path.replace = die
elif step == "renamed":
    durability.sync_folder = die
elif step == "dropping":
    compaction.drop = die
writer.finish("aborted", reason="by hand")
"""


@pytest.mark.parametrize("step", ["writing", "renaming", "renamed", "dropping"])
def test_death_at_any_step_of_finishing_is_made_good(tmp_path: Path, step: str) -> None:
    path = tmp_path / "a.h5"
    done = run_child(STEPS, str(path), step)
    assert (done.returncode, done.stderr) == (9, "")
    assert (tmp_path / "a.h5.part").exists()
    assert path.exists() is (step in ("renamed", "dropping"))
    run = Run.open(path)
    assert (run.status, run.reason, run["x"].tolist()) == ("aborted", "by hand", [1.0])
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


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


ORPHANED_CHILD = """
import os, signal, sys
from pathlib import Path
from labsyn.data.run import Column, RunWriter
path, columns = Path(sys.argv[1]), [Column("x")]
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns)
writer.append((1.0,))
if os.fork() == 0:
    os.write(1, b"child")
    os.read(0, 1)
    os._exit(0)
os.read(0, 1)
"""


@posix_only
def test_a_child_that_outlives_the_writer_does_not_hold_its_journal(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ORPHANED_CHILD, str(tmp_path / "a.h5")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        assert process.stdout.read(5) == b"child"
        assert recover(tmp_path)[0].status == "running"
        process.kill()
        process.wait()
        (result,) = recover(tmp_path)
        assert (result.status, result.n_rows, result.error) == ("interrupted", 1, "")

"""What a killed writer leaves: every acknowledged row, event and block, whole."""

import os
import random
import shutil
import struct
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from labsyn.data import compaction
from labsyn.data.errors import StorageError
from labsyn.data.recovery import recover
from labsyn.data.run import Column, Run, RunWriter

X = Column("x")

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL or fork")

# Every number that the child tells is acknowledged work: -1 stands for "finishing now".
WRITER = """
import os, struct, sys
from pathlib import Path
import h5py
import numpy as np
from labsyn.data.run import Column, RunWriter
path, n_rows = Path(sys.argv[1]), int(sys.argv[2])
columns = [Column("x"), Column("y")]
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns)
for i in range(n_rows):
    writer.append((i, i / 3))
    if i % 50 == 49:
        writer.event("note", f"{i}")
        writer.block(f"b{i}", np.full((8, 64), i))
    os.write(1, struct.pack("<q", i))
os.write(1, struct.pack("<q", -1))
writer.finish()
"""


def kill_writer(path: Path, n_rows: int, first: int, delay: float) -> list[int]:
    """Kill a writer `delay` seconds after it acknowledged `first`; return what it did.

    When it finishes it is given the time to begin with the finished file.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(n_rows)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    timer: threading.Timer | None = None
    data = b""
    with process.stdout as pipe:
        while chunk := os.read(pipe.fileno(), 1 << 16):
            data += chunk
            finishing = data[-8:] == struct.pack("<q", -1)
            if timer is None and (first >= 0 or finishing):
                begun = [path, path.with_name("a.h5.tmp")]
                while finishing and process.poll() is None and not any(map(Path.exists, begun)):
                    threading.Event().wait(0.0005)
                timer = threading.Timer(delay, process.kill)
                timer.start()
    process.wait()
    assert timer is not None
    timer.cancel()
    timer.join()
    return [number for (number,) in struct.iter_unpack("<q", data)]


def check_all(run: Run, acknowledged: int) -> None:
    """Compare a run with what was acknowledged; there may be more, but nothing else."""
    assert run.n_rows >= acknowledged
    assert run.torn_bytes == 0
    x = np.arange(run.n_rows)
    np.testing.assert_array_equal(run["x"], x)
    np.testing.assert_array_equal(run["y"], x / 3)
    told = [event["text"] for event in run.events]
    assert told == [str(i) for i in range(49, 50 * len(told), 50)]
    assert list(run.blocks) == [f"b{i}" for i in range(49, 50 * len(run.blocks), 50)]
    assert min(len(told), len(run.blocks)) >= acknowledged // 50
    for name, block in run.blocks.items():
        np.testing.assert_array_equal(block.values, np.full((8, 64), int(name[1:])))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kill_while_measuring(folder: Path, seed: int) -> int:
    delay = random.Random(seed).uniform(0, 0.08)
    done = kill_writer(folder / "a.h5", 10**9, 0, delay)
    assert files(folder) == ["a.h5.part"]
    (result,) = recover(folder)
    assert (result.status, result.error) == ("interrupted", "")
    check_all(Run.open(folder / "a.h5"), len(done))
    assert files(folder) == ["a.h5"]
    return len(done)


def kill_while_finishing(folder: Path, seed: int) -> tuple[int, str]:
    """Return the number of acknowledged rows, and which files the kill left."""
    delay = random.Random(seed).uniform(0, 0.1)
    n_rows = 2000
    done = kill_writer(folder / "a.h5", n_rows, -1, delay)
    assert done[-1] == -1
    left = " ".join(files(folder))
    recover(folder)
    run = Run.open(folder / "a.h5")
    check_all(run, n_rows)
    assert run.n_rows == n_rows
    # Before the end was written down nobody can know that it was about to come.
    assert run.status in ("finished", "interrupted")
    assert files(folder) == ["a.h5"]
    return n_rows, left


def check_kills(folder: Path, n_kills: int, seed: int) -> Counter[str]:
    """Kill half of the writers while they measure, the others while they finish."""
    n_rows, left = 0, Counter[str]()
    for i in range(n_kills):
        (folder / str(i)).mkdir()
        if i % 2:
            n_rows += kill_while_measuring(folder / str(i), seed + i)
            left["a.h5.part, measuring"] += 1
        else:
            acknowledged, found = kill_while_finishing(folder / str(i), seed + i)
            n_rows += acknowledged
            left[found] += 1
        shutil.rmtree(folder / str(i))
    print(f"{n_kills} kills, {n_rows} rows acknowledged, all found; left behind: {dict(left)}")
    return left


@posix_only
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    check_kills(tmp_path, 12, seed=0)


@posix_only
@pytest.mark.long
def test_three_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    left = check_kills(tmp_path, 300, seed=1000)
    assert left["a.h5.part a.h5.tmp"] > 50  # and hit the middle of it


# Forks one process for each step of finishing, which ends right before that step.
STEPS = """
import os, sys
from pathlib import Path
import h5py
import numpy as np
from labsyn.data.recovery import recover
from labsyn.data.run import Column, RunWriter

folder, how = Path(sys.argv[1]), sys.argv[2]
WATCHED = [
    (os, "open"), (os, "write"), (os, "close"), (os, "fsync"), (os, "fdatasync"),
    (os, "posix_fallocate"), (Path, "write_bytes"), (Path, "replace"), (Path, "unlink"),
    (h5py.File, "__init__"), (h5py.File, "close"), (h5py.Dataset, "__setitem__"),
    (h5py.AttributeManager, "modify"),
]

def watch(last):
    count = 0
    def wrap(owner, name):
        real = getattr(owner, name)
        def step(*arguments, **options):
            nonlocal count
            count += 1
            if count == last:
                os._exit(9)
            return real(*arguments, **options)
        setattr(owner, name, step)
    for owner, name in WATCHED:
        wrap(owner, name)

def measure(path):
    writer = RunWriter.create(path, procedure="P", parameters={}, columns=[Column("x")])
    writer.append((1.0,))
    writer.block("b", np.eye(3))
    return writer

def die_at(step):
    path = folder / str(step) / "a.h5"
    writer = measure(path)
    if how == "recovering":
        writer.close()
    watch(step)
    if how == "recovering":
        recover(path.parent)
    else:
        writer.finish("aborted", reason="by hand")

for step in range(1, 1000, int(sys.argv[3])):
    child = os.fork()
    if child == 0:
        die_at(step)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(step)
"""


@posix_only
@pytest.mark.parametrize(
    ("how", "every"),
    [
        ("finishing", 1),
        ("recovering", 3),  # the same steps, but for the first
        pytest.param("recovering", 1, marks=pytest.mark.long),
    ],
)
def test_death_at_any_step_of_finishing_is_made_good(
    tmp_path: Path, how: str, every: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STEPS, str(tmp_path), how, str(every)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    steps = range(1, int(done.stdout) + 1, every)
    left = Counter(" ".join(files(tmp_path / str(i))) for i in steps)
    print(f"{len(steps)} steps of {how}; left behind: {dict(left)}")
    assert set(left) == {
        "a.h5.part", "a.h5.part a.h5.tmp", "a.h5 a.h5.part", "a.h5"
    }  # fmt: skip
    for i in steps:
        run = Run.open(tmp_path / str(i) / "a.h5")
        # The end is written down by the first step of all.
        ended = how == "finishing" and i > 1
        assert run.status == ("aborted" if ended else "interrupted")
        assert (run["x"].tolist(), run.torn_bytes) == ([1.0], 0)
        np.testing.assert_array_equal(run.blocks["b"].values, np.eye(3))
        assert files(tmp_path / str(i)) == ["a.h5"]


def finished_and_journal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """Return what is in the temporary file before it is renamed, and in its journal."""
    kept: list[bytes] = []

    def keep(temporary: Path, target: Path) -> None:
        kept.append(temporary.read_bytes())
        raise OSError("killed here")

    writer = RunWriter.create(folder / "a.h5", procedure="P", parameters={}, columns=[X])
    writer.append((1.0,))
    writer.block("b", np.eye(3))
    with monkeypatch.context() as patch:
        patch.setattr(compaction, "replace_file", keep)
        with pytest.raises(StorageError, match="killed here"):
            writer.finish("aborted")
    return kept[0], (folder / "a.h5.part").read_bytes()


def check_temporary(folder: Path, n_lengths: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a temporary file cut at many lengths; whoever opens the run finishes it."""
    (folder / "original").mkdir()
    whole, journal = finished_and_journal(folder / "original", monkeypatch)
    lengths = np.linspace(0, len(whole), n_lengths).astype(int)
    for length in lengths:
        (folder / "a.h5.part").write_bytes(journal)
        (folder / "a.h5.tmp").write_bytes(whole[:length])
        run = Run.open(folder / "a.h5")
        assert (run.status, run["x"].tolist(), run.torn_bytes) == ("aborted", [1.0], 0)
        np.testing.assert_array_equal(run.blocks["b"].values, np.eye(3))
        assert (folder / "a.h5").read_bytes() == whole
        assert files(folder) == ["a.h5", "original"]
        (folder / "a.h5").unlink()
    print(f"{lengths.size} lengths of a temporary file of {len(whole)} bytes: all finished")


def test_a_temporary_file_cut_anywhere_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_temporary(tmp_path, 40, monkeypatch)


@pytest.mark.long
def test_a_temporary_file_cut_at_thousands_of_lengths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_temporary(tmp_path, 5000, monkeypatch)


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

"""Following a run while it is measured: every row once, in order, until it ends."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.durability import open_binary, try_lock
from labsyn.data.errors import DataFileError
from labsyn.data.frames import RowFrames
from labsyn.data.recovery import recover
from labsyn.data.run import Column, Run, RunWriter

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs locks and SIGKILL")

SOON = 0.002

WRITER = """
import os, random, sys, time
from pathlib import Path
from labsyn.data.run import Column, RunWriter
path, n_rows = Path(sys.argv[1]), int(sys.argv[2])
columns = [Column("x"), Column("flags")]
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns)
os.write(1, b"started\\n")
rng = random.Random(0)
for i in range(n_rows):
    writer.append((i, 128 * (i % 2)))
    if i % 100 == 0:
        writer.event("note", "on")
        writer.block(f"b{i}", [[i, i]])
        time.sleep(rng.uniform(0, 0.002))
os.write(1, b"done\\n")
sys.stdin.read(1)
if len(sys.argv) > 3:
    os.kill(os.getpid(), 9)
writer.finish("aborted", reason="by hand")
"""


def start(path: Path, **options: Any) -> RunWriter:
    columns = [Column("x"), Column("flags")]
    return RunWriter.create(path, procedure="P", parameters={}, columns=columns, **options)


def rows(parts: list[dict[str, Any]]) -> list[float]:
    return [x for part in parts for x in part["x"].tolist()]


@pytest.mark.parametrize("ending", ["finished", pytest.param("killed", marks=posix_only)])
def test_every_row_of_another_process_comes_once(tmp_path: Path, ending: str) -> None:
    n_rows = 20_000
    words = ["killed"] if ending == "killed" else []
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "a.h5"), str(n_rows), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"started\n"
        parts = []
        for part in Run.follow(tmp_path / "a.h5", interval=SOON):
            parts.append(part)
            if part["x"][-1] == n_rows - 1:
                process.stdin.close()  # only now it ends
    assert rows(parts) == list(range(n_rows))
    assert len(parts) > 1
    flags = np.concatenate([part["flags"] for part in parts])
    assert flags.dtype.kind == "i"
    np.testing.assert_array_equal(flags, 128 * (np.arange(n_rows) % 2))
    run = Run.open(tmp_path / "a.h5")
    assert run.status == ("aborted" if ending == "finished" else "interrupted")
    assert (run.n_rows, len(run.events), len(run.blocks)) == (n_rows, 200, 200)


@pytest.mark.parametrize("name", ["a.h5", "a.h5.part"])
def test_rows_come_as_they_are_written(tmp_path: Path, name: str) -> None:
    writer = start(tmp_path / "a.h5")
    writer.append((0, 0))
    following = Run.follow(tmp_path / name, interval=SOON)
    assert next(following)["x"].tolist() == [0]
    writer.append((1, 0))
    writer.append_rows({"x": np.array([2.0, 3.0]), "flags": np.zeros(2)})
    assert next(following)["x"].tolist() == [1, 2, 3]
    writer.append((4, 0))
    writer.finish()  # between two looks, with a row that was not seen
    assert rows(list(following)) == [4]


def test_a_run_that_ends_without_more_rows_ends_the_following(tmp_path: Path) -> None:
    writer = start(tmp_path / "a.h5")
    writer.append((0, 0))
    following = Run.follow(tmp_path / "a.h5", interval=SOON)
    assert rows([next(following)]) == [0]
    writer.finish()
    assert list(following) == []


def test_a_run_that_has_ended_is_given_whole(tmp_path: Path) -> None:
    writer = start(tmp_path / "a.h5")
    for i in range(3):
        writer.append((i, 0))
    writer.finish()
    assert rows(list(Run.follow(tmp_path / "a.h5"))) == [0, 1, 2]
    start(tmp_path / "b.h5").finish()
    assert list(Run.follow(tmp_path / "b.h5")) == []


@posix_only
def test_a_run_that_is_recovered_meanwhile_is_followed_to_its_end(tmp_path: Path) -> None:
    writer = start(tmp_path / "a.h5")
    writer.append((0, 0))
    following = Run.follow(tmp_path / "a.h5", interval=SOON)
    assert rows([next(following)]) == [0]
    writer.append((1, 0))
    writer.close()  # as if killed
    assert recover(tmp_path)[0].status == "interrupted"
    assert rows(list(following)) == [1]


def test_half_a_frame_is_waited_for(tmp_path: Path) -> None:
    """A network disk may show a frame before all of it is there."""
    writer = start(tmp_path / "a.h5")
    writer.append((0, 0))
    frame = RowFrames(2).pack((1, 0), 2)
    following = Run.follow(tmp_path / "a.h5", interval=SOON)
    assert rows([next(following)]) == [0]
    with (tmp_path / "a.h5.part").open("ab", buffering=0) as file:

        def dribble() -> None:
            for i in range(0, len(frame), 5):
                file.write(frame[i : i + 5])
                threading.Event().wait(2 * SOON)

        thread = threading.Thread(target=dribble)
        thread.start()
        assert rows([next(following)]) == [1]
        thread.join()
    writer.close()
    assert list(following) == []


@posix_only
def test_a_run_that_just_starts_is_waited_for(tmp_path: Path) -> None:
    writer = start(tmp_path / "other.h5")
    writer.append((0, 0))
    writer.close()
    data = (tmp_path / "other.h5.part").read_bytes()
    descriptor = open_binary(tmp_path / "a.h5.part", os.O_RDWR | os.O_CREAT)
    assert try_lock(descriptor)
    timer = threading.Timer(10 * SOON, os.write, [descriptor, data])
    timer.start()
    following = Run.follow(tmp_path / "a.h5", interval=SOON)
    assert rows([next(following)]) == [0]
    timer.join()
    os.close(descriptor)
    assert list(following) == []


def test_what_cannot_be_followed_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"a\.h5 does not exist"):
        next(Run.follow(tmp_path / "a.h5"))
    (tmp_path / "a.h5.part").write_bytes(b"")
    with pytest.raises(DataFileError, match="holds no whole header"):
        next(Run.follow(tmp_path / "a.h5"))
    start(tmp_path / "b.h5").close()
    with pytest.raises(DataFileError, match="interval is 0 s, it must be above zero"):
        next(Run.follow(tmp_path / "b.h5", interval=0))


def test_a_journal_that_is_taken_away_is_said(tmp_path: Path) -> None:
    writer = start(tmp_path / "a.h5")
    writer.append((0, 0))
    following = Run.follow(tmp_path / "a.h5", interval=SOON)
    next(following)
    writer.close()
    (tmp_path / "a.h5.part").unlink()
    with pytest.raises(DataFileError, match=r"a\.h5\.part (cannot be read|does not exist)"):
        next(following)

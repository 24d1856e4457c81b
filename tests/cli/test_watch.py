"""labsyn watch, beside a run that goes on in another process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.run import Column, RunWriter

COLUMNS = [Column("time", "s"), Column("conductance", "S"), Column("branch")]


def start(path: Path) -> RunWriter:
    return RunWriter.create(path, procedure="pulse_train", parameters={}, columns=COLUMNS)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    (tmp_path / "runs").mkdir()
    writer = start(tmp_path / "runs/a.h5")
    yield writer
    writer.close()


def watch(folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "labsyn", "watch", *words, "--interval", "0.02"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, text=True, **pipes)


def test_every_row_comes_while_the_run_goes_on(writer: RunWriter, tmp_path: Path) -> None:
    for i in range(3):
        writer.append((i, 1e-6 * i, 1))
    with watch(tmp_path, "--all", "--json") as process:
        assert process.stdout is not None
        rows = [json.loads(process.stdout.readline()) for _ in range(3)]
        writer.append((3, 3e-6, -1))
        rows.append(json.loads(process.stdout.readline()))
        writer.finish()
        ended = json.loads(process.stdout.readline())
        assert process.wait(timeout=30) == 0
    assert [row["row"] for row in rows] == [1, 2, 3, 4]
    assert rows[3] == {"row": 4, "time": 3.0, "conductance": 3e-6, "branch": -1.0}
    assert ended == {"status": "finished", "rows": 4, "reason": ""}


def test_the_last_row_is_shown_with_units(writer: RunWriter, tmp_path: Path) -> None:
    for i in range(30):
        writer.append((i, 1e-6 * i, 1))
    writer.finish("aborted", reason="stopped by SIGINT")
    with watch(tmp_path, "a") as process:
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 130
    assert "30  time 29 s  conductance 29 µS  branch 1\n" in out
    assert out.endswith("a.h5: aborted, 30 rows (stopped by SIGINT)\n")


def test_a_failed_run_has_an_exit_code(writer: RunWriter, tmp_path: Path) -> None:
    writer.finish("failed", reason="no reply")
    with watch(tmp_path, "a.h5") as process:
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 1
    assert out.endswith("a.h5: failed, 0 rows (no reply)\n")


def test_of_several_the_newest_is_watched(writer: RunWriter, tmp_path: Path) -> None:
    with start(tmp_path / "runs/b.h5") as newer, watch(tmp_path, "--all") as process:
        newer.append((0, 1e-6, 1))
        assert process.stdout is not None
        assert "b.h5.part: running, pulse_train, since" in process.stdout.readline()
        assert "1  time 0 s" in process.stdout.readline()
        newer.finish()
        assert process.wait(timeout=30) == 0


def test_without_a_run_that_goes_on_it_says_so(writer: RunWriter, tmp_path: Path) -> None:
    writer.finish()
    with watch(tmp_path) as process:
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
    assert errors == (
        "labsyn: no run goes on in runs; name one, 'labsyn list' shows what there is\n"
    )

"""Damaged run files: refused or read right; no crash, no hang, no memory blow-up."""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.run import Axis, Column, RunWriter
from labsyn.data.run_files import journal_path

READER = Path(__file__).with_name("fuzz_reader.py")
VERSION_1 = Path(__file__).parent / "files" / "version-1.h5"
FILES = ["new/whole.h5", "new/journal.h5.part", "old/version-1.h5"]
SILENCE = 300.0  # seconds for a whole batch of files that take milliseconds each
BATCH = 500


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """A finished run, `whole.h5`, the journal that it came from, and one of version 1."""
    path = tmp_path / "new" / "whole.h5"
    columns = [Column("time", "s"), Column("conductance", "S"), Column("flags")]
    writer = RunWriter.create(
        path,
        procedure="P",
        parameters={"n": 3},
        parameter_units={"n": "1"},
        columns=columns,
        metadata={"sample": {"wafer": "W1"}, "instruments": {"smu": {"idn": "β"}}},
    )
    for i in range(40):
        writer.append((float(i), i * 1e-6, 0.0))
        if i % 10 == 0:
            writer.event("note", f"row {i}")
            time = Axis("time", "s", values=np.arange(16.0) + i)
            wave = np.random.default_rng(i).normal(size=(4, 16)).astype("<f4")
            writer.block(f"wave_{i}", wave, "A", axes=[None, time])
    writer.append_rows({c.name: np.zeros(5) for c in columns})
    writer.update_metadata({"instruments_after": {"smu": {}}})
    shutil.copy(journal_path(path), tmp_path / "new" / "journal.h5.part")
    writer.finish()
    (tmp_path / "old").mkdir()
    shutil.copy(VERSION_1, tmp_path / "old" / "version-1.h5")
    shutil.copy(VERSION_1, tmp_path / "old" / "whole.h5")
    return tmp_path


def fuzz(file: Path, n_files: int, damage: str) -> Counter[str]:
    """Return how often each outcome came; a reader that died is asked for the next file."""
    outcomes: Counter[str] = Counter()
    seed = 0
    while seed < n_files:
        last = min(seed + BATCH, n_files)
        command = [sys.executable, str(READER), str(file), str(seed), str(last), damage]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SILENCE, check=False
        )
        lines = done.stdout.splitlines()
        assert lines, f"the reader did not start: {done.stderr}"
        for line in lines:
            number, outcome = line.split(" ", 1)
            seed = int(number)
            outcomes[outcome or f"seed {seed} ended the reader: {done.returncode}"] += 1
        seed += 1
    return outcomes


def check(file: Path, n_files: int, damage: str = "bytes") -> None:
    outcomes = fuzz(file, n_files, damage)
    print(file.name, damage, dict(outcomes))
    assert outcomes.total() == n_files
    assert set(outcomes) == {"'refused'", "'opened'"}


@pytest.mark.parametrize("name", FILES)
def test_mutated_files_are_refused_or_read_right(originals: Path, name: str) -> None:
    check(originals / name, 200)


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_ten_thousand_mutated_files(originals: Path, name: str) -> None:
    check(originals / name, 10_000)


@pytest.mark.parametrize("name", FILES[:2])
def test_lies_are_refused_or_believed(originals: Path, name: str) -> None:
    check(originals / name, 60, "lies")


@pytest.mark.long
@pytest.mark.parametrize("name", FILES[:2])
def test_ten_thousand_lies(originals: Path, name: str) -> None:
    check(originals / name, 10_000, "lies")

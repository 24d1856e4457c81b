"""A disk that fills up, or goes away, under a measurement: stopped, safe, nothing lost."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data import writer as writer_module
from labsyn.data.errors import StorageError, UnsafeShutdownError
from labsyn.data.recovery import recover
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

StillOn = Callable[[Any], list[str]]

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows keeps open files in place")


class Told(PulseTrain):
    """Counts the rows that were acknowledged, and does something at one of them."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.rows: list[tuple[float, ...]] = []
        self.at: dict[int, Callable[[], object]] = {}

    def record(self, row: Any) -> None:
        super().record(row)
        self.rows.append(tuple(row))
        self.at.get(len(self.rows), lambda: None)()


def check(run: Run, train: Told) -> None:
    table = np.column_stack(list(run.columns.values()))
    assert run.torn_bytes == 0
    np.testing.assert_array_equal(table[: len(train.rows)], np.array(train.rows))


def fill(folder: Path, but: int = 0) -> None:
    """Take all room of a disk `but` some bytes."""
    free = shutil.disk_usage(folder).free - but
    (folder / "filler").write_bytes(bytes(free))


@pytest.fixture
def small_runs(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on a small disk, that the check before a run finds large enough."""
    monkeypatch.setattr(writer_module, "check_new", lambda path, needed: None)
    return small_disk


def test_a_full_disk_stops_the_run_and_recover_finishes_it(
    small_runs: Path, still_on: StillOn
) -> None:
    train = Told(n_cycles=100)
    train.at[20] = lambda: fill(small_runs, but=4096)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        with pytest.raises(
            StorageError, match=r"the \d+ rows before are kept; free at"
        ) as stop:
            measure(train, bench, small_runs, name="a")
        assert still_on(bench.simulation) == []
    assert 20 < len(train.rows) < 200
    assert str(stop.value).endswith("MB there, then run 'labsyn recover'")
    (result,) = recover(small_runs)  # there still is no room
    assert "free some room, then run 'labsyn recover'" in result.error
    (small_runs / "filler").unlink()
    (result,) = recover(small_runs)
    assert (result.n_rows, result.error) == (len(train.rows), "")
    check(Run.open(small_runs / "a.h5"), train)


def test_no_room_for_the_finished_file(small_runs: Path, still_on: StillOn) -> None:
    train = Told(n_cycles=1)
    train.at[61] = lambda: fill(small_runs, but=16_384)  # with the last row
    with Bench.simulated("lixcoo2", seed=1) as bench:
        with pytest.raises(
            StorageError, match=r"a\.h5 could not be written .* all 61 rows are"
        ):
            measure(train, bench, small_runs, name="a")
        assert still_on(bench.simulation) == []
    check(Run.open(small_runs / "a.h5"), train)
    (small_runs / "filler").unlink()
    (result,) = recover(small_runs)
    assert (result.status, result.error) == ("finished", "")
    check(Run.open(small_runs / "a.h5"), train)


def test_too_small_a_disk_is_told_before_anything_is_sent(small_disk: Path) -> None:
    refused = pytest.raises(StorageError, match=r"needs 20\d\.?\d* MB, with a reserve of 200")
    with Bench.simulated("lixcoo2", seed=1) as bench, refused:
        measure(PulseTrain(n_cycles=100), bench, small_disk, name="a")
    assert list(small_disk.iterdir()) == []


@posix_only
@pytest.mark.parametrize("change", ["moved", "deleted"])
def test_a_folder_that_goes_away_stops_the_run(
    tmp_path: Path, still_on: StillOn, change: str
) -> None:
    runs = tmp_path / "runs"
    train = Told(n_cycles=10)
    train.at[20] = (
        (lambda: runs.rename(tmp_path / "moved"))
        if change == "moved"
        else (lambda: shutil.rmtree(runs))
    )
    with Bench.simulated("lixcoo2", seed=1) as bench:
        with pytest.raises(StorageError, match="was deleted or moved while the run"):
            measure(train, bench, runs, name="a", durable=0)
        assert still_on(bench.simulation) == []
    assert len(train.rows) == 20
    if change == "moved":
        (result,) = recover(tmp_path / "moved")
        assert (result.status, result.error) == ("failed", "")
        check(Run.open(tmp_path / "moved" / "a.h5"), train)


def give_quota(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Let journals take `size` bytes more."""
    real, left = os.write, [size]

    def write(descriptor: int, data: bytes) -> int:
        if data[:3] != b"LSJ":
            return real(descriptor, data)
        if left[0] < len(data):
            real(descriptor, data[: left[0]])
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        left[0] -= len(data)
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)


@posix_only
def test_a_quota_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, still_on: StillOn
) -> None:
    train = Told(n_cycles=10)
    train.at[20] = lambda: give_quota(monkeypatch, 1000)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        with pytest.raises(StorageError, match=r"\(Disk quota exceeded\); the 3\d rows before"):
            measure(train, bench, tmp_path, name="a")
        assert still_on(bench.simulation) == []
    monkeypatch.undo()
    (result,) = recover(tmp_path)
    assert (result.status, result.n_rows) == ("interrupted", len(train.rows))
    check(Run.open(tmp_path / "a.h5"), train)


@posix_only
def test_an_unsafe_bench_is_told_before_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsafe() -> None:
        raise UnsafeShutdownError("could not make safe: smu")

    train = Told(n_cycles=10)
    train.at[20] = lambda: give_quota(monkeypatch, 1000)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        with monkeypatch.context() as patch:
            patch.setattr(bench, "make_safe", unsafe)
            with pytest.raises(UnsafeShutdownError, match="could not make safe: smu") as stop:
                measure(train, bench, tmp_path, name="a")
        cause, note = stop.value.__notes__
        assert "the run ended because of: " in cause
        assert "the run was not finished: " in note
        assert "quota exceeded" in note
        assert isinstance(stop.value.__cause__, StorageError)
        monkeypatch.undo()


@posix_only
def test_a_full_disk_does_not_hide_what_stopped_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        give_quota(monkeypatch, 0)
        raise ZeroDivisionError("in my own procedure")

    train = Told(n_cycles=10)
    train.at[20] = fail
    failed = pytest.raises(ZeroDivisionError, match="in my own procedure")
    with Bench.simulated("lixcoo2", seed=1) as bench, failed as stop:
        measure(train, bench, tmp_path, name="a")
    assert "the run was not finished: " in stop.value.__notes__[-1]
    monkeypatch.undo()
    check(Run.open(tmp_path / "a.h5"), train)

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data import compaction
from labsyn.data.errors import DataFileError, StorageError
from labsyn.data.run import Column, Run, RunWriter
from labsyn.data.run_files import RESERVE

COLUMNS = (
    Column("time", "s", "Time"),
    Column("conductance", "S", "Conductance"),
    Column("flags", "", "Flags"),
)


def create(path: Path, **changes: Any) -> RunWriter:
    arguments: dict[str, Any] = {
        "procedure": "PulseTrain",
        "parameters": {"n_pulses": 3, "pulse_voltage": -1.5},
        "parameter_units": {"pulse_voltage": "V"},
        "columns": COLUMNS,
        "metadata": {"seed": 7, "simulated": True},
    }
    return RunWriter.create(path, **arguments | changes)


def measure_until(error: BaseException, path: Path) -> None:
    with create(path) as writer:
        writer.append((0.0, 1e-6, 0))
        raise error


def test_an_exception_ends_the_run_as_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the probe slipped"):
        measure_until(RuntimeError("the probe slipped"), tmp_path / "a.h5")
    run = Run.open(tmp_path / "a.h5")
    assert (run.status, run.n_rows) == ("failed", 1)
    assert run.reason == "RuntimeError: the probe slipped"
    assert "in measure_until" in run.traceback


def test_ctrl_c_ends_the_run_as_aborted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure_until(KeyboardInterrupt(), tmp_path / "a.h5")
    assert Run.open(tmp_path / "a.h5").status == "aborted"


def test_a_second_error_does_not_hide_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *what: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compaction, "write_nexus", refuse)
    with pytest.raises(RuntimeError, match="first") as caught:
        measure_until(RuntimeError("first"), tmp_path / "a.h5")
    assert "all 1 rows are kept in a.h5.part" in caught.value.__notes__[0]
    assert Run.open(tmp_path / "a.h5").status == "failed"


def test_a_file_that_cannot_be_finished_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *what: Any) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("Can't decrement id ref count (no space left)")

    writer = create(tmp_path / "a.h5")
    writer.append((0.0, 1e-6, 0))
    with monkeypatch.context() as patch:
        patch.setattr(compaction, "write_nexus", refuse)
        with pytest.raises(StorageError, match=r"all 1 rows are kept .* free some room"):
            writer.finish("aborted", reason="by hand")
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5.part"]
    run = Run.open(tmp_path / "a.h5")
    assert (run.path.name, run.status, run.reason) == ("a.h5", "aborted", "by hand")


def test_a_journal_changed_from_outside_is_left_as_it_is(tmp_path: Path) -> None:
    writer = create(tmp_path / "a.h5")
    for i in range(3):
        writer.append((i, i, 0))
    journal = tmp_path / "a.h5.part"
    data = bytearray(journal.read_bytes())
    data[-100] ^= 1
    journal.write_bytes(data)
    with pytest.raises(StorageError, match=r"of 3 rows: it was changed from outside"):
        writer.finish()
    assert journal.exists()


@pytest.mark.parametrize("name", ["a.h5", "a.h5.part"])
def test_an_existing_file_is_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(StorageError, match="exists and is never overwritten"):
        create(tmp_path / "a.h5")
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    create(tmp_path / "runs" / "monday" / "a.h5").finish()
    assert Run.open(tmp_path / "runs" / "monday" / "a.h5").n_rows == 0


def test_a_folder_that_cannot_hold_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="cannot hold a run"):
        create(tmp_path / "file" / "a.h5")


def test_a_read_only_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int, mode: int) -> int:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(StorageError, match=r"cannot be made: Read-only file system"):
            create(tmp_path / "a.h5")


def test_too_little_room_is_refused_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=RESERVE + 2_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    create(tmp_path / "small.h5", n_rows=1000).finish()
    with pytest.raises(StorageError, match=r"needs 262 MB, with .* 202 MB are free"):
        create(tmp_path / "large.h5", n_rows=1_000_000)
    assert not (tmp_path / "large.h5.part").exists()


def test_a_disk_that_fills_up_at_the_header_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageError, match=r"No space left on device"):
            create(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"time": 0.0, "flags": 0},
            r"a\.h5: no value for column 'conductance'; its columns are",
        ),
        (
            {"time": 0, "conductance": 0, "flags": 0, "Time": 0},
            "no such column 'Time'; its columns are time, conductance, flags",
        ),
        ((1.0, 2.0), r"a row of 2 values; its 3 columns are time, conductance, flags"),
        ((1.0, "2 S", 0), r"column 'conductance' got '2 S', which is no number"),
        ((1.0, None, 0), r"column 'conductance' got None, which is no number"),
        ((10**400, 0.0, 0), r"column 'time' got 1000"),
        ((1.0, 2.0, 0.5), r"flags are 0.5; they are a sum of the bits 1 COMPLIANCE"),
        ((1.0, 2.0, float("nan")), r"flags are nan; they are a sum"),
        ((1.0, 2.0, 512), r"flags are 512; they are a sum"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(tmp_path: Path, row: Any, message: str) -> None:
    with create(tmp_path / "a.h5") as writer:
        with pytest.raises(DataFileError, match=message):
            writer.append(row)
        writer.append((1, 2, 3))
    assert Run.open(tmp_path / "a.h5").n_rows == 1


def test_a_negative_zero_flag_does_not_stop_the_end(tmp_path: Path) -> None:
    with create(tmp_path / "a.h5") as writer:
        writer.append((1.0, 2.0, -0.0))
    assert Run.open(tmp_path / "a.h5")["flags"].tolist() == [0]


def test_a_block_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    two, three = np.zeros(2), np.zeros(3)
    with create(tmp_path / "a.h5") as writer:
        with pytest.raises(DataFileError, match="no value for column 'flags'"):
            writer.append_rows({"time": two, "conductance": two})
        with pytest.raises(DataFileError, match=r"'conductance' has shape \(3,\), 'time' has"):
            writer.append_rows({"time": two, "conductance": three, "flags": two})
        with pytest.raises(DataFileError, match=r"flags are 0\.5"):
            writer.append_rows({"time": two, "conductance": two, "flags": two + 0.5})
    assert Run.open(tmp_path / "a.h5").n_rows == 0


def test_a_long_block_is_stored_in_parts(tmp_path: Path) -> None:
    values = np.arange(3_000_000.0)
    with create(tmp_path / "a.h5", columns=[Column("x")]) as writer:
        writer.append_rows({"x": values})
        assert writer.n_rows == values.size
    np.testing.assert_array_equal(Run.open(tmp_path / "a.h5")["x"], values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": []}, "at least one column"),
        ({"columns": [Column("x"), Column("x")]}, "column 'x' is named twice"),
        ({"plot": ("x", "time")}, "plot names 'x', which is no column"),
        (
            {"metadata": {"bench": {"smu": object()}}},
            r"metadata\.bench\.smu is a object, which",
        ),
        ({"parameters": {"z": [1, 2j]}}, r"parameters\.z\[1\] is a complex, which"),
        ({"metadata": {1: "x"}}, r"metadata is a dict, which a run file cannot hold"),
    ],
)
def test_what_no_file_can_hold_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataFileError, match=message):
        create(tmp_path / "a.h5", **changes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.csv", r"ends in \.h5"), ("a:b.h5", "':' is not allowed in file names on Windows")],
)
def test_a_bad_file_name_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        create(tmp_path / name)


def test_a_run_ends_in_a_known_way_and_once(tmp_path: Path) -> None:
    writer = create(tmp_path / "a.h5")
    with pytest.raises(DataFileError, match=r"ends as one of finished, aborted.*not 'done'"):
        writer.finish("done")
    writer.finish()
    with pytest.raises(StorageError, match="the journal is closed"):
        writer.append((0, 0, 0))


def test_a_sleeping_computer_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    with create(tmp_path / "a.h5", durable=0) as writer:
        writer.append((0, 0, 0))
        monkeypatch.setattr(time, "time", lambda: real() + 3600)
        writer.append((1, 0, 0))
        writer.append((2, 0, 0))
    (event,) = Run.open(tmp_path / "a.h5").events
    assert "+3600.0 s" in event["text"]
    assert event["row"] == 2


def test_what_no_reader_takes_is_refused_before_it_holds_a_run(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="the header is damaged"):
        RunWriter.create(
            tmp_path / "a.h5",
            procedure="P",
            parameters={"width": 1.0},
            parameter_units={"width": None},  # type: ignore[dict-item]
            columns=[Column("x")],
        )
    assert list(tmp_path.iterdir()) == []


def test_texts_of_events_and_ends_are_texts(tmp_path: Path) -> None:
    columns = [Column("x")]
    writer = RunWriter.create(tmp_path / "a.h5", procedure="P", parameters={}, columns=columns)
    writer.event("note", 5)  # type: ignore[arg-type]
    writer.append((1,))
    run = Run.open(writer.finish("failed", reason=ValueError("x")))  # type: ignore[arg-type]
    assert (run.n_rows, run.events[0]["text"], run.reason) == (1, "5", "x")

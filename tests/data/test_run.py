import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.data import recovery
from labsyn.data.errors import DataFileError, StorageError, UnitError
from labsyn.data.flags import Flag
from labsyn.data.run import Column, Run, RunWriter

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


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "Überschrift 1.h5"
    with create(path) as writer:
        writer.append((0.0, 1e-6, 0))
        writer.append([0.1, 2e-6, Flag.COMPLIANCE])
        writer.append({"conductance": 3e-6, "flags": 0, "time": 0.2})
        writer.append_rows(
            {"time": np.array([0.3, 0.4]), "conductance": np.array([4e-6, 5e-6]),
             "flags": np.array([int(Flag.SIMULATED), 0])}
        )  # fmt: skip
        writer.event("warning", "contact?")
        writer.update_metadata({"temperature": 295.0})
        assert writer.n_rows == 5
    run = Run.open(path)
    assert (run.path, run.status, run.reason, run.torn_bytes) == (path, "finished", "", 0)
    assert run.procedure == "PulseTrain"
    assert run.parameters == {"n_pulses": 3, "pulse_voltage": -1.5}
    assert run.parameter_units == {"pulse_voltage": "V"}
    assert run.units == {"time": "s", "conductance": "S", "flags": ""}
    assert run.long_names["time"] == "Time"
    assert run.metadata == {"seed": 7, "simulated": True, "temperature": 295.0}
    np.testing.assert_array_equal(run["time"], [0.0, 0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(run["conductance"], [1e-6, 2e-6, 3e-6, 4e-6, 5e-6])
    np.testing.assert_array_equal(run["flags"], [0, 1, 0, 128, 0])
    np.testing.assert_array_equal(run.mask(), [True, False, True, True, True])
    (event,) = run.events
    assert (event["level"], event["text"], event["row"]) == ("warning", "contact?", 5)
    assert 0 <= event["elapsed"] <= run.duration
    assert run.start_time < run.end_time
    assert run.start_time[-6] in "+-"  # an offset from UTC
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_table_has_names_units_and_its_own_data(tmp_path: Path) -> None:
    with create(tmp_path / "a.h5") as writer:
        writer.append((0.0, 1e-6, 4))
    run = Run.open(tmp_path / "a.h5")
    table = run.frame()
    assert list(table.columns) == ["time", "conductance", "flags"]
    assert table.attrs["units"]["conductance"] == "S"
    assert table["flags"].dtype == np.int64
    table.loc[0, "conductance"] = 2.0
    assert run["conductance"][0] == 1e-6
    with pytest.raises(ValueError, match="read-only"):
        run["conductance"][0] = 1.0


def test_the_checksum_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    with create(tmp_path / "a.h5") as writer:
        writer.append((0.0, 1e-6, 4))
    run = Run.open(tmp_path / "a.h5")
    assert run.sha256() == hashlib.sha256((tmp_path / "a.h5").read_bytes()).hexdigest()


def test_a_run_without_flags_uses_every_row(tmp_path: Path) -> None:
    with create(tmp_path / "a.h5", columns=[Column("x")]) as writer:
        writer.append((1.0,))
    assert Run.open(tmp_path / "a.h5").mask().tolist() == [True]


def test_a_running_measurement_is_read_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    writer = create(path)
    writer.append((0.0, 1e-6, 0))
    for name in (path, tmp_path / "a.h5.part"):
        run = Run.open(name)
        assert (run.status, run.n_rows, run.end_time) == ("running", 1, "")
        assert run.path == tmp_path / "a.h5.part"
    writer.append((1.0, 1e-6, 0))
    assert Run.open(path).n_rows == 2
    writer.finish()
    assert Run.open(tmp_path / "a.h5.part").path == path


def test_opening_finishes_what_a_crash_left(tmp_path: Path) -> None:
    writer = create(tmp_path / "a.h5")
    writer.append((0.0, 1e-6, 0))
    writer.close()
    run = Run.open(tmp_path / "a.h5")
    assert (run.status, run.n_rows) == ("interrupted", 1)
    assert "ended without finishing" in run.reason
    assert np.isnan(run.duration)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


def test_an_orphan_where_nothing_can_be_written_is_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = create(tmp_path / "a.h5")
    writer.append((0.0, 1e-6, 0))
    writer.close()

    def refuse(path: Path, content: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(recovery, "write_nexus", refuse)
    run = Run.open(tmp_path / "a.h5")
    assert (run.path.name, run.status, run.n_rows) == ("a.h5.part", "interrupted", 1)


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
    def refuse(path: Path, content: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recovery, "write_nexus", refuse)
    with pytest.raises(RuntimeError, match="first") as caught:
        measure_until(RuntimeError("first"), tmp_path / "a.h5")
    assert "all 1 rows are kept in a.h5.part" in caught.value.__notes__[0]
    assert Run.open(tmp_path / "a.h5").status == "failed"


def test_a_file_that_cannot_be_finished_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: Any) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("Can't decrement id ref count (no space left)")

    writer = create(tmp_path / "a.h5")
    writer.append((0.0, 1e-6, 0))
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "write_nexus", refuse)
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
    usage = shutil.disk_usage(tmp_path)._replace(free=recovery.RESERVE + 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    create(tmp_path / "small.h5", n_rows=1000).finish()
    with pytest.raises(StorageError, match=r"the run needs 264 MB, with a reserve of 200 MB"):
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
        ((1.0, 2.0, 256), r"flags are 256; they are a sum"),
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


@pytest.mark.parametrize("name", ["", ".", "a/b", "a\nb"])
def test_a_bad_column_name_is_refused(name: str) -> None:
    with pytest.raises(DataFileError, match="a column cannot be named"):
        Column(name)


def test_a_column_has_a_unit_that_exists() -> None:
    assert Column("rate", "V/s").unit == "V/s"
    with pytest.raises(UnitError, match=r"column 'x': 'furlogs' is no unit; use a symbol"):
        Column("x", "furlogs")
    with pytest.raises(DataFileError, match="must be printable"):
        Column("x", "V", "a\0b")


def test_a_run_ends_in_a_known_way_and_once(tmp_path: Path) -> None:
    writer = create(tmp_path / "a.h5")
    with pytest.raises(DataFileError, match=r"ends as one of finished, aborted.*not 'done'"):
        writer.finish("done")
    writer.finish()
    with pytest.raises(StorageError, match="the journal is closed"):
        writer.append((0, 0, 0))


@pytest.mark.parametrize(
    ("name", "message"),
    [("no.h5", r"no\.h5 does not exist"), ("x.csv", r"no run file; runs end in \.h5")],
)
def test_what_is_no_run_is_not_opened(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        Run.open(tmp_path / name)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    create(tmp_path / "a.h5").finish()
    with pytest.raises(DataFileError, match=r"has no column 'current'; it has time, conduct"):
        Run.open(tmp_path / "a.h5")["current"]


def test_a_sleeping_computer_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    with create(tmp_path / "a.h5", sync_interval=0) as writer:
        writer.append((0, 0, 0))
        monkeypatch.setattr(time, "time", lambda: real() + 3600)
        writer.append((1, 0, 0))
        writer.append((2, 0, 0))
    (event,) = Run.open(tmp_path / "a.h5").events
    assert "+3600.0 s" in event["text"]
    assert event["row"] == 2


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
rows = st.lists(st.tuples(st.floats(), st.floats(), st.integers(0, 255)), max_size=8)


@settings(deadline=None, max_examples=40)
@given(
    rows=rows,
    metadata=st.dictionaries(st.text(), plain, max_size=4),
    parameters=st.dictionaries(st.text(), plain, max_size=4),
    text=st.text(),
)
def test_whatever_was_written_is_read_in_both_forms(
    rows: list[tuple[float, float, int]],
    metadata: dict[str, Any],
    parameters: dict[str, Any],
    text: str,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        writer = create(path, metadata=metadata, parameters=parameters, procedure=text)
        for row in rows:
            writer.append(row)
        writer.event("info", text)
        for run in (Run.open(path), Run.open(writer.finish("failed", reason=text))):
            assert run.metadata == metadata
            assert run.parameters == parameters
            assert run.procedure == text
            assert run.events[0]["text"] == text
            for i, name in enumerate(run.columns):
                np.testing.assert_array_equal(run[name], [row[i] for row in rows])
        assert run.reason == text

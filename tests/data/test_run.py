import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.data import compaction
from labsyn.data.errors import DataFileError
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
    assert run.durable == 1.0
    np.testing.assert_array_equal(run["time"], [0.0, 0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(run["conductance"], [1e-6, 2e-6, 3e-6, 4e-6, 5e-6])
    np.testing.assert_array_equal(run["flags"], [0, 1, 0, 128, 0])
    np.testing.assert_array_equal(run.mask(), [True, False, True, True, True])
    compliance, event = run.events
    assert (compliance["kind"], compliance["row"]) == ("compliance", 2)
    assert compliance["text"] == "row 2 is the first in compliance"
    assert (event["kind"], event["text"], event["row"]) == ("warning", "contact?", 5)
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

    def refuse(path: Path, *what: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(compaction, "write_nexus", refuse)
    run = Run.open(tmp_path / "a.h5")
    assert (run.path.name, run.status, run.n_rows) == ("a.h5.part", "interrupted", 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [("no.h5", r"no\.h5 does not exist"), ("x.csv", r"x\.csv does not exist")],
)
def test_what_is_no_run_is_not_opened(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        Run.open(tmp_path / name)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    create(tmp_path / "a.h5").finish()
    with pytest.raises(DataFileError, match=r"has no column 'current'; it has time, conduct"):
        Run.open(tmp_path / "a.h5")["current"]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
rows = st.lists(st.tuples(st.floats(), st.floats(), st.integers(0, 511)), max_size=8)


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
            assert run.events[-1]["text"] == text
            for i, name in enumerate(run.columns):
                np.testing.assert_array_equal(run[name], [row[i] for row in rows])
        assert run.reason == text

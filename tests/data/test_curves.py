import math
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.curves import PulseCurves, curves_from_run, load_curves
from labsyn.data.errors import DataFileError
from labsyn.data.flags import Flag
from labsyn.data.run import Column, Run, RunWriter

COLUMNS = [
    Column("cycle"),
    Column("branch"),
    Column("pulse"),
    Column("conductance", "S"),
    Column("flags"),
]
Row = tuple[float, float, float, float, float]

TRAIN: list[Row] = [
    (0, 0, 0, 1.0, 0),
    (1, 1, 1, 2.0, 128),
    (1, 1, 2, 3.0, 0),
    (1, -1, 1, 2.5, 0),
    (1, -1, 2, 1.5, 0),
    (2, 1, 1, 2.2, 0),
    (2, 1, 2, 3.2, 0),
    (2, -1, 1, 2.4, 0),
    (2, -1, 2, 1.4, 0),
]


def run_of(path: Path, rows: list[Row], status: str = "finished") -> Run:
    writer = RunWriter.create(path, procedure="PulseTrain", parameters={}, columns=COLUMNS)
    for row in rows:
        writer.append(row)
    return Run.open(writer.finish(status))


def lists(curves: list[np.ndarray]) -> list[list[float | None]]:
    """Return the curves as lists; what is not known is None."""
    return [[v if math.isfinite(v) else None for v in curve.tolist()] for curve in curves]


def test_each_branch_begins_where_the_one_before_ended(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a.h5", TRAIN)
    curves = curves_from_run(run)
    assert lists(curves.potentiation) == [[1.0, 2.0, 3.0], [1.5, 2.2, 3.2]]
    assert lists(curves.depression) == [[3.0, 2.5, 1.5], [3.2, 2.4, 1.4]]
    assert (curves.unit, curves.source, curves.notes) == ("S", str(run.path), [])
    assert curves.sha256 == run.sha256()


def test_flagged_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = list(TRAIN)
    rows[4] = (1, -1, 2, 9.0, float(Flag.COMPLIANCE | Flag.SIMULATED))
    rows[6] = (2, 1, 2, float("nan"), 0)
    curves = curves_from_run(run_of(tmp_path / "a.h5", rows))
    assert lists(curves.depression) == [[3.0, 2.5, None], [None, 2.4, 1.4]]
    assert lists(curves.potentiation) == [[1.0, 2.0, 3.0], [None, 2.2, None]]
    assert curves.notes == [
        "1 of 9 rows left out: compliance",
        "1 of 9 rows left out: the conductance is no number",
    ]


def test_a_train_without_an_initial_read_says_so(tmp_path: Path) -> None:
    curves = curves_from_run(run_of(tmp_path / "a.h5", TRAIN[1:5]))
    assert lists(curves.potentiation) == [[2.0, 3.0]]
    assert "potentiation of cycle 1 has no read before its first pulse" in curves.notes[0]


def test_an_aborted_train_says_so(tmp_path: Path) -> None:
    curves = curves_from_run(run_of(tmp_path / "a.h5", TRAIN[:4], "aborted"))
    assert lists(curves.depression) == [[3.0, 2.5]]
    assert curves.notes == ["the run is aborted: its last branch may be short"]


def test_a_run_of_another_kind_is_refused(tmp_path: Path) -> None:
    writer = RunWriter.create(
        tmp_path / "a.h5", procedure="IV", parameters={}, columns=[Column("voltage", "V")]
    )
    run = Run.open(writer.finish())
    with pytest.raises(
        DataFileError, match=r"no pulse train: it has no column 'cycle'; it has"
    ):
        curves_from_run(run)


def test_a_branch_that_is_none_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a.h5", [*TRAIN[:2], (1, 0.5, 2, 3.0, 0)])
    with pytest.raises(
        DataFileError, match=r"branch is 0\.5 in row 2; it is 1 for potentiation"
    ):
        curves_from_run(run)


def test_runs_and_csv_files_are_loaded_alike(tmp_path: Path) -> None:
    path = run_of(tmp_path / "a.h5", TRAIN).path
    assert len(load_curves([path]).potentiation) == 2
    assert len(load_curves([path], "S").potentiation) == 2
    csv = tmp_path / "a.csv"
    csv.write_text("0.1,0.9\n0.2,0.8\n")
    loaded: PulseCurves = load_curves([csv], "1")
    assert lists(loaded.depression) == [[0.9, 0.8]]


def test_a_run_states_its_own_unit_and_is_read_alone(tmp_path: Path) -> None:
    path = run_of(tmp_path / "a.h5", TRAIN).path
    with pytest.raises(DataFileError, match=r"states its unit, 'S'; leave out unit='uS'"):
        load_curves([path], "uS")
    with pytest.raises(DataFileError, match=r"a\.h5 is a run and is read alone"):
        load_curves([path, tmp_path / "set.csv"])
    with pytest.raises(DataFileError, match=r"no\.h5 does not exist"):
        load_curves([tmp_path / "no.h5"])

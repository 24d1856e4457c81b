"""Files of version 1, as the first form of labsyn wrote them, stay readable."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from labsyn.data.errors import DataFileError
from labsyn.data.recovery import recover
from labsyn.data.run import Run

FILES = Path(__file__).parent / "files"


@pytest.mark.parametrize(
    ("name", "status"), [("version-1.h5", "aborted"), ("version-1-journal.part", "interrupted")]
)
def test_a_file_of_version_1(name: str, status: str, tmp_path: Path) -> None:
    ending = ".h5" if name.endswith(".h5") else ".h5.part"
    path = Path(shutil.copy(FILES / name, tmp_path / f"run{ending}"))
    run = Run.open(path)
    assert (run.status, run.procedure) == (status, "pulse_train")
    assert run.n_rows > 0
    assert set(run.units) == set(run.columns)
    assert all(np.isfinite(run[column]).any() for column in run.columns)
    assert run.torn_bytes == 0


def check_version_1(run: Run, n_rows: int) -> None:
    assert run.procedure == "pulse_train"
    assert run.parameters == {"n_pulses": 3, "pulse_voltage": -1.5, "note": "β"}
    assert run.units["conductance"] == "S"
    np.testing.assert_array_equal(
        run["conductance"], [1e-6 * (i + 1) for i in range(8)] + [9e-6, 1e-5][: n_rows - 8]
    )
    assert run["flags"].tolist()[:8] == [128] * 5 + [129] + [128] * 2
    (event,) = run.events
    assert (event["kind"], event["text"]) == ("warning", "read 1 at smu: no reply")
    assert "level" not in event
    assert run.metadata["instruments_after"] == {"b1500a": {"*LRN? 30": "AIT1"}}
    assert run.provenance["git_commit"] == "9027194"
    assert dict(run.blocks) == {}
    assert np.isnan(run.durable)


def test_a_finished_file_of_version_1_is_read() -> None:
    run = Run.open(FILES / "version-1.h5")
    check_version_1(run, 10)
    assert (run.status, run.reason) == ("aborted", "stopped by SIGINT")


def test_a_changed_file_of_version_1_is_refused(tmp_path: Path) -> None:
    path = Path(shutil.copy(FILES / "version-1.h5", tmp_path))
    with h5py.File(path, "r+") as file:
        file["entry/data/conductance"][2] = 9.0
    with pytest.raises(DataFileError, match="was changed or damaged: its checksum"):
        Run.open(path)


def test_a_journal_of_version_1_becomes_a_file_of_this_version(tmp_path: Path) -> None:
    shutil.copy(FILES / "version-1-journal.part", tmp_path / "a.h5.part")
    run = Run.open(tmp_path / "a.h5.part")  # of another computer: it stays as it is
    check_version_1(run, 8)
    assert run.path.name == "a.h5.part"

    (result,) = recover(tmp_path, force=True)
    assert (result.status, result.error) == ("interrupted", "")
    check_version_1(Run.open(tmp_path / "a.h5"), 8)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["entry"].attrs["schema_version"] == 2


def test_a_leftover_journal_beside_its_file_of_version_1_goes(tmp_path: Path) -> None:
    """Killed between the rename and the end of the journal, then labsyn was updated."""
    shutil.copy(FILES / "version-1.h5", tmp_path / "a.h5")
    shutil.copy(FILES / "version-1-journal.part", tmp_path / "a.h5.part")
    (result,) = recover(tmp_path, force=True)
    assert "exists and holds another run than its journal" in result.error

"""Files of version 1, as the first form of labsyn wrote them, stay readable."""

import shutil
from pathlib import Path

import numpy as np
import pytest

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

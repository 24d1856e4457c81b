"""Runs in the formats of others, read back by the libraries of others."""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymeasure.experiment.results import Results

from labsyn.data.errors import ConfigError, DataFileError, StorageError
from labsyn.data.exporters.formats import RUN_FORMATS, export_run
from labsyn.data.run import Column, Run, RunWriter

VALUES = np.array([0.1, 1 / 3, np.nan, -np.inf, 5e-324, 1.7976931348623157e308])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    with RunWriter.create(
        tmp_path / "a.h5",
        procedure="pulse_train",
        parameters={"pulse_width": 1e-3, "comment": "two\nlines, Ω"},
        parameter_units={"pulse_width": "s"},
        columns=(Column("x", "Ω", "Resistance"), Column("flags", "", "Flags")),
    ) as writer:
        writer.append_rows({"x": VALUES, "flags": np.array([0, 0, 0, 2, 128, 0])})
        writer.block("wave", np.ones((2, 3)), "V")
    return Run.open(tmp_path / "a.h5")


def test_pymeasure_reads_the_csv_to_the_last_digit(run: Run, tmp_path: Path) -> None:
    said = export_run(run, "csv", tmp_path / "a.csv")
    data = Results.load(str(tmp_path / "a.csv")).data
    assert list(data.columns) == ["x (Ω)", "flags (1)"]
    np.testing.assert_array_equal(data["x (Ω)"], VALUES)
    np.testing.assert_array_equal(data["flags (1)"], run["flags"])
    assert said == [
        "1 of 6 rows are flagged; they are kept, the column flags says so",
        "a table has no place for blocks (wave); netCDF keeps them",
    ]
    head = (tmp_path / "a.csv").read_text(encoding="utf-8").split("#Data:")[0].splitlines()
    assert "#\tpulse_width: 0.001 s" in head
    assert r"#	comment: two\nlines, \u03a9" in head
    assert f"#\tsha256: {run.sha256()}" in head
    assert "#\tprocedure: pulse_train" in head


def test_labsyn_imports_its_own_csv(run: Run, tmp_path: Path) -> None:
    export_run(run, "csv", tmp_path / "b.csv")
    imported = Run.open(tmp_path / "b.csv")
    assert imported.units["x"] == "Ω"
    assert run.sha256() in str(imported.metadata)  # what the header says is kept
    known = np.abs(VALUES) < 1e30  # beyond, nothing was measured
    np.testing.assert_array_equal(imported["x"], np.where(known, VALUES, np.nan))


def test_parquet_has_units_in_its_schema_and_the_frame_comes_back(
    run: Run, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    export_run(run, "parquet", tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), run.frame())
    assert pd.read_parquet(tmp_path / "a.parquet").attrs == run.frame().attrs
    schema = parquet.read_schema(tmp_path / "a.parquet")
    assert schema.field("x").metadata == {
        b"units": "Ω".encode(),
        b"long_name": b"Resistance",
    }
    said = json.loads(schema.metadata[b"labsyn"])
    assert json.loads(said["parameters"]) == run.parameters
    assert said["sha256"] == run.sha256()


def test_netcdf_holds_what_the_run_holds(run: Run, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    said = export_run(run, "netcdf", tmp_path / "a.nc")
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        xarray.testing.assert_equal(data, run.to_xarray())
        assert data["wave"].shape == (2, 3)
        assert data["x"].attrs["units"] == "Ω"
        assert data.attrs["sha256"] == run.sha256()
    assert len(said) == 1  # of the flagged row only


def test_a_zip_holds_the_run_its_sidecars_and_their_checksums(run: Run, tmp_path: Path) -> None:
    for name in ("a.fit.json", "a.tags.json", "a-curves.png", "ab.fit.json", "a.csv"):
        (tmp_path / name).write_text(name)
    export_run(run, "zip", tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = sorted(archive.namelist())
        sums = archive.read("a/SHA256SUMS").decode().splitlines()
        for line in sums:
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(f"a/{name}")).hexdigest() == digest
    packed = ["a-curves.png", "a.fit.json", "a.h5", "a.tags.json"]
    assert names == sorted(f"a/{name}" for name in [*packed, "SHA256SUMS"])
    assert sorted(line.split("  ")[1] for line in sums) == packed


def test_a_run_that_goes_on_is_not_packed(tmp_path: Path) -> None:
    writer = RunWriter.create(
        tmp_path / "a.h5", procedure="P", parameters={}, columns=[Column("x")]
    )
    with pytest.raises(DataFileError, match=r"is no finished run \(.h5\)"):
        export_run(Run.open(tmp_path / "a.h5"), "zip", tmp_path / "a.zip")
    writer.finish()


@pytest.mark.parametrize("format", RUN_FORMATS)
def test_nothing_is_written_over_unless_forced(run: Run, tmp_path: Path, format: str) -> None:
    path = tmp_path / "there"
    path.write_text("mine")
    with pytest.raises(ConfigError, match=r"there exists already; .*--force"):
        export_run(run, format, path)
    assert path.read_text() == "mine"
    export_run(run, format, path, force=True)
    assert path.read_bytes() != b"mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.h5", "there"]


def test_a_file_that_cannot_be_written_leaves_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        export_run(run, "csv", tmp_path / "file" / "a.csv")


@pytest.mark.parametrize(
    ("format", "package"),
    [("parquet", "pyarrow"), ("netcdf", "h5netcdf"), ("netcdf", "xarray")],
)
def test_a_missing_package_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataFileError, match=rf"{package}.*pip install 'labsyn\[export\]'"):
        export_run(run, format, tmp_path / "a")
    assert not (tmp_path / "a").exists()

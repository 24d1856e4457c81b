"""A run file as other libraries see it: each opens it and finds data, units and plot."""

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from labsyn.data.errors import DataFileError
from labsyn.data.run import Axis, Column, Run, RunWriter

TIME = np.array([0.0, 0.5, 1.0])
CONDUCTANCE = np.array([1e-6, 2e-6, np.nan])
WAVE = np.arange(10.0).reshape(2, 5)
ALONG = np.linspace(0, 1e-6, 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with RunWriter.create(
        tmp_path / "Überschrift 1.h5",
        procedure="pulse_train",
        parameters={"n_pulses": 3, "pulse_width": 1e-3},
        parameter_units={"pulse_width": "s"},
        columns=(
            Column("time", "s", "Time"),
            Column("conductance", "S", "Conductance"),
            Column("flags", "1", "Flags"),
        ),
        metadata={"sample": {"die": "D3"}, "seed": 7},
    ) as writer:
        writer.append_rows(
            {"time": TIME, "conductance": CONDUCTANCE, "flags": np.array([0, 128, 1])}
        )
        axes = [None, Axis("time", "s", "Time in the pulse", values=ALONG)]
        writer.block("wave", WAVE, "V", axes=axes, long_name="Terminal voltage")
        writer.block("raw", np.array([[1, 2, 3]], np.int16))
        writer.event("note", "contact?")
    return tmp_path / "Überschrift 1.h5"


def plain(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_h5web_and_nexpy_conventions_hold(path: Path) -> None:
    with h5py.File(path) as file:
        group: Any = file
        for expected in ("NXroot", "NXentry"):  # the chain of defaults leads to the plot
            assert plain(group.attrs["NX_class"]) == expected
            group = group[plain(group.attrs["default"])]
        plots = [group, file["entry/waveforms/wave"], file["entry/waveforms/raw"]]
        for plot in plots:
            assert plain(plot.attrs["NX_class"]) == "NXdata"
            signal = plot[plain(plot.attrs["signal"])]
            assert {"units", "long_name"} <= set(signal.attrs)
            axes = [plain(axis) for axis in plot.attrs["axes"]]
            assert len(axes) == signal.ndim
            for i, axis in enumerate(axes):
                if axis != ".":  # "." is NeXus' word for an axis without numbers
                    assert plot[axis].shape == (signal.shape[i],)
                    assert plot.attrs[f"{axis}_indices"] == i
        np.testing.assert_array_equal(file["entry/data/conductance"], CONDUCTANCE)
        assert file["entry/data/conductance"].attrs["units"] == "S"


def test_nexusformat_finds_the_default_plot(path: Path) -> None:
    nexus = pytest.importorskip("nexusformat.nexus")
    root = nexus.nxload(str(path))
    plotted = root.get_default()
    assert plotted.nxpath == "/entry/data"
    np.testing.assert_array_equal(plotted.nxsignal.nxdata, CONDUCTANCE)
    assert (plotted.nxsignal.nxname, plotted.nxsignal.units) == ("conductance", "S")
    (axis,) = plotted.nxaxes
    assert (axis.nxname, axis.units) == ("time", "s")
    wave = root["entry/waveforms/wave"]
    np.testing.assert_array_equal(wave.nxsignal.nxdata, WAVE)
    np.testing.assert_array_equal(wave.nxaxes[1].nxdata, ALONG)


def test_xarray_opens_the_file_itself(path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(path, engine="h5netcdf", group="entry/data") as data:
        assert dict(data.sizes) == {"time": 3}
        np.testing.assert_array_equal(data["conductance"], CONDUCTANCE)
        np.testing.assert_array_equal(data["time"], TIME)
        assert data["conductance"].attrs["units"] == "S"
        assert data["time"].attrs["units"] == "s"
        assert data["flags"].attrs["flag_meanings"].split()[0] == "compliance"
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        wave = tree["entry/waveforms/wave/values"]
        assert wave.dims == ("dim_0", "time")
        np.testing.assert_array_equal(wave["time"], ALONG)
        assert wave.attrs["units"] == "V"
        assert tree["entry/waveforms/raw/values"].shape == (1, 3)
        assert "contact?" in tree["entry/events/text"].values


def test_to_xarray_holds_everything_and_survives_netcdf(path: Path, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    run = Run.open(path)
    data = run.to_xarray()
    assert list(data.coords) == ["time", "wave_time"]
    np.testing.assert_array_equal(data["conductance"], CONDUCTANCE)
    assert data["conductance"].dims == ("time",)
    assert data["conductance"].attrs == {"units": "S", "long_name": "Conductance"}
    assert data["wave"].dims == ("wave_dim_0", "wave_time")
    np.testing.assert_array_equal(data["wave"], WAVE)
    np.testing.assert_array_equal(data["wave_time"], ALONG)
    assert data["wave_time"].attrs == {"units": "s", "long_name": "Time in the pulse"}
    assert data["wave"].attrs["row"] == 3
    assert data["raw"].dtype == np.int16
    assert json.loads(data.attrs["parameters"]) == run.parameters
    assert json.loads(data.attrs["metadata"]) == run.metadata
    assert json.loads(data.attrs["provenance"]) == run.provenance
    assert json.loads(data.attrs["events"])[-1]["text"] == "contact?"
    assert (data.attrs["procedure"], data.attrs["status"]) == ("pulse_train", "finished")
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as again:
        xarray.testing.assert_identical(again.load(), data)


def test_a_block_called_as_a_column_is_kept_beside_it(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    with RunWriter.create(
        tmp_path / "a.h5", procedure="P", parameters={}, columns=[Column("x", "V")]
    ) as writer:
        writer.append((1.0,))
        writer.block("x", WAVE, "A")
    data = Run.open(tmp_path / "a.h5").to_xarray()
    assert data["x"].dims == ("row",)
    assert data["x_block"].shape == (2, 5)


def test_the_frame_keeps_units_in_parquet(path: Path, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    table = Run.open(path).frame()
    assert table.attrs["units"] == {"time": "s", "conductance": "S", "flags": "1"}
    assert table.attrs["long_names"]["conductance"] == "Conductance"
    assert table.attrs["run"]["path"] == str(path)
    assert table[table["flags"] == 0].attrs["units"] == table.attrs["units"]
    pytest.importorskip("pyarrow")
    table.to_parquet(tmp_path / "a.parquet")
    again = pd.read_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(again, table)
    assert again.attrs == table.attrs


def test_without_xarray_one_sentence_says_how_to_get_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(DataFileError, match=r"needs xarray.*pip install 'labsyn\[export\]'"):
        Run.open(path).to_xarray()

import random
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from labsyn.data.errors import DataFileError
from labsyn.data.flags import Flag
from labsyn.data.run import Column, Run, RunWriter


def make(path: Path, **changes: Any) -> Path:
    arguments: dict[str, Any] = {
        "procedure": "PulseTrain",
        "parameters": {"pulse_voltage": -1.5, "n_pulses": 3, "mode": "x", "a/b": 1, "l": [1]},
        "parameter_units": {"pulse_voltage": "V"},
        "columns": [
            Column("time", "s", "Time"),
            Column("conductance", "S", "Conductance"),
            Column("flags", "", "Flags"),
        ],
        "metadata": {
            "sample": {"name": "die 3", "temperature": 295.0, "stack": ["Au", "LixCoO2"]},
            "instruments": {"smu": {"idn": "Agilent", "channels": [1, 2]}, "note": "none"},
        },
    }
    writer = RunWriter.create(path, **arguments | changes)
    for i in range(5):
        writer.append([float(i)] * len(writer.columns))
    writer.event("info", "started")
    return writer.finish()


def text(dataset: Any) -> str:
    return dataset[()].decode()


def test_the_file_is_laid_out_as_nexus(tmp_path: Path) -> None:
    with h5py.File(make(tmp_path / "a.h5"), "r") as file:
        assert file.attrs["NX_class"] == "NXroot"
        entry = file[file.attrs["default"]]
        assert entry.attrs["NX_class"] == "NXentry"
        assert text(entry["definition"]) == "labsyn_run"
        assert entry["definition"].attrs["version"] == "2"
        assert text(entry["title"]) == "PulseTrain"
        assert text(entry["status"]) == "finished"
        assert text(entry["start_time"])[-6] in "+-"
        classes = {name: group.attrs.get("NX_class") for name, group in entry.items()}
        assert classes["data"] == "NXdata"
        assert classes["sample"] == "NXsample"
        assert classes["instrument"] == "NXinstrument"
        assert classes["process"] == "NXprocess"
        assert text(entry["process/program"]) == "labsyn"
        assert entry["sample/temperature"][()] == 295.0
        assert entry["sample/temperature"].attrs["units"] == "K"
        assert text(entry["sample/stack"]) == '["Au", "LixCoO2"]'
        assert text(entry["instrument/smu/idn"]) == "Agilent"
        assert text(entry["instrument/note"]) == "none"
        assert entry["parameters/pulse_voltage"][()] == -1.5
        assert entry["parameters/pulse_voltage"].attrs["units"] == "V"
        assert entry["events/text"][-1] == b"started"
        assert entry["events/kind"][-1] == b"info"


def test_the_default_plot_is_declared(tmp_path: Path) -> None:
    with h5py.File(make(tmp_path / "a.h5"), "r") as file:
        data = file["entry/data"]
        assert (data.attrs["signal"], list(data.attrs["axes"])) == ("conductance", ["time"])
        assert data.attrs["time_indices"] == 0
        assert data["conductance"].attrs["units"] == "S"
        assert data["conductance"].attrs["long_name"] == "Conductance"
        assert data["time"].is_scale
        assert data["conductance"].dims[0][0] == data["time"]
        np.testing.assert_array_equal(data["conductance"], np.arange(5.0))


@pytest.mark.parametrize(
    ("names", "plot", "expected"),
    [
        (["voltage", "current"], None, ("current", ["voltage"])),
        (["cycle", "x", "y"], None, ("y", ["x"])),
        (["x", "y"], ("x", "y"), ("x", ["y"])),
        (["x"], None, ("x", ["."])),
    ],
)
def test_signal_and_axis_are_chosen_by_rule_or_by_the_user(
    tmp_path: Path, names: list[str], plot: Any, expected: Any
) -> None:
    columns = [Column(name) for name in names]
    with h5py.File(make(tmp_path / "a.h5", columns=columns, plot=plot), "r") as file:
        data = file["entry/data"]
        assert (data.attrs["signal"], list(data.attrs["axes"])) == expected


def test_flags_follow_the_cf_conventions(tmp_path: Path) -> None:
    with h5py.File(make(tmp_path / "a.h5"), "r") as file:
        flags = file["entry/data/flags"]
        assert flags.dtype == np.uint32
        meanings = dict(
            zip(
                flags.attrs["flag_meanings"].split(),
                flags.attrs["flag_masks"].tolist(),
                strict=True,
            )
        )
    assert meanings["compliance"] == Flag.COMPLIANCE
    assert meanings["simulated"] == Flag.SIMULATED
    assert len(meanings) == len(Flag)


def test_any_other_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_text("Voltage,Current\n")
    with pytest.raises(DataFileError, match=r"a\.h5 is damaged, or no HDF5 file"):
        Run.open(path)
    path.write_bytes(b"")
    with pytest.raises(DataFileError, match="is damaged, or no HDF5 file"):
        Run.open(path)
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2]
    with pytest.raises(DataFileError, match="is an HDF5 file, but no run of labsyn"):
        Run.open(path)


def test_a_newer_file_is_refused_with_its_version(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["entry"].attrs["schema_version"] = 3
    with pytest.raises(DataFileError, match=r"run file version 3, this labsyn reads up to 2"):
        Run.open(path)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["entry/data/conductance"][2] = 9.0
    run = Run.open(path)
    assert run["time"].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(DataFileError, match=r"damaged: the checksum of column 'conductance'"):
        run["conductance"]
    with h5py.File(path, "r+") as file:
        text = file["entry/config/metadata"][()].decode()
        del file["entry/config/metadata"]
        file["entry/config/metadata"] = np.bytes_(text.replace("die 3", "die 4"))
    with pytest.raises(DataFileError, match="was changed or damaged: its checksum"):
        Run.open(path)


def test_columns_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["entry"].attrs["n_rows"] = 6
    with pytest.raises(DataFileError, match=r"is damaged: 'data/time' has not 6 values"):
        Run.open(path)
    with h5py.File(path, "r+") as file:
        file["entry"].attrs["n_rows"] = 10**15
    with pytest.raises(DataFileError, match=r"1000000000000000 rows do not fit into"):
        Run.open(path)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5")
    data = path.read_bytes()
    cut = tmp_path / "cut.h5"
    for length in range(0, len(data) - 1, 211):
        cut.write_bytes(data[:length])
        with pytest.raises(DataFileError, match=r"cut\.h5"):
            Run.open(cut)


def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5")
    whole, data = Run.open(path), path.read_bytes()
    rng = random.Random(5)
    flip = tmp_path / "flip.h5"
    refused = 0
    for _ in range(300):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        flip.write_bytes(flipped)
        try:
            run = Run.open(flip)
            dict(run.columns)
        except DataFileError:
            refused += 1
            continue
        assert run.frame().equals(whole.frame())
        assert (run.metadata, run.events) == (whole.metadata, whole.events)
        assert (run.parameters, run.status) == (whole.parameters, whole.status)
    assert refused > 20

"""An imported file as a run: opened, kept, fitted, and where it came from."""

import hashlib
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from labsyn.analysis.characterise import characterise
from labsyn.data.catalogue import Catalogue
from labsyn.data.curves import load_curves
from labsyn.data.errors import ConfigError, DataFileError, ImportFormatError
from labsyn.data.importers.options import ColumnRule, ImportOptions
from labsyn.data.importers.reading import group, import_files
from labsyn.data.importers.store import save_run
from labsyn.data.run import Run

MEASURED = os.environ.get("LABSYN_MEASURED", "")
needs_measured = pytest.mark.skipif(
    not MEASURED, reason="LABSYN_MEASURED does not name the folder of measured files"
)
TEXT = "V (mV),conductance\n1000,2\n2000,9.91E+37\n"


def write(path: Path, text: str = TEXT) -> Path:
    path.write_text(text)
    return path


def test_a_file_of_others_opens_as_a_run(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    run = Run.open(path, unit="uS")
    assert (run.path, run.status, run.procedure) == (path, "finished", "import:table")
    np.testing.assert_array_equal(run["V"], [1, 2])
    np.testing.assert_array_equal(run["conductance"], [2e-6, np.nan])
    np.testing.assert_array_equal(run["flags"], [0, 2])
    assert run["flags"].dtype == np.int64
    assert run.mask().tolist() == [True, False]
    assert run.units == {"V": "V", "conductance": "S", "flags": "1"}
    assert list(tmp_path.iterdir()) == [path]  # nothing is written


def test_a_kept_import_is_the_run_that_was_opened_and_says_where_it_came_from(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.csv")
    rules = (ColumnRule("conductance", "#2", "uS"),)
    opened = Run.open(path, format="table", options=ImportOptions(columns=rules))
    imported = import_files([path], "table", ImportOptions(columns=rules))
    kept = Run.open(save_run(imported, tmp_path / "runs")[0])
    assert kept.path == tmp_path / "runs" / "a.h5"
    assert kept.units == opened.units
    for name in opened.columns:
        np.testing.assert_array_equal(kept[name], opened[name])
    told = kept.metadata["import"]
    assert told["format"] == "table"
    assert told["files"] == [
        {"name": "a.csv", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    ]
    assert told["stated"] == {
        "columns": [{"name": "conductance", "heading": "#2", "unit": "uS"}]
    }
    assert told["report"]["columns"][1]["unit_from"] == "stated by the user"
    assert [event["text"] for event in kept.events] == told["report"]["warnings"]
    (entry,) = Catalogue(tmp_path / "runs").entries
    assert (entry.procedure, entry.n_rows) == ("import:table", 2)


def test_importing_again_does_no_harm(tmp_path: Path) -> None:
    def keep(text: str, unit: str) -> tuple[str, bool]:
        path = write(tmp_path / "a.csv", text)
        saved, written = save_run(
            import_files([path], None, ImportOptions(unit=unit)), tmp_path
        )
        return saved.name, written

    assert keep(TEXT, "uS") == ("a.h5", True)
    before = (tmp_path / "a.h5").read_bytes()
    assert keep(TEXT, "uS") == ("a.h5", False)
    assert keep(TEXT, "mS") == ("a-2.h5", True)  # decided otherwise
    assert keep(TEXT + "1,1\n", "uS") == ("a-3.h5", True)  # another file of that name
    assert keep(TEXT, "mS") == ("a-2.h5", False)
    assert (tmp_path / "a.h5").read_bytes() == before
    (tmp_path / "a-2.h5").write_bytes(b"damaged")
    assert keep(TEXT, "mS") == ("a-4.h5", True)
    assert (tmp_path / "a-2.h5").read_bytes() == b"damaged"


def test_nothing_is_stated_of_a_run(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    saved, _ = save_run(import_files([path], None, ImportOptions(unit="uS")), tmp_path)
    with pytest.raises(DataFileError, match=r"a\.h5 is a run, which states its units"):
        Run.open(saved, unit="uS")
    with pytest.raises(
        ConfigError, match=r"a\.h5 is a run, which needs nothing stated: .*sheet"
    ):
        load_curves([saved], options=ImportOptions(sheet="x"))
    with pytest.raises(ConfigError, match=r"unit='S' and options\.unit='uS': state one"):
        Run.open(path, unit="S", options=ImportOptions(unit="uS"))


def test_ramps_of_one_folder_are_one_measurement(tmp_path: Path) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths += [
            write(tmp_path / folder / f"{n}.csv", "rmp1\n1\n2\n") for n in ("set", "reset")
        ]
    bad = write(tmp_path / "bad.csv", "prose\n")
    groups, failed = group([*paths, bad], None, ImportOptions())
    assert [[source.path for source in sources] for sources, _ in groups] == [
        paths[:2], paths[2:],
    ]  # fmt: skip
    assert list(failed) == [bad]


def test_a_table_with_a_branch_rule_is_fitted(tmp_path: Path) -> None:
    steps = np.arange(20)
    up = 1 + 9 * (1 - np.exp(-(steps + 1) / 8))
    rows = ["0,1"] + [f"1,{g}" for g in up] + [f"-1,{11 - g}" for g in up]
    path = write(tmp_path / "a.csv", "Vp (V),G (uS)\n" + "\n".join(rows) + "\n")
    options = ImportOptions(columns=(ColumnRule("conductance", "G"),), branch="sign:Vp")
    curves = load_curves([path], options=options)
    np.testing.assert_allclose(curves.potentiation[0], 1e-6 * np.array([1, *up]))
    np.testing.assert_allclose(curves.depression[0][1:], 1e-6 * (11 - up))
    assert curves.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "branch: positive Vp potentiates, as stated" in curves.notes
    assert characterise(curves).potentiation.exponential.beta.value > 1
    with pytest.raises(
        DataFileError, match=r"is fitted once it has conductance and branch; it has Vp, G"
    ):
        load_curves([path])


def test_a_store_of_arc_two_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    kinds = [(name, "<f4") for name in ("current", "voltage", "pulse_width", "read_voltage")]
    rows = np.zeros(3, dtype=[*kinds, ("op_type", "<u4")])
    path = tmp_path / "a.h5"

    def refused(message: str, fill: object) -> None:
        with h5py.File(path, "w") as file:
            file.attrs.update(H5DS_VERSION_MAJOR=0, H5DS_VERSION_MINOR=2)
            fill(file)  # type: ignore[operator]
        with pytest.raises(DataFileError, match=message):
            Run.open(path)

    def crosspoints(file: h5py.File) -> None:
        file["crosspoints"] = h5py.ExternalLink("b.h5", "/crosspoints")

    def point(file: h5py.File) -> None:
        file.create_group("crosspoints")["W01B01"] = h5py.ExternalLink("b.h5", "/x")

    def series(file: h5py.File) -> None:
        file.create_group("crosspoints/W01B01")["timeseries"] = h5py.SoftLink("/x")

    def texts(file: h5py.File) -> None:
        file["crosspoints/W01B01/timeseries"] = rows.astype(
            [(n, "S9") for n in rows.dtype.names or ()]
        )

    def flat(file: h5py.File) -> None:
        file["crosspoints/W01B01/timeseries"] = rows[:, None]

    def chunk(file: h5py.File) -> None:
        file.create_dataset("crosspoints/W01B01/timeseries", (1 << 23,), rows.dtype,
                            chunks=(1 << 23,)).attrs["NROWS"] = 1  # fmt: skip

    refused(r"'crosspoints' is a link to elsewhere", crosspoints)
    refused(r"'W01B01' is a link to elsewhere", point)
    refused(r"'timeseries' is a link to elsewhere", series)
    refused(r"timeseries has no numbers 'current'", texts)
    refused(r"timeseries has 2 dimensions; a history has one", flat)
    refused(r"timeseries' unpacks to 167772160 bytes at once", chunk)


@needs_measured
def test_the_genuine_tables_of_crosssim(tmp_path: Path) -> None:
    folder = Path(MEASURED) / "crosssim" / "ENODe"
    paths = [folder / f"dG_{name}.txt" for name in ("increasing", "decreasing")]
    imported = import_files(paths)
    oracles = [np.loadtxt(path, delimiter=",", skiprows=3) for path in paths]
    np.testing.assert_array_equal(
        imported["delta_conductance"], np.concatenate([oracle.ravel() for oracle in oracles])
    )
    bins = np.loadtxt(paths[0], delimiter=",", skiprows=1, max_rows=1)
    np.testing.assert_array_equal(np.unique(imported["conductance"]), bins)


@needs_measured
def test_the_genuine_ramps_survive_being_kept(tmp_path: Path) -> None:
    paths = [Path(MEASURED) / "crosssim" / f"{name}.csv" for name in ("set", "reset")]
    direct = load_curves(paths)
    saved, _ = save_run(import_files(paths), tmp_path)
    kept = load_curves([saved])
    for one, other in zip(
        direct.potentiation + direct.depression,
        kept.potentiation + kept.depression,
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"no\.csv does not exist"):
        Run.open(tmp_path / "no.csv")
    with pytest.raises(ImportFormatError, match=r"a\.csv is empty"):
        Run.open(write(tmp_path / "a.csv", ""))

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.curves import PulseCurves, load_curves
from labsyn.data.errors import ConfigError, DataFileError, ImportFormatError
from labsyn.data.importers.options import ImportOptions

MEASURED = os.environ.get("LABSYN_MEASURED", "")
needs_measured = pytest.mark.skipif(
    not MEASURED, reason="LABSYN_MEASURED does not name the folder of measured files"
)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def import_curves(
    paths: list[Path], unit: str | None = None, branch: str | None = None
) -> PulseCurves:
    return load_curves(paths, unit, options=ImportOptions(branch=branch))


def lists(curves: list[np.ndarray]) -> list[list[float]]:
    return [curve.tolist() for curve in curves]


def test_two_columns_are_up_and_down(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "-0.5,0.75\n0,0.25\n0.5,-0.25\n")
    curves = import_curves([path], "1")
    assert lists(curves.potentiation) == [[-0.5, 0.0, 0.5]]
    assert lists(curves.depression) == [[0.75, 0.25, -0.25]]
    assert (curves.unit, curves.source) == ("1", str(path))
    assert curves.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert curves.notes[0] == "column 1 is potentiation, column 2 depression"
    assert "before or after the first pulse" in curves.notes[1]
    assert len(curves.notes) == 2


@pytest.mark.parametrize(
    ("unit", "factor"), [("S", 1.0), ("mS", 1e-3), ("uS", 1e-6), ("nS", 1e-9), ("1/ohm", 1.0)]
)
def test_conductances_come_in_siemens(tmp_path: Path, unit: str, factor: float) -> None:
    curves = import_curves([write(tmp_path / "a.csv", "1,2\n2,1\n")], unit)
    assert lists(curves.potentiation) == [[factor, 2 * factor]]
    assert curves.unit == "S"


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf1,2\r\n2,1\r\n",
        b'"1","2"\n"2","1"\n',
        b'"1\n","2"\n2,1',
        b"\n1,2,\n2,1,\n,,\n\n",
        b" 1 , 2 \r2,1\r",
    ],
)
def test_forms_of_csv_that_mean_the_same(tmp_path: Path, text: bytes) -> None:
    curves = import_curves([write(tmp_path / "a.csv", text)], "1")
    assert lists(curves.potentiation + curves.depression) == [[1.0, 2.0], [2.0, 1.0]]


def test_what_was_not_measured_keeps_its_place_and_is_noted(tmp_path: Path) -> None:
    curves = import_curves(
        [write(tmp_path / "a.csv", "1,3\n9.91E+37,nan\n3,-inf\n4,0\n")], "uS"
    )
    np.testing.assert_array_equal(curves.potentiation[0], [1e-6, np.nan, 3e-6, 4e-6])
    np.testing.assert_array_equal(curves.depression[0], [3e-6, np.nan, np.nan, 0])
    assert curves.notes[2:] == [
        "conductance: 1 of 8 values were not measured (empty or NaN)",
        (
            "conductance: 2 values out of range (inf in row 2, -inf in row 7): NaN, with the "
            "flag overflow"
        ),
        "2 of 8 rows left out: overflow",
        "1 of 8 rows left out: the conductance is no number",
    ]


@pytest.mark.parametrize(
    "text",
    ["1,5;3\n2,5;2\n", "1.5\t3\n2.5\t2\n", "1,5\t3\n2,5\t2,0\n", " 1.5  3.0\n 2.5 2e0\n"],
)
def test_dialects_that_mean_the_same(tmp_path: Path, text: str) -> None:
    curves = import_curves([write(tmp_path / "a.csv", text)], "1")
    assert lists(curves.potentiation + curves.depression) == [[1.5, 2.5], [3.0, 2.0]]


def test_branches_may_differ_in_length(tmp_path: Path) -> None:
    curves = import_curves([write(tmp_path / "a.csv", "1,3\n2,2\n3,\n")], "1")
    assert lists(curves.potentiation + curves.depression) == [[1, 2, 3], [3, 2]]


def test_crosssim_columns_are_ramps(tmp_path: Path) -> None:
    up = write(tmp_path / "set.csv", "rmp1,rmp2\n1e-4,1.1e-4\n2e-4,2.1e-4\n,3.1e-4\n")
    down = write(tmp_path / "reset.csv", 'rmp1,"rmp2",rmp3\n3e-4,4e-4,\n1e-4,2e-4,\n')
    for paths, branch in (
        ([down, up], None),
        ([up, down], "potentiation,depression"),
    ):
        curves = import_curves(paths, branch=branch)
        assert lists(curves.potentiation) == [[1e-4, 2e-4], [1.1e-4, 2.1e-4, 3.1e-4]]
        assert lists(curves.depression) == [[3e-4, 1e-4], [4e-4, 2e-4]]
        assert curves.unit == "S"
        assert "reset.csv: 1 of 3 ramps are empty" in curves.notes
        assert ("by their names" in " ".join(curves.notes)) is (branch is None)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("LTP,LTD\n1,3\n2,2\n", "1"), ("Depression [uS];Potentiation [uS]\n3;1\n2;2\n", None)],
)
def test_headings_may_name_the_branches(tmp_path: Path, text: str, unit: str | None) -> None:
    curves = import_curves([write(tmp_path / "a.csv", text)], unit)
    scale = 1.0 if unit else 1e-6
    assert lists(curves.potentiation) == [[scale, 2 * scale]]
    assert lists(curves.depression) == [[3 * scale, 2 * scale]]
    assert curves.notes[0].startswith("by their headings, column ")


def test_one_crosssim_file_is_one_branch(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "rmp1\n2\n1\n")
    curves = import_curves([path], "uS", branch="depression")
    assert lists(curves.depression) == [[2e-6, 1e-6]]
    assert curves.potentiation == []


def test_a_branch_the_wrong_way_is_noted_and_kept(tmp_path: Path) -> None:
    curves = import_curves([write(tmp_path / "a.csv", "3,1\n2,2\n1,3\n")], "1")
    assert lists(curves.potentiation) == [[3, 2, 1]]
    notes = [note for note in curves.notes if "exchanged" in note]
    assert notes == [
        "potentiation falls overall in 1 of 1 cycles: are the branches exchanged?",
        (
            "depression rises overall in 1 of 1 cycles: are the branches exchanged, or is it "
            "stored mirrored (--mirrored)?"
        ),
    ]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("1,2\n2,1\n", {}, r"could be two-column .* or state --unit \(1, "),
        ("1,2\n2,abc\n", {"unit": "1"}, r"a\.csv, line 2, column 2: 'abc' is no number"),
        ('"1\n",2\nx,1\n', {"unit": "1"}, r"line 3, column 1: 'x' is no number"),
        ("up,down\n1,2\n", {}, r"does not state its unit; say which with --unit"),
        ("up,down\n1,2\nx,2\n", {"unit": "1"}, r"line 3, column 1: 'x' is no number"),
        ("up [S],down [S]\n1,2\n", {"unit": "1"}, r"line 1: the headings state their unit; l"),
        ("up [S],down [uS]\n1,2\n", {}, r"line 1: the headings state two units"),
        ("a,b\n1,2\n", {"unit": "1"}, r"does not state the unit of 'a' \(column 1\), 'b'"),
        ("1,2\n2_0,1\n", {"unit": "1"}, r"line 2, column 1: '2_0' is no number"),
        ("1;2\n2;1.5\n1,5;3\n", {"unit": "1"}, r"'1.5' is no number with ',' before its deci"),
        ("1,2\n,1\n3,0\n", {"unit": "1"}, r"line 2, column 1: an empty cell in the middle"),
        ("1,2,3\n", {"unit": "1"}, r"does not state the unit of '1' \(column 1\), '2'"),
        ("1\n2\n", {"unit": "1"}, r"does not state the unit of '1' \(column 1\);"),
        ("\n\n", {"unit": "1"}, r"a\.csv is empty: it holds no row"),
        (b"\x89HDF\r\n", {"unit": "1"}, r"byte 0 is no text \(UTF-8\)"),
        ('1,"2"x\n', {"unit": "1"}, r"a\.csv, line 1: "),
        (
            "1,2\n",
            {"unit": "1", "branch": "depression"},
            r"of two columns.* has no use for 'branch'",
        ),
        ("rmp1\n1\n", {}, r"does not say which branch it holds; state --branch pot"),
        ("rmp1\n1\n", {"branch": "up"}, r"branch is 'up', it must be 'potentiation' or"),
        (
            "rmp1\n1\n",
            {"branch": "depression,depression"},
            r"2 branches are stated for 1 files",
        ),
        ("rmp1\n1,2\n", {"branch": "depression"}, r"1 headings, but 2 columns of numbers"),
        ("rmp1,rmp2\n,\n", {"branch": "depression"}, r"2 headings, but 0 columns"),
    ],
)
def test_what_breaks_the_format_is_refused(
    tmp_path: Path, text: str | bytes, options: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "a.csv", text)
    with pytest.raises((ImportFormatError, ConfigError), match=message):
        import_curves([path], **options)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    ramps = write(tmp_path / "set.csv", "rmp1\n1\n")
    columns = write(tmp_path / "a.csv", "1,2\n")
    with pytest.raises(ImportFormatError, match=r"a\.csv has no CrossSim header"):
        import_curves([ramps, columns], "1")
    with pytest.raises(ConfigError, match=r"is imported one file at a time"):
        import_curves([columns, columns], "1")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"no\.csv does not exist"):
        import_curves([tmp_path / "no.csv"])
    with pytest.raises(DataFileError, match="cannot be read"):
        import_curves([tmp_path])
    with pytest.raises(ConfigError, match="no file was given"):
        import_curves([])


@needs_measured
def test_the_reram_pulses_of_gong_and_others() -> None:
    path = Path(MEASURED) / "gong2018_reram_pulses.csv"
    curves = import_curves([path], "1")
    oracle = np.loadtxt(path, delimiter=",")
    np.testing.assert_array_equal(curves.potentiation[0], oracle[:, 0])
    np.testing.assert_array_equal(curves.depression[0], oracle[:, 1])
    assert oracle.shape == (1000, 2)
    assert not any("exchanged" in note for note in curves.notes)


@needs_measured
def test_the_taox_ramps_of_crosssim() -> None:
    folder = Path(MEASURED) / "crosssim"
    curves = import_curves([folder / "set.csv", folder / "reset.csv"])
    for name, ramps in (("set", curves.potentiation), ("reset", curves.depression)):
        oracle = np.genfromtxt(folder / f"{name}.csv", delimiter=",", skip_header=1).T
        assert len(ramps) == oracle.shape[0]
        for ramp, column in zip(ramps, oracle, strict=True):
            np.testing.assert_array_equal(ramp, column[np.isfinite(column)])
    assert not any("exchanged" in note for note in curves.notes)

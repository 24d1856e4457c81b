"""Files of instruments, made from their grammar."""

import gzip
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from labsyn.data.errors import ConfigError, ImportFormatError
from labsyn.data.importers.options import ColumnRule, ImportOptions
from labsyn.data.importers.reading import import_files
from labsyn.data.importers.result import Imported

MEASURED = os.environ.get("LABSYN_MEASURED", "")
needs_measured = pytest.mark.skipif(
    not MEASURED, reason="LABSYN_MEASURED does not name the folder of measured files"
)


def read(path: Path, text: str | bytes | None = None, **options: Any) -> Imported:
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    chosen = options.pop("format", None)
    return import_files([path], chosen, ImportOptions(**options))


def keywords(names: str, rows: list[str], size: tuple[int, int], title: str = "IV") -> str:
    return "\r\n".join(
        [
            "",
            f"SetupTitle, {title}",
            "PrimitiveTest, I/V Sweep",
            "TestParameter, Channel.IName, Id, Is",
            "TestParameter, Channel.VName, Vd, Vs",
            "TestParameter, Channel.Time, Time",
            "TestParameter, Channel.Func, VAR1, VAR2",
            'TestParameter, Remarks, "two\r\nlines, quoted"',
            "MetaData, TestRecord.RecordTime, 12/04/2022 08:42:23",
            "AnalysisSetup, Analysis.Setup.Title, IV",
            f"Dimension1, {size[0]}, {size[0]}",
            f"Dimension2, {size[1]}, {size[1]}",
            f"DataName, {names}",
            *(f"DataValue, {row}" for row in rows),
            "",
        ]
    )


def test_easyexpert_by_keywords(tmp_path: Path) -> None:
    text = keywords(
        "Vd, Id, Time", ["0, 1E-9, 0.1", "0.1, , 0.2", "0.2, 199.999E+99, 0.3"], (3, 1)
    )
    for data in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        imported = read(tmp_path / "a.csv", data)
        assert imported.format == "easyexpert"
        assert [(c.name, c.unit, c.unit_from) for c in imported.columns][:3] == [
            ("Vd", "V", "Channel.VName"), ("Id", "A", "Channel.IName"),
            ("Time", "s", "Channel.Time"),
        ]  # fmt: skip
        np.testing.assert_array_equal(imported["Id"], [1e-9, np.nan, np.nan])
        np.testing.assert_array_equal(imported["flags"], [0, 0, 2])
        assert "199.999E+99 in line 17" in imported.report.warnings[0]
    settings = imported.metadata["tests"][0]["settings"]
    assert settings["Remarks"] == ["two\r\nlines, quoted"]
    assert settings["TestRecord.RecordTime"] == ["12/04/2022 08:42:23"]


def test_easyexpert_in_append_mode_with_steps_and_an_aborted_test(tmp_path: Path) -> None:
    first = keywords("Vd, Id", [f"{v}, 1E-9" for v in (0, 1, 0, 1)], (2, 2), "steps")
    second = keywords("Vd, Is", ["5, 2E-9"], (2, 2), "aborted")
    imported = read(tmp_path / "a.csv", first + second)
    np.testing.assert_array_equal(imported["test"], [1, 1, 1, 1, 2])
    np.testing.assert_array_equal(imported["sweep"], [1, 1, 2, 2, 1])
    np.testing.assert_array_equal(imported["Id"], [1e-9] * 4 + [np.nan])
    np.testing.assert_array_equal(imported["Is"], [np.nan] * 4 + [2e-9])
    assert imported.report.warnings == [
        "test 2 (aborted): 1 of 4 planned points: it was aborted"
    ]
    assert imported.report.found["tests"] == 2


def test_a_user_function_of_easyexpert_has_no_unit(tmp_path: Path) -> None:
    text = keywords("Vd, Id, gm", ["0, 1, 2"], (1, 1))
    with pytest.raises(
        ImportFormatError, match=r"does not state the unit of 'gm' \(column 3\)"
    ):
        read(tmp_path / "a.csv", text)
    imported = read(tmp_path / "a.csv", text, columns=(ColumnRule("gm", "gm", "S"),))
    assert imported.columns[2].unit == "S"


def test_easyexpert_with_a_setup_title(tmp_path: Path) -> None:
    test = (
        'Setup title,a,b\nClassic test name,"I/V Sweep"\nChannel.IName,Id\nChannel.VName,Vd\n'
        "Channel.Func,VAR1,VAR2\nAutoAnalysis.Marker.Data.StartCondition,\nVd,Id\n"
    )
    imported = read(tmp_path / "a.csv", test + "0,1E-9\n1,\n" + test + "2,3E-9\n")
    np.testing.assert_array_equal(imported["Vd"], [0, 1, 2])
    np.testing.assert_array_equal(imported["test"], [1, 1, 2])
    np.testing.assert_array_equal(imported["Id"], [1e-9, np.nan, 3e-9])
    assert imported.metadata["tests"][0]["title"] == "a, b"
    assert "does not say how long the steps of VAR2 are" in imported.report.warnings[0]


def test_easyexpert_plain_is_a_table_whose_units_are_stated(tmp_path: Path) -> None:
    text = "VG, ID, grad\n0.3, -1.9E-13, 0\n0.28, 2.0E-14, \n"
    rules = tuple(ColumnRule.parse(rule) for rule in ("VG:V", "ID:A", "grad:S"))
    imported = read(tmp_path / "a.csv", text, columns=rules)
    assert (imported.format, [c.unit for c in imported.columns]) == ("table", ["V", "A", "S"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SetupTitle, a\nDataValue, 1\n", r"line 2: DataValue before DataName"),
        ("SetupTitle, a\nNonsense, 1\n", r"line 2: 'Nonsense' is no keyword of EasyEXPERT"),
        ("SetupTitle, a\n", r"line 1: a test without the names of its data \(DataName\)"),
        ("Setup title,a\nCount,1\n", r"line 1: a test without the names .*StartCondition"),
        (
            "SetupTitle, a\nDataName, V, V\n",
            r"line 2: names of the data: 'V' is empty or named",
        ),
        ("SetupTitle, a\nDataName, V\nDataValue, 1, 2\n", r"line 3: 2 values under 1 headings"),
        (
            (
                "TestParameter, Channel.VName, a\nDataName, a\nDataValue, 1\n"
                "TestParameter, Channel.IName, a\nDataName, a\nDataValue, 1\n"
            ),
            r"line 4: 'a' is in A here, in V in one before",
        ),
    ],
)
def test_a_broken_file_of_easyexpert_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ImportFormatError, match=message):
        read(tmp_path / "a.csv", text)


@needs_measured
def test_a_genuine_file_of_easyexpert() -> None:
    path = Path(MEASURED) / "easyexpert_iv_sweep.csv"
    imported = read(path)
    rows = [line for line in path.read_text().splitlines() if line.startswith("DataValue")]
    oracle = np.array([[float(x) for x in row.split(",")[1:]] for row in rows])
    assert oracle.shape == (201, 2)
    for i, (name, unit) in enumerate((("DrainV", "V"), ("DrainI", "A"))):
        np.testing.assert_array_equal(imported[name], oracle[:, i])
        assert imported.columns[i].unit == unit
    assert imported.report.warnings == []


def test_a_waveform_of_an_oscilloscope(tmp_path: Path) -> None:
    text = "x-axis,1,2\nsecond,Volt,Ampere\n-84.48E-06,0.0E+00,4.70E-03\n0,1,2\n"
    imported = read(tmp_path / "a.csv", text)
    assert [(c.name, c.unit) for c in imported.columns] == [
        ("time", "s"), ("channel_1", "V"), ("channel_2", "A"),
    ]  # fmt: skip
    np.testing.assert_array_equal(imported["time"], [-84.48e-6, 0])
    with pytest.raises(ImportFormatError, match=r"line 2: 'second' are no units of 'x-axis,1'"):
        read(tmp_path / "a.csv", "x-axis,1\nsecond\n1,2\n")


def arc_one(rows: list[str]) -> str:
    head = (
        'my "session\nWed Nov 25 2026\nWordline,Bitline,Resistance,Amplitude (V),'
        "Pulse width (s),Tag,ReadTag,ReadVoltage\n"
    )
    return head + "\n".join(rows) + "\n"


ARC_ONE = arc_one(
    [
        "1,2,10000,0,0,S R,R2 V=0.5,0.5",
        "1,2,5000,1,1e-4,P s,R2 V=0.5,0.5",
        "1,2,5001,0,0,S R,R2 V=0.5,0.5",
        "1,2,4000,1,1e-4,P e,R2 V=0.5,0.5",
        "1,2,8000,-1,1e-4,P s,R2 V=0.5,0.5",
        "3,2,-20000,0,0,S R,R2 V=0.5,0.5",
    ]
)


@pytest.mark.parametrize("packed", [False, True])
def test_arc_one(tmp_path: Path, packed: bool) -> None:
    data = gzip.compress(ARC_ONE.encode()) if packed else ARC_ONE.encode()
    imported = read(tmp_path / "a.csv.gz", data)
    assert imported.format == "arc-one"
    np.testing.assert_array_equal(imported["operation"], [1, 2, 1, 2, 2, 1])
    np.testing.assert_allclose(
        imported["conductance"], 1 / np.array([1e4, 5e3, 5001, 4e3, 8e3, -2e4])
    )
    assert imported.metadata["session"] == 'my "session'
    assert imported.report.warnings == [
        (
            "1 of 6 conductances are negative (an offset of the current, or a voltage of the "
            "other sign?); they are kept"
        )
    ]


def test_the_pulses_of_one_device_of_arc_one_are_a_train(tmp_path: Path) -> None:
    imported = read(tmp_path / "a.csv", ARC_ONE, device="1,2", branch="sign:pulse_voltage")
    np.testing.assert_array_equal(imported["branch"], [0, 1, 1, 1, -1])
    np.testing.assert_array_equal(imported["pulse"], [0, 1, 1, 2, 1])
    np.testing.assert_array_equal(imported["cycle"], [1] * 5)
    assert any("1 rows without a pulse keep the branch" in d for d in imported.report.decisions)
    for options, message in (
        (
            {"branch": "sign:pulse_voltage"},
            r"holds 2 devices \(1,2; 3,2\), whose pulses are no",
        ),
        ({"device": "9,9"}, r"has no device 9,9; it has 1,2; 3,2"),
    ):
        with pytest.raises(ImportFormatError, match=message):
            read(tmp_path / "a.csv", **options)
    with pytest.raises(ConfigError, match=r"device 'x' is no word and bit line; write W,B"):
        read(tmp_path / "a.csv", device="x")
    with pytest.raises(ImportFormatError, match=r"line 4: 'a,2' is no word and bit line"):
        read(tmp_path / "a.csv", arc_one(["a,2,1,0,0,S R,R,1"]))
    with pytest.raises(ImportFormatError, match=r"line 3: the headings of ArC ONE are"):
        read(tmp_path / "a.csv", ARC_ONE.replace("ReadTag", "Other"))


def arc_two(path: Path, n_rows: int = 3, version: int = 0) -> Path:
    kinds = [("current", "<f4"), ("voltage", "<f4"), ("pulse_width", "<f4"),
             ("read_voltage", "<f4"), ("op_type", "<u4")]  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs.update(H5DS_VERSION_MAJOR=version, H5DS_VERSION_MINOR=2, words=32, bits=32)
        file.attrs["TITLE"] = "chip"
        for name in ("crossbar", "synthetics"):
            file.create_group(name)
        series = file.create_dataset("crosspoints/W03B07/timeseries", (1000,), dtype=kinds)
        series[:3] = np.array(
            [(1e-6, 0, 0, 0.5, 1), (2e-6, 1, 1e-4, 0.5, 3), (0, -1, 1e-4, 0, 2)], dtype=kinds
        )
        series.attrs["NROWS"] = n_rows
    return path


def test_arc_two_without_its_padding(tmp_path: Path) -> None:
    imported = read(arc_two(tmp_path / "a.h5"), device="3,7", branch="sign:-pulse_voltage")
    assert imported.format == "arc-two"
    np.testing.assert_allclose(imported["conductance"], [2e-6, 4e-6, np.nan], rtol=1e-6)
    np.testing.assert_array_equal(imported["branch"], [0, -1, 1])
    np.testing.assert_array_equal(imported["operation"], [1, 3, 2])
    assert imported.report.found["rows of padding"] == 997
    for n_rows, version, message in (
        (1001, 0, r"timeseries: NROWS is 1001; it is from 0 to 1000"),
        (0, 0, r"holds no history of any crosspoint"),
        (3, 1, r"ArC TWO store version 1\.2; 0\.x is read"),
    ):
        with pytest.raises(ImportFormatError, match=message):
            read(arc_two(tmp_path / "a.h5", n_rows, version))
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:3000])
    with pytest.raises(ImportFormatError, match=r"is no store of ArC TWO"):
        read(tmp_path / "a.h5", format="arc-two")

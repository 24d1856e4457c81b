"""Workbooks, MATLAB files and the tables of CrossSim: round trips, and what is refused."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import openpyxl
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labsyn.data.errors import DataFileError, ImportFormatError
from labsyn.data.importers import matlab5, workbook
from labsyn.data.importers.options import ColumnRule, ImportOptions
from labsyn.data.importers.reading import import_files
from labsyn.data.importers.result import Imported

quick = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
columns_of_floats = st.lists(
    st.floats(-1e29, 1e29, allow_nan=False), min_size=1, max_size=8
)  # fmt: skip


def read(path: Path, *rules: str, **options: Any) -> Imported:
    chosen = options.pop("format", None)
    columns = tuple(ColumnRule.parse(rule) for rule in rules)
    return import_files([path], chosen, ImportOptions(columns=columns, **options))


def book(path: Path, **sheets: list[list[Any]]) -> Path:
    new = openpyxl.Workbook()
    new.remove(new.worksheets[0])
    for name, rows in sheets.items():
        sheet = new.create_sheet(name)
        for row in rows:
            sheet.append(row)
    new.save(path)
    return path


@quick
@given(values=columns_of_floats)
def test_a_workbook_gives_the_numbers_that_were_written(
    tmp_path: Path, values: list[float]
) -> None:
    rows: list[list[Any]] = [["G at\n0.1 V (uS)", "V [mV]"], *([x, 2.5] for x in values)]
    imported = read(book(tmp_path / "a.xlsx", Data=rows), "conductance=#1")
    # openpyxl writes 16 digits
    np.testing.assert_allclose(imported["conductance"], np.array(values) * 1e-6, rtol=1e-15)
    np.testing.assert_array_equal(imported["V"], [2.5e-3] * len(values))
    assert imported.format == "xlsx"
    assert imported.report.columns[0]["heading"] == "G at 0.1 V"


@pytest.mark.parametrize(
    ("sheets", "options", "message"),
    [
        ({"A": [[1]], "B": [[2]]}, {}, r"has sheets A, B; say which with --sheet"),
        ({"A": [["V (V)"], [1]]}, {"sheet": "C"}, r"has no sheet 'C'; it has A"),
        ({"A": []}, {}, r"sheet 'A' is empty"),
        ({"A": [["V (V)"], ["#REF!"]]}, {}, r"line 2, column 1 \(V\): '#REF!' is no number"),
        ({"A": [["V (V)", "who"], [1, "me"]]}, {}, r"'who' \(column 2\) holds texts, not numb"),
        ({"A": [["V (V)"], ["x" * 999]]}, {}, r"row 2: a cell of more than 900 characters"),
        ({"A": [["V (V)"], [1], [2], *[[3]] * 20]}, {}, r"more than 40 cells; import a part"),
    ],
)
def test_what_a_workbook_cannot_be(
    tmp_path: Path,
    sheets: dict[str, list[list[Any]]],
    options: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workbook, "_MOST_CELLS", 40)
    monkeypatch.setattr(workbook, "_MOST_CHARACTERS", 900)
    with pytest.raises(ImportFormatError, match=message):
        read(book(tmp_path / "a.xlsx", **sheets), **options)


def test_clarius(tmp_path: Path) -> None:
    run: list[list[Any]] = [["Time", "GateV", "DrainI(1)", "GM", "VT", "BAD"],
           [0, 0.1, 1e-9, "#REF", 0.35, "#REF"],
           [1, 0.2, 9.91e37, 2e-3, None, "#REF"]]  # fmt: skip
    said: list[list[Any]] = [["Test Name", "iv"]]
    path = book(tmp_path / "a.xlsx", Run1=run, Run2=run[:2], Calc=[], Settings=said)
    with pytest.raises(
        ImportFormatError, match=r"does not state the unit of 'GM' \(column 4\)"
    ):
        read(path)
    imported = read(path, "GM=GM:S", "VT=VT:V")
    assert imported.format == "clarius"
    assert [(c.name, c.unit) for c in imported.columns] == [
        ("test", "1"), ("Time", "s"), ("GateV", "V"), ("DrainI(1)", "A"), ("GM", "S"),
        ("VT", "V"), ("flags", "1"),
    ]  # fmt: skip
    np.testing.assert_array_equal(imported["test"], [1, 1, 2])
    np.testing.assert_array_equal(imported["GM"], [np.nan, 2e-3, np.nan])
    np.testing.assert_array_equal(imported["flags"], [0, 2, 0])
    assert imported.metadata["scalars"] == {"Run1": {"VT": "0.35"}}
    assert imported.metadata["settings"] == [["Test Name", "iv"]]
    assert "Run1, BAD: holds no value, left out" in imported.report.decisions
    only = read(path, "GM=GM:S", sheet="Run1")
    assert [c.name for c in only.columns][:4] == ["Time", "GateV", "DrainI(1)", "GM"]
    assert only.report.columns[1]["unit_from"] == "Clarius' names"
    with pytest.raises(
        ImportFormatError, match=r"has no sheet 'Run9'; it has Run1, Run2, Calc"
    ):
        read(path, sheet="Run9")


def test_formulas_that_were_never_computed_are_told(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", A=[["V (V)", "I (A)"], [1, "=A2*2"], [2, "=A3*2"]])
    imported = read(path)
    assert np.isnan(imported["I"]).all()
    assert imported.report.warnings == [
        "I: no value was measured, or its formulas were never computed"
    ]


def replace_part(path: Path, part: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, old in parts.items():
            archive.writestr(name, content if name == part else old)


def test_hostile_workbooks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "a.xlsx", A=[["V (V)"], [1]])
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><worksheet>&l11;</worksheet>'
    replace_part(path, "xl/worksheets/sheet1.xml", bomb.encode())
    with pytest.raises(ImportFormatError, match=r"amplification factor .* breached"):
        read(path)
    replace_part(path, "xl/workbook.xml", b"<nonsense")
    with pytest.raises(ImportFormatError, match=r"is no workbook \(\.xlsx\)"):
        read(path)
    path = book(tmp_path / "b.xlsx", A=[["V (V)"], [1]])
    monkeypatch.setattr(workbook, "MAX_BYTES", 3000)
    with pytest.raises(ImportFormatError, match=r"unpacks to \d+ bytes; 3000 are read at most"):
        read(path)


def mat73(path: Path, fill: Any) -> Path:
    """Write a file as MATLAB 7.3 does: HDF5 behind a block of its own."""
    with h5py.File(path, "w", userblock_size=512) as file:
        fill(file)
    data = bytearray(path.read_bytes())
    data[:116] = b"MATLAB 7.3 MAT-file".ljust(116)
    path.write_bytes(data)
    return path


@quick
@given(values=columns_of_floats, packed=st.booleans())
def test_both_kinds_of_mat_give_the_numbers_that_were_written(
    tmp_path: Path, values: list[float], packed: bool
) -> None:
    column = np.array(values)
    matrix = np.column_stack([column, -column])
    five = tmp_path / "5.mat"
    scipy.io.savemat(
        five,
        {"G": column, "M": matrix, "run": {"G": column, "on": column > 0}, "s": "text"},
        do_compression=packed,
        oned_as="column",
    )

    def fill(file: Any) -> None:
        options = {"compression": "gzip"} if packed else {}
        file.create_dataset("G", data=column[None, :], **options)
        file["M"] = matrix.T
        file["run/G"] = column[None, :]
        file["run/on"] = (column > 0).astype(np.uint8)[None, :]

    for path in (five, mat73(tmp_path / "73.mat", fill)):
        imported = read(
            path, "G:S", "M=M(:,2):S", "again=run.G:uS", "on=run.on:1", "g=G(:,1):1"
        )
        for name, oracle in (
            ("G", column),
            ("M", -column),
            ("again", column * 1e-6),
            ("on", column > 0),
            ("g", column),
        ):
            np.testing.assert_array_equal(imported[name], oracle)
        assert imported.format == "matlab"
        assert imported.report.found == {"MATLAB version": path.stem.replace("73", "7.3")}


def links(file: Any) -> None:
    file["G"] = np.ones((1, 3))
    file["long"] = np.ones((1, 4))
    file["cube"] = np.ones((2, 2, 2))
    text = file.create_dataset("text", data=np.ones((1, 3), dtype=np.uint16))
    text.attrs["MATLAB_class"] = np.bytes_("char")
    file["away"] = h5py.ExternalLink("other.h5", "/G")
    file["round"] = h5py.SoftLink("/G")
    file.create_dataset("raw", (1, 3), "f8", external=[("other.bin", 0, 24)])
    file.create_dataset("huge", (1, 1 << 40), "f8", chunks=(1, 1000))
    file.create_dataset("chunk", (1, 1 << 20), "f8", chunks=(1, 1 << 24), maxshape=(1, None))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((), r"holds .*G.*; say which are columns, with their units: --column conductance=G:S"),
        (("x:S",), r"'x' is not in the file, which holds"),
        (("G",), r"does not state the unit of 'G' \(column 1\)"),
        (("G:S", "long:S"), r"columns of different length: G 3, long 4"),
        (("a=1G:S",), r"'1G' is no variable; write G, run\.G or G\(:,3\)"),
        (("g=G(:,2):S",), r"'G\(:,2\)': G has shape"),
        (("cube:S",), r"'cube' is no column of numbers"),
        (("text:S",), r"'text' is no column of numbers"),
        (("away:S",), r"'away' is a link to elsewhere"),
        (("round:S",), r"'round' is a link to elsewhere"),
        (("raw:S",), r"'raw' has its values in another file"),
        (("huge:S",), r"'huge' unpacks to 8796093022208 bytes; 256000000 are read at most"),
        (("chunk:S",), r"'chunk' unpacks to 134217728 bytes at once"),
    ],
)
def test_what_a_mat_7_3_cannot_be(tmp_path: Path, rules: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        read(mat73(tmp_path / "a.mat", links), *rules)


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def mat5(kind: int, sizes: tuple[int, ...], rest: bytes = b"") -> bytes:
    """Write a variable G of a MATLAB 5 file by hand; `kind` is its class."""
    content = element(6, struct.pack("<II", kind, 0))
    content += element(5, struct.pack(f"<{len(sizes)}i", *sizes)) + element(1, b"G") + rest
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    return head + element(14, content)


FIELDS = element(5, struct.pack("<i", 2)) + element(1, b"a\0b\0")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (mat5(1, (2**31 - 1, 1)), r"'G' is no column of numbers \(cell\)"),
        (mat5(2, (2**30, 1), FIELDS), r"'G' is no column of numbers \(struct\)"),
        (mat5(5, (2**30, 1)), r"'G' is no column of numbers \(sparse\)"),
        (mat5(16, (1, 1)), r"'G' is no column of numbers \(function\)"),
        (mat5(3, (1, 1)), r"'G' is no column of numbers \(object\)"),
        (mat5(6, (1, 1)), r"'G' is no column of numbers \(empty\)"),
        (mat5(0x806, (1, 1)), r"'G' is no column of numbers \(complex\)"),
        (
            mat5(6, (2**31 - 1, 2**31 - 1), element(9, b"\0" * 80)),
            r"'G' states 2147483647 x 2147483647 numbers and holds 10",
        ),
        (mat5(6, (-5, -2), element(9, b"\0" * 72)), r"'G' states -5 x -2 numbers and holds 9"),
        (mat5(6, (-5, -2), element(9, b"\0" * 80)), r"a\.mat is damaged"),
        (mat5(6, (1, 1), element(9, b"\0" * 7)), r"a\.mat is damaged"),
        (mat5(6, (1, 1), element(99, b"\0" * 8)), r"a\.mat is damaged"),
        (mat5(6, (1, 1))[:150], r"'G' is not in the file"),
        (mat5(6, (1, 1))[:128] + element(15, b"no zlib"), r"is damaged"),
    ],
)
def test_hostile_files_of_matlab_5_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ImportFormatError, match=message):
        read(tmp_path / "a.mat", "G:S")


def test_a_mat_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mat"
    monkeypatch.setattr(matlab5, "MAX_BYTES", 10_000)
    scipy.io.savemat(path, {"G": np.zeros(100_000)}, do_compression=True)
    with pytest.raises(ImportFormatError, match=r"unpacks to more than 10000 bytes"):
        read(path, "G:S")
    scipy.io.savemat(path, {"G": np.zeros(100_000)})
    with pytest.raises(ImportFormatError, match=r"has 800\d+ bytes; 10000 are read at most"):
        read(path, "G:S")


def test_objects_of_a_mat_are_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    cell = np.array([1.0, "x"], dtype=object)
    scipy.io.savemat(path, {"G": cell, "s": "text", "M": np.ones((2, 3)),
                            "run": np.zeros(2, dtype=[("a", object)])})  # fmt: skip
    for name, message in (
        ("G", r"'G' is no column of numbers \(cell\)"),
        ("s", r"'s' is no column of numbers"),
        ("run.a", r"'run.a' is not in the file"),  # an array of structures
        ("M", r"'M' is a matrix of shape \(2, 3\); name one column, M\(:,1\)"),
        ("G.x", r"'G.x' is not in the file, which holds G, s, M, run"),
    ):
        with pytest.raises(ImportFormatError, match=message):
            read(path, f"{name}:S")


GRID = (
    "Row 1 = Gbins, row 2 = CDF\n 1e-6, 2e-6\n 0, 0.5, 1\n 1e-9, 2e-9\n3e-9,4e-9\n5e-9,6e-9\n"
)


def test_the_tables_of_crosssim_are_one_run(tmp_path: Path) -> None:
    paths = [tmp_path / f"dG_{name}.txt" for name in ("increasing", "decreasing")]
    for path in paths:
        path.write_text(GRID)
    imported = import_files(paths)
    np.testing.assert_array_equal(imported["conductance"], [1e-6, 2e-6] * 6)
    np.testing.assert_array_equal(
        imported["cumulative_probability"], [0, 0, 0.5, 0.5, 1, 1] * 2
    )
    np.testing.assert_allclose(imported["delta_conductance"][:6], np.arange(1, 7) * 1e-9)
    np.testing.assert_array_equal(imported["update_branch"], [1] * 6 + [-1] * 6)
    assert [file["name"] for file in imported.files] == [path.name for path in paths]
    swapped = import_files(paths, None, ImportOptions(branch="depression, potentiation"))
    np.testing.assert_array_equal(swapped["update_branch"], [-1] * 6 + [1] * 6)


@pytest.mark.parametrize(
    ("name", "text", "options", "message"),
    [
        ("x.txt", GRID, {}, r"x\.txt does not say which branch it holds; state --branch"),
        ("x.txt", GRID, {"branch": "up"}, r"branch is 'up', it must be 'potentiation' or"),
        ("x.txt", GRID, {"branch": "depression,depression"}, r"2 branches are stated for 1 f"),
        ("increasing.txt", GRID + "1,2\n", {}, r"line 7: 4 rows of ΔG for 3 probabilities"),
        ("increasing.txt", GRID.replace("3e-9,", ""), {}, r"line 5: 1 values for 2 bins"),
        ("increasing.txt", GRID[:50], {}, r"2 rows of numbers; a row of bins, one of prob"),
        ("increasing.txt", GRID.replace("3e-9", "x"), {}, r"line 5, column 1: 'x' is no num"),
    ],
)  # fmt: skip
def test_a_broken_table_of_crosssim_is_refused(
    tmp_path: Path, name: str, text: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ImportFormatError, match=message):
        read(tmp_path / name, **options)


@quick
@given(
    kind=st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "bool"]),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    packed=st.booleans(),
)
def test_every_kind_of_number_of_matlab_5_is_read(
    tmp_path: Path, kind: str, shape: tuple[int, int], packed: bool
) -> None:
    matrix = (np.arange(shape[0] * shape[1]).reshape(shape) % 100).astype(kind)
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"run": {"x": {"M": matrix}}}, do_compression=packed)
    for i in range(shape[1]):
        imported = read(path, f"M=run.x.M(:,{i + 1}):1")
        np.testing.assert_array_equal(imported["M"], matrix[:, i].astype(float))


@quick
@given(data=st.data(), packed=st.booleans())
def test_a_damaged_mat_is_an_error_of_ours(
    tmp_path: Path, data: st.DataObject, packed: bool
) -> None:
    path = tmp_path / "a.mat"
    content = {"G": np.arange(9.0), "run": {"G": np.arange(3.0)}}
    scipy.io.savemat(path, content, do_compression=packed)
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        imported = read(path, "G:S", format="matlab")
    except DataFileError:
        return
    assert imported["G"].size >= 0

"""Each dialect of CSV, written by a writer of its own and read back."""

import csv
import gzip
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labsyn.data.errors import ConfigError, ImportFormatError
from labsyn.data.importers import cells
from labsyn.data.importers import source as source_module
from labsyn.data.importers.options import ColumnRule, ImportOptions, load_map
from labsyn.data.importers.reading import import_files
from labsyn.data.importers.result import Imported

numbers = st.one_of(
    st.floats(-1e29, 1e29, allow_nan=False), st.sampled_from([np.nan, 9.91e37, -9.9e37, 0.0])
)
tables = st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=20).filter(
    lambda rows: not np.isnan(rows).all(axis=1).any()  # a row of empty cells is a blank line
)
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(path: Path, content: str | bytes, **options: Any) -> Imported:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    chosen = options.pop("format", None)
    return import_files([path], chosen, ImportOptions(**options))


def expected(rows: list[tuple[float, ...]]) -> np.ndarray:
    table = np.array(rows)
    return np.where(np.abs(table) > 1e30, np.nan, table)


def written(
    rows: list[tuple[float, ...]], headings: list[str], decimal: str, **form: Any
) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, **form)
    writer.writerow(headings)
    for row in rows:
        writer.writerow(["" if np.isnan(x) else repr(x).replace(".", decimal) for x in row])
    return stream.getvalue()


@quick
@given(
    rows=tables,
    form=st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    packed=st.booleans(),
)
def test_every_dialect_gives_the_numbers_that_were_written(
    tmp_path: Path,
    rows: list[tuple[float, ...]],
    form: tuple[str, str],
    line_end: str,
    quoting: Any,
    codec: str,
    packed: bool,
) -> None:
    delimiter, decimal = form
    headings = ["V (V)", 'I "drain",\nsmoothed [A]', "G (S)"]
    text = written(rows, headings, decimal, delimiter=delimiter, lineterminator=line_end,
                   quoting=quoting)  # fmt: skip
    data = text.encode(codec)
    imported = read(tmp_path / "a.csv", gzip.compress(data) if packed else data)
    assert [column.name for column in imported.columns][:3] == [
        "V", 'I "drain", smoothed', "G",
    ]  # fmt: skip
    table = np.column_stack([column.values for column in imported.columns[:3]])
    np.testing.assert_array_equal(table, expected(rows))
    found = imported.report.found
    assert (found["delimiter"], found["gzip"]) == (delimiter, packed)
    assert found["byte order mark"] is (codec != "utf-8")
    over = (np.abs(np.array(rows)) > 1e30).any(axis=1)
    if over.any():
        np.testing.assert_array_equal(imported["flags"], np.where(over, 2.0, 0.0))
        assert any("out of range" in text for text in imported.report.warnings)
    else:
        assert len(imported.columns) == 3


@quick
@given(rows=tables)
def test_what_pymeasure_writes_is_read(tmp_path: Path, rows: list[tuple[float, ...]]) -> None:
    from pymeasure.experiment import FloatParameter, Procedure
    from pymeasure.experiment.results import CSVFormatter, Results

    class Sweep(Procedure):
        stop = FloatParameter("Stop, at most", units="V", default=1.5)
        DATA_COLUMNS = ["Pulse", "Voltage (mV)", "Current (A)"]

    names = Sweep.DATA_COLUMNS
    path = tmp_path / "run.csv"
    path.unlink(missing_ok=True)
    formatter = CSVFormatter(names)
    results = Results(Sweep(), str(path))
    lines = [results.header() + formatter.format_header()]
    lines += [formatter.format(dict(zip(names, row, strict=True))) for row in rows]
    imported = read(path, "\n".join(lines) + "\n")
    assert imported.format == "pymeasure"
    assert [(c.name, c.unit) for c in imported.columns][:3] == [
        ("pulse", "1"), ("Voltage", "V"), ("Current", "A"),
    ]  # fmt: skip
    table = np.column_stack([column.values for column in imported.columns[:3]])
    np.testing.assert_allclose(table, expected(rows) * [1, 1e-3, 1], rtol=1e-15)
    assert imported.metadata["parameters"] == {"Stop, at most": "1.5 V"}
    assert imported.metadata["procedure"].endswith("Sweep")
    logging.getLogger("pymeasure").handlers.clear()


def test_a_second_header_of_pymeasure_is_refused(tmp_path: Path) -> None:
    text = "#Procedure: <a.B>\n#Parameters:\n#Data:\nV (V)\n1\n#Procedure: <a.B>\n"
    with pytest.raises(ImportFormatError, match=r"a\.csv, line 6: a second header"):
        read(tmp_path / "a.csv", text)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("V (V),G\n1,2\n", {},
         r"does not state the unit of 'G' \(column 2\); say it with --column G:UNIT"),
        ("V (V),G (a.u.)\n1,2\n", {}, r"unit of 'G \(a.u.\)' \(column 2\)"),
        ("V (V),I (A)\n1,2\n1,x\n", {}, r"a\.csv, line 3, column 2 \(I\): 'x' is no number"),
        ('"V\n(V)",I (A)\n1,2\n1,2,3\n', {}, r"line 4: 3 values under 2 headings"),
        ("V (V),I (A)\n1,2\n1\n", {}, r"line 3: 1 values under 2 headings"),
        ("conductance,a b,c\n1,2,3\n", {"columns": (ColumnRule("c", "c"),)},
         r'with --unit UNIT --column "a b:UNIT" --column c=c:UNIT \(UNIT'),
        ("conductance\n1\n", {"columns": (ColumnRule("conductance", "#1", "S"),), "unit": "uS"},
         r"the unit of the conductance is stated twice, 'S' and 'uS'"),
        (",V (V)\n0,1\n", {}, r"does not state the unit of '#1' \(column 1\)"),
        ("V (V)\n1,2\n", {}, r"line 2: 2 values under 1 headings"),
        ("t (min)\n1\n", {}, r"does not state the unit of 't \(min\)'"),
        ("V (V^9^9^9^9)\n1\n", {}, r"does not state the unit of 'V \(V\^9\^9\^9\^9\)'"),
        ("V (V),V (V)\n1,2\n", {}, r"two columns are called 'V'"),
        ("a [V];b [A]\n1,5;2.5\n", {"format": "table"},
         r"line 2, column 2 \(b\): '2.5' is no number with"),
        ("a,b\n1,2\n", {"unit": "S"}, r"does not state the unit of 'a'"),
        ("a (V),b (A)\n1,2\n", {"unit": "S"}, r"has no column 'conductance' that unit='S' co"),
        ("V (V)\n1\n", {"columns": (ColumnRule("x", "W", "V"),)}, r"no column 'W'; it has 'V'"),
        ("V (V)\n1\n", {"columns": (ColumnRule("x", "V", "A"),)}, r"'V'; 'A' contradicts it"),
        ("V\n1\n", {"columns": (ColumnRule("x", "V", "Vx"),)}, r"'Vx' is no unit; use a"),
        ("V (V)\n1\n", {"only_stated": True}, r"no column is left; state one with --column"),
        ("1,2,3\n4,5,6\n", {}, r"does not state the unit of '1' \(column 1\), '2'"),
        ("1,2\n4,5\n", {}, r"could be two-column \(.*\) or table \(.*\); say which with --fo"),
        ("some text\nand more\n", {}, r"line 1: 'some text' begins none of the formats"),
        (b"V (V)\n\xb5\n", {}, r"byte 6 is no text \(UTF-8\).*state its encoding"),
        ("G (V)\n1\n", {"columns": (ColumnRule("conductance", "G"),)},
         r"unit 'V' is no conductance; use S, mS"),
        ("V (V)\n" + "1" * 140_000 + "\n", {}, r"line 2: field larger than field limit"),
        ("1,5\n2,5\n", {"decimal": ","}, r"the comma seems to part the cells, but is stated"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99, {}, r"older Excel \(\.xls\); save it as"),
        (b"\x89HDF\r\n\x1a\n" * 99, {}, r"a\.csv is HDF5, but of nobody whose files are imp"),
        ("\n \n", {}, r"a\.csv is empty: it holds no row"),
        ("V (V)\n" + "1\n" * 99, {"delimiter": "\t"}, r"line 21: the file has more than 80 "),
        (b"\x1f\x8b\x08junk", {}, r"damaged gzip file|cut short"),
        (gzip.compress(b"V (V)\n1\n")[:-9], {}, r"gzip file that was cut short"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(
    tmp_path: Path,
    text: str | bytes,
    options: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cells, "MOST_CELLS", 80)
    with pytest.raises(ImportFormatError, match=message):
        read(tmp_path / "a.csv", text, **options)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MAX_BYTES", 10_000)
    with pytest.raises(ImportFormatError, match="unpacks to more bytes than may be"):
        read(tmp_path / "a.csv.gz", gzip.compress(b"V (V)\n" + b"0\n" * 100_000))
    with pytest.raises(ImportFormatError, match=r"has 10002 bytes"):
        read(tmp_path / "a.csv", "V (V)\n" + "0\n" * 4998)


def test_an_option_that_has_no_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"is CSV of any columns, which has no use for 'sheet'"
    ):
        read(tmp_path / "a.csv", "V (V)\n1\n", sheet="x")
    with pytest.raises(ConfigError, match=r"format 'xls' is not known; the formats are pymeas"):
        read(tmp_path / "a.csv", "V (V)\n1\n", format="xls")
    with pytest.raises(ConfigError, match="no file was given"):
        import_files([])
    with pytest.raises(ConfigError, match="imported one file at a time"):
        import_files([tmp_path / "a.csv"] * 2)


def test_columns_are_chosen_named_and_given_units(tmp_path: Path) -> None:
    text = "t;U;G [0.1 V]\n0;1,5;20\n1;2,5;25\n"
    rules = ("conductance=G [0.1 V]:uS", "#2:mV")
    imported = read(
        tmp_path / "a.csv", text, columns=tuple(map(ColumnRule.parse, rules)), only_stated=True
    )
    assert [(c.name, c.unit, c.file_unit) for c in imported.columns] == [
        ("#2", "V", "mV"), ("conductance", "S", "uS"),
    ]  # fmt: skip
    np.testing.assert_allclose(imported["conductance"], [20e-6, 25e-6])
    assert "columns left out, as stated: t" in imported.report.decisions
    assert imported.report.columns[1]["unit_from"] == "stated by the user"


def test_a_temperature_is_no_mere_factor(tmp_path: Path) -> None:
    imported = read(tmp_path / "a.csv", "T (degC),B (Oe)\n25,1000\n")
    np.testing.assert_allclose(imported["T"], [298.15])
    np.testing.assert_allclose(imported["B"], [1000 * 1000 / (4 * np.pi)])
    assert [column.unit for column in imported.columns] == ["K", "A/m"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("conductance=G:S", ("conductance", "G", "S")),
        ("G:S", ("G", "G", "S")),
        ("pulse=N", ("pulse", "N", None)),
        ("g=G(:,3)", ("g", "G(:,3)", None)),
        ("g=G(:,3):uS", ("g", "G(:,3)", "uS")),
    ],
)
def test_rules_of_columns(text: str, rule: tuple[str, str, str | None]) -> None:
    assert ColumnRule.parse(text) == ColumnRule(*rule)


@pytest.mark.parametrize("text", ["", "=G", "G:", "a=:S"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is not NAME=HEADING:UNIT"):
        ColumnRule.parse(text)


def test_a_map_is_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(
        'format = "table"\nmirrored = true\n[columns]\n'
        'conductance = { from = "G", unit = "uS" }\npulse = "N"\n'
    )
    name, options = load_map(path)
    assert name == "table"
    rules = (ColumnRule("conductance", "G", "uS"), ColumnRule("pulse", "N"))
    assert options == ImportOptions(mirrored=True, columns=rules)
    merged = options.merged(ImportOptions(unit="S", columns=(ColumnRule("a", "b"),)))
    assert (merged.mirrored, merged.unit, len(merged.columns)) == (True, "S", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colums = 1\n", r"map\.toml: 'colums' is no key; the keys are unit"),
        ("unit = 1\n", r"unit = 1 must be a str"),
        ("[columns]\na = 1\n", r"columns\.a must be \{ from = HEADING"),
        (
            '[columns]\na = { from = "b", unit = 1 }\n',
            r"columns\.a: from and unit must be texts",
        ),
        ('decimal = "x"\n', r"decimal mark 'x': it is"),
        ('unit = "V"\n', r"unit 'V' is no conductance; use S, mS"),
        ('unit = "furlongs"\n', r"unit 'furlongs' is no conductance"),
        ('encoding = "latin-99"\n', r"'latin-99' is no encoding; say cp1252"),
        ('encoding = "hex"\n', r"'hex' is no encoding"),
        ('delimiter = "xx"\n', r"delimiter 'xx': it is one character"),
        ("a b\n", r"map\.toml cannot be read"),
    ],
)
def test_a_wrong_map_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_map(tmp_path / "map.toml")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ('"V (V)","I (A)"\n"1,5","2,5"\n"3","-4,5e0"\n', {}),
        ("V (V),I (A)\n1.5,2.5\n3,-4.5\n", {}),
        ("V (V) I (A)\n1,5 2,5\n3 -4,5\n", {"delimiter": " ", "format": "table"}),
        ("V (V);I (A)\n1,5;2,5\n3;-4,5\n", {"decimal": ","}),
    ],
)
def test_a_decimal_comma_is_told_from_a_delimiter(
    tmp_path: Path, text: str, options: dict[str, Any]
) -> None:
    text = text.replace(" (V) I (A)", "(V) I(A)") if options.get("delimiter") == " " else text
    imported = read(tmp_path / "a.csv", text, **options)
    values = np.column_stack([column.values for column in imported.columns])
    np.testing.assert_array_equal(values, [[1.5, 2.5], [3, -4.5]])


def test_how_windows_writes_nan(tmp_path: Path) -> None:
    imported = read(tmp_path / "a.csv", "V (V)\n-nan(ind)\n1.#QNAN\n-1.#IND\n-1.#INF\n1\n")
    np.testing.assert_array_equal(imported["V"], [np.nan] * 4 + [1])
    np.testing.assert_array_equal(imported["flags"], [0, 0, 0, 2, 0])


def test_a_long_line_of_digits_does_not_take_for_ever(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match="field larger than field limit"):
        read(tmp_path / "a.csv", "V (V)\n" + "1" * 1_000_000 + "\n")

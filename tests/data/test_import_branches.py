"""Which rows potentiate, which cycle and pulse they belong to: by columns or stated rules."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.options import ColumnRule, ImportOptions
from labsyn.data.importers.reading import import_files
from labsyn.data.importers.result import Imported


def read(path: Path, text: str, **options: Any) -> Imported:
    path.write_text(text)
    rules = tuple(map(ColumnRule.parse, options.pop("columns", ())))
    return import_files([path], "table", ImportOptions(columns=rules, **options))


def table(headings: str, *rows: str) -> str:
    return "\n".join([headings, *rows]) + "\n"


def expect(imported: Imported, **columns: list[float]) -> None:
    for name, values in columns.items():
        np.testing.assert_array_equal(imported[name], values, err_msg=name)


def test_words_and_numbers_of_branches_mean_the_same(tmp_path: Path) -> None:
    for up, down in (("LTP", "ltd"), ("set", "RESET"), ("1", "-1"), ("up", "down")):
        text = table("branch,G (uS)", f"{up},1", f"{up},2", f"{down},1", f"{up},3")
        expect(
            read(tmp_path / "a.csv", text),
            branch=[1, 1, -1, 1], cycle=[1, 1, 1, 2], pulse=[1, 2, 1, 1],
        )  # fmt: skip


def test_reads_between_pulses_belong_to_their_branch(tmp_path: Path) -> None:
    rows = ["read", "LTP", "read", "LTP", "read", "LTD", "read", "LTD", "LTP"]
    imported = read(tmp_path / "a.csv", table("branch", *rows))
    expect(
        imported,
        branch=[0, 1, 1, 1, 0, -1, -1, -1, 1],
        pulse=[0, 1, 1, 2, 0, 1, 1, 2, 1],
        cycle=[1, 1, 1, 1, 1, 1, 1, 1, 2],
    )
    assert any("2 rows of branch 0 between" in text for text in imported.report.decisions)


def test_a_read_before_a_branch_is_no_pulse_of_the_one_before(tmp_path: Path) -> None:
    text = table("branch,pulse", "0,0", "1,1", "1,2", "0,0", "1,1", "1,2")
    expect(read(tmp_path / "a.csv", text), branch=[0, 1, 1, 0, 1, 1], cycle=[1, 1, 1, 1, 2, 2])
    text = table("branch,cycle", "1,1", "1,1", "0,2", "1,2")
    expect(read(tmp_path / "a.csv", text), branch=[1, 1, 0, 1], pulse=[1, 2, 0, 1])


def test_the_sign_of_a_column_is_the_branch(tmp_path: Path) -> None:
    text = table("Vp (V),G (S)", "0,1", "2,2", "0,2.5", "2,3", "-2,2", "2,3")
    imported = read(tmp_path / "a.csv", text, branch="sign:Vp")
    expect(
        imported, branch=[0, 1, 1, 1, -1, 1], pulse=[0, 1, 1, 2, 1, 1], cycle=[1, 1, 1, 1, 1, 2]
    )
    expect(read(tmp_path / "a.csv", text, branch="sign:-Vp"), branch=[0, -1, -1, -1, 1, -1])
    expect(read(tmp_path / "a.csv", text, branch="potentiation"), branch=[1] * 6)
    expect(read(tmp_path / "a.csv", text, branch="depression"), pulse=[1, 2, 3, 4, 5, 6])


def test_a_mirrored_depression_is_turned_round(tmp_path: Path) -> None:
    text = table("branch,pulse,conductance", "1,1,1", "1,2,2", "-1,2,1", "-1,1,2", "1,1,1")
    imported = read(tmp_path / "a.csv", text, unit="S", mirrored=True)
    expect(
        imported, conductance=[1, 2, 2, 1, 1], pulse=[1, 2, 1, 2, 1], branch=[1, 1, -1, -1, 1]
    )
    assert "depression was stored last pulse first, as stated: turned round" in (
        imported.report.decisions
    )
    kept = read(tmp_path / "a.csv", text, unit="S")
    expect(kept, conductance=[1, 2, 1, 2, 1])
    assert any("depression rises overall in 1 of 1 cycles" in w for w in kept.report.warnings)


def test_irregular_pulses_and_negative_conductances_are_told_and_kept(tmp_path: Path) -> None:
    text = table("branch,pulse,conductance", "1,1,-1", "1,2,2", "1,10,3", "1,20,4")
    imported = read(tmp_path / "a.csv", text, unit="uS")
    expect(imported, pulse=[1, 2, 10, 20])
    assert imported.report.warnings == [
        (
            "pulse numbers are irregular in 2 places: 2 to 10 in cycle 1, 10 to 20 in cycle 1; "
            "what lies between is not known"
        ),
        (
            "1 of 4 conductances are negative (an offset of the current, or a voltage of the "
            "other sign?); they are kept"
        ),
    ]
    weights = read(tmp_path / "a.csv", text, unit="1")  # which may be negative
    assert not any("negative" in warning for warning in weights.report.warnings)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("branch\n2\n", {}, r"line 2: branch is 2; it is 1 for potentiation, -1 for depr"),
        ("branch\n1\n\nnan\n", {}, r"line 4: branch is nan"),
        ("branch\nLTX\n", {}, r"'branch' \(column 1\) holds texts|'LTX' is no number"),
        (
            "branch,pulse\n1,1.5\n",
            {},
            r"line 2: pulse number 1\.5; it is a whole number from 0",
        ),
        ("branch,pulse\n1,1\n1,1e9\n", {}, r"line 3: pulse number 1e\+09"),
        ("branch,cycle\n1,1\n1,\n", {}, r"line 3: cycle number nan"),
        (
            "branch\n1\n",
            {"branch": "depression"},
            r"states its branches in a column; leave out",
        ),
        ("V (V)\n1\n", {"branch": "sign:W"}, r"branch 'sign:W' is no rule; say potentiation"),
        ("V (V)\n1\n", {"branch": "up"}, r"branch 'up' is no rule; .* with one of V"),
        ("V (V)\n1\n", {"mirrored": True}, r"has no branch that could be mirrored; state one"),
    ],
)
def test_branches_that_cannot_be(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ImportFormatError, match=message):
        read(tmp_path / "a.csv", text, **options)

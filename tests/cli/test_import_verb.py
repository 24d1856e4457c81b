"""labsyn import and labsyn fit on files of others, as a user meets them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.importers.formats import FORMATS
from labsyn.data.run import Run

PULSES = "".join(
    f"{1 + 9 * (1 - np.exp(-i / 8)):.6f},{1 + 9 * np.exp(-i / 8):.6f}\n" for i in range(20)
)


Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Call `labsyn` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code, out, err = cli(*words)
        assert "Traceback" not in err
        return code, out, err

    return call


def test_an_import_tells_what_it_decided_and_is_listed(cli: Cli) -> None:
    Path("pulses.csv").write_text(PULSES)
    code, out, err = cli("import", "pulses.csv", "--unit", "uS")
    assert (code, err) == (0, "")
    for text in ("two-column", "stated by the user", "decided: column 1 is potentiation"):
        assert text in out
    assert out.endswith(f"written: {Path('runs/pulses.h5')}\n")
    assert "there already" in cli("import", "pulses.csv", "--unit", "uS")[1]
    assert "import:two-column" in cli("list")[1]
    sha256 = hashlib.sha256(Path("pulses.csv").read_bytes()).hexdigest()
    shown = cli("show", "pulses")[1]
    for text in ("imported from", "pulses.csv, SHA-256", sha256, "stated: unit"):
        assert text in shown


def test_nothing_of_a_foreign_file_drives_the_terminal(cli: Cli) -> None:
    Path("a.csv").write_text("\x1b[2Jx,V (V)\n1,2\n")
    code, out, err = cli("import", "a.csv", "--column", "#1:1")
    assert (code, err, "[2Jx" in out) == (0, "", True)
    Path("b.csv").write_text("x,V (V)\n\x1b[2J,2\n")
    code, refused, err = cli("import", "b.csv", "--column", "#1:1")
    assert (code, refused, "[2J' is no number" in err) == (1, "", True)
    assert "\x1b" not in out + err


def test_json_holds_what_worked_and_what_did_not(cli: Cli) -> None:
    Path("good.csv").write_text("V (V),note\n1,2\n")
    Path("bad.csv").write_text("V (V)\n1\noops\n")
    code, out, err = cli("import", "good.csv", "bad.csv", "--json", "--column", "note:1")
    told: dict[str, Any] = json.loads(out)
    assert code == 1
    (run,) = told["runs"]
    assert (run["rows"], run["format"], run["written"]) == (1, "table", True)
    assert run["report"]["columns"][1]["unit_from"] == "stated by the user"
    assert list(told["failed"]) == ["bad.csv"]
    assert "labsyn: bad.csv" in err
    assert Run.open(run["file"]).n_rows == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["none.csv"], 1, "none.csv does not exist"),
        (["a.csv"], 1, "say it with --column G:UNIT (UNIT: V, mA, uS, ohm"),
        (["b.csv"], 1, "say which with --format, or state --unit (1, S, mS, uS, nS)"),
        (
            ["a.csv", "--format", "xls"],
            2,
            "format 'xls' is not known; the formats are pymeasure",
        ),
        (["a.csv", "--column", "G:"], 2, "column 'G:' is not NAME=HEADING:UNIT"),
        (["a.csv", "--sheet", "x"], 2, "has no use for 'sheet'; it takes branch, columns"),
        (["a.csv", "--unit", "V"], 2, "unit 'V' is no conductance; use S, mS"),
        (["a.csv", "--decimal", "x"], 2, "decimal mark 'x': it is '.' or ','"),
        (["a.csv", "--delimiter", "xx"], 2, "delimiter 'xx': it is one character"),
        (["a.csv", "--map", "no.toml"], 2, "no.toml cannot be read"),
        (["a.csv", "-o", "a.csv"], 1, "cannot write in a.csv"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence(
    cli: Cli, words: list[str], code: int, message: str
) -> None:
    Path("a.csv").write_text("V (V),G\n1,2\n")
    Path("b.csv").write_text("1,2\n3,4\n")
    found, out, err = cli("import", *words)
    assert (found, out) == (code, "")
    assert message in " ".join(err.split())
    assert not list(Path().rglob("*.h5"))


def test_help_has_examples_and_every_format(cli: Cli) -> None:
    code, out, _ = cli("import", "--help")
    assert code == 0
    assert "labsyn import set.csv reset.csv" in out
    words = " ".join(out.split())
    for item in FORMATS:
        assert item.name in words


def test_a_map_states_what_the_command_line_does_not(cli: Cli) -> None:
    Path("a.csv").write_text("t\tG\n0\t2\n")
    Path("map.toml").write_text('[columns]\nconductance = { from = "G", unit = "uS" }\n')
    code, _out, err = cli(
        "import", "a.csv", "--map", "map.toml", "--column", "t:ms", "--delimiter", "\\t"
    )
    assert (code, err) == (0, "")
    run = Run.open("runs/a.h5")
    assert dict(run.units) == {"t": "s", "conductance": "S"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (PULSES, ["--unit", "uS"]),
        ("LTP (uS),LTD (uS)\n" + PULSES, []),
        (
            "Vp (V);G\n"
            + "".join(f"1;{line.split(',')[0]}\n" for line in PULSES.splitlines())
            + "".join(f"-1;{line.split(',')[1]}\n" for line in PULSES.splitlines()),
            ["--column", "conductance=G:uS", "--branch", "sign:Vp"],
        ),
    ],
)
def test_fit_takes_what_import_takes(cli: Cli, text: str, options: list[str]) -> None:
    Path("a.csv").write_text(text)
    code, out, err = cli("fit", "a.csv", *options, "--json")
    assert (code, err) == (0, "")
    direct = json.loads(out)
    assert cli("import", "a.csv", *options)[0] == 0
    kept = json.loads(cli("fit", "runs/a.h5", "--json")[1])
    assert direct["source_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert direct["potentiation"] == kept["potentiation"]
    assert cli("fit", "runs/a.h5", "--sheet", "x")[0] == 2


def test_fit_says_what_is_missing(cli: Cli) -> None:
    Path("a.csv").write_text("V (V),I (A)\n1,2\n")
    code, _, err = cli("fit", "a.csv")
    assert code == 1
    assert "say which is which with --column conductance=HEADING:UNIT, and --branch" in err

"""``labsyn run``: lists, help, procedures of users, arrays and sequences."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labsyn.cli.console import in_words
from labsyn.data.errors import InstrumentDisconnected
from labsyn.data.run import Run
from labsyn.drivers.guard import GuardedReader
from labsyn.procedures.catalogue import procedures

ROOT = Path(__file__).parent.parent.parent
ARRAY = ROOT / "examples" / "array"
OVER = ("--bench", ARRAY / "bench.toml", "--over", ARRAY / "dies.csv")
SHORT = ("--set", "n_cycles=1", "--set", "n_pulses=3")

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Return what runs the command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    return cli


def test_the_list_has_a_line_for_each_procedure(cli: Cli) -> None:
    code, out, err = cli("run", "--list")
    assert (code, err) == (0, "")
    for name in procedures():
        (line,) = [line for line in out.splitlines() if re.search(rf"\b{name}\b", line)]
        assert len(re.split("[│|]", line)) == 5, "name, summary, roles"
    assert "pulse_width" not in out
    code, out, _ = cli("run", "--list", "--json")
    listed = json.loads(out)
    assert listed.keys() == procedures().keys()
    width = {each["name"]: each for each in listed["pulse_train"]["parameters"]}["pulse_width"]
    assert (width["unit"], width["minimum"], width["default"]) == ("s", 1e-9, 0.01)


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("--list",)])
def test_the_help_of_a_procedure_is_its_parameters(cli: Cli, words: tuple[str, ...]) -> None:
    code, out, err = cli("run", "pulse_train", *words)
    assert (code, err) == (0, "")
    (line,) = [line for line in out.splitlines() if "│ pulse_width " in line]
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        "pulse_width", "0.01 s", "1e-09 to 10000 s", "Pulse width"
    ]  # fmt: skip
    assert "Table S2, shape 1" in out
    assert cli("run", *words, "pulse_train") == (code, out, err)


def test_help_without_a_name_is_that_of_the_verb(cli: Cli) -> None:
    code, out, _ = cli("run", "--help")
    assert code == 0
    for option in ("--set", "--over", "--resume", "--dry-run", "--list", "-h, --help"):
        assert option in out
    code, out, err = cli("run")
    assert code == 2
    assert "pulse_train" in out
    assert "which procedure? for example" in err


def test_the_example_of_the_readme_is_listed_and_run(cli: Cli, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r'```python\n("""Does reading.*?)```', text, re.S)
    commands = re.search(r"labsyn run read_disturb --device .*", text)
    assert example is not None
    assert commands is not None
    (tmp_path / "read_disturb_procedure.py").write_text(example.group(1), encoding="utf-8")
    (tmp_path / "broken_procedure.py").write_text("import nothing_of_that_name")
    code, out, err = cli("run", "--list")
    assert code == 0
    assert "read_disturb_procedure.py" in out
    assert err == (
        "labsyn: broken_procedure.py, line 1: ModuleNotFoundError: No module named "
        "'nothing_of_that_name'; the file is left out\n"
    )
    code, out, _ = cli("run", "read_disturb", "--help")
    assert "Number of reads" in out
    words = [word.strip('"') for word in re.findall(r'(?:[^ "]|"[^"]*")+', commands.group())]
    code, out, _ = cli(*(word.replace('"', "") for word in words[1:]))
    assert code == 0
    assert "finished, 1000 rows, 0 flagged" in out
    code, out, _ = cli("run", "read_disturb_procedure.py", *OVER[:2], "--die", "r1c2")
    assert code == 0
    (path,) = [path for path in Path("runs").glob("*.h5") if Run.open(path).n_rows == 100]
    assert Run.open(path).metadata["sample"]["die"] == "r1c2"


def test_over_dies(cli: Cli) -> None:
    code, out, err = cli("run", "pulse_train", *OVER, *SHORT, "--note", "new tips")
    assert code == 0
    assert err.splitlines()[0] == "3 runs of pulse_train-dies, 0.36 s of simulated time"
    assert "2/3 002-r1c2-pulse_train finished; " in err
    (folder,) = Path("runs").iterdir()
    assert f"{folder / 'summary.csv'}: 3 of 3 runs finished" in out
    assert "002-r1c2-pulse_train.h5" in out
    with (folder / "summary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["die"], row["status"], row["rows"]) for row in rows] == [
        (die, "finished", "7") for die in ("r1c1", "r1c2", "r2c2")
    ]
    run = Run.open(folder / rows[0]["file"])
    assert "new tips" in [event["text"] for event in run.events]


def test_over_dies_on_the_twin(cli: Cli) -> None:
    code, out, _ = cli("run", "pulse_train", *OVER, *SHORT, "--dry-run")
    assert code == 0
    assert "1.6 V" in out
    assert "3 runs, " in out
    code, out, _ = cli("run", "pulse_train", *OVER, *SHORT, "--dry-run", "--json")
    played = json.loads(out)
    assert [each["die"] for each in played] == ["r1c1", "r1c2", "r2c2"]
    assert [each["n_pulses"] for each in played] == [6, 6, 6]
    code, out, _ = cli("run", "pulse_train", *OVER[:2], "--die", "r2c2", *SHORT, "--dry-run")
    assert code == 0
    assert "highest voltage" in out
    assert not Path("runs").exists()


SEQUENCE = """
[[step]]
procedure = "pulse_train"
set = { n_cycles = 1, n_pulses = 3, on_compliance = "stop" }
loop = { compliance_current = ["1 mA", "1 uA"] }
"""


def test_a_sequence_of_which_one_run_fails_says_1(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "queue.toml").write_text(SEQUENCE)
    code, out, err = cli("run", "queue.toml", "--device", "lixcoo2", "--json")
    assert code == 1
    told = json.loads(out)
    assert [run["status"] for run in told["runs"]] == ["finished", "failed"]
    assert told["left"] == 0
    assert "go on with" not in err
    code, out, err = cli("run", "queue.toml", "--device", "lixcoo2", "--dry-run")
    assert code == 1
    assert "compliance of" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("queue.toml", "--bench", ARRAY / "bench.toml"), "no die is selected, and the"),
        (("queue.toml", "--device", "lixcoo2", "--set", "n_pulses=1"), "write both into queue"),
        (("none.toml", "--device", "lixcoo2"), "none.toml does not exist"),
        (("pulse_train", *OVER, *SHORT, "--set", "n_pulses=9"), "--set n_pulses is given twi"),
        (("pulse_train", *OVER, "--resume", "none"), "none is no folder of a sequence"),
        (("pulse_train", "--device", "lixcoo2", "--resume", "x"), "--resume goes with --over"),
        (("pulse_train", *OVER, "--set", "pulse_widht=1"), "did you mean 'pulse_width'"),
        (("pulse_train", "--device", "lixcoo2", "--die", "A1"), "no die 'A1'; it has none"),
        (("pulse_trian", *OVER), "did you mean 'pulse_train'"),
        (
            ("iv_sweep", *OVER),
            "dies.csv, line 3): iv_sweep has no parameter 'potentiation_voltage'",
        ),
        (("queue.toml", *OVER, "--die", "r1c1"), "--die names one die"),
        ((ARRAY / "queue.toml", *OVER[:2], "--die", "r1c1"), "queue.toml says over which; lea"),
        (("queue.toml", "--help"), "queue.toml is a sequence; --dry-run, with a bench, shows"),
    ],
)
def test_wrong_usage(cli: Cli, tmp_path: Path, words: tuple[object, ...], message: str) -> None:
    (tmp_path / "queue.toml").write_text(SEQUENCE)
    code, out, err = cli("run", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert not Path("runs").exists()


def test_a_limit_says_which_run_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "queue.toml").write_text(SEQUENCE.replace("1 uA", "2 A"))
    code, _, err = cli("run", "queue.toml", "--device", "lixcoo2")
    assert code == 2
    assert "compliance_current = '2 A' is refused: allowed is 1e-09 to 1 A" in err
    (tmp_path / "queue.toml").write_text(SEQUENCE.replace("1 uA", "0.5 A"))
    code, _, err = cli("run", "queue.toml", "--device", "lixcoo2")
    assert code == 2
    assert "of 500 mA at top exceeds the limit of 1 mA" in err
    assert "002-pulse_train of 2 (compliance_current=0.5 A), of queue.toml, step 1\n" in err
    (tmp_path / "d.csv").write_text("die\nr1c1\nr1x2\n")
    code, _, err = cli("run", "pulse_train", *OVER[:2], "--over", "d.csv")
    assert code == 2
    assert "the bench file has no die 'r1x2'; did you mean 'r1c2'?" in err
    assert "this is run 002-r1x2-pulse_train of 2, of d.csv, line 3\n" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_ctrl_c_says_130_and_how_to_go_on(cli: Cli, tmp_path: Path) -> None:
    words = ["run", "pulse_train", *map(str, OVER), "--set", "n_cycles=1600", "-o", "out"]
    child = subprocess.Popen(
        [sys.executable, "-m", "labsyn", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/*/*.part")) and time.monotonic() < deadline:
        assert child.poll() is None, child.communicate()
        time.sleep(0.02)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "aborted" in out
    hint = re.search(r"labsyn: 3 of 3 runs are left; go on with: labsyn (.*)", err)
    assert hint is not None
    (folder,) = (tmp_path / "out").iterdir()
    assert hint.group(1).endswith(f"--resume {folder.relative_to(tmp_path)}")
    resumed = [word for word in words if not word.startswith("n_cycles")]
    resumed.remove("--set")
    code, out, err = cli(*resumed, *SHORT, "--resume", folder)
    assert code == 0, err
    assert "001-r1c1-pulse_train-2.h5" in out


def test_seconds_in_words() -> None:
    assert [in_words(s) for s in (0, 0.5, 59.9, 60, 200, 3600, 7500, 90061)] == [
        "0 s", "0.5 s", "59.9 s", "1 min", "3 min 20 s", "1 h", "2 h 5 min", "1 d 1 h"
    ]  # fmt: skip


def test_what_stops_the_bench_says_3_and_how_to_go_on(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: GuardedReader) -> None:
        raise InstrumentDisconnected("smu: no answer")

    with monkeypatch.context() as patch:
        patch.setattr(GuardedReader, "read", lost)
        code, out, err = cli("run", "pulse_train", *OVER, *SHORT)
    (folder,) = Path("runs").iterdir()
    assert code == 3
    assert "InstrumentDisconnected: smu: no answer" in re.sub(r"[\s│]+", " ", out)
    assert "labsyn: smu: no answer\n" in err
    assert f"3 of 3 runs are left; go on with: labsyn run pulse_train --bench {OVER[1]}" in err
    assert f"--resume {folder}\n" in err
    again = ("run", "pulse_train", *OVER, *SHORT, "--resume", folder)
    code, out, err = cli(*again)
    assert (code, "3 of 3 runs finished" in out) == (0, True)
    code, out, err = cli(*again)
    assert err.count("finished (measured before)") == 3
    assert "go on with" not in err


def test_what_a_run_warns_of_is_told_at_its_end(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = cli("run", "breakdown", "--device", "mtj", "--set", "first_voltage=1.5 V")
    assert (code, "finished" in out) == (0, True)
    assert re.search(r"^labsyn: breakdown: breakdown at [\d.]+ V \(survived ", err, re.M)
    assert "more warnings" not in err
    monkeypatch.setattr("labsyn.cli.console._MOST_WARNINGS", 1)
    code, out, err = cli("run", "breakdown", "--device", "mtj", "--set", "first_voltage=1.5 V")
    assert code == 0
    assert "breakdown at" not in err
    assert re.search(r"^labsyn: 1 more warnings: labsyn show runs.\S+\.h5$", err, re.M)
    assert "breakdown" not in cli("run", "pulse_train", "--device", "lixcoo2", *SHORT)[2]


@pytest.mark.parametrize("procedure", ["breakdown", "field_loop"])
def test_a_lock_in_that_is_lost_is_told_with_what_ended_the_run(
    procedure: str, cli: Cli, tmp_path: Path
) -> None:
    """The sine may still be on: exit code 4; and the file, and the message that failed."""
    cli("bench", "init", "mtj")
    path = tmp_path / "bench.toml"
    fault = 'faults = [{ kind = "disconnect", after = 40 }]'
    text = path.read_text(encoding="utf-8").replace(
        'driver = "SR830"', f'{fault}\ndriver = "SR830"'
    )
    path.write_text(text, encoding="utf-8")
    code, _, err = cli("run", procedure, "--bench", path, "--set", "read_voltage=3.4 V")
    told = [line for line in err.splitlines() if line.startswith("labsyn: ")]
    assert code == 4
    assert len(told) == 3
    assert told[0].startswith("labsyn: could not make safe: lock_in")
    assert re.match(
        r"labsyn: the run ended because of: Stanford \S+ \S+ SR830 is lost", told[1]
    )
    assert re.match(rf"labsyn: the run is kept in runs.\S+-{procedure}.h5", told[2])

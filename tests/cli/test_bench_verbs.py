"""``labsyn bench init | show | check | schema`` and the wire log of ``labsyn run``."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.run import Run
from labsyn.drivers.bench_model import BenchConfig, json_schema
from labsyn.drivers.config import STARTERS, load_config, starter

Cli = Callable[..., tuple[int, str, str]]

BENCH = """
ground = ["bottom"]

[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"

[instruments.switch]
driver = "Keithley3706A"
resource = "TCPIP0::192.168.0.7::INSTR"
paths = { 1101 = ["smu/1", "1:top"], 1102 = ["smu/1", "2:top"] }

[instruments.spare]
driver = "SR830"
resource = "GPIB0::8::INSTR"

[roles.pulse_source]
instrument = "smu"
path = ["1101"]

[roles.reader]
instrument = "smu"
path = ["1101"]

[roles.switch]
instrument = "switch"

[limits]
voltage = "2 V"
current = "500 uA"
n_pulses = 100

[limits.devices.2]
voltage = "1 V"

[dies.A2]
paths = { reader = ["1102"] }

[simulation]
device = "lixcoo2"
n_devices = 2
"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH)
    return path


@pytest.fixture
def nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was opened")

    monkeypatch.setattr("pyvisa.ResourceManager.open_resource", refuse)


@pytest.mark.usefixtures("nothing_is_opened")
def test_show_is_the_wiring_and_the_limits(cli: Cli, bench: Path) -> None:
    code, out, _ = cli("bench", "show", bench)
    assert code == 0
    assert "a simulated bench (lixcoo2, seed 0)" in out
    lines = out.splitlines()
    (source,) = [line for line in lines if "pulse_source" in line]
    for cell in ("smu", "KeysightB1500A", "GPIB0::17::INSTR", " 1 ", "1101", "1:top", "2 V"):
        assert cell in source
    (die,) = [line for line in lines if "reader, die A2" in line]
    for cell in ("1102", "2:top", "voltage 1 V"):
        assert cell in die
    assert any("spare" in line and "SR830" in line for line in lines)
    assert any("[limits.devices.2]" in line and "1 V" in line for line in lines)
    assert any("pulse_width" in line and "default" in line for line in lines)
    assert "ground: bottom" in out


@pytest.mark.usefixtures("nothing_is_opened")
def test_show_for_programs(cli: Cli, bench: Path) -> None:
    code, out, _ = cli("bench", "show", bench, "--json")
    assert code == 0
    shown = json.loads(out)
    assert shown["simulated"] is True
    assert shown["ground"] == ["bottom"]
    rows = {row["role"]: row for row in shown["wiring"]}
    assert rows["pulse_source"]["relays"] == ["1101"]
    assert rows["pulse_source"]["limits"]["voltage"] == 2.0
    assert rows["reader, die A2"]["limits"]["voltage"] == 1.0
    assert {
        "limit": "voltage",
        "value": 1.0,
        "text": "1 V",
        "section": "[limits.devices.2]",
    } in (shown["limits"])


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (("n_devices = 2", "n_devices = 2\nenabled = false"), "a real bench, with a simulated"),
        ((BENCH[BENCH.index("[simulation]") :], ""), "a real bench"),
    ],
)
@pytest.mark.usefixtures("nothing_is_opened")
def test_show_says_what_is_real(
    cli: Cli, bench: Path, change: tuple[str, str], kind: str
) -> None:
    bench.write_text(BENCH.replace(*change))
    code, out, _ = cli("bench", "show", bench)
    assert code == 0
    assert kind in out
    assert json.loads(cli("bench", "show", bench, "--json")[1])["simulated"] is False


FIELD = """
[instruments.magnet]
driver = "KepcoBOP"
resource = "GPIB0::6::INSTR"

[instruments.meter]
driver = "LakeShore425"
resource = "ASRL3::INSTR"

[instruments.lock_in]
driver = "SR830"
resource = "GPIB0::8::INSTR"

[roles.field]
instrument = "magnet"
coil_constant = "25 mT/A"
gaussmeter = "meter"

[wiring]
"lock_in/sine" = "top"
"""


def test_show_a_field_and_an_output_without_a_role(cli: Cli, bench: Path) -> None:
    bench.write_text(FIELD)
    code, out, _ = cli("bench", "show", bench, "--json")
    assert code == 0
    rows = {row["instrument"]: row for row in json.loads(out)["wiring"]}
    assert (rows["magnet"]["role"], rows["magnet"]["limits"]) == ("field", {"field": 0.4})
    assert rows["meter"]["role"] == "field, measured"
    assert (rows["lock_in"]["output"], rows["lock_in"]["terminal"]) == ("sine", "top")


def test_check_prints_a_line_each(cli: Cli, bench: Path) -> None:
    code, out, err = cli("bench", "check", bench, "--drive")
    assert (code, err) == (0, "")
    assert "ok          smu: KeysightB1500A at GPIB0::17::INSTR" in out
    assert "ok          switch 1102: closes and opens" in out
    assert out.splitlines()[-1].startswith("ok          [roles.reader]: ")


@pytest.mark.parametrize(
    ("faults", "code", "level"),
    [
        ('[{ kind = "disconnect" }]', 3, "unreachable"),
        ('[{ kind = "answer", match = "IDN", text = "SOMEBODY,1,2,3" }]', 1, "failed"),
        ('[{ kind = "duplicate", match = "IDN" }]', 0, "warning"),
        ('[{ kind = "disconnect", match = "SLVL0", times = 9 }]', 4, "unsafe"),
    ],
)
def test_check_says_what_is_wrong_by_its_exit_code(
    cli: Cli, bench: Path, faults: str, code: int, level: str
) -> None:
    head = "[instruments.spare]\n"
    bench.write_text(BENCH.replace(head, f"{head}faults = {faults}\n"))
    found, out, _ = cli("bench", "check", bench, "--json")
    assert found == code
    assert any(each["what"] == "spare" and each["level"] == level for each in json.loads(out))


@pytest.mark.parametrize("kind", STARTERS)
def test_a_starter_file_is_written_shown_and_checked(
    cli: Cli, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "bench.toml"
    code, out, _ = cli("bench", "init", kind, "-o", path)
    assert code == 0
    assert out.startswith(f"written: {path}")
    assert f"labsyn bench check {path}" in out
    assert path.read_text("utf-8") == starter(kind)
    code, out, _ = cli("bench", "show", path, "--json")
    assert code == 0
    assert json.loads(out)["wiring"]
    code, out, err = cli("bench", "check", path, "--drive", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {each["level"] for each in found} <= {"ok", "warning"}
    assert found[-1]["what"] == "[roles.reader]"
    assert "S at " in found[-1]["text"]


def test_init_never_writes_over_a_file(cli: Cli, bench: Path) -> None:
    code, out, err = cli("bench", "init", STARTERS[0], "-o", bench)
    assert (code, out) == (1, "")
    assert f"{bench} is there already; choose another name with -o" in err
    assert bench.read_text() == BENCH


def test_init_of_a_kind_that_there_is_not(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("bench", "init", "mjt", "-o", tmp_path / "x.toml")
    assert (code, out) == (2, "")
    assert "mjt" in err
    assert all(kind in err for kind in STARTERS)
    assert not (tmp_path / "x.toml").exists()


def test_init_where_nothing_can_be_written(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("bench", "init", STARTERS[0], "-o", tmp_path / "none" / "x.toml")
    assert code == 1
    assert "cannot write" in err


def test_check_of_no_bench_file(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("bench", "check", tmp_path / "none.toml")
    assert (code, out) == (2, "")
    assert "none.toml does not exist" in err


def test_the_schema(cli: Cli) -> None:
    code, out, _ = cli("bench", "schema")
    assert code == 0
    schema = json.loads(out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["properties"]) == set(BenchConfig.model_fields)
    for name in _references(schema):
        assert name in schema["$defs"], name
    voltage = schema["$defs"]["TighterLimits"]["properties"]["voltage"]["anyOf"][0]
    assert voltage["type"] == ["number", "string"]
    assert "V" in voltage["description"]
    for section in [schema, *schema["$defs"].values()]:
        assert section["additionalProperties"] is False  # an editor marks a wrong key


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for item in schema for name in _references(item)]
    if not isinstance(schema, dict):
        return []
    here = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
    return here + [name for value in schema.values() for name in _references(value)]


DOCS = Path(__file__).parents[2] / "docs" / "bench.md"


def documented() -> list[str]:
    """Return the bench files of the documentation, and the parts of some."""
    return [
        block.partition("```")[0]
        for block in DOCS.read_text(encoding="utf-8").split("```toml\n")[1:]
    ]


@pytest.mark.parametrize("text", documented())
def test_every_key_of_the_documentation_is_one_of_the_schema(text: str) -> None:
    schema = json_schema()
    _check_keys(tomllib.loads(text), schema, schema["$defs"], "")


@pytest.mark.parametrize("text", [text for text in documented() if "[roles." in text])
def test_every_whole_bench_of_the_documentation_is_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    config = load_config(path)
    assert config.roles.reader is not None


def _check_keys(value: Any, schema: dict[str, Any], sections: dict[str, Any], at: str) -> None:
    """Walk a table beside its schema; raise AssertionError at a key that it does not know."""
    for option in schema.get("anyOf", []):
        if "$ref" in option:
            schema = option
    if "$ref" in schema:
        schema = sections[schema["$ref"].rpartition("/")[2]]
    if not isinstance(value, dict):
        return
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, item in value.items():
        assert key in known or others, f"{at}.{key}"
        below = known.get(key, others)
        if isinstance(below, dict):
            _check_keys(item, below, sections, f"{at}.{key}")


def test_a_wrong_key_is_none_of_the_schema() -> None:
    schema = json_schema()
    with pytest.raises(AssertionError, match=r"limits\.voltgae"):
        _check_keys({"limits": {"voltgae": 1}}, schema, schema["$defs"], "")


def test_run_writes_a_wire_log(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "wire.log"
    words = ("run", "pulse_train", "--device", "lixcoo2", "--set", "n_cycles=1",
             "-o", tmp_path, "--wire-log", log)  # fmt: skip
    assert cli(*words)[0] == 0
    first = len(log.read_text("utf-8").splitlines())
    assert first > 100
    assert cli(*words)[0] == 0
    assert len(log.read_text("utf-8").splitlines()) > 1.5 * first  # it is appended to
    code, _, err = cli(*words, "--dry-run")
    assert code == 2
    assert "--wire-log goes with a run" in err


def test_a_run_file_holds_the_limits_it_was_made_under(cli: Cli, bench: Path) -> None:
    runs = bench.parent / "runs"
    words = ("run", "pulse_train", "--bench", bench, "--set", "n_cycles=1",
             "--set", "compliance_current=400 uA", "-o", runs)  # fmt: skip
    assert cli(*words)[0] == 0
    (path,) = runs.glob("*.h5")
    made = Run.open(path).metadata
    assert made["limits"]["voltage"] == 2.0
    assert made["limits"]["current"] == pytest.approx(5e-4)
    assert made["bench"]["limits"]["devices"]["2"]["voltage"] == 1.0
    assert made["bench_file"] == BENCH


def test_run_on_a_bench_without_the_role_opens_nothing(cli: Cli, bench: Path) -> None:
    bench.write_text(FIELD)
    words = ("run", "pulse_train", "--bench", bench, "-o", bench.parent / "runs")
    code, out, err = cli(*words, "--wire-log", bench.parent / "wire.log")
    assert (code, out) == (2, "")
    assert "the bench has no pulse_source: add [roles.pulse_source]" in err
    assert not (bench.parent / "wire.log").exists()


def test_a_bench_that_another_program_drives_says_3(
    cli: Cli, bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABSYN_LOCKS", str(tmp_path / "locks"))
    bench.write_text(BENCH[: BENCH.index("[simulation]")])
    hold = (
        "import sys; from labsyn.drivers.resource_lock import ResourceLock\n"
        "lock = ResourceLock.taken('GPIB0::17::INSTR'); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ),
    ) as other:  # fmt: skip
        assert other.stdout is not None
        other.stdout.readline()
        code, out, err = cli("run", "pulse_train", "--bench", bench, "-o", tmp_path / "runs")
        assert (code, out) == (3, "")
        assert f"GPIB0::17::INSTR is driven by process {other.pid}" in err
        other.communicate("")


def test_every_limit_and_role_is_documented() -> None:
    from labsyn.drivers.casting import PLAYERS
    from labsyn.drivers.limits import UNITS

    text = DOCS.read_text(encoding="utf-8")
    for name in [*UNITS, *PLAYERS, *BenchConfig.model_fields]:
        assert f"`{name}`" in text or f"[{name}" in text, name
    for players in PLAYERS.values():
        for driver in players:
            assert f"`{driver}`" in text

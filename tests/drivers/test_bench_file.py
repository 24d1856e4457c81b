"""Bench files that do not agree with themselves: each mistake is one sentence."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.errors import ConfigError, LimitError, RoleError
from labsyn.drivers.bench import Bench
from labsyn.drivers.config import STARTERS, load_config, starter

TITANIA = starter("titania")
MTJ = starter("mtj")


@pytest.mark.parametrize("kind", STARTERS)
def test_starters_are_benches_to_work_on(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(starter(kind), encoding="utf-8")
    with Bench.open(path) as bench:
        assert bench.is_simulated
        assert bench.describe()["device_truth"]["device"] == kind
        for role in bench.config.roles.sources():
            getattr(bench, role)
        assert bench.warnings == []


@pytest.mark.parametrize("kind", STARTERS)
def test_a_starter_is_made_real_by_one_word(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(starter(kind).replace("enabled = true", "enabled = false"), "utf-8")
    assert not load_config(path).is_simulated
    with Bench.open_twin(path) as twin:  # for dry runs
        assert twin.is_simulated
    text = starter(kind)
    path.write_text(text[: text.index("[simulation]")], encoding="utf-8")
    assert not load_config(path).is_simulated


def test_an_unknown_starter() -> None:
    with pytest.raises(ConfigError, match="no starter bench 'mjt'; there are lixcoo2, titania"):
        starter("mjt")


@pytest.mark.parametrize("kind", ["titania", "mtj"])
def test_simulated_benches_are_the_starters(kind: str) -> None:
    config = tomllib.loads(starter(kind))
    with Bench.simulated(kind, seed=7) as bench:
        assert set(bench.config.instruments) == set(config["instruments"])
        assert bench.describe()["seed"] == 7
    parameters: dict[str, Any] = {"hrs": 900.0} if kind == "titania" else {"tmr": 0.5}
    with Bench.simulated(kind, **parameters) as bench:
        assert parameters.items() <= bench.describe()["device_truth"].items()


@pytest.mark.parametrize(
    ("text", "old", "new", "kind", "message"),
    [
        (
            MTJ, "[roles.pulse_source]",
            '[roles.sweeper]\ninstrument = "lock_in"\n[roles.pulse_source]', RoleError,
            r"a SR830 cannot play sweeper; drivers that can: KeysightB1500A",
        ),
        (
            MTJ, 'instrument = "coil"', 'instrument = "generator"', RoleError,
            r"a Keysight81160A cannot play field; drivers that can: KepcoBOP",
        ),
        (
            MTJ, 'gaussmeter = "gaussmeter"', 'gaussmeter = "lock_in"', ConfigError,
            r"\[roles.field\] gaussmeter is 'lock_in', no LakeShore425",
        ),
        (
            MTJ, 'load = "300 ohm"', "", ConfigError,
            r"\[roles.pulse_source\] needs load, the resistance that the Keysight81160A drives",
        ),
        (
            TITANIA, "channel = 1                       # slot of the SMU", "channel = 301",
            ConfigError,
            r"\[roles.pulse_source\] channel 301 is a pulse generator: it needs load",
        ),
        (
            MTJ, 'reference_resistance = "1 Mohm"', "", ConfigError,
            r"\[roles.reader\] needs reference_resistance, the resistor between the sine of",
        ),
        (
            TITANIA, "return_channel = 2", 'time_constant = "1 s"', ConfigError,
            r"time_constant means nothing to an SMU of a KeysightB1500A; it is for SR830, SR8",
        ),
        (
            TITANIA, "return_channel = 2", 'input_across = "reference"', ConfigError,
            r"\[roles.reader\] input_across means nothing to an SMU of a KeysightB1500A",
        ),
        (
            TITANIA, "[roles.sweeper]", "[roles.sweeper]\naveraging = 3", ConfigError,
            r"\[roles.sweeper\] averaging is 3: it is for a reader",
        ),
        (
            MTJ, 'reference_resistance = "1 Mohm"',
            'averaging = 3\nreference_resistance = "1 Mohm"', ConfigError,
            r"\[roles.reader\] averaging means nothing to a SR830",
        ),
        (
            TITANIA, "return_channel = 2", 'load = "1 kohm"', ConfigError,
            r"\[roles.reader\] load means nothing to an SMU .* KeysightB1500A \(SPGU\)",
        ),
        (
            TITANIA, '[roles.switch]\ninstrument = "matrix"', "", ConfigError,
            r"\[roles.pulse_source\] path needs a switch: add \[roles.switch\]",
        ),
        (
            MTJ, 'terminal = "channel_a"', 'terminal = "top"', ConfigError,
            r"lock_in/sine is wired to terminal 'top', where generator/1 is already; two",
        ),
        (
            MTJ, 'terminal = "channel_a"', 'terminal = "channel_b"', ConfigError,
            r"generator/1 is wired to 'channel_b', which is ground",
        ),
        (
            TITANIA, "forbidden = []", 'forbidden = ["1104"]', ConfigError,
            r"\[roles.pulse_source\] path closes channel 1104, which is forbidden",
        ),
        (
            TITANIA, 'path = ["1101", "1203"', 'path = ["1101", "1201", "1203"', ConfigError,
            r"\[roles.reader\] path closes 1101 and 1201, which may never be closed together",
        ),
        (
            TITANIA, 'path = ["1101", "1203"', 'path = ["1201", "1203"', ConfigError,
            r"path connects nothing: none of 1201, 1203, 1302, 1304 leads from smu/1 to a",
        ),
        (
            TITANIA, 'path = ["1101", "1203"', 'path = ["1109", "1203"', ConfigError,
            r"channel 1109, of which \[instruments.matrix.paths\] does not say what",
        ),
        (
            TITANIA, 'path = ["1101", "1203"', 'path = ["101", "1203"', LimitError,
            r"'101' is no channel name",
        ),
        (
            TITANIA, "ground = []", 'ground = ["T2"]', ConfigError,
            r"\[roles.pulse_source\] path brings smu/1 to terminal 'T2', where ground is",
        ),
        (
            TITANIA, "ground = []", 'ground = []\nwiring = { "smu/2" = "T1" }', ConfigError,
            r"path brings ground to terminal 'T1', where smu/2 is already",
        ),
        (
            TITANIA, "return_channel = 2", "return_channel = 1", ConfigError,
            r"\[roles.reader\] return_channel is 1: it is for a reader, and another SMU",
        ),
        (
            TITANIA, "return_channel = 2", "return_channel = 3", ConfigError,
            r"return_channel: no relay of 1101, 1203, 1302, 1304 leads to smu/3",
        ),
        (
            TITANIA, "[limits.terminals.T1]", "[limits.terminals.T9]", ConfigError,
            r"\[limits.terminals.T9\]: no output reaches 'T9'; the bench has T1, T2, T3, T4",
        ),
        (
            TITANIA, "[simulation]", '[dies.A]\npaths = { readr = ["1101"] }\n[simulation]',
            ConfigError, r"\[dies.A\] paths names the role 'readr', there are pulse_source",
        ),
        (
            TITANIA, "[simulation]", '[dies.A]\npaths = { sweeper = ["1203"] }\n[simulation]',
            ConfigError, r"\[dies.A\] paths.sweeper connects nothing: none of 1203 leads",
        ),
    ],
)  # fmt: skip
def test_a_bench_file_that_does_not_agree(
    tmp_path: Path, text: str, old: str, new: str, kind: type[Exception], message: str
) -> None:
    assert old in text
    path = tmp_path / "bench.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as refused:
        load_config(path)
    assert str(refused.value).startswith(str(path))
    assert isinstance(refused.value.__cause__, kind)
    assert "\n" not in str(refused.value)


def test_a_return_channel_that_is_wired_for_good(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    wired = """
ground = ["T2", "T4"]
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
[roles.reader]
instrument = "smu"
return_channel = 2
terminal = "T1"
[wiring]
"smu/2" = "T3"
[limits]
current = "10 mA"
[simulation]
device = "titania"
parameters = { sigma_read = 0.0 }
"""
    path.write_text(wired)
    with Bench.open(path) as bench:
        bench.reader.setup_reads(voltage=0.1, compliance_current=1e-2)
        assert 1 / bench.reader.read().conductance == pytest.approx(880, rel=1e-3)
    path.write_text(wired.replace('[wiring]\n"smu/2" = "T3"', ""))
    with pytest.raises(ConfigError, match=r"\[wiring\] does not say where smu/2 leads"):
        load_config(path)

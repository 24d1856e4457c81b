"""What is said of the temperature of a sample, through run, file, search and fit."""

from pathlib import Path
from typing import Any

import pytest

from labsyn.analysis.characterise import characterise
from labsyn.data.catalogue import Catalogue
from labsyn.data.errors import ConfigError
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.queue import Queue
from labsyn.procedures.runner import measure
from labsyn.procedures.sample import described


def run_at(folder: Path, said: Any, **device: Any) -> Run:
    train = PulseTrain(n_pulses=10, n_cycles=2)
    with Bench.simulated("lixcoo2", seed=1, **device) as bench:
        return measure(train, bench, folder, sample={"temperature": said})


def told(run: Run) -> list[tuple[str, str]]:
    return [(event["kind"], event["text"]) for event in run.events]


@pytest.mark.parametrize("said", [323.15, "323.150", "323.15 K", "50 °C", "50degC"])
def test_it_is_stored_in_kelvin(said: Any) -> None:
    assert described({"wafer": "W1", "temperature": said}) == {
        "wafer": "W1", "temperature": pytest.approx(323.15, abs=1e-9),
    }  # fmt: skip


@pytest.mark.parametrize("sample", [{}, {"wafer": "W1"}, {"temperature": ""}])
def test_what_says_nothing_of_it_stays(sample: dict[str, Any]) -> None:
    assert described(sample) == sample


@pytest.mark.parametrize("said", ["room", "50 C", "3 V", 0, "-5 K", None, "nan"])
def test_what_is_no_temperature_is_refused_before_anything_is_sent(
    tmp_path: Path, said: Any
) -> None:
    with pytest.raises(ConfigError, match=r"the temperature of the sample is .*; it is in "):
        run_at(tmp_path / "runs", said)
    assert not (tmp_path / "runs").exists()
    with Bench.simulated() as bench, pytest.raises(ConfigError, match="temperature of the sam"):
        Queue("q", [], bench, tmp_path, sample={"temperature": said})


def test_the_run_tells_of_it(tmp_path: Path) -> None:
    run = run_at(tmp_path, "50 °C", temperature=323.15)
    assert run.metadata["sample"]["temperature"] == pytest.approx(323.15)
    assert told(run) == [("temperature", "the sample is said to be at 323.15 K")]
    assert run.events[0]["temperature"] == pytest.approx(323.15)


def test_a_simulated_device_that_is_at_another_one_is_told_of(tmp_path: Path) -> None:
    run = run_at(tmp_path, 323.15)
    kind, text = told(run)[1]
    assert kind == "warning"
    assert text.startswith("the simulated device is at 298.15 K, not at the 323.15 K that")


def test_it_is_found_with_what_a_fit_found(tmp_path: Path) -> None:
    for kelvin in (298.15, 348.15):
        run = run_at(tmp_path, kelvin, temperature=kelvin)
        characterise(run).save(run.path.with_suffix(".fit.json"))
    found = Catalogue(tmp_path).search("temperature > '50 °C' and beta_P > 0")
    assert [entry.sample["temperature"] for entry in found] == [348.15]

"""A dry run tells what a run would do, and touches nothing real."""

import socket
from pathlib import Path
from typing import Any

import pytest
import pyvisa

from labsyn.data.errors import ConfigError, LimitError, RoleError
from labsyn.drivers.bench import Bench
from labsyn.procedures.dry_run import DryRun, dry_run
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

REAL = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "TCPIP0::127.0.0.1::9::SOCKET"
faults = [{ kind = "timeout", match = "TI" }]

[roles.pulse_source]
instrument = "smu"

[roles.reader]
instrument = "smu"

[limits]
voltage = "2 V"
power = "3 mW"
run_time = "1 h"

[simulation]
device = "lixcoo2"
enabled = false
"""


@pytest.fixture
def real(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(REAL)
    return path


def test_nothing_real_is_opened(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    manager = pyvisa.ResourceManager

    def spied(library: Any = "") -> Any:
        opened.append(library)
        return manager(library)

    def refused(*args: Any) -> None:
        raise AssertionError("a dry run opened a socket")

    monkeypatch.setattr(pyvisa, "ResourceManager", spied)
    monkeypatch.setattr(socket.socket, "connect", refused)
    with Bench.open_twin(real, roles=PulseTrain.ROLES) as twin:
        done = dry_run(PulseTrain(n_cycles=1), twin)
    assert done.n_rows == 61
    assert {type(library).__name__ for library in opened} == {"LabsynVisaLibrary"}


def test_it_tells_what_the_run_then_does(tmp_path: Path) -> None:
    train = PulseTrain(n_cycles=2, n_pulses=20, compliance_current="40 uA")
    with Bench.simulated("lixcoo2", seed=4) as bench:
        told = measure(train, bench, tmp_path / "runs", dry_run=True)
        assert isinstance(told, DryRun)
        assert not (tmp_path / "runs").exists()
        assert bench.clock.now() == 0  # the bench itself has not moved
        started = bench.clock.now()
        run = measure(train, bench, tmp_path / "runs")
        took = bench.clock.now() - started
    assert told.duration == pytest.approx(took, rel=0.05)
    assert train.get_estimates() == pytest.approx(took, rel=0.05)
    assert told.n_rows == run.n_rows == 81
    assert told.account == bench.account.total()
    assert told.account.n_pulses == 80
    assert told.account.peak_voltage == 1.5
    assert told.account.peak_current == pytest.approx(40e-6, rel=0.01)  # in compliance
    assert told.n_flagged == run.n_rows - run.mask().sum() > 0
    assert told.file_size == pytest.approx(run.path.stat().st_size, rel=0.2)
    pulses = run["pulse_current"][1:] * run["pulse_voltage"][1:] * train.pulse_width
    assert told.account.energy == pytest.approx(abs(pulses).sum(), rel=1e-6)


def test_limits_are_those_of_the_file(real: Path) -> None:
    with Bench.open_twin(real) as twin:
        done = dry_run(PulseTrain(n_cycles=1), twin)
        rows = {row[0]: row[1:] for row in done.rows()}
        assert rows["highest voltage"] == ["1.5 V", "2 V", "75 %"]
        assert rows["energy of all pulses and sweeps"][1:] == ["none set", ""]
        assert rows["duration"][1] == "3.6 ks"
        with pytest.raises(LimitError, match=r"potentiation_voltage of -2.1 V at top"):
            dry_run(PulseTrain(potentiation_voltage=-2.1), twin)


def test_a_file_that_names_no_device_has_no_twin(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(REAL[: REAL.index("[simulation]")])
    with pytest.raises(ConfigError, match=r"which device its simulated twin has; add \[sim"):
        Bench.open_twin(path)


def test_a_missing_role_is_refused_before_anything_is_opened(real: Path) -> None:
    text = real.read_text()
    real.write_text(text[: text.index("[roles.reader]")] + text[text.index("[limits]") :])
    for opens in (Bench.open, Bench.open_twin):
        with pytest.raises(RoleError, match=r"no reader: add \[roles.reader\]"):
            opens(real, roles=PulseTrain.ROLES)

"""``labsyn bench off``: from a second terminal, one line an instrument, and a telling code."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labsyn.cli.main import main
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.server import BenchServer

StillOn = Callable[[SimulatedBench], list[str]]

REAL = """
watchdog = false

[instruments.smu]
driver = "KeysightB1500A"
resource = "TCPIP0::127.0.0.1::{smu}::SOCKET"

[instruments.lock_in]
driver = "SR830"
resource = "TCPIP0::127.0.0.1::{lock_in}::SOCKET"
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[SimulatedBench, Path]]:
    """Serve a driven bench; give it, and the file that calls it a real one."""
    instruments = {
        "smu": {"driver": "KeysightB1500A", "resource": "GPIB0::17::INSTR"},
        "lock_in": {"driver": "SR830", "resource": "GPIB0::8::INSTR"},
    }
    config = {"instruments": instruments, "simulation": {"device": "lixcoo2"}}
    bench = SimulatedBench.from_config(BenchConfig.model_validate(config))
    path = tmp_path / "bench.toml"
    with BenchServer(bench, port_base=0) as server:
        smu, lock_in = (port for _, port in server.addresses.values())
        path.write_text(REAL.format(smu=smu, lock_in=lock_in))
        yield bench, path


def off(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["labsyn", "bench", "off", str(path)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_a_bench_that_another_program_drives(
    served: tuple[SimulatedBench, Path],
    still_on: StillOn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulated, path = served
    with Bench.open(path) as bench:
        bench._connections["smu"].instrument.command("CN 1")
        bench._connections["smu"].instrument.command("DV 1,0,1,1E-3")
        bench._connections["lock_in"].instrument.amplitude = 1.0
        assert len(still_on(simulated)) == 2
        assert off(path, monkeypatch) == 0
        assert still_on(simulated) == []
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["smu", "lock_in"]
    assert all(line.endswith("is safe") for line in lines)


def test_one_that_cannot_be_reached_says_4(
    served: tuple[SimulatedBench, Path],
    still_on: StillOn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulated, path = served
    extra = '\n[instruments.gone]\ndriver = "SR860"\nresource = "TCPIP0::127.0.0.1::9::SOCKET"'
    path.write_text(path.read_text() + extra)
    simulated.instruments["GPIB0::17::INSTR"].write(b"CN 1\nDV 1,0,1,1E-3\n")
    assert off(path, monkeypatch) == 4
    assert still_on(simulated) == []
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("gone at TCPIP0::127.0.0.1::9::SOCKET could not be made safe")


def test_a_simulated_bench_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(
        '[instruments.smu]\ndriver = "KeysightB1500A"\nresource = "GPIB0::17::INSTR"\n'
        '[simulation]\ndevice = "lixcoo2"\n'
    )
    assert off(path, monkeypatch) == 2
    assert "has a [simulation]: nothing real is there" in capsys.readouterr().err

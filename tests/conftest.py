"""What tests share: outputs that are on, the MTJ's bench, a full disk, the command line."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from labsyn.cli.main import main
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_check_file import check_file
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.config import starter
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import FaultyInstrument
from labsyn.drivers.simulated.instrument import SimulatedInstrument

collect_ignore = ["data/fuzz_reader.py", "data/lies.py"]  # the program `test_fuzz` starts

StillOn = Callable[[SimulatedBench], list[str]]
OpenMTJ = Callable[..., Bench]
Cli = Callable[..., tuple[int, str, str]]
ANALYSER = {
    "driver": "KeysightB1500A",
    "resource": "GPIB0::17::INSTR",
    "simulated": {"modules": {"1": "B1517A", "3": "B1525A"}},
}


@pytest.fixture
def still_on() -> StillOn:
    """Return what names the outputs of a bench that are not at rest; empty if it is safe."""

    def look(bench: SimulatedBench) -> list[str]:
        with bench.lock:
            return [
                f"{address} {output}"
                for address, instrument in bench.instruments.items()
                for output in _driven(instrument)
            ]

    return look


def _driven(instrument: SimulatedInstrument) -> list[str]:
    """Look inside, past everything that an instrument could answer."""
    inside: Any = instrument.inner if isinstance(instrument, FaultyInstrument) else instrument
    match type(inside).__name__:
        case "SimulatedB1500A":
            return [
                f"{n}: {volts} V" for n, volts in inside.outputs().items() if volts is not None
            ]
        case "SimulatedKeithley3706A":
            return list(inside.relays.all_closed)
        case "SimulatedSR830" | "SimulatedSR860":
            return [
                f"{name}: {inside.settings[name]} V"
                for name in inside.settings
                if name[0] in ("SLVL", "SOFF", "AUXV") and inside.settings[name] > 0.004
            ]
        case "SimulatedKepcoBOP":
            left = [f"{inside.current} A"] if inside.current else []
            return [*left, f"{inside.voltage} V"] if inside.on else left
        case "SimulatedLakeShore425":
            return []
    return [f"{n}" for n, channel in inside.channels.items() if channel.output]


@pytest.fixture
def open_mtj() -> Iterator[OpenMTJ]:
    """Return what opens the bench of Kumar et al. with a chosen reader, source and device."""
    with ExitStack() as benches:

        def opened(
            reader: str = "SR830",
            source: str = "Keysight81160A",
            *,
            gaussmeter: bool = True,
            limits: dict[str, Any] | None = None,
            role: dict[str, Any] | None = None,
            instrument: dict[str, dict[str, Any]] | None = None,
            seed: int = 0,
            **parameters: Any,
        ) -> Bench:
            plain = tomllib.loads(starter("mtj"))
            _put_reader(plain, reader)
            _put_source(plain, source)
            if not gaussmeter:
                del plain["instruments"]["gaussmeter"], plain["roles"]["field"]["gaussmeter"]
            plain["limits"] |= limits or {}
            plain["roles"]["reader"] |= role or {}
            for name, options in (instrument or {}).items():
                plain["instruments"][name] |= options
            if parameters.get("n_cells", 1) == 3:
                plain["roles"]["pulse_source"]["load"] = 600.0
            plain["simulation"] |= {"seed": seed, "parameters": parameters}
            config = BenchConfig.model_validate(plain)
            check_file(config)
            return benches.enter_context(Bench(config))

        yield opened


def _put_reader(plain: dict[str, Any], reader: str) -> None:
    if reader == "SMU":
        del plain["instruments"]["lock_in"]
        plain["instruments"]["smu"] = ANALYSER
        plain["roles"]["reader"] = {"instrument": "smu", "channel": 1, "terminal": "top"}
    else:
        plain["instruments"]["lock_in"]["driver"] = reader


def _put_source(plain: dict[str, Any], source: str) -> None:
    if source == "SPGU":
        del plain["instruments"]["generator"]
        plain["instruments"]["smu"] = ANALYSER
        plain["roles"]["pulse_source"] |= {"instrument": "smu", "channel": 301}
    else:
        plain["instruments"]["generator"]["driver"] = source


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return what calls `labsyn` in this process: exit code, stdout and stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labsyn", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert isinstance(stop.value.code, int)
        return (stop.value.code, *capsys.readouterr())

    return call

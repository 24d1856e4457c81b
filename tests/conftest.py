"""What tests share: which outputs of a simulated bench are on, and a disk that fills up."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import FaultyInstrument
from labsyn.drivers.simulated.instrument import SimulatedInstrument

collect_ignore = ["data/fuzz_reader.py", "data/lies.py"]  # the program `test_fuzz` starts

StillOn = Callable[[SimulatedBench], list[str]]


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

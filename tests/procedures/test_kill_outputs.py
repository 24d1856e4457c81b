"""However a program on a real bench ends: afterwards every output is off, every relay open.

The bench is simulated and served over TCP, so that the program that is killed knows it as a
real one: real time, sessions of pyvisa-py, a watchdog.
"""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import Signals

import pytest

from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.server import BenchServer

StillOn = Callable[[SimulatedBench], list[str]]

INSTRUMENTS = {
    "smu": "KeysightB1500A",
    "switch": "Keithley3706A",
    "pulser": "Keysight81160A",
    "magnet": "KepcoBOP",
}
ROLE = {"instrument": "smu", "channel": 1, "terminal": "top"}

# Drives everything, says so on stdout, and goes on for ever in the way of its last argument.
CLIENT = """
import os, sys
from pathlib import Path
from labsyn import Bench, IVSweep, PulseTrain, measure

folder, way = Path(sys.argv[1]), sys.argv[2]

class Told(PulseTrain):
    hangs = False
    rows = 0

    def record(self, row):
        super().record(row)
        self.rows += 1
        if self.rows == 3:
            os.write(1, b"driven\\n")
            if self.hangs:
                analyser = bench._connections["smu"].instrument
                analyser.timeout = 600.0
                analyser.read()

def train():
    measure(Told(n_cycles=16_000), bench, folder, name="run")

def hang():
    Told.hangs = True
    train()

def sweep():
    class ToldSweep(IVSweep):
        sweeps = 0

        def record_rows(self, columns):
            super().record_rows(columns)
            self.sweeps += 1
            if self.sweeps == 2:
                os.write(1, b"driven\\n")

    measure(ToldSweep(n_sweeps=10_000, n_points=21), bench, folder, name="run")

def field():
    magnet = bench._connections["magnet"].instrument
    magnet.setup_current(voltage_limit=36.0)
    magnet.ramp_current(1.0)
    os.write(1, b"driven\\n")
    while True:
        magnet.ramp_current(6.0)
        magnet.ramp_current(-6.0)

with Bench.open(folder / "bench.toml") as bench:
    bench._connections["switch"].instrument.close_channels("1101", "1203")
    bench._connections["pulser"].instrument.ch_1.output = True
    {"train": train, "hang": hang, "sweep": sweep, "field": field}[way]()
"""
WAYS = ("train", "hang", "sweep", "field")
SIGNALS = (
    ("SIGKILL",) if sys.platform == "win32" else ("SIGKILL", "SIGINT", "SIGTERM", "SIGHUP")
)
PATIENCE = 60.0  # tells hanging from not hanging


class Client:
    """A program on a bench of its own."""

    def __init__(self, folder: Path, way: str, bench: SimulatedBench) -> None:
        self.bench, self.way = bench, way
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(folder), way],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def wait_until_driven(self) -> None:
        assert self._process.stdout is not None
        late = threading.Timer(PATIENCE, self._process.kill)
        late.start()
        said = self._process.stdout.readline()
        late.cancel()
        assert said == b"driven\n", self.end()

    def send(self, name: str) -> None:
        if name == "SIGKILL":
            self._process.kill()
        else:
            self._process.send_signal(Signals[name])

    def end(self) -> str:
        """Return what it and its watchdog said on stderr, once both are gone."""
        return self._process.communicate(timeout=PATIENCE)[1].decode()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def client(folder: Path, way: str) -> Iterator[Client]:
    config = {
        "instruments": {
            name: {"driver": driver, "resource": f"GPIB0::{number}::INSTR"}
            for number, (name, driver) in enumerate(INSTRUMENTS.items(), start=1)
        },
        "roles": {"pulse_source": ROLE, "reader": ROLE, "sweeper": ROLE},
        "simulation": {"device": "lixcoo2"},
    }
    bench = SimulatedBench.from_config(BenchConfig.model_validate(config))
    folder.mkdir(parents=True)
    with BenchServer(bench, port_base=0) as server:
        ports = [port for _, port in server.addresses.values()]
        (folder / "bench.toml").write_text(bench_file(ports))
        started = Client(folder, way, bench)
        try:
            yield started
        finally:
            started.close()


def bench_file(ports: list[int]) -> str:
    lines = []
    for (name, driver), port in zip(INSTRUMENTS.items(), ports, strict=True):
        lines.append(f'[instruments.{name}]\ndriver = "{driver}"')
        lines.append(f'resource = "TCPIP0::127.0.0.1::{port}::SOCKET"')
    for role in ("pulse_source", "reader", "sweeper"):
        lines.append(f'[roles.{role}]\ninstrument = "smu"\nchannel = 1\nterminal = "top"')
    return "\n".join(lines)


def kill_each_way(folder: Path, name: str, rng: random.Random, still_on: StillOn) -> None:
    """Kill one program of each way at a random moment, and look at its instruments."""
    with ExitStack() as stack:
        clients = [stack.enter_context(client(folder / way, way)) for way in WAYS]
        for each in clients:
            each.wait_until_driven()
            delay = rng.uniform(0.0, 0.3)
            time.sleep(delay)
            case = f"{each.way}, {name} after {delay:.4f} s"
            assert still_on(each.bench), case
            each.send(name)
            if each.way == "hang" and name != "SIGKILL":
                wait_until_off(each, still_on)  # by the watchdog, while it still hangs
                each.send("SIGKILL")
            said = each.end()
            assert still_on(each.bench) == [], f"{case}: {said}"


def wait_until_off(each: Client, still_on: StillOn) -> None:
    end = time.monotonic() + PATIENCE
    while still_on(each.bench) and time.monotonic() < end:
        time.sleep(0.02)
    assert still_on(each.bench) == []


@pytest.mark.parametrize("name", SIGNALS)
def test_killed_in_each_way(name: str, tmp_path: Path, still_on: StillOn) -> None:
    kill_each_way(tmp_path, name, random.Random(name), still_on)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("name", SIGNALS)
def test_killed_three_hundred_times(
    name: str, seed: int, tmp_path: Path, still_on: StillOn
) -> None:
    kill_each_way(tmp_path, name, random.Random(f"{name} {seed}"), still_on)

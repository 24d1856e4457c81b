"""Two programs must not drive one bench."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labsyn.data.errors import BenchError, LockedError, StorageError
from labsyn.drivers.bench import Bench
from labsyn.drivers.resource_lock import ResourceLock
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.server import BenchServer

RESOURCE = "GPIB0::17::INSTR"
HOLD = """
import sys
from labsyn.drivers.resource_lock import ResourceLock
lock = ResourceLock.taken(sys.argv[1])
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABSYN_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "locks"


@pytest.fixture(params=["locks", "no locks"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Systems with file locks, and those without (Windows)."""
    if request.param == "no locks":
        monkeypatch.setattr("labsyn.data.durability._fcntl", None)
    return str(request.param)


def other_program(resource: str = RESOURCE) -> "subprocess.Popen[str]":
    program = subprocess.Popen(
        [sys.executable, "-c", HOLD, resource],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline() == "taken\n"
    return program


def test_another_program_is_refused_by_its_number(system: str) -> None:
    with other_program() as program:
        with pytest.raises(
            LockedError, match=rf"driven by process {program.pid} on .*end that"
        ):
            ResourceLock.taken(RESOURCE)
        program.communicate("")
    ResourceLock.taken(RESOURCE).release()


def test_the_lock_of_a_program_that_was_killed_is_taken_over(system: str, folder: Path) -> None:
    with other_program() as program:
        program.kill()
        program.communicate()
    (left,) = folder.glob("*.json")  # what it could not take away
    assert json.loads(left.read_text())["pid"] == program.pid
    lock = ResourceLock.taken(RESOURCE)
    assert json.loads(left.read_text())["pid"] == os.getpid()
    lock.release()
    lock.release()
    assert not list(folder.glob("*.json"))


def test_the_same_program_twice(system: str) -> None:
    lock = ResourceLock.taken(RESOURCE)
    with pytest.raises(LockedError, match=f"process {os.getpid()}"):
        ResourceLock.taken("gpib::17::instr")  # another way to write the same
    lock.release()
    ResourceLock.taken(RESOURCE).release()


def test_two_instruments_are_two_locks() -> None:
    for lock in [ResourceLock.taken(RESOURCE), ResourceLock.taken("GPIB0::18::INSTR")]:
        lock.release()


@pytest.mark.parametrize("left", ["", "[]", '{"pid": "x"}', "{"])
def test_an_owner_that_cannot_be_read_holds_nothing(
    left: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ResourceLock.taken(RESOURCE).release()
    (lock,) = folder.glob("*.lock")
    lock.with_suffix(".json").write_text(left)
    monkeypatch.setattr("labsyn.data.durability._fcntl", None)
    ResourceLock.taken(RESOURCE).release()


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABSYN_LOCKS", str(tmp_path / "file" / "locks"))
    with pytest.raises(StorageError, match=r"cannot write locks in .*set LABSYN_LOCKS"):
        ResourceLock.taken(RESOURCE)


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("labsyn.drivers.resource_lock.write_text", refuse)
        with pytest.raises(StorageError, match="Permission denied"):
            ResourceLock.taken(RESOURCE)
    with monkeypatch.context() as patched:
        patched.setattr("labsyn.drivers.resource_lock.open_binary", refuse)
        with pytest.raises(StorageError, match="Permission denied"):
            ResourceLock.taken(RESOURCE)
    ResourceLock.taken(RESOURCE).release()  # neither left it locked


REAL = """
watchdog = false

[instruments.smu]
driver = "KeysightB1500A"
resource = "{0}"
timeout = "3 s"

[instruments.other]
driver = "KeysightB1500A"
resource = "{1}"
"""


def served() -> BenchServer:
    return BenchServer(SimulatedBench.default(), port_base=0)


def bench_file(tmp_path: Path, *servers: BenchServer) -> Path:
    names = [f"TCPIP0::{a}::{p}::SOCKET" for s in servers for a, p in s.addresses.values()]
    path = tmp_path / "bench.toml"
    path.write_text(REAL.format(*names))
    return path


def test_a_bench_locks_every_instrument_until_it_is_closed(tmp_path: Path) -> None:
    with served() as one, served() as two:
        path = bench_file(tmp_path, one, two)
        with Bench.open(path) as bench:
            sessions = {
                k: c.instrument.adapter.connection for k, c in bench._connections.items()
            }
            assert sessions["smu"].timeout == pytest.approx(3000)
            assert sessions["other"].timeout == pytest.approx(5000)
            with pytest.raises(LockedError, match=f"process {os.getpid()}"):
                Bench.open(path)
        Bench.open(path).close()


def test_a_bench_that_cannot_be_opened_locks_nothing(tmp_path: Path, folder: Path) -> None:
    with served() as one:
        with served() as two:
            path = bench_file(tmp_path, one, two)
        with pytest.raises(BenchError, match="other"):  # the second one is gone
            Bench.open(path)
        assert not list(folder.glob("*.json"))
        ResourceLock.taken(next(iter(_resources(path)))).release()


def _resources(path: Path) -> list[str]:
    return [line.split('"')[1] for line in path.read_text().splitlines() if "SOCKET" in line]

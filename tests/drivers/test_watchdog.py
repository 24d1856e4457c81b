"""The watchdog acts when it must, and only then; its parent side never stands in the way."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labsyn.data.errors import UnsafeShutdownError, WatchdogError
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.emergency import Target
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.server import BenchServer
from labsyn.drivers.surroundings import emergency_targets
from labsyn.drivers.watchdog import Watchdog
from labsyn.drivers.watchdog_process import watch

StillOn = Callable[[SimulatedBench], list[str]]
SHORT, LONG = 0.05, 30.0


def watched(*lines: bytes, grace: float) -> tuple[bool, list[str]]:
    """Return what a watchdog that gets these lines reports, and the reasons it acted for."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for line in lines:
        waiting.put(line)
    reasons: list[str] = []

    def make_safe(reason: str) -> bool:
        reasons.append(reason)
        if "stop was asked for" in reason:
            waiting.put(b"bye\n")
        return False

    return watch(waiting, make_safe, grace), reasons


def test_nothing_happens_after_bye() -> None:
    assert watched(b"bye\n", b"", grace=SHORT) == (True, [])
    assert watched(b"stopping\n", b"bye\n", b"", grace=LONG) == (True, [])


@pytest.mark.parametrize("over", [b"safe\n", b"running\n"])
def test_a_stop_that_was_dealt_with_does_nothing(over: bytes) -> None:
    assert watched(b"stopping\n", over, b"bye\n", grace=LONG) == (True, [])


@pytest.mark.parametrize("over", [b"safe\n", b"running\n"])
def test_the_grace_ends_with_the_stop_that_it_is_for(over: bytes) -> None:
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for line in (b"stopping\n", over):
        waiting.put(line)
    threading.Timer(4 * SHORT, waiting.put, [b"bye\n"]).start()
    assert watch(waiting, lambda reason: pytest.fail(reason), SHORT)


def test_a_stop_that_nobody_deals_with() -> None:
    (reason,) = watched(b"stopping\n", grace=SHORT)[1]
    assert reason == "a stop was asked for, and nothing was safe 0.05 s later"


def test_a_second_stop_does_not_make_the_grace_longer() -> None:
    started = time.monotonic()
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    waiting.put(b"stopping\n")
    acted = threading.Event()
    ends = threading.Timer(LONG, waiting.put, [b"bye\n"])
    ends.start()

    def act(reason: str) -> bool:
        acted.set()
        return True

    def repeat() -> None:
        while not acted.wait(SHORT):
            waiting.put(b"stopping\n")
        waiting.put(b"bye\n")

    thread = threading.Thread(target=repeat)
    thread.start()
    watch(waiting, act, 4 * SHORT)
    ends.cancel()
    thread.join()
    assert acted.is_set()
    assert time.monotonic() - started < LONG


@pytest.mark.parametrize("before", [(), (b"running\n",), (b"safe\n",)])
@pytest.mark.parametrize("end", [b"", b"saf"])  # a line may be torn
def test_the_end_of_the_pipe(before: tuple[bytes, ...], end: bytes) -> None:
    safe, reasons = watched(*before, end, grace=LONG)
    assert not safe
    assert reasons == ["the program that drove the bench ended without closing it"]


@pytest.fixture
def served() -> Iterator[tuple[SimulatedBench, list[Target]]]:
    """Serve a driven bench over TCP; give it and what another process needs to reach it."""
    instruments = {
        "smu": {"driver": "KeysightB1500A", "resource": "GPIB0::17::INSTR"},
        "switch": {"driver": "Keithley3706A", "resource": "GPIB0::16::INSTR"},
    }
    config = {"instruments": instruments, "simulation": {"device": "lixcoo2"}}
    bench = SimulatedBench.from_config(BenchConfig.model_validate(config))
    bench.instruments["GPIB0::17::INSTR"].write(b"CN 1\nDV 1,0,1,1E-3\n")
    bench.instruments["GPIB0::16::INSTR"].write(b'channel.close("1101")\n')
    with BenchServer(bench, port_base=0) as server:
        targets = [
            Target(
                name,
                str(each["driver"]),
                "TCPIP0::{}::{}::SOCKET".format(*server.addresses[str(each["resource"])]),
                "@py",
            )
            for name, each in instruments.items()
        ]
        yield bench, targets


def test_a_closed_bench_is_left_alone(
    served: tuple[SimulatedBench, list[Target]], still_on: StillOn, tmp_path: Path
) -> None:
    bench, targets = served
    before = still_on(bench)
    dog = Watchdog()
    dog.start(targets, tmp_path / "log")
    dog.confirm()
    for say in (dog.running, dog.stopping, dog.safe):
        say()
    assert dog.warnings == []
    dog.close()
    assert still_on(bench) == before != []
    assert not (tmp_path / "log").exists()


def test_a_pipe_that_breaks_off(
    served: tuple[SimulatedBench, list[Target]],
    still_on: StillOn,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    bench, targets = served
    dog = Watchdog()
    dog.start(targets, tmp_path / "log")
    dog.confirm()
    assert dog.abandon()
    assert still_on(bench) == []
    assert "ended without closing it: making smu, switch safe" in capfd.readouterr().err
    assert (tmp_path / "log").read_text().endswith("everything is safe\n")


def test_what_cannot_be_reached_is_told(
    served: tuple[SimulatedBench, list[Target]],
    still_on: StillOn,
    capfd: pytest.CaptureFixture[str],
) -> None:
    bench, targets = served
    dog = Watchdog()
    dog.start([Target("gone", "SR830", "TCPIP0::127.0.0.1::9::SOCKET", "@py"), *targets])
    dog.confirm()
    assert not dog.abandon()
    assert still_on(bench) == []
    assert "gone at TCPIP0::127.0.0.1::9::SOCKET could not be" in capfd.readouterr().err


def test_a_stop_while_the_program_hangs(
    served: tuple[SimulatedBench, list[Target]], still_on: StillOn
) -> None:
    bench, targets = served
    dog = Watchdog()
    dog.start(targets)
    dog.confirm()
    dog.stopping()
    end = time.monotonic() + LONG
    while still_on(bench) and time.monotonic() < end:
        time.sleep(SHORT)
    assert still_on(bench) == []
    dog.close()


def test_a_watchdog_that_died_is_told_and_disturbs_nobody() -> None:
    dog = Watchdog()
    dog.start([])
    dog.confirm()
    assert dog._child is not None
    dog._child.kill()
    dog._child.wait()
    for say in (dog.running, dog.stopping, dog.safe):
        say()
    (warning,) = dog.warnings
    assert "the watchdog of this bench died" in warning
    dog.close()


def test_a_watchdog_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(WatchdogError, match=r"did not start: .*; without it outputs stay on"):
        Watchdog().start([])


def test_a_watchdog_that_cannot_do_its_work(capfd: pytest.CaptureFixture[str]) -> None:
    dog = Watchdog()
    dog.start([Target("box", "Keithley9", "GPIB0::30::INSTR")])
    with pytest.raises(WatchdogError, match=r"it ended with 1; .* write watchdog = false"):
        dog.confirm()
    assert "box: no recipe makes a 'Keithley9' safe" in capfd.readouterr().err


def test_without_a_start_nothing_happens() -> None:
    dog = Watchdog()
    dog.confirm()
    for say in (dog.running, dog.stopping, dog.safe):
        say()
    assert dog.warnings == []
    assert not dog.abandon()
    dog.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_signals_do_not_end_the_child() -> None:
    dog = Watchdog()
    dog.start([])
    dog.confirm()
    assert dog._child is not None
    assert os.getsid(dog._child.pid) != os.getsid(0)  # nor does a closed terminal
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        dog._child.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        dog._child.wait(0.3)
    dog.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_worker_that_lives_on_does_not_keep_the_pipe_open(
    served: tuple[SimulatedBench, list[Target]], still_on: StillOn
) -> None:
    bench, targets = served
    program = (
        "import json, os, sys, time\n"
        "from labsyn.drivers.emergency import Target\n"
        "from labsyn.drivers.watchdog import Watchdog\n"
        "dog = Watchdog()\n"
        "dog.start([Target(*each) for each in json.loads(sys.argv[1])])\n"
        "dog.confirm()\n"
        "worker = os.fork()\n"
        "if worker:\n"
        "    print(worker, flush=True)\n"
        "time.sleep(60)\n"
    )
    plain = [[t.name, t.driver, t.resource, t.library] for t in targets]
    child = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(plain)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    worker = int(child.stdout.readline())
    child.kill()
    child.wait()
    end = time.monotonic() + LONG
    while still_on(bench) and time.monotonic() < end:
        time.sleep(SHORT)
    os.kill(worker, 0)  # it is still there
    os.kill(worker, signal.SIGKILL)
    child.stdout.close()
    assert still_on(bench) == []


def real_bench_file(targets: list[Target], path: Path, *, watchdog: bool) -> Path:
    lines = ["" if watchdog else "watchdog = false"]
    for target in targets:
        lines.append(f'[instruments.{target.name}]\ndriver = "{target.driver}"')
        lines.append(f'resource = "{target.resource}"')
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("wanted", [True, False])
def test_a_real_bench_has_one_unless_its_file_says_no(
    served: tuple[SimulatedBench, list[Target]], tmp_path: Path, wanted: bool
) -> None:
    _, targets = served
    with Bench.open(
        real_bench_file(targets, tmp_path / "bench.toml", watchdog=wanted)
    ) as bench:
        assert (bench.watchdog._child is not None) is wanted
        assert bench.warnings == []
        resources = [each.resource for each in emergency_targets(bench.config)]
        assert resources == [each.resource for each in targets]
    assert bench.watchdog._child is None


def test_a_simulated_bench_has_none() -> None:
    with Bench.simulated() as bench:
        assert bench.watchdog._child is None


def test_what_a_bench_cannot_make_safe_its_watchdog_does(
    served: tuple[SimulatedBench, list[Target]], tmp_path: Path, still_on: StillOn
) -> None:
    simulated, targets = served
    bench = Bench.open(real_bench_file(targets, tmp_path / "bench.toml", watchdog=True))
    bench._connections["smu"].instrument.adapter.connection.close()  # the cable of this session
    with pytest.raises(UnsafeShutdownError, match="could not make safe: smu") as caught:
        bench.close()
    assert caught.value.__notes__ == ["its watchdog has made every instrument safe since"]
    assert still_on(simulated) == []

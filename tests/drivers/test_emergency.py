"""A second session makes each instrument safe, whatever the first one did or does."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pyvisa

from labsyn.data.errors import ConfigError
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.catalogue import DRIVERS
from labsyn.drivers.emergency import (
    LAST_WAIT,
    STAGE_WAIT,
    Failure,
    Target,
    make_safe_by_second_session,
    prepare,
)
from labsyn.drivers.emergency_recipes import RECIPES, STAGES
from labsyn.drivers.ramp import RAMP_RATE
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench

StillOn = Callable[[SimulatedBench], list[str]]

DRIVEN = {
    "KeysightB1500A": [
        "CN 1,2", "DV 1,0,1.5,1E-3", "SPRM 0", "SPPER 1E-3", "SPM 301,1",
        "SPT 301,1,0,1E-4,2E-8,2E-8", "SPV 301,1,0,1", "CN 301", "SPUPD 301", "SRP",
    ],
    "Keithley3706A": ['dmm.func = "twowireohms"', 'channel.close("1101,1203,1911")'],
    "Keysight81160A": [":OUTP1 1", ":OUTP2 1"],
    "Agilent33500": ["OUTP1 1", "OUTP2 1"],
    "Agilent33250A": ["OUTP 1"],
    "Agilent33220A": ["OUTP 1"],
    "SR830": ["SLVL1.5", "AUXV1,1.0", "AUXV4,-2.0"],
    "SR860": ["SLVL 1.5", "SOFF 0.5", "AUXV 0,1.0", "AUXV 3,2.0"],
    "KepcoBOP": ["FUNC:MODE CURR", "VOLT 36", "OUTP 1", "CURR -8"],
}  # fmt: skip
"""What puts something on the outputs of each instrument."""

MODULES = {"1": "B1517A", "2": "B1517A", "3": "B1525A"}


def bench_of(*names: str, faults: dict[str, list[dict[str, Any]]] | None = None) -> Any:
    """Return a simulated bench with one instrument of each driver, and its targets."""
    instruments = {
        name: {
            "driver": name,
            "resource": f"GPIB0::{number}::INSTR",
            "simulated": {"modules": MODULES} if name == "KeysightB1500A" else {},
            "faults": (faults or {}).get(name, []),
        }
        for number, name in enumerate(names, start=1)
    }
    config = BenchConfig.model_validate(
        {"instruments": instruments, "simulation": {"device": "lixcoo2"}}
    )
    bench = SimulatedBench.from_config(config)
    library = LabsynVisaLibrary.for_bench(bench)
    targets = [
        Target(name, each.driver, each.resource, library)
        for name, each in config.instruments.items()
    ]
    return bench, targets


def drive(bench: SimulatedBench, targets: list[Target]) -> None:
    for target in targets:
        for message in DRIVEN[target.driver]:
            bench.instruments[target.resource].write(message.encode() + b"\n")


def log_of(bench: SimulatedBench, target: Target) -> list[str]:
    instrument: Any = bench.instruments[target.resource]
    return [message for _, message in instrument.log]


def test_every_driver_has_a_recipe() -> None:
    assert set(RECIPES) == set(DRIVERS)
    assert {recipe.stage for recipe in RECIPES.values()} <= set(STAGES)
    assert {name for name, recipe in RECIPES.items() if recipe.messages} == set(DRIVEN)


@pytest.mark.parametrize("name", DRIVEN)
def test_from_driven_to_safe(name: str, still_on: StillOn) -> None:
    bench, targets = bench_of(name)
    drive(bench, targets)
    assert still_on(bench)
    assert make_safe_by_second_session(targets, bench.clock) == []
    assert still_on(bench) == []


def test_the_pulses_of_an_spgu_end() -> None:
    bench, targets = bench_of("KeysightB1500A")
    drive(bench, targets)
    assert ask(targets[0], "SPST?") == "1"
    make_safe_by_second_session(targets)
    assert ask(targets[0], "SPST?") == "0"
    assert ask(targets[0], "ERRX?").startswith("+0")


def test_the_meter_stops_driving_a_current() -> None:
    bench, targets = bench_of("Keithley3706A")
    drive(bench, targets)
    make_safe_by_second_session(targets)
    assert ask(targets[0], "print(dmm.func)") == "dcvolts"


def test_a_gaussmeter_is_left_alone() -> None:
    bench, targets = bench_of("LakeShore425")
    assert make_safe_by_second_session(targets) == []
    assert log_of(bench, targets[0]) == []


def ask(target: Target, query: str) -> str:
    session: Any = pyvisa.ResourceManager(target.library).open_resource(target.resource)
    with session:
        return str(session.query(query)).strip()


def test_the_field_is_ramped_down_at_the_rate_of_the_driver() -> None:
    bench, targets = bench_of("KepcoBOP")
    drive(bench, targets)
    started = bench.clock.now()
    make_safe_by_second_session(targets, bench.clock)
    assert bench.clock.now() - started == pytest.approx(8 / RAMP_RATE, rel=0.01)
    sent = [float(m[5:]) for m in log_of(bench, targets[0]) if m.startswith("CURR -")]
    assert len(sent) > 20
    assert all(0 < after - before < 0.5 for before, after in itertools.pairwise(sent))


def test_the_order_protects_the_device() -> None:
    names = ["KepcoBOP", "Keithley3706A", "SR830", "KeysightB1500A", "Keysight81160A"]
    bench, targets = bench_of(*names)
    order: list[str] = []
    for target in targets:
        bench.instruments[target.resource] = Noting(bench, target, order)
    assert make_safe_by_second_session(targets, bench.clock) == []
    assert list(dict.fromkeys(order)) == names[::-1]


class Noting:
    """An instrument that notes whose turn it is."""

    def __init__(self, bench: SimulatedBench, target: Target, order: list[str]) -> None:
        self._inner: Any = bench.instruments[target.resource]
        self._name, self._order = target.name, order

    def write(self, data: bytes) -> None:
        self._order.append(self._name)
        self._inner.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_a_dead_instrument_does_not_stop_the_others(still_on: StillOn) -> None:
    faults = {"Keysight81160A": [{"kind": "disconnect"}]}
    bench, targets = bench_of("Keysight81160A", "KeysightB1500A", "SR830", faults=faults)
    for target in targets[1:]:
        drive(bench, [target])
    (failure,) = make_safe_by_second_session(targets)
    assert still_on(bench) == []
    assert failure.target is targets[0]
    assert str(failure).startswith(
        "Keysight81160A at GPIB0::1::INSTR could not be made safe by a second session: "
    )
    assert str(failure).endswith("; switch it off by hand")


def test_a_relay_that_sticks_is_told() -> None:
    bench, targets = bench_of("Keithley3706A")
    drive(bench, targets)
    bench.instruments[targets[0].resource].stuck.add("1101")
    (failure,) = make_safe_by_second_session(targets)
    assert "it answers '1101', so it is not off" in failure.reason


def test_a_reply_that_is_no_number_is_told() -> None:
    faults = {"KepcoBOP": [{"kind": "answer", "match": r"CURR\?", "text": "?!"}]}
    _bench, targets = bench_of("KepcoBOP", faults=faults)
    (failure,) = make_safe_by_second_session(targets)
    assert "ramp: could not convert" in failure.reason


def test_an_address_that_does_not_exist() -> None:
    _, targets = bench_of("SR830")
    lost = Target("lock_in", "SR830", "GPIB0::30::INSTR", targets[0].library)
    (failure,) = make_safe_by_second_session([lost])
    assert "resource" in failure.reason


def test_a_driver_without_a_recipe() -> None:
    strange = Target("box", "Keithley9", "GPIB0::30::INSTR")
    (failure,) = make_safe_by_second_session([strange])
    assert failure == Failure(strange, "no recipe makes a 'Keithley9' safe")
    with pytest.raises(ConfigError, match="box: no recipe makes a 'Keithley9' safe"):
        prepare([strange])


def test_a_library_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="lock_in: no VISA library"):
        prepare([Target("lock_in", "SR830", "GPIB0::8::INSTR", "/nowhere/libvisa.so")])


@pytest.fixture
def mute() -> Iterator[str]:
    """Serve an instrument that accepts a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"TCPIP0::127.0.0.1::{server.getsockname()[1]}::SOCKET"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in kept:
        connection.close()


def test_a_mute_instrument_takes_a_bounded_time(mute: str, still_on: StillOn) -> None:
    bench, targets = bench_of("Keithley3706A")
    drive(bench, targets)
    mutes = [Target(name, name, mute, "@py") for name in DRIVERS if name != "LakeShore425"]
    started = time.monotonic()
    failures = make_safe_by_second_session([*mutes, *targets])
    assert time.monotonic() - started < len(STAGES) * STAGE_WAIT + LAST_WAIT + 5
    assert [each.target.name for each in failures] == [each.name for each in mutes]
    assert all("it did not answer" in each.reason for each in failures)
    assert still_on(bench) == []

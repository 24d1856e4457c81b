"""Making safe: in an order that protects the device, whatever single instruments do."""

import _thread
import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.errors import InstrumentError, UnsafeShutdownError
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import InstrumentConfig
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.connection import Connection
from labsyn.drivers.identity import Identity
from labsyn.drivers.safe_state import make_all_safe
from labsyn.drivers.simulated.timeline import Timeline

WHOLE = """
ground = ["channel_b"]

[instruments.magnet]
driver = "KepcoBOP"
resource = "GPIB0::6::INSTR"

[instruments.switch]
driver = "Keithley3706A"
resource = "TCPIP0::192.168.0.7::INSTR"
paths = { 1101 = ["pulser/1", "channel_a"], 1102 = ["smu/1", "channel_a"] }

[instruments.lock_in]
driver = "SR830"
resource = "GPIB0::8::INSTR"

[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"

[instruments.pulser]
driver = "Keysight81160A"
resource = "USB0::0x0957::0x4108::MY1::INSTR"

[roles.pulse_source]
instrument = "pulser"
load = "10 kohm"
path = ["1101"]

[roles.reader]
instrument = "lock_in"
terminal = "top"
reference_resistance = "1 Mohm"

[roles.field]
instrument = "magnet"
coil_constant = 0.025

[roles.switch]
instrument = "switch"

[simulation]
device = "mtj"
"""
ORDER = ["pulser", "smu", "lock_in", "switch", "magnet"]
OFF = {
    "pulser": r"OUTP1 0",
    "smu": "CL",
    "lock_in": r"SLVL0.004",
    "switch": r'channel.open\("allslots"\)',
    "magnet": r"OUTPut 0",
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    path = tmp_path / "bench.toml"
    path.write_text(WHOLE)
    with Bench.open(path, wire_log=tmp_path / "wire.log") as opened:
        yield opened


def sent(path: Path) -> list[tuple[float, str, str]]:
    """Return time, resource and text of each message that was sent."""
    parts = [line.split(" ", 3) for line in path.read_text("utf-8").splitlines()[1:]]
    return [(float(time), where, text) for time, where, way, text in parts if way == ">"]


def drive_everything(bench: Bench) -> None:
    bench.field.set_field(0.05, slew=0.05)
    bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
    bench.pulse_source.setup_pulses(width=1e-5, period=1e-3, compliance_current=1e-3)
    bench.pulse_source.pulse(0.5)
    smu = bench._connections["smu"].instrument
    smu.command("CN 1;DV 1,0,0.1,0.001")


def test_a_whole_bench_goes_off_in_the_order_that_protects_the_device(
    bench: Bench, tmp_path: Path
) -> None:
    drive_everything(bench)
    assert bench._connections["switch"].instrument.closed_channels == ["1101"]
    log = tmp_path / "wire.log"
    before = len(sent(log))
    bench.make_safe()
    places = {bench.config.instruments[name].resource: name for name in ORDER}
    after = [(time, places[where], text) for time, where, text in sent(log)[before:]]
    names = [name for _, name, _ in after]
    assert sorted(ORDER, key=names.index) == ORDER
    for one, next_one in itertools.pairwise(ORDER):  # one is done, then the next
        assert len(names) - 1 - names[::-1].index(one) < names.index(next_one)
    for name in ORDER:
        assert any(re.search(OFF[name], text) for _, n, text in after if n == name), name
    times = [time for time, _, _ in after]
    assert times == sorted(times)
    # 2 A go down at 5 A/s
    magnet = [time for time, name, _ in after if name == "magnet"]
    assert magnet[-1] - magnet[0] == pytest.approx(0.4, rel=0.2)


def test_a_bench_goes_on_with_its_time_outs(bench: Bench) -> None:
    session = bench._connections["lock_in"].instrument.adapter.connection
    session.timeout = 7000
    bench.make_safe()
    assert session.timeout == 7000
    bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
    assert bench.reader.read().conductance > 0


class Instrument:
    """One that goes off, after whatever `before` does."""

    def __init__(self, before: Any = lambda: None) -> None:
        self.before = before
        self.off = False

    def shutdown(self) -> None:
        self.before()
        self.off = True


def connected(instrument: Any, driver: str = "SR830") -> Connection:
    config = InstrumentConfig(driver=driver, resource=f"GPIB0::{id(instrument)}::INSTR")
    return Connection(config, Identity(""), instrument, None)


def test_an_instrument_that_hangs_is_given_up_and_the_others_are_off() -> None:
    never = threading.Event()
    hanging, others = Instrument(never.wait), [Instrument(), Instrument()]
    failed = make_all_safe(
        {
            "one": connected(others[0], "Keysight81160A"),
            "stuck": connected(hanging, "KeysightB1500A"),
            "two": connected(others[1], "KepcoBOP"),
        },
        bound=0.05,
    )
    assert failed == {"stuck": "no answer within 0.05 s"}
    assert [each.off for each in others] == [True, True]
    assert not hanging.off
    never.set()


def test_every_instrument_that_fails_is_named(bench: Bench) -> None:
    def fail() -> None:
        raise InstrumentError("its relay is stuck")

    def crash() -> None:
        raise ZeroDivisionError("what nobody expected")

    real = dict(bench._connections)
    bench._connections.update(
        bad=connected(Instrument(fail)), worse=connected(Instrument(crash))
    )
    with pytest.raises(
        UnsafeShutdownError,
        match=r"bad \(its relay is stuck\); worse \(what nobody expected\); switch .* by hand",
    ):
        bench.make_safe()
    bench._connections = real


def test_an_interrupt_waits_until_all_are_off() -> None:
    """Ctrl-C comes while the main thread waits for the first instrument."""
    release = threading.Event()

    def interrupt() -> None:
        _thread.interrupt_main()
        release.wait(0.2)  # the main thread has been woken by now

    first, second = Instrument(interrupt), Instrument()
    with pytest.raises(KeyboardInterrupt):
        make_all_safe({"first": connected(first), "second": connected(second)})
    assert (first.off, second.off) == (True, True)


def test_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    instruments = [Instrument(), Instrument()]
    assert make_all_safe({str(i): connected(each) for i, each in enumerate(instruments)}) == {}
    assert all(each.off for each in instruments)


@pytest.mark.parametrize("clock", [VirtualClock(), Timeline()])
def test_virtual_time_from_several_threads(clock: VirtualClock) -> None:
    """An instrument that was given up may still let time pass beside the next ones."""
    ticks: list[float] = []

    def process() -> Iterator[float]:
        while True:
            ticks.append(clock.now())
            yield clock.now() + 1.0

    if isinstance(clock, Timeline):
        clock.start(process())

    def sleep() -> None:
        for _ in range(500):
            clock.sleep(0.25)

    threads = [threading.Thread(target=sleep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == 500.0  # 4 times 125 s, each counted
    assert ticks == sorted(ticks)
    if isinstance(clock, Timeline):
        assert len(ticks) == 501

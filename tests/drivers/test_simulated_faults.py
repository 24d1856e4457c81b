"""Every fault by name: what a client sees, and that the driver says it in one sentence."""

import contextlib
from collections.abc import Iterator

import pytest
import pyvisa

from labsyn.data.errors import (
    ConfigError,
    InstrumentDataError,
    InstrumentDisconnected,
    InstrumentError,
)
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import KINDS, Fault, FaultyInstrument

ADDRESS = "GPIB0::17::INSTR"


def faulty(*faults: Fault) -> SimulatedBench:
    bench = SimulatedBench.default()
    inner = bench.instruments[ADDRESS]
    bench.instruments[ADDRESS] = FaultyInstrument(inner, faults, bench.clock)
    return bench


def session(bench: SimulatedBench) -> pyvisa.resources.MessageBasedResource:
    manager = pyvisa.ResourceManager(LabsynVisaLibrary.for_bench(bench))
    resource = manager.open_resource(ADDRESS, read_termination="\r\n")
    assert isinstance(resource, pyvisa.resources.MessageBasedResource)
    return resource


def test_without_a_match_nothing_happens() -> None:
    with session(faulty(Fault(kind="garble", match="TI"))) as resource:
        assert resource.query("ERRX?") == '+0,"No Error."'


def test_a_fault_happens_when_and_as_often_as_said() -> None:
    fault = Fault(kind="answer", match=r"ERRX\?", after=1, times=2, text='+305,"Emergency"')
    with session(faulty(fault)) as resource:
        replies = [resource.query("ERRX?") for _ in range(4)]
    assert [reply[:4] for reply in replies] == ['+0,"', "+305", "+305", '+0,"']


def test_a_reply_that_never_comes() -> None:
    with session(faulty(Fault(kind="timeout", match="IDN"))) as resource:
        with pytest.raises(pyvisa.errors.VisaIOError, match="Timeout"):
            resource.query("*IDN?")
        assert "B1500A" in resource.query("*IDN?")


def test_a_late_reply_is_still_there_afterwards_until_a_device_clear() -> None:
    bench = faulty(Fault(kind="late", match="IDN", times=2))
    with session(bench) as resource:
        with pytest.raises(pyvisa.errors.VisaIOError, match="Timeout"):
            resource.query("*IDN?")
        assert "B1500A" in resource.query("ERRX?")  # the trap: the answer to another question
        resource.clear()
        assert resource.query("ERRX?") == '+0,"No Error."'


def test_a_reply_that_comes_twice() -> None:
    with session(faulty(Fault(kind="duplicate", match="IDN"))) as resource:
        assert resource.query("*IDN?") == resource.read()


@pytest.mark.parametrize("kind", ["empty", "truncate", "garble"])
def test_replies_that_cannot_be_read(kind: str) -> None:
    with session(faulty(Fault(kind=kind, match=r"ERRX\?"))) as resource:  # type: ignore[arg-type]
        with contextlib.suppress(UnicodeDecodeError, pyvisa.errors.VisaIOError):
            assert resource.query("ERRX?") != '+0,"No Error."'
        assert resource.query("ERRX?") == '+0,"No Error."'


def test_a_slow_reply_takes_virtual_time() -> None:
    bench = faulty(Fault(kind="slow", match="IDN", seconds=30.0))
    with session(bench) as resource:
        before = bench.clock.now()
        resource.query("*IDN?")
        assert bench.clock.now() - before >= 30.0


def test_a_lost_connection_stays_lost() -> None:
    resource = session(faulty(Fault(kind="disconnect", match="IDN")))
    for _ in range(2):
        for reach in (lambda: resource.query("*IDN?"), resource.read_stb, resource.clear,
                      resource.assert_trigger):  # fmt: skip
            with pytest.raises(pyvisa.errors.VisaIOError, match="CONN_LOST"):
                reach()
    resource.close()


def test_a_late_reply_is_never_taken_for_the_next_answer() -> None:
    late = Fault(kind="late", match="DV 1,0,0.1")
    library = LabsynVisaLibrary.for_bench(faulty(late))
    driver = KeysightB1500A(ADDRESS, visa_library=library)
    driver.command("CN 1")
    with pytest.raises(InstrumentDisconnected, match=r"did not answer after 'DV 1,0,0\.1"):
        driver.read_at(1, 0.1, 1e-3)
    assert "FMT21,0" in driver.settings()["modes"]  # and the outputs are on as before
    assert driver.read_at(1, 0.0, 1e-3).value == pytest.approx(0, abs=1e-9)  # not the 0.1 V one
    driver.adapter.close()


@pytest.fixture
def driver(request: pytest.FixtureRequest) -> Iterator[KeysightB1500A]:
    library = LabsynVisaLibrary.for_bench(faulty(*request.param))
    instrument = KeysightB1500A(ADDRESS, visa_library=library)
    instrument.command("CN 1")
    yield instrument
    instrument.adapter.close()


@pytest.mark.parametrize(
    ("driver", "error", "message"),
    [
        (
            [Fault(kind="timeout", match="TI")],
            InstrumentDisconnected,
            "did not answer after 'DV",
        ),
        ([Fault(kind="disconnect", match="TI")], InstrumentDisconnected, "is lost after 'DV"),
        ([Fault(kind="empty", match="TI")], InstrumentDataError, "is no data item"),
        ([Fault(kind="garble", match="TI")], InstrumentDataError, "no text"),
        (
            [Fault(kind="answer", match="TI", text="000AI+00")],
            InstrumentDataError,
            "'000AI[+]00' is no data item",
        ),
        (
            [
                Fault(kind="timeout", match="TI"),
                Fault(kind="answer", match="ERRX", after=2, text='+305,"Excess current."'),
            ],
            InstrumentError,
            "305 Excess current",
        ),
    ],
    indirect=["driver"],
)
def test_the_driver_says_what_happened(
    driver: KeysightB1500A, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        driver.read_at(1, 0.1, 1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "gremlin"}, "no fault is called 'gremlin'; known are timeout"),
        ({"kind": "late", "match": "("}, "no regular expression"),
        ({"kind": "late", "times": 0}, "times = 0"),
    ],
)
def test_faults_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Fault(**options)  # type: ignore[arg-type]


def test_every_fault_is_described() -> None:
    assert all(text.startswith("the ") for text in KINDS.values())

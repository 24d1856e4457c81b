"""Every fault by name: what a client sees, and that the driver says it in one sentence."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvisa
from pyvisa.resources import MessageBasedResource

from labsyn.data.errors import (
    ConfigError,
    InstrumentDataError,
    InstrumentDisconnected,
    InstrumentError,
)
from labsyn.drivers.config import load_config
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
        resource.timeout = 20_000
        with pytest.raises(pyvisa.errors.VisaIOError, match="VI_ERROR_TMO"):
            resource.query("*IDN?")
        assert "B1500A" in resource.read()  # within the next 20 s
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
        ({"kind": "late", "times": 1.5}, "fault late: times = 1.5 must be a whole number"),
        ({"kind": "answer", "text": 5}, "fault answer: text = 5 must be a text"),
        ({"kind": "slow", "seconds": float("inf")}, "seconds = inf"),
    ],
)
def test_faults_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Fault(**options)  # type: ignore[arg-type]


INSIDE = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
[instruments.switch]
driver = "Keithley3706A"
resource = "GPIB0::16::INSTR"
[instruments.generator]
driver = "Agilent33500"
resource = "GPIB0::10::INSTR"
[instruments.lock_in]
driver = "SR830"
resource = "GPIB0::8::INSTR"
[instruments.second_lock_in]
driver = "SR860"
resource = "GPIB0::9::INSTR"
[instruments.magnet]
driver = "KepcoBOP"
resource = "GPIB0::6::INSTR"
[instruments.gaussmeter]
driver = "LakeShore425"
resource = "GPIB0::12::INSTR"
[simulation]
device = "lixcoo2"
"""


def with_fault(tmp_path: Path, name: str, fault: str) -> MessageBasedResource:
    """Open the instrument `name` of a bench file in which it has `fault`."""
    path = tmp_path / f"{name}.toml"
    path.write_text(
        INSIDE.replace(f"[instruments.{name}]\n", f"[instruments.{name}]\n{fault}\n")
    )
    resource = load_config(path).instruments[name].resource
    opened = pyvisa.ResourceManager(f"{path}@labsyn").open_resource(resource)
    assert isinstance(opened, MessageBasedResource)
    opened.read_termination = "\n"
    return opened


@pytest.mark.parametrize(
    ("name", "message", "code", "query", "reported"),
    [
        ("smu", "TI 1", 305, "ERRX?", r'[+]305,"Out of order."'),
        ("switch", "print(1)", -310, "print(errorqueue.next())", "-3.1.*e[+]02\tOut of order."),
        ("generator", "OUTP?", -310, "SYST:ERR?", '-310,"Out of order."'),
        ("magnet", "OUTP?", -310, "SYST:ERR?", '-310,"Out of order."'),
        ("lock_in", "OUTP? 1", 64, "ERRS?", "64"),
        ("second_lock_in", "OUTP? 1", 64, "ERRS?", "64"),
        ("gaussmeter", "RDGFIELD?", 1, "*ESR?", "8"),
    ],
)
def test_an_instrument_reports_an_error(
    tmp_path: Path, name: str, message: str, code: int, query: str, reported: str
) -> None:
    fault = f"kind = 'error', match = '{re.escape(message)}', after = 1, code = {code}"
    fault = f"faults = [{{ {fault}, text = 'Out of order.' }}]"
    with with_fault(tmp_path, name, fault) as resource:
        resource.write("CN" if name == "smu" else "*CLS")
        for _ in range(2):
            assert not re.match(reported, resource.query(query))
            resource.query(message)  # it answers, and then something breaks
        assert re.match(reported, resource.query(query))
        assert not re.match(reported, resource.query(query))


@pytest.mark.parametrize("data_format", [1, 21])
@pytest.mark.parametrize(
    ("kind", "letter", "number"), [("compliance", "C", "008"), ("overload", "V", "001")]
)
def test_readings_in_compliance_and_beyond_the_range(
    tmp_path: Path, kind: str, letter: str, number: str, data_format: int
) -> None:
    fault = f'faults = [{{ kind = "{kind}", match = "TI", after = 1 }}]'
    with with_fault(tmp_path, "smu", fault) as resource:
        resource.write(f"CN 1;FMT {data_format}")
        first, second, third = (resource.query("TI 1") for _ in range(3))
    status = letter if data_format == 1 else number
    assert second.startswith(f"{status}AI")
    assert ("199.999" in second) == (kind == "overload")
    assert not first.startswith(status)
    assert not third.startswith(status)


@pytest.mark.parametrize(
    ("name", "query", "overloaded"),
    [
        ("switch", "print(dmm.measure())", "9.9.*e[+]37"),
        ("lock_in", "LIAS?0", "1"),
        ("second_lock_in", "CUROVLDSTAT?", "16"),
        ("gaussmeter", "RDGFIELD?", "OL"),
    ],
)
def test_an_overload(tmp_path: Path, name: str, query: str, overloaded: str) -> None:
    match = query[:5].replace("(", "")
    fault = f'faults = [{{ kind = "overload", match = "{match}", after = 1 }}]'
    with with_fault(tmp_path, name, fault) as resource:
        replies = [resource.query(query) for _ in range(3)]
    assert [bool(re.match(overloaded, reply)) for reply in replies] == [False, True, False]


@pytest.mark.parametrize(
    ("name", "fault", "message"),
    [
        ("generator", 'kind = "overload"', "overload: a SimulatedAgilent33500 cannot .*error"),
        ("gaussmeter", 'kind = "compliance"', "compliance: a SimulatedLakeShore425 cannot"),
        ("smu", 'kind = "error"', "code = 0 is no error"),
    ],
)
def test_faults_that_an_instrument_cannot_have(
    tmp_path: Path, name: str, fault: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        with_fault(tmp_path, name, f"faults = [{{ {fault} }}]")


def test_a_fault_on_a_command_without_answer_is_no_query_error(tmp_path: Path) -> None:
    fault = 'faults = [{ kind = "duplicate", match = "OUTP" }]'
    with with_fault(tmp_path, "generator", fault) as resource:
        resource.write("OUTP 1")
        assert resource.query("SYST:ERR?") == '+0,"No error"'


def test_every_fault_is_described() -> None:
    assert all(text.startswith("the ") for text in KINDS.values())

"""The SR860 driver: the conversation, its refusals, and the defects of the one below."""

from collections.abc import Iterator

import pytest
from pymeasure.instruments.srs import SR860 as UnwrappedSR860  # noqa: N811
from pymeasure.test import expected_protocol

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected, InstrumentError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.lock_in import LockIn
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.sr860 import SimulatedSR860
from labsyn.drivers.simulated.wiring import Wiring
from labsyn.drivers.sr860 import SR860

OPENING = [("*ESR?", "128"), ("LIAS?", "0")]


@pytest.fixture
def simulated() -> SimulatedSR860:
    clock = VirtualClock()
    return SimulatedSR860(Wiring(clock), clock, "GPIB0::4::INSTR", noise=False)


@pytest.fixture
def lock_in(simulated: SimulatedSR860) -> Iterator[SR860]:
    wiring = Wiring(simulated.clock)
    bench = SimulatedBench({"GPIB0::4::INSTR": simulated}, wiring, simulated.clock)
    instrument = SR860("GPIB0::4::INSTR", visa_library=LabsynVisaLibrary.for_bench(bench))
    yield instrument
    instrument.shutdown()
    instrument.adapter.close()


def test_a_setting_is_followed_by_a_look_at_the_errors() -> None:
    with expected_protocol(
        SR860,
        [*OPENING, ("SLVL 1.000000000e-01", None), ("*ESR?", "0"), ("SNAP? 0,1", "0.05,-1e-6")],
    ) as instrument:
        instrument.amplitude = 0.1
        assert instrument.read_xy() == (0.05, -1e-6)


@pytest.mark.parametrize(
    ("name", "value", "unwrapped"),
    [
        ("sine_voltage", 3.0, "SLVL 2.000000000e+00"),
        ("frequency", 1e6, "FREQ 5.000000e+05"),
        ("phase", 400.0, "PHAS 360.0000000"),
        ("time_constant", 0.15, "OFLT 11"),
        ("time_constant", 1e6, "OFLT 21"),
        ("sensitivity", 2.0, "SCAL 0"),
    ],
)
def test_pymeasure_sends_another_value_and_we_refuse(
    name: str, value: float, unwrapped: str
) -> None:
    with expected_protocol(UnwrappedSR860, [(unwrapped, None)]) as below:
        setattr(below, name, value)
    with (
        expected_protocol(SR860, OPENING) as instrument,
        pytest.raises(ValueError, match="not in"),
    ):
        setattr(instrument, name, value)


def test_the_highest_harmonic_exists() -> None:
    with expected_protocol(UnwrappedSR860, []) as below, pytest.raises(ValueError, match="99"):
        below.harmonic = 99
    with expected_protocol(SR860, [*OPENING, ("HARM 99", None), ("*ESR?", "0")]) as instrument:
        instrument.harmonic = 99


def test_what_goes_out_comes_back(lock_in: SR860) -> None:
    for name, value in {
        "amplitude": 0.1, "offset": -1.5, "frequency": 137.0, "phase": 45.0, "harmonic": 2,
        "time_constant": 0.03, "sensitivity": 5e-9, "filter_slope": 3, "input_range": 0.03,
    }.items():  # fmt: skip
        setattr(lock_in, name, value)
        assert getattr(lock_in, name) == value
    assert lock_in.settings()["SLVL"] == "0.1"


def test_an_open_output_is_read_whole(lock_in: SR860, simulated: SimulatedSR860) -> None:
    """But for what the input of 10 MΩ takes through the 1 MΩ in series."""
    measured: LockIn = lock_in
    measured.amplitude = 0.5
    simulated.clock.sleep(10)
    assert measured.read_xy() == pytest.approx((0.5 * 10 / 11, 0.0), abs=1e-6)
    assert not measured.overloaded
    lock_in.input_range = 0.1
    simulated.clock.sleep(1)
    assert measured.overloaded


def test_a_refused_command_is_told(lock_in: SR860) -> None:
    lock_in.write("SCAL 99;NONSENSE")
    with pytest.raises(
        InstrumentError, match="a value was out of range; a command was illegal"
    ):
        lock_in.check_errors()


@pytest.mark.parametrize(
    ("query", "reply", "message"),
    [("SNAP? 0,1", "0.05", "not two values"), ("SNAP? 0,1", "a,b", "no number")],
)
def test_garbled_readings(query: str, reply: str, message: str) -> None:
    with (
        expected_protocol(SR860, [*OPENING, (query, reply)]) as instrument,
        pytest.raises(InstrumentDataError, match=message),
    ):
        instrument.read_xy()


def test_a_mute_instrument(lock_in: SR860, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_in, "write", lambda *_: None)
    with pytest.raises(InstrumentDisconnected, match="did not answer"):
        lock_in.read_xy()
    monkeypatch.undo()


def test_shutdown_leaves_nothing(lock_in: SR860, simulated: SimulatedSR860) -> None:
    lock_in.amplitude, lock_in.offset = 2.0, 5.0
    lock_in.aux_out_2 = 3.0
    lock_in.shutdown()
    assert simulated.settings["SLVL",] == simulated.settings["SOFF",] == 0.0
    assert simulated.settings["AUXV", 1] == 0.0

"""The SR830 driver: the conversation, its refusals, and the defects of the one below."""

from collections.abc import Iterator

import pytest
from pymeasure.instruments.srs import SR830 as UnwrappedSR830  # noqa: N811
from pymeasure.test import expected_protocol

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected, InstrumentError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.lock_in import LockIn
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.sr830 import SimulatedSR830
from labsyn.drivers.simulated.wiring import Wiring
from labsyn.drivers.sr830 import SR830

OPENING = [("OUTX1", None), ("*ESR?", "128"), ("LIAS?", "0")]


@pytest.fixture
def simulated() -> SimulatedSR830:
    clock = VirtualClock()
    return SimulatedSR830(Wiring(clock), clock, noise=False)


@pytest.fixture
def lock_in(simulated: SimulatedSR830) -> Iterator[SR830]:
    wiring = Wiring(simulated.clock)
    bench = SimulatedBench({"GPIB0::8::INSTR": simulated}, wiring, simulated.clock)
    instrument = SR830("GPIB0::8::INSTR", visa_library=LabsynVisaLibrary.for_bench(bench))
    yield instrument
    instrument.shutdown()
    instrument.adapter.close()


def test_a_setting_is_followed_by_a_look_at_the_errors() -> None:
    with expected_protocol(
        SR830,
        [*OPENING, ("SLVL0.100", None), ("*ESR?", "0"), ("SNAP?1,2", "0.05,-1e-6")],
    ) as instrument:
        instrument.amplitude = 0.1
        assert instrument.read_xy() == (0.05, -1e-6)


@pytest.mark.parametrize(
    ("name", "value", "unwrapped"),
    [
        ("sine_voltage", 6.0, "SLVL5.000"),
        ("sine_voltage", 0.101, "SLVL0.101"),
        ("frequency", 200e3, "FREQ1.02000e+05"),
        ("phase", -400.0, "PHAS-360.00"),
        ("time_constant", 0.15, "OFLT9"),
        ("time_constant", 1e6, "OFLT19"),
        ("sensitivity", 2.0, "SENS26"),
        ("filter_slope", 10, "OFSL1"),
    ],
)
def test_pymeasure_sends_another_value_and_we_refuse(
    name: str, value: float, unwrapped: str
) -> None:
    with expected_protocol(UnwrappedSR830, [(unwrapped, None)]) as below:
        setattr(below, name, value)
    with (
        expected_protocol(SR830, OPENING) as instrument,
        pytest.raises(ValueError, match=r"not in|is no multiple of 2 mV"),
    ):
        setattr(instrument, name, value)


def test_the_highest_harmonic_exists() -> None:
    with (
        expected_protocol(UnwrappedSR830, []) as below,
        pytest.raises(ValueError, match="19999"),
    ):
        below.harmonic = 19_999
    with expected_protocol(
        SR830, [*OPENING, ("HARM19999", None), ("*ESR?", "0")]
    ) as instrument:
        instrument.harmonic = 19_999


def test_what_goes_out_comes_back(lock_in: SR830) -> None:
    for name, value in {
        "amplitude": 0.1, "frequency": 137.0, "phase": 45.0, "harmonic": 2,
        "time_constant": 0.03, "sensitivity": 5e-9, "filter_slope": 24,
    }.items():  # fmt: skip
        setattr(lock_in, name, value)
        assert getattr(lock_in, name) == value
    assert lock_in.settings()["SLVL"] == "0.100"


def test_the_scaling_is_sent_as_an_index(lock_in: SR830) -> None:
    with expected_protocol(UnwrappedSR830, [("OEXP 1,25.00,10", None)]) as below:
        below.set_scaling("X", 25.0, 10)
    lock_in.set_scaling("X", 25.0, 10)
    assert lock_in.get_scaling("X") == (25.0, 10)
    with pytest.raises(ValueError, match="106"):
        lock_in.set_scaling("X", 106.0)


def test_an_offset_shifts_readings_and_is_recorded(
    lock_in: SR830, simulated: SimulatedSR830
) -> None:
    lock_in.input_coupling = "DC"
    lock_in.amplitude = 0.5
    lock_in.set_scaling("X", 40.0)
    simulated.clock.sleep(10)
    assert lock_in.read_xy() == pytest.approx((0.5 * 10 / 11 - 0.4, 0.0), abs=1e-6)
    assert lock_in.settings()["OEXP 1"] == "40.00,0"


def test_an_open_output_is_read_whole(lock_in: SR830, simulated: SimulatedSR830) -> None:
    """But for what the input of 10 MΩ takes through the 1 MΩ in series."""
    measured: LockIn = lock_in
    lock_in.input_coupling = "DC"  # no phase of the coupling capacitor
    measured.amplitude = 0.5
    simulated.clock.sleep(10)
    assert measured.read_xy() == pytest.approx((0.5 * 10 / 11, 0.0), abs=1e-6)
    assert not measured.overloaded
    lock_in.sensitivity = 0.1
    simulated.clock.sleep(1)
    assert measured.overloaded


def test_a_refused_command_is_told(lock_in: SR830) -> None:
    lock_in.write("SENS 99;NONSENSE")
    with pytest.raises(
        InstrumentError, match="a value was out of range; a command was illegal"
    ):
        lock_in.check_errors()
    with pytest.raises(InstrumentError, match="a value was out of range"):
        lock_in.time_constant = 1000  # at 1 kHz


@pytest.mark.parametrize(
    ("query", "reply", "message"),
    [
        ("SNAP?1,2", "0.05", "not two values"),
        ("SNAP?1,2", "a,b", "no number"),
        ("SNAP?1,2", "nan,0.1", "not two values"),
    ],
)
def test_garbled_readings(query: str, reply: str, message: str) -> None:
    with (
        expected_protocol(SR830, [*OPENING, (query, reply)]) as instrument,
        pytest.raises(InstrumentDataError, match=message),
    ):
        instrument.read_xy()


def test_a_mute_instrument(lock_in: SR830, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_in, "write", lambda *_: None)
    with pytest.raises(InstrumentDisconnected, match="did not answer"):
        lock_in.read_xy()
    monkeypatch.undo()


def test_shutdown_leaves_the_smallest_amplitude(
    lock_in: SR830, simulated: SimulatedSR830
) -> None:
    lock_in.amplitude = 5.0
    lock_in.aux_out_2 = 3.0
    lock_in.shutdown()
    assert simulated.settings["SLVL",] == 0.004
    assert simulated.settings["AUXV", 2] == 0.0

"""The Kepco driver: refusals instead of clipping, ramps, and the way to zero."""

from collections.abc import Iterator

import pytest
from pymeasure.instruments.kepco import KepcoBOP3612
from pymeasure.test import expected_protocol

from labsyn.data.errors import (
    InstrumentDataError,
    InstrumentDisconnected,
    InstrumentError,
    LimitError,
)
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.kepco_bop import KepcoBOP
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.kepco_bop import SimulatedKepcoBOP
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::6::INSTR"
FINE = ("SYST:ERR?", '0,"No error"')


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def surroundings() -> Environment:
    return Environment()


@pytest.fixture
def simulated(clock: VirtualClock, surroundings: Environment) -> SimulatedKepcoBOP:
    return SimulatedKepcoBOP(surroundings, clock, noise=False)


@pytest.fixture
def supply(simulated: SimulatedKepcoBOP, clock: VirtualClock) -> Iterator[KepcoBOP]:
    bench = SimulatedBench({ADDRESS: simulated}, Wiring(clock), clock)
    library = LabsynVisaLibrary.for_bench(bench)
    instrument = KepcoBOP(ADDRESS, clock=clock, visa_library=library)
    yield instrument
    instrument.shutdown()
    instrument.adapter.close()


def test_a_setting_is_followed_by_a_look_at_the_errors() -> None:
    with expected_protocol(
        KepcoBOP, [("CURRent -2.5", None), FINE, ("CURRent?", "-2.5000E+00")]
    ) as instrument:
        instrument.current_setpoint = -2.5
        assert instrument.current_setpoint == -2.5


@pytest.mark.parametrize(
    ("name", "value", "unwrapped"),
    [
        ("current_setpoint", 20.0, "CURRent 12"),
        ("current_setpoint", -12.1, "CURRent -12"),
        ("voltage_setpoint", 50.0, "VOLTage 36"),
    ],
)
def test_pymeasure_clips_and_we_refuse(name: str, value: float, unwrapped: str) -> None:
    with expected_protocol(KepcoBOP3612, [(unwrapped, None)]) as below:
        setattr(below, name, value)
    with (
        expected_protocol(KepcoBOP, []) as instrument,
        pytest.raises(ValueError, match="not in range"),
    ):
        setattr(instrument, name, value)


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [("operating_mode", "CURR", "FUNCtion:MODE CURR"), ("output_enabled", True, "OUTPut 1")],
)
def test_pymeasure_does_not_notice_a_refusal(name: str, value: object, sent: str) -> None:
    with expected_protocol(KepcoBOP3612, [(sent, None)]) as below:
        setattr(below, name, value)
    refused = [(sent, None), ("SYST:ERR?", '-221,"Settings conflict"'), FINE]
    with (
        expected_protocol(KepcoBOP, refused) as instrument,
        pytest.raises(InstrumentError, match="reports: -221 Settings conflict"),
    ):
        setattr(instrument, name, value)


def test_pymeasure_only_logs_errors(supply: KepcoBOP) -> None:
    queue = [("SYST:ERR?", '-113,"Undefined header"'), FINE]
    with expected_protocol(KepcoBOP3612, queue) as below:
        below.check_errors()  # no exception
    supply.write("NONSENSE")
    with pytest.raises(InstrumentError, match="-113 Undefined header"):
        supply.check_errors()
    with (
        expected_protocol(KepcoBOP, [("SYST:ERR?", "?")]) as instrument,
        pytest.raises(InstrumentDataError, match=r"answered '\?' to SYST:ERR"),
    ):
        instrument.check_errors()
    with (
        expected_protocol(
            KepcoBOP, [("SYST:ERR?", '-350,"Queue overflow"')] * 32
        ) as instrument,
        pytest.raises(InstrumentError, match="-350 Queue overflow"),
    ):
        instrument.check_errors()  # a queue that never empties ends


def test_the_field_is_ramped(
    supply: KepcoBOP, clock: VirtualClock, surroundings: Environment
) -> None:
    supply.setup_current(voltage_limit=30.0)
    begin = clock.now()
    supply.ramp_current(10.0)
    assert clock.now() - begin == pytest.approx(2.0)  # 5 A/s
    clock.sleep(1.0)
    assert supply.current == pytest.approx(10.0)
    assert surroundings.field == pytest.approx(0.25)
    assert supply.settings()["FUNCtion:MODE"] == "1"
    with pytest.raises(ValueError, match="not in range"):
        supply.ramp_current(13.0)


def test_nothing_is_sent_before_the_voltage_limit_was_checked() -> None:
    for limit in (50.0, float("nan")):
        with (
            expected_protocol(KepcoBOP, []) as instrument,
            pytest.raises(LimitError, match=r"a voltage limit of .* nothing was sent"),
        ):
            instrument.setup_current(voltage_limit=limit)


def test_shutdown_ramps_to_zero_before_the_output_goes_off(
    supply: KepcoBOP, simulated: SimulatedKepcoBOP, clock: VirtualClock
) -> None:
    supply.setup_current(voltage_limit=30.0)
    supply.ramp_current(-10.0)
    simulated.log.clear()
    supply.shutdown()
    sent = [message for _, message in simulated.log]
    currents = [float(m.split()[1]) for m in sent if m.startswith("CURRent ")]
    assert currents == sorted(currents)
    assert currents[0] == pytest.approx(-9.75)
    assert sent[-3:] == ["CURRent 0", "VOLTage 0", "OUTPut 0"]
    assert abs(simulated.coil_current) < 0.25
    assert not simulated.on


def test_shutdown_switches_off_even_if_the_ramp_fails(
    supply: KepcoBOP, simulated: SimulatedKepcoBOP
) -> None:
    supply.setup_current(voltage_limit=30.0)
    supply.ramp_current(1.0)
    supply.write("NONSENSE")  # the first step of the ramp will find this in the queue
    with pytest.raises(InstrumentError, match="Undefined header"):
        supply.shutdown()
    assert not simulated.on
    assert simulated.current == 0.0


def test_shutdown_tries_every_command_on_a_lost_connection(
    supply: KepcoBOP, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def fail(command: str, **_: object) -> None:
        tried.append(command)
        raise ConnectionResetError("gone")

    monkeypatch.setattr(supply.adapter, "write", fail)
    with pytest.raises(InstrumentDisconnected, match="is lost after 'CURRent 0'"):
        supply.shutdown()
    assert tried == ["OUTPut?", "CURRent 0", "VOLTage 0", "OUTPut 0"]
    monkeypatch.undo()


def test_a_mute_supply(supply: KepcoBOP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "write", lambda *_: None)
    with pytest.raises(InstrumentDisconnected, match="Kepco BOP 36-12 did not answer"):
        supply.check_errors()
    monkeypatch.undo()


def test_a_ramp_needs_a_rate() -> None:
    with pytest.raises(LimitError, match="a ramp rate of 0 A/s must be positive"):
        KepcoBOP(None, ramp_rate=0.0)

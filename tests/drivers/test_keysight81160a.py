"""The driver of the 81160A, and what all drivers of pulse generators do alike."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import pyvisa
from pymeasure.instruments.keysight import Keysight81160A as PyMeasureKeysight81160A
from pymeasure.test import expected_protocol
from pyvisa.constants import StatusCode

from labsyn.data.errors import (
    BenchError,
    InstrumentBusy,
    InstrumentDataError,
    InstrumentDisconnected,
    InstrumentError,
    LimitError,
)
from labsyn.drivers.agilent33250a import Agilent33220A, Agilent33250A
from labsyn.drivers.agilent33500 import Agilent33500
from labsyn.drivers.bench_model import SourceRole
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.generator_role import GeneratorPulseSource
from labsyn.drivers.keysight81160a import Keysight81160A
from labsyn.drivers.simulated.agilent33250a import (
    SimulatedAgilent33220A,
    SimulatedAgilent33250A,
)
from labsyn.drivers.simulated.agilent33500 import SimulatedAgilent33500
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.keysight81160a import SimulatedKeysight81160A
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::10::INSTR"
OPENING = ("*CLS", None)
NO_ERROR = ("SYST:ERR?", '+0,"No error"')
PAIRS = [
    (SimulatedKeysight81160A, Keysight81160A), (SimulatedAgilent33500, Agilent33500),
    (SimulatedAgilent33250A, Agilent33250A), (SimulatedAgilent33220A, Agilent33220A),
]  # fmt: skip


class Probe:
    """A resistor that remembers for how long it felt which voltage but 0 V."""

    terminals = ("a", "b")

    def __init__(self, ohm: float) -> None:
        self.ohm = ohm
        self.history: list[tuple[float, float]] = []
        self._joined = False

    def advance(self, voltages: Voltages, seconds: float) -> None:
        volts = voltages["a"] or 0.0
        if seconds > 0 and abs(volts) > 1e-9:
            if self.history and self.history[-1][0] == volts and self._joined:
                seconds += self.history.pop()[1]
            self.history.append((volts, seconds))
        if seconds > 0:
            self._joined = abs(volts) > 1e-9

    def currents(self, voltages: Voltages) -> dict[str, float]:
        a = voltages["a"]
        current = 0.0 if a is None else a / self.ohm
        return {"a": current, "b": -current}

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        return self.currents(voltages)


def raiser(error: Exception) -> Any:
    """Return a function that raises `error`, whatever it is called with."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


class Lab:
    def __init__(self, simulated: Any, driver: Any, ohm: float = 1e7) -> None:
        clock = Timeline()
        self.wiring = Wiring(clock)
        self.probe = Probe(ohm)
        self.wiring.connect(f"{ADDRESS}/1", self.probe, "a")
        self.wiring.ground(self.probe, "b")
        self.simulated = simulated(self.wiring, clock, ADDRESS)
        bench = SimulatedBench({ADDRESS: self.simulated}, self.wiring, clock)
        self.driver = driver(ADDRESS, visa_library=LabsynVisaLibrary.for_bench(bench))

    def felt(self) -> list[tuple[float, float]]:
        self.wiring.advance_all()
        return self.probe.history


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[1].__name__)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = Lab(*request.param)
    yield lab
    lab.driver.shutdown()
    lab.driver.adapter.close()


def test_the_burst_switch_sends_what_it_is_told() -> None:
    with expected_protocol(PyMeasureKeysight81160A, [(":BURS1:STAT 0", None)]) as unwrapped:
        unwrapped.ch_1.burst_state = True  # the defect: free-running pulses
    with expected_protocol(
        Keysight81160A, [OPENING, (":BURS1:STAT 1", None), NO_ERROR, (":BURS1:STAT?", "1")]
    ) as generator:
        generator.ch_1.burst_state = True
        assert generator.ch_1.burst_state is True


def test_the_load_is_checked_and_can_be_infinite() -> None:
    with expected_protocol(
        PyMeasureKeysight81160A,
        [(":OUTP2:LOAD 0.000000e+00", None), (":OUTP2:LOAD?", "+9.9E+37")],
    ) as unwrapped:
        unwrapped.ch_2.output_load = 0.0  # the defect: no output drives 0 ohm
        assert unwrapped.ch_2.output_load == 9.9e37
    with expected_protocol(
        Keysight81160A,
        [OPENING, (":OUTP2:LOAD INF", None), NO_ERROR, (":OUTP2:LOAD?", "+9.9E+37")],
    ) as generator:
        generator.ch_2.output_load = math.inf
        assert generator.ch_2.output_load == math.inf
        with pytest.raises(ValueError, match="not in range"):
            generator.ch_2.output_load = 0.0


def test_every_error_is_reported_with_what_was_sent() -> None:
    with expected_protocol(
        Keysight81160A,
        [
            OPENING,
            (":PULS:WIDT1 1.000000e-07", None),
            ("SYST:ERR?", '-221,"Settings conflict; width"'),
            ("SYST:ERR?", '-222,"Data out of range"'),
            NO_ERROR,
        ],
    ) as generator:
        with pytest.raises(
            InstrumentError, match="reports: -221 Settings conflict; width; -222 Data"
        ) as caught:
            generator.ch_1.pulse_width = 100e-9
        assert caught.value.__notes__ == ["after sending ':PULS:WIDT1 1.000000e-07'"]


def test_a_garbled_error_reply_is_shown() -> None:
    with (
        expected_protocol(Keysight81160A, [OPENING, ("SYST:ERR?", "what")]) as generator,
        pytest.raises(InstrumentDataError, match="answered 'what' to SYST:ERR"),
    ):
        generator.check_errors()


def test_pulses_of_either_sign_start_and_end_at_zero(lab: Lab) -> None:
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, math.inf)
    for voltage, n in ((1.0, 3), (2.0, 1), (-1.5, 2), (-4.0, 1), (4.0, 2)):
        lab.probe.history.clear()
        lab.driver.pulse(1, voltage, n)
        assert [volts for volts, _ in lab.felt()] == pytest.approx([voltage] * n, rel=1e-4)
        assert [time for _, time in lab.felt()] == pytest.approx([1e-6] * n, rel=1e-6)


def test_no_pulse_is_given_while_the_wire_is_slow(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real bus takes milliseconds a message, in which an output that runs free pulses."""
    write = lab.simulated.write

    def slow(data: bytes) -> None:
        write(data)
        lab.wiring.clock.sleep(5e-3)

    monkeypatch.setattr(lab.simulated, "write", slow)
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, math.inf)
    assert lab.felt() == []
    for voltage, n in ((1.0, 3), (-1.5, 2), (-2.0, 1)):
        lab.probe.history.clear()
        lab.driver.pulse(1, voltage, n)
        assert [volts for volts, _ in lab.felt()] == pytest.approx([voltage] * n, rel=1e-4)


@pytest.mark.parametrize(("simulated", "driver"), PAIRS[:2])
def test_a_pulse_on_one_output_is_none_on_the_other(simulated: Any, driver: Any) -> None:
    """``*TRG`` reaches every output that waits for the bus."""
    lab = Lab(simulated, driver)
    for channel in (1, 2):
        lab.driver.setup_pulse(channel, 1e-6, 1e-3, 20e-9, math.inf)
    lab.driver.pulse(1, 1.0)
    lab.driver.pulse(2, 2.0, 3)
    lab.driver.pulse(1, 1.0, 2)
    assert [volts for volts, _ in lab.felt()] == pytest.approx([1.0] * 3, rel=1e-4)
    lab.driver.adapter.close()


def test_the_largest_steps_of_voltage_into_50_ohm() -> None:
    for simulated, driver in PAIRS:
        lab = Lab(simulated, driver, ohm=50.0)
        lab.driver.setup_pulse(1, 1e-3, 1e-2, 1e-7, 50.0)
        for voltage in (5.0, -5.0, 5.0, 0.05, -0.05):
            lab.driver.pulse(1, voltage)
        volts = [volts for volts, _ in lab.felt()]
        assert volts == pytest.approx([5.0, -5.0, 5.0, 0.05, -0.05])
        lab.driver.adapter.close()


def test_timing_goes_from_any_to_any(lab: Lab) -> None:
    for width, period, edge in (
        (1e-6, 1e-3, 20e-9), (0.5, 1.0, 50e-9), (40e-9, 250e-9, 10e-9), (1e-3, 1e-2, 1e-7),
    ):  # fmt: skip
        lab.driver.setup_pulse(1, width, period, edge, 50.0)
        output = lab.driver.output_of(1)
        assert output.pulse_transition == pytest.approx(edge)


def test_what_cannot_be_pulsed_is_refused_before_it_is_sent(lab: Lab) -> None:
    with pytest.raises(BenchError, match="pulse on channel 1 before setup_pulse"):
        lab.driver.pulse(1, 1.0)
    with pytest.raises(BenchError, match=r"has no channel 7, only \(1"):
        lab.driver.setup_pulse(7, 1e-6, 1e-3, 20e-9, 50.0)
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, 50.0)
    n_messages = len(lab.simulated.log)
    for voltage in (0.0, 1e-4, 5.1, -5.1, math.nan):
        with pytest.raises(LimitError, match="to 5 V of either sign at this load, not"):
            lab.driver.pulse(1, voltage)
    for n in (0, 2.5, lab.driver.RANGE.most_pulses + 1):
        with pytest.raises(LimitError, match=r"whole number from 1 to \d+; nothing was sent"):
            lab.driver.pulse(1, 1.0, n)
    assert len(lab.simulated.log) == n_messages


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((1e-9, 1e-3, 20e-9, 50.0), "takes a pulse width of .* to .*, not 1 ns; nothing was"),
        ((1e-6, 1e9, 20e-9, 50.0), "takes a pulse period of .* to .*, not 1 Gs; nothing was"),
        ((1e-6, 1e-3, 1e-12, 50.0), "takes an edge of .* to .*, not 1 ps; nothing was sent"),
        ((1e-6, 1e-3, 20e-9, 1e7), "takes a load of .* to .*, not 10 Mohm; nothing was sent"),
        ((math.nan, 1e-3, 20e-9, 50.0), "takes a pulse width of"),
        ((1e-6, math.inf, 20e-9, 50.0), "takes a pulse period of"),
    ],
)
def test_pulses_that_no_setting_can_hold_are_refused_before_they_are_sent(
    lab: Lab, asked: tuple[float, float, float, float], message: str
) -> None:
    n_messages = len(lab.simulated.log)
    with pytest.raises(LimitError, match=message):
        lab.driver.setup_pulse(1, *asked)
    assert len(lab.simulated.log) == n_messages


@pytest.mark.parametrize("width", [1e-6, 1e-3, 10e-3])
def test_every_generator_is_a_pulse_source_of_any_width(lab: Lab, width: float) -> None:
    part = SourceRole(instrument="it", channel=1, load=1e4)
    source = GeneratorPulseSource(part, {"it": lab.driver}, VirtualClock())
    source.setup_pulses(width=width, period=2 * width, compliance_current=1e-3)
    source.pulse(1.0)
    # The probe of 10 MΩ takes half a percent more than the 10 kΩ the source is set for.
    [(volts, seconds)] = lab.felt()
    assert volts == pytest.approx(1.005, rel=1e-4)
    assert seconds == pytest.approx(width)


def test_a_setting_that_does_not_fit_is_an_error(lab: Lab) -> None:
    with pytest.raises(InstrumentError, match="reports: -22"):
        lab.driver.setup_pulse(1, 2e-3, 1e-3, 20e-9, 50.0)  # longer than its period
    with pytest.raises(BenchError, match="before setup_pulse"):
        lab.driver.pulse(1, 1.0)


def test_a_value_that_was_not_taken_is_an_error(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = lab.simulated.channels[1]
    monkeypatch.setattr(type(channel), "width", property(lambda _: 9e-9, lambda *_: None))
    with pytest.raises(InstrumentError, match="took pulse_width 9e-09 for 1e-06"):
        lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, 50.0)


def test_a_failed_pulse_leaves_the_output_off(lab: Lab) -> None:
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, 50.0)
    lab.driver.pulse(1, 1.0)
    lab.driver.output_of(1).trigger_source = "EXT"
    with pytest.raises(InstrumentError, match="-211 Trigger ignored"):
        lab.driver.pulse(1, 1.0)
    assert lab.wiring.voltage(f"{ADDRESS}/1") is None
    with pytest.raises(InstrumentError, match="-211 Trigger ignored"):
        lab.driver.trigger()


def test_settings_say_what_the_outputs_do(lab: Lab) -> None:
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, math.inf)
    lab.driver.pulse(1, -1.5, 3)
    settings = lab.driver.settings()
    assert settings["shape_1"] == "PULS"
    assert settings["output_polarity_1"] == "INV"
    assert settings["output_load_1"] == "inf"
    assert float(settings["voltage_low_1"]) == pytest.approx(-1.5)
    assert float(settings["burst_ncycles_1"]) == 3


def test_shutdown_switches_every_output_off(lab: Lab) -> None:
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, 50.0)
    lab.driver.pulse(1, 1.0)
    assert lab.wiring.voltage(f"{ADDRESS}/1") == 0.0
    lab.driver.shutdown()
    assert lab.wiring.voltage(f"{ADDRESS}/1") is None


def test_one_output_that_fails_does_not_keep_the_other_on() -> None:
    with expected_protocol(
        Keysight81160A,
        [
            OPENING,
            ("OUTP1 0", None), ("SYST:ERR?", '-113,"Undefined header"'), NO_ERROR,
            ("OUTP2 0", None), NO_ERROR,
        ],
    ) as generator, pytest.raises(InstrumentError, match="-113 Undefined"):  # fmt: skip
        generator.shutdown()


def test_a_burst_that_does_not_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    timeout = pyvisa.errors.VisaIOError(StatusCode.error_timeout)

    def never(**_: Any) -> str:
        raise timeout

    monkeypatch.setattr(lab.driver.adapter, "read", never)
    with pytest.raises(InstrumentBusy, match="no end of the burst in 5 s"):
        lab.driver.wait_for_trigger(5.0)
    lab.driver.wait_for_trigger(5.0, should_stop=lambda: True)
    timeout = pyvisa.errors.VisaIOError(StatusCode.error_connection_lost)
    with pytest.raises(InstrumentDisconnected, match="is lost after"):
        lab.driver.wait_for_trigger(5.0)
    monkeypatch.undo()
    lab.driver.adapter.connection.clear()
    lab.driver.check_errors()


def test_a_burst_that_does_not_end_leaves_the_output_off(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, 50.0)
    monkeypatch.setattr(
        lab.driver, "wait_for_trigger", raiser(InstrumentBusy("no end of the burst"))
    )
    with pytest.raises(TimeoutError, match="no end of the burst"):
        lab.driver.pulse(1, 1.0)
    assert lab.wiring.voltage(f"{ADDRESS}/1") is None


def test_a_level_that_was_not_taken_never_reaches_the_device(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.driver.setup_pulse(1, 1e-6, 1e-3, 20e-9, 50.0)
    channel = lab.simulated.channels[1]
    monkeypatch.setattr(type(channel), "high", property(lambda _: 2.0, lambda *_: None))
    with pytest.raises(InstrumentError, match="took voltage_high 2 for 1"):
        lab.driver.pulse(1, 1.0)
    assert lab.felt() == []
    assert lab.wiring.voltage(f"{ADDRESS}/1") is None


def test_a_reply_that_does_not_come_or_says_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = lab.driver.output_of(1)
    lost = pyvisa.errors.VisaIOError(StatusCode.error_timeout)
    for wrong, kind, match in (
        (raiser(lost), InstrumentDisconnected, "did not answer after '.*WIDT1?.?'; check"),
        (lambda **_: "\n", InstrumentDataError, r"answered '\\n' to .*WIDT1?.?, where a value"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(lab.driver.adapter, "read", wrong)
            with pytest.raises(kind, match=match):
                output.pulse_width  # noqa: B018, it is asked for
        lab.driver.adapter.connection.clear()
    lab.driver.check_errors()


def test_a_setting_that_is_read_back_as_no_number() -> None:
    with (
        expected_protocol(
            Keysight81160A,
            [
                OPENING, ("OUTP1 0", None), NO_ERROR, (":FUNC1 PULS", None), NO_ERROR,
                (":VOLT1:UNIT VPP", None), NO_ERROR, (":FUNC1:PULS:TRAN?", "#%&"),
            ],
        ) as generator,
        pytest.raises(InstrumentDataError, match="answered '#%&' for pulse_transition, no num"),
    ):  # fmt: skip
        generator.setup_pulse(1, 1e-6, 1e-3, 20e-9, 50.0)


def test_a_waveform_that_is_refused_is_an_error() -> None:
    lab = Lab(SimulatedKeysight81160A, Keysight81160A)
    lab.driver.ch_1.waveform_volatile = [-2.0, -1.5, 0.0, 1.5, 2.0]
    with pytest.raises(InstrumentError, match="-22"):
        lab.driver.ch_1.waveform_volatile = [-4.0, 1.0]  # beyond full scale
    lab.driver.adapter.close()


@pytest.mark.parametrize(("simulated", "driver"), PAIRS)
def test_the_model_is_recognised(simulated: Any, driver: Any) -> None:
    assert driver.MODEL.search(simulated.MODEL.identity)
    others = [other.MODEL.identity for other, _ in PAIRS if other is not simulated]
    assert not any(driver.MODEL.search(identity) for identity in others)

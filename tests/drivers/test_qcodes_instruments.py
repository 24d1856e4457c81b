"""QCoDeS's own switch, lock-ins and function generators, unmodified, on the simulated bench."""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.agilent33250a import SimulatedAgilent33250A
from labsyn.drivers.simulated.agilent33500 import SimulatedAgilent33500
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.instrument import SimulatedInstrument
from labsyn.drivers.simulated.keithley3706a import SimulatedKeithley3706A
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.pulse_generator import SimulatedPulseGenerator
from labsyn.drivers.simulated.sr830 import SimulatedSR830
from labsyn.drivers.simulated.sr860 import SimulatedSR860
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what QCoDeS imports is not ours to mend
    pytest.importorskip("qcodes", reason="QCoDeS is a peer: install it to run against it")
    from qcodes.instrument_drivers.Keithley import (  # type: ignore[import-not-found]
        Keithley3706A,
    )
    from qcodes.instrument_drivers.Keithley.Keithley_3706A import (  # type: ignore[import-not-found]
        Keithley3706AInvalidValue,
    )
    from qcodes.instrument_drivers.Keysight import (  # type: ignore[import-not-found]
        Keysight33250A,
        Keysight33522B,
    )
    from qcodes.instrument_drivers.stanford_research import (  # type: ignore[import-not-found]
        SR830,
        SR860,
    )

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:qcodes"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # QCoDeS's SR830 holds a parameter of a form that QCoDeS itself gives up.
    pytest.mark.filterwarnings("ignore:Parameter ch._databuffer on instrument"),
]

ADDRESS = "GPIB0::9::INSTR"
SMU = "GPIB0::17::INSTR/1"
WIDTH = 10e-3  # second
OUTPUT_RESISTANCE = 50.0  # ohm, of both generators
SERIES = 1e6  # ohm, between the sine output of a lock-in and its device

Opener = Callable[[Any, SimulatedInstrument, Wiring], Any]


class Resistor:
    """40 kΩ between ``top`` and ``bottom``."""

    terminals = ("top", "bottom")
    resistance = 40e3

    def advance(self, voltages: Voltages, seconds: float) -> None:
        """Stay as it is."""

    def currents(self, voltages: Voltages) -> dict[str, float]:
        top, bottom = voltages.get("top"), voltages.get("bottom")
        flows = 0.0 if top is None or bottom is None else (top - bottom) / self.resistance
        return {"top": flows, "bottom": -flows}

    measured_currents = currents


@pytest.fixture
def open_driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Return a function that opens a driver of QCoDeS on one simulated instrument."""
    import pyvisa

    real = pyvisa.ResourceManager
    opened = []

    def open_one(driver: Any, instrument: SimulatedInstrument, wiring: Wiring) -> Any:
        bench = SimulatedBench({ADDRESS: instrument}, wiring, wiring.clock)
        library = LabsynVisaLibrary.for_bench(bench)
        # QCoDeS takes names of libraries only; the bench of this test is an object.
        monkeypatch.setattr(pyvisa, "ResourceManager", lambda *_: real(library))
        opened.append(driver(driver.__name__.lower(), address=ADDRESS))
        return opened[-1]

    yield open_one
    for driver in opened:
        driver.close()


class Matrix:
    """QCoDeS's switch: an SMU on row 1, the multimeter on row 5, a resistor on column 1."""

    def __init__(self, open_driver: Opener) -> None:
        clock = VirtualClock()
        self.wiring = Wiring(clock)
        device = Resistor()
        self.wiring.ground(device, "bottom")
        paths = {"1101": (SMU, device, "top"), "1501": ("dmm", device, "top")}
        simulated = SimulatedKeithley3706A(self.wiring, clock, {1: "3730"}, paths, ADDRESS)
        self.driver = open_driver(Keithley3706A, simulated, self.wiring)

    def no_error(self) -> bool:
        return float(self.driver.ask("errorqueue.count")) == 0


@pytest.fixture
def matrix(open_driver: Opener) -> Matrix:
    return Matrix(open_driver)


def test_the_switch_knows_its_cards(matrix: Matrix) -> None:
    assert matrix.driver.get_idn()["model"] == "3706A-SNFP"
    (card,) = matrix.driver.get_switch_cards()
    assert (card["slot_no"], card["model"]) == ("1", "3730")
    channels = matrix.driver.get_channels()
    assert len(channels) == 6 * 16
    assert (channels[0], channels[-1]) == ("1101", "1616")
    (interlock,) = matrix.driver.get_interlock_state()
    assert interlock["state"].startswith("Interlock 1 is engaged")
    assert matrix.no_error()


def test_channels_connect_the_device(matrix: Matrix) -> None:
    driver = matrix.driver
    assert driver.get_closed_channels("allslots") is None
    driver.close_channel("1101,1203")
    assert driver.get_closed_channels("allslots") == ["1101", "1203"]
    matrix.wiring.drive(SMU, 0.1)
    assert matrix.wiring.current(SMU) == pytest.approx(0.1 / 40e3)
    matrix.wiring.release(SMU)
    driver.open_channel("1101")
    matrix.wiring.drive(SMU, 0.1)
    assert matrix.wiring.current(SMU) == 0
    matrix.wiring.release(SMU)
    driver.exclusive_close("1305")
    assert driver.get_closed_channels("allslots") == ["1305"]
    driver.exclusive_slot_close("1306")
    assert driver.get_closed_channels("slot1") == ["1306"]
    driver.open_channel("allslots")
    assert driver.get_closed_channels("allslots") is None
    assert matrix.no_error()


def test_settings_of_the_channels(matrix: Matrix) -> None:
    driver = matrix.driver
    for rule in ("MAKE_BEFORE_BREAK", "OFF", "BREAK_BEFORE_MAKE"):
        driver.channel_connect_rule(rule)
        assert driver.channel_connect_rule() == rule
    driver.set_delay("1101,1102", 0.25)
    assert driver.get_delay("1101,1102") == [0.25, 0.25]
    driver.set_backplane("1101", "1911")
    assert driver.get_backplane("1101") == "1911"
    driver.reset_channel("1101")
    assert driver.get_delay("1101") == [0]
    assert matrix.no_error()


def test_a_forbidden_channel_stays_open(matrix: Matrix) -> None:
    driver = matrix.driver
    driver.set_forbidden_channels("1101")
    assert driver.get_forbidden_channels("allslots") == "1101"
    with pytest.warns(UserWarning, match="forbidden to close"):
        driver.close_channel("1101")
    assert driver.get_closed_channels("allslots") is None
    assert not matrix.no_error()
    driver.clear_forbidden_channels("1101")
    driver.close_channel("1101")
    assert driver.get_closed_channels("allslots") == ["1101"]


def test_the_switch_driver_refuses_what_the_card_has_not(matrix: Matrix) -> None:
    with pytest.raises(Keithley3706AInvalidValue, match="1701 is not a valid specifier"):
        matrix.driver.close_channel("1701")


def test_ohms_through_the_matrix(matrix: Matrix) -> None:
    """QCoDeS's driver has no multimeter: it sends the lines of a user."""
    matrix.driver.close_channel("1501,1911")
    matrix.driver.write("dmm.func = dmm.TWO_WIRE_OHMS")
    assert float(matrix.driver.ask("dmm.measure()")) == pytest.approx(40e3, rel=1e-3)
    assert matrix.no_error()


class LockIn:
    """QCoDeS's lock-in: 40 kΩ behind 1 MΩ, as a divider of its own sine output."""

    def __init__(self, open_driver: Opener, driver: Any, kind: Any) -> None:
        self.clock = VirtualClock()
        wiring = Wiring(self.clock)
        device = Resistor()
        wiring.connect(f"{ADDRESS}/sine", device, "top")
        wiring.ground(device, "bottom")
        simulated = kind(wiring, self.clock, ADDRESS, seed=1)
        self.driver = open_driver(driver, simulated, wiring)

    def excite(self, amplitude: float) -> float:
        """Set the sine output, wait for the filter; return the volts of the divider."""
        self.driver.frequency(137.0)
        self.driver.amplitude(amplitude)
        self.driver.time_constant(0.1)
        self.driver.sensitivity(0.05)
        self.clock.sleep(3)
        loaded = 1 / (1 / Resistor.resistance + 1 / 10e6)  # the input is 10 MΩ
        return amplitude * loaded / (SERIES + loaded)


@pytest.fixture
def sr830(open_driver: Opener) -> LockIn:
    return LockIn(open_driver, SR830, SimulatedSR830)


@pytest.fixture
def sr860(open_driver: Opener) -> LockIn:
    return LockIn(open_driver, SR860, SimulatedSR860)


@pytest.mark.parametrize("name", ["sr830", "sr860"])
def test_the_divider_obeys_ohms_law(name: str, request: pytest.FixtureRequest) -> None:
    lock_in: LockIn = request.getfixturevalue(name)
    assert lock_in.driver.get_idn()["model"] == name.upper()
    for amplitude in (0.2, 1.0):
        expected = lock_in.excite(amplitude)
        assert lock_in.driver.X() == pytest.approx(expected, rel=1e-3)
        assert lock_in.driver.R() == pytest.approx(expected, rel=1e-3)
        leading = 0.16 / 137.0 * expected  # the input is coupled by a capacitor, from 0.16 Hz
        assert lock_in.driver.Y() == pytest.approx(leading, abs=1e-4 * expected)
        assert lock_in.driver.P() == pytest.approx(0, abs=0.1)
        assert lock_in.driver.complex_voltage().real == pytest.approx(expected, rel=1e-3)


def set_and_get(owner: Any, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        owner.parameters[name](value)
        got = owner.parameters[name]()
        assert got == (value if isinstance(value, str) else pytest.approx(value)), name


def test_parameters_of_the_sr830(sr830: LockIn) -> None:
    set_and_get(sr830.driver, {
        "amplitude": 0.1, "frequency": 137.0, "phase": -90.0, "sensitivity": 1e-3,
        "time_constant": 0.03, "filter_slope": 18, "sync_filter": "on", "harmonic": 3,
        "input_config": "a-b", "input_shield": "ground", "input_coupling": "DC",
        "notch_filter": "both", "reference_source": "external", "ext_trigger": "TTL rising",
        "reserve": "low noise", "aux_out1": 1.5, "buffer_SR": 64, "ch1_display": "R",
        "ch2_ratio": "Aux In 3", "buffer_acq_mode": "loop", "buffer_trig_mode": "ON",
    })  # fmt: skip
    assert sr830.driver.aux_in1() == 0
    assert sr830.driver.X_offset() == (0, 0)
    assert sr830.driver.increment_sensitivity()
    assert sr830.driver.sensitivity() == 2e-3
    assert int(sr830.driver.ask("ERRS?")) == 0


def test_the_buffer_of_the_sr830(sr830: LockIn) -> None:
    expected = sr830.excite(1.0)
    sr830.driver.buffer_SR(512)
    sr830.driver.buffer_reset()
    sr830.driver.buffer_start()
    sr830.clock.sleep(0.1)
    sr830.driver.buffer_pause()
    n_points = sr830.driver.buffer_npts()
    assert n_points == pytest.approx(0.1 * 512, abs=3)
    sr830.driver.ch1_databuffer.prepare_buffer_readout()
    assert sr830.driver.ch1_databuffer() == pytest.approx(np.full(n_points, expected), rel=2e-3)


def test_parameters_of_the_sr860(sr860: LockIn) -> None:
    set_and_get(sr860.driver, {
        "amplitude": 0.1, "frequency": 137.0, "phase": -90.0, "sensitivity": 1e-3,
        "time_constant": 0.03, "filter_slope": 18, "sync_filter": "ON", "harmonic": 3,
        "input_config": "a-b", "input_shield": "ground", "input_coupling": "dc",
        "input_range": 0.1, "input_gain": 1e8, "adv_filter": "ON", "sine_outdc": 0.5,
        "external_reference_trigger": "NEGTTL", "reference_source": "EXT", "aux_out1": 1.5,
        "X_offset": 10.0, "R_expand": "X10",
    })  # fmt: skip
    assert sr860.driver.aux_in1() == 0
    assert sr860.driver.noise_bandwidth() == pytest.approx(3 / 32 / 0.03, rel=1e-5)
    sr860.driver.data_channels[1].assigned_parameter("P")
    assert sr860.driver.get_data_channels_parameters()[1] == "P"
    assert sr860.driver.ask("*ESR?") == "128"  # power on, and no error


def test_a_capture_of_the_sr860(sr860: LockIn) -> None:
    expected = sr860.excite(1.0)
    buffer = sr860.driver.buffer
    buffer.capture_config("X,Y")
    buffer.set_capture_rate_to_maximum()
    assert buffer.capture_rate() == buffer.capture_rate_max()
    data = buffer.capture_samples(64)
    assert data["X"] == pytest.approx(np.full(64, expected), rel=2e-3)
    assert data["Y"] == pytest.approx(np.zeros(64), abs=2e-3 * expected)


class Generator:
    """QCoDeS's function generator, on a synapse."""

    def __init__(
        self,
        open_driver: Opener,
        driver: Any,
        kind: type[SimulatedPulseGenerator],
        width: str,
    ) -> None:
        self.width = width  # the header that the manual of this model gives
        self.clock = Timeline()
        self.wiring = Wiring(self.clock)
        self.synapse = LixCoO2(sigma_c2c=0.0, relaxation_time=math.inf)
        self.wiring.connect(f"{ADDRESS}/1", self.synapse, "top")
        self.wiring.ground(self.synapse, "bottom")
        simulated = kind(self.wiring, self.clock, ADDRESS)
        self.driver = open_driver(driver, simulated, self.wiring)

    def x_after(self, seconds: float) -> float:
        """Return the state of the synapse after some rest."""
        self.clock.sleep(seconds)
        self.wiring.advance_all()
        return self.synapse.x

    def x_after_burst(self, n_pulses: int) -> float:
        """Return the state after a triggered burst of 10 ms pulses of 1 V, and a rest."""
        self.synapse.x = 1.0
        set_and_get(self.driver.ch1, {
            "burst_mode": "N Cycle", "burst_ncycles": n_pulses, "trigger_source": "BUS",
            "burst_state": "ON", "function_type": "PULS", "frequency": 50.0,
            "amplitude": 0.5, "offset": 0.25,
        })  # 0.5 V into 50 Ω: the device gets 1 V  # fmt: skip
        self.driver.write(f"{self.width} {WIDTH}")
        self.driver.ch1.output("ON")
        assert self.x_after(10.0) == 1.0
        self.driver.force_trigger()
        after = self.x_after(1.0)
        assert self.x_after(10.0) == after
        self.driver.ch1.output("OFF")
        return after


def x_after_pulses(n_pulses: int) -> float:
    """Return the state of a synapse after the same pulses without any instrument.

    The divider is that of the start of each pulse, which is good to some 1e-5.
    """
    synapse = LixCoO2(sigma_c2c=0.0, relaxation_time=math.inf)
    synapse.x = 1.0
    for _ in range(n_pulses):
        share = 1 / (1 + OUTPUT_RESISTANCE * synapse.conductance)  # 0.2 % less than 1 V
        for voltage in (share, 0.0):  # at 50 Hz the rest lasts as long as the pulse
            synapse.advance({"top": voltage, "bottom": 0.0}, WIDTH)
    return synapse.x


@pytest.fixture
def k33522b(open_driver: Opener) -> Generator:
    return Generator(open_driver, Keysight33522B, SimulatedAgilent33500, "FUNC:PULS:WIDT")


@pytest.fixture
def k33250a(open_driver: Opener) -> Generator:
    return Generator(open_driver, Keysight33250A, SimulatedAgilent33250A, "PULS:WIDT")


COMMON = {
    "function_type": "PULS", "frequency": 100.0,
    "amplitude_unit": "VPP", "amplitude": 2.0, "offset": 0.5, "ramp_symmetry": 25.0,
    "trigger_source": "EXT", "trigger_slope": "NEG", "output_polarity": "INV",
    "burst_mode": "Gated", "burst_ncycles": 7, "burst_phase": -90.0,
    "burst_polarity": "INV", "burst_int_period": 0.5, "burst_state": "ON", "output": "ON",
}  # fmt: skip


def test_both_channels_of_the_33522b(k33522b: Generator) -> None:
    assert k33522b.driver.num_channels == 2
    for channel in (k33522b.driver.ch1, k33522b.driver.ch2):
        set_and_get(channel, COMMON | {
            "frequency_mode": "CW", "pulse_width": 1e-3, "phase": 90.0, "trigger_count": 3,
            "trigger_delay": 0.25, "trigger_timer": 0.5,
        })  # fmt: skip
        channel.burst_ncycles("INF")
        assert channel.burst_ncycles() == math.inf
    set_and_get(k33522b.driver.sync, {"output": "OFF", "source": 2})
    k33522b.driver.sync_channel_phases()
    assert k33522b.driver.error() == (0, "No error")


def test_parameters_of_the_33250a(k33250a: Generator) -> None:
    assert k33250a.driver.num_channels == 1
    set_and_get(k33250a.driver.ch1, COMMON)
    set_and_get(k33250a.driver.sync, {"output": "OFF"})
    assert k33250a.driver.error() == (0, "No error")


def test_the_33250a_knows_no_pulse_width_under_function(k33250a: Generator) -> None:
    """QCoDeS sends FUNC:PULS:WIDT of the 33500 family; the 33250A has PULS:WIDT."""
    k33250a.driver.ch1.pulse_width(1e-3)
    assert k33250a.driver.error() == (-113, "Undefined header")
    assert k33250a.driver.error() == (0, "No error")


@pytest.mark.parametrize("name", ["k33522b", "k33250a"])
def test_a_burst_is_as_many_pulses_on_the_synapse(
    name: str, request: pytest.FixtureRequest
) -> None:
    generator: Generator = request.getfixturevalue(name)
    for n_pulses in (2, 8):
        expected = x_after_pulses(n_pulses)
        assert expected < 0.99
        assert generator.x_after_burst(n_pulses) == pytest.approx(expected, abs=5e-5, rel=0)
    assert generator.driver.error() == (0, "No error")


def test_a_shorter_pulse_of_the_33522b_moves_the_synapse_less(k33522b: Generator) -> None:
    k33522b.driver.ch1.frequency(50.0)
    full = k33522b.x_after_burst(4)
    k33522b.synapse.x = 1.0
    k33522b.driver.ch1.pulse_width(WIDTH / 10)
    k33522b.driver.ch1.output("ON")
    k33522b.driver.force_trigger()
    assert full < k33522b.x_after(1.0) < 1.0
    assert k33522b.driver.error() == (0, "No error")

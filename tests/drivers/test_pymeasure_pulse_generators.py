"""PyMeasure's own drivers of pulse generators, unmodified, on the simulated bench.

Where a driver has a defect, the test shows it: the simulated instrument does not bend.
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pymeasure.instruments.agilent import Agilent33220A, Agilent33500
from pymeasure.instruments.keysight import Keysight33250A, Keysight81160A

from labsyn.drivers.simulated.agilent33250a import (
    SimulatedAgilent33220A,
    SimulatedAgilent33250A,
)
from labsyn.drivers.simulated.agilent33500 import SimulatedAgilent33500
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.keysight81160a import SimulatedKeysight81160A
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.pulse_generator import SimulatedPulseGenerator
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::10::INSTR"


class Lab:
    """A generator on a synapse, and PyMeasure's driver of it."""

    def __init__(self, kind: type[SimulatedPulseGenerator], driver: Any) -> None:
        self.clock = Timeline()
        self.wiring = Wiring(self.clock)
        self.synapse = LixCoO2(sigma_c2c=0.0, relaxation_time=math.inf)
        self.wiring.connect(f"{ADDRESS}/1", self.synapse, "top")
        self.wiring.ground(self.synapse, "bottom")
        generator = kind(self.wiring, self.clock, ADDRESS)
        bench = SimulatedBench({ADDRESS: generator}, self.wiring, self.clock)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of Agilent33220A
            self.driver = driver(ADDRESS, visa_library=LabsynVisaLibrary.for_bench(bench))

    def x_after(self, seconds: float) -> float:
        """Return the state of the synapse after some rest."""
        self.clock.sleep(seconds)
        self.wiring.advance_all()
        return self.synapse.x


@pytest.fixture
def k81160() -> Iterator[Lab]:
    lab = Lab(SimulatedKeysight81160A, Keysight81160A)
    yield lab
    lab.driver.adapter.close()


@pytest.fixture
def a33500() -> Iterator[Lab]:
    lab = Lab(SimulatedAgilent33500, Agilent33500)
    yield lab
    lab.driver.adapter.close()


@pytest.fixture
def k33250() -> Iterator[Lab]:
    lab = Lab(SimulatedAgilent33250A, Keysight33250A)
    yield lab
    lab.driver.adapter.close()


@pytest.fixture
def a33220() -> Iterator[Lab]:
    lab = Lab(SimulatedAgilent33220A, Agilent33220A)
    yield lab
    lab.driver.adapter.close()


def set_and_get(owner: Any, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        setattr(owner, name, value)
        got = getattr(owner, name)
        assert got == (value if isinstance(value, str) else pytest.approx(value)), name


COMMON = {"shape": "PULS", "pulse_period": 1e-2, "amplitude_unit": "VPP", "amplitude": 2.0,
          "offset": 0.25, "voltage_high": 1.5, "voltage_low": -0.5, "ramp_symmetry": 25.0,
          "square_dutycycle": 30.0, "frequency": 1e3, "burst_mode": "GAT"}  # fmt: skip


def test_81160a_properties(k81160: Lab) -> None:
    channel = k81160.driver.ch_1
    set_and_get(channel, COMMON | {
        "pulse_hold": "WIDT", "pulse_width": 1e-4, "pulse_dutycycle": 5.0,
        "pulse_transition": 1e-6, "burst_period": 0.5, "burst_ncycles": 7, "limit_high": 3.0,
        "limit_low": -3.0, "limit_state_enabled": True, "trigger_mode": "EXT",
        "trigger_count": 9, "coupling_enabled": False, "output": False,
    })  # fmt: skip
    assert channel.free_memory_slots == 32
    channel.save_waveform([-2.0, -1.5, 0.0, 1.5, 2.0], "test")
    assert channel.waveforms == "TEST"
    channel.shape = "USER"
    channel.apply_pulse(1e3, 1, 0.5)
    channel.apply_dc(0.5)
    channel.apply_noise(1, 0)
    channel.apply_sin(1e3, 1, 0)
    channel.apply_square(1e3, 1, 0)
    channel.apply_user_waveform(1e3, 1, 0)
    channel.delete_waveform("test")
    assert k81160.driver.check_errors() == []


def test_81160a_root_properties(k81160: Lab) -> None:
    set_and_get(k81160.driver, COMMON | {
        "pulse_hold": "WIDT", "pulse_width": 1e-4, "pulse_dutycycle": 5.0,
        "pulse_transition": 1e-6, "burst_period": 0.5, "burst_ncycles": 7, "output": True,
        "burst_state": True,
    })  # fmt: skip
    assert k81160.driver.check_errors() == []


def test_33500_properties(a33500: Lab) -> None:
    settings = COMMON | {
        "pulse_hold": "DCYC", "pulse_width": 1e-4, "pulse_dutycycle": 5.0,
        "pulse_transition": 1e-7, "burst_period": 0.5, "burst_ncycles": 7, "phase": 90.0,
        "output": True, "burst_state": True, "output_load": 75.0, "arb_advance": "TRIG",
        "arb_filter": "NORM", "arb_srate": 1e6,
    }  # fmt: skip
    for owner in (a33500.driver, a33500.driver.ch_2):
        set_and_get(owner, settings)
        owner.data_volatile_clear()
        owner.data_arb("test", range(-10000, 10000, 1000))
        owner.arb_file = "test"
        assert owner.arb_file.strip('"') == "test"
        owner.shape = "ARB"
        owner.output_load = "INF"
    set_and_get(a33500.driver, {"trigger_source": "BUS", "ext_trig_out": True})
    a33500.driver.phase_sync()
    a33500.driver.display = "hello"
    a33500.driver.clear_display()
    a33500.driver.beep()
    a33500.driver.data_arb("second", [0.0, 0.5] * 4, data_format="float")
    assert a33500.driver.check_errors() == []


def test_33250a_properties(k33250: Lab) -> None:
    set_and_get(k33250.driver, COMMON | {
        "pulse_width": 1e-4, "pulse_transition": 1e-6, "burst_period": 0.5,
        "burst_ncycles": 7, "burst_phase": -90.0, "output_load": 75.0,
        "output_polarity": "INV", "sync_output_enabled": False, "burst_enabled": True,
        "trigger_delay": 0.5, "trigger_slope": "NEG", "output_enabled": True,
        "trigger_output_enabled": True, "trigger_output_slope": "NEG",
    })  # fmt: skip
    k33250.driver.burst_ncycles = "INF"
    assert k33250.driver.burst_ncycles == "INF"
    k33250.driver.output_load = math.inf
    assert k33250.driver.output_load == math.inf
    assert k33250.driver.check_errors() == []


def test_33220a_properties(a33220: Lab) -> None:
    set_and_get(a33220.driver, COMMON | {
        "pulse_hold": "WIDT", "pulse_width": 1e-4, "pulse_dutycycle": 5.0,
        "pulse_transition": 5e-8, "output": True, "burst_state": True, "burst_ncycles": 7,
        "trigger_source": "BUS", "trigger_state": True, "beeper_state": False,
    })  # fmt: skip
    a33220.driver.remote_local_state = "LOC"
    a33220.driver.beep()
    assert a33220.driver.check_errors() == []


def test_a_burst_depresses_the_synapse_and_no_more(a33220: Lab) -> None:
    a33220.synapse.x = 1.0
    driver = a33220.driver
    for name, value in {
        "shape": "PULS", "pulse_period": 0.02, "pulse_width": 0.01, "voltage_high": 1.0,
        "voltage_low": 0.0, "burst_ncycles": 5, "burst_mode": "TRIG", "burst_state": True,
        "trigger_source": "BUS", "output": True,
    }.items():  # fmt: skip
        setattr(driver, name, value)
    assert a33220.x_after(10.0) == 1.0
    driver.trigger()
    driver.wait_for_trigger()
    after = a33220.x_after(0.0)
    assert after < 0.99
    assert a33220.x_after(10.0) == after
    assert driver.check_errors() == []


def test_the_inverted_burst_switch_of_the_81160a_driver_stresses_the_device(
    k81160: Lab,
) -> None:
    """PyMeasure 0.16 sends 0 for True: the three pulses never end."""
    k81160.synapse.x = 1.0
    channel = k81160.driver.ch_1
    for name, value in {
        "shape": "PULS", "pulse_period": 0.02, "pulse_width": 0.01, "voltage_high": 0.5,
        "voltage_low": 0.0, "burst_ncycles": 3, "burst_state": True, "output": True,
    }.items():  # 0.5 V into 50 Ω: the device gets 1 V  # fmt: skip
        setattr(channel, name, value)
    assert k81160.driver.check_errors() == []
    first = k81160.x_after(0.06)
    assert first < 1.0
    assert k81160.x_after(10.0) < first - 0.1
    assert k81160.driver.ask(":BURS1:STAT?").strip() == "0"


def test_the_33220a_driver_sends_a_width_of_zero(a33220: Lab) -> None:
    """PyMeasure 0.16 formats with %f; the instrument takes 20 ns and says so."""
    a33220.driver.pulse_width = 100e-9
    assert a33220.driver.pulse_width == pytest.approx(20e-9)
    assert [error[0] for error in a33220.driver.check_errors()] == [-222]


def test_the_33500_driver_reads_no_errors(a33500: Lab) -> None:
    a33500.driver.ch_1.pulse_width = 1.0  # of a period of 1 ms: clipped, and nobody told
    assert a33500.driver.ch_1.pulse_width < 1e-3
    assert len(a33500.driver.check_errors()) == 1

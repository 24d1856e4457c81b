"""PyMeasure's own SR830, SR860, KepcoBOP3612 and LakeShore425, unmodified, on the bench."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from pymeasure.instruments.kepco import KepcoBOP3612
from pymeasure.instruments.lakeshore import LakeShore425
from pymeasure.instruments.srs import SR830, SR860

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.instrument import SimulatedInstrument
from labsyn.drivers.simulated.kepco_bop import SimulatedKepcoBOP
from labsyn.drivers.simulated.lakeshore425 import SimulatedLakeShore425
from labsyn.drivers.simulated.sr830 import SimulatedSR830
from labsyn.drivers.simulated.sr860 import SimulatedSR860
from labsyn.drivers.simulated.wiring import Wiring


def share(ohms: float) -> float:
    """Return the share of the sine across `ohms`, behind 1 MΩ, with an input of 10 MΩ."""
    loaded = 1 / (1 / ohms + 1 / 10e6)
    return loaded / (1e6 + loaded)


class Sensor:
    """A magnetoresistor: 100 kΩ at no field, 10 kΩ more per 10 mT."""

    terminals = ("top", "bottom")

    def __init__(self, surroundings: Environment) -> None:
        self._surroundings = surroundings

    def advance(self, voltages: Mapping[str, float | None], seconds: float) -> None:
        pass

    def currents(self, voltages: Mapping[str, float | None]) -> dict[str, float]:
        ohms = 100e3 + 1e6 * self._surroundings.field
        top, bottom = voltages.get("top"), voltages.get("bottom")
        flowing = 0.0 if top is None or bottom is None else (top - bottom) / ohms
        return {"top": flowing, "bottom": -flowing}

    measured_currents = currents


class MagnetBench:
    """Both lock-ins on a sensor of their own, a magnet and a gaussmeter."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        wiring = Wiring(self.clock)
        self.surroundings = Environment(wiring.advance_all, wiring.apply_all)
        for address in ("GPIB0::8::INSTR", "GPIB0::4::INSTR"):
            device = Sensor(self.surroundings)
            wiring.connect(f"{address}/sine", device, "top")
            wiring.ground(device, "bottom")
        options: dict[str, Any] = {"environment": self.surroundings, "seed": 1}
        self.supply = SimulatedKepcoBOP(self.surroundings, self.clock, seed=2)
        self.sr830 = SimulatedSR830(wiring, self.clock, "GPIB0::8::INSTR", **options)
        instruments: dict[str, SimulatedInstrument] = {
            "GPIB0::8::INSTR": self.sr830,
            "GPIB0::4::INSTR": SimulatedSR860(wiring, self.clock, "GPIB0::4::INSTR", **options),
            "GPIB0::6::INSTR": self.supply,
            "ASRL3::INSTR": SimulatedLakeShore425(self.surroundings, self.clock, seed=3),
        }
        bench = SimulatedBench(instruments, wiring, self.clock)
        self.library = LabsynVisaLibrary.for_bench(bench)


@pytest.fixture
def bench() -> MagnetBench:
    return MagnetBench()


@pytest.fixture
def sr830(bench: MagnetBench) -> Iterator[Any]:
    instrument = SR830("GPIB0::8::INSTR", visa_library=bench.library)
    yield instrument
    instrument.adapter.close()


@pytest.fixture
def sr860(bench: MagnetBench) -> Iterator[Any]:
    instrument = SR860("GPIB0::4::INSTR", visa_library=bench.library)
    yield instrument
    instrument.adapter.close()


@pytest.fixture
def kepco(bench: MagnetBench) -> Iterator[Any]:
    instrument = KepcoBOP3612("GPIB0::6::INSTR", visa_library=bench.library)
    yield instrument
    instrument.adapter.close()


@pytest.fixture
def gaussmeter(bench: MagnetBench) -> Iterator[Any]:
    instrument = LakeShore425("ASRL3::INSTR", visa_library=bench.library)
    yield instrument
    instrument.adapter.close()


def test_the_resistance_in_a_swept_field(
    bench: MagnetBench, sr830: Any, sr860: Any, kepco: Any, gaussmeter: Any
) -> None:
    """R(H) with four drivers that know nothing of labsyn; Ohm's law is the oracle."""
    for lock_in in (sr830, sr860):
        lock_in.frequency = 137
        lock_in.sine_voltage = 1.0
        lock_in.time_constant = 0.1
        lock_in.sensitivity = 0.2
    kepco.operating_mode = "CURR"
    kepco.voltage_setpoint = 30
    kepco.output_enabled = True
    gaussmeter.unit = "T"
    gaussmeter.auto_range()
    for current in (-0.8, 0.0, 0.8):
        kepco.current_setpoint = current
        bench.clock.sleep(3)
        assert kepco.current == pytest.approx(current, abs=5e-3)
        field = gaussmeter.field
        assert field == pytest.approx(0.025 * current, abs=1e-5)
        ohms = 100e3 + 1e6 * 0.025 * current
        expected = share(ohms)
        assert sr830.x == pytest.approx(expected, rel=1e-4)
        assert sr830.magnitude == pytest.approx(expected, rel=1e-4)
        assert sr860.snap("X", "Y") == pytest.approx([expected, 0], abs=2e-4)
        assert sr860.snap_all()[0] == pytest.approx(expected, rel=1e-4)
    kepco.check_errors()
    assert sr830.ask("*ESR?") == "128\n"
    assert sr860.ask("*ESR?") == "128\n"


def test_properties_of_the_sr830(sr830: Any) -> None:
    assert sr830.id.startswith("Stanford_Research_Systems,SR830")
    for name, value in {
        "sine_voltage": 0.1, "frequency": 137.0, "phase": -90.0, "sensitivity": 1e-3,
        "time_constant": 0.03, "filter_slope": 18, "filter_synchronous": True, "harmonic": 3,
        "input_config": "A - B", "input_grounding": "Ground", "input_coupling": "DC",
        "input_notch_config": "Both", "reference_source": "External",
        "reference_source_trigger": "POS EDGE", "aux_out_1": 1.0, "dac4": -2.5,
        "sample_frequency": 64, "reserve": "Low Noise",
    }.items():  # fmt: skip
        setattr(sr830, name, value)
        assert getattr(sr830, name) == value, name
    assert sr830.aux_in_1 == 0.0
    sr830.ask("*ESR?")
    sr830.set_scaling("X", 25.0, 10)  # sends the factor, the instrument wants its index
    assert sr830.ask("*ESR?") == "16\n"
    assert sr830.get_scaling("X") == (0.0, 1)
    sr830.reset()
    assert sr830.err_status == 0


def test_snap_status_and_ranging_of_the_sr830(bench: MagnetBench, sr830: Any) -> None:
    sr830.sine_voltage = 1.0
    bench.clock.sleep(3)
    x, y, frequency = sr830.snap("X", "Y", "Frequency")
    assert (x, frequency) == (pytest.approx(share(100e3), rel=1e-4), 1000.0)
    assert sr830.xy == pytest.approx([x, y], abs=1e-5)
    sr830.sensitivity = 0.05
    bench.clock.sleep(3)
    assert sr830.is_out_of_range()
    assert sr830.lia_status == 4  # reading cleared the bit; the overload set it again
    sr830.auto_gain()
    assert sr830.sensitivity == 0.1
    sr830.auto_phase()
    sr830.auto_reserve()
    sr830.auto_offset("X")


def test_the_buffer_of_the_sr830(bench: MagnetBench, sr830: Any) -> None:
    sr830.sine_voltage = 1.0
    bench.clock.sleep(3)
    sr830.sample_frequency = 512
    sr830.start_buffer()
    sr830.wait_for_buffer(20, timestep=1e-4)
    assert sr830.buffer_count >= 20
    assert sr830.get_buffer(1, 0, 20) == pytest.approx(np.full(20, share(100e3)), rel=1e-3)
    sr830.reset_buffer()
    sr830.start_scan()
    first, second = sr830.fill_buffer(10, delay=1e-4)
    assert first == pytest.approx(np.full(10, share(100e3)), rel=1e-3)
    assert second == pytest.approx(np.zeros(10), abs=1e-4)


def test_properties_of_the_sr860(sr860: Any) -> None:
    for name, value in {
        "sine_voltage": 0.1, "frequency": 137.0, "internalfrequency": 140.0, "phase": -90.0,
        "sensitivity": 1e-3, "time_constant": 0.03, "filter_slope": 2, "harmonic": 3,
        "filter_synchronous": "On", "input_voltage_mode": "A-B", "input_coupling": "DC",
        "input_shields": "Ground", "input_range": "100M", "input_current_gain": "100MEG",
        "reference_source": "EXT", "aux_out_1": 1.0, "frequencypreset1": 5.0,
        "frequencypreset2": 7.0, "sine_amplitudepreset4": 0.5, "sine_dclevelpreset1": -1.0,
        "parameter_DAT1": 2, "strip_chart_dat1": "0", "timebase": 1, "harmonicdual": 2,
    }.items():  # fmt: skip
        setattr(sr860, name, value)
        assert getattr(sr860, name) == value, name
    assert sr860.detectedfrequency == 420.0
    assert sr860.get_noise_bandwidth == pytest.approx(3 / 32 / 0.03, rel=1e-5)
    assert sr860.ask("*ESR?") == "128\n"


def test_the_wire_is_not_bent_for_what_the_sr860_driver_misspells(sr860: Any) -> None:
    """PyMeasure 0.16 sends ADVFIL, GSDP and PSTF2: the instrument knows none of them."""
    with pytest.raises(TypeError, match="not all arguments converted"):
        sr860.reference_externalinput = "1MEG"  # its command is REFZ&d
    sr860.ask("*ESR?")
    for name, value in (
        ("filter_advanced", "On"),
        ("horizontal_time_div", 3),
        ("frequencypreset3", 7.0),
        ("sine_amplitudepreset1", 0.5),
        ("sine_dclevelpreset4", -1.0),
    ):
        setattr(sr860, name, value)
        assert sr860.ask("*ESR?") == "32\n"


def test_the_supply(bench: MagnetBench, kepco: Any) -> None:
    assert kepco.id.startswith("KEPCO,BOP 36-12")
    assert kepco.output_enabled is False
    assert kepco.operating_mode == "VOLT"
    assert (kepco.confidence_test, kepco.bop_test) == (0, 0)
    kepco.voltage_setpoint, kepco.current_setpoint = 4.0, 12.0
    kepco.output_enabled = True
    kepco.wait_to_continue()
    assert kepco.voltage == pytest.approx(4.0, abs=0.02)
    assert kepco.current == pytest.approx(2.0, abs=0.01)
    kepco.beep()
    kepco.write("CURR 20")
    assert kepco.next_error == [-222, '"Data out of range"']


def test_the_gaussmeter(bench: MagnetBench, gaussmeter: Any) -> None:
    bench.surroundings.field = 0.3
    for unit, expected in (("G", 3e3), ("T", 0.3), ("Oe", 3e3), ("A/m", 3e6 / (4 * math.pi))):
        gaussmeter.unit = unit
        assert gaussmeter.unit == unit
        assert gaussmeter.field == pytest.approx(expected, rel=1e-3)
    gaussmeter.range = 3500
    assert gaussmeter.range == 3500
    gaussmeter.ac_mode(wideband=False)
    assert gaussmeter.mode == (2, 1, 2)
    gaussmeter.dc_mode()
    gaussmeter.unit = "T"
    mean, width = gaussmeter.measure(5, delay=0)
    assert mean == pytest.approx(0.3, rel=1e-3)
    assert width == pytest.approx(0, abs=1e-3)
    gaussmeter.zero_probe()

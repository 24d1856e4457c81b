"""Sweeps, pulses, sampling and quasi-static modes of the simulated B1500A; binary data."""

import math

import numpy as np
import pytest

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.b1500a_cmu import FILM_CAPACITANCE
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::17::INSTR"


# At this voltage scale nothing below 1 V changes the device.
STILL = {"x": 0.5, "relaxation_time": math.inf, "v0": 0.005}


class Wire:
    """A B1500A without noise on an ideal device of 25 µS between SMU 1 and SMU 2."""

    def __init__(self, *, noise: bool = False, **parameters: float) -> None:
        self.clock = VirtualClock()
        self.wiring = Wiring(self.clock)
        self.device = LixCoO2.ideal(**STILL | parameters)
        self.wiring.connect(f"{ADDRESS}/1", self.device, "top")
        self.wiring.connect(f"{ADDRESS}/2", self.device, "bottom")
        self.instrument = SimulatedB1500A(self.wiring, self.clock, noise=noise)

    def write(self, *messages: str) -> None:
        for message in messages:
            self.instrument.write(message.encode() + b"\r\n")

    def raw(self) -> bytes:
        return self.instrument.read(1 << 20)[0]

    def read(self) -> list[str]:
        return self.raw().decode().rstrip("\r\n").split(",")

    def ask(self, message: str) -> str:
        self.write(message)
        return self.raw().decode().rstrip("\r\n")

    def ok(self) -> None:
        assert self.ask("ERRX?") == '+0,"No Error."'


@pytest.fixture
def wire() -> Wire:
    wire = Wire()
    wire.write("CN 1,2", "DV 2,0,0,0.1", "DV 1,0,0,1E-3", "AV -1")
    wire.ok()
    return wire


def test_a_pulsed_sweep_takes_its_periods_and_returns_to_the_base(wire: Wire) -> None:
    wire.write("FMT 1,1", "PT 0.1,0.001,0.02", "PWV 1,3,0,0.1,0.2,0.4,2,1E-3", "MM 4,1")
    start = wire.clock.now()
    wire.write("XE")
    wire.ok()
    assert wire.clock.now() - start == pytest.approx(0.1 + 4 * 0.02)
    assert wire.read() == [
        "NAI+005.000E-06", "WAV+200.000E-03", "NAI+010.000E-06", "WAV+400.000E-03",
        "NAI+010.000E-06", "WAV+400.000E-03", "NAI+005.000E-06", "EAV+200.000E-03",
    ]  # fmt: skip
    assert wire.instrument.outputs()[1] == pytest.approx(0.1)


def test_pulses_of_a_current_sweep(wire: Wire) -> None:
    wire.write("PWI 1,1,0,0,1E-6,2E-6,2,5", "MM 4,1", "XE")
    assert wire.read() == ["NAV+040.000E-03", "NAV+080.000E-03"]


def test_a_staircase_with_pulsed_bias(wire: Wire) -> None:
    wire.write("PT 0,0.001,0.02", "PV 2,0,0,-0.1,0.1", "WV 1,1,0,0,0.2,2,1E-3", "MM 5,1", "XE")
    wire.ok()
    assert wire.read() == ["NAI+002.500E-06", "NAI+007.500E-06"]
    assert wire.clock.now() == pytest.approx(0.04)


@pytest.mark.parametrize("mode", [3, 4, 5])
def test_pulsed_modes_need_their_source(wire: Wire, mode: int) -> None:
    wire.write(f"MM {mode},1", "XE")
    assert wire.ask("ERRX? 1") == "+120"


def test_a_synchronous_source_steps_along_and_a_new_primary_source_clears_it(
    wire: Wire,
) -> None:
    wire.write("WV 1,1,0,0,0.2,3,1E-3", "WSV 2,0,0,-0.2,0.1", "FMT 1,2", "MM 2,1", "XE")
    wire.ok()
    assert wire.read() == [
        "NAI+000.000E+00", "WBV+000.000E+00", "NAI+005.000E-06", "WBV-100.000E-03",
        "NAI+010.000E-06", "EBV-200.000E-03",
    ]  # fmt: skip
    assert "WSV2,0,+0.000000E+00,-2.000000E-01,+1.000000E-01" in wire.ask("*LRN? 33")
    wire.write("WV 1,1,0,0,0.2,3,1E-3")
    assert "WSV" not in wire.ask("*LRN? 33")
    wire.write("WSI 2,0,0,1E-6,2")
    assert "WSI2" in wire.ask("*LRN? 33")


def test_a_multi_channel_sweep_mixes_voltage_and_current(wire: Wire) -> None:
    wire.write("WV 1,1,0,0.1,0.1,2,1E-3", "WNX 2,2,2,0,1E-6,2E-6,3", "CMM 2,2", "MM 16,2,1")
    wire.write("XE")
    wire.ok()
    found = wire.read()  # 1 µA and 2 µA flow through 40 kΩ from SMU 2 to SMU 1 at 0.1 V
    assert found == ["NBV+140.000E-03", "NAI-001.000E-06", "NBV+180.000E-03", "NAI-002.000E-06"]
    assert "WNX2,2,2,0,+1.000000E-06" in wire.ask("*LRN? 59")


def test_the_source_in_the_data_is_the_one_with_the_number_of_fmt(wire: Wire) -> None:
    wire.write("WV 1,1,0,0,0.1,2,1E-3", "WNX 3,2,1,0,0,-0.1,0.1", "MM 16,1", "FMT 1,3", "XE")
    assert wire.read()[1::2] == ["WBV+000.000E+00", "EBV-100.000E-03"]
    wire.write("FMT 1,2", "XE")
    assert [item[:3] for item in wire.read()] == ["NAI", "NAI"]  # there is no number 2
    wire.write("PWV 1,1,0,0,0,0.1,2,1E-3", "WSV 2,0,0,-0.1,0.1", "PT 0,0.001,0.02", "MM 4,1")
    wire.write("FMT 1,2", "XE")
    assert wire.read()[1::2] == ["WBV+000.000E+00", "EBV-100.000E-03"]
    wire.ok()


@pytest.mark.parametrize("start", [-0.1, 0.0])
def test_a_synchronous_source_cannot_take_logarithmic_steps_through_zero(
    wire: Wire, start: float
) -> None:
    wire.write("WV 1,1,0,-1,1,3,1E-3", "PWV 1,2,0,0.1,0.1,1,3,1E-3", "PT 0,0.001,0.02")
    wire.write(f"WSV 2,0,{start},0.1,0.1")  # fits the linear staircase
    wire.ok()
    wire.write("MM 4,1", "XE")
    assert wire.ask("ERRX? 1") == "+120"
    assert wire.instrument.outputs() == {1: 0, 2: 0}


def test_nothing_is_forced_where_a_source_is_off(wire: Wire) -> None:
    wire.write("PT 0,0.001,0.02", "PV 2,0,-0.2,-0.1,0.1", "WV 1,1,0,0,0.2,2,1E-3", "MM 5,2")
    wire.write("CL 1", "XE")
    assert wire.ask("ERRX? 1") == "+200"
    assert wire.instrument.outputs() == {1: None, 2: 0}


def test_a_staircase_with_pulsed_bias_is_linear(wire: Wire) -> None:
    wire.write("PT 0,0.001,0.02", "PV 2,0,0,-0.1,0.1", "WV 1,2,0,0.1,0.2,2,1E-3", "MM 5,1")
    wire.write("XE")
    assert wire.ask("ERRX? 1") == "+120"


def test_an_overflow_aborts_too_and_start_is_forced(wire: Wire) -> None:
    wire.write("RI 1,-14", "WV 1,1,0,0.02,1,3,1E-3", "WM 2,2", "MM 2,1", "XE")
    assert [item[0] for item in wire.read()] == ["N", "V", "V"]
    assert wire.instrument.outputs()[1] == pytest.approx(0.02)
    wire.write("WM 1,2", "XE")
    assert wire.instrument.outputs()[1] == pytest.approx(1.0)


def test_sampling_is_at_its_times_and_carries_its_index(wire: Wire) -> None:
    wire.write("FMT 1,1", "TSC 1", "MT 0.1,0.05,3,0.2", "MV 1,0,0.05,0.1,1E-3", "MM 10,1")
    wire.write("TSR", "XE")
    wire.ok()
    found = wire.read()
    assert found[::3] == ["NZX+001.000E+00", "NZX+002.000E+00", "NZX+003.000E+00"]
    times = [float(item[3:]) for item in found[1::3]]
    assert times == pytest.approx([0.3, 0.35, 0.4])  # base, bias hold, intervals
    assert set(found[2::3]) == {"NAI+002.500E-06"}
    assert wire.instrument.outputs()[1] == pytest.approx(0.1)  # MSC post 2: bias
    wire.write("MSC 1,1", "XE")
    assert wire.instrument.outputs()[1] == pytest.approx(0.05)
    wire.write("MSP 1,0.02,0.01", "XE")
    assert wire.instrument.outputs()[1] == pytest.approx(0.02)
    assert wire.ask("*LRN? 47").startswith("MSC1,1;ML1;MT0.1000,0.05000,3,0.20;MV1,0,")
    wire.write("MCC")
    assert ";MV" not in wire.ask("*LRN? 47")


def test_a_point_that_comes_too_soon_is_left_out(wire: Wire) -> None:
    wire.write("FMT 1,1", "AV -2", "MT 0,0.03,4", "MV 1,0,0,0.1,1E-3", "MM 10,1", "XE")
    assert wire.read()[::2] == ["NZX+001.000E+00", "NZX+003.000E+00"]  # 40 ms a reading


def test_logarithmic_sampling_takes_each_index_once(wire: Wire) -> None:
    wire.write("AV 1", "FMT 2,1", "ML 2", "MT 0,0.01,12", "MV 1,0,0,0.1,1E-3", "MM 10,1", "XE")
    indices = [float(item) for item in wire.read()[::2]]
    assert indices == [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25]


@pytest.mark.parametrize(("law", "most"), [(2, 111), (3, 276), (7, 55_001)])
def test_logarithmic_sampling_has_eleven_decades(wire: Wire, law: int, most: int) -> None:
    wire.write(f"ML {law}", f"MT 0,0.01,{most + 1}", "MV 1,0,0,0.1,1E-3", "MM 10,1", "XE")
    assert wire.ask("ERRX? 1") == "+120"
    if most < 1000:
        wire.write("AV 1", f"MT 0,0.01,{most}", "XE")
        wire.ok()
        assert len(wire.read()) == most


def test_fast_sampling_has_no_time_to_find_its_range() -> None:
    wire = Wire(noise=True)
    wire.write("CN 1,2", "DV 2,0,0,0.1", "MV 1,0,0.1,0.1,1E-2", "MM 10,1")

    def spread(*messages: str) -> float:
        wire.write(*messages, "XE")
        wire.ok()
        return float(np.std([float(item[3:]) for item in wire.read()]))

    slow = spread("MT 0,0.002,200")
    fast = spread("MT 0,0.001,200")
    assert fast == pytest.approx(1000 * slow, rel=0.3)  # the range of 10 mA, not of 10 µA
    assert spread("RI 1,-15") == pytest.approx(slow, rel=0.3)  # a fixed range stays


def test_fast_sampling_cuts_its_readings_and_a_negative_hold_shows_the_step(
    wire: Wire,
) -> None:
    wire.write("FMT 1,0", "MT -0.001,0.0005,4", "MV 1,0,0,0.1,1E-3", "MM 10,1", "XE")
    wire.ok()
    values = [float(item[3:]) for item in wire.read()]
    assert values == pytest.approx([0, 0, 2.5e-6, 2.5e-6])  # the bias comes after 1 ms
    wire.write("AAD 1,1", "XE")
    assert wire.ask("ERRX? 1") == "+120"  # the slow converter cannot
    wire.write("MT -0.001,0.005,4")
    assert wire.ask("ERRX? 1") == "+120"


def test_sampling_stops_at_compliance(wire: Wire) -> None:
    wire.write("MSC 2", "MT 0,0.05,3", "MV 1,0,0,0.1,1E-6", "MM 10,1", "XE")
    assert [item[0] for item in wire.read()] == ["C", "V", "V"]
    assert wire.instrument.outputs()[1] == 0


def test_quasi_pulsed_spot(wire: Wire) -> None:
    wire.write("BDT 0.1,0.01", "BDM 0", "BDV 1,0,0,9", "MM 9,1", "XE")
    assert wire.ask("ERRX? 1") == "+120"  # 10 V at least
    wire.ask("ERRX?")
    wire = Wire(break_voltage=100.0, g_min=1e-6, g_max=1.00001e-6)
    wire.write("CN", "DV 2,0,0,0.1", "BDT 0.1,0.01", "BDV 1,0,0,10,1E-3", "MM 9,1", "XE")
    assert wire.read() == ["NAI+010.000E-06"]
    assert wire.clock.now() == pytest.approx(0.1 + 1e-3 + 1e-3 + 0.01, abs=1e-4)
    assert wire.ask("*LRN? 37").startswith("BDM0,0;BDT0.10,0.0100;BDV1,0,+0.000000E+00")


def test_quasi_static_capacitance_and_its_compensation() -> None:
    wire = Wire(g_min=1e-9, g_max=1.0001e-9)
    wire.write("CN", "DV 2,0,0,0.1", "FMT 1,1", "QSR -12", "QSL 1,0", "QST 0.02,0.02,0,0")
    wire.write("QSV 1,1,0,0,0.4,0.1,3,1E-3", "MM 13,1", "XE")
    wire.ok()
    found = wire.read()
    assert [item[:3] for item in found] == ["NAI", "NAC", "WAV"] * 2 + ["NAI", "NAC", "EAV"]
    volts = [float(item[3:]) for item in found[2::3]]
    assert volts == pytest.approx([0.1, 0.2, 0.3])
    # 1 nS leaks for 20 ms: G V t / ΔV on top of the film
    farads = [float(item[3:]) for item in found[1::3]]
    leak = [1e-9 * v * 0.02 / 0.1 for v in volts]
    assert farads == pytest.approx([FILM_CAPACITANCE + c for c in leak], rel=2e-2)
    wire.write("QSL 0,1", "FMT 1,0", "XE")
    farads = [float(item[3:]) for item in wire.read()]
    assert farads == pytest.approx([FILM_CAPACITANCE] * 3, rel=2e-2)
    assert wire.ask("*LRN? 49").startswith("QSC0;QSL0,1;QSM1,1;QSO0;QSR-12;QST0.0200")


def test_quasi_static_capacitance_of_nothing(wire: Wire) -> None:
    wire.wiring.disconnect(f"{ADDRESS}/2")
    wire.write("CN", "DV 2,0,0,0.1", "FMT 11", "QSV 1,1,0,0,0.4,0.1,1,1E-3", "MM 13,2", "XE")
    assert abs(float(wire.read()[0][3:])) < 1e-14


def test_quasi_static_times_are_sent_where_asked_for() -> None:
    wire = Wire()
    wire.write(
        "FMT 11,1", "TSC 1", "QSL 1,0", "QST 0.1,0.2,0,0.5,0.05", "QSV 1,1,0,0,0.4,0.1,1,1E-3"
    )
    wire.write("CN", "DV 2,0,0,0.1", "MM 13,1", "TSR", "XE")
    items = wire.read()
    assert "".join(item[2] for item in items) == "TITCV"
    assert [float(items[k][3:]) for k in (0, 2)] == pytest.approx([0.5, 0.75])


def test_trigger_modes(wire: Wire) -> None:
    wire.write("MM 1,1", "TM 2")
    wire.instrument.trigger()
    assert wire.raw() == b""  # XE only
    wire.write("TM 3", "XE")
    assert wire.raw() == b""
    wire.instrument.external_trigger()
    assert wire.read() == ["NAI+000.000E+00"]
    wire.write("TM 4", "MM 1,1")
    assert wire.read() == ["NAI+000.000E+00"]
    wire.write("*RST")
    wire.instrument.trigger()
    assert wire.ask("ERRX? 1") == "+120"  # nothing is set up


def test_operation_status_and_zero_query(wire: Wire) -> None:
    wire.write("DV 1,0,1,10E-6", "DI 2,0,0,5")
    assert wire.ask("LOP?").startswith("LOP1")
    assert wire.ask("WZ?") == "0"
    wire.write("CL 2", "DV 1,0,3,1E-3")
    assert wire.ask("WZ? 0.5") == "1"
    assert wire.ask("LOP?") == "LOP10,00,00,00,00,00,00,00,00,00"


def words(data: bytes, size: int) -> list[int]:
    return [int.from_bytes(data[k : k + size], "big") for k in range(0, len(data), size)]


def test_four_byte_data(wire: Wire) -> None:
    wire.write("FMT 4,1", "WV 1,1,11,0,1,2,1E-3", "MM 2,1", "TSC 1", "XE")
    assert wire.ask("NUB?") == "4"  # there is no time in four bytes
    first, _, current, source = words(wire.raw(), 4)
    assert first >> 30 == 0b11  # measured, current
    # 25 µA in the range of 100 µA (16): a quarter of 50000 counts, no status, channel 1
    assert current == 1 << 31 | 1 << 30 | 16 << 25 | 12_500 << 8 | 0 << 5 | 1
    # 1 V of 2 V (11): half of 20000 counts, last step
    assert source == 11 << 25 | 10_000 << 8 | 2 << 5 | 1
    wire.write("FMT 3", "TSC 0", "DV 1,0,-1,1E-3", "TI 1,0")
    data = wire.raw()
    assert data[4:] == b"\r\n"
    assert words(data[:4], 4)[0] >> 8 & 0x1FFFF == (1 << 17) - 12_500  # two's complement
    wire.write("DV 1,0,1,10E-6", "TI 1,0")
    assert wire.raw()[3] >> 5 == 2  # compliance of this unit


def test_eight_byte_time_is_the_example_of_the_guide(wire: Wire) -> None:
    wire.write("FMT 14", "TSR", "PA 0.1", "TTI 1")
    time, current = words(wire.raw(), 8)
    assert f"{time:064b}" == (
        "0000001100000000000000000000000000000001100001101010000000000001"
    )
    assert current >> 63 == 1
    wire.write("FMT 13", "AAD 1,1", "DV 1,0,1,1E-3", "TI 1,0")
    data = wire.raw()
    assert data[8:] == b"\r\n"
    assert data[1] == 16
    assert int.from_bytes(data[2:6], "big", signed=True) == 250_000  # of a million
    assert data[7] == 1 << 5 | 1  # high-resolution converter, channel 1


def test_eight_byte_source_values_have_a_million_steps_a_range(wire: Wire) -> None:
    wire.write("FMT 13,1", "WI 1,2,0,1E-9,1E-3,3,50", "MM 2,1", "XE")
    data = wire.raw()
    sources = [data[place : place + 8] for place in (8, 24, 40)]
    # Logarithmic steps of current: each has the lowest range that covers it.
    assert [source[1] for source in sources] == [11, 14, 17]
    counts = {int.from_bytes(source[2:6], "big", signed=True) for source in sources}
    assert counts == {1_000_000}
    wire.write("FMT 13,1", "WV 1,1,0,0.1,0.12345,2,1E-3", "XE")
    count = int.from_bytes(wire.raw()[26:30], "big", signed=True)
    assert count * 0.5 / 1_000_000 == pytest.approx(0.12345, abs=1e-12)


def test_no_value_is_the_lowest_count(wire: Wire) -> None:
    wire.write("FMT 4", "DV 1,0,1,1E-3", "TI 1,-14")
    assert words(wire.raw(), 4)[0] >> 8 & 0x1FFFF == 1 << 16
    wire.write("FMT 14", "TI 1,-14")
    assert words(wire.raw(), 8)[0] >> 16 & 0xFFFFFFFF == 1 << 31
    wire.write("FMT 3", "MV 1,0,0,0.1,1E-3", "MM 10,1", "XE")
    assert wire.ask("ERRX? 1") == "+120"  # sampling has no four-byte form


CAPTURE = """AV -1,0|FL 1,1|DV 1,0,0,0.001|CMM 1,0|RI 1,-15|WT 0,0.0,0.0,0.0,0.0|WM 2|*LRN? 33
WM 2,2|WV 1,1,0,0.0,0.0,1|WV 1,1,0,0,1,5,0.001|TSR|MM 2,1,2|*LRN? 31|*LRN? 33|FMT 1,1|XE"""


def test_the_set_up_of_another_driver_replayed(wire: Wire) -> None:
    """What QCoDeS 0.58 sends for an I-V sweep, word for word."""
    answers = {}
    for message in CAPTURE.replace("\n", "|").split("|"):
        wire.write(message)
        if "?" in message:
            answers[message] = wire.raw().decode().rstrip()
        else:
            assert wire.ask("ERRX?") == '+0,"No Error."', message
    assert answers["*LRN? 31"] == "TM1;AV-1,0;CM1;FMT1,0;MM2,1,2"
    assert answers["*LRN? 33"].startswith("WM2,2;WT0.00,0.0000")
    found = wire.read()
    assert [item[:3] for item in found[:3]] == ["NAI", "NBI", "WAV"]
    assert len(found) == 15
    assert [float(item[3:]) for item in found[2::3]] == [0, 0.25, 0.5, 0.75, 1]
    # The fixed 10 µA range ends the sweep: from 0.5 V on there is no value, and no source.
    assert [item[0] for item in found[::3]] == ["N", "N", "V", "V", "V"]

"""The simulated B1500A on the wire: buffers, errors, forcing, measuring, time, status."""

import math

import numpy as np
import pytest

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::17::INSTR"


class Wire:
    """A B1500A with an ideal device of 25 µS (x = 0.5) between SMU 1 and SMU 2."""

    def __init__(self, *, noise: bool = False, **parameters: float) -> None:
        self.clock = VirtualClock()
        self.wiring = Wiring(self.clock)
        # It keeps its state at the moderate voltages of these tests.
        still = {"x": 0.5, "relaxation_time": math.inf, "threshold_d": 0.6}
        # Mypy cannot match the parameters of a dict to the fields.
        self.device = LixCoO2.ideal(**still | parameters)
        self.wiring.connect(f"{ADDRESS}/1", self.device, "top")
        self.wiring.connect(f"{ADDRESS}/2", self.device, "bottom")
        self.instrument = SimulatedB1500A(self.wiring, self.clock, noise=noise)

    def write(self, *messages: str) -> None:
        for message in messages:
            self.instrument.write(message.encode() + b"\r\n")

    def read(self) -> str:
        return self.instrument.read(1 << 20)[0].decode().rstrip("\r\n")

    def ask(self, message: str) -> str:
        self.write(message)
        return self.read()

    def ok(self) -> None:
        assert self.ask("ERRX?") == '+0,"No Error."'


@pytest.fixture
def wire() -> Wire:
    """Return the instrument with both channels on, SMU 2 at 0 V."""
    wire = Wire()
    wire.write("CN 1,2", "DV 2,0,0,0.1")
    wire.ok()
    return wire


def test_common_queries(wire: Wire) -> None:
    assert wire.ask("*IDN?") == "Agilent Technologies,B1500A,0,A.04.03.2010.0130"
    empty = ";0,0" * 8
    assert wire.ask("UNT?") == wire.ask("UNT? 0") == "B1517A,0;B1517A,0" + empty
    assert wire.ask("*OPC?") == "1"
    assert wire.ask("ERR?") == "0,0,0,0"
    assert wire.ask("ERRX? 1") == "+0"
    assert wire.ask("EMG? 200") == "Output channel not enabled."
    assert wire.ask("*TST?") == wire.ask("*CAL?") == "0"
    assert wire.instrument.outputs() == {1: None, 2: None}  # both open the outputs


def test_errors_are_queued_oldest_first() -> None:
    wire = Wire()
    wire.write("XYZ", "DV 1,0,1", "DV 1,0,0,0,0,0,0", "MM 1")
    assert wire.instrument.status_byte() & 32
    assert wire.ask("ERRX?") == '+100,"Undefined GPIB command."'
    assert wire.ask("ERRX?") == '+200,"Output channel not enabled."'
    assert wire.ask("ERRX? 1") == "+120"
    assert wire.ask("ERRX?") == '+122,"Number of channels must be corrected."'
    wire.ok()
    wire.write("XYZ;XYZ")
    assert wire.ask("ERR?") == "100,100,0,0"
    wire.ok()


def test_a_voltage_range_is_reported_by_the_larger_of_its_codes(wire: Wire) -> None:
    wire.write("MV 1,13,0,1,1E-3", "PV 1,0,0,1", "WI 1,1,12,0,1E-9,2,20")
    assert ";WI1,1,12," in wire.ask("*LRN? 33")  # 10 nA: codes of current have no twin
    assert ";MV1,400," in wire.ask("*LRN? 47")
    assert ";PV1,0," in wire.ask("*LRN? 34")
    wire.write("WV 1,1,11,0,1,2,1E-3", "WSV 2,12,0,1,0.1")
    assert ";WV1,1,20," in wire.ask("*LRN? 33")
    assert ";WSV2,200," in wire.ask("*LRN? 33")


def test_the_error_queue_has_an_end_and_keeps_the_oldest() -> None:
    wire = Wire()
    wire.write("DV 1,0,0", *["XYZ"] * 100)
    assert wire.ask("ERRX? 1") == "+200"
    assert [wire.ask("ERRX? 1") for _ in range(30)] == ["+100"] * 29 + ["+0"]  # thirty in all


@pytest.mark.parametrize("message", ["ERRX?", "ERR?", "*CAL?", "*TST?", "*RST"])
def test_the_error_bit_goes_with_a_question_the_errors_stay_in_their_queue(
    message: str,
) -> None:
    wire = Wire()
    wire.write("XYZ", "XYZ", "XYZ")
    assert wire.instrument.status_byte() & 32
    wire.write(message)
    assert not wire.instrument.status_byte() & 32
    assert wire.ask("ERRX? 1") == ("+0" if message == "ERR?" else "+100")
    wire.write("XYZ")
    assert wire.instrument.status_byte() & 32


def test_an_answer_that_waits_is_data_ready(wire: Wire) -> None:
    wire.write("*IDN?")
    assert wire.instrument.status_byte() & 1
    wire.read()
    assert not wire.instrument.status_byte() & 1


def test_query_buffer_is_one_deep_and_comes_before_data(wire: Wire) -> None:
    wire.write("DV 1,0,0.1,1E-3", "TI 1", "*OPC?", "ERRX?")
    assert wire.read() == '+0,"No Error."'
    assert wire.read() == "NAI+002.500E-06"
    assert wire.instrument.read(10) == (b"", False)


def test_unread_data_stay_until_bc_or_device_clear(wire: Wire) -> None:
    wire.write("TI 1", "TI 1")
    assert wire.ask("NUB?") == "2"
    assert int(wire.ask("*STB?")) & 1
    wire.write("BC")
    assert wire.instrument.read(10) == (b"", False)
    wire.write("TI 1")
    wire.instrument.clear()
    assert wire.instrument.read(10) == (b"", False)
    wire.write("CN 1", "TI 1;BC")  # BC must be alone
    assert wire.ask("ERRX? 1") == "+120"
    assert wire.read() == "NAI+000.000E+00"


def test_a_device_clear_initializes_as_a_reset_does(wire: Wire) -> None:
    fresh = [Wire().ask(f"*LRN? {kind}") for kind in (0, 31, 33, 56)]
    wire.write("DV 1,0,1,1E-3", "AZ 1", "FMT 21,1", "WM 2,2", "TSC 1")
    wire.instrument.clear()
    assert wire.instrument.outputs() == {1: None, 2: None}
    assert [wire.ask(f"*LRN? {kind}") for kind in (0, 31, 33, 56)] == fresh
    assert fresh[3].endswith("AZ0")


def test_an_abort_in_a_command_string_is_all_that_is_executed(wire: Wire) -> None:
    wire.write("DV 1,0,1,1E-3;AB;DV 1,0,2")
    wire.ok()
    assert wire.instrument.outputs() == {1: 0, 2: 0}


def test_reads_end_at_count_and_termchar(wire: Wire) -> None:
    wire.write("TI 1")
    assert wire.instrument.read(3) == (b"NAI", False)
    assert wire.instrument.read(100, b"\r") == (b"+000.000E+00\r", False)
    assert wire.instrument.read(100, b"\r") == (b"\n", True)


def test_outputs_go_on_at_zero_and_off_to_high_impedance() -> None:
    wire = Wire()
    assert wire.instrument.outputs() == {1: None, 2: None}
    wire.write("CN", "DV 1,0,0.5,1E-3")
    assert wire.instrument.outputs() == {1: 0.5, 2: 0.0}
    wire.write("CL 2")
    assert wire.instrument.outputs() == {1: 0.5, 2: None}
    assert wire.ask("TI 1") == "NAI+000.000E+00"  # the other end floats
    wire.write("AB", "DZ 1")
    assert wire.instrument.outputs()[1] == 0
    wire.write("RZ 1")
    assert wire.instrument.outputs()[1] == 0.5
    wire.write("IN 1")
    assert wire.ask("*LRN? 1") == "DV1,200,+0.000000E+00,+1.000000E-04,0,16"
    wire.write("CL")
    assert wire.ask("*LRN? 0") == "CL"
    wire.ok()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("DV 1,0,200,1E-3", 120),  # a B1517A has 100 V
        ("DV 1,0,50,0.1", 120),  # and 20 mA there
        ("DV 1,0,1,0", 120),
        ("DI 1,0,1E-6", 120),  # compliance is needed when the kind changes
        ("RI 1,8", 120),
        ("RI 3,0", 120),
        ("WV 1,2,0,-1,1,5", 120),
        ("WV 1,1,0,0,1,5,1E-3,-1", 120),
        ("WT 0,0.1,0,0.2", 120),
        ("PT 0,1E-4", 120),
        ("PT 0,0.01,0.011", 120),
        ("AV 0", 120),
        ("AIT 1,3,1E-3", 120),
        ("AIT 0,1,1.5", 120),
        ("EMG? 999", 120),
        ("*LRN? 12", 120),
        ("MM 3,1,2", 122),
        ("MM 2,1,1", 122),
        ("XE", 120),
        ("MM 2,1;XE", 120),
        ("MM 3,1;XE", 120),
    ],
)
def test_what_cannot_be_is_an_error_and_changes_nothing(
    wire: Wire, message: str, code: int
) -> None:
    before = wire.ask("*LRN? 1")
    wire.write(message)
    assert wire.ask("ERRX? 1") == f"{code:+d}"
    wire.ok()
    assert wire.ask("*LRN? 1") == before


def test_learn_answers_have_no_space_after_the_mnemonic(wire: Wire) -> None:
    wire.write("DV 1,0,0.1,1E-4", "DI 2,0,1E-6,2,1", "RI 1,-15", "FL 1,1", "SSR 2,1", "AV -2")
    wire.write("AAD 1,1", "TSC 1", "PAD 1", "CMM 1,4", "RM 1,2,60", "MM 2,1", "WT 0.5,0.01")
    answers = {
        0: "CN1,2",
        1: "DV1,5,+1.000000E-01,+1.000000E-04,0,16",
        2: "DI2,14,+1.000000E-06,+2.000000E+00,1,20",
        30: "FL0,2;FL1,1",
        31: "TM1;AV-2,0;CM1;FMT1,0;MM2,1",
        32: "RI1,-15;RV1,0;RI2,0;RV2,0",
        33: "WM1,1;WT0.50,0.0100,0.0000,0.0000,0.0000",
        34: "PT0.00,0.0010,0.0100,0.0000",
        46: "CMM1,4;CMM2,0",
        53: "SSR1,0;SSR2,1",
        54: "RM1,2,60;RM2,1,50",
        55: "AAD1,1;AAD2,0",
        56: "AIT0,2,2;AIT1,0,6;AZ0",
        57: "WAT1,1.0,0.0000;WAT2,1.0,0.0000",
        60: "TSC1",
        110: "PAD1",
    }
    assert {kind: wire.ask(f"*LRN? {kind}") for kind in answers} == answers
    wire.write("WV1,3,0,0,1,5,1E-3", "PV 1,0,0,1")
    assert wire.ask("*LRN? 33").endswith(";WV1,3,0,+0.000000E+00,+1.000000E+00,5,+1.000000E-03")
    assert wire.ask("*LRN? 34").endswith(";PV1,0,+0.000000E+00,+1.000000E+00")
    wire.write("*RST")
    assert wire.ask("*LRN? 1") == "CL1"
    assert wire.ask("*LRN? 31") == "TM1;AV1,0;CM1;FMT1,0"


@pytest.mark.parametrize(
    ("data_format", "text"),
    [
        (1, "NAI+002.500E-06\r\n"),
        (2, "+002.500E-06\r\n"),
        (5, "NAI+002.500E-06,"),
        (11, "NAI+002.5000E-06\r\n"),
        (12, "+002.5000E-06\r\n"),
        (15, "NAI+002.5000E-06,"),
        (21, "000AI+002.5000E-06\r\n"),
        (22, "+002.5000E-06\r\n"),
        (25, "000AI+002.5000E-06,"),
    ],
)
def test_data_formats(wire: Wire, data_format: int, text: str) -> None:
    wire.write("DV 1,0,0.1,1E-3", f"FMT {data_format}", "TI 1")
    assert wire.instrument.read(99) == (text.encode(), text.endswith("\n"))


def test_spot_commands(wire: Wire) -> None:
    wire.write("DV 1,0,0.1,1E-3", "TSR")
    assert wire.ask("TV 1") == "NAV+100.000E-03"
    assert wire.ask("TIV 1") == "NAI+002.500E-06,NAV+100.000E-03"
    wire.write("TSR")
    wire.clock.sleep(0.25)
    assert wire.ask("TTI 1") == "NAT+250.000E-03,NAI+002.500E-06"
    assert wire.ask("TTIV 2").startswith("NBT+250.002E-03,NBI-002.500E-06,NBV")
    assert wire.ask("TTV 1").endswith("NAV+100.000E-03")
    assert wire.ask("TSQ").startswith("NZT+250.00")
    assert wire.ask("TDV 1,0,0.2").startswith("NAT+250.00")
    assert wire.ask("TDI 1,0,1E-6,1").startswith("NAT+250.00")
    assert wire.ask("TV 1") == "NAV+040.000E-03"


def test_voltage_compliance_and_current_compliance_are_told_on_the_right_unit(
    wire: Wire,
) -> None:
    wire.write("DV 1,0,1,10E-6", "MM 1,1,2", "XE")  # 25 µA would flow
    assert wire.read() == "CAI+010.000E-06,TBI-010.000E-06"
    assert wire.ask("TV 1") == "CAV+400.000E-03"
    assert wire.instrument.outputs()[1] == pytest.approx(0.4)
    wire.write("FMT 21", "XE")
    assert wire.read() == "008AI+010.0000E-06,004BI-010.0000E-06"
    wire.write("FMT 1", "DI 1,0,1E-3,0.5", "XE")
    assert wire.read() == "CAV+500.000E-03,TBI-012.500E-06"


def test_over_range_has_no_value(wire: Wire) -> None:
    wire.write("DV 1,0,1,1E-3")
    assert wire.ask("TI 1,-14") == "VAI+199.999E+99"
    wire.write("FMT 21")
    assert wire.ask("TI 1,-14") == "001AI+199.9990E+99"
    assert wire.ask("TI 1,14") == "000AI+025.0000E-06"  # limited automatic ranging goes up


def test_resolution_follows_the_range(wire: Wire) -> None:
    wire.write("FMT 11", "DV 1,0,0.0123,0.1")
    assert wire.ask("TI 1") == "NAI+307.5000E-09"  # 307.5 nA in the 1 µA range
    assert wire.ask("TI 1,-19") == "NAI+000.0000E+00"  # below one step of 100 mA
    wire.write("DV 1,0,0.0123,1E-3")  # no range goes beyond that of the compliance
    assert wire.ask("TI 1,-19") == wire.ask("TI 1,18") == "NAI+300.0000E-09"


def test_noise_falls_with_the_integration_time_and_repeats_with_the_seed() -> None:
    def reads(average: str) -> list[float]:
        wire = Wire(noise=True)
        wire.write("CN", "FMT 12", "AAD 1,0", average, "DV 1,0,-0.02,1E-3")
        return [float(wire.ask("TI 1,-15")) for _ in range(300)]

    fast, slow = np.std(reads("AV 1,1")), np.std(reads("AV -1"))
    assert 1e-10 < fast < 4e-10  # 2.5e-5 of 10 µA, in steps of 0.5 nA
    assert slow < fast / 2
    assert reads("AV 1,1") == reads("AV 1,1")


@pytest.mark.parametrize(
    ("setup", "seconds"),
    [
        ("AV 1,1", 2e-6),
        ("AV 100,1", 200e-6),
        ("AV -1", 0.02),
        ("AIT 0,3,0.005", 0.005),
        ("AAD 1,1;AIT 1,1,10", 800e-6),
        ("AAD 1,2;AIT 2,3,0.001", 2e-6),  # that converter is for pulses only
        ("AAD 1,1;AAD 1,2;AIT 1,1,10", 800e-6),
        ("AAD 1,1;AIT 1,2,2;AZ 1", 0.08),
    ],
)
def test_a_reading_takes_its_integration_time(wire: Wire, setup: str, seconds: float) -> None:
    wire.write(setup)
    start = wire.clock.now()
    wire.write("TI 1")
    assert wire.clock.now() - start == pytest.approx(seconds)
    wire.ok()


def test_parallel_measurement_takes_the_time_of_one(wire: Wire) -> None:
    wire.write("AV -1", "WV 1,1,0,0,0,1,1E-3", "WNX 2,2,1,0,0,0,0.1")

    def seconds(*messages: str) -> float:
        start = wire.clock.now()
        wire.write(*messages)
        wire.ok()
        return wire.clock.now() - start

    assert seconds("MM 1,1,2", "XE") == pytest.approx(0.04)
    assert seconds("PAD 1", "XE") == pytest.approx(0.04)  # only fixed ranges go together
    assert seconds("RI 1,-15", "RI 2,-15", "XE") == pytest.approx(0.02)
    assert seconds("PAD 0", "MM 16,1,2", "XE") == pytest.approx(0.02)  # always parallel
    assert seconds("RI 2,15", "XE") == pytest.approx(0.04)
    assert seconds("AAD 1,1", "AIT 1,2,2", "RI 2,-15", "XE") == pytest.approx(0.06)


def test_pause_and_calibration_take_time(wire: Wire) -> None:
    wire.write("PA 1.5")
    assert wire.clock.now() == 1.5
    wire.write("*CAL?")
    assert wire.clock.now() == 31.5


def test_a_calibration_opens_what_it_calibrates(wire: Wire) -> None:
    wire.write("RCV", "RCV 1")
    assert wire.ask("*CAL? 11") == "0"  # the mainframe
    assert wire.instrument.outputs() == {1: 0, 2: 0}
    assert wire.ask("*CAL? 1") == "0"
    assert wire.instrument.outputs() == {1: None, 2: 0}
    wire.ok()
    wire.write("*CAL? 3", "RCV 3")
    assert wire.ask("ERR?") == "120,120,0,0"


def test_cmm_chooses_what_is_measured(wire: Wire) -> None:
    wire.write("DV 1,0,0.1,1E-3", "MM 1,1")
    found = {}
    for mode in range(5):
        wire.write(f"CMM 1,{mode}", "XE")
        found[mode] = [item[2] for item in wire.read().split(",")]
    assert found == {0: ["I"], 1: ["I"], 2: ["V"], 3: ["V"], 4: ["I", "V"]}
    wire.write("DI 1,0,1E-6,1", "CMM 1,4", "XE")
    assert wire.read() == "NAV+040.000E-03,NAI+001.000E-06"


def test_staircase_returns_readings_and_source_and_takes_its_time(wire: Wire) -> None:
    wire.write("FMT 1,1", "WT 0.5,0.01,0.05", "WV 1,1,0,0,0.2,3,1E-3", "MM 2,1", "AV -1")
    start = wire.clock.now()
    wire.write("XE")
    assert wire.clock.now() - start == pytest.approx(0.5 + 3 * (0.01 + 0.05))  # from its start
    assert wire.read() == (
        "NAI+000.000E+00,WAV+000.000E+00,NAI+002.500E-06,WAV+100.000E-03,"
        "NAI+005.000E-06,EAV+200.000E-03"
    )
    assert wire.instrument.outputs()[1] == 0
    wire.write("WM 1,2", "XE")
    assert wire.instrument.outputs()[1] == 0.2


@pytest.mark.parametrize(
    ("mode", "values"),
    [
        (1, [0.1, 0.5, 0.9]),
        (2, [0.1, 0.3, 0.9]),
        (3, [0.1, 0.5, 0.9, 0.9, 0.5, 0.1]),
        (4, [0.1, 0.3, 0.9, 0.9, 0.3, 0.1]),
    ],
)
def test_sweep_modes(wire: Wire, mode: int, values: list[float]) -> None:
    wire.write("FMT 2", "CMM 1,2", f"WV 1,{mode},0,0.1,0.9,3,1E-3", "MM 2,1", "XE")
    assert [float(item) for item in wire.read().split(",")] == pytest.approx(values, abs=1e-3)


def test_one_step_from_start_to_the_same_stop_is_legal(wire: Wire) -> None:
    wire.write("WV 1,1,0,0.0,0.0,1", "MM 2,1", "XE")
    wire.ok()
    assert wire.read() == "NAI+000.000E+00"


def test_a_current_sweep_measures_voltage(wire: Wire) -> None:
    wire.write("FMT 1,1", "WI 1,1,0,1E-6,2E-6,2,5", "MM 2,1", "XE")
    assert wire.read() == "NAV+040.000E-03,WAI+001.000E-06,NAV+080.000E-03,EAI+002.000E-06"


def test_automatic_abort_leaves_the_other_points_without_value(wire: Wire) -> None:
    wire.write("WV 1,1,0,0,1,5,10E-6", "MM 2,1", "WM 2", "XE")
    first = ["NAI+000.000E+00", "NAI+006.250E-06", "CAI+010.000E-06"]
    assert wire.read().split(",") == [*first, "VAI+199.999E+99", "VAI+199.999E+99"]
    wire.write("FMT 21", "XE")
    assert wire.read().split(",")[-1] == "064AI+199.9990E+99"
    wire.write("FMT 1", "WM 1", "XE")
    assert wire.read().split(",")[3:] == ["CAI+010.000E-06"] * 2


def test_power_compliance_limits_the_current(wire: Wire) -> None:
    wire.write("WV 1,1,0,1,1,1,1E-3,5E-6", "WM 1", "MM 2,1", "XE")
    assert wire.read() == "CAI+005.000E-06"  # 5 µW at 1 V


def test_power_compliance_ends_the_sweep_without_the_automatic_abort(wire: Wire) -> None:
    wire.write("FMT 1,1", "WM 1", "WV 1,1,0,0.1,1,4,1E-3,5E-6", "MM 2,1", "XE")
    assert wire.read() == (
        "NAI+002.500E-06,WAV+100.000E-03,NAI+010.000E-06,WAV+400.000E-03,"
        "CAI+007.143E-06,WAV+700.000E-03,VAI+199.999E+99,EAV+001.000E+00"
    )
    wire.write("PT 0,0.001,0.02", "PWV 1,1,0,0,0.4,1,3,1E-3,5E-6", "FMT 1", "MM 4,1", "XE")
    assert [item[0] for item in wire.read().split(",")] == ["N", "C", "V"]


def test_power_compliance_holds_during_the_hold_time(wire: Wire) -> None:
    seen = []
    wire.wiring.watch(lambda: seen.append(wire.wiring.current(f"{ADDRESS}/1")))
    wire.write("WT 1,0", "WV 1,1,0,1,1,1,1E-3,5E-6", "MM 2,1", "XE")
    assert max(seen) == pytest.approx(5e-6)  # 25 µA would flow at 1 V


def test_what_wm_and_msc_do_not_say_is_their_default(wire: Wire) -> None:
    wire.write("WM 2,2", "WM 2", "MSC 2,1", "MSC 2")
    assert wire.ask("*LRN? 33").startswith("WM2,1;")
    assert wire.ask("*LRN? 47").startswith("MSC2,2;")
    wire.write("*RST")
    assert wire.ask("*LRN? 33").startswith("WM1,1;")


def test_a_compliance_range_must_exist_and_cover_the_compliance(wire: Wire) -> None:
    wire.write("DV 1,0,1,1E-3,0,5")
    assert wire.ask("ERRX? 1") == "+120"
    wire.write("DV 1,0,1,1E-3,0,12")
    assert wire.ask("*LRN? 1").endswith(",17")
    wire.write("DV 1,0,1,1E-3,0,19")
    assert wire.ask("*LRN? 1").endswith(",19")


def test_a_sweep_needs_its_channels_on(wire: Wire) -> None:
    wire.write("WV 1,1,0,0,1,3,1E-3", "MM 2,1", "CL 1", "XE")
    assert wire.ask("ERRX? 1") == "+200"


def test_time_stamps_come_before_each_reading(wire: Wire) -> None:
    wire.write("TSC 1", "MM 1,1,2", "AV -1", "TSR", "XE")
    kinds = [item[:3] for item in wire.read().split(",")]
    assert kinds == ["NAT", "NAI", "NBT", "NBI"]


def test_a_pulse_reaches_the_device_for_its_width_and_takes_its_period() -> None:
    wire = Wire(x=0.0)
    wire.write("CN", "DV 2,0,0,0.1", "PT 0.1,0.01,0.05", "PV 1,0,0,-1.5,1E-3", "MM 3,1")
    start = wire.clock.now()
    for _ in range(30):
        wire.write("XE")
    wire.ok()
    assert wire.clock.now() - start == pytest.approx(30 * 0.15)
    assert wire.device.x == pytest.approx(1.0)  # 30 reference pulses
    assert wire.instrument.outputs()[1] == 0
    first, last = wire.read(), ""
    while text := wire.read():
        last = text
    assert last == "NAI-060.000E-06"  # 40 µS at -1.5 V, at the end of the pulse
    assert first.startswith("NAI-01")


def test_a_pulse_is_measured_by_the_converter_of_pulses_in_any_case(wire: Wire) -> None:
    wire.write("FMT 11", "AAD 1,1", "AAD 1,2", "DV 1,0,0.01234567,1E-3")
    assert wire.ask("*LRN? 55") == "AAD1,1;AAD2,0"
    assert wire.ask("TI 1") == "NAI+308.6420E-09"  # high resolution
    wire.write("PT 0,0.001,0.02", "PV 1,0,0,0.01234567,1E-3", "MM 3,1", "XE")
    assert wire.read() == "NAI+308.6500E-09"


def test_pulses_of_current(wire: Wire) -> None:
    wire.write("PT 0,0.001", "PI 1,0,0,2E-6,5", "MM 3,1", "TSC 1", "TSR", "XE")
    assert wire.read() == "NAT+000.000E+00,NAV+080.000E-03"
    assert wire.clock.now() == pytest.approx(0.005)  # the shortest period


def test_the_series_resistor_is_felt(wire: Wire) -> None:
    wire.write("DV 1,0,1,1E-3", "SSR 1,1")
    current = float(wire.ask("TI 1")[3:])
    assert current == pytest.approx(1 / (1e6 + 1 / 25e-6), rel=1e-3)


def test_service_request(wire: Wire) -> None:
    wire.write("*SRE 1")
    assert wire.ask("*SRE?") == "1"
    assert not wire.instrument.status_byte() & 64
    wire.write("TI 1")
    assert wire.instrument.status_byte() & 64


def test_group_execute_trigger_starts_the_measurement(wire: Wire) -> None:
    wire.write("MM 1,1")
    wire.instrument.trigger()
    assert wire.read() == "NAI+000.000E+00"


def test_fmt_clears_the_data_buffer(wire: Wire) -> None:
    wire.write("TI 1", "FMT 2")
    assert wire.instrument.read(10) == (b"", False)


def test_settings_that_are_kept_and_told(wire: Wire) -> None:
    assert wire.ask("UNT? 1") == "2"
    wire.write("XYZ", "TM 3", "CM 0", "WAT 1,0.5,0.1", "AIT 0,3,0.001", "RV 1,-12", "FL 1")
    assert wire.ask("ERR? 1") == "100"
    assert wire.ask("*LRN? 31") == "TM3;CM0;FMT1,0"  # AV has no form for seconds
    assert wire.ask("*LRN? 57") == "WAT1,0.5,0.1000;WAT2,1.0,0.0000"
    assert wire.ask("*LRN? 32") == "RI1,0;RV1,-200;RI2,0;RV2,0"
    assert wire.ask("*LRN? 30") == "FL1"
    wire.write("TSR 1", "SSR 1,1", "CL 1", "SSR 1,0", "RZ", "MM 1,2", "TSC 1")
    wire.ok()


def test_aborted_sweeps_keep_their_time_stamps(wire: Wire) -> None:
    wire.write("TSC 1", "WV 1,1,0,1,1,2,1E-6", "WM 2", "MM 2,1", "XE")
    assert [item[:3] for item in wire.read().split(",")] == ["NAT", "CAI", "VAT", "VAI"]


def test_a_voltage_after_a_current_needs_its_compliance(wire: Wire) -> None:
    wire.write("DI 1,0,1E-6,2", "DV 1,0,1")
    assert wire.ask("ERRX? 1") == "+120"
    wire.write("DV 1,0,1,1E-3", "DV 1,0,2")
    wire.ok()
    assert wire.ask("*LRN? 1") == "DV1,20,+2.000000E+00,+1.000000E-03,0,17"


def test_dz_is_restored_once_and_forgotten_by_a_new_value(wire: Wire) -> None:
    wire.write("DI 1,0,1E-6,2", "DZ", "DZ", "RZ")
    assert wire.ask("*LRN? 1").startswith("DI1,14,+1.000000E-06,+2.0")
    wire.write("DZ 1", "DV 1,0,0.3,1E-3", "RZ 1")
    assert wire.instrument.outputs()[1] == 0.3


def test_switching_on_again_changes_nothing(wire: Wire) -> None:
    wire.write("DV 1,0,0.3,1E-3", "CN 1")
    assert wire.instrument.outputs()[1] == 0.3


def test_the_log_has_time_and_text(wire: Wire) -> None:
    wire.clock.sleep(2.0)
    wire.write("TI 1")
    assert wire.instrument.log[-1] == (2.0, "TI 1")


def test_impossible_modules_are_refused() -> None:
    clock = VirtualClock()
    with pytest.raises(ConfigError, match="unknown module 'B9999', known are B1510A"):
        SimulatedB1500A(Wiring(clock), clock, {1: "B9999"})
    with pytest.raises(ConfigError, match="slot 11 for a B1517A, slots are 1 to 10"):
        SimulatedB1500A(Wiring(clock), clock, {11: "B1517A"})

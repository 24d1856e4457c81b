"""The capacitance unit of the simulated B1500A against closed forms."""

import cmath
import math
from typing import Any

import pytest
from pymeasure.instruments.agilent import AgilentB1500
from pymeasure.instruments.agilent.agilentB1500 import MFCMUMeasurementMode

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.b1500a_cmu import FILM_CAPACITANCE, Impedance
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::17::INSTR"
G = 25e-6


class Wire:
    """A capacitance unit in slot 2 and an SMU in slot 1 on an ideal device of 25 µS."""

    def __init__(self, impedance: Impedance | None = None) -> None:
        self.clock = VirtualClock()
        self.wiring = Wiring(self.clock)
        self.device = LixCoO2.ideal(x=0.5, relaxation_time=math.inf, v0=0.005)
        self.wiring.connect(f"{ADDRESS}/2", self.device, "top")
        self.wiring.connect(f"{ADDRESS}/1", self.device, "bottom")
        self.instrument = SimulatedB1500A(
            self.wiring,
            self.clock,
            {1: "B1517A", 2: "B1520A"},
            noise=False,
            impedance=impedance,
        )
        self.write("CN 1,2", "ACV 2,0.03", "FC 2,100000")

    def write(self, *messages: str) -> None:
        for message in messages:
            self.instrument.write(message.encode())

    def ask(self, *messages: str) -> str:
        self.write(*messages)
        return self.instrument.read(9999)[0].decode().rstrip()

    def ok(self) -> None:
        assert self.ask("ERRX?") == '+0,"No Error."'


def values(reply: str) -> list[float]:
    return [float(item[3:]) for item in reply.split(",")]


def test_capacitance_and_conductance() -> None:
    wire = Wire()
    reply = wire.ask("FMT 11", "TC 2,0")
    assert [item[:3] for item in reply.split(",")] == ["NBC", "NBY"]
    assert values(reply) == pytest.approx([FILM_CAPACITANCE, G], rel=1e-4)
    reply = wire.ask("LMN 1", "DCV 2,0.5", "TTC 2,0")
    assert [item[:3] for item in reply.split(",")] == ["NBT", "NBC", "NBY", "NBV", "NBV"]
    assert values(reply)[3:] == pytest.approx([0.03, 0.5])
    assert values(wire.ask("TMDCV 2,0"))[0] == 0.5
    assert values(wire.ask("TMACV 2,0"))[0] == 0.03
    wire.ok()


def admittance() -> complex:
    return complex(G, 2 * math.pi * 1e5 * FILM_CAPACITANCE)


@pytest.mark.parametrize(
    ("mode", "kinds", "expected"),
    [
        (1, "ZZ", ((1 / admittance()).real, (1 / admittance()).imag)),
        (2, "YY", (admittance().real, admittance().imag)),
        (10, "ZR", (abs(1 / admittance()), -cmath.phase(admittance()))),
        (11, "ZP", (abs(1 / admittance()), -math.degrees(cmath.phase(admittance())))),
        (20, "YR", (abs(admittance()), cmath.phase(admittance()))),
        (21, "YP", (abs(admittance()), math.degrees(cmath.phase(admittance())))),
        (101, "CD", (FILM_CAPACITANCE, G / admittance().imag)),
        (102, "CQ", (FILM_CAPACITANCE, admittance().imag / G)),
        (103, "CZ", (FILM_CAPACITANCE, 1 / G)),
        (200, "CZ", (abs(admittance()) ** 2 / (admittance().imag * 2 * math.pi * 1e5),
                     G / abs(admittance()) ** 2)),
        (300, "LY", (-1 / (2 * math.pi * 1e5 * admittance().imag), G)),
        (400, "LZ", ((1 / admittance()).imag / (2 * math.pi * 1e5),
                     (1 / admittance()).real)),
    ],
)  # fmt: skip
def test_parameters(mode: int, kinds: str, expected: tuple[float, float]) -> None:
    reply = Wire().ask("FMT 11", f"IMP {mode}", "TC 2,0")
    assert "".join(item[2] for item in reply.split(",")) == kinds
    assert values(reply) == pytest.approx(expected, rel=2e-4)


def test_the_impedance_of_a_device_that_knows_it() -> None:
    wire = Wire(lambda hertz: 1e3 + 1 / (2j * math.pi * hertz * 1e-9))
    assert values(wire.ask("IMP 200", "TC 2,0")) == pytest.approx([1e-9, 1e3], rel=1e-3)


def test_a_short_has_no_value() -> None:
    wire = Wire(lambda hertz: 0j)
    assert wire.ask("FMT 11", "TC 2,0") == "VBC+199.9990E+99,VBY+199.9990E+99"
    wire.ok()


def test_open_terminals_have_next_to_no_capacitance() -> None:
    wire = Wire()
    wire.wiring.disconnect(f"{ADDRESS}/2")
    farads, siemens = values(wire.ask("FMT 11", "TC 2,0"))
    assert abs(farads) < 1e-14
    assert siemens == 0
    wire.ok()


def test_every_step_of_an_aborted_sweep_has_the_same_items() -> None:
    wire = Wire(lambda hertz: 1 / (2j * math.pi * hertz * 1e-9))  # its Q is infinite
    wire.write("IMP 102", "LMN 1", "TSC 1", "WMDCV 2", "WDCV 2,1,0,1,3", "MM 18,2", "FMT 11,1")
    items = wire.ask("XE").split(",")
    kinds = "".join(item[2] for item in items)
    assert kinds == 3 * "TCQVVV"
    assert all(item.endswith("+199.9990E+99") for item in items[6:11])
    wire.ok()


def test_a_sweep_of_the_bias_takes_its_time() -> None:
    wire = Wire()
    wire.write("WTDCV 0.5,0.01,0.1", "WDCV 2,3,-0.2,0.2,3", "ACT 2,1", "MM 18,2", "FMT 1,1")
    start = wire.clock.now()
    wire.write("XE")
    wire.ok()
    assert wire.clock.now() - start == pytest.approx(0.5 + 6 * (0.01 + 0.1))
    items = wire.ask("*LRN? 100"), wire.instrument.read(9999)[0].decode().split(",")
    assert items[0] == ("WMDCV1,1;WTDCV0.50,0.0100,0.1000,0.0000,0.0000;WDCV2,3,-0.2,0.2,3")
    volts = [float(item[3:]) for item in items[1][2::3]]
    assert volts == pytest.approx([-0.2, 0, 0.2, 0.2, 0, -0.2])
    assert items[1][2][0] == "W"
    assert items[1][-1][0] == "E"


def test_an_smu_may_sweep_the_bias() -> None:
    wire = Wire()
    wire.write("WDCV 1,1,0,0.5,2,1E-3", "MM 18,2", "XE")
    wire.ok()
    assert len(values(wire.ask("*OPC?") and wire.ask("NUB?") and wire.ask())) == 4
    assert wire.instrument.outputs()[1] == 0


def test_learned_settings() -> None:
    wire = Wire()
    assert wire.ask("*LRN? 2") == "DCV2,0.000;ACV2,0.030;FC2,100000.000"
    wire.write("ACT 0,3", "RC 2,2,1000", "ADJ 2,1", "IMP 101")
    answers = {70: "IMP101", 71: "LMN0", 72: "ACT0,3", 73: "RC2,2,1000", 90: "ADJ2,1"}
    assert {kind: wire.ask(f"*LRN? {kind}") for kind in answers} == answers
    assert wire.ask("ADJ? 2") == "0"
    assert wire.clock.now() == 30
    wire.write("CORRST 2,1,1", "DCORR 2,3,400,0,50", "CORRL 2,1E6")
    assert wire.ask("CORRST? 2,1") == "1"
    assert wire.ask("CORR? 2,1") == "0"
    assert wire.ask("DCORR? 2,3") == "400,0,50"
    assert wire.ask("CORRL? 2") == "1"
    assert wire.ask("CORRL? 2,1") == "1e+06"
    wire.write("CLCORR 2,1")
    assert wire.ask("CORRST? 2,1") == wire.ask("CORRL? 2") == "0"
    wire.write("CL 2")
    assert wire.ask("*LRN? 2") == "CL2"
    wire.ok()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("DCV 2,26", 120),
        ("ACV 2,0.3", 120),
        ("FC 2,999", 120),
        ("DCV 1,1", 120),
        ("IMP 3", 120),
        ("ACT 2,101", 120),
        ("RC 2,2,70", 120),
        ("TC 2,2", 120),
        ("WDCV 2,1,0,1,3,1E-3", 120),
        ("WDCV 2,2,-1,1,3", 120),
        ("WTDCV 2,0.5,0.1,0.6", 120),
        ("CORRL? 2,1", 120),
        ("FMT 3;TC 2,0", 120),
        ("MM 17,1", 120),
        ("MM 18,2;XE", 120),
        ("CL 2;TC 2,0", 200),
        ("CL 2;MM 17,2;XE", 200),
        ("MM 17,2,1", 120),
    ],
)
def test_refusals(message: str, code: int) -> None:
    wire = Wire()
    wire.write(message)
    assert wire.ask("ERRX? 1") == f"{code:+d}"


def pymeasure(wire: Wire) -> Any:
    bench = SimulatedBench({ADDRESS: wire.instrument}, wire.wiring, wire.clock)
    b1500 = AgilentB1500(ADDRESS, visa_library=LabsynVisaLibrary.for_bench(bench))
    b1500.initialize_cmu()
    return b1500


def test_the_driver_of_pymeasure_runs_unmodified() -> None:
    wire = Wire()
    b1500 = pymeasure(wire)
    cmu = b1500.cmu
    cmu.enabled = True
    cmu.voltage_ac = 0.05
    cmu.frequency_ac = 1e6
    cmu.set_measurement_mode(MFCMUMeasurementMode.CP_G)
    cmu.force_dc_bias(0.1)
    cmu.set_cv_parameters("LINEAR_SINGLE", 0, 0.2, 3)
    b1500.check_errors()
    assert wire.ask("*LRN? 2") == "DCV2,0.100;ACV2,0.050;FC2,1000000.000"
    b1500.adapter.close()


def test_its_slot_is_read_as_the_hold_time() -> None:
    wire = Wire()
    b1500 = pymeasure(wire)
    cmu = b1500.cmu
    cmu.set_cv_timings(0.5, 0.1)
    assert "WTDCV2.00,0.5000,0.1000" in wire.ask("*LRN? 100")
    b1500.adapter.close()

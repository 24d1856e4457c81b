"""The sweeps of our driver: on the wire, and on the simulated bench."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labsyn.data.errors import InstrumentDataError, InstrumentError, LimitError
from labsyn.data.flags import Flag
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.flex_data import parse_data
from labsyn.drivers.flex_results import sweep_data
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::17::INSTR"
G = 25e-6
OK = ("ERRX?", '+0,"No Error."')
OPENING = [("UNT?", "B1517A,0;0,0;B1525A,0"), ("FMT 21,0", None), OK]


@pytest.fixture
def bench() -> SimulatedBench:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.ideal(x=0.5, relaxation_time=math.inf, v0=0.005)
    wiring.connect(f"{ADDRESS}/1", device, "top")
    wiring.ground(device, "bottom")
    modules = {1: "B1517A", 2: "B1520A", 3: "B1525A"}
    instrument = SimulatedB1500A(wiring, clock, modules, noise=False)
    return SimulatedBench({ADDRESS: instrument}, wiring, clock, {"lixcoo2": device})


@pytest.fixture
def analyser(bench: SimulatedBench) -> Iterator[KeysightB1500A]:
    library = LabsynVisaLibrary.for_bench(bench)
    instrument = KeysightB1500A(ADDRESS, visa_library=library)
    instrument.command("CN 1")
    yield instrument
    instrument.shutdown()
    instrument.adapter.close()


def test_a_staircase_sweep(analyser: KeysightB1500A, bench: SimulatedBench) -> None:
    start = bench.clock.now()
    data = analyser.staircase_sweep(
        1, 0, 0.4, 5, compliance=1e-3, double=True, hold=0.5, delay=0.1
    )
    assert data.voltage == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1, 0])
    assert data.current == pytest.approx(G * data.voltage, rel=1e-3, abs=1e-10)
    assert data.time[:2] == pytest.approx([0.6, 0.7], rel=1e-3)
    assert not data.flags.any()
    assert bench.clock.now() - start == pytest.approx(1.5, rel=1e-3)
    assert analyser.read_at(1, 0.1, 1e-3).value == pytest.approx(G * 0.1)  # format restored


def test_a_logarithmic_sweep_and_compliance(analyser: KeysightB1500A) -> None:
    data = analyser.staircase_sweep(1, 0.01, 1, 3, compliance=5e-6, logarithmic=True)
    assert data.voltage == pytest.approx([0.01, 0.1, 1.0])
    assert data.flags.tolist() == [0, 0, Flag.COMPLIANCE]
    assert data.current[2] == pytest.approx(5e-6, rel=1e-3)
    data = analyser.staircase_sweep(1, 0.1, 1, 4, compliance=5e-6, abort=True)
    assert np.isnan(data.current[2:]).all()
    assert data.flags[1] == Flag.COMPLIANCE
    assert data.flags[3] & Flag.OVERFLOW


def test_a_pulsed_sweep(analyser: KeysightB1500A, bench: SimulatedBench) -> None:
    start = bench.clock.now()
    data = analyser.pulsed_sweep(1, 0, 0.1, 0.3, 3, width=1e-3, period=0.02, compliance=1e-3)
    assert data.current == pytest.approx(G * np.array([0.1, 0.2, 0.3]), rel=1e-3)
    assert data.voltage == pytest.approx([0.1, 0.2, 0.3])
    assert bench.clock.now() - start == pytest.approx(0.06)


def test_sampling(analyser: KeysightB1500A) -> None:
    data = analyser.sampling(1, 0.2, 0.05, 4, compliance=1e-3, hold=0.1)
    assert data.time == pytest.approx([0.1, 0.15, 0.2, 0.25])
    assert data.current == pytest.approx([G * 0.2] * 4, rel=1e-3)
    assert data.voltage.tolist() == [0.2] * 4


def test_a_refused_sweep_says_why(analyser: KeysightB1500A) -> None:
    with pytest.raises(InstrumentError, match="reports: 120"):
        analyser.staircase_sweep(1, -1, 1, 5, compliance=1e-3, logarithmic=True)
    with pytest.raises(LimitError, match="0 points are asked for, a B1500A measures 1 to"):
        analyser.staircase_sweep(1, 0, 1, 0, compliance=1e-3)


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        ("000AI+001.0000E-06", "expected TIV of channel 1 at each point, got 'I'"),
        ("000AT+001.0000E+00,000BI+001.0000E-06,  EAv+001.0000E+00", r"got \[2\]"),
    ],
)
def test_data_of_something_else_are_refused(reply: str, match: str) -> None:
    with pytest.raises(InstrumentDataError, match=match):
        sweep_data(parse_data(reply), 1)
    with pytest.raises(InstrumentDataError, match="expected 2 points, got 1"):
        sweep_data(parse_data("000AT+001.0000E+00,000AI+001.0000E-06"), 1, [0.1, 0.1])


def test_a_sweep_on_the_wire() -> None:
    reply = "000AT+001.0000E-03,000AI+001.0000E-06,  EAv+100.0000E-03"
    sent = ["FMT 21,1", "CMM 1,1", "MM 2,1", "WM 1,1", "WT 0,0.01,0",
            "WV 1,1,0,0.1,0.1,1,0.001", "TSC 1"]  # fmt: skip
    setup = [pair for message in sent for pair in ((message, None), OK)]
    end = [("TSC 0", None), OK, ("FMT 21,0", None), OK]

    class Timed(KeysightB1500A):
        timeout = 1.0  # the adapter of the test has none

    with expected_protocol(Timed, [*OPENING, *setup, ("TSR;XE", reply), *end]) as analyser:
        data = analyser.staircase_sweep(1, 0.1, 0.1, 1, compliance=1e-3, delay=0.01)
    assert data.current == pytest.approx([1e-6])


def test_pulses_of_the_generator_go_out_as_they_are_set() -> None:
    """PyMeasure 0.16 sends 0.000000 for 100 ns and 0 for 1 ms."""
    with expected_protocol(
        KeysightB1500A,
        [*OPENING, OPENING[0], ("SPPER 1e-07", None), OK, ("SPRM 2,0.001", None), OK,
         ("SPRM 0", None), OK, ("SPPER?", "1.0E-07"), ("SPST?", "1"), ("SPST?", "x")],
    ) as analyser:  # fmt: skip
        analyser.initialize_all_spgus()
        spgu = analyser.spgus[3]
        spgu.period = 1e-7
        spgu.set_output_mode("DURATION", 1e-3)
        spgu.set_output_mode("FREE_RUN")
        assert spgu.period == pytest.approx(1e-7)
        assert spgu.is_running
        with pytest.raises(InstrumentDataError, match="answered 'x' to SPST"):
            _ = spgu.is_running
        with pytest.raises(LimitError, match=r"SPGU COUNT with 1\.5, a whole number from 1"):
            spgu.set_output_mode("COUNT", 1.5)
        with pytest.raises(LimitError, match="SPGU DURATION with None, 1e-06 to 3"):
            spgu.set_output_mode("DURATION")
        with pytest.raises(LimitError, match="SPGU channel 3, there are 1 and 2"):
            spgu.setup_pulses(3, 1, width=1e-6, period=1e-5, n_pulses=1, load=1e6)


def test_the_generator_runs_on_the_bench(
    analyser: KeysightB1500A, bench: SimulatedBench
) -> None:
    analyser.initialize_all_spgus()
    spgu = analyser.spgus[3]
    start = bench.clock.now()
    spgu.setup_pulses(1, 1.0, width=1e-6, period=1e-5, n_pulses=100, load=1e6)
    spgu.run()
    assert not spgu.is_running
    assert bench.clock.now() - start == pytest.approx(1e-3)
    spgu.stop()
    with pytest.raises(InstrumentError, match="120"):
        spgu.setup_pulses(1, 39.0, width=1e-6, period=1e-5, n_pulses=1, load=50)


def test_pulses_then_a_reading(analyser: KeysightB1500A, bench: SimulatedBench) -> None:
    """On one terminal, so that one unit is off while the other works."""
    device = bench.devices["lixcoo2"]
    bench.wiring.disconnect(f"{ADDRESS}/1")
    for channel in (1, 301):
        bench.wiring.connect(f"{ADDRESS}/{channel}", device, "top")
    before = analyser.read_at(1, 0.1, 1e-3).value
    analyser.command("CL 1")
    analyser.initialize_all_spgus()
    spgu = analyser.spgus[3]
    start = bench.clock.now()
    spgu.setup_pulses(1, -1.5, width=1e-2, period=2e-2, n_pulses=10, load=4e4)
    spgu.run()
    spgu.wait(bench.clock)
    assert bench.clock.now() - start == pytest.approx(0.2)
    spgu.ch1.enabled = False
    analyser.command("CN 1")
    assert analyser.read_at(1, 0.1, 1e-3).value > 1.01 * before
    assert not bench.wiring.warnings


def test_every_setter_of_the_generator_reads_the_errors(analyser: KeysightB1500A) -> None:
    analyser.initialize_all_spgus()
    spgu = analyser.spgus[3]
    with pytest.raises(InstrumentError, match="120") as caught:
        spgu.ch2.load_impedance = 1e7
    assert caught.value.__notes__ == ["after sending 'SER 302, 10000000.000000'"]
    with pytest.raises(InstrumentError, match="120"):
        spgu.ch1.set_pulse_timings(width=1e-9)
    with pytest.raises(InstrumentError, match="200"):
        spgu.ch1.apply_setup()
    spgu.operation_mode = 1
    with pytest.raises(InstrumentError, match="120"):
        spgu.output = True
    assert analyser.ask("ERRX? 1") == "+0"


def test_a_level_left_from_before_does_not_forbid_a_smaller_load(
    analyser: KeysightB1500A,
) -> None:
    analyser.initialize_all_spgus()
    spgu = analyser.spgus[3]
    spgu.setup_pulses(1, 30.0, width=1e-6, period=1e-5, n_pulses=1, load=1e6)
    spgu.setup_pulses(1, 10.0, width=1e-6, period=1e-5, n_pulses=1, load=50)
    assert analyser.ask("SPV? 301,1") == "0.000,10.000"


def test_what_never_ends_is_not_waited_for(analyser: KeysightB1500A) -> None:
    analyser.initialize_all_spgus()
    spgu = analyser.spgus[3]
    spgu.set_output_mode("FREE_RUN")
    with pytest.raises(LimitError, match="the SPGU runs free, without an end to wait for"):
        spgu.wait(VirtualClock())
    polls = 105 * [("SPST?", "1")]  # one each 3 s, for 312 s
    with expected_protocol(
        KeysightB1500A,
        [*OPENING, OPENING[0], ("SPRM?", "1,100"), ("SPPER?", "0.1"), *polls[:3],
         ("SPST?", "0"), ("SPRM?", "2,300"), *polls],
    ) as real:  # fmt: skip
        real.initialize_all_spgus()
        clock = VirtualClock()
        real.spgus[3].wait(clock)
        assert clock.now() == pytest.approx(0.3)  # a question each hundredth of 10 s
        with pytest.raises(InstrumentError, match="still runs 10 s after its 300 s of pulses"):
            real.spgus[3].wait(clock)


def test_every_setter_of_the_capacitance_unit_reads_the_errors(
    analyser: KeysightB1500A,
) -> None:
    analyser.initialize_cmu()
    with pytest.raises(InstrumentError, match="200") as caught:
        analyser.cmu.voltage_ac = 0.05
    assert caught.value.__notes__ == ["after sending 'ACV 2, 0.050000'"]
    analyser.cmu.enabled = True
    analyser.cmu.voltage_ac = 0.05
    with pytest.raises(InstrumentError, match="120"):
        analyser.cmu.force_dc_bias(26)


def test_the_hold_time_of_a_cv_sweep_is_the_hold_time(analyser: KeysightB1500A) -> None:
    analyser.initialize_cmu()
    cmu = analyser.cmu
    cmu.set_cv_timings(0.5, 0.1)
    assert "WTDCV0.50,0.1000,0.0000" in analyser.ask("*LRN? 100")

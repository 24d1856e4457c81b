"""The B1530A at the level of its C library, on a resistor with known answers."""

import math

import numpy as np
import pytest

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated import b1500a_pattern as api
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.b1500a_wgfmu import SimulatedWGFMU
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::17::INSTR"


@pytest.fixture
def bench() -> tuple[VirtualClock, LixCoO2, SimulatedWGFMU]:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.ideal(x=0.5, v0=0.005)
    wiring.connect(f"{ADDRESS}/401", device, "top")
    wiring.ground(device, "bottom")
    wgfmu = SimulatedWGFMU(wiring, clock, ADDRESS, [4])
    wgfmu.openSession(ADDRESS)
    wgfmu.initialize()
    wgfmu.clear()
    return clock, device, wgfmu


def play(wgfmu: SimulatedWGFMU, operation: int, measure: int) -> None:
    wgfmu.createPattern("ramp", 0.0)
    wgfmu.addVectors("ramp", [1e-3, 1e-3, 1e-3], [0.8, 0.8, 0.0])
    wgfmu.setMeasureEvent("ramp", "read", 0.25e-3, 11, 0.25e-3, 0.0)
    wgfmu.addSequence(401, "ramp", 2)
    wgfmu.setOperationMode(401, operation)
    wgfmu.setMeasureMode(401, measure)
    wgfmu.connect(401)
    wgfmu.execute()
    wgfmu.waitUntilCompleted()


def test_a_ramp_is_sampled_where_it_is(
    bench: tuple[VirtualClock, LixCoO2, SimulatedWGFMU],
) -> None:
    clock, _, wgfmu = bench
    play(wgfmu, api.OPERATION_MODE_FASTIV, api.MEASURE_MODE_CURRENT)
    assert clock.now() == pytest.approx(6e-3)
    assert wgfmu.getMeasureValueSize(401) == (22, 22)
    times, values = wgfmu.getMeasureValues(401, 0, 11)
    assert times == pytest.approx(np.arange(1, 12) * 0.25e-3)
    expected = 25e-6 * np.interp(times, [0, 1e-3, 2e-3, 3e-3], [0, 0.8, 0.8, 0])
    assert values == pytest.approx(expected, rel=1e-6, abs=1e-12)
    again, _ = wgfmu.getMeasureValues(401, 11, 11)
    assert again == pytest.approx(np.asarray(times) + 3e-3)
    wgfmu.closeSession()


def test_pulse_mode_measures_voltage_behind_50_ohm(
    bench: tuple[VirtualClock, LixCoO2, SimulatedWGFMU],
) -> None:
    _, _, wgfmu = bench
    play(wgfmu, api.OPERATION_MODE_PG, api.MEASURE_MODE_VOLTAGE)
    _, values = wgfmu.getMeasureValues(401, 4, 1)
    assert values == pytest.approx([0.8], rel=2e-3)


def test_only_fast_iv_and_pulse_mode_play(
    bench: tuple[VirtualClock, LixCoO2, SimulatedWGFMU],
) -> None:
    clock, _, wgfmu = bench
    wgfmu.createPattern("p", 0.0)
    wgfmu.addVectors("p", [1e-3, 1e-3], [1.0, 0.0])
    wgfmu.setMeasureEvent("p", "e", 1e-3, 1, 1e-3, 0.0)
    wgfmu.addSequence(401, "p", 1)
    wgfmu.connect(401)
    for mode in (api.OPERATION_MODE_SMU, api.OPERATION_MODE_DC):
        wgfmu.setOperationMode(401, mode)
        wgfmu.execute()
    assert clock.now() == 0
    wgfmu.setMeasureMode(401, api.MEASURE_MODE_CURRENT)
    wgfmu.setOperationMode(401, api.OPERATION_MODE_PG)  # measures voltage only
    wgfmu.execute()
    assert clock.now() == pytest.approx(2e-3)
    assert wgfmu.getMeasureValues(401, 0, 1)[1] == pytest.approx([1.0], rel=2e-3)


def test_pulses_move_the_state() -> None:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.ideal(x=0.0)
    wiring.connect(f"{ADDRESS}/401", device, "top")
    wiring.ground(device, "bottom")
    wgfmu = SimulatedWGFMU(wiring, clock, ADDRESS, [4])
    wgfmu.openSession(ADDRESS)
    wgfmu.createPattern("pulse", 0.0)
    wgfmu.addVectors("pulse", [1e-8, 10e-3, 1e-8, 10e-3], [-1.5, -1.5, 0.0, 0.0])
    wgfmu.addSequence(401, "pulse", 30)
    wgfmu.setOperationMode(401, api.OPERATION_MODE_FASTIV)
    wgfmu.connect(401)
    wgfmu.execute()
    wiring.advance_all()
    assert device.x == pytest.approx(1.0, abs=1e-3)  # 30 reference pulses


@pytest.mark.parametrize(
    ("call", "arguments", "code", "match"),
    [
        ("addVector", ("none", 1e-6, 0.0), -10, "no pattern 'none'"),
        ("addVector", ("p", 1e-9, 0.0), -1, "is not 10 ns to 10995 s"),
        ("addVector", ("p", 1e-6, 11.0), -1, "beyond ±10 V"),
        ("addVectors", ("p", [1e-6], [0.0, 1.0]), -1, "as many times as voltages"),
        ("createPattern", ("p", 0.0), -12, "exists or has no name"),
        ("setMeasureEvent", ("p", "e", 0.0, 0, 1e-6, 0.0), -1, "0 points"),
        ("setMeasureEvent", ("p", "e", math.nan, 1, 1e-6, 0.0), -1, "points from nan s"),
        ("setMeasureEvent", ("p", "e", 1.0, 1, 1e-6, 0.0), -1, "ends after its pattern"),
        ("setMeasureEvent", ("p", "e", 0.0, 1, 1e-6, 0.0, 12001), -1, "data 12001"),
        ("addSequence", (501, "p", 1), -9, "channel 501, there are 401, 402"),
        ("addSequence", (401, "p", 0), -1, "count 0 is below 1"),
        ("setOperationMode", (401, 1), -1, "operation mode 1"),
        ("setMeasureMode", (401, 1), -1, "measure mode 1"),
        ("getMeasureValues", (401, 0, 1), -14, "values 0 to 1 of 0"),
        ("openSession", (ADDRESS,), -3, "cannot open"),
    ],
)
def test_refusals(
    bench: tuple[VirtualClock, LixCoO2, SimulatedWGFMU],
    call: str,
    arguments: tuple[object, ...],
    code: int,
    match: str,
) -> None:
    wgfmu = bench[2]
    wgfmu.createPattern("p", 0.0)
    with pytest.raises(api.WgfmuError, match=match) as caught:
        getattr(wgfmu, call)(*arguments)
    assert caught.value.code == code


def test_a_session_is_needed_and_pulse_mode_has_no_current_meter(
    bench: tuple[VirtualClock, LixCoO2, SimulatedWGFMU],
) -> None:
    wgfmu = bench[2]
    wgfmu.setOperationMode(401, api.OPERATION_MODE_PG)
    with pytest.raises(api.WgfmuError, match="PG mode measures voltage only"):
        wgfmu.setMeasureMode(401, api.MEASURE_MODE_CURRENT)
    wgfmu.closeSession()
    with pytest.raises(api.WgfmuError, match="no session is open"):
        wgfmu.execute()


def test_the_mainframe_lists_it() -> None:
    clock = VirtualClock()
    instrument = SimulatedB1500A(Wiring(clock), clock, {1: "B1517A", 4: "B1530A"})
    instrument.write(b"UNT?")
    assert instrument.read(99)[0].startswith(b"B1517A,0;0,0;0,0;B1530A,0;0,0")
    instrument.write(b"CN 4;ERRX? 1")
    assert instrument.read(99)[0] == b"+120\r\n"

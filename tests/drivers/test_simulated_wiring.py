"""The wiring: ohmic devices with known answers, compliance, floating terminals, time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.titania import Titania
from labsyn.drivers.simulated.wiring import Wiring

OHM = 1000.0


class Resistor:
    """1 kΩ that remembers what was done to it."""

    def __init__(self) -> None:
        self.terminals = ("a", "b")
        self.history: list[tuple[float | None, float]] = []

    def advance(self, voltages: Voltages, seconds: float) -> None:
        if seconds > 0:
            self.history.append((voltages["a"], seconds))

    def currents(self, voltages: Voltages) -> dict[str, float]:
        a, b = voltages["a"], voltages["b"]
        current = 0.0 if a is None or b is None else (a - b) / OHM
        return {"a": current, "b": -current}

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        return self.currents(voltages)


def make(*, grounded: bool = True) -> tuple[VirtualClock, Wiring, Resistor]:
    clock = VirtualClock()
    wiring = Wiring(clock)
    resistor = Resistor()
    wiring.connect("smu/1", resistor, "a")
    if grounded:
        wiring.ground(resistor, "b")
    else:
        wiring.connect("smu/2", resistor, "b")
    return clock, wiring, resistor


def test_ohms_law_and_release() -> None:
    _, wiring, _ = make()
    wiring.drive("smu/1", 2.0)
    assert wiring.current("smu/1") == pytest.approx(2e-3)
    assert wiring.measured_current("smu/1") == pytest.approx(2e-3)
    wiring.release("smu/1")
    assert wiring.current("smu/1") == 0
    assert wiring.voltage("smu/1") is None


def test_the_voltage_that_held_in_the_meantime_is_what_the_device_felt() -> None:
    clock, wiring, resistor = make()
    wiring.drive("smu/1", 1.0)
    clock.sleep(0.5)
    wiring.drive("smu/1", -1.0)
    clock.sleep(0.25)
    wiring.release("smu/1")
    clock.sleep(2)
    wiring.drive("smu/1", 0.0)
    assert resistor.history == [(1.0, 0.5), (-1.0, 0.25), (None, 2.0)]


def test_a_floating_terminal_carries_no_current() -> None:
    _, wiring, _ = make(grounded=False)
    wiring.drive("smu/1", 1.0)
    assert wiring.current("smu/1") == 0
    wiring.drive("smu/2", 0.0)
    assert wiring.current("smu/1") == pytest.approx(1e-3)
    assert wiring.current("smu/2") == pytest.approx(-1e-3)


def test_an_unconnected_output_has_its_voltage_and_no_current() -> None:
    wiring = Wiring(VirtualClock())
    wiring.drive("nowhere", 3.0, 1e-3)
    assert (wiring.voltage("nowhere"), wiring.current("nowhere")) == (3.0, 0.0)
    wiring.drive_current("nowhere", -1e-3, 20.0)
    assert wiring.voltage("nowhere") == -20
    assert wiring.in_compliance("nowhere")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_voltage_source_gives_way_to_its_current_limit(sign: int) -> None:
    _, wiring, _ = make()
    wiring.drive("smu/1", sign * 5.0, 1e-3)
    assert wiring.current("smu/1") == pytest.approx(sign * 1e-3)
    assert wiring.voltage("smu/1") == pytest.approx(sign * 1.0)
    assert wiring.in_compliance("smu/1")
    wiring.drive("smu/1", sign * 0.5, 1e-3)
    assert not wiring.in_compliance("smu/1")


def test_the_tighter_of_two_limits_decides() -> None:
    _, wiring, _ = make(grounded=False)
    wiring.drive("smu/1", 5.0, 2e-3)
    wiring.drive("smu/2", 0.0, 1e-3)
    assert wiring.current("smu/1") == pytest.approx(1e-3)
    assert wiring.voltage("smu/2") == pytest.approx(4.0)  # it was forced up to let 1 mA flow
    assert wiring.in_compliance("smu/2")
    assert not wiring.in_compliance("smu/1")


def test_a_current_source_finds_its_voltage_up_to_its_limit() -> None:
    _, wiring, _ = make()
    wiring.drive_current("smu/1", -2e-3, 5.0)
    assert wiring.voltage("smu/1") == pytest.approx(-2.0)
    assert not wiring.in_compliance("smu/1")
    wiring.drive_current("smu/1", 20e-3, 5.0)
    assert wiring.voltage("smu/1") == pytest.approx(5.0)
    assert wiring.current("smu/1") == pytest.approx(5e-3)
    assert wiring.in_compliance("smu/1")


def test_a_series_resistor_divides_the_voltage() -> None:
    _, wiring, _ = make()
    wiring.drive("smu/1", 1.0, 1e-1, series_resistance=3000.0)
    assert wiring.current("smu/1") == pytest.approx(0.25e-3)
    assert wiring.voltage("smu/1") == pytest.approx(1.0)


@given(st.floats(-50, 50), st.floats(1e-6, 1e-1), st.floats(-50, 50), st.floats(1e-6, 1e-1))
def test_no_source_ever_exceeds_its_limit(v1: float, i1: float, v2: float, i2: float) -> None:
    _, wiring, _ = make(grounded=False)
    wiring.drive("smu/1", v1, i1)
    wiring.drive("smu/2", v2, i2)
    current = wiring.current("smu/1")
    assert abs(current) <= min(i1, i2) * (1 + 1e-6)
    assert current == pytest.approx(-wiring.current("smu/2"))
    expected = max(-min(i1, i2), min(min(i1, i2), (v1 - v2) / OHM))
    assert current == pytest.approx(expected, rel=1e-6, abs=1e-12)


class Diode(Resistor):
    """Shockley's law: a device that is far from ohmic."""

    def currents(self, voltages: Voltages) -> dict[str, float]:
        a, b = voltages["a"], voltages["b"]
        current = 0.0 if a is None or b is None else 1e-12 * math.expm1((a - b) / 0.025)
        return {"a": current, "b": -current}


def test_limits_hold_for_a_diode_too() -> None:
    wiring = Wiring(VirtualClock())
    diode = Diode()
    wiring.connect("smu/1", diode, "a")
    wiring.ground(diode, "b")
    wiring.drive("smu/1", 0.8, 1e-3)
    expected = 0.025 * math.log1p(1e-3 / 1e-12)
    assert wiring.current("smu/1") == pytest.approx(1e-3, rel=1e-6)
    assert wiring.voltage("smu/1") == pytest.approx(expected, rel=1e-6)
    wiring.drive_current("smu/1", 1e-6, 0.8)
    assert wiring.voltage("smu/1") == pytest.approx(0.025 * math.log1p(1e6), rel=1e-6)
    wiring.drive("smu/1", -5.0, 1e-3)
    assert wiring.current("smu/1") == pytest.approx(-1e-12)
    assert not wiring.in_compliance("smu/1")


def test_zero_current_finds_the_open_circuit_voltage() -> None:
    _, wiring, _ = make(grounded=False)
    wiring.drive("smu/2", 1.5)
    wiring.drive_current("smu/1", 0.0, 10.0)
    assert wiring.voltage("smu/1") == pytest.approx(1.5)
    assert wiring.current("smu/1") == pytest.approx(0, abs=1e-12)
    wiring.drive_current("smu/1", 20e-3, 10.0)
    assert (wiring.voltage("smu/1"), wiring.in_compliance("smu/1")) == (10.0, True)
    wiring.drive("smu/2", -9.5)
    wiring.drive_current("smu/1", -1e-3, 5.0)
    assert (wiring.voltage("smu/1"), wiring.in_compliance("smu/1")) == (-5.0, True)


def test_releasing_what_is_off_does_nothing() -> None:
    _, wiring, _ = make()
    wiring.release("smu/1")
    wiring.release("never heard of")
    assert wiring.voltage("smu/1") is None


def test_the_last_of_two_sources_on_one_terminal_wins_with_a_warning() -> None:
    _, wiring, resistor = make()
    wiring.connect("pulser/1", resistor, "a")
    wiring.drive("smu/1", 1.0)
    assert wiring.warnings == []
    wiring.drive("pulser/1", 3.0)
    assert wiring.current("pulser/1") == pytest.approx(3e-3)
    assert wiring.current("smu/1") == 0
    assert wiring.warnings == [
        "pulser/1 drives terminal 'a', which smu/1 drives already; pulser/1 wins"
    ]
    wiring.release("pulser/1")
    assert wiring.current("smu/1") == pytest.approx(1e-3)


def test_wrong_connections_are_refused() -> None:
    _, wiring, resistor = make()
    with pytest.raises(ConfigError, match="Resistor has no terminal 'gate', it has a, b"):
        wiring.connect("x", resistor, "gate")
    with pytest.raises(ConfigError, match="'b' is tied to ground, not free for x"):
        wiring.connect("x", resistor, "b")
    with pytest.raises(ConfigError, match="smu/1 is connected to terminal 'a' already"):
        wiring.connect("smu/1", resistor, "a")
    with pytest.raises(ConfigError, match="'a' cannot be ground: smu/1 is on it"):
        wiring.ground(resistor, "a")


@pytest.mark.parametrize(("limit", "limited"), [(1.0, False), (0.02, True)])
def test_one_output_on_two_terminals_has_one_limit(limit: float, limited: bool) -> None:
    """Titania written as it is: T2 and T4 together, T1 and T3 on ground."""
    wiring, device = Wiring(VirtualClock()), Titania.ideal()
    for terminal in ("T1", "T3"):
        wiring.ground(device, terminal)
    wiring.drive("smu", 2.0, limit)
    wiring.connect("smu", device, "T2")
    wiring.connect("smu", device, "T4")
    sides = 4 / device.side_resistance
    assert wiring.current("smu") == pytest.approx(0.02 if limited else 2.0 * sides)
    assert wiring.voltage("smu") == pytest.approx(0.02 / sides if limited else 2.0)
    assert wiring.in_compliance("smu") == limited
    wiring.disconnect("smu", "T4")
    wiring.release("smu")
    assert wiring.current("smu") == 0


def test_an_output_that_is_on_acts_when_it_is_connected() -> None:
    wiring = Wiring(VirtualClock())
    resistor = Resistor()
    wiring.drive("late", 1.0)
    wiring.connect("late", resistor, "a")
    wiring.ground(resistor, "b")
    assert wiring.current("late") == pytest.approx(1e-3)


def test_a_device_in_compliance_sees_the_reduced_voltage_while_it_changes() -> None:
    """Constant 20 µA: x follows dx/dt = r(I / G(x)) exp(-β x), integrated here finely."""
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.ideal()
    wiring.connect("smu/1", device, "top")
    wiring.ground(device, "bottom")
    wiring.drive("smu/1", -1.5, 20e-6)
    clock.sleep(0.3)
    assert wiring.current("smu/1") == pytest.approx(-20e-6, rel=1e-9)

    reference = LixCoO2.ideal()
    for _ in range(20_000):
        volts = max(-1.5, -20e-6 / reference.conductance)
        reference.advance({"top": volts, "bottom": 0.0}, 0.3 / 20_000)
    assert device.x == pytest.approx(reference.x, rel=5e-3)
    assert 0.1 < device.x < 0.9

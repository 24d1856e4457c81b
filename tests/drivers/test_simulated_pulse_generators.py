"""The simulated pulse generators: what they say, and what the device under test feels."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.drivers.simulated.agilent33250a import (
    SimulatedAgilent33220A,
    SimulatedAgilent33250A,
)
from labsyn.drivers.simulated.agilent33500 import SimulatedAgilent33500
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.keysight81160a import SimulatedKeysight81160A
from labsyn.drivers.simulated.pulse_generator import SimulatedPulseGenerator
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring

KINDS = [
    SimulatedKeysight81160A, SimulatedAgilent33500, SimulatedAgilent33250A,
    SimulatedAgilent33220A,
]  # fmt: skip
NO_ERROR = '+0,"No error"'


class Resistor:
    """A resistor that remembers for how long it felt which voltage."""

    terminals = ("a", "b")

    def __init__(self, ohm: float) -> None:
        self.ohm = ohm
        self.history: list[tuple[float | None, float]] = []

    def advance(self, voltages: Voltages, seconds: float) -> None:
        if seconds > 0:
            volts = voltages["a"]
            if self.history and self.history[-1][0] == volts:
                seconds += self.history.pop()[1]
            self.history.append((volts, seconds))

    def currents(self, voltages: Voltages) -> dict[str, float]:
        a, b = voltages["a"], voltages["b"]
        current = 0.0 if a is None or b is None else (a - b) / self.ohm
        return {"a": current, "b": -current}

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        return self.currents(voltages)


class Setup:
    """A generator, channel 1 on a resistor."""

    def __init__(self, kind: Callable[..., SimulatedPulseGenerator], ohm: float = 50.0) -> None:
        self.clock = Timeline()
        self.wiring = Wiring(self.clock)
        self.load = Resistor(ohm)
        self.wiring.connect("gen/1", self.load, "a")
        self.wiring.ground(self.load, "b")
        self.generator = kind(self.wiring, self.clock, "gen")

    def send(self, *messages: str) -> None:
        for message in messages:
            self.generator.write(message.encode())

    def ask(self, message: str) -> str:
        self.send(message)
        return self.generator.read(999)[0].decode().strip()

    def felt(self, volts: float) -> list[float]:
        """Return the durations at about `volts`."""
        self.wiring.advance_all()
        return [
            seconds
            for v, seconds in self.load.history
            if v is not None and math.isclose(v, volts, rel_tol=1e-6, abs_tol=1e-9)
        ]


COMMANDS = {
    SimulatedKeysight81160A: (
        ":FUNC1 PULS;:PULS:PER1 1e-3;:PULS:WIDT1 1e-4;:VOLT1:HIGH 1;:VOLT1:LOW 0",
        ":BURS1:STAT 1;NCYC 3;:ARM:SOUR1 MAN", ":OUTP1 1",
    ),
    SimulatedAgilent33500: (
        "SOUR1:FUNC PULS;FUNC:PULS:PER 1e-3;WIDT 1e-4;:SOUR1:VOLT:HIGH 1;LOW 0",
        "SOUR1:BURS:STAT 1;NCYC 3;:TRIG1:SOUR BUS", "OUTP1 1",
    ),
    SimulatedAgilent33250A: (
        "FUNC PULS;:PULS:PER 1e-3;WIDT 1e-4;:VOLT:HIGH 1;LOW 0",
        "BURS:STAT 1;NCYC 3;:TRIG:SOUR BUS", "OUTP 1",
    ),
    SimulatedAgilent33220A: (
        "FUNC PULS;:PULS:PER 1e-3;:FUNC:PULS:WIDT 1e-4;:VOLT:HIGH 1;LOW 0",
        "BURS:STAT 1;NCYC 3;:TRIG:SOUR BUS", "OUTP 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_burst_applies_its_pulses_at_their_times(kind: type[SimulatedPulseGenerator]) -> None:
    setup = Setup(kind)
    setup.send(*COMMANDS[kind])
    assert setup.ask("SYST:ERR?") == NO_ERROR
    setup.clock.sleep(0.5)
    assert setup.felt(1.0) == []  # it waits at 0 V
    assert setup.ask("*TRG;*OPC?") == "1"
    assert setup.clock.now() == pytest.approx(0.503)
    setup.clock.sleep(1.0)
    assert setup.felt(1.0) == pytest.approx([1e-4] * 3)
    assert setup.felt(0.0) == pytest.approx([0.5, 9e-4, 9e-4, 1 + 9e-4])


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_burst_it_runs_for_as_long_as_time_passes(
    kind: type[SimulatedPulseGenerator],
) -> None:
    setup = Setup(kind)
    waveform, _, on = COMMANDS[kind]
    setup.send(waveform, on)
    setup.clock.sleep(0.01)
    assert setup.felt(1.0) == pytest.approx([1e-4] * 10)
    setup.clock.sleep(1000.0)  # a million periods, taken together in parts
    assert sum(setup.felt(1.0)) == pytest.approx(100.001, rel=1e-6)
    assert setup.ask("*OPC?") == "1"  # nothing is pending
    setup.send("*RST")
    before = sum(setup.felt(1.0))
    setup.clock.sleep(10.0)
    assert sum(setup.felt(1.0)) == before
    assert setup.wiring.voltage("gen/1") is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_display_follows_the_load_setting_and_the_device_its_own_load(
    kind: type[SimulatedPulseGenerator],
) -> None:
    """Agilent 33500 Series guide, "Output Termination": 50 Ω set, open circuit: twice."""
    setup = Setup(kind, ohm=1e9)
    setup.send(*COMMANDS[kind])
    setup.send("*TRG;*WAI")
    assert setup.felt(2.0) == pytest.approx([1e-4] * 3)
    volts, load = (":VOLT1:HIGH", ":OUTP1:LOAD")
    if kind is SimulatedAgilent33500:
        volts = "SOUR1:VOLT:HIGH"
    assert float(setup.ask(f"{volts}?")) == pytest.approx(1.0)
    setup.send(f"{load} INF")
    assert setup.ask(f"{load}?") == "+9.9000000000000E+37"
    assert float(setup.ask(f"{volts}?")) == pytest.approx(2.0)
    setup.send(f"{volts} 0.5", "*TRG;*WAI")
    assert setup.felt(0.5) == pytest.approx([1e-4] * 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_negative_pulse_rests_at_the_upper_level_if_inverted(
    kind: type[SimulatedPulseGenerator],
) -> None:
    setup = Setup(kind)
    volts = "SOUR1:VOLT" if kind is SimulatedAgilent33500 else ":VOLT1"
    setup.send(*COMMANDS[kind][:2])
    setup.send(f"{volts}:LOW -1;HIGH 0;:OUTP1:POL INV", COMMANDS[kind][2])
    assert setup.ask("OUTP1:POL?;:SYST:ERR?") == f"INV;{NO_ERROR}"
    setup.clock.sleep(1.0)
    setup.send("*TRG;*WAI")
    assert setup.felt(-1.0) == pytest.approx([1e-4] * 3)
    assert setup.felt(0.0)[0] == pytest.approx(1.0)


def test_the_81160a_gives_one_cycle_a_trigger_without_a_burst() -> None:
    """81150A/81160A User's Guide, appendix 3.1: one waveform cycle on each trigger."""
    setup = Setup(SimulatedKeysight81160A)
    setup.send(*COMMANDS[SimulatedKeysight81160A], ":BURS1:STAT 0")
    setup.clock.sleep(1.0)
    setup.send("*TRG;*WAI", "*TRG")
    assert setup.ask("SYST:ERR?") == NO_ERROR
    setup.send("*TRG")  # still busy: the trigger is ignored
    assert setup.ask("SYST:ERR?") == '-211,"Trigger ignored"'
    setup.clock.sleep(1.0)
    assert setup.felt(1.0) == pytest.approx([1e-4] * 2)


def test_internal_triggers_repeat_the_burst() -> None:
    setup = Setup(SimulatedAgilent33500)
    setup.send(*COMMANDS[SimulatedAgilent33500])
    setup.send("SOUR1:BURS:NCYC 1;INT:PER 0.1;:TRIG1:SOUR IMM")
    setup.clock.sleep(0.95)
    assert setup.felt(1.0) == pytest.approx([1e-4] * 10)
    setup.send("TRIG1:TIM 0.5;SOUR TIM")
    setup.clock.sleep(0.95)
    assert setup.felt(1.0) == pytest.approx([1e-4] * 12)
    setup.send("TRIG1:SOUR EXT", "*TRG")
    assert setup.ask("SYST:ERR?") == '-211,"Trigger ignored"'


def test_a_delayed_and_an_endless_burst() -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send(*COMMANDS[SimulatedAgilent33250A], "TRIG:DEL 0.25")
    setup.send("*TRG;*WAI")
    assert setup.felt(0.0)[0] == pytest.approx(0.25)
    setup.send("BURS:NCYC INF;:TRIG:DEL 0;*TRG")
    assert setup.ask("BURS:NCYC?") == "+9.9000000000000E+37"
    setup.clock.sleep(1.0)
    assert len(setup.felt(1.0)) == 1003
    setup.send("OUTP 0")
    assert setup.wiring.voltage("gen/1") is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_burst_keeps_its_pulses_apart_however_long_one_looks_away(
    kind: type[SimulatedPulseGenerator],
) -> None:
    setup = Setup(kind)
    setup.send(*COMMANDS[kind], "*TRG")
    setup.clock.sleep(1e5)
    assert setup.felt(1.0) == pytest.approx([1e-4] * 3, rel=1e-6)


@pytest.mark.parametrize("width", [100e-9, 1e-6, 1e-4, 10e-3])
@pytest.mark.parametrize("ohm", [50.0, 1e9])
@pytest.mark.parametrize("kind", KINDS)
def test_three_pulses_of_any_width_into_any_load(
    kind: type[SimulatedPulseGenerator], ohm: float, width: float
) -> None:
    setup = Setup(kind, ohm)
    setup.send(*COMMANDS[kind])
    names = {
        SimulatedKeysight81160A: (":PULS:PER1", ":PULS:WIDT1"),
        SimulatedAgilent33500: ("FUNC:PULS:PER", "FUNC:PULS:WIDT"),
        SimulatedAgilent33250A: ("PULS:PER", "PULS:WIDT"),
        SimulatedAgilent33220A: ("PULS:PER", "FUNC:PULS:WIDT"),
    }[kind]
    setup.send(f"{names[0]} 30MS", f"{names[1]} {width * 1e9:.0f}NS", "*TRG;*WAI")
    assert setup.ask("SYST:ERR?") == NO_ERROR
    assert setup.felt(1.0 if ohm == 50.0 else 2.0) == pytest.approx([width] * 3, rel=1e-6)


def test_operation_complete_comes_with_the_end_of_the_burst() -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send(*COMMANDS[SimulatedAgilent33250A], "*CLS", "*TRG;*OPC")
    assert setup.clock.now() == 0.0
    assert setup.ask("*ESR?") == "0"
    setup.clock.sleep(1.0)
    assert setup.ask("*ESR?") == "1"
    setup.send("BURS:NCYC INF", "*TRG", "*OPC?")
    assert setup.generator.read(9) == (b"", False)  # that burst has no end


def test_a_burst_starts_and_rests_at_its_phase() -> None:
    """Agilent 33220A User's Guide: 0° is where a ramp crosses its offset upwards."""
    setup = Setup(SimulatedAgilent33250A)
    setup.send("FUNC RAMP;:VOLT 1;:BURS:STAT 1;NCYC 1;:TRIG:SOUR BUS;:OUTP 1")
    setup.clock.sleep(1.0)
    setup.send("*TRG;*WAI", "FUNC SIN;:BURS:PHAS 90", "*TRG;*WAI")
    setup.clock.sleep(1.0)
    setup.wiring.advance_all()
    volts = [volts for volts, _ in setup.load.history if volts is not None]
    assert volts[0] == 0.0
    assert volts[1] > 0.0
    assert volts[-1] == pytest.approx(0.5)


@pytest.mark.parametrize(("shape", "mean"), [("SIN", 0.5), ("RAMP", 0.5), ("SQU", 0.5)])
def test_other_shapes_keep_their_mean_and_bounds(shape: str, mean: float) -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send(COMMANDS[SimulatedAgilent33250A][0], f"FUNC {shape};:OUTP 1")
    setup.clock.sleep(0.1)
    setup.wiring.advance_all()
    history = [(v, t) for v, t in setup.load.history if v is not None]
    assert sum(v * t for v, t in history) / 0.1 == pytest.approx(mean, rel=1e-6)
    assert 0 <= min(v for v, _ in history) <= max(v for v, _ in history) <= 1.0 + 1e-9


def test_dc_and_noise_rest_at_the_offset() -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send("APPL:DC DEF,DEF,0.5")
    setup.clock.sleep(2.0)
    assert setup.felt(0.5) == pytest.approx([2.0])
    assert setup.wiring.warnings == []
    setup.send("FUNC NOIS")
    assert "not simulated" in setup.wiring.warnings[0]


@pytest.mark.parametrize("kind", KINDS)
def test_dc_reaches_the_full_level_and_a_swing_does_not(
    kind: type[SimulatedPulseGenerator],
) -> None:
    setup = Setup(kind)
    volts = "SOUR1:VOLT" if kind is SimulatedAgilent33500 else ":VOLT1"
    node = ":APPL1" if kind is SimulatedKeysight81160A else "APPL"
    setup.send(f"{node}:DC DEF,DEF,5")
    assert setup.ask("SYST:ERR?") == NO_ERROR
    setup.clock.sleep(1.0)
    assert setup.felt(5.0) == pytest.approx([1.0])
    setup.send("FUNC SQU")
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; offset changed on exit')
    left = 5.0 - kind.MODEL.reset_amplitude / 2 if kind.MODEL.adjusts else 5.0
    assert float(setup.ask(f"{volts}:OFFS?")) == pytest.approx(left)
    setup.send(f"{node}:SQU 1E3,1,0")
    assert setup.ask("SYST:ERR?") == NO_ERROR


def test_arbitrary_waveforms_are_played() -> None:
    setup = Setup(SimulatedKeysight81160A)
    setup.generator.write(b":DATA1:DAC VOLATILE,#14\x1f\xff\xe0\x01")  # 8191, -8191
    setup.send(
        ":FUNC1 USER;:FREQ1 1e3;:VOLT1 1;:VOLT1:OFFS 0;:ARM:SOUR1 MAN;:OUTP1 1;*TRG;*WAI"
    )
    assert setup.ask("SYST:ERR?") == NO_ERROR
    assert setup.felt(0.5) == pytest.approx([0.5e-3])
    assert setup.felt(-0.5) == pytest.approx([0.5e-3])


def test_conflicts_are_adjusted_by_the_33xxx_and_refused_by_the_81160a() -> None:
    adjusting, refusing = Setup(SimulatedAgilent33250A), Setup(SimulatedKeysight81160A)
    adjusting.send("FUNC PULS;:PULS:PER 50e-9")
    assert adjusting.ask("SYST:ERR?").startswith('-221,"Settings conflict; pulse width')
    width, edge = (float(adjusting.ask(f"PULS:{name}?")) for name in ("WIDT", "TRAN"))
    assert width + 1.6 * edge <= 50e-9 * (1 + 1e-9)
    refusing.send(":FUNC1 PULS;:PULS:WIDT1 500NS;:PULS:PER1 100NS")
    assert refusing.ask("SYST:ERR?").startswith('-221,"Settings conflict; pulse width')
    assert float(refusing.ask(":PULS:PER1?")) == pytest.approx(1e-6)
    for setup, volts in ((adjusting, "VOLT"), (refusing, ":VOLT1")):
        setup.send(f"{volts}:HIGH 1;LOW 0;HIGH -1")
        assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; high level')
        high, low = (float(setup.ask(f"{volts}:{name}?")) for name in ("HIGH", "LOW"))
        assert high > low
    assert high == pytest.approx(1.0)  # of the 81160A: unchanged


def test_a_level_at_the_end_of_the_range_takes_the_other_along() -> None:
    """Agilent 33500 Series guide, VOLTage subsystem."""
    setup = Setup(SimulatedAgilent33500)
    setup.send("VOLT:HIGH -5")
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; high level')
    assert setup.ask("SYST:ERR?") == NO_ERROR
    levels = [float(setup.ask(f"VOLT:{name}?")) for name in ("HIGH", "LOW")]
    assert levels == pytest.approx([-4.999, -5.0])
    setup.send("VOLT:LOW 5")
    levels = [float(setup.ask(f"VOLT:{name}?")) for name in ("HIGH", "LOW")]
    assert levels == pytest.approx([5.0, 4.999])


def test_a_width_of_zero_becomes_the_shortest_pulse_of_a_33220a() -> None:
    setup = Setup(SimulatedAgilent33220A)
    setup.send("FUNC:PULS:WIDT 0.000000")
    assert setup.ask("SYST:ERR?") == '-222,"Data out of range; value clipped to lower limit"'
    assert float(setup.ask("FUNC:PULS:WIDT?")) == pytest.approx(20e-9)


def test_voltage_limits_guard_the_levels_that_are_there() -> None:
    setup = Setup(SimulatedAgilent33500)
    setup.send("VOLT:HIGH 2;LOW 0;LIM:HIGH 1;STAT 1;STAT?")
    assert setup.generator.read(9)[0] == b"0\n"
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; levels are beyond')
    setup.send("VOLT:LIM:HIGH 3;LOW -1;STAT 1;HIGH 1")
    assert setup.ask("SYST:ERR?").startswith('-222,"Data out of range; value clipped to lower')
    assert float(setup.ask("VOLT:LIM:HIGH?")) == pytest.approx(2.0)
    setup.send("VOLT:HIGH 4;LOW -4")  # clipped to the limits, as its guide says
    for _ in range(2):
        assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; level clipped')
    assert float(setup.ask("VOLT:HIGH?")) == pytest.approx(2.0)
    assert float(setup.ask("VOLT:LOW?")) == pytest.approx(-1.0)


@pytest.mark.parametrize("kind", [SimulatedAgilent33250A, SimulatedAgilent33220A])
@pytest.mark.parametrize("command", ["VOLT:LIM:STAT 1", "FREQ:MODE CW"])
def test_what_came_with_the_33500_the_older_ones_do_not_know(
    kind: type[SimulatedPulseGenerator], command: str
) -> None:
    setup = Setup(kind)
    setup.send(command)
    assert setup.ask("SYST:ERR?") == '-113,"Undefined header"'


def test_the_bounds_of_amplitude_and_offset_depend_on_each_other() -> None:
    setup = Setup(SimulatedAgilent33250A)
    assert float(setup.ask("VOLT? MIN")) == pytest.approx(10e-3)
    assert float(setup.ask("VOLT? MAX")) == pytest.approx(10.0)
    setup.send("VOLT 20")
    assert setup.ask("SYST:ERR?") == '-222,"Data out of range; value clipped to upper limit"'
    assert float(setup.ask("VOLT?")) == pytest.approx(10.0)
    setup.send("VOLT 1;:VOLT:OFFS 4;:VOLT 8")
    assert setup.ask("SYST:ERR?").startswith('-222,"Data out of range; value clipped')
    assert float(setup.ask("VOLT?")) == pytest.approx(2.0)
    setup.send("OUTP:LOAD INF")
    assert float(setup.ask("VOLT:OFFS? MAX")) == pytest.approx(8.0)


def test_a_unit_behind_an_amplitude_counts_for_that_amplitude() -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send("VOLT 1 VRMS")  # of a sine
    assert float(setup.ask("VOLT?")) == pytest.approx(2 * math.sqrt(2))
    assert setup.ask("VOLT:UNIT?") == "VPP"
    setup.send("VOLT 0 DBM")
    assert float(setup.ask("VOLT?")) == pytest.approx(0.6325, rel=1e-3)
    setup.send("VOLT 500MVPP")
    assert float(setup.ask("VOLT?")) == pytest.approx(0.5)
    setup.send("APPL:SIN 1KHZ,100MVRMS,0")
    assert float(setup.ask("VOLT?")) == pytest.approx(0.1 * 2 * math.sqrt(2))
    setup.send("APPL:SQU 1KHZ,1VRMS,0")  # of a square, not of the sine before
    assert float(setup.ask("VOLT?")) == pytest.approx(2.0)
    assert setup.ask("SYST:ERR?") == NO_ERROR
    setup.send("OUTP:LOAD INF;:VOLT 0 DBM")
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; dBm')


@pytest.mark.parametrize("kind", KINDS)
def test_apply_sets_all_and_runs_free(kind: type[SimulatedPulseGenerator]) -> None:
    """Agilent 33500 Series guide: ``APPLy`` sets the trigger source to immediate."""
    setup = Setup(kind)
    volts = "SOUR1:VOLT" if kind is SimulatedAgilent33500 else ":VOLT1"
    node = ":APPL1" if kind is SimulatedKeysight81160A else "APPL"
    setup.send(*COMMANDS[kind], f"{volts}:HIGH 5;LOW 4")  # the old offset leaves no room
    setup.send(f"{node}:PULS 1E3,4,1")
    assert setup.ask("SYST:ERR?") == NO_ERROR
    setup.clock.sleep(0.1)
    assert setup.felt(3.0) == pytest.approx([1e-4] * 100, rel=1e-6)
    setup.send(f"{node}:PULS 1E3,4,4")
    assert setup.ask("SYST:ERR?").startswith('-222,"Data out of range')
    clipped = kind.MODEL.adjusts
    assert float(setup.ask(f"{volts}:OFFS?")) == pytest.approx(3.0 if clipped else 1.0)


def test_a_frequency_is_none_that_a_pulse_cannot_have() -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send("FUNC PULS;:FREQ 80MHZ")
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; frequency reduced')
    assert float(setup.ask("FREQ?")) == pytest.approx(50e6)


def test_a_burst_period_holds_the_whole_burst() -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send(*COMMANDS[SimulatedAgilent33250A], "TRIG:SOUR IMM;:BURS:INT:PER 1E-3")
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; burst period increased')
    assert float(setup.ask("BURS:INT:PER?")) == pytest.approx(3e-3)


def test_voltage_limits() -> None:
    setup = Setup(SimulatedKeysight81160A)
    setup.send(":VOLT1:LIM:HIGH 1;LOW -1;STAT 1;:VOLT1:HIGH 2;:OUTP1:LOAD 75")
    assert setup.ask("SYST:ERR?").startswith('-222,"Data out of range; beyond the voltage')
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; load cannot change')
    assert float(setup.ask(":VOLT1:HIGH?")) == pytest.approx(0.5)


def test_amplitude_units() -> None:
    setup = Setup(SimulatedAgilent33250A)
    setup.send("VOLT 2;:VOLT:UNIT VRMS")
    assert float(setup.ask("VOLT?")) == pytest.approx(1 / math.sqrt(2))
    setup.send("VOLT:UNIT DBM;:VOLT 0")  # 1 mW into 50 Ω is 632 mVpp
    setup.send("VOLT:UNIT VPP")
    assert float(setup.ask("VOLT?")) == pytest.approx(0.6325, rel=1e-3)
    setup.send("OUTP:LOAD INF;:VOLT:UNIT DBM")
    assert setup.ask("SYST:ERR?").startswith('-221,"Settings conflict; dBm')


def test_coupled_channels_and_absent_ones() -> None:
    setup = Setup(SimulatedKeysight81160A)
    setup.send(":TRAC:CHAN1 1;:PULS:PER1 5US")
    assert float(setup.ask(":PULS:PER2?")) == pytest.approx(5e-6)
    setup.send(":OUTP3 1")
    assert setup.ask("SYST:ERR?") == '-114,"Header suffix out of range"'


def survives(kind: type[SimulatedPulseGenerator], message: bytes) -> None:
    setup = Setup(kind)
    setup.generator.write(message)
    setup.clock.sleep(1e-6)
    setup.generator.write(b"*RST;*CLS")
    setup.generator.clear()
    assert setup.ask("*IDN?").startswith("Agilent Technologies,")


HEADERS = {
    kind: sorted(
        {
            command.pattern.replace("<n>", suffix).replace("[", "").replace("]", "")
            for command in kind.TREE.commands
            for suffix in ("", "1", "2", "3")
            if not command.pattern.startswith(("*OPC", "*WAI"))
        }
    )
    for kind in KINDS
}
VALUES = st.sampled_from(
    ["1", "0", "MIN", "MAX", "DEF", "INF", "1e-9", "100NS", "-3 V", "PULS", "SIN", "USER",
     "ARB", "ON", "BUS", "MAN", "IMM", "DBM", "INV", "VOLATILE", "#14\x00\x01\x00\x02", "x", "",
     "1e6"]
)  # fmt: skip
MESSAGES = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.lists(
            st.tuples(
                st.sampled_from(HEADERS[kind]), st.lists(VALUES, max_size=3).map(",".join)
            ).map(" ".join),
            max_size=8,
        ).map(lambda parts: ";:".join(parts).encode("latin-1")),
    )
)


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_no_settings_break_it(case: tuple[type[SimulatedPulseGenerator], bytes]) -> None:
    survives(*case)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(MESSAGES)
def test_no_settings_at_all_break_it(
    case: tuple[type[SimulatedPulseGenerator], bytes],
) -> None:
    survives(*case)

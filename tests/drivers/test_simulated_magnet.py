"""The simulated magnet: Kepco supply with a coil, and the LakeShore gaussmeter in it."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.kepco_bop import SimulatedKepcoBOP
from labsyn.drivers.simulated.lakeshore425 import SimulatedLakeShore425, format_number
from labsyn.drivers.simulated.lakeshore425_commands import LAKESHORE425_COMMANDS


def magnet(**options: Any) -> tuple[SimulatedKepcoBOP, Environment, VirtualClock]:
    clock = VirtualClock()
    surroundings = Environment()
    supply = SimulatedKepcoBOP(surroundings, clock, **{"noise": False, **options})
    return supply, surroundings, clock


def meter(**options: Any) -> tuple[SimulatedLakeShore425, Environment, VirtualClock]:
    clock = VirtualClock()
    surroundings = Environment()
    return (
        SimulatedLakeShore425(surroundings, clock, **{"noise": False, **options}),
        surroundings,
        clock,
    )


def ask(instrument: Any, message: str) -> str:
    instrument.write(message.encode())
    return str(instrument.read(1 << 20)[0].decode()).strip()


def start(supply: SimulatedKepcoBOP, amperes: float) -> None:
    supply.write(f"FUNC:MODE CURR;:VOLT 36;CURR {amperes};OUTP ON\n".encode())


def test_the_field_follows_the_clock_although_nobody_asks() -> None:
    supply, surroundings, clock = magnet(coil_constant=0.025, coil_time_constant=0.05)
    start(supply, 12)
    assert surroundings.field == 0.0
    clock.sleep(0.05)
    assert surroundings.field == pytest.approx(0.45 * -math.expm1(-1))  # 36 V on 2 Ω
    clock.sleep(5)
    assert surroundings.field == pytest.approx(0.3)
    supply.write(b"OUTP OFF")
    assert surroundings.field == pytest.approx(0.3)
    clock.sleep(0.1)
    assert surroundings.field == pytest.approx(0.3 * math.exp(-2))


def test_the_voltage_limit_sets_the_slew_rate() -> None:
    """L dI/dt = V - R I: with R = 2 Ω and L = 0.1 H, 10 A take τ ln(V / (V - 20 V))."""
    for volts in (36.0, 24.0):
        supply, _, clock = magnet(coil_resistance=2.0, coil_time_constant=0.05)
        supply.write(f"FUNC:MODE CURR;:VOLT {volts};CURR 10;OUTP ON".encode())
        needed = 0.05 * math.log(volts / (volts - 20))
        clock.sleep(0.99 * needed)
        assert supply.coil_current < 10
        assert supply.driven_voltage == volts
        clock.sleep(0.02 * needed)
        assert (supply.coil_current, supply.driven_voltage) == (10.0, 20.0)
        supply.write(b"CURR -10")
        assert supply.driven_voltage == -volts
        clock.sleep(0.05 * math.log((volts + 20) / (volts - 20)))
        assert supply.coil_current == pytest.approx(-10.0)


def test_a_lowered_current_limit_holds() -> None:
    supply, _, clock = magnet()
    supply.write(b"VOLT 20;CURR 12;OUTP ON")
    clock.sleep(5)
    assert supply.coil_current == pytest.approx(10.0)
    supply.write(b"CURR 4")
    clock.sleep(5)
    assert (supply.coil_current, supply.driven_voltage) == (4.0, 8.0)
    supply.write(b"VOLT -20")
    clock.sleep(5)
    assert supply.coil_current == -4.0


def test_polling_lets_time_pass() -> None:
    supply, surroundings, clock = magnet()
    gauss = SimulatedLakeShore425(surroundings, clock, noise=False)
    for instrument, query, enough in ((supply, "MEAS:CURR?", 4.0), (gauss, "RDGFIELD?", 1e3)):
        start(supply, 0.0)
        clock.sleep(5)
        start(supply, 4.0)
        begin = clock.now()
        polls = 0
        while float(ask(instrument, query)) < enough and polls < 1000:
            polls += 1
        assert 0 < polls < 100
        assert 0 < clock.now() - begin < 0.5


def test_two_magnets_and_a_set_field_add_up() -> None:
    supply, surroundings, clock = magnet()
    other = SimulatedKepcoBOP(surroundings, clock, coil_constant=-0.01)
    surroundings.field = 0.001
    for each in (supply, other):
        start(each, 2)
    clock.sleep(10)
    assert surroundings.field == pytest.approx(0.001 + 0.05 - 0.02)


def test_devices_are_advanced_before_and_told_after_each_command() -> None:
    seen: list[str] = []
    surroundings = Environment(lambda: seen.append("before"), lambda: seen.append("after"))
    supply = SimulatedKepcoBOP(surroundings, VirtualClock())
    seen.clear()
    supply.write(b"CURR 1")
    assert seen == ["before", "after"]
    surroundings.watch(lambda: seen.append("watcher"))
    supply.write(b"CURR 2;CURR?")
    assert seen[2:] == ["watcher", "before", "after"]


def test_the_other_setting_is_the_limit() -> None:
    supply, _, clock = magnet(coil_resistance=2.0)
    supply.write(b"FUNC:MODE CURR;:CURR -10;VOLT 6;OUTP 1")
    clock.sleep(1)
    assert float(ask(supply, "MEAS:CURR?")) == pytest.approx(-3.0)
    assert float(ask(supply, "MEAS:VOLT?")) == pytest.approx(-6.0)
    supply.write(b"FUNC:MODE VOLT;:VOLT 20;CURR 4")
    clock.sleep(1)
    assert float(ask(supply, "MEAS:CURR?")) == pytest.approx(4.0)
    supply.write(b"VOLT 5")
    clock.sleep(1)
    assert float(ask(supply, "MEAS:CURR?")) == pytest.approx(2.5)


def test_a_setting_beyond_the_range_is_refused_not_clipped() -> None:
    supply, _, _ = magnet()
    supply.write(b"CURR 5")
    supply.write(b"CURR 12.5")
    assert ask(supply, "SYST:ERR?") == '-222,"Data out of range"'
    assert ask(supply, "SYST:ERR?") == '0,"No error"'
    assert float(ask(supply, "CURRent?")) == 5.0
    supply.write(b"FUNC:MODE POW;VOLT 40;NONSENSE")
    codes = [ask(supply, "SYSTem:ERRor?").split(",")[0] for _ in range(4)]
    assert codes == ["-224", "-113", "-113", "0"]  # VOLT after FUNC:MODE is FUNC:VOLT


def test_what_the_supply_answers() -> None:
    supply, _, clock = magnet()
    assert ask(supply, "*IDN?").startswith("KEPCO,BOP 36-12,")
    assert ask(supply, "FUNCtion:MODE?;:OUTPut?") == "0;0"
    start(supply, -2.5)
    assert ask(supply, "FUNCtion:MODE?;:OUTPut?;:CURRent?") == "1;1;-2.5000E+00"
    assert ask(supply, "*OPC?") == "1"
    assert clock.now() == pytest.approx(0.5)  # ten time constants
    assert ask(supply, "DIAG:TST?;*TST?") == "0;0"
    assert ask(supply, "OUTP?") == "0"
    supply.write(b"*RST;SYST:BEEP")
    assert ask(supply, "CURR?;:SYST:ERR?") == '0.0000E+00;0,"No error"'


def test_readings_of_the_supply_are_noisy() -> None:
    supply, _, clock = magnet(noise=True)
    start(supply, 1)
    clock.sleep(10)
    seen = {float(ask(supply, "MEAS:CURR?")) for _ in range(20)}
    assert len(seen) > 10
    assert sum(seen) / len(seen) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coil_resistance": 0}, "a coil resistance of 0 must be positive"),
        ({"coil_time_constant": -1}, "a coil time constant of -1 must be positive"),
        ({"coil_constant": math.inf}, "a coil constant of inf T/A must be finite"),
    ],
)
def test_impossible_coils(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        magnet(**options)


@pytest.mark.parametrize(
    ("unit", "expected"), [(1, 123.0), (2, 0.0123), (3, 123.0), (4, 9788.03)]
)
def test_units_of_the_gaussmeter(unit: int, expected: float) -> None:
    """One gauss is 1e-4 T, one oersted in air, and 1000/4π A/m."""
    gauss, surroundings, _ = meter()
    surroundings.field = 0.0123
    gauss.write(f"UNIT {unit}\n".encode())
    assert float(ask(gauss, "RDGFIELD?")) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("band", "step"), [(1, 1.0), (2, 0.1)])
def test_the_resolution_is_that_of_the_range(band: int, step: float) -> None:
    gauss, surroundings, _ = meter()
    gauss.write(f"RANGE 3;RDGMODE 1,1,{band}".encode())
    surroundings.field = 0.01234567
    assert float(ask(gauss, "RDGFIELD?")) == pytest.approx(round(123.4567 / step) * step)


def test_overload_and_automatic_range() -> None:
    gauss, surroundings, _ = meter()
    surroundings.field = 0.3
    gauss.write(b"RANGE 2")
    assert ask(gauss, "RDGFIELD?") == "OL"
    gauss.write(b"AUTO")
    assert ask(gauss, "RDGFIELD?") == "+003.000E+03"
    assert (ask(gauss, "RANGE?"), ask(gauss, "AUTO?")) == ("3", "1")
    surroundings.field = 1e-4
    gauss.write(b"AUTO 1")
    assert float(ask(gauss, "RDGFIELD?")) == 1.0
    assert ask(gauss, "RANGE?") == "1"


def test_noise_scales_with_the_range_and_readings_come_ten_a_second() -> None:
    gauss, _, clock = meter(noise=True)
    gauss.write(b"RANGE 4;RDGMODE 1,0,1")
    seen = []
    for _ in range(200):
        clock.sleep(0.2)
        seen.append(float(ask(gauss, "RDGFIELD?")))
        assert ask(gauss, "RDGFIELD?") == format_number(seen[-1])
    mean = sum(seen) / 200
    width = math.sqrt(sum((value - mean) ** 2 for value in seen) / 199)
    assert 2.0 < width < 6.5  # 3.5 G of noise, resolved in steps of 10 G


def test_relative_maximum_zero_and_rms() -> None:
    gauss, surroundings, clock = meter()
    surroundings.field = -0.02
    assert float(ask(gauss, "RDGFIELD?")) == -200
    clock.sleep(1)
    surroundings.field = 0.01
    gauss.write(b"RELSP 40;REL 1")
    assert float(ask(gauss, "RDGREL?")) == 60
    assert float(ask(gauss, "RDGMX?")) == 200
    gauss.write(b"MXRST")
    assert float(ask(gauss, "RDGMX?")) == 100
    gauss.write(b"ZPROBE")
    assert float(ask(gauss, "RDGFIELD?")) == 0.0
    surroundings.field = 0.5
    gauss.write(b"RDGMODE 2,1,1")
    assert float(ask(gauss, "RDGFIELD?")) == 0.0  # a steady field has no rms reading
    assert ask(gauss, "RDGMODE?") == "2,1,1"


def test_alarm_and_relay() -> None:
    gauss, surroundings, clock = meter()
    gauss.write(b"ALARM 1,1,100,300,1,0,0;RELAY 2,2")
    seen = []
    for tesla in (0.02, -0.05, 0.001):
        surroundings.field = tesla
        clock.sleep(1)
        seen.append(ask(gauss, "RELAYST?"))
    assert seen == ["0", "1", "0"]  # only the low alarm is active at 10 G
    gauss.write(b"RELAY 2,1")
    assert ask(gauss, "RELAYST?") == "1"
    gauss.write(b"ALARM 1,2,-20,20,2,0,1;RELAY 2,3")
    assert ask(gauss, "RELAYST?") == "1"  # inside
    gauss.write(b"UNIT 2")
    assert ask(gauss, "ALARM?") == "1,2,-002.000E-03,+002.000E-03,2,0,1"
    gauss.write(b"DFLT 99;RELAY 1,1;*CLS;*OPC")
    assert [ask(gauss, q) for q in ("UNIT?", "RELAY?", "RELAYST?", "*ESR?")] == [
        "1", "1,1", "1", "1",
    ]  # fmt: skip
    gauss.write(b"ALARM 1,1,0,4e5,1,0,0")
    assert ask(gauss, "*ESR?") == "16"
    assert ask(gauss, "RDGMNMX?") == "+000.000E+00,+010.000E+00"


@pytest.mark.parametrize(
    ("message", "status"),
    [("RANGE 5", 16), ("RANGE", 32), ("UNIT x", 32), ("XX?", 32), ("RELSP 1e9", 16)],
)
def test_refusals_of_the_gaussmeter(message: str, status: int) -> None:
    gauss, _, _ = meter()
    assert ask(gauss, "*ESR?") == "128"
    gauss.write(message.encode())
    assert ask(gauss, "*ESR?") == str(status)


@given(st.floats(-1e5, 1e5))
def test_numbers_of_the_gaussmeter(value: float) -> None:
    text = format_number(value)
    assert len(text) == 12
    assert float(text) == pytest.approx(value, rel=5e-4, abs=1e-90)


_argument = st.one_of(
    st.integers(-3, 30).map(str), st.floats().map(str), st.sampled_from(["", " ", "ON", "MAX"])
)


def _message(headers: list[str]) -> st.SearchStrategy[bytes]:
    one = st.tuples(
        st.sampled_from([*headers, "XX", "?", ":", "*"]),
        st.sampled_from(["", " "]),
        st.lists(_argument, max_size=4).map(",".join),
    ).map("".join)
    return st.one_of(
        st.binary(max_size=60), st.lists(one, max_size=6).map(";".join).map(str.encode)
    )


_SUPPLY = _message(
    ["CURR", "CURR?", "VOLTage", "OUTP", "FUNC:MODE", "MEAS:CURR?", "*RST", "SYST:ERR?", "*WAI"]
)
_METER = _message(list(LAKESHORE425_COMMANDS))


def check_survival(supply_message: bytes, meter_message: bytes) -> None:
    supply, surroundings, clock = magnet()
    gauss = SimulatedLakeShore425(surroundings, clock)
    supply.write(supply_message)
    gauss.write(meter_message)
    clock.sleep(0.01)
    assert math.isfinite(surroundings.field)
    for instrument in (supply, gauss):
        instrument.status_byte()
        instrument.clear()
    assert ask(supply, "*IDN?").startswith("KEPCO,")
    assert ask(gauss, "*IDN?") == "LSCI,MODEL425,4250022,1.0"


@settings(max_examples=300, deadline=None)
@given(_SUPPLY, _METER)
def test_nothing_silences_supply_or_meter(supply: bytes, gauss: bytes) -> None:
    check_survival(supply, gauss)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(_SUPPLY, _METER)
def test_nothing_silences_supply_or_meter_at_length(supply: bytes, gauss: bytes) -> None:
    check_survival(supply, gauss)

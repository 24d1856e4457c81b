"""The simulated SR830 and SR860: their words, their filter, their noise, their overloads."""

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.sr830 import SENSITIVITIES, TIME_CONSTANTS, SimulatedSR830
from labsyn.drivers.simulated.sr860 import SimulatedSR860
from labsyn.drivers.simulated.srs import parse_statement
from labsyn.drivers.simulated.srs_lock_in import SRSLockIn
from labsyn.drivers.simulated.wiring import Wiring

RESISTANCE = 1e6


class Resistor:
    """A resistor, whose value may depend on the field."""

    terminals = ("top", "bottom")

    def __init__(self, ohms: float = RESISTANCE, sigma: float = 0.0) -> None:
        self.ohms, self.sigma = ohms, sigma
        self.rng = np.random.default_rng(1)

    def advance(self, voltages: Mapping[str, float | None], seconds: float) -> None:
        pass

    def currents(self, voltages: Mapping[str, float | None]) -> dict[str, float]:
        top, bottom = voltages.get("top"), voltages.get("bottom")
        flowing = 0.0 if top is None or bottom is None else (top - bottom) / self.ohms
        return {"top": flowing, "bottom": -flowing}

    def measured_currents(self, voltages: Mapping[str, float | None]) -> dict[str, float]:
        noise = self.sigma * float(self.rng.standard_normal())
        return {key: value + noise for key, value in self.currents(voltages).items()}


def make(
    kind: type[SRSLockIn] = SimulatedSR830, device: Resistor | None = None, **options: Any
) -> tuple[SRSLockIn, VirtualClock]:
    clock = VirtualClock()
    wiring = Wiring(clock)
    under_test = device or Resistor()
    wiring.connect("GPIB0::8::INSTR/sine", under_test, "top")
    wiring.ground(under_test, "bottom")
    unloaded = {"noise": False, "input_resistance": math.inf}
    return kind(wiring, clock, **{**unloaded, **options}), clock


def ask(instrument: SRSLockIn, message: str) -> str:
    instrument.write(message.encode())
    return instrument.read(1 << 20)[0].decode().strip()


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


@pytest.mark.parametrize(
    "message",
    ["OFLT8;SENS17", "OFLT 8;SENS 17", "oflt 8 ; sens17\n", "OFLT8\nSENS17.0\r\n"],
)
def test_blanks_and_case_do_not_matter(message: str) -> None:
    lock_in, _ = make()
    lock_in.write(message.encode())
    assert ask(lock_in, "OFLT?") == "8"
    assert ask(lock_in, "SENS ?") == "17"
    assert ask(lock_in, "*ESR?") == "128"  # power-on, nothing else


def test_both_spellings_of_indexed_commands() -> None:
    lock_in, _ = make()
    lock_in.write(b"AUXV1,1.000000;")
    assert ask(lock_in, "AUXV? 1") == ask(lock_in, "AUXV?1;") == "1.000"
    assert ask(lock_in, "DDEF ? 1") == ask(lock_in, "DDEF?1;") == "0,0"
    lock_in.write(b"OEXP 1,-12.5,2")
    assert ask(lock_in, "OEXP? 1") == "-12.50,2"


def test_who_they_are() -> None:
    assert ask(make()[0], "*IDN?") == "Stanford_Research_Systems,SR830,s/n12345,ver1.07"
    assert ask(make(SimulatedSR860)[0], "*IDN?").split(",")[1] == "SR860"


@pytest.mark.parametrize(
    ("message", "status"),
    [("XYZZ 1", 32), ("SENS", 32), ("SENS a", 32), ("SENS 27", 16), ("SENS 1.5", 16),
     ("SLVL 5.1", 16), ("OUTP? 5", 16), ("SNAP? 1", 32), ("FREQ 200000", 16),
     ("FMOD 0;FREQ 10", 16), ("TRCA? 1,0,5", 16), ("", 0)],
)  # fmt: skip
def test_refusals_set_the_status_byte_and_nothing_else(message: str, status: int) -> None:
    lock_in, _ = make()
    lock_in.write(b"*CLS")
    before = dict(lock_in.settings)
    lock_in.write(message.encode())
    assert lock_in.read(10) == (b"", False)
    assert ask(lock_in, "*ESR?") == str(status)
    assert ask(lock_in, "*ESR?") == "0"
    lock_in.write(b"FMOD 1")
    assert lock_in.settings == before


@pytest.mark.parametrize("kind", [SimulatedSR830, SimulatedSR860])
@pytest.mark.parametrize(("across", "ohms"), [("device", 250e3), ("reference", 250e3)])
def test_the_voltage_divider(kind: type[SRSLockIn], across: str, ohms: float) -> None:
    """Ohm's law is the oracle: the sine is shared by reference resistor and device."""
    lock_in, clock = make(kind, Resistor(ohms), input_across=across)
    lock_in.write(b"ICPL 1;SLVL 0.5")
    clock.sleep(10)
    share = ohms / (ohms + 1e6)
    first = 0 if kind is SimulatedSR860 else 1
    expected = 0.5 * (share if across == "device" else 1 - share)
    assert float(ask(lock_in, f"OUTP? {first}")) == pytest.approx(expected, rel=1e-5)
    assert numbers(ask(lock_in, f"SNAP? {first},{first + 1}")) == pytest.approx(
        [expected, 0.0], abs=1e-6
    )


@pytest.mark.parametrize("kind", [SimulatedSR830, SimulatedSR860])
@pytest.mark.parametrize("across", ["device", "reference"])
def test_the_input_loads_the_divider(kind: type[SRSLockIn], across: str) -> None:
    """10 MΩ in parallel with 2.5 MΩ are 2 MΩ: two thirds of the sine, not five sevenths."""
    lock_in, clock = make(kind, Resistor(2.5e6), input_across=across, input_resistance=10e6)
    lock_in.write(b"ICPL 1;SLVL 0.5")
    clock.sleep(10)
    first = 0 if kind is SimulatedSR860 else 1
    expected = 0.5 * (2 / 3 if across == "device" else 1 / 3)
    assert float(ask(lock_in, f"OUTP? {first}")) == pytest.approx(expected, rel=1e-5)


def test_the_current_input_loads_nothing() -> None:
    lock_in, clock = make(device=Resistor(2.5e6), input_resistance=10e6)
    lock_in.write(b"SENS 26;SLVL 0.5")
    lock_in.write(b"ISRC 2")
    clock.sleep(10)
    assert lock_in.signal.level() == pytest.approx(0.5 / 3.5e6)
    lock_in.write(b"ISRC 0")
    assert lock_in.signal.level() == pytest.approx(0.5 * 2 / 3)


@pytest.mark.parametrize("slope", [0, 1, 2, 3])
def test_the_filter_settles_as_its_stages_say(slope: int) -> None:
    """n equal RC stages: 1 − exp(−t/τ) Σ (t/τ)^k / k!, for k below n."""
    lock_in, clock = make(query_time=0.0)
    lock_in.write(f"OFLT 10;OFSL {slope};SLVL 0.004".encode())
    clock.sleep(100)
    lock_in.write(b"SLVL 1")
    for _ in range(3):
        clock.sleep(0.7)
    times = 2.1
    rest = math.exp(-times) * sum(times**k / math.factorial(k) for k in range(slope + 1))
    expected = 0.5 - (0.5 - 0.002) * rest
    assert float(ask(lock_in, "OUTP?1")) == pytest.approx(expected, rel=1e-5)


def test_the_phase_turns_x_into_y_and_aphs_turns_it_back() -> None:
    lock_in, clock = make()
    lock_in.write(b"ICPL 1;SLVL 1;PHAS 90")
    clock.sleep(10)
    assert numbers(ask(lock_in, "SNAP?1,2,3,4")) == pytest.approx([0, -0.5, 0.5, -90], abs=1e-5)
    lock_in.write(b"APHS")
    clock.sleep(10)
    assert ask(lock_in, "PHAS?") == "0.00"
    assert float(ask(lock_in, "OUTP?1")) == pytest.approx(0.5)
    lock_in.write(b"PHAS 541")
    assert ask(lock_in, "PHAS?") == "-179.00"


@pytest.mark.parametrize("kind", [SimulatedSR830, SimulatedSR860])
def test_noise_falls_with_the_square_root_of_the_time_constant(kind: type[SRSLockIn]) -> None:
    """Input noise density times root of the noise bandwidth 1/(8τ) (12 dB per octave)."""
    widths = []
    base = 6 if kind is SimulatedSR830 else 8  # 10 ms in either table
    for index in (base, base + 4):
        lock_in, clock = make(kind, noise=True, seed=3)
        lock_in.write(f"OFLT {index}".encode())
        tau = lock_in.signal.time_constant
        seen = []
        clock.sleep(100 * tau)
        lock_in.advance()
        for _ in range(3000):
            clock.sleep(10 * tau)
            lock_in.advance()
            seen.append(lock_in.signal.output.real)
        widths.append(statistics.stdev(seen))
        expected = kind.NOISE_DENSITY / math.sqrt(8 * tau)
        assert widths[-1] == pytest.approx(expected, rel=0.06)
    assert widths[0] / widths[1] == pytest.approx(10.0, rel=0.09)


def test_the_noise_of_the_device_is_seen_too() -> None:
    quiet: list[float] = []
    loud: list[float] = []
    for sigma, seen in ((0.0, quiet), (1e-9, loud)):
        lock_in, clock = make(device=Resistor(sigma=sigma), noise=True)
        clock.sleep(10.0)
        lock_in.advance()
        for _ in range(500):
            clock.sleep(2.0)
            lock_in.advance()
            seen.append(lock_in.signal.output.real)
    assert statistics.stdev(loud) > 100 * statistics.stdev(quiet)


def test_overloads_latch_until_they_are_read() -> None:
    lock_in, clock = make()
    lock_in.write(b"SLVL 1;SENS 20")  # 0.5 V on a scale of 10 mV
    clock.sleep(5)
    assert ask(lock_in, "OUTP?1") == "0.0109"  # saturated at 109 %
    lock_in.write(b"SENS 26")
    clock.sleep(5)
    assert ask(lock_in, "LIAS? 2") == "1"
    assert ask(lock_in, "LIAS? 2") == "0"
    assert ask(lock_in, "LIAS?") == "2"  # the filter had been beyond its reserve
    assert ask(lock_in, "LIAS?") == "0"
    lock_in.write(b"FMOD 0")
    clock.sleep(5)
    assert int(ask(lock_in, "LIAS?")) & 8  # no reference
    assert float(ask(lock_in, "OUTP?3")) == pytest.approx(0, abs=1e-6)


def test_the_sr860_saturates_with_its_input_range_only() -> None:
    lock_in, clock = make(SimulatedSR860)
    lock_in.write(b"SLVL 1;SCAL 6")
    clock.sleep(5)
    assert float(ask(lock_in, "OUTP? X")) == pytest.approx(0.5)
    assert ask(lock_in, "CUROVLDSTAT?") == "1"
    lock_in.write(b"IRNG 4")
    clock.sleep(5)
    assert float(ask(lock_in, "OUTP? X")) == pytest.approx(0.0109)
    assert ask(lock_in, "CUROVLDSTAT?") == "17"
    lock_in.write(b"ARNG;ASCL")
    assert (ask(lock_in, "IRNG?"), ask(lock_in, "SCAL?")) == ("0", "1")


def test_long_time_constants_need_a_low_frequency() -> None:
    lock_in, _ = make()
    lock_in.write(b"*CLS;OFLT 14")
    assert ask(lock_in, "*ESR?") == "16"
    lock_in.write(b"FREQ 200;OFLT 14")  # the low range is entered below 199.21 Hz
    assert ask(lock_in, "*ESR?;OFLT?") == "16"
    assert lock_in.read(9) == (b"8\n", True)
    lock_in.write(b"FREQ 100;OFLT 14;*CLS;FREQ 1000")
    assert ask(lock_in, "OFLT?") == "13"
    assert ask(lock_in, "LIAS?") == str(16 + 32)


def test_values_are_rounded_as_documented() -> None:
    lock_in, _ = make()
    lock_in.write(b"SLVL 0.1011;FREQ 1234.567")
    assert (ask(lock_in, "SLVL?"), ask(lock_in, "FREQ?")) == ("0.102", "1234.6")
    lock_in.write(b"FREQ 60000;HARM 5")
    assert ask(lock_in, "HARM?") == "1"  # 2 × 60 kHz is above 102 kHz


def test_harmonics_of_a_small_signal_are_zero() -> None:
    lock_in, clock = make()
    lock_in.write(b"SLVL 1;HARM 2")
    clock.sleep(10)
    assert float(ask(lock_in, "OUTP?3")) == pytest.approx(0.0, abs=1e-9)


def test_the_current_input_reads_ampere() -> None:
    lock_in, clock = make()
    lock_in.write(b"SLVL 1;ISRC 2")
    clock.sleep(10)
    assert float(ask(lock_in, "OUTP?1")) == pytest.approx(0.5e-6, rel=1e-5)


def test_automatic_gain_finds_the_smallest_scale() -> None:
    lock_in, clock = make()
    lock_in.write(b"SLVL 0.02")
    clock.sleep(10)
    lock_in.write(b"AGAN")
    assert SENSITIVITIES[int(ask(lock_in, "SENS?"))] == 0.01
    assert TIME_CONSTANTS[int(ask(lock_in, "OFLT?"))] == 0.1
    lock_in.write(b"AOFF 1")
    assert float(ask(lock_in, "OEXP?1").split(",")[0]) == pytest.approx(100, abs=0.1)


def test_offset_and_expand_of_an_sr830() -> None:
    """0.5 V on 1 V: 40 % off is displayed as 0.1 V (manual, page 2-10); R has its own."""
    lock_in, clock = make()
    lock_in.write(b"ICPL 1;SLVL 1;OEXP 1,40,1")
    clock.sleep(10)
    assert numbers(ask(lock_in, "SNAP?1,3,10")) == pytest.approx([0.1, 0.5, 0.1])
    assert ask(lock_in, "LIAS?") == "0"
    lock_in.write(b"OEXP 1,40,2")  # full scale of the display is 10 mV now
    clock.sleep(1)
    assert float(ask(lock_in, "OUTP?1")) == pytest.approx(0.0109)
    assert ask(lock_in, "LIAS?") == "4"
    lock_in.write(b"AOFF 1;AOFF 3")
    assert numbers(ask(lock_in, "SNAP?1,3")) == pytest.approx([0.0, 0.0], abs=1e-4)
    assert ask(lock_in, "OEXP?1") == "50.00,2"
    lock_in.write(b"AOFF 1")
    assert ask(lock_in, "OEXP?1") == "50.00,2"  # it is where it should be already
    assert float(ask(lock_in, "OUTP?4")) == 0.0


def test_ac_coupling_is_one_high_pass() -> None:
    """f/fc = 1/0.16: R falls by 1/sqrt(1 + (fc/f)²), the phase leads by atan(fc/f)."""
    lock_in, clock = make()
    lock_in.write(b"SLVL 1;FREQ 1")
    clock.sleep(10)
    r, theta = numbers(ask(lock_in, "SNAP?3,4"))
    assert r == pytest.approx(0.5 / math.hypot(1, 0.16), rel=1e-4)
    assert theta == pytest.approx(math.degrees(math.atan(0.16)), abs=1e-3)


def test_the_high_current_gain_ends_at_10_na() -> None:
    lock_in, _ = make()
    lock_in.write(b"SENS 20;ISRC 3")  # 10 nA
    assert ask(lock_in, "ISRC?") == "3"
    lock_in.write(b"SENS 21")
    assert ask(lock_in, "ISRC?") == "2"
    lock_in.write(b"SENS 20")
    assert ask(lock_in, "ISRC?") == "2"  # that does not select the gain


def test_setups_are_saved_and_recalled() -> None:
    lock_in, _ = make()
    lock_in.write(b"SLVL 0.1;SENS 20;AUXV 2,1.5;SSET 9;*RST;*CLS;RSET 9")
    assert [ask(lock_in, query) for query in ("SLVL?", "SENS?", "AUXV?2")] == [
        "0.100", "20", "1.500",
    ]  # fmt: skip
    lock_in.write(b"RSET 8")
    assert ask(lock_in, "*ESR?") == "16"  # never saved


def test_front_panel_and_interface_of_an_sr830() -> None:
    lock_in, _ = make()
    lock_in.write(b"*CLS;KCLK 0;ALRM 0;LOCL 2;*PSC 0;FPOP 2,1;OVRM 0")
    queries = ("KCLK?", "ALRM?", "LOCL?", "*PSC?", "FPOP? 2", "FPOP? 1", "OVRM?", "*ESR?")
    assert [ask(lock_in, query) for query in queries] == list("00201000")


@pytest.mark.parametrize(
    ("kind", "first"), [(SimulatedSR830, 1), (SimulatedSR860, 0)], ids=["sr830", "sr860"]
)
def test_auxiliary_outputs_hold_what_they_are_wired_to(
    kind: type[SRSLockIn], first: int
) -> None:
    class Witness(Resistor):
        seen: float | None = None

        def advance(self, voltages: Mapping[str, float | None], seconds: float) -> None:
            self.seen = voltages["top"]

    device, clock = Witness(), VirtualClock()
    wiring = Wiring(clock)
    wiring.connect("GPIB0::8::INSTR/aux1", device, "top")
    wiring.ground(device, "bottom")
    lock_in = kind(wiring, clock)
    seen = [device.seen]
    lock_in.write(f"AUXV {first},2.5".encode())
    seen.append(device.seen)
    lock_in.write(b"*RST")
    assert [*seen, device.seen] == [0.0, 2.5, 0.0]


def test_an_sr860_reads_units() -> None:
    lock_in, _ = make(SimulatedSR860)
    lock_in.write(b"*CLS;FREQ 12.34 kHz;SLVL 100 MV;SOFF -2V;PHAS 1 RAD;PSTF 2,3KHZ")
    assert ask(lock_in, "FREQ?;SLVL?;SOFF?;PSTF? 2") == "12340;0.1;-2;3000"
    assert float(ask(lock_in, "PHAS?")) == pytest.approx(math.degrees(1))
    lock_in.write(b"SLVL 3 V;FREQ 1 V")
    assert ask(lock_in, "*ESR?") == str(16 + 32)


@pytest.mark.parametrize("message", ["SLVL0.5", "SLVL ?", "OUTP?0", "PSTF2, 7"])
def test_an_sr860_wants_its_blanks(message: str) -> None:
    lock_in, _ = make(SimulatedSR860)
    lock_in.write(b"*CLS;" + message.encode())
    assert ask(lock_in, "*ESR?") == "32"


def test_answers_to_one_line() -> None:
    """An SR830 ends each answer with a line feed, an SR860 joins them by semicolons."""
    seen = []
    for kind in (SimulatedSR830, SimulatedSR860):
        lock_in, _ = make(kind)
        lock_in.write(b"HARM 2;HARM?;OFSL?\nHARM?\n")
        seen.append([lock_in.read(99) for _ in range(4)])
    two, one, nothing = (b"2\n", True), (b"1\n", True), (b"", False)
    assert seen == [[two, one, two, nothing], [(b"2;1\n", True), two, nothing, nothing]]


def test_analogue_outputs_of_an_sr860() -> None:
    lock_in, clock = make(SimulatedSR860)
    lock_in.write(b"ICPL DC;SLVL 1;COUT OCH2, RTH;CEXP R, X100;CRAT 1, ON;OAUT X")
    clock.sleep(10)
    lock_in.write(b"OAUT X;OVRM OFF")
    assert ask(lock_in, "COUT? 1;CEXP? 2;CRAT? Y;COFA? 0;COFP? X;OVRM?") == "1;2;1;1;50.00;0"
    assert float(ask(lock_in, "OUTP? X")) == pytest.approx(0.5)  # readings keep it
    lock_in.write(b"*CLS;COFP 3,1")
    assert ask(lock_in, "*ESR?") == "16"


def test_the_offset_of_an_sr860_is_not_in_the_small_signal() -> None:
    lock_in, clock = make(SimulatedSR860)
    lock_in.write(b"SLVL 0.1;SOFF 2")
    clock.sleep(10)
    assert float(ask(lock_in, "OUTP? 0")) == pytest.approx(0.05, rel=1e-6)


def test_auxiliary_voltages() -> None:
    lock_in, _ = make(aux_inputs={2: lambda: 1.23456})
    assert ask(lock_in, "OAUX?2") == "1.2347"  # a third of a millivolt resolved
    assert ask(lock_in, "OAUX?1") == "0.0000"
    assert numbers(ask(lock_in, "SNAP?6,9")) == pytest.approx([1.23467, 1000])


def test_the_buffer_takes_points_at_its_rate() -> None:
    lock_in, clock = make(query_time=0.0)
    lock_in.write(b"SLVL 0.004;OFLT 8;OFSL 0;SRAT 9;SEND 0")  # 32 Hz, τ = 100 ms
    clock.sleep(10)
    lock_in.write(b"SLVL 1;REST;STRT")
    clock.sleep(1.0)
    lock_in.write(b"PAUS")
    clock.sleep(1.0)
    assert ask(lock_in, "SPTS?") == "33"
    texts = ask(lock_in, "TRCA?1,0,33").removesuffix(",").split(",")
    times = np.arange(33) / 32
    expected = 0.5 - 0.498 * np.exp(-times / 0.1)
    assert [float(text) for text in texts] == pytest.approx(expected, rel=1e-5)
    lock_in.write(b"TRCB?1,0,33")
    raw = np.frombuffer(lock_in.read(1 << 20)[0], "<f4")
    assert raw == pytest.approx(expected, rel=1e-5)
    lock_in.write(b"TRCL?1,0,33")
    pairs = np.frombuffer(lock_in.read(1 << 20)[0], "<i2").reshape(-1, 2)
    assert pairs[:, 0] * 2.0 ** (pairs[:, 1] - 124.0) == pytest.approx(expected, rel=1e-4)
    lock_in.write(b"REST")
    assert ask(lock_in, "SPTS?") == "0"


@pytest.mark.parametrize(("end", "first", "stays"), [(0, 0, True), (1, 3617, False)])
def test_one_shot_ends_and_a_loop_goes_on(end: int, first: int, stays: bool) -> None:
    """20 000 points at 512 Hz into 16 383 places; the slow filter tells the time."""
    lock_in, clock = make(query_time=0.0)
    lock_in.write(f"FREQ 100;ICPL 1;OFSL 0;OFLT 14;SLVL 1;SRAT 13;SEND {end};STRT".encode())
    clock.sleep(19_999.5 / 512)
    assert ask(lock_in, "SPTS?") == "16383"
    assert bool(lock_in.status_byte() & 1) == stays  # nothing is being stored any more
    point = float(ask(lock_in, "TRCA?1,0,1").removesuffix(","))
    assert point == pytest.approx(-0.5 * math.expm1(-first / 512 / 100), abs=2e-6)


def test_triggered_points() -> None:
    lock_in, _ = make()
    lock_in.write(b"SRAT 14;STRT;TRIG;TRIG")
    lock_in.trigger()
    assert ask(lock_in, "SPTS?") == "3"
    assert ask(lock_in, "LIAS? 6") == "1"
    lock_in.write(b"REST;TSTR 1;TRIG")
    assert ask(lock_in, "SPTS?") == "1"


def test_the_capture_of_an_sr860() -> None:
    lock_in, clock = make(SimulatedSR860, query_time=0.0)
    lock_in.write(b"OFLT 10;OFSL 0;CAPTURELEN 2;CAPTURECFG 1;CAPTURERATE 2")
    rate = float(ask(lock_in, "CAPTURERATE?"))
    assert rate == float(ask(lock_in, "CAPTURERATEMAX?")) / 4
    lock_in.write(b"SLVL 1;CAPTURESTART ONE, IMM")
    clock.sleep(1.0)
    n = math.floor(rate) + 1
    assert int(ask(lock_in, "CAPTUREBYTES?")) == 8 * n
    assert ask(lock_in, "CAPTURESTAT?") == "3"
    lock_in.write(b"CAPTURESTOP;CAPTUREGET? 0, 2")
    raw, end = lock_in.read(1 << 20)
    assert end
    assert raw[:6] == b"#42048"
    values = np.frombuffer(raw[6:], "<f4").reshape(-1, 2)[:n]
    assert values[:, 0] == pytest.approx(0.5 * -np.expm1(-np.arange(n) / rate / 0.1), abs=1e-6)
    assert ask(lock_in, "CAPTUREPROG?") == "2"
    assert numbers(ask(lock_in, "CAPTUREVAL? 3")) == pytest.approx(values[3], abs=1e-6)
    lock_in.write(b"CAPTURESTART CONT, SAMP;*TRG;TRIG")
    assert ask(lock_in, "CAPTUREBYTES?") == "16"


def test_what_else_an_sr860_answers() -> None:
    lock_in, clock = make(SimulatedSR860, aux_inputs={1: lambda: 0.5})
    lock_in.write(b"SLVL 1;SOFF 0;AUXV 1,-2.5;PHAS 30;FREQ 1000")
    clock.sleep(10)
    assert numbers(ask(lock_in, "SNAP? OUT2,SAM,FI")) == [-2.5, 1.0, 1000.0]
    assert numbers(ask(lock_in, "SNAP? IN1,PHA"))[1] == 30.0
    assert float(ask(lock_in, "OAUX? 0")) == pytest.approx(0.5)
    assert (ask(lock_in, "ILVL?"), ask(lock_in, "FREQEXT?"), ask(lock_in, "TBSTAT?")) == (
        "2", "0", "1",
    )  # fmt: skip
    lock_in.write(b"APHS")
    assert float(ask(lock_in, "PHAS?")) == pytest.approx(0.0, abs=0.01)
    lock_in.write(b"*CLS;IVMD CURR;ICUR 1")
    clock.sleep(10)
    assert float(ask(lock_in, "OUTP? X")) == pytest.approx(1.09e-8)  # 100 MΩ: 10 nA
    lock_in.write(b"DCAP")
    assert ask(lock_in, "*ESR?") == "16"


@pytest.mark.parametrize(
    "message",
    ["CAPTUREGET? 0,2", "CAPTUREVAL? 0", "CAPTURESTART ONE,TRIG;CAPTURELEN 4",
     "CAPTURESTART ONE,IMM;CAPTURECFG 1", "CAPTURESTART ONE,IMM;CAPTUREPROG?"],
)  # fmt: skip
def test_a_capture_refuses_what_it_has_not(message: str) -> None:
    lock_in, _ = make(SimulatedSR860)
    lock_in.write(b"*CLS;" + message.encode())
    assert ask(lock_in, "*ESR?") == "16"
    assert (ask(lock_in, "CAPTURELEN?"), ask(lock_in, "CAPTURECFG?")) == ("256", "0")


def test_a_triggered_capture_waits_for_its_trigger() -> None:
    lock_in, clock = make(SimulatedSR860)
    lock_in.write(b"CAPTURESTART ONE,TRIG")
    clock.sleep(1)
    assert ask(lock_in, "CAPTUREBYTES?") == "0"
    lock_in.trigger()
    clock.sleep(1)
    assert int(ask(lock_in, "CAPTUREBYTES?")) > 1000


def test_a_continuous_capture_wraps() -> None:
    lock_in, clock = make(SimulatedSR860)
    lock_in.write(b"CAPTURELEN 2;CAPTURECFG 0;CAPTURESTART CONT,IMM")
    clock.sleep(1000)
    assert ask(lock_in, "CAPTURESTAT?") == "7"
    assert ask(lock_in, "CAPTUREBYTES?") == "2048"


def test_a_wrapped_capture_counts_from_its_oldest_sample() -> None:
    """X climbs all the while, so samples in the order of time are in the order of size."""
    lock_in, clock = make(SimulatedSR860, query_time=0.0)
    lock_in.write(b"OFLT 14;OFSL 0;CAPTURELEN 2;CAPTURECFG XY;CAPTURESTART CONT,IMM;SLVL 1")
    clock.sleep(1.5)
    lock_in.write(b"CAPTURESTOP")
    assert ask(lock_in, "CAPTURESTAT?") == "6"
    seen = [numbers(ask(lock_in, f"CAPTUREVAL? {index}"))[0] for index in range(256)]
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1]


def test_reset_and_power_on_differ() -> None:
    lock_in, _ = make()
    assert ask(lock_in, "SLVL?") == "0.004"
    lock_in.write(b"*RST")
    assert (ask(lock_in, "SLVL?"), ask(lock_in, "SENS?")) == ("1.000", "26")


def test_status_byte_and_enables() -> None:
    lock_in, _ = make()
    lock_in.write(b"*CLS;*ESE 32;*SRE 5,1;XYZZ")
    assert lock_in.status_byte() & 96 == 96
    assert ask(lock_in, "*ESE? 5") == "1"
    lock_in.write(b"*IDN?")
    assert lock_in.status_byte() & 16
    lock_in.clear()
    assert not lock_in.status_byte() & 16
    lock_in.write(b"*IDN?;" * 70)
    lock_in.clear()
    assert int(ask(lock_in, "*ESR?")) & 4


def test_a_change_of_the_field_starts_a_new_settling() -> None:
    device = Resistor()
    clock = VirtualClock()
    wiring = Wiring(clock)
    wiring.connect("GPIB0::8::INSTR/sine", device, "top")
    wiring.ground(device, "bottom")
    surroundings = Environment(wiring.advance_all, wiring.apply_all)
    lock_in = SimulatedSR830(
        wiring, clock, environment=surroundings, noise=False, query_time=0,
        input_resistance=math.inf,
    )  # fmt: skip
    lock_in.write(b"SLVL 1;OFSL 0")
    clock.sleep(10)
    surroundings.field = 0.1
    device.ohms = 3e6
    clock.sleep(0.1)
    assert float(ask(lock_in, "OUTP?1")) == pytest.approx(0.75 - 0.25 / math.e, rel=1e-5)


def test_switching_on_does_not_stress_the_device() -> None:
    class Witness(Resistor):
        worst = 0.0

        def advance(self, voltages: Mapping[str, float | None], seconds: float) -> None:
            self.worst = max(self.worst, abs(voltages["top"] or 0.0))

    device = Witness()
    make(device=device)
    assert device.worst == pytest.approx(0.002)  # 4 mV, shared with the reference


def test_what_cannot_be_wired() -> None:
    with pytest.raises(ConfigError, match="reference resistance of 0 Ω must be positive"):
        make(reference_resistance=0)
    with pytest.raises(
        ConfigError, match="across 'sample', it must be 'device' or 'reference'"
    ):
        make(input_across="sample")
    with pytest.raises(ConfigError, match="an input resistance of 0 Ω must be positive"):
        make(input_resistance=0.0)


_argument = st.one_of(
    st.integers(-3, 30).map(str),
    st.floats().map(str),
    st.sampled_from(["", " ", "X", "THETA", "1e999", "+", "--1", "1_0", "IMM", "ONE", "&d"]),
)


def _statements(kind: type[SRSLockIn]) -> st.SearchStrategy[bytes]:
    statement = st.tuples(
        st.sampled_from([*kind.COMMANDS, "XYZZ", "?", "*", ""]),
        st.sampled_from(["", " ", "  "]),
        st.lists(_argument, max_size=7).map(",".join),
    ).map("".join)
    return st.one_of(
        st.binary(max_size=60), st.lists(statement, max_size=6).map(";".join).map(str.encode)
    )


def check_survival(kind: type[SRSLockIn], message: bytes) -> None:
    lock_in, clock = make(kind)
    lock_in.write(message)
    clock.sleep(0.01)
    lock_in.status_byte()
    lock_in.clear()
    assert ask(lock_in, "*IDN?").startswith("Stanford_Research_Systems,")


@settings(max_examples=300, deadline=None)
@given(_statements(SimulatedSR830))
def test_nothing_silences_an_sr830(message: bytes) -> None:
    check_survival(SimulatedSR830, message)


@settings(max_examples=300, deadline=None)
@given(_statements(SimulatedSR860))
def test_nothing_silences_an_sr860(message: bytes) -> None:
    check_survival(SimulatedSR860, message)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(st.one_of(
    st.tuples(st.just(SimulatedSR830), _statements(SimulatedSR830)),
    st.tuples(st.just(SimulatedSR860), _statements(SimulatedSR860)),
))  # fmt: skip
def test_nothing_silences_either_at_length(case: tuple[type[SRSLockIn], bytes]) -> None:
    check_survival(*case)


@settings(max_examples=100)
@given(st.from_regex(r"[A-Z]Q[A-Z]{2} ?[0-9,]{0,9}", fullmatch=True))
def test_an_unknown_command_is_told_and_nothing_else_happens(message: str) -> None:
    lock_in, _ = make()
    lock_in.write(b"*CLS")
    lock_in.write(message.encode())
    assert lock_in.read(99) == (b"", False)
    assert ask(lock_in, "*ESR?") == "32"


def test_words_are_read_long_and_short() -> None:
    for text in ("OUTP? TH", "OUTP? theta", "OUTP?3"):
        assert parse_statement(text, SimulatedSR860.COMMANDS)[1] == (3,)

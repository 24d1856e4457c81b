"""The pulse generator and the selector of the simulated B1500A."""

import itertools
import math
from typing import Any

import pytest
from pymeasure.instruments.agilent import AgilentB1500

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.b1500a_selector import SelectorPort
from labsyn.drivers.simulated.b1500a_waveform import PulseShape, Waveform, pieces
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "GPIB0::17::INSTR"
MODULES = {1: "B1517A", 3: "B1525A"}


class Recorder:
    """A resistor that remembers volts times seconds."""

    terminals = ("a", "b")

    def __init__(self, ohms: float) -> None:
        self.ohms = ohms
        self.history: list[tuple[float, float]] = []

    def advance(self, voltages: Voltages, seconds: float) -> None:
        if seconds > 0:
            self.history.append((voltages["a"] or 0.0, seconds))

    def currents(self, voltages: Voltages) -> dict[str, float]:
        a, b = voltages["a"], voltages["b"]
        current = 0.0 if a is None or b is None else (a - b) / self.ohms
        return {"a": current, "b": -current}

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        return self.currents(voltages)

    @property
    def time_above(self) -> dict[float, float]:
        """Seconds at each voltage."""
        found: dict[float, float] = {}
        for volts, seconds in self.history:
            found[round(volts, 6)] = found.get(round(volts, 6), 0.0) + seconds
        return found


class Wire:
    def __init__(self, ohms: float = 1e6, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.wiring = Wiring(self.clock)
        self.device = Recorder(ohms)
        self.wiring.connect(f"{ADDRESS}/301", self.device, "a")
        self.wiring.ground(self.device, "b")
        self.instrument = SimulatedB1500A(self.wiring, self.clock, MODULES, noise=False)

    def ask(self, *messages: str) -> str:
        for message in messages:
            self.instrument.write(message.encode())
        return self.instrument.read(999)[0].decode().rstrip()

    def ok(self) -> None:
        assert self.ask("ERRX?") == '+0,"No Error."'


SETUP = ("SIM 0", "SPRM 1,4", "SPPER 1E-5", "SPM 301,1", "SPT 301,1,0,2E-6,2E-8",
         "SPV 301,1,0,1", "CN 301", "SPUPD 301")  # fmt: skip


TOGETHER = ("SER 301,1E6", *SETUP, "SPM 301,3", "SPV 301,1,0,30", "SPV 301,2,0,30",
            "SPT 301,2,0,2E-6,2E-8")  # fmt: skip


def test_pulses_reach_the_device_for_their_width() -> None:
    wire = Wire()
    wire.ask("SER 301,1E6", *SETUP, "SRP")
    wire.ok()
    assert wire.ask("SPST?") == "0"
    assert wire.clock.now() == pytest.approx(4e-5)
    wire.wiring.advance_all()
    seconds = wire.device.time_above
    assert seconds[1.0] == pytest.approx(4 * 2e-6)
    assert seconds[0.0] == pytest.approx(4 * 8e-6)


def test_the_initial_load_doubles_the_voltage_at_an_open_device() -> None:
    wire = Wire()
    wire.ask(*SETUP, "SRP")
    wire.wiring.advance_all()
    assert max(wire.device.time_above) == pytest.approx(2.0, rel=1e-3)
    matched = Wire(ohms=50.0)
    matched.ask(*SETUP, "SRP")
    matched.wiring.advance_all()
    assert max(matched.device.time_above) == pytest.approx(1.0, rel=1e-6)


def test_queries() -> None:
    wire = Wire()
    assert wire.ask("SPRM?") == "0,0"
    wire.ask("SPRM 2,0.001", "SPT 302,2,1E-6,1E-5,1E-7,2E-7", "SPV 302,0,0.5", "STGP 301,1")
    assert wire.ask("SPRM?") == "2,0.001"
    assert wire.ask("SPV? 302,0") == "0.500,0.000"
    numbers = [float(part) for part in wire.ask("SPT? 302,2").split(",")]
    assert numbers == pytest.approx([1e-6, 1e-5, 1e-7, 2e-7])
    assert float(wire.ask("SER? 302")) == 50
    assert wire.ask("STGP? 302") == "1"  # shared by the module
    assert wire.ask("SPM? 3") == wire.ask("SPM? 301") == "1"
    assert wire.ask("SIM?") == "0"
    assert float(wire.ask("SPPER?")) == 1e-6
    wire.ask("CN 302")
    assert wire.ask("*LRN? 0") == "CN302"
    assert wire.ask("*LRN? 3") == "CL301;CN302"
    volts, ohms = wire.ask("CN 301", "SPV 301,1,1,1", "CORRSER? 301,1,0,1E-3,2").split(",")
    assert float(volts) == pytest.approx(2.0, rel=1e-3)
    assert float(ohms) == pytest.approx(1e6, rel=1e-3)
    assert float(wire.ask("SER? 301")) == pytest.approx(1e6, rel=1e-3)
    wire.ok()


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (("SPRM 1",), 120),
        (("SPRM 1,1.5",), 120),
        (("SPRM 2,0",), 120),
        (("SPPER 0.000000",), 120),
        (("SPV 301,1,0,21",), 120),  # 42 V behind 50 Ω into 50 Ω
        (("SER 301,1E6", "SPV 301,1,0,39", "SER 301,50"), 120),
        (("SPM 401,1",), 120),
        (("SPUPD 301",), 200),
        (("CORRSER? 301,0,0,0.001,1",), 200),
        (("SIM 1", "SRP"), 120),
        (("CN 301", "SPPER 1E-7", "SPT 301,1,0,1E-6,2E-8", "SRP"), 120),
        (("ODSW 301,1,0,1E-6",), 120),
        (("ERSSP 0,1",), 120),
        (("SPV 301,1,0,40",), 120),  # 80 V behind 50 Ω into 50 Ω
        ((*TOGETHER, "SRP"), 120),  # 60 V where both pulses are on
    ],
)
def test_refusals(messages: tuple[str, ...], code: int) -> None:
    wire = Wire()
    wire.ask(*messages)
    assert wire.ask("ERRX? 1") == f"{code:+d}"


def test_three_levels_and_dc() -> None:
    wire = Wire()
    wire.ask("SER 301,1E6", *SETUP, "SPM 301,3", "SPT 301,2,5E-6,1E-6,2E-8", "SPV 301,2,0,-2")
    wire.ask("SPRM 1,1", "SRP")
    wire.ok()
    wire.wiring.advance_all()
    seconds = wire.device.time_above
    assert seconds[1.0] == pytest.approx(2e-6)
    assert seconds[-2.0] == pytest.approx(1e-6)
    wire.ask("SPM 301,0", "SPV 301,0,0.3", "SPUPD 301")
    assert wire.wiring.current(f"{ADDRESS}/301") == pytest.approx(0.3e-6, rel=1e-4)


def test_the_pulse_switch_opens_the_output() -> None:
    wire = Wire()
    wire.ask("SER 301,1E6", *SETUP, "ODSW 301,1,0,1E-6,4E-6", "SPV 301,1,0.5,1", "SRP")
    wire.ok()
    assert wire.instrument.outputs()[3] is None  # normally open
    wire.ask("ODSW 301,1,1", "SPUPD 301")
    assert wire.instrument.outputs()[3] == pytest.approx(0.5, rel=1e-3)
    assert wire.ask("ODSW? 301").startswith("1,1,1.0")


def test_free_running_pulses_go_on_while_the_instrument_waits() -> None:
    wire = Wire()
    wire.ask("SER 301,1E6", *SETUP, "SPRM 0", "SRP")
    assert wire.ask("SPST?") == "1"
    wire.ask("PA 0.0001")
    wire.wiring.advance_all()
    assert wire.device.time_above[1.0] == pytest.approx(10 * 2e-6)
    wire.clock.sleep(1.0)
    wire.ask("SPP")
    assert wire.ask("SPST?") == "0"
    assert "ran free while 1 s passed outside" in wire.wiring.warnings[-1]


def test_free_running_pulses_go_on_by_themselves_on_a_timeline() -> None:
    wire = Wire(clock=Timeline())
    wire.ask("SER 301,1E6", *SETUP, "SPRM 0", "SRP")
    wire.clock.sleep(1e-4)
    wire.ask("CL 301")
    assert wire.ask("SPST?") == "0"
    assert wire.device.time_above[1.0] == pytest.approx(10 * 2e-6, rel=0.11)
    assert not wire.wiring.warnings


@pytest.mark.parametrize("ending", ["*RST", "IN 301", "CL 301", "CL", "SPP", "SPRM 0", "SIM 0"])
def test_what_ends_a_free_running_train_ends_it_for_good(ending: str) -> None:
    wire = Wire(clock=Timeline())
    wire.ask("SER 301,1E6", *SETUP, "SPRM 0", "SRP")
    wire.clock.sleep(1e-5)
    wire.ask(ending)
    assert wire.ask("SPST?") == "0"
    wire.wiring.advance_all()
    wire.device.history.clear()
    wire.clock.sleep(1e-4)
    wire.wiring.advance_all()
    assert set(wire.device.time_above) == {0.0}
    switched_off = ending in ("*RST", "CL 301", "CL")
    assert (wire.instrument.outputs()[3] is None) == switched_off


@pytest.mark.parametrize("message", ["CL 1", "CL 302", "*TST? 1"])
def test_other_outputs_that_open_leave_the_train_alone(message: str) -> None:
    wire = Wire(clock=Timeline())
    wire.ask("SER 301,1E6", *SETUP, "SPRM 0", "SRP", message)
    assert wire.ask("BC", "SPST?") == "1"


def test_zero_holds_while_the_train_goes_on_and_ends_with_restore() -> None:
    wire = Wire(clock=Timeline())
    wire.ask("SER 301,1E6", *SETUP, "SPRM 0", "SRP", "DZ 301")
    wire.clock.sleep(1e-4)
    wire.wiring.advance_all()
    assert set(wire.device.time_above) == {0.0}
    assert wire.ask("SPST?") == "1"
    wire.ask("RZ 301")
    wire.clock.sleep(1e-4)
    wire.wiring.advance_all()
    assert wire.device.time_above[1.0] == pytest.approx(10 * 2e-6, rel=0.11)


def test_a_second_start_begins_anew() -> None:
    wire = Wire(clock=Timeline())
    wire.ask("SER 301,1E6", *SETUP, "SPRM 0", "SRP")
    wire.clock.sleep(1.5e-6)
    wire.ask("SRP")
    wire.clock.sleep(1e-4)
    wire.ask("SPP")
    wire.clock.sleep(1e-4)
    wire.wiring.advance_all()
    assert wire.device.time_above[1.0] == pytest.approx(1.5e-6 + 10 * 2e-6, rel=1e-2)


def test_cnx_switches_on_too() -> None:
    wire = Wire()
    assert wire.ask("CNX 301,1", "*LRN? 0") == "CN1,301"
    wire.ok()


def test_nothing_runs_where_no_output_is_on() -> None:
    wire = Wire(clock=Timeline())
    for operation in ("SPRM 0", "SPRM 1,4"):
        wire.ask(*SETUP, operation, "CL 301", "SRP")
        assert wire.ask("SPST?") == "0"
    assert wire.clock.now() == 0
    wire.ok()


def test_forty_volts_reach_an_open_output() -> None:
    wire = Wire()
    wire.ask("SER 301,1E6", *SETUP, "SPV 301,1,-40,40", "SRP")
    wire.ok()
    wire.wiring.advance_all()
    assert wire.device.time_above[40.0] == pytest.approx(4 * 2e-6)
    wire.ask(*TOGETHER, "SPT 301,2,5E-6,2E-6,2E-8", "SRP")  # one after the other
    wire.ok()


@pytest.mark.parametrize("operation", ["SPRM 1,1000000", "SPRM 2,31556926", "SPRM 0"])
def test_a_long_train_keeps_its_times_in_few_steps(operation: str) -> None:
    wire = Wire(clock=Timeline())
    wire.ask("SER 301,1E6", *SETUP, operation, "SRP")
    if operation == "SPRM 0":
        wire.clock.sleep(100.0)
        wire.ask("SPP")
    wire.wiring.advance_all()
    seconds = wire.clock.now()
    assert seconds == pytest.approx({"0": 100, "1": 10}.get(operation[5], 31556926))
    assert wire.device.time_above[1.0] == pytest.approx(0.2 * seconds, rel=2e-3)
    assert len(wire.device.history) < 100_000


def test_a_pulse_of_a_hundred_nanoseconds_has_its_area_and_its_delay() -> None:
    wire = Wire()
    wire.ask("SER 301,1E6", *SETUP, "SPRM 1,1", "SPPER 1E-6", "SPT 301,1,2E-7,1E-7,2E-8", "SRP")
    wire.ok()
    wire.wiring.advance_all()
    assert wire.clock.now() == pytest.approx(1e-6)
    assert sum(volts * seconds for volts, seconds in wire.device.history) == pytest.approx(1e-7)
    before = itertools.takewhile(lambda step: step[0] == 0, wire.device.history)
    assert sum(seconds for _, seconds in before) == pytest.approx(2e-7)


@pytest.mark.parametrize("width", [1e-2, 2e-3])
def test_pulses_of_the_generator_and_of_an_smu_do_the_same_to_a_synapse(width: float) -> None:
    """Of the same voltage, width and period; made for 1 MΩ, they are 5e-5 high at 10 MΩ."""
    states = []
    for channel, messages in (
        (301, ("SER 301,1E6", f"SPPER {5 * width}", "SPRM 1,20", "SPV 301,1,0,-1.5",
               f"SPT 301,1,0,{width},2E-8", "CN 301", "SRP")),
        (1, ("CN 1", "MM 3,1", f"PT 0,{width},{5 * width}", "PV 1,0,0,-1.5,1E-3",
             *20 * ["XE"])),
    ):  # fmt: skip
        clock = Timeline()
        wiring = Wiring(clock)
        device = LixCoO2.ideal(x=0.0, g_min=1e-8, g_max=1e-7)
        wiring.connect(f"{ADDRESS}/{channel}", device, "top")
        wiring.ground(device, "bottom")
        instrument = SimulatedB1500A(wiring, clock, MODULES, noise=False)
        for message in (*messages, "ERRX? 1"):
            instrument.write(message.encode())
        assert instrument.read(99)[0] == b"+0\r\n"
        wiring.advance_all()
        assert clock.now() == pytest.approx(100 * width)
        states.append(device.x)
    assert states[0] > 0.1
    assert states[0] == pytest.approx(states[1], rel=1e-3)


def test_a_slow_edge_is_a_staircase_of_the_same_area() -> None:
    shape = PulseShape(delay=1e-6, width=4e-6, leading=2e-6, trailing=1e-6)
    waveform = Waveform(load=1e6, shapes={1: shape}, voltages={1: (0.0, 1.0)})
    area = sum(
        (waveform.volts((begin + end) / 2) or 0.0) * (end - begin)
        for begin, end in pieces([waveform], 1e-5)
    )
    assert area == pytest.approx(4e-6 * waveform.gain)


def test_the_selector_lets_one_unit_through() -> None:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = Recorder(1e6)
    wiring.ground(device, "b")
    port = SelectorPort(device, "a", smu=1, pgu=301)
    instrument = SimulatedB1500A(wiring, clock, MODULES, noise=False, selector={0: port})

    def ask(message: str) -> str:
        instrument.write(message.encode())
        return instrument.read(99)[0].decode().rstrip()

    ask("ERMOD 1;CN 1;DV 1,0,1,1E-3;CN 301;SER 301,1E6;SPV 301,1,0.5,1;SPUPD 301")
    assert ask("ERMOD?") == "1"
    assert wiring.current(f"{ADDRESS}/1") == 0
    for state, amperes in ((1, 1e-6), (2, 0.5e-6)):
        ask(f"ERSSP 0,{state}")
        source = f"{ADDRESS}/{1 if state == 1 else 301}"
        assert wiring.current(source) == pytest.approx(amperes, rel=1e-3)
    ask("ERSSP 0,3")
    assert ask("ERSSP? 0") == "3"
    assert wiring.current(f"{ADDRESS}/301") == 0
    assert ask("ERRX? 1") == "+0"


@pytest.mark.parametrize(
    ("ports", "match"),
    [
        ({7: {}}, "selector port 7, ports are 0 to 3"),
        ({0: {"smu": 5}}, r"selector port 0 has smu 5, free for it are 0, 1 \(0 for none\)"),
        ({0: {"pgu": 3}}, "selector port 0 has pgu 3, free for it are 0, 301, 302"),
        ({0: {"smu": 1}, 1: {"smu": 1}}, "selector port 1 has smu 1, free for it are 0 "),
    ],
)
def test_ports_that_cannot_be(ports: dict[int, dict[str, int]], match: str) -> None:
    wire = Wire()
    selector = {n: SelectorPort(wire.device, "a", **kinds) for n, kinds in ports.items()}
    with pytest.raises(ConfigError, match=match):
        SimulatedB1500A(wire.wiring, wire.clock, MODULES, selector=selector)


def test_a_channel_that_is_wired_beside_the_selector_is_told() -> None:
    wire = Wire()
    selector = {0: SelectorPort(wire.device, "a", pgu=301)}
    instrument = SimulatedB1500A(wire.wiring, wire.clock, MODULES, selector=selector)
    instrument.write(b"ERMOD 1;ERSSP 0,2")
    assert "selector port 0: GPIB0::17::INSTR/301 is connected" in wire.wiring.warnings[-1]


def pymeasure(wire: Wire) -> Any:
    bench = SimulatedBench({ADDRESS: wire.instrument}, wire.wiring, wire.clock)
    b1500 = AgilentB1500(ADDRESS, visa_library=LabsynVisaLibrary.for_bench(bench))
    b1500.initialize_all_spgus()
    return b1500


def test_the_driver_of_pymeasure_runs_unmodified() -> None:
    wire = Wire()
    b1500 = pymeasure(wire)
    spgu = b1500.spgus[3]
    spgu.operation_mode = 0
    spgu.period = 1e-3
    spgu.set_output_mode("COUNT", 5)
    assert spgu.get_output_mode() == (1, 5.0)
    channel = spgu.ch1
    channel.load_impedance = 1e6
    channel.output_mode = 1
    channel.set_pulse_timings(width=1e-4, rise_time=2e-8)
    channel.set_output_voltage(1, 0, 1.5)
    assert channel.get_output_voltage(1) == (0.0, 1.5)
    assert channel.get_pulse_timings(1) == pytest.approx((0, 1e-4, 2e-8, 2e-8))
    channel.enabled = True
    channel.apply_setup()
    spgu.output = True
    b1500.check_errors()
    assert spgu.complete
    wire.wiring.advance_all()
    assert wire.device.time_above[1.5] == pytest.approx(5e-4)
    b1500.io_control_mode = 1
    assert b1500.io_control_mode == 1
    b1500.adapter.close()


def test_its_defects_show() -> None:
    """A period of 100 ns goes out as 0.000000, a duration of 1 ms as 0: both are refused."""
    b1500 = pymeasure(Wire())
    b1500.spgus[3].period = 1e-7
    with pytest.raises(OSError, match="120"):
        b1500.check_errors()
    b1500.spgus[3].set_output_mode("DURATION", 1e-3)
    with pytest.raises(OSError, match="120"):
        b1500.check_errors()
    b1500.adapter.close()


def test_shapes_that_never_rise_are_told() -> None:
    assert not Waveform(shapes={1: PulseShape(width=1e-8, leading=1e-7)}).fits(1.0)
    assert Waveform().fits(1e-6)
    assert math.isclose(Waveform().gain, 2.0)

"""The simulated 3706A on the wire: channels, wiring, multimeter, buffers, scans, status."""

from pathlib import Path

import pytest
import pyvisa
from pyvisa.resources import GPIBInstrument

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.keithley3706a import SimulatedKeithley3706A
from labsyn.drivers.simulated.wiring import Wiring

SMU = "GPIB0::17::INSTR/1"
OVERFLOW = "9.900000000e+37"


class Resistor:
    """40 kΩ between ``top`` and ``bottom``."""

    terminals = ("top", "bottom")
    resistance = 40e3

    def advance(self, voltages: Voltages, seconds: float) -> None:
        """Stay as it is."""

    def currents(self, voltages: Voltages) -> dict[str, float]:
        top, bottom = voltages["top"], voltages["bottom"]
        flows = 0.0 if top is None or bottom is None else (top - bottom) / self.resistance
        return {"top": flows, "bottom": -flows}

    measured_currents = currents


class Wire:
    """A 3706A, and a resistor whose ``bottom`` is ground or floats.

    Row 1 of the matrix is an SMU, row 2 another one, rows 5 and 6 are HI and LO of the
    multimeter; columns 1 and 2 lead to ``top`` and ``bottom``.
    """

    def __init__(self, cards: dict[int, str] | None = None, *, ground: bool = True) -> None:
        self.clock = VirtualClock()
        self.wiring = Wiring(self.clock)
        self.device = Resistor()
        if ground:
            self.wiring.ground(self.device, "bottom")
        rows = {1: SMU, 2: "other", 5: "dmm", 6: "dmm-low"}
        paths = {
            f"1{row}0{column}": (source, self.device, terminal)
            for row, source in rows.items()
            for column, terminal in ((1, "top"), (2, "bottom"))
        }
        self.instrument = SimulatedKeithley3706A(
            self.wiring, self.clock, cards or {1: "3730", 3: "3720"}, paths
        )

    def write(self, *messages: str) -> None:
        for message in messages:
            self.instrument.write(message.encode() + b"\n")

    def ask(self, message: str) -> str:
        """Return the answer to one message, an empty text if there is none."""
        self.write(message)
        return self.instrument.read(1 << 20)[0].decode().rstrip("\n")

    def number(self, expression: str) -> float:
        return float(self.ask(f"print({expression})"))

    def error(self) -> str:
        """Return code and text of the only error."""
        code, text, *_ = self.ask("print(errorqueue.next())").split("\t")
        assert self.number("errorqueue.count") == 0
        return f"{float(code):.0f} {text}"

    def ok(self) -> None:
        assert self.error() == "0 Queue Is Empty"

    def closed(self, channels: str = "allslots") -> str:
        return self.ask(f"print(channel.getclose('{channels}'))")


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_identity_and_star_commands(wire: Wire) -> None:
    idn = "KEITHLEY INSTRUMENTS INC.,MODEL 3706A-SNFP,04447336,01.56a"
    assert wire.ask("*IDN?") == wire.ask(" *idn? \r") == idn
    assert wire.ask("*OPC?") == "1"
    assert wire.ask("*TST?") == "0"
    wire.write("*CLS", "*WAI", "*TRG", "*OPC", "*ESE 1", "*SRE 32", "")
    assert wire.ask("*ESE?") == "1"
    assert wire.ask("*SRE?") == "32"
    assert int(wire.ask("*STB?")) == 32 + 64
    assert wire.ask("*ESR?") == "1"
    assert wire.ask("*ESR?") == "0"
    wire.ok()


@pytest.mark.parametrize("message", ["*FOO", "*IDN? 3", "*ESE", "*"])
def test_unknown_star_commands(wire: Wire, message: str) -> None:
    assert wire.ask(message) == ""
    assert wire.error() == f"-113 Undefined header, {message}"


def test_slots(wire: Wire) -> None:
    assert wire.ask("print(slot[1].idn)") == "3730,6x16 High Density Matrix,01.40h,4447332"
    assert wire.ask("print(slot[2].idn)") == "Empty Slot"
    assert wire.ask("print(slot[3].idn)").startswith("3720,Dual 1x30 Multiplexer,")
    assert wire.number("slot[1].rows.matrix") == 6
    assert wire.number("slot[1].columns.matrix") == 16
    assert wire.ask("print(slot[3].matrix, slot[2].rows.matrix, slot[7])") == "nil\tnil\tnil"
    assert wire.ask("print(slot[2].interlock.state)") == "nil"
    assert wire.number("slot[1].interlock.state") == 1


def test_the_multimeter_of_a_bench_file(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text("""
        ground = ["bottom"]
        [instruments.switch]
        driver = "Keithley3706A"
        resource = "GPIB0::16::INSTR"
        paths = { 1501 = ["switch/dmm", "top"], 1602 = ["switch/dmm-low", "bottom"] }
        [simulation]
        device = "lixcoo2"
    """)
    manager = pyvisa.ResourceManager(f"{file}@labsyn")
    switch = manager.open_resource("GPIB0::16::INSTR")
    assert isinstance(switch, GPIBInstrument)
    switch.write("dmm.func = 'twowireohms' dmm.range = 1e7 channel.close('1501,1911')")
    assert 1e4 < float(switch.query("print(dmm.measure())")) < 1e6
    manager.close()


def test_what_cannot_be_built() -> None:
    clock = VirtualClock()
    wiring, device = Wiring(clock), Resistor()
    with pytest.raises(ConfigError, match="has slots 1 to 6, not 7"):
        SimulatedKeithley3706A(wiring, clock, {7: "3730"})
    with pytest.raises(ConfigError, match="cannot simulate card '3799', known are 3720"):
        SimulatedKeithley3706A(wiring, clock, {1: "3799"})
    with pytest.raises(ConfigError, match="there is no channel '1701' for a path to 'top'"):
        SimulatedKeithley3706A(wiring, clock, paths={"1701": (SMU, device, "top")})
    with pytest.raises(ConfigError, match="leads to terminal 'gate'; Resistor has top, bottom"):
        SimulatedKeithley3706A(wiring, clock, paths={"1101": (SMU, device, "gate")})


def test_close_adds_and_open_opens(wire: Wire) -> None:
    assert wire.closed() == "nil"
    wire.write("channel.close('1101, 1203')", "channel.close('1911;1102')")
    assert wire.closed() == "1101;1102;1203;1911"
    assert wire.closed("1101:1116") == "1101;1102"
    wire.write("channel.open('1102,1911')")
    assert wire.closed("slot1") == "1101;1203"
    wire.write("channel.open('allslots')")
    assert wire.closed() == "nil"
    wire.ok()


@pytest.mark.parametrize(
    ("channels", "reason"),
    [
        ("slot1", "slot1 not allowed here"),
        ("allslots", "allslots not allowed here"),
        ("1101,1717", "channel 1717 does not exist"),
        ("1101,2101", "channel 2101 does not exist"),
        ("1101,", "empty item in channel list"),
        ("", "empty item in channel list"),
        ("1101:3005", "invalid range 1101:3005"),
        ("1116:1101", "invalid range 1116:1101"),
        ("1101:1911", "invalid range 1101:1911"),
        ("1921", "channel 1921 does not exist"),  # the matrix has one bank
        ("nonsense", "channel nonsense does not exist"),
    ],
)
def test_what_cannot_be_closed(wire: Wire, channels: str, reason: str) -> None:
    wire.write(f"channel.close('{channels}')")
    assert wire.error() == f"1115 Parameter error, {reason}"
    assert wire.closed() == "nil"


def test_forbidden_channels_close_nothing_of_the_list(wire: Wire) -> None:
    assert wire.ask("print(channel.getforbidden('allslots'))") == ""
    wire.write("channel.setforbidden('1105,1103,1913')")
    assert wire.ask("print(channel.getforbidden('slot1'))") == "1103,1105,1913"
    for call in ("close", "exclusiveclose", "exclusiveslotclose"):
        wire.write(f"channel.{call}('1101,1103')")
        assert (
            wire.error() == "1114 Settings conflict error, channel 1103 is forbidden to close"
        )
    assert wire.closed() == "nil"
    wire.write("channel.clearforbidden('1103')", "channel.close('1101,1103')")
    assert wire.closed() == "1101;1103"
    wire.ok()


def test_exclusive_close(wire: Wire) -> None:
    wire.write("channel.close('1101,1102,3005')", "channel.exclusiveclose('1102,1103')")
    assert wire.closed() == "1102;1103"
    wire.write("channel.close('3005')", "channel.exclusiveslotclose('1104')")
    assert wire.closed() == "1104;3005"
    wire.write("channel.exclusiveclose('')")
    assert wire.closed() == "nil"
    wire.write("channel.exclusiveclose('')")  # nothing is closed: no error
    wire.ok()


def test_backplane_relays_move_with_their_channel(wire: Wire) -> None:
    wire.write("channel.setbackplane('1101,1102', '1914, 1913')")
    assert wire.ask("print(channel.getbackplane('1101,1102,1103'))") == "1913,1914;1913,1914;"
    wire.write("channel.close('1102')")
    assert wire.closed() == "1102;1913;1914"
    assert wire.ask("print(channel.getimage('1102'))") == "1102,1913,1914"
    wire.write("channel.open('1102')")
    assert wire.closed() == "nil"
    wire.write("channel.setbackplane('1101', '1102')")
    assert wire.error() == "1115 Parameter error, 1102 is no analog backplane relay"
    assert wire.ask("print(channel.getbackplane('1911'))") == "nil"
    assert "backplane relay 1911 not allowed here" in wire.error()


def test_four_poles_pair_the_banks_of_a_multiplexer(wire: Wire) -> None:
    wire.write("channel.setpole('3001', 4)", "channel.setbackplane('3001', '3911,3922')")
    assert wire.ask("print(channel.getpole('3001,3002'))") == "4,2"
    wire.write("channel.close('3001')")
    assert wire.closed() == "3001(3031);3911;3922"
    wire.write("channel.close('3031')")
    assert "channel 3031 is paired for four poles" in wire.error()
    wire.write("channel.open('3001')", "channel.setpole('3001', 2)")
    assert wire.ask("print(channel.getimage('3001'))") == "3001"  # the backplane is cleared
    wire.write("channel.setpole('1101', 4)")
    assert "poles 4 not supported by every channel" in wire.error()


def test_delays_settling_and_connect_rule_take_their_time(wire: Wire) -> None:
    wire.write("channel.setdelay('1101,1102', 0.25)")
    assert wire.ask("print(channel.getdelay('1101,1103'))") == "2.500000000e-01,0.000000000e+00"
    start = wire.clock.now()
    wire.write("channel.close('1101')")
    assert wire.clock.now() - start == pytest.approx(0.254)
    assert wire.number("channel.connectrule") == wire.number("channel.BREAK_BEFORE_MAKE") == 1
    times = []
    for rule in ("BREAK_BEFORE_MAKE", "MAKE_BEFORE_BREAK", "OFF"):
        wire.write(f"channel.connectrule = channel.{rule}", "channel.exclusiveclose('1201')")
        start = wire.clock.now()
        wire.write("channel.exclusiveclose('1202')")
        times.append(wire.clock.now() - start)
    assert times == pytest.approx([0.008, 0.008, 0.004])
    wire.write("channel.connectrule = 3")
    assert wire.error() == "-222 Parameter data out of range, connectrule must be 0 to 2"
    wire.write("delay(2.5)")
    assert wire.clock.now() - start == pytest.approx(2.504)


def test_break_before_make_never_holds_two_devices() -> None:
    wire, other = Wire(), Resistor()
    paths = {"1101": (SMU, wire.device, "top"), "1102": (SMU, other, "top")}
    wire.instrument = SimulatedKeithley3706A(wire.wiring, wire.clock, {1: "3730"}, paths)
    wire.write("channel.exclusiveclose('1101')", "channel.exclusiveclose('1102')")
    assert wire.wiring.warnings == []
    wire.write("channel.connectrule = channel.MAKE_BEFORE_BREAK",
               "channel.exclusiveclose('1101')")  # fmt: skip
    assert wire.wiring.warnings == [
        f"relays 1102, 1101 lead {SMU} to several devices; simulated is that of 1102 alone"
    ]


def test_one_row_on_two_columns_ties_the_terminals_together() -> None:
    wire = Wire(ground=False)
    wire.write("channel.close('1201')")
    wire.wiring.drive("other", 0.0)
    wire.wiring.drive(SMU, 1.0)
    wire.write("channel.close('1102')")
    alone = wire.wiring.current(SMU)
    assert alone > 0
    wire.write("channel.close('1101')", "channel.open('1201')")
    assert wire.wiring.current(SMU) == pytest.approx(0, abs=1e-15)
    wire.write("channel.open('1101')", "channel.close('1201')")
    assert wire.wiring.current(SMU) == pytest.approx(alone)


def test_states_and_counts(wire: Wire) -> None:
    wire.write(*["channel.close('1101')", "channel.open('1101')"] * 3, "channel.close('1102')")
    assert wire.ask("print(channel.getstate('1101,1102'))") == "0,1"
    assert wire.ask("print(channel.getcount('1101,1102,1103'))") == "3,1,0"


def test_labels_and_patterns(wire: Wire) -> None:
    wire.write("channel.setlabel('1101', 'start')", "channel.close('start,1103')")
    assert wire.closed() == "1101;1103"
    assert wire.ask("print(channel.getlabel('1101,1102'))") == "start,1102"
    wire.write("channel.setlabel('1102', 'start')")
    assert "label already used: start" in wire.error()
    wire.write("channel.pattern.snapshot('both')", "channel.open('allslots')")
    wire.write("channel.close('both')")
    assert wire.closed("both") == "1101;1103"
    assert wire.ask("print(channel.pattern.getimage('both'))") == "1101,1103"
    wire.write("channel.pattern.setimage('1104', '1path')")
    assert "invalid pattern name 1path" in wire.error()
    wire.write("channel.setforbidden('1103')")  # which deletes patterns with it
    assert wire.ask("print(channel.pattern.getimage('both'))") == "nil"
    assert "channel pattern does not exist" in wire.error()
    wire.write("channel.pattern.setimage('1104', 'one')", "channel.pattern.delete('one')")
    wire.write("channel.setlabel('1101', '')", "channel.close('start')")
    assert "channel start does not exist" in wire.error()


def test_channel_reset(wire: Wire) -> None:
    wire.write("channel.setdelay('1101', 1)", "channel.setbackplane('1101', '1911')",
               "channel.setforbidden('1102')", "channel.setlabel('1101', 'a')",
               "channel.close('1101,1201')", "channel.reset('1101:1116')")  # fmt: skip
    assert wire.closed() == "1201"
    assert wire.ask("print(channel.getimage('1101'))") == "1101"
    assert wire.ask("print(channel.getforbidden('allslots'))") == ""
    assert wire.number("channel.getdelay('1101')") == 0
    wire.write("reset()")
    assert wire.closed() == "nil"
    wire.ok()


def test_relays_reach_the_device(wire: Wire) -> None:
    wire.wiring.drive(SMU, 0.1)
    assert wire.wiring.current(SMU) == 0
    wire.wiring.drive(SMU, 0.0)
    wire.write("channel.close('1101')")
    wire.wiring.drive(SMU, 0.1)
    assert wire.wiring.current(SMU) == pytest.approx(2.5e-6)
    wire.wiring.drive(SMU, 0.0)
    wire.write("channel.open('1101')")
    wire.wiring.drive(SMU, 0.1)
    assert wire.wiring.current(SMU) == 0
    assert wire.wiring.warnings == []


def test_hot_switching_is_noted(wire: Wire) -> None:
    wire.wiring.drive(SMU, 0.5)
    wire.write("channel.close('1101')")
    wire.write("channel.close('1101')")  # it does not move
    wire.write("reset()")
    assert (
        wire.wiring.warnings
        == [f"relay 1101 moved while {SMU} drives 0.5 V (hot switching)"] * 2
    )


def test_a_stuck_relay_stays_and_tells_the_truth(wire: Wire) -> None:
    wire.instrument.stuck.update({"1101", "1102"})
    wire.write("channel.close('1101,1103')")
    assert wire.closed() == "1103"
    wire.instrument.stuck.clear()
    wire.write("channel.close('1101')")
    wire.wiring.drive(SMU, 0.1)
    wire.instrument.stuck.add("1101")
    wire.write("channel.open('allslots')")
    assert wire.closed() == "1101"
    assert wire.wiring.current(SMU) == pytest.approx(2.5e-6)
    wire.ok()


def test_two_rows_on_one_column_and_a_grounded_column(wire: Wire) -> None:
    wire.write("channel.close('1101,1201')")
    wire.wiring.drive(SMU, 0.1)
    wire.wiring.drive("other", 0.2)
    assert "drives terminal 'top', which" in wire.wiring.warnings[0]
    wire.wiring.release("other")
    wire.wiring.release(SMU)
    wire.write("channel.open('slot1')", "channel.close('1102')")
    assert "relay 1102: terminal 'bottom' is tied to ground" in wire.wiring.warnings[-1]
    wire.write("channel.open('1102')")
    wire.ok()


def test_ohms_of_the_device(wire: Wire) -> None:
    wire.write("dmm.func = dmm.TWO_WIRE_OHMS")
    assert wire.ask("print(dmm.measure())") == OVERFLOW  # nothing connected
    wire.write("channel.close('1501')")
    assert wire.ask("print(dmm.measure())") == OVERFLOW  # not on the measure bus
    wire.write("channel.close('1911')")
    assert wire.number("dmm.measure()") == pytest.approx(40e3, rel=1e-3)
    assert wire.number("dmm.range") == 1e5
    wire.write("dmm.range = 1000")
    assert wire.number("dmm.autorange") == 0
    assert wire.ask("print(dmm.measure())") == OVERFLOW
    wire.write("dmm.range = 30000")
    assert wire.number("dmm.range") == 1e5
    assert wire.number("dmm.measure()") == pytest.approx(40e3, rel=1e-3)
    wire.write("dmm.connect = dmm.CONNECT_NONE")
    assert wire.ask("print(dmm.measure())") == OVERFLOW
    assert wire.wiring.warnings == []


def test_ohms_that_rise_with_the_test_current_find_their_range(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def currents(device: Resistor, voltages: Voltages) -> dict[str, float]:
        volts = (voltages["top"] or 0.0) - (voltages["bottom"] or 0.0)
        flows = volts / (99e3 + 49.5e3 * abs(volts))
        return {"top": flows, "bottom": -flows}

    monkeypatch.setattr(Resistor, "currents", currents)
    wire.write("dmm.func = 'twowireohms'", "channel.close('1501,1911')")
    assert wire.number("dmm.measure()") == pytest.approx(196e3, rel=1e-2)  # with 10 µA
    assert wire.number("dmm.range") == 1e6


def test_ohms_between_two_terminals() -> None:
    wire = Wire(ground=False)
    wire.write("dmm.func = 'twowireohms'", "channel.close('1501,1911')")
    assert wire.ask("print(dmm.measure())") == OVERFLOW  # the other end floats
    wire.write("channel.close('1602')")
    assert wire.number("dmm.measure()") == pytest.approx(40e3, rel=1e-3)
    wire.write("dmm.func = 'fourwireohms'", "channel.close('1912')")
    wire.write("dmm.drycircuit = 1", "dmm.range = 1e4")
    assert wire.ask("print(dmm.measure())") == OVERFLOW  # 20 mV do not drive 100 µA
    wire.ok()


def test_four_wire_ohms_need_the_sense_wires(wire: Wire) -> None:
    wire.write("dmm.func = 'fourwireohms'", "channel.close('1501,1911')")
    assert wire.ask("print(dmm.measure())") == OVERFLOW
    wire.write("channel.close('1912')")
    assert wire.number("dmm.measure()") == pytest.approx(40e3, rel=1e-3)


def test_volts(wire: Wire) -> None:
    assert wire.ask("print(dmm.func)") == "dcvolts"
    assert wire.number("dmm.measure()") == pytest.approx(0, abs=1e-6)
    wire.write("channel.close('1101,1501,1911')")
    assert wire.number("dmm.measure()") == pytest.approx(0, abs=1e-6)  # the SMU is off
    wire.wiring.drive(SMU, 0.125)
    assert wire.number("dmm.measure()") == pytest.approx(0.125, abs=1e-5)
    assert wire.wiring.voltage(SMU) == 0.125  # the reading loads nothing
    wire.write("dmm.range = 0.1")
    assert wire.ask("print(dmm.measure())") == OVERFLOW
    assert wire.wiring.warnings == []


def test_volts_of_a_terminal_that_is_driven_without_a_relay(wire: Wire) -> None:
    wire.wiring.connect("wired", wire.device, "top")
    wire.wiring.drive("wired", 0.5, series_resistance=40e3)
    wire.write("channel.close('1501,1911')")
    assert wire.number("dmm.measure()") == pytest.approx(0.25, abs=1e-5)
    assert wire.wiring.warnings == []  # the meter only looks


def test_volts_of_a_floating_terminal() -> None:
    wire = Wire(ground=False)
    wire.write("channel.close('1102,1501,1911')")
    wire.wiring.drive(SMU, 0.2)
    assert wire.number("dmm.measure()") == pytest.approx(0.2, abs=1e-5)
    wire.write("channel.close('1602')")  # LO on the terminal that the SMU drives
    assert wire.number("dmm.measure()") == pytest.approx(0.0, abs=1e-5)
    wire.ok()


def test_the_meter_on_a_grounded_terminal(wire: Wire) -> None:
    wire.write("channel.close('1502,1911')")
    assert wire.number("dmm.measure()") == pytest.approx(0, abs=1e-6)
    wire.write("dmm.func = 'twowireohms'")
    assert wire.number("dmm.measure()") == pytest.approx(0, abs=1e-3)
    wire.ok()


@pytest.mark.parametrize("function", ["accurrent", "dccurrent", "acvolts", "frequency"])
def test_functions_without_a_signal_read_zero(wire: Wire, function: str) -> None:
    wire.write(f"dmm.func = '{function}'")
    assert wire.number("dmm.measure()") == pytest.approx(0, abs=1e-3)


def test_an_open_thermocouple_overflows(wire: Wire) -> None:
    wire.write("dmm.func = dmm.TEMPERATURE")
    assert wire.ask("print(dmm.measure())") == OVERFLOW


def test_settings_are_kept_for_each_function(wire: Wire) -> None:
    wire.write("dmm.nplc = 5", "dmm.func = 'twowireohms'", "dmm.nplc = 0.5")
    assert wire.number("dmm.aperture") == pytest.approx(0.5 / 60)
    wire.write("dmm.func = 'dcvolts'")
    assert wire.number("dmm.nplc") == 5
    wire.write("dmm.aperture = 1/60", "dmm.autozero = dmm.OFF", "dmm.autodelay = 0")
    start = wire.clock.now()
    wire.write("dmm.measure()")
    assert wire.clock.now() - start == pytest.approx(1 / 60)
    wire.write("dmm.filter.count = 4", "dmm.filter.enable = dmm.ON", "dmm.linesync = 1")
    start = wire.clock.now()
    wire.write("dmm.measure()")
    assert wire.clock.now() - start == pytest.approx(4 / 60, abs=1 / 60)
    wire.ok()


@pytest.mark.parametrize(
    ("function", "lacking"),
    [
        ("dcvolts", "drycircuit offsetcompensation"),
        ("twowireohms", "drycircuit offsetcompensation"),
        ("fourwireohms", ""),
        ("frequency", "nplc range autorange drycircuit"),
        ("temperature", "range autorange offsetcompensation"),
        ("continuity", "nplc aperture range rel.enable rel.level"),
    ],
)
def test_settings_that_a_function_does_not_have(
    wire: Wire, function: str, lacking: str
) -> None:
    wire.write(f"dmm.func = '{function}'")
    for name in lacking.split():
        assert wire.ask(f"print(dmm.{name})") == "nil"
        wire.write(f"dmm.{name} = 1")
        shown = name.replace(".", "_")
        assert (
            wire.error() == f"1114 Settings conflict error, no {shown} with function {function}"
        )
    assert wire.number("dmm.filter.count") == 10


def test_ranges_go_to_their_full_scale(wire: Wire) -> None:
    assert wire.number("dmm.range") == 303  # after power-on
    wire.write("dmm.range = 302", "channel.close('1101,1501,1911')")
    wire.wiring.drive(SMU, 302.0)
    assert wire.number("dmm.measure()") == pytest.approx(302, rel=1e-3)
    wire.wiring.drive(SMU, 304.0)
    assert wire.ask("print(dmm.measure())") == OVERFLOW
    wire.write("dmm.func = 'frequency'", "dmm.aperture = 0.2")
    assert wire.number("dmm.aperture") == pytest.approx(0.2)
    wire.write("dmm.aperture = 0.001")
    assert wire.error() == "-222 Parameter data out of range, aperture must be 0.01 to 0.273"


def test_relative_readings(wire: Wire) -> None:
    wire.write("channel.close('1101,1501,1911')")
    wire.wiring.drive(SMU, 0.5)
    assert wire.number("dmm.rel.acquire()") == pytest.approx(0.5, abs=1e-5)
    wire.write("dmm.rel.enable = 1")
    assert wire.number("dmm.measure()") == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("dmm.func = 'volts'", "1115 Parameter error, function volts not supported"),
        ("dmm.func = 3", "-104 Data type error, function must be a string"),
        ("dmm.range = 304", "-222 Parameter data out of range, range must be 0 to 303"),
        ("dmm.nplc = 16", "-222 Parameter data out of range, nplc must be 0.0005 to 15"),
        ("dmm.nplc = '1'", "-104 Data type error, nplc must be a number"),
        ("dmm.autozero = 0.5",
         "-222 Parameter data out of range, autozero must be a whole number"),
        ("dmm.measurecount = 0",
         "-222 Parameter data out of range, measurecount must be 1 to 450000"),
        ("dmm.connect = 2", "1115 Parameter error, connect must be 0, 1, 3, 4, 5 or 7"),
        ("dmm.nosuch = 1", "1115 Parameter error, cannot assign to dmm.nosuch"),
        ("dmm.close('1501')",
         "1114 Settings conflict error, channel 1501 has no dmm configuration"),
        ("dmm.close('1501,1502')", "1115 Parameter error, dmm.close takes one channel"),
        ("dmm.setconfig('1501', 'mine')",
         "1115 Parameter error, configuration mine does not exist"),
        ("dmm.configure.set('dcvolts')",
         "1115 Parameter error, invalid configuration name dcvolts"),
        ("dmm.configure.delete('mine')", "1115 Parameter error, configuration does not exist"),
        ("dmm.makebuffer(0)",
         "1114 Settings conflict error, reading buffer size must be 1 to 650000"),
        ("dmm.measure(3)", "1114 Settings conflict error, not a reading buffer"),
        ("printbuffer(1, 2)",
         "1114 Settings conflict error, printbuffer takes two numbers and reading buffers"),
        ("printbuffer(1, 2, {})", "1114 Settings conflict error, not a reading buffer"),
        ("channel.setdelay('1101', -1)",
         "-222 Parameter data out of range, delay must be 0 to 60"),
        ("channel.close(1101)", "-104 Data type error, channel list must be a string"),
        ("channel.open('slot2')", "1115 Parameter error, slot 2 is empty"),
        ("channel.open(string.rep('1101,', 3000))",
         "1115 Parameter error, channel list longer than 10000 characters"),
        ("channel.setlabel('1101', 'not a label')",
         "1115 Parameter error, invalid label not a label"),
        ("for i = 1, 105 do scan.add('1101:1616') end",
         "1114 Settings conflict error, scan list longer than 10000 steps"),
        ("scan.execute()", "1114 Settings conflict error, scan list is empty"),
        ("setup.recall('x')", "1114 Settings conflict error, setup x was not saved"),
        ("for i = 1, 500 do setup.save('s' .. i) end",
         "1114 Settings conflict error, no memory left for setups"),
        ("for i = 1, 501 do channel.pattern.setimage('1101', 'p' .. i) end",
         "1114 Settings conflict error, no memory left for patterns"),
        ("for i = 1, 501 do dmm.configure.set('c' .. i) end",
         "1114 Settings conflict error, no memory left for configurations"),
        ("setup.save(0)", "1115 Parameter error, setup 0 is the factory setup"),
        ("gpib.address = 31", "-222 Parameter data out of range, gpib.address must be 1 to 30"),
        ("comm.lan.enable = 'yes'",
         "-104 Data type error, comm.lan.enable must be true or false"),
        ("format.asciiprecision = 17",
         "-222 Parameter data out of range, format.asciiprecision must be 1 to 16"),
    ],
)  # fmt: skip
def test_refusals(wire: Wire, script: str, error: str) -> None:
    assert wire.ask(script) == ""
    assert wire.error() == error


def test_dmm_close_is_exclusive_on_its_slot_and_on_the_bus(wire: Wire) -> None:
    wire.write("channel.close('1203,3005,3911')", "dmm.setconfig('slot1', 'twowireohms')",
               "dmm.close('1501')")  # fmt: skip
    assert wire.closed() == "1501;1911;3005"
    assert wire.ask("print(dmm.func)") == "twowireohms"
    assert wire.number("dmm.measure()") == pytest.approx(40e3, rel=1e-3)
    assert wire.ask("print(dmm.getconfig('1501,3005'))") == "twowireohms,nofunction"
    wire.write("dmm.open('1501')")
    assert wire.closed() == "3005"
    wire.write("channel.setforbidden('1911')", "dmm.close('1501')")
    assert "channel 1911 is forbidden to close" in wire.error()


def test_dmm_close_of_a_source_path_sees_that_source(wire: Wire) -> None:
    wire.write("dmm.setconfig('1101', 'dcvolts')", "dmm.close('1101')")
    wire.wiring.drive(SMU, 0.3)
    assert wire.number("dmm.measure()") == pytest.approx(0.3, abs=1e-5)


def test_what_opens_a_channel_takes_it_off_the_measure_path(wire: Wire) -> None:
    wire.write("rb = dmm.makebuffer(9)", "dmm.setconfig('1101', 'dcvolts')")
    wire.write("dmm.close('1101')", "dmm.measure(rb)")
    assert wire.ask("print(rb.channels[1])") == "1101"
    wire.write("channel.open('allslots')", "dmm.measure(rb)")
    assert wire.ask("print(rb.channels[1])") == ""
    wire.write("dmm.close('1101')", "reset()", "channel.close('1101,1911')")
    wire.wiring.drive(SMU, 0.3)
    assert wire.number("dmm.measure()") == pytest.approx(0, abs=1e-5)  # only the SMU's path


def test_four_wire_path_of_a_multiplexer(wire: Wire) -> None:
    wire.write("dmm.setconfig('3001', 'fourwireohms')", "dmm.close('3001')")
    assert wire.closed() == "3001;3031;3911;3922"


def test_saved_configurations(wire: Wire) -> None:
    wire.write("dmm.func = 'twowireohms'", "dmm.nplc = 7", "dmm.configure.set('slow')",
               "dmm.reset()")  # fmt: skip
    wire.write("dmm.func = 'twowireohms'", "dmm.nplc = 7", "dmm.configure.set('slow')")
    wire.write("dmm.nplc = 1", "dmm.setconfig('1501', 'slow')", "dmm.func = 'dcvolts'")
    wire.write("dmm.close('1501')")
    assert wire.number("dmm.nplc") == 7
    wire.write("dmm.configure.recall('twowireohms')")  # a default name is the default
    assert wire.number("dmm.nplc") == 1
    wire.ok()


def test_reading_buffers(wire: Wire) -> None:
    wire.write("rb = dmm.makebuffer(5)", "dmm.measurecount = 3")
    assert wire.number("dmm.measure(rb)") == wire.number("rb[3]")
    assert wire.number("rb.n") == 3
    assert wire.number("rb.capacity") == 5
    values = wire.ask("printbuffer(1, 4, rb)").split(", ")
    assert values[3] == "9.910000000e+37"
    assert float(values[0]) == wire.number("rb.readings[1]")
    times = wire.ask("printbuffer(1, 3, rb.relativetimestamps)").split(", ")
    assert [float(t) for t in times] == pytest.approx([0, 0.0343333, 0.0686667], rel=1e-5)
    both = wire.ask("printbuffer(1, 2, rb, rb.statuses)").split(", ")
    assert [float(both[1]), float(both[3])] == [0, 0]
    assert wire.ask("print(rb.timestamps[1])") == "01/01/2026 00:00:00.034333"
    wire.write("dmm.measure(rb)")
    assert wire.number("rb.n") == 3  # over the bus a new measurement clears
    wire.write("rb.clear()", "rb.appendmode = 1", "dmm.measure(rb)")
    assert wire.number("rb.n") == 3
    wire.write("rb.appendmode = 0")
    assert "clear the reading buffer first" in wire.error()
    wire.write("dmm.measure(rb)")
    assert "reading buffer is full" in wire.error()
    assert wire.number("rb.n") == 5
    wire.write("rb.readings[1] = 7")
    assert "reading buffers cannot be assigned to" in wire.error()
    wire.write("rb.n = 7")
    assert "cannot assign to this attribute" in wire.error()


def test_printing_numbers_in_other_precisions(wire: Wire) -> None:
    assert wire.ask("printnumber(1/3, 2)") == "3.333333333e-01, 2.000000000e+00"
    wire.write("format.asciiprecision = 3")
    assert wire.ask("print(1/3)") == "3.33e-01"


def test_scan(wire: Wire) -> None:
    wire.write("dmm.setconfig('1501', 'twowireohms')", "rb = dmm.makebuffer(100)",
               "channel.close('1101')", "scan.create('1501:1502')",
               "scan.add('1203', 'dcvolts')",
               "scan.scancount = 2")  # fmt: skip
    assert wire.number("scan.stepcount") == 3
    assert wire.ask("print(scan.list())") == (
        "1) OPEN... CLOSE: 1501; 2) OPEN... CLOSE: 1502; 3) OPEN... CLOSE: 1203"
    )
    assert wire.ask("print(scan.execute(rb))")[0] == "6"
    assert wire.ask("print(scan.state())").split("\t")[0] == "6.000000000e+00"
    values = wire.ask("printbuffer(1, rb.n, rb, rb.channels)").split(", ")
    assert values[1::2] == ["1501", "1203"] * 2  # 1502 is only switched
    assert [float(v) for v in values[0::4]] == pytest.approx([40e3] * 2, rel=1e-3)
    assert wire.closed() == "1203;1911"  # the last step; what was closed before is open
    wire.ok()


def test_scan_list_ends_at_a_forbidden_channel(wire: Wire) -> None:
    wire.write("channel.setforbidden('1502')", "scan.create('1501:1503', 'dcvolts')")
    assert "channel 1502 is forbidden" in wire.error()
    assert wire.number("scan.stepcount") == 1
    wire.write("channel.setforbidden('1501')", "scan.background()")
    assert "channel 1501 is forbidden" in wire.error()
    assert wire.number("(scan.state())") == 5
    wire.write("scan.abort()", "scan.reset()")
    assert wire.number("(scan.state())") == 0


def test_scan_modes_and_a_full_buffer(wire: Wire) -> None:
    wire.write("channel.close('3005')", "scan.mode = scan.MODE_OPEN_SELECTIVE",
               "scan.create('1501', 'dcvolts')", "scan.measurecount = 3",
               "rb = dmm.makebuffer(2)", "scan.execute(rb)")  # fmt: skip
    assert "reading buffer is full" in wire.error()
    assert wire.closed("slot3") == "3005"
    wire.write("scan.create()")
    assert wire.ask("print(scan.list())") == "Empty Scan"


@pytest.mark.long  # it takes the 10 s that a script may take
def test_a_script_that_dies_in_a_scan_leaves_it_to_be_aborted(wire: Wire) -> None:
    wire.write(
        "scan.create('1501', 'dcvolts')",
        "scan.measurecount = 450000",
        "scan.scancount = 9",
        "scan.execute()",
    )
    assert "limit reached" in wire.error()
    assert wire.number("(scan.state())") == 2
    wire.write("scan.abort()")
    assert wire.number("(scan.state())") == 3


def test_status_and_service_request(wire: Wire) -> None:
    assert wire.number("status.condition") == 0
    wire.write("nonsense(")
    assert wire.number("status.condition") == 4
    wire.write("status.request_enable = 4")
    assert wire.instrument.status_byte() == 4 + 64
    assert wire.number("status.standard.event") == 16
    assert wire.number("status.standard.event") == 0
    wire.write("status.standard.enable = 32", "*NONE", "print(1)")
    assert wire.instrument.status_byte() == 4 + 16 + 32 + 64
    wire.instrument.clear()
    assert wire.instrument.read(10) == (b"", False)
    wire.write("errorqueue.clear()", "status.reset()")
    assert wire.instrument.status_byte() == 0
    wire.write("opc()")
    assert wire.number("status.standard.event") == 1


def test_error_queue(wire: Wire) -> None:
    wire.write("x = = 1", "channel.close('9')")
    assert wire.number("errorqueue.count") == 2
    first = wire.ask("print(errorqueue.next())")
    assert first.startswith("-2.850000000e+02\tTSP Syntax Error, ")
    assert first.endswith("\t2.000000000e+01\t1.000000000e+00")
    wire.write("errorqueue.clear()")
    wire.ok()


def test_mainframe_settings(wire: Wire) -> None:
    assert wire.ask("print(localnode.model)") == "3706A-SNFP"
    assert wire.ask("print(memory.available())") == "51.56, 92.84, 100.00, 100.00"
    assert wire.ask("print(comm.gpib.enable)") == "true"
    wire.write("comm.gpib.enable = false", "comm.lan.enable = 1", "gpib.address = 9")
    assert wire.ask("print(comm.gpib.enable, comm.lan.enable)") == "false\ttrue"
    assert wire.number("gpib.address") == 9
    assert wire.ask("print(lan.status.ipaddress)") == "192.168.0.2"
    wire.write("lan.reset()", "timer.reset()", "delay(0.5)")
    assert wire.number("timer.measure.t()") == pytest.approx(0.5)
    assert wire.ask("waitcomplete() print([[1]])") == "1"
    wire.ok()


def test_saved_setups(wire: Wire) -> None:
    wire.write("channel.setforbidden('1102')", "dmm.nplc = 3", "setup.save()", "reset()")
    assert wire.ask("print(channel.getforbidden('allslots'))") == ""
    wire.write("setup.recall(1)")
    assert wire.ask("print(channel.getforbidden('allslots'))") == "1102"
    assert wire.number("dmm.nplc") == 3
    wire.write("setup.recall(0)")
    assert wire.number("dmm.nplc") == 1
    wire.ok()


def test_output_is_bounded_and_read_in_pieces(wire: Wire) -> None:
    wire.write("print('abcdef')")
    assert wire.instrument.read(3) == (b"abc", False)
    assert wire.instrument.read(99, b"e") == (b"de", False)
    assert wire.instrument.read(99) == (b"f\n", True)
    wire.write("local s = string.rep('x', 1e6) for i = 1, 6 do print(s) end")
    for _ in range(4):
        assert len(wire.instrument.read(1 << 21)[0]) == 1_000_001
    assert wire.ask("print(errorqueue.next())").startswith("-4.300000000e+02\tQuery deadlock")


def test_many_short_answers_fill_the_output_too(wire: Wire) -> None:
    wire.write("local s = string.rep('x', 98) for i = 1, 5e4 do print(s) end")
    assert wire.instrument.read(999) == (b"x" * 98 + b"\n", True)
    wire.instrument.clear()
    assert wire.ask("print(errorqueue.next())").startswith("-4.300000000e+02\tQuery deadlock")
    wire.write("errorqueue.clear() print('fits again')")
    assert wire.instrument.read(99) == (b"fits again\n", True)


def test_two_lines_are_two_messages_and_all_are_logged(wire: Wire) -> None:
    wire.write("x = 2\nprint(x)")
    assert wire.instrument.read(99) == (b"2.000000000e+00\n", True)
    assert [text for _, text in wire.instrument.log] == ["x = 2", "print(x)"]
    wire.instrument.trigger()

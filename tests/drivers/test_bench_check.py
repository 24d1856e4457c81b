"""``check_bench``: one line for each instrument, relay and limit; nothing is driven."""

from pathlib import Path
from typing import Any

import pytest

from labsyn.data.errors import InstrumentError, UnsafeShutdownError
from labsyn.drivers.bench_check import check_bench
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.config import load_config
from labsyn.drivers.finding import Finding
from labsyn.drivers.lock_in_role import LockInReader
from labsyn.drivers.simulated.b1500a_smu import SMU_KINDS
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.wiring import Wiring
from labsyn.drivers.smu_ranges import highest_current, highest_voltage

BENCH = """
ground = ["channel_b"]

[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"

[instruments.switch]
driver = "Keithley3706A"
resource = "TCPIP0::192.168.0.7::INSTR"
paths = { 1101 = ["pulser/1", "channel_a"], 1102 = ["smu/1", "channel_a"] }

[instruments.pulser]
driver = "Keysight81160A"
resource = "USB0::0x0957::0x4108::MY1::INSTR"

[instruments.lock_in]
driver = "SR830"
resource = "GPIB0::8::INSTR"

[instruments.magnet]
driver = "KepcoBOP"
resource = "GPIB0::6::INSTR"

[instruments.gaussmeter]
driver = "LakeShore425"
resource = "ASRL3::INSTR"

[roles.pulse_source]
instrument = "pulser"
channel = 1
load = "10 kohm"
path = ["1101"]

[roles.sweeper]
instrument = "smu"
channel = 1
path = ["1102"]

[roles.reader]
instrument = "lock_in"
terminal = "top"
reference_resistance = "1 Mohm"

[roles.field]
instrument = "magnet"
coil_constant = 0.025
gaussmeter = "gaussmeter"

[roles.switch]
instrument = "switch"

[limits]
voltage = "2 V"
current = "500 uA"
field = "0.25 T"

[simulation]
device = "mtj"
seed = 3
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bench.toml"


@pytest.fixture
def simulations(monkeypatch: pytest.MonkeyPatch) -> list[SimulatedBench]:
    """Return every simulated bench that is made."""
    made: list[SimulatedBench] = []
    from_config = SimulatedBench.from_config.__func__  # type: ignore[attr-defined]

    def remembered(cls: type[SimulatedBench], config: BenchConfig) -> SimulatedBench:
        made.append(from_config(cls, config))
        return made[-1]

    monkeypatch.setattr(SimulatedBench, "from_config", classmethod(remembered))
    return made


def check(path: Path, *changes: tuple[str, str], drive: bool = False) -> list[Finding]:
    text = BENCH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return list(check_bench(load_config(path), drive=drive))


def fault(name: str, kind: str, **more: Any) -> tuple[str, str]:
    """Return the change that puts a fault into the bench file."""
    rest = "".join(f", {key} = {value!r}" for key, value in more.items())
    head = f"[instruments.{name}]\n"
    return head, f'{head}faults = [{{ kind = "{kind}"{rest} }}]\n'


def bad(findings: list[Finding]) -> dict[str, str]:
    return {each.what: f"{each.level}: {each.text}" for each in findings if each.level != "ok"}


def texts(findings: list[Finding], what: str) -> list[str]:
    return [each.text for each in findings if each.what == what]


def test_a_good_bench_has_one_line_for_everything(path: Path) -> None:
    found = check(path)
    assert bad(found) == {}
    assert [each.what for each in found[:6]] == [
        "smu", "switch", "pulser", "lock_in", "magnet", "gaussmeter",
    ]  # fmt: skip
    assert "KeysightB1500A at GPIB0::17::INSTR: Agilent" in texts(found, "smu")[0]
    load, reach = texts(found, "[roles.pulse_source]")
    assert load == "load 10 kohm set and read back; it was 50 ohm"
    assert "up to 9.95 V" in reach  # 10 V open, behind 50 ohm
    assert "the HRSMU in slot 1: up to 100 V and 100 mA" in texts(found, "[roles.sweeper]")[0]
    assert "up to 300 mT" in texts(found, "[roles.field]")[0]
    for channel in ("1101", "1102"):
        assert texts(found, f"switch {channel}") == ["closes and opens"]


def test_nothing_is_driven_and_all_is_off_afterwards(
    path: Path, simulations: list[SimulatedBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock-in has no zero, and stands at 1 V when it is found."""
    driven: list[float] = []
    drive = Wiring.drive

    def remembered(wiring: Wiring, source: str, volts: float, *rest: Any, **more: Any) -> None:
        driven.append(0.0 if "GPIB0::8" in source else abs(volts))
        drive(wiring, source, volts, *rest, **more)

    monkeypatch.setattr(Wiring, "drive", remembered)
    check(path)
    assert driven
    assert max(driven) == 0
    instruments: dict[str, Any] = simulations[0].instruments
    assert instruments["TCPIP0::192.168.0.7::INSTR"].relays.all_closed == []
    assert set(instruments["GPIB0::17::INSTR"].outputs().values()) == {None}


def test_drive_reads_once(path: Path, simulations: list[SimulatedBench]) -> None:
    found = check(path, drive=True)
    assert bad(found) == {}
    assert found[-1].what == "[roles.reader]"
    assert found[-1].text.endswith("S at 100 mV")
    assert len(simulations) == 2


def test_drive_keeps_to_the_limits(path: Path) -> None:
    limit = ("[simulation]", '[limits.terminals.top]\nvoltage = "40 mV"\n\n[simulation]')
    assert check(path, limit, drive=True)[-1].text.endswith("S at 40 mV")


TWO_DIES = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
{faults}
[instruments.switch]
driver = "Keithley3706A"
resource = "TCPIP0::192.168.0.7::INSTR"
paths = {{ 1101 = ["smu/1", "1:top"], 1102 = ["smu/1", "2:top"] }}

[roles.reader]
instrument = "smu"

[roles.switch]
instrument = "switch"

[dies.A1]
paths = {{ reader = ["1101"] }}

[dies.A2]
paths = {{ reader = ["1102"] }}

[simulation]
device = "lixcoo2"
n_devices = 2
parameters = {{ {device} }}
"""


def read(path: Path, device: str = "sigma_read = 0.0", faults: str = "") -> list[Finding]:
    path.write_text(TWO_DIES.format(device=device, faults=faults))
    return list(check_bench(load_config(path), drive=True))


def test_drive_reads_the_first_die(path: Path) -> None:
    found = read(path)
    assert bad(found) == {}
    assert found[-1].text.endswith("S at 100 mV on die A1")


def test_an_open_probe(path: Path) -> None:
    """A device of 10 Tohm is none."""
    finding = read(path, device="g_min = 1e-13, g_max = 2e-13")[-1]
    assert finding.level == "warning"
    assert "no current flows at 100 mV on die A1; contact?" in finding.text


def test_a_reading_with_a_flag(path: Path) -> None:
    overflow = 'faults = [{ kind = "overload", match = "TI" }]'
    finding = read(path, faults=overflow)[-1]
    assert finding.level == "warning"
    assert "no current could be measured" in finding.text


def test_nothing_is_read_where_something_failed(path: Path) -> None:
    found = check(path, fault("magnet", "disconnect"), drive=True)
    assert found[-1] == Finding(
        "[roles.reader]", "warning", "nothing was read: first mend what failed"
    )


def test_a_bench_without_a_reader(path: Path) -> None:
    start, end = BENCH.index("[roles.reader]"), BENCH.index("[roles.field]")
    found = check(path, (BENCH[start:end], ""), drive=True)
    assert bad(found) == {
        "[roles.reader]": "warning: the bench has no reader: nothing was read"
    }


def test_an_instrument_that_is_not_there_stops_nobody(path: Path) -> None:
    found = check(path, fault("smu", "disconnect"))
    assert bad(found)["smu"].startswith("unreachable: smu is lost")
    assert texts(found, "gaussmeter")
    assert "load 10 kohm" in texts(found, "[roles.pulse_source]")[0]


def test_no_relay_moves_while_a_source_is_out_of_reach(path: Path) -> None:
    found = check(path, fault("smu", "disconnect"))
    assert bad(found)["switch"] == (
        "warning: no relay was moved: nobody knows whether smu is at 0 V"
    )
    assert not texts(found, "switch 1101")


def test_a_gaussmeter_that_is_not_there_keeps_no_relay(path: Path) -> None:
    found = check(path, fault("gaussmeter", "disconnect"))
    assert list(bad(found)) == ["gaussmeter"]
    assert texts(found, "switch 1101") == ["closes and opens"]


def test_the_wrong_instrument(path: Path) -> None:
    found = check(path, fault("smu", "answer", match="IDN", text="SOMEBODY,2400,0,1"))
    assert bad(found)["smu"].startswith(
        "failed: smu at GPIB0::17::INSTR is 'SOMEBODY,2400,0,1'"
    )


def test_what_was_left_is_a_warning(path: Path) -> None:
    found = check(path, fault("smu", "duplicate", match="IDN"))
    assert bad(found) == {
        "smu": "warning: a stale reply 'Agilent Technologies,B1500A,0,A.04.03.2010.0130' was "
        "read away"
    }


def test_a_driver_that_fails_in_an_unexpected_way(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("B1599A")

    monkeypatch.setattr("labsyn.drivers.keysight_b1500a.KeysightB1500A.query_modules", fail)
    assert bad(check(path))["smu"] == "failed: KeyError: 'B1599A'"


def test_a_stuck_relay(path: Path) -> None:
    head = "[instruments.switch]\n"
    found = check(path, (head, f'{head}simulated = {{ stuck = ["1102"] }}\n'))
    assert bad(found) == {
        "switch 1102": "failed: relay 1102 of the 3706A is still open; it may be stuck"
    }


def test_a_generator_that_does_not_take_the_load(path: Path) -> None:
    found = check(path, fault("pulser", "answer", match="LOAD[?]", text="50", times=9))
    assert bad(found)["[roles.pulse_source]"] == (
        "failed: load 10 kohm: the generator took 50 ohm; the device would get another voltage"
    )


@pytest.mark.parametrize(
    ("changes", "what", "message"),
    [
        ([('"2 V"', '"120 V"')], "[roles.sweeper]",
         "warning: the HRSMU in slot 1: the voltage limit of 120 V is beyond 100 V"),
        ([('"500 uA"', '"200 mA"')], "[roles.sweeper]",
         "warning: the HRSMU in slot 1: the current limit of 200 mA is beyond 100 mA"),
        ([('"2 V"', '"12 V"')], "[roles.pulse_source]",
         "at this load: the voltage limit of 12 V is beyond 9.95 V"),
        ([('"2 V"', '"6 V"')], "[roles.reader]", "the voltage limit of 6 V is beyond 5 V"),
        ([('"0.25 T"', '"0.4 T"')], "[roles.field]",
         "the field limit of 400 mT is beyond 300 mT"),
        ([("coil_constant = 0.025", 'coil_constant = 0.025\nvoltage_limit = "40 V"')],
         "[roles.field]", "failed: voltage_limit is 40 V, the supply has 36 V"),
        ([("[roles.sweeper]\ninstrument = \"smu\"\nchannel = 1",
           "[roles.sweeper]\ninstrument = \"smu\"\nchannel = 3"),
          ('1102 = ["smu/1"', '1102 = ["smu/3"'),
          ("[instruments.smu]\n",
           '[instruments.smu]\nsimulated = { modules = { 1 = "B1517A", 3 = "B1520A" } }\n')],
         "[roles.sweeper]",
         "failed: channel 3 is no output that can play it: there is MFCMU"),
        ([fault("smu", "answer", match="STB", text="24", after=1), ('"2 V"', '"60 V"')],
         "smu", "failed: the interlock is open, and a voltage limit of 60 V is above 42 V"),
        ([fault("gaussmeter", "answer", match="AUTO", text="0"), ('"0.25 T"', '"0.29 T"')],
         "[roles.field]", "the gaussmeter in its range of"),
    ],
)  # fmt: skip
def test_limits_beyond_what_an_instrument_can_do(
    path: Path, changes: list[tuple[str, str]], what: str, message: str
) -> None:
    assert message in bad(check(path, *changes))[what]


def test_an_open_interlock_below_its_voltage_is_no_fault(path: Path) -> None:
    found = check(path, fault("smu", "answer", match="STB", text="24", after=1))
    assert bad(found) == {}
    assert "the interlock is open; no limit is above 42 V" in texts(found, "smu")


SPGU = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
simulated = { modules = { 1 = "B1517A", 3 = "B1525A" } }

[roles.pulse_source]
instrument = "smu"
channel = CHANNEL
load = "50 ohm"

[limits]
voltage = "LIMIT"

[simulation]
device = "lixcoo2"
"""


@pytest.mark.parametrize(
    ("channel", "limit", "message"),
    [
        ("301", "10 V", "the SPGU in slot 3 at this load: up to 20 V"),
        ("301", "30 V", "the voltage limit of 30 V is beyond 20 V"),
        (
            "401",
            "10 V",
            "channel 401 is no output that can play it: there is nothing in slot 4",
        ),
    ],
)
def test_a_pulse_generator_unit(path: Path, channel: str, limit: str, message: str) -> None:
    path.write_text(SPGU.replace("CHANNEL", channel).replace("LIMIT", limit))
    found = list(check_bench(load_config(path)))
    assert any(message in each.text for each in found)


def test_an_instrument_that_cannot_be_switched_off(path: Path) -> None:
    found = check(path, fault("lock_in", "disconnect", match="SLVL0", times=9))
    unsafe = [each for each in found if each.level == "unsafe"]
    assert unsafe
    assert unsafe[0].what == "lock_in"
    assert unsafe[0].text.startswith("could not be made safe: Stanford")
    assert unsafe[0].text.endswith("; switch it off by hand")
    assert "nobody knows whether lock_in is at 0 V" in bad(found)["switch"]


def test_a_reader_that_cannot_be_switched_off(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cable comes out after the read."""

    def stuck(*_: object) -> None:
        raise InstrumentError("it hangs")

    read = LockInReader.read

    def read_and_hang(reader: LockInReader) -> Any:
        reading = read(reader)
        monkeypatch.setattr("labsyn.drivers.sr830.SR830.shutdown", stuck)
        return reading

    monkeypatch.setattr(LockInReader, "read", read_and_hang)
    finding = check(path, drive=True)[-1]
    assert finding.level == "unsafe"
    assert "could not make safe: lock_in (it hangs); switch" in finding.text


@pytest.mark.parametrize("broken", [False, True])
def test_a_check_that_is_broken_off_leaves_all_off(
    path: Path, simulations: list[SimulatedBench], monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    def stuck(*_: object) -> None:
        raise InstrumentError("it hangs")

    path.write_text(BENCH)
    findings = check_bench(load_config(path))
    assert next(findings).what == "smu"
    if broken:
        monkeypatch.setattr("labsyn.drivers.keysight_b1500a.KeysightB1500A.shutdown", stuck)
        with pytest.raises(UnsafeShutdownError, match=r"could not make safe: smu \(it hangs\)"):
            findings.throw(KeyboardInterrupt)
    else:
        with pytest.raises(KeyboardInterrupt):
            findings.throw(KeyboardInterrupt)
        smu: Any = simulations[0].instruments["GPIB0::17::INSTR"]
        assert set(smu.outputs().values()) == {None}


def test_where_nobody_could_help(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file without its simulation; what is opened is simulated all the same."""
    path.write_text(BENCH)
    simulated = load_config(path)
    path.write_text("watchdog = false\n" + BENCH[: BENCH.index("[simulation]")])
    real = load_config(path)
    simulation = SimulatedBench.from_config(simulated)
    from labsyn.drivers.simulated.backend import LabsynVisaLibrary

    monkeypatch.setattr(
        "labsyn.drivers.bench_check.surroundings",
        lambda config: (None, LabsynVisaLibrary.for_bench(simulation), simulation.clock),
    )
    monkeypatch.setenv("LABSYN_LOCKS", str(path.parent / "locks"))
    told = bad(list(check_bench(real)))
    assert set(told) == {"watchdog", "smu", "lock_in", "magnet", "gaussmeter"}
    assert "on GPIB one controller serves all" in told["smu"]
    assert "a serial line has one owner" in told["gaussmeter"]


@pytest.mark.parametrize(
    ("kind", "model"), [("HPSMU", "B1510A"), ("MPSMU", "B1511B"), ("HRSMU", "B1517A")]
)
def test_ranges_are_those_of_the_simulated_units(kind: str, model: str) -> None:
    simulated = SMU_KINDS[model]
    assert highest_voltage(kind) == simulated.limits[-1][0]
    for volts in (1.0, 20.0, 20.1, 40.1, 100.0, 150.0, 201.0):
        assert highest_current(kind, volts) == simulated.highest_current(volts)

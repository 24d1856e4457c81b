"""Every adapter in its role, through the bench, on the simulated instruments."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import (
    BenchError,
    ConfigError,
    InstrumentError,
    LimitError,
)
from labsyn.data.flags import Flag
from labsyn.drivers.bench import Bench
from labsyn.drivers.config import starter
from labsyn.drivers.roles import Reading

MATRIX = (Path(__file__).parent.parent / "matrix.toml").read_text(encoding="utf-8")
SPGU = MATRIX.replace('instrument = "generator"', 'instrument = "smu"\nchannel = 301').replace(
    '["1201"]', '["1301"]'
)
MTJ = starter("mtj").replace(
    "enabled = true", "enabled = true\nparameters = { sigma_read = 0.0 }"
)


def opened(tmp_path: Path, text: str) -> Bench:
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return Bench.open(path)


def device(bench: Bench) -> Any:
    return next(iter(bench.simulation.devices.values()))


def simulated(bench: Bench, name: str) -> Any:
    return bench.simulation.instruments[bench.config.instruments[name].resource]


# Pulse sources


def with_generator(driver: str) -> str:
    """Return the bench with another generator; 10 kΩ is the most that Agilent's know."""
    return MATRIX.replace("Keysight81160A", driver).replace('"100 kohm"', '"10 kohm"')


PULSE_SOURCES = {
    "81160A": MATRIX,
    "SPGU": SPGU,
    "33500": with_generator("Agilent33500"),
    "33250A": with_generator("Agilent33250A"),
    "33220A": with_generator("Agilent33220A"),
}


@pytest.mark.parametrize("text", PULSE_SOURCES.values(), ids=PULSE_SOURCES)
def test_pulses_of_a_generator_do_what_those_of_an_smu_do(tmp_path: Path, text: str) -> None:
    with Bench.simulated("lixcoo2", sigma_c2c=0, sigma_read=0) as bench:
        bench.pulse_source.setup_pulses(width=0.01, period=0.02, compliance_current=1e-3)
        for _ in range(5):
            bench.pulse_source.pulse(-1.5)
        moved = device(bench).x
    with opened(tmp_path, text) as bench:
        source = bench.pulse_source
        source.setup_pulses(width=0.01, period=0.02, compliance_current=1e-3)
        assert math.isnan(source.pulse(-1.5).current)
        started = bench.clock.now()
        for _ in range(4):
            source.pulse(-1.5)
        assert bench.clock.now() - started == pytest.approx(0.08, rel=0.01)
        assert device(bench).x == pytest.approx(moved, rel=0.02)
        bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
        read = bench.reader.read()
        assert read.conductance == pytest.approx(device(bench).conductance, rel=1e-3)
        source.pulse(1.1)
        assert device(bench).x < moved
        assert bench.warnings == []


def test_short_pulses_keep_their_period(tmp_path: Path) -> None:
    with opened(tmp_path, MTJ) as bench:
        source = bench.pulse_source
        source.setup_pulses(width=200e-9, period=1.5, compliance_current=1e-2)
        started = bench.clock.now()
        source.pulse(1.0)
        source.pulse(-1.0)
        assert bench.clock.now() - started == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "pulses", "message"),
    [
        (MATRIX, {"width": 0.02}, "a period is longer than its pulse"),
        (MATRIX, {"width": 1e-9}, "Keysight 81160A takes a pulse width of 1.5 ns"),
        (MATRIX, {"compliance_current": 1e-6}, "drives 1.5e-05 A through the load of 100000"),
        (SPGU, {"width": 0.02}, "an SPGU has periods of 2e-08 to 10 s, longer than the pulse"),
        (SPGU, {"compliance_current": 1e-6}, "drives 1.5e-05 A through the load of 100000"),
    ],
)
def test_what_a_generator_cannot_give_is_refused_before(
    tmp_path: Path, text: str, pulses: dict[str, float], message: str
) -> None:
    given = {"width": 0.01, "period": 0.02, "compliance_current": 1e-3} | pulses
    with opened(tmp_path, text) as bench:
        source = bench.pulse_source
        logs = {name: len(simulated(bench, name).log) for name in ("smu", "generator")}
        with pytest.raises(LimitError, match=f"{message}.*nothing was sent"):
            source.check_pulses({"pulse_voltage": -1.5}, n_pulses=1, **given)
        assert logs == {n: len(simulated(bench, n).log) for n in ("smu", "generator")}


def test_a_pulse_too_small_for_the_generator_is_refused_before(tmp_path: Path) -> None:
    with opened(tmp_path, MATRIX) as bench, pytest.raises(LimitError, match="gives pulses of"):
        bench.pulse_source.check_pulses(
            {"v": 0.01}, width=0.01, period=0.02, compliance_current=1e-3, n_pulses=1
        )


def test_an_spgu_that_is_not_there(tmp_path: Path) -> None:
    text = SPGU.replace("301", "401")
    with opened(tmp_path, text) as bench, pytest.raises(ConfigError, match="no SPGU in slot 4"):
        _ = bench.pulse_source


# Readers


@pytest.mark.parametrize("model", ["SR830", "SR860"])
@pytest.mark.parametrize("n_antiparallel", [0, 1])
def test_a_lock_in_reads_through_its_divider(
    tmp_path: Path, model: str, n_antiparallel: int
) -> None:
    text = MTJ.replace('driver = "SR830"', f'driver = "{model}"').replace(
        "sigma_read = 0.0", f"sigma_read = 0.0, n_antiparallel = {n_antiparallel}"
    )
    with opened(tmp_path, text) as bench:
        bench.reader.setup_reads(voltage=2.0, compliance_current=1e-3)
        started = bench.clock.now()
        reads = [bench.reader.read() for _ in range(10)]
        seconds = bench.clock.now() - started
        # Half of the channel lies between the junctions and ground.
        truth = 1 / device(bench).conductance + device(bench).channel_resistance / 2
        assert seconds == pytest.approx(10 * bench.reader.read_time, rel=0.03)
    measured = [1 / read.conductance for read in reads]
    assert np.mean(measured) == pytest.approx(truth, rel=2e-3)
    assert reads[0].voltage == pytest.approx(2.0 * truth / (1e6 + truth), rel=5e-3)
    assert reads[0].flags == Flag(0)


def test_the_noise_of_a_junction_is_not_multiplied_by_the_divider(tmp_path: Path) -> None:
    """A resistance that scatters by 0.1 % in 25 Hz: less behind a filter, never more."""
    with opened(tmp_path, MTJ.replace("sigma_read = 0.0", "sigma_read = 1e-3")) as bench:
        bench.reader.setup_reads(voltage=3.4, compliance_current=1e-3)
        measured = [1 / bench.reader.read().conductance for _ in range(60)]
    assert 1e-4 < np.std(measured) / np.mean(measured) < 1e-3


@pytest.mark.parametrize(("model", "rest"), [("SR830", 0.004), ("SR860", 0.0)])
def test_between_reads_the_sine_is_as_small_as_it_can_be(
    tmp_path: Path, model: str, rest: float
) -> None:
    text = MTJ.replace('driver = "SR830"', f'driver = "{model}"')
    with opened(tmp_path, text) as bench:
        bench.reader.setup_reads(voltage=1.0, compliance_current=1e-3)
        bench.reader.read()
        assert bench._connections["lock_in"].instrument.amplitude == rest


@pytest.mark.parametrize(
    ("model", "reads", "message"),
    [
        ("SR830", {"voltage": 0.101}, "gives 0.004 to 5 V in steps of 0.002 V; nothing was"),
        ("SR830", {"voltage": 0.002}, "a sine of 0.002 V rms is asked for"),
        ("SR860", {"voltage": 2.5}, "gives 0 to 2 V; nothing was sent"),
        ("SR830", {"compliance_current": 0.5e-6}, "drives up to 1e-06 A through the reference"),
    ],
)
def test_what_a_lock_in_cannot_do_is_refused(
    tmp_path: Path, model: str, reads: dict[str, float], message: str
) -> None:
    text = MTJ.replace('driver = "SR830"', f'driver = "{model}"')
    given = {"voltage": 1.0, "compliance_current": 1e-3} | reads
    with opened(tmp_path, text) as bench, pytest.raises(LimitError, match=message):
        bench.reader.check_reads(**given)


def test_an_overloaded_lock_in_gives_no_current(tmp_path: Path) -> None:
    with opened(tmp_path, MTJ) as bench:
        bench.reader.setup_reads(voltage=4.0, compliance_current=1e-3)
        bench._connections["lock_in"].instrument.sensitivity = 1e-3
        read = bench.reader.read()
        assert read.flags & Flag.OVERFLOW
        assert math.isnan(read.current)
        assert math.isnan(read.conductance)


def test_a_late_answer_of_a_lock_in_is_not_taken_for_the_next(tmp_path: Path) -> None:
    fault = 'driver = "SR830"\nfaults = [{ kind = "late", match = "SNAP", times = 1 }]'
    with opened(tmp_path, MTJ.replace('driver = "SR830"', fault)) as bench:
        bench.reader.setup_reads(voltage=2.0, compliance_current=1e-3)
        read = bench.reader.read()
        assert read.flags & Flag.RETRIED
        assert 1 / read.conductance == pytest.approx(1 / device(bench).conductance, rel=0.02)


def test_titania_is_read_by_what_arrives_at_t3() -> None:
    with Bench.simulated("titania", sigma_read=0.0, resistance=800.0) as bench:
        bench.reader.setup_reads(voltage=0.1, compliance_current=5e-3)
        assert 1 / bench.reader.read().conductance == pytest.approx(800, rel=1e-3)


def test_no_conductance_at_no_voltage() -> None:
    assert math.isnan(Reading(0.0, 1e-9).conductance)


# Field


@pytest.mark.parametrize("gaussmeter", [True, False])
def test_the_field_settles_where_it_was_asked_for(tmp_path: Path, gaussmeter: bool) -> None:
    text = MTJ if gaussmeter else MTJ.replace('gaussmeter = "gaussmeter"', "")
    with opened(tmp_path, text) as bench:
        for tesla in (0.02, -0.02, 0.0, 0.0153):
            started, change = bench.clock.now(), tesla - bench.simulation.environment.field
            measured = bench.field.set_field(tesla, slew=0.1)
            told = bench.field.ramp_time(change, slew=0.1)
            assert bench.clock.now() - started == pytest.approx(told, rel=0.15)
            assert bench.simulation.environment.field == pytest.approx(tesla, abs=1e-4)
            assert measured == pytest.approx(tesla, abs=1e-4)
            assert bench.field.read_field() == pytest.approx(tesla, abs=2e-4)


def test_no_slew_is_faster_than_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path, MTJ) as bench:
        started = bench.clock.now()
        bench.field.set_field(0.05, slew=0.01)
        assert bench.clock.now() - started > 5.0
        currents = [
            (time, float(message.split()[1]))
            for time, message in simulated(bench, "coil").log
            if message.startswith("CURRent ")
        ]
    steps = np.diff(np.array(currents), axis=0)
    assert np.all(0.025 * np.abs(steps[1:, 1]) <= 0.01 * 0.05 * (1 + 1e-4))


def test_the_gaussmeter_corrects_the_coil_constant(tmp_path: Path) -> None:
    text = MTJ.replace(
        'resource = "GPIB0::6::INSTR"',
        'resource = "GPIB0::6::INSTR"\nsimulated = { coil_constant = 0.0255 }',
    )
    with opened(tmp_path, text) as bench:
        assert bench.field.set_field(0.02, slew=0.1) == pytest.approx(0.02, abs=1e-4)
        assert bench.simulation.environment.field == pytest.approx(0.02, abs=1e-4)


def test_a_gaussmeter_that_sees_nothing_does_not_raise_the_field(tmp_path: Path) -> None:
    text = MTJ.replace(
        'resource = "GPIB0::6::INSTR"',
        'resource = "GPIB0::6::INSTR"\nsimulated = { coil_constant = 0.05 }',
    )
    with opened(tmp_path, text) as bench:
        with pytest.raises(
            InstrumentError, match=r"the field settled at 0\.04 T instead of 0.02"
        ):
            bench.field.set_field(0.02, slew=0.1)
        assert bench.simulation.environment.field == pytest.approx(0.04, rel=0.01)


def test_fields_that_are_not_allowed(tmp_path: Path) -> None:
    with opened(tmp_path, MTJ.replace('field = "50 mT"', 'field = "1 T"')) as bench:
        log = simulated(bench, "coil").log
        before = len(log)
        with pytest.raises(LimitError, match=r"a field of 0.4 T is asked for, .* reach 0.3 T"):
            bench.field.check_field(0.4, slew=0.1)
        with pytest.raises(LimitError, match=r"a field of 1.2 T exceeds the limit of 1 T"):
            bench.field.set_field(1.2, slew=0.1)
        with pytest.raises(LimitError, match=r"a field ramp of 500 mT/s exceeds the limit"):
            bench.field.set_field(0.01, slew=0.5)
        assert len(log) == before


@pytest.mark.parametrize(("limit", "rate"), [("40 mT/s", 1.6), ("1 mT/s", 1.2), ("9 T/s", 5.0)])
def test_the_field_is_ramped_down_no_faster_than_allowed(
    tmp_path: Path, limit: str, rate: float
) -> None:
    """In ampere per second, at 25 mT/A; but never slower than a bench has to be safe."""
    with opened(tmp_path, MTJ.replace('"200 mT/s"', f'"{limit}"')) as bench:
        bench.field.set_field(0.05, slew=1e-3)
        started = bench.clock.now()
        bench.make_safe()
        assert bench.clock.now() - started == pytest.approx(2.0 / rate, abs=0.06)


def test_the_field_can_be_set_again_after_the_bench_was_made_safe(tmp_path: Path) -> None:
    with opened(tmp_path, MTJ) as bench:
        bench.field.set_field(0.02, slew=0.1)
        bench.make_safe()
        bench.clock.sleep(1.0)
        assert bench.simulation.environment.field == pytest.approx(0, abs=1e-5)
        bench.field.set_field(0.02, slew=0.1)
        assert bench.simulation.environment.field == pytest.approx(0.02, abs=1e-4)


# Switch


def relays(bench: Bench) -> Any:
    return simulated(bench, "matrix").relays


def test_only_one_route_is_closed_and_no_relay_moves_under_voltage() -> None:
    with Bench.simulated("titania", seed=2) as bench:
        reader, source = bench.reader, bench.pulse_source
        reader.setup_reads(voltage=0.1, compliance_current=5e-3)
        source.setup_pulses(width=0.8, period=1.0, compliance_current=0.2)
        for voltage in (-6.0, 6.0, -3.0):
            source.pulse(voltage)
            assert relays(bench).all_closed == ["1102", "1104", "1301", "1303"]
            reader.read()
            assert sorted(relays(bench).all_closed) == ["1101", "1203", "1302", "1304"]
        moves = [t for t, m in simulated(bench, "matrix").log if "exclusiveclose" in m]
        forced = [
            (t, m) for t, m in simulated(bench, "smu").log if m.startswith(("DV 1", "XE"))
        ]
    assert len(moves) == 7  # one for each change of route, none in between
    # All that drives SMU 1 is a read or a pulse that has ended at 0 V when a relay moves: the
    # simulated switch warns of every relay that moves under voltage.
    assert bench.warnings == []
    for time in moves:
        earlier = [message for t, message in forced if t <= time]
        assert not earlier or earlier[-1] == "XE" or earlier[-1].endswith("DV 1,0,0,0.005")
    assert sum(message == "XE" for _, message in forced) == 3


def test_a_pulse_under_way_would_be_seen(tmp_path: Path) -> None:
    """The proof above rests on the warning: here is a relay that moves under voltage."""
    with Bench.simulated("titania") as bench:
        bench.reader.setup_reads(voltage=0.1, compliance_current=5e-3)
        bench._connections["smu"].instrument.command("DV 1,0,0.1,0.005")
        bench._connections["matrix"].instrument.open_all()
        assert any("hot switching" in warning for warning in bench.warnings)


def test_relays_that_somebody_opened_are_closed_again() -> None:
    with Bench.simulated("titania", sigma_read=0.0) as bench:
        reader = bench.reader
        reader.setup_reads(voltage=0.1, compliance_current=5e-3)
        bench.make_safe()
        assert relays(bench).all_closed == []
        reader.setup_reads(voltage=0.1, compliance_current=5e-3)
        assert 1 / reader.read().conductance == pytest.approx(880, rel=1e-3)


def test_a_switch_left_on_make_before_break_is_put_right() -> None:
    with Bench.simulated("titania") as bench:
        switch = bench._connections["matrix"].instrument
        switch.connect_rule = "make_before_break"
        bench.reader.setup_reads(voltage=0.1, compliance_current=5e-3)
        assert switch.connect_rule == "break_before_make"


def test_a_stuck_relay_is_an_error(tmp_path: Path) -> None:
    text = MATRIX.replace(
        "[instruments.matrix.paths]",
        'simulated = { stuck = ["1201"] }\n[instruments.matrix.paths]',
    )
    with opened(tmp_path, text) as bench:
        log = simulated(bench, "generator").log
        source, before = bench.pulse_source, len(log)
        with pytest.raises(InstrumentError, match="relay 1201 of the 3706A is still open"):
            source.setup_pulses(width=0.01, period=0.02, compliance_current=1e-3)
        assert len(log) == before


def test_what_the_switch_itself_forbids_is_refused_before_it_moves() -> None:
    with Bench.simulated("titania") as bench:
        switch = bench._connections["matrix"].instrument
        switch.forbid_channels("1104")
        with pytest.raises(LimitError, match="channel 1104 is forbidden to close"):
            _ = bench.pulse_source
        with pytest.raises(LimitError, match="1101 and 1301 must never be closed together"):
            bench.switch.route(["1101", "1301"])
        assert not any(
            "close(" in m for _, m in simulated(bench, "matrix").log if "get" not in m
        )


DIES = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"

[instruments.matrix]
driver = "Keithley3706A"
resource = "TCPIP0::192.168.0.7::INSTR"
paths = { 1101 = ["smu/1", "1:top"], 1102 = ["smu/1", "2:top"], 1103 = ["smu/1", "3:top"] }

[roles.switch]
instrument = "matrix"

[roles.reader]
instrument = "smu"

[roles.pulse_source]
instrument = "smu"

[limits.devices.2]
voltage = "1 V"

[dies.A1]
row = 1
paths = { reader = ["1101"], pulse_source = ["1101"] }

[dies.A2]
paths = { reader = ["1102"], pulse_source = ["1102"] }

[dies.A3]
paths = { reader = ["1103"], pulse_source = ["1103"] }

[simulation]
device = "lixcoo2"
seed = 5
n_devices = 3
parameters = { sigma_read = 0.0, sigma_c2c = 0.0 }
"""


def test_each_die_is_reached_by_its_own_relays(tmp_path: Path) -> None:
    with opened(tmp_path, DIES) as bench:
        devices = list(bench.simulation.devices.values())
        with pytest.raises(
            ConfigError, match=r"no die is selected, .* select one of A1, A2, A3"
        ):
            _ = bench.reader
        for die, under_test in zip(("A3", "A1"), (devices[2], devices[0]), strict=True):
            bench.select(die)
            bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
            bench.pulse_source.setup_pulses(width=0.01, period=0.02, compliance_current=1e-3)
            bench.pulse_source.pulse(-1.5)
            read = bench.reader.read()
            assert read.conductance == pytest.approx(under_test.conductance, rel=1e-3)
            assert under_test.x > 0.01
        assert devices[1].x == 0
        assert bench.account.ledger("3").n_pulses == bench.account.ledger("1").n_pulses == 1
        assert bench.sample() == {"die": "A1", "row": 1}
        bench.select("A2")
        bench.pulse_source.setup_pulses(width=0.01, period=0.02, compliance_current=1e-3)
        with pytest.raises(
            LimitError, match=r"at 2:top exceeds the limit of 1 V \(\[limits.dev"
        ):
            bench.pulse_source.pulse(-1.5)
        with pytest.raises(ConfigError, match="no die 'A4'; it has A1, A2, A3"):
            bench.select("A4")
        assert bench.warnings == []


def test_limits_of_all_terminals_that_a_path_reaches_hold(tmp_path: Path) -> None:
    text = starter("titania").replace("[limits.terminals.T1]", "[limits.terminals.T4]")
    with opened(tmp_path, text) as bench:
        bench.pulse_source.setup_pulses(width=0.1, period=0.2, compliance_current=0.1)
        with pytest.raises(
            LimitError, match=r"at T2 and T4 exceeds .* \(\[limits.terminals.T4\]"
        ):
            bench.pulse_source.pulse(3.0)


def test_a_closed_bench_says_so() -> None:
    with Bench.simulated() as bench:
        pass
    with pytest.raises(
        BenchError, match="the bench is closed; open it again to use its reader"
    ):
        _ = bench.reader


@pytest.mark.parametrize("step_time", [1e-5, 0.00015, 200.0])
def test_a_sweep_that_the_unit_cannot_time_is_refused(step_time: float) -> None:
    with Bench.simulated() as bench, pytest.raises(LimitError, match=r"in units of 0\.1 ms"):
        bench.sweeper.check_sweep(
            0, 1, 11, double=False, step_time=step_time, compliance_current=1e-3
        )

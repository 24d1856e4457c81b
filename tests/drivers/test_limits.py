"""Limits: what is refused, in which words, and that nothing is sent before."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from labsyn.data.errors import BenchError, BreakdownError, InstrumentDataError, LimitError
from labsyn.data.flags import Flag
from labsyn.drivers.account import Account
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.guard import GuardedField, GuardedPulseSource, GuardedReader
from labsyn.drivers.limits import Limits
from labsyn.drivers.roles import Reading
from labsyn.drivers.sweeper_guard import GuardedSweeper

LIMITS = Limits(voltage=2.0, current=1e-3, pulse_width=0.1, n_pulses=10, terminal="T1")
PULSES = {"width": 0.01, "period": 0.02, "compliance_current": 1e-3}
READS = {"voltage": 0.1, "compliance_current": 1e-4}


class Recorder:
    """Plays every role and remembers what reached it."""

    def __init__(self, *currents: float) -> None:
        self.calls: list[str] = []
        self.currents = list(currents)
        self.broken = 0

    read_time = 0.0
    is_measured = True

    def check_pulses(
        self, voltages: Sequence[float], *,
        width: float, period: float, compliance_current: float,
    ) -> None:  # fmt: skip
        pass

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self.calls.append("setup_pulses")

    def pulse(self, voltage: float) -> Reading:
        self.calls.append("pulse")
        return Reading(voltage, self._current())

    def check_reads(self, *, voltage: float, compliance_current: float) -> None:
        pass

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self.calls.append("setup_reads")

    def read(self) -> Reading:
        self.calls.append("read")
        if self.broken:
            self.broken -= 1
            raise InstrumentDataError("half a line")
        return Reading(0.1, self._current())

    def uncertainties(self, reading: Reading) -> dict[str, float]:
        return {"input": 0.01 * abs(reading.voltage / reading.current)}

    def resync(self) -> None:
        self.calls.append("resync")

    def check_sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> None:  # fmt: skip
        pass

    def sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> list[Reading]:  # fmt: skip
        self.calls.append("sweep")
        return [Reading(start, 1e-6), Reading(stop, 2e-6)]

    def check_hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> None:
        pass

    def hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> list[Reading]:
        self.calls.append("hold")
        return [Reading(voltage, 1e-6)] * n_points

    def check_field(self, tesla: float, *, slew: float) -> None:
        pass

    def ramp_time(self, change: float, *, slew: float) -> float:
        return abs(change) / slew

    def set_field(self, tesla: float, *, slew: float) -> float:
        self.calls.append("field")
        return tesla

    def read_field(self) -> float:
        return 0.0

    def _current(self) -> float:
        return self.currents.pop(0) if self.currents else 1e-6


def account() -> Account:
    return Account(VirtualClock())


def ready(source: Recorder, limits: Limits = LIMITS) -> GuardedPulseSource:
    guarded = GuardedPulseSource(source, account(), limits, "T1")
    guarded.setup_pulses(**PULSES)
    return guarded


@pytest.mark.parametrize("voltage", [2.0001, -2.5, math.nan, math.inf])
def test_a_pulse_beyond_the_limit_never_reaches_the_source(voltage: float) -> None:
    source = Recorder()
    guarded = ready(source)
    with pytest.raises(LimitError, match=r"pulse_voltage of .* at T1 exceeds the limit of 2 V"):
        guarded.pulse(voltage)
    assert source.calls == ["setup_pulses"]


def test_a_refusal_tells_a_program_what_a_person_reads() -> None:
    with pytest.raises(LimitError) as refused:
        ready(Recorder()).pulse(3.0)
    error = refused.value
    assert (error.key, error.value, error.limit, error.terminal) == ("voltage", 3.0, 2.0, "T1")


def test_no_pulse_without_its_set_up() -> None:
    source = Recorder()
    with pytest.raises(BenchError, match="pulse before setup_pulses"):
        GuardedPulseSource(source, account(), LIMITS).pulse(1.0)
    assert source.calls == []


@pytest.mark.parametrize(
    ("width", "compliance", "message"),
    [
        (0.2, 1e-4, r"pulse_width of 200 ms at T1 exceeds the limit of 100 ms .*pulse_width"),
        (0.01, 2e-3, r"compliance_current of 2 mA at T1 exceeds the limit of 1 mA"),
        (0.0, 1e-4, r"pulse_width of 0 s must be positive"),
        (0.01, -1e-4, r"compliance_current of -100 µA must be positive"),
    ],
)
def test_set_ups_beyond_the_limits(width: float, compliance: float, message: str) -> None:
    source = Recorder()
    with pytest.raises(LimitError, match=message):
        GuardedPulseSource(source, account(), LIMITS).setup_pulses(
            width=width, period=1.0, compliance_current=compliance
        )
    assert source.calls == []


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"power": 1e-3}, r"pulse_voltage times compliance_current of 2 mW .* 1 mW .*power"),
        ({"pulse_charge": 5e-6}, r"times pulse_width of 10 µC .* limit of 5 µC"),
        ({"pulse_energy": 15e-6}, r"times pulse_voltage of 20 µJ .* limit of 15 µJ"),
    ],
)
def test_a_pulse_at_its_worst(limits: dict[str, Any], message: str) -> None:
    """Whatever the device draws: 2 V, 1 mA and 10 ms could be 2 mW, 10 µC and 20 µJ."""
    source = Recorder()
    guarded = GuardedPulseSource(source, account(), Limits(**limits))
    with pytest.raises(LimitError, match=message):
        guarded.check_pulses({"pulse_voltage": 2.0}, **PULSES, n_pulses=1)
    assert source.calls == []


@pytest.mark.parametrize(
    ("limits", "n_allowed", "key"),
    [
        ({"n_pulses": 3}, 3, "n_pulses"),
        # 10 nC were measured each time; the next one might bring 10 µC
        ({"charge": 10.025e-6}, 3, "charge"),
        ({"energy": 10.025e-6}, 3, "energy"),
    ],
)
def test_the_budget_of_a_run(limits: dict[str, Any], n_allowed: int, key: str) -> None:
    source = Recorder()
    guarded = ready(source, Limits(**limits))
    for _ in range(n_allowed):
        guarded.pulse(1.0)
    with pytest.raises(LimitError, match=key):
        guarded.pulse(1.0)
    assert source.calls.count("pulse") == n_allowed


def test_what_was_not_measured_counts_at_its_worst() -> None:
    guarded = ready(Recorder(math.nan, math.nan), Limits(charge=25e-6))
    guarded.pulse(1.0)
    guarded.pulse(1.0)
    with pytest.raises(LimitError, match=r"charge of this run of 30 µC .* limit of 25 µC"):
        guarded.pulse(1.0)


def test_a_budget_is_that_of_one_run_and_of_one_device() -> None:
    shared = account()
    guards = [
        GuardedPulseSource(Recorder(), shared, Limits(n_pulses=1), terminal)
        for terminal in ("1:top", "2:top")
    ]
    for guarded in guards:
        guarded.setup_pulses(**PULSES)
        guarded.pulse(1.0)
    with pytest.raises(LimitError, match="n_pulses"):
        guards[0].pulse(1.0)
    shared.start_run()
    guards[0].pulse(1.0)
    assert shared.total().n_pulses == 1


def test_the_time_of_a_run() -> None:
    clock = VirtualClock()
    guarded = GuardedReader(Recorder(), Account(clock), Limits(run_time=10.0))
    guarded.setup_reads(**READS)
    clock.sleep(9)
    guarded.read()
    clock.sleep(2)
    with pytest.raises(LimitError, match=r"run time of 11 s exceeds the limit of 10 s"):
        guarded.read()


def test_reads_are_limited_too() -> None:
    reader = Recorder()
    guarded = GuardedReader(reader, account(), LIMITS)
    with pytest.raises(LimitError, match="read_voltage of 3 V"):
        guarded.setup_reads(voltage=3.0, compliance_current=1e-4)
    guarded.setup_reads(**READS)
    assert guarded.read().conductance == pytest.approx(1e-5)
    assert reader.calls == ["setup_reads", "read"]


def test_a_read_that_failed_is_tried_again_and_says_so() -> None:
    reader, shared = Recorder(), account()
    guarded = GuardedReader(reader, shared, LIMITS, "T1")
    guarded.setup_reads(**READS)
    reader.broken = 2
    assert guarded.read().flags == Flag.RETRIED
    assert reader.calls == ["setup_reads", "read", "resync", "read", "resync", "read"]
    assert shared.notes == ["read 1 at T1: half a line", "read 2 at T1: half a line"]
    reader.broken = 3
    with pytest.raises(InstrumentDataError, match="half a line"):
        guarded.read()


def test_a_pulse_is_never_repeated() -> None:
    class Failing(Recorder):
        def pulse(self, voltage: float) -> Reading:
            super().pulse(voltage)
            raise InstrumentDataError("half a line")

    source, shared = Failing(), account()
    guarded = GuardedPulseSource(source, shared, LIMITS)
    guarded.setup_pulses(**PULSES)
    with pytest.raises(InstrumentDataError):
        guarded.pulse(1.0)
    assert source.calls.count("pulse") == 1
    assert shared.total().charge == pytest.approx(10e-6)  # it may have been applied


@pytest.mark.parametrize("jumped", [1e-4, 1e-9])
def test_a_jump_of_the_conductance_ends_the_run(jumped: float) -> None:
    device, shared = Recorder(1e-6, 1.4e-6, jumped), account()
    limits = Limits(conductance_jump=10.0)
    reader = GuardedReader(device, shared, limits, "T1")
    source = GuardedPulseSource(device, shared, limits, "T1")
    reader.setup_reads(**READS)
    source.setup_pulses(**PULSES)
    assert [reader.read().flags for _ in range(2)] == [Flag(0), Flag(0)]
    assert reader.read().flags == Flag.BREAKDOWN  # the row is kept
    with pytest.raises(BreakdownError, match=r"conductance at T1 went from 1.4e-05 S to"):
        shared.heed()
    with pytest.raises(BreakdownError):
        source.pulse(1.0)
    assert "pulse" not in device.calls
    shared.start_run()
    source.pulse(1.0)


def test_sweeps() -> None:
    device, shared = Recorder(), account()
    guarded = GuardedSweeper(device, shared, Limits(voltage=2, voltage_slew=20.0), "T1")
    sweep: Any = {"double": True, "step_time": 1e-3, "compliance_current": 1e-3}
    with pytest.raises(LimitError, match=r"sweep rate of 100 V/s .* limit of 20 V/s"):
        guarded.sweep(0.0, -1.0, 11, **sweep)
    with pytest.raises(LimitError, match=r"sweep voltage of -3 V"):
        guarded.sweep(0.0, -3.0, 1001, **sweep)
    with pytest.raises(LimitError, match=r"at least 2 points"):
        guarded.sweep(0.0, -1.0, 1, **sweep)
    assert device.calls == []
    assert len(guarded.sweep(0.0, -1.0, 101, **sweep)) == 2
    assert shared.total().peak_voltage == 1.0


def test_a_held_voltage() -> None:
    device, shared = Recorder(), account()
    limits = Limits(voltage=2, charge=1e-3, energy=1e-3, run_time=100)
    guarded = GuardedSweeper(device, shared, limits, "T1")
    for volts, seconds, n_points, amperes, message in (
        (3.0, 1.0, 2, 1e-3, r"a held voltage of 3 V exceeds the limit of 2 V"),
        (1.0, 200.0, 2, 1e-6, r"a time to hold a voltage of 200 s .* the limit of 100 s"),
        (1.0, 0.0, 2, 1e-3, r"2 measurements in 0 s are asked for"),
        (1.0, 10.0, 2, 1e-3, r"a charge of this run of 10 mC"),
        (2.0, 0.8, 2, 1e-3, r"an? energy of this run of 1.6 mJ"),
    ):
        with pytest.raises(LimitError, match=message):
            guarded.hold(volts, seconds, n_points, compliance_current=amperes)
    assert device.calls == []
    assert len(guarded.hold(-1.0, 10.0, 5, compliance_current=1e-5)) == 5
    assert shared.total().charge == pytest.approx(1e-5)  # as measured
    assert shared.total().peak_voltage == 1.0


def test_fields() -> None:
    device, shared = Recorder(), account()
    guarded = GuardedField(device, shared, Limits(field=0.1, field_slew=0.05))
    with pytest.raises(LimitError, match=r"a field of 300 mT exceeds the limit of 100 mT"):
        guarded.set_field(0.3, slew=0.01)
    with pytest.raises(LimitError, match=r"field ramp of 100 mT/s exceeds .* 50 mT/s"):
        guarded.set_field(0.05, slew=0.1)
    with pytest.raises(LimitError, match=r"field ramp of 0 T/s must be positive"):
        guarded.set_field(0.05, slew=0.0)
    assert device.calls == []
    assert guarded.set_field(-0.05, slew=0.01) == -0.05
    assert shared.total().peak_field == 0.05


def test_the_strictest_limit_holds_and_says_where_it_stands() -> None:
    limits = Limits(voltage=5.0).tightened({"voltage": 1.0}, "[limits.terminals.T1]")
    limits = limits.tightened({"voltage": 3.0}, "[limits.devices.1]")
    with pytest.raises(LimitError, match=r"limit of 1 V \(\[limits.terminals.T1\] voltage"):
        limits.check("voltage", 2.0, "a voltage")


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_limit_must_be_positive(value: float) -> None:
    with pytest.raises(LimitError, match="limit voltage is"):
        Limits(voltage=value)


def test_a_jump_of_less_than_nothing() -> None:
    with pytest.raises(LimitError, match=r"conductance_jump is 0.5, it must be above 1"):
        Limits(conductance_jump=0.5)

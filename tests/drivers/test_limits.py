"""Limits: what is refused, in which words, and that nothing is sent before."""

import math

import pytest

from labsyn.data.errors import LimitError
from labsyn.data.flags import Flag
from labsyn.drivers.guard import GuardedPulseSource, GuardedReader
from labsyn.drivers.limits import Limits
from labsyn.drivers.roles import Reading

LIMITS = Limits(voltage=2.0, current=1e-3, pulse_width=0.1, n_pulses=10)


class Recorder:
    """Plays both roles and remembers what reached it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self.calls.append("setup_pulses")

    def pulse(self, voltage: float) -> Reading:
        self.calls.append("pulse")
        return Reading(voltage, 1e-6)

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self.calls.append("setup_reads")

    def read(self) -> Reading:
        self.calls.append("read")
        return Reading(0.1, 1e-6)


@pytest.mark.parametrize("voltage", [2.0001, -2.5, math.nan, math.inf])
def test_a_pulse_beyond_the_limit_never_reaches_the_source(voltage: float) -> None:
    source = Recorder()
    with pytest.raises(LimitError, match=r"pulse voltage of .* exceeds the limit of 2 V"):
        GuardedPulseSource(source, LIMITS).pulse(voltage)
    assert source.calls == []


@pytest.mark.parametrize(
    ("width", "compliance", "message"),
    [
        (0.2, 1e-4, r"pulse width of 200 ms exceeds the limit of 100 ms .*pulse_width"),
        (0.01, 2e-3, r"compliance current of 2 mA exceeds the limit of 1 mA"),
        (0.0, 1e-4, r"pulse width of 0 s must be positive"),
        (0.01, -1e-4, r"compliance current of -100 µA must be positive"),
    ],
)
def test_set_ups_beyond_the_limits(width: float, compliance: float, message: str) -> None:
    source = Recorder()
    with pytest.raises(LimitError, match=message):
        GuardedPulseSource(source, LIMITS).setup_pulses(
            width=width, period=1.0, compliance_current=compliance
        )
    assert source.calls == []


def test_reads_are_limited_too() -> None:
    reader = Recorder()
    guarded = GuardedReader(reader, LIMITS)
    with pytest.raises(LimitError, match="read voltage of 3 V"):
        guarded.setup_reads(voltage=3.0, compliance_current=1e-4)
    guarded.setup_reads(voltage=0.1, compliance_current=1e-4)
    assert guarded.read().conductance == pytest.approx(1e-5)
    assert reader.calls == ["setup_reads", "read"]


def test_what_is_allowed_passes() -> None:
    source = Recorder()
    guarded = GuardedPulseSource(source, LIMITS)
    guarded.setup_pulses(width=0.1, period=1.0, compliance_current=1e-3)
    assert guarded.pulse(-2.0).flags == Flag(0)
    assert source.calls == ["setup_pulses", "pulse"]


def test_the_number_of_pulses() -> None:
    LIMITS.check_n_pulses(10, "the number of pulses")
    with pytest.raises(LimitError, match="number of pulses of 11 exceeds the limit of 10"):
        LIMITS.check_n_pulses(11, "the number of pulses")


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_limit_must_be_positive(value: float) -> None:
    with pytest.raises(LimitError, match="limit voltage is"):
        Limits(voltage=value)

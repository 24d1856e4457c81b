"""The gaussmeter driver: tesla whatever the display says, and no silent overload."""

import math
import re
from collections.abc import Iterator

import pytest
from pymeasure.instruments.lakeshore import LakeShore425 as UnwrappedLakeShore425
from pymeasure.test import expected_protocol

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected, InstrumentError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.lakeshore425 import LakeShore425
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.lakeshore425 import SimulatedLakeShore425
from labsyn.drivers.simulated.wiring import Wiring

ADDRESS = "ASRL3::INSTR"
OPENING = [("*ESR?", "128")]


@pytest.fixture
def surroundings() -> Environment:
    return Environment()


@pytest.fixture
def gaussmeter(surroundings: Environment) -> Iterator[LakeShore425]:
    clock = VirtualClock()
    simulated = SimulatedLakeShore425(surroundings, clock, noise=False)
    bench = SimulatedBench({ADDRESS: simulated}, Wiring(clock), clock)
    instrument = LakeShore425(ADDRESS, visa_library=LabsynVisaLibrary.for_bench(bench))
    yield instrument
    instrument.adapter.close()


@pytest.mark.parametrize("unit", ["G", "T", "Oe", "A/m"])
def test_the_field_is_in_tesla_in_every_unit(
    gaussmeter: LakeShore425, surroundings: Environment, unit: str
) -> None:
    surroundings.field = -0.25
    gaussmeter.range = 3500
    gaussmeter.unit = unit
    assert gaussmeter.field == pytest.approx(-0.25, rel=1e-5)
    assert gaussmeter.settings()["RANGE"] == "3"


def test_the_unwrapped_driver_reads_the_unit_of_the_display() -> None:
    with expected_protocol(UnwrappedLakeShore425, [("RDGFIELD?", "+003.000E+03")]) as below:
        assert below.field == 3000.0
    with expected_protocol(
        LakeShore425, [*OPENING, ("UNIT?", "4"), ("RDGFIELD?", "+001.000E+06")]
    ) as instrument:
        assert instrument.field == pytest.approx(0.4 * math.pi)


def test_overload_is_an_error_and_was_a_text(
    gaussmeter: LakeShore425, surroundings: Environment
) -> None:
    with expected_protocol(UnwrappedLakeShore425, [("RDGFIELD?", "OL")]) as below:
        assert below.field == "OL"
    surroundings.field = 0.3
    gaussmeter.range = 350
    with pytest.raises(InstrumentDataError, match=r"overloaded: the field is beyond .* 350 G"):
        _ = gaussmeter.field


def test_a_range_that_does_not_exist_is_refused() -> None:
    with expected_protocol(UnwrappedLakeShore425, [("RANGE 4", None)]) as below:
        below.range = 50_000
    with (
        expected_protocol(LakeShore425, OPENING) as instrument,
        pytest.raises(ValueError, match="50000"),
    ):
        instrument.range = 50_000


def test_a_refused_setting_is_told() -> None:
    with expected_protocol(UnwrappedLakeShore425, [("UNIT 2", None)]) as below:
        below.unit = "T"
    with (
        expected_protocol(
            LakeShore425, [*OPENING, ("UNIT 2", None), ("*ESR?", "16")]
        ) as instrument,
        pytest.raises(InstrumentError, match="reports: a value was out of range"),
    ):
        instrument.unit = "T"


@pytest.mark.parametrize("reply", ["+0..3", "nan", "1e999"])
def test_a_garbled_reading(reply: str) -> None:
    with (
        expected_protocol(
            LakeShore425, [*OPENING, ("UNIT?", "2"), ("RDGFIELD?", reply)]
        ) as instrument,
        pytest.raises(
            InstrumentDataError,
            match=rf"answered '{re.escape(reply)}' to RDGFIELD\?, no number",
        ),
    ):
        _ = instrument.field


def test_a_mute_gaussmeter(gaussmeter: LakeShore425, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaussmeter, "write", lambda *_: None)
    with pytest.raises(InstrumentDisconnected, match="LakeShore 425 did not answer"):
        gaussmeter.check_errors()
    monkeypatch.undo()

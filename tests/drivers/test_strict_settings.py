"""Settings that refuse: every one of the lock-ins, the supply and the gaussmeter."""

import math
from typing import Any

import pytest
from pymeasure.test import expected_protocol

from labsyn.data.errors import InstrumentDataError, LimitError
from labsyn.drivers.kepco_bop import KepcoBOP
from labsyn.drivers.lakeshore425 import LakeShore425
from labsyn.drivers.sr830 import SR830
from labsyn.drivers.sr860 import SR860

SR830_OPENING = [("OUTX1", None), ("*ESR?", "128"), ("LIAS?", "0")]
SR860_OPENING = [("*ESR?", "128"), ("LIAS?", "0")]
LAKESHORE_OPENING = [("*ESR?", "128")]


@pytest.mark.parametrize(
    ("kind", "opening", "name", "query", "answer", "message"),
    [
        (SR830, SR830_OPENING, "time_constant", "OFLT?", "99", "one of 0, 1, … 19"),
        (SR830, SR830_OPENING, "frequency", "FREQ?", "1,2", "not one value"),
        (SR830, SR830_OPENING, "phase", "PHAS?", "nan", "is nan, no number"),
        (SR860, SR860_OPENING, "input_range", "IRNG?", "5", "one of 0, 1, 2, 3, 4"),
        (SR860, SR860_OPENING, "frequency", "FREQ?", "1e999", "is inf, no number"),
        (KepcoBOP, [], "operating_mode", "FUNCtion:MODE?", "2", "one of 0, 1"),
        (KepcoBOP, [], "output_enabled", "OUTPut?", "7", "one of 1, 0"),
        (LakeShore425, LAKESHORE_OPENING, "unit", "UNIT?", "0", "one of 1, 2, 3, 4"),
        (LakeShore425, LAKESHORE_OPENING, "range", "RANGE?", "3.5", "one of 1, 2, 3, 4"),
    ],
)
def test_an_answer_that_fits_nothing(
    kind: Any, opening: Any, name: str, query: str, answer: str, message: str
) -> None:
    with (
        expected_protocol(kind, [*opening, (query, answer)]) as instrument,
        pytest.raises(InstrumentDataError, match=message) as caught,
    ):
        getattr(instrument, name)
    assert caught.value.__notes__ == [f"at {instrument.name}"]


@pytest.mark.parametrize(
    ("kind", "opening", "name", "value", "message"),
    [
        (SR830, SR830_OPENING, "frequency", math.nan, r"nan hertz .* from 0\.001 to 102000"),
        (SR830, SR830_OPENING, "harmonic", 1.5, "a whole number from 1 to 19999"),
        (SR830, SR830_OPENING, "sensitivity", 3e-9, "choices 2e-09, 5e-09, … 1 volt"),
        (SR860, SR860_OPENING, "amplitude", -0.1, "for the sine output .* 0 to 2 volt rms"),
        (KepcoBOP, [], "current_setpoint", math.inf, "from -12 to 12 ampere"),
        (KepcoBOP, [], "operating_mode", "POW", "choices 'VOLT', 'CURR'"),
        (LakeShore425, LAKESHORE_OPENING, "unit", "K", "choices 'G', 'T', 'Oe', 'A/m'"),
    ],
)
def test_a_refused_value_is_not_sent(
    kind: Any, opening: Any, name: str, value: Any, message: str
) -> None:
    with (
        expected_protocol(kind, opening) as instrument,
        pytest.raises(LimitError, match=f"{message}.*nothing was sent") as caught,
    ):
        setattr(instrument, name, value)
    assert caught.value.__notes__ == [f"at {instrument.name}"]


def test_the_docstring_tells_the_range() -> None:
    assert SR830.frequency.__doc__ == (
        "Control the reference frequency in hertz (float, strictly 0.001 to 102000)."
    )
    assert SR860.harmonic.__doc__ == "Control the detected harmonic (int, strictly 1 to 99)."
    assert KepcoBOP.operating_mode.__doc__ == (
        "Control what the output holds (strictly 'VOLT', 'CURR')."
    )

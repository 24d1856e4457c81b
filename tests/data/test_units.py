"""Quantities as people write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.data.errors import UnitError
from labsyn.data.units import format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("100 ns", "s", 1e-7),
        ("100ns", "s", 1e-7),
        ("1.5 V", "V", 1.5),
        ("-1500 mV", "V", -1.5),
        ("20 mA", "A", 0.02),
        ("1e-3 mA", "A", 1e-6),
        ("2.5 µS", "S", 2.5e-6),
        ("2.5 uS", "S", 2.5e-6),
        ("0.01", "s", 0.01),
        ("1 min", "s", 60.0),
        ("25 degC", "K", 298.15),
        ("300 mT", "T", 0.3),
    ],
)
def test_texts(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-15)


def test_prefixes_are_exact() -> None:
    assert parse_quantity("100 ns", "s") == 1e-7  # 100 * 1e-9 is not
    assert parse_quantity("3 mV", "V") == 3e-3


@pytest.mark.parametrize(
    ("value", "unit"),
    [("3 V", "s"), ("", "V"), ("fast", "s"), ("1 2 V", "V"), ("1 V^9^9^9^9", "V")],
)
def test_what_is_no_such_quantity(value: str, unit: str) -> None:
    with pytest.raises(UnitError, match=f"not a quantity in {unit}"):
        parse_quantity(value, unit)


@pytest.mark.parametrize("value", [math.nan, math.inf, "NaN", "inf V"])
def test_what_is_not_finite(value: float | str) -> None:
    with pytest.raises(UnitError, match="not a finite quantity in V"):
        parse_quantity(value, "V")


@given(st.floats(1e-14, 1e11) | st.floats(-1e11, -1e-14))
def test_formatted_quantities_are_read_back(value: float) -> None:
    text = format_quantity(value, "V", digits=12)
    assert parse_quantity(text, "V") == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-7, "100 ns"), (0.0, "0 s"), (1.0, "1 s"), (12345.0, "12.35 ks"), (math.nan, "nan s")],
)
def test_formatting(value: float, text: str) -> None:
    assert format_quantity(value, "s") == text


def test_plain_numbers_have_no_prefix() -> None:
    assert format_quantity(12345.0, "") == "1.234e+04"

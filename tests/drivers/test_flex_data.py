"""Replies of a B1500A: every status bit, every letter, and nothing made of half a line."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.data.errors import InstrumentDataError
from labsyn.data.flags import Flag
from labsyn.drivers.flex_data import parse_data


@pytest.mark.parametrize("status", range(256))
def test_every_numeric_status(status: int) -> None:
    flags = parse_data(f"{status:03d}BI+010.0000E-06")[0].flags
    assert bool(flags & Flag.COMPLIANCE) == bool(status & 12)
    assert bool(flags & Flag.OVERFLOW) == bool(status & 65)
    assert bool(flags & Flag.OSCILLATION) == bool(status & 2)


@pytest.mark.parametrize(
    ("letter", "flag"),
    [
        ("N", Flag(0)),
        ("C", Flag.COMPLIANCE),
        ("T", Flag.COMPLIANCE),
        ("V", Flag.OVERFLOW),
        ("X", Flag.OSCILLATION),
        ("F", Flag.SATURATED),
        ("G", Flag(0)),
    ],
)
def test_every_letter(letter: str, flag: Flag) -> None:
    assert parse_data(f"{letter}AI+010.000E-06")[0].flags == flag


def test_channels_kinds_and_values() -> None:
    data = parse_data("NAI-001.500E-06,NBV+100.000E-03,NAT+001.000E+00\r\n")
    assert [(d.channel, d.kind) for d in data] == [(1, "I"), (2, "V"), (1, "T")]
    assert [d.value for d in data] == [-1.5e-6, 0.1, 1.0]


def test_no_number_becomes_nan_and_is_flagged() -> None:
    datum = parse_data("VAI+199.999E+99")[0]
    assert math.isnan(datum.value)
    assert datum.flags & Flag.OVERFLOW


@pytest.mark.parametrize(
    "reply", ["", "NAI+010.0", "NAI+010.000E-06,", "garbage", "NAI+010.000E-06,NAX", "\x00\x01"]
)
def test_half_a_line_is_no_number(reply: str) -> None:
    if reply == "NAI+010.000E-06,":  # a trailing comma separates messages in FMT 5 and 15
        assert len(parse_data(reply)) == 1
        return
    with pytest.raises(InstrumentDataError, match="is no data item"):
        parse_data(reply)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InstrumentDataError):
        parse_data(text)

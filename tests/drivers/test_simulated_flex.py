"""The FLEX parser: spellings the instrument takes, and everything it must refuse calmly."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a import COMMANDS, SimulatedB1500A
from labsyn.drivers.simulated.flex import (
    FlexError,
    format_number,
    parse_statement,
    split_message,
)
from labsyn.drivers.simulated.flex_data import ASCII_FORMATS
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring


@pytest.mark.parametrize(
    ("statement", "header", "values"),
    [
        ("WV 1,3,0,0,1,5,0.001", "WV", (1, 3, 0, 0.0, 1.0, 5, 0.001, None)),
        ("WV1, 3, 0, 0, 1, 5, 0.001", "WV", (1, 3, 0, 0.0, 1.0, 5, 0.001, None)),
        ("wv1,3,0,0,1.,+5,1E-3,.5", "WV", (1, 3, 0, 0.0, 1.0, 5, 0.001, 0.5)),
        ("WT 0.0,0.0", "WT", (0.0, 0.0, None, None, None)),
        ("CN1,2", "CN", (1, 2)),
        ("CN 101,302,1001", "CN", (1, 302, 10)),
        ("CN", "CN", ()),
        ("UNT?0", "UNT?", (0,)),
        ("UNT? ", "UNT?", (None,)),
        ("*lrn? 31", "*LRN?", (31,)),
        ("DV 1,0,0,0.001", "DV", (1, 0, 0.0, 0.001, None, None)),
        ("RI 1,-15", "RI", (1, -15)),
        ("MM 2, 1, 2", "MM", (2, 1, 2)),
    ],
)
def test_spellings(statement: str, header: str, values: tuple[object, ...]) -> None:
    found, _, bound = parse_statement(statement, COMMANDS)
    assert (found, bound) == (header, values)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("XYZ 1", 100),
        ("?", 100),
        ("12", 100),
        ("DV", 120),
        ("DV 1,0", 120),
        ("DV 11,0,0", 120),
        ("DV 1,0,nan", 120),
        ("DV 1,0,1_0", 120),
        ("DV 1,0,1e999", 120),
        ("DV 1.5,0,1", 120),
        ("DV 1,0,0,1e-3,0,0,7", 120),
        ("FMT 6", 120),
        ("ERRX? two", 120),
        ("MM 6,1", 120),
        ("CN 103", 120),
        ("CN 1102", 120),
    ],
)
def test_refusals(statement: str, code: int) -> None:
    with pytest.raises(FlexError, match=f"^{code}: ") as caught:
        parse_statement(statement, COMMANDS)
    assert caught.value.code == code


def test_messages_split_at_semicolons_and_any_terminator() -> None:
    assert split_message("CN 1;DV 1,0,0; ;\r\nXE\n") == ["CN 1", "DV 1,0,0", "XE"]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.0, 3, "+000.000E+00"),
        (1.5, 3, "+001.500E+00"),
        (-123e-9, 3, "-123.000E-09"),
        (999.9996, 3, "+001.000E+03"),
        (0.1, 4, "+100.0000E-03"),
        (199.999e99, 3, "+199.999E+99"),
        (199.999e99, 4, "+199.9990E+99"),
        (1e-200, 4, "+000.0000E+00"),
    ],
)
def test_numbers(value: float, decimals: int, text: str) -> None:
    assert format_number(value, decimals) == text


@given(st.floats(-1e12, 1e12), st.sampled_from([3, 4]))
def test_every_number_has_its_length_and_value(value: float, decimals: int) -> None:
    text = format_number(value, decimals)
    assert len(text) == 9 + decimals
    assert re.fullmatch(r"[+-]\d{3}\.\d{3,4}E[+-]\d{2}", text)
    assert float(text) == pytest.approx(value, rel=10.0**-decimals / 2, abs=1e-95)


MODULES = {1: "B1517A", 2: "B1517A", 3: "B1525A", 4: "B1520A", 5: "B1530A"}


def make() -> SimulatedB1500A:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.draw(1)
    for channel, terminal in ((1, "top"), (2, "bottom")):
        wiring.connect(f"GPIB0::17::INSTR/{channel}", device, terminal)
    return SimulatedB1500A(wiring, clock, MODULES)


def ask(instrument: SimulatedB1500A, message: str) -> str:
    instrument.write(message.encode())
    return instrument.read(1 << 20)[0].decode()


_number = st.one_of(
    st.integers(-3, 12).map(str),
    st.floats(allow_nan=True).map(str),
    st.sampled_from(["1e-3", "0.1", "", " ", "a", "+", "1e", "--1", "11", "-15"]),
)
_statement = st.tuples(
    st.sampled_from([*COMMANDS, "XY", "?", "*", ""]),
    st.sampled_from(["", " ", "  "]),
    st.lists(_number, max_size=9).map(",".join),
).map("".join)


_message = st.one_of(
    st.binary(max_size=60),
    st.lists(_statement, max_size=8).map(";".join).map(str.encode),
)


@settings(max_examples=300, deadline=None)
@given(_message)
def test_nothing_a_client_sends_raises_or_silences_the_instrument(message: bytes) -> None:
    survive(message)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(_message)
def test_nothing_at_all_raises_or_silences_the_instrument(message: bytes) -> None:
    survive(message)


def survive(message: bytes) -> None:
    instrument = make()
    instrument.write(b"CN")
    instrument.write(message)
    instrument.status_byte()
    instrument.clear()
    assert ask(instrument, "*IDN?").startswith("Agilent Technologies,B1500A,")


@settings(max_examples=200)
@given(st.from_regex(r"[B-Z]Q[A-Z]{1,5} ?[0-9,]{0,9}", fullmatch=True))
def test_an_unknown_command_is_queued_and_nothing_else_happens(message: str) -> None:
    instrument = make()
    instrument.write(message.encode())
    assert instrument.read(99) == (b"", False)
    assert ask(instrument, "ERRX?") == '+100,"Undefined GPIB command."\r\n'
    assert ask(instrument, "ERRX?") == '+0,"No Error."\r\n'


@settings(max_examples=60)
@given(st.sampled_from(ASCII_FORMATS), st.floats(-1, 1))
def test_every_format_gives_back_the_value(data_format: int, volts: float) -> None:
    instrument = make()
    instrument.write(f"CN;DV 2,0,0,1E-3;DV 1,0,{volts},1E-3;FMT {data_format};TV 1".encode())
    text = instrument.read(100)[0].decode()
    number = re.search(r"[+-]\d{3}\.\d{3,4}E[+-]\d{2}", text)
    assert number is not None
    assert float(number[0]) == pytest.approx(volts, abs=2e-3)
    assert text.endswith("," if data_format in (5, 15, 25) else "\r\n")

"""The SCPI parser: spellings an instrument takes, and everything it must refuse calmly."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.scpi import (
    Command,
    CommandTree,
    setting,
    split_outside,
)
from labsyn.drivers.simulated.scpi_instrument import COMMON, ScpiInstrument
from labsyn.drivers.simulated.scpi_text import Block, Text
from labsyn.drivers.simulated.scpi_values import (
    Boolean,
    Number,
    ScpiError,
    choice,
)

VOLT = Number(unit="V", low=-10.0, high=10.0, default=0.5)
SECOND = Number(unit="S", low=1e-9, high=10.0)
OHM = Number(unit="OHM", low=1.0, high=1e7, infinite=True)
COUNT = Number(low=1, high=1000, integer=True)


class Source(ScpiInstrument):
    """A small instrument of every kind of parameter."""

    IDENTITY = "Maker,Model,0,1.0"
    TREE = CommandTree(
        [
            *COMMON,
            *setting("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", "volts", VOLT),
            *setting("[SOURce:]VOLTage:HIGH", "high", VOLT),
            *setting("FUNCtion:PULSe:WIDTh", "width", SECOND),
            *setting("FUNCtion:PULSe:PERiod", "period", SECOND),
            *setting("FUNCtion[:SHAPe]", "shape", choice("SINusoid", "PULSe")),
            *setting("OUTPut[:STATe]", "on", Boolean()),
            *setting("OUTPut:LOAD", "load", OHM),
            *setting("BURSt:NCYCles", "cycles", COUNT),
            *setting("DISPlay:TEXT", "text", Text()),
            *setting("DATA", "block", Block()),
            Command("CHANnel<n>:BEEP?", lambda n: str(n), of=lambda source, n: n),
        ]
    )

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.volts = self.high = 0.0
        self.width = self.period = 1.0
        self.shape, self.on, self.load = "SIN", False, 50.0
        self.cycles, self.text, self.block = 1.0, "", b""


class ClippingSource(Source):
    CLIPS = True


def ask(instrument: ScpiInstrument, message: str) -> str:
    instrument.write(message.encode("latin-1"))
    return instrument.read(1 << 20)[0].decode("latin-1").rstrip("\n")


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("*IDN?", "Maker,Model,0,1.0"),
        ("*idn?\r\n", "Maker,Model,0,1.0"),
        ("VOLT 1.5;VOLT?", "+1.5000000000000E+00"),
        ("voltage 1.5 V;:volt:lev?", "+1.5000000000000E+00"),
        (":SOUR:VOLT:LEV:IMM:AMPL -200mV;:VOLT?", "-2.0000000000000E-01"),
        ("SOURCE1:VOLTAGE1 +.25e1;:VOLT?", "+2.5000000000000E+00"),
        ("VOLT MIN;VOLT?;:VOLT DEF;VOLT?", "-1.0000000000000E+01;+5.0000000000000E-01"),
        ("VOLT? MAX", "+1.0000000000000E+01"),
        ("FUNC:PULS:WIDT 100NS;WIDT?", "+1.0000000000000E-07"),
        ("FUNC:PULS:WIDT 2 us;PER 3e-3;WIDT?;PER?",
         "+2.0000000000000E-06;+3.0000000000000E-03"),
        ("FUNC:PULS:WIDT 4;*ESE 1;PER 5;*ESE?;PER?", "1;+5.0000000000000E+00"),
        ("FUNC PULSE;FUNC?", "PULS"),
        ("func:shape sin;:FUNCTION?", "SIN"),
        ("OUTP ON;OUTP?;:OUTP 0;OUTP?;:OUTP 1;OUTP?", "1;0;1"),
        ("OUTP:LOAD INF;LOAD?", "+9.9000000000000E+37"),
        ("OUTP:LOAD 1 MOHM;LOAD?", "+1.0000000000000E+06"),
        ("BURS:NCYC 2.5;NCYC?", "+3.0000000000000E+00"),
        ("DISP:TEXT 'a;b,\"c';TEXT?", '"a;b,""c"'),
        ('DISP:TEXT "say ""hi""";TEXT?', '"say ""hi"""'),
        ("DATA #14;\n, ;DATA?", "#14;\n, "),
        ("CHAN7:BEEP?;:CHAN:BEEP?", "7;1"),
        ("*OPC?;*TST?;*WAI;*STB?", "1;0;0"),
    ],
)  # fmt: skip
def test_spellings(message: str, answer: str) -> None:
    source = Source()
    assert ask(source, message) == answer
    assert ask(source, "SYST:ERR?") == '+0,"No error"'


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("VOLTA 1", '-113,"Undefined header"'),
        ("?", '-113,"Undefined header"'),
        (":*IDN?", '-113,"Undefined header"'),
        ("FUNC:PULS:WIDT 1;VOLT 2", '-113,"Undefined header"'),  # no FUNC:PULS:VOLT
        ("VOLT3 1", '-114,"Header suffix out of range"'),
        ("VOLT 1,2", '-108,"Parameter not allowed"'),
        ("*RST 1", '-108,"Parameter not allowed"'),
        ("VOLT", '-109,"Missing parameter"'),
        ("VOLT one", '-104,"Data type error"'),
        ("VOLT nan", '-104,"Data type error"'),
        ("VOLT 1_0", '-104,"Data type error"'),
        ("VOLT INF", '-104,"Data type error"'),
        ("VOLT 1 S", '-131,"Invalid suffix"'),
        ("BURS:NCYC 3 S", '-138,"Suffix not allowed"'),
        ("VOLT 1 XV", '-131,"Invalid suffix"'),
        ("VOLT 10.5", '-222,"Data out of range"'),
        ("VOLT 1e999", '-222,"Data out of range"'),
        ("FUNC:PULS:PER DEF", '-104,"Data type error"'),
        ("FUNC TRI", '-224,"Illegal parameter value"'),
        ("OUTP MAYBE", '-224,"Illegal parameter value"'),
        ("VOLT? HIGH", '-224,"Illegal parameter value"'),
        ("DISP:TEXT hello", '-151,"Invalid string data"'),
        ("DATA #19abc", '-161,"Invalid block data"'),
        ("DATA 12", '-161,"Invalid block data"'),
        ("*TRG", '-211,"Trigger ignored"'),
    ],
)
def test_refusals(message: str, error: str) -> None:
    source = Source()
    source.write(message.encode())
    assert ask(source, "SYSTem:ERRor:NEXT?") == error
    assert ask(source, "SYST:ERR?") == '+0,"No error"'


def test_a_refused_value_changes_nothing_unless_the_instrument_clips() -> None:
    source, clipping = Source(), ClippingSource()
    for instrument in (source, clipping):
        instrument.write(b"VOLT 99;:FUNC:PULS:WIDT 0.000000")
    assert (source.volts, source.width) == (0.0, 1.0)
    assert (clipping.volts, clipping.width) == (10.0, 1e-9)
    assert (
        ask(clipping, "SYST:ERR?") == '-222,"Data out of range; value clipped to upper limit"'
    )
    assert (
        ask(clipping, "SYST:ERR?") == '-222,"Data out of range; value clipped to lower limit"'
    )


def test_an_answer_that_is_not_read_is_lost_and_reported() -> None:
    source = Source()
    source.write(b"*IDN?")
    assert source.read(5) == (b"Maker", False)
    assert ask(source, "VOLT?").startswith("+0")
    assert ask(source, "SYST:ERR?") == '-410,"Query INTERRUPTED"'
    assert source.read(10) == (b"", False)
    assert ask(source, "SYST:ERR?") == '-420,"Query UNTERMINATED"'


def test_a_device_clear_forgets_the_answer_only() -> None:
    source = Source()
    source.write(b"VOLT 2;FOO;*IDN?")
    source.clear()
    assert ask(source, "VOLT?").startswith("+2")
    assert ask(source, "SYST:ERR?").startswith("-113")


def test_reading_to_a_termination_character() -> None:
    source = Source()
    source.write(b"VOLT?;VOLT?\n")
    assert source.read(99, b";") == (b"+0.0000000000000E+00;", False)
    assert source.read(99, b"\n") == (b"+0.0000000000000E+00\n", True)


def test_the_queue_is_finite_and_the_latest_error_gives_way() -> None:
    source = Source()
    for _ in range(25):
        source.write(b"FOO")
    errors = [ask(source, "SYST:ERR?") for _ in range(21)]
    assert errors[:19] == ['-113,"Undefined header"'] * 19
    assert errors[19:] == ['-350,"Queue overflow"', '+0,"No error"']


class BusySource(Source):
    """One that is at work for the first second."""

    def is_busy(self) -> bool:
        return self.clock.now() < 1.0


def test_operation_complete_is_set_when_it_is_and_nobody_waits() -> None:
    """IEEE 488.2 (1992) 12.5.2: *OPC lets the commands that follow go on."""
    source = BusySource()
    ask(source, "*ESR?")
    source.write(b"*OPC")
    assert source.clock.now() == 0.0
    assert ask(source, "*ESR?") == "0"
    source.write(b"*ESE 1;*SRE 32")
    assert source.status_byte() == 0
    source.clock.sleep(2.0)
    assert source.status_byte() == 96
    assert ask(source, "*ESR?;*ESR?") == "1;0"


def test_a_program_that_only_polls_comes_to_an_end() -> None:
    source = BusySource()
    ask(source, "*ESR?")
    source.write(b"*OPC")
    polls = 0
    while ask(source, "*ESR?") == "0":
        polls += 1
    assert source.clock.now() == pytest.approx(1.0)
    assert polls == 100


@pytest.mark.parametrize(
    "forget",
    [lambda s: s.write(b"*CLS"), lambda s: s.write(b"*RST"), lambda s: s.clear()],
    ids=["*CLS", "*RST", "device clear"],
)
def test_a_clear_cancels_operation_complete(forget: Any) -> None:
    source = BusySource()
    ask(source, "*ESR?")
    source.write(b"*OPC")
    forget(source)
    source.clock.sleep(2.0)
    assert ask(source, "*ESR?") == "0"


def test_status_registers() -> None:
    source = Source()
    assert ask(source, "*ESR?") == "128"  # power on
    source.write(b"FOO;VOLT 99;*OPC")
    assert ask(source, "*STB?") == "4"
    source.write(b"*ESE 32;*SRE 32")
    assert ask(source, "*ESE?;*SRE?;*STB?") == "32;32;100"
    assert source.status_byte() == 100
    assert ask(source, "*ESR?") == "49"
    source.write(b"*CLS")
    assert source.status_byte() == 0


def test_splitting_leaves_strings_and_blocks_whole() -> None:
    assert split_outside("a;'b;c';\"d;\";#13;;;;e", ";") == [
        "a",
        "'b;c'",
        '"d;"',
        "#13;;;",
        "e",
    ]
    assert split_outside("'open;a;b", ";") == ["'open", "a", "b"]


@given(st.floats(-10, 10))
def test_numbers_come_back(volts: float) -> None:
    assert float(ask(Source(), f"VOLT {volts!r};VOLT?")) == pytest.approx(
        volts, rel=1e-13, abs=1e-99
    )


@given(st.binary(max_size=40))
def test_blocks_come_back(content: bytes) -> None:
    source = Source()
    length = str(len(content)).encode()
    source.write(b"DATA #" + str(len(length)).encode() + length + content + b"\r\n")
    assert source.block == content
    assert not source.errors


@given(st.text("abc;,'\" \x00é", max_size=20))
def test_strings_come_back(text: str) -> None:
    assert Text().read(Text().show(text), None) == text


def test_messages_of_errors() -> None:
    with pytest.raises(ScpiError, match="-222: Data out of range") as caught:
        SECOND.read("11", None)
    assert caught.value.code == -222
    assert SECOND.show(math.inf) == "+9.9000000000000E+37"


WORDS = ["VOLT", ":SOUR:VOLT:HIGH", "FUNC:PULS:WIDT", "PER", "OUTP", "DATA", "DISP:TEXT",
         "*ESE", "*IDN?", "VOLT?", "FUNC", "BURS:NCYC", "*TRG", "XY", "?", "*",
         "CHAN99999:BEEP?", ""]  # fmt: skip
PIECES = st.one_of(
    st.sampled_from(["1", "1e-3 V", "MIN", "ON", "#15abcde", "#9", "#0", "'", '"', "1E99999",
                     "INF", " ", ",", "-", "PULS", "\n", "1" * 400]),
    st.floats().map(str),
    st.binary(max_size=6).map(lambda data: data.decode("latin-1")),
)  # fmt: skip
MESSAGES = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.tuples(st.sampled_from(WORDS), st.lists(PIECES, max_size=3).map(",".join)).map(
            " ".join
        ),
        max_size=6,
    ).map(lambda parts: ";".join(parts).encode("latin-1")),
)


def survives(message: bytes) -> None:
    source = Source()
    source.write(message)
    source.status_byte()
    source.clear()
    source.write(b"*CLS")
    source.clear()
    assert ask(source, "*IDN?") == "Maker,Model,0,1.0"


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_nothing_a_client_sends_raises_or_silences_the_instrument(message: bytes) -> None:
    survives(message)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(MESSAGES)
def test_nothing_at_all_raises(message: bytes) -> None:
    survives(message)


@settings(max_examples=300)
@given(st.from_regex(r"[B-Z]Q[A-Z]{1,5}(:[A-Z]{2,5})? ?[0-9,]{0,9}", fullmatch=True))
def test_an_unknown_command_is_queued_and_nothing_else_happens(message: str) -> None:
    source = Source()
    source.write(message.encode())
    assert ask(source, "SYST:ERR?") == '-113,"Undefined header"'
    assert ask(source, "SYST:ERR?") == '+0,"No error"'

"""Nonsense for every simulated instrument of the catalogue, each through its own parser.

Whatever comes, nothing is raised; an error is reported; the instrument still says who it is.
Messages are valid commands of the instrument, mutated, or bytes at random.
"""

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.catalogue import DRIVERS, driver
from labsyn.drivers.simulated import b1500a
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.instrument import SimulatedInstrument
from labsyn.drivers.simulated.scpi_instrument import ScpiInstrument
from labsyn.drivers.simulated.terse_instrument import TerseInstrument

ADDRESS = "GPIB0::5::INSTR"
LUA = [
    "channel.close('1101')", "channel.open('allslots')", "print(channel.getclose('slot1'))",
    "channel.setforbidden('1102')", "channel.setbackplane('1101', '1911')", "dmm.nplc = 1",
    "dmm.func = 'dcvolts'", "x = dmm.measure()", "b = dmm.makebuffer(10) dmm.measure(b)",
    "printbuffer(1, 2, b)", "scan.create('1101:1103')", "scan.execute(b)", "*CLS", "*ESE 255",
    "if x then print(x) end", "for i = 1, 3 do print(i) end", "format.asciiprecision = 10",
]  # fmt: skip
ARGUMENTS = st.one_of(
    st.integers(-3, 30).map(str),
    st.floats().map(str),
    st.sampled_from(["", "ON", "MAX", "100NS", "-3 V", "#14abcd", "'x", '"', "1e999", "X"]),
)
# No instrument has a mnemonic with a Q in the second place.
UNKNOWN = st.from_regex(r"[B-DF-Z]Q[A-Z]{2,5} ?[0-9]{0,6}", fullmatch=True)


def make(name: str) -> SimulatedInstrument:
    simulated = {"modules": {"1": "B1517A", "2": "B1525A", "3": "B1520A"}}
    config = {
        "instruments": {
            "it": {
                "driver": name,
                "resource": ADDRESS,
                "simulated": simulated if name == "KeysightB1500A" else {},
            }
        },
        "simulation": {"device": "lixcoo2"},
    }
    return SimulatedBench.from_config(BenchConfig.model_validate(config)).instruments[ADDRESS]


def headers(instrument: Any) -> list[str]:
    """Return the headers of every command an instrument has."""
    if isinstance(instrument, ScpiInstrument):
        patterns = [command.pattern for command in instrument.TREE.commands]
        return [p.replace("<n>", "1").translate({91: None, 93: None}) for p in patterns]
    if isinstance(instrument, TerseInstrument):
        return list(instrument.COMMANDS)
    if isinstance(instrument, b1500a.SimulatedB1500A):
        return list(b1500a.COMMANDS)
    return LUA


def mutate(sentence: str, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Put bytes in, leave bytes out, each at a share of the length."""
    data = sentence.encode("latin-1")
    for share, left_out, put_in in edits:
        place = int(share * len(data))
        data = data[:place] + put_in + data[place + left_out :]
    return data


def messages(name: str) -> st.SearchStrategy[bytes]:
    known = headers(make(name))
    header, arguments = st.sampled_from(known), st.lists(ARGUMENTS, max_size=6)
    if known is LUA:
        sentence = st.lists(header, max_size=5).map(" ".join)
    else:
        statement = st.tuples(header, arguments.map(",".join)).map(" ".join)
        sentence = st.lists(statement, max_size=5).map(";".join)
    bytes_in = st.one_of(
        st.binary(max_size=3),
        st.sampled_from(string.ascii_letters + string.punctuation).map(str.encode),
    )
    edit = st.tuples(st.floats(0, 1), st.integers(0, 3), bytes_in)
    mutated = st.tuples(sentence, st.lists(edit, max_size=4)).map(lambda pair: mutate(*pair))
    return st.one_of(st.binary(max_size=80), mutated)


def ask(instrument: SimulatedInstrument, message: str) -> str:
    instrument.write(message.encode() + b"\n")
    return instrument.read(1 << 20)[0].decode("latin-1").strip()


def next_error(instrument: SimulatedInstrument, name: str) -> int:
    """Return the oldest code, or the error bits of the event register, and forget it."""
    if name in ("SR830", "SR860", "LakeShore425"):
        return int(ask(instrument, "*ESR?")) & 0b0011_0000
    queries = {"KeysightB1500A": "ERRX?", "Keithley3706A": "print(errorqueue.next())"}
    reply = ask(instrument, queries.get(name, "SYST:ERR?"))
    return int(float(reply.replace("\t", ",").split(",")[0]))


def check(name: str, message: bytes, wrong: str) -> None:
    instrument = make(name)
    instrument.write(message)
    instrument.trigger()
    instrument.status_byte()
    instrument.clear()
    while next_error(instrument, name):
        pass
    instrument.write(wrong.encode())
    assert next_error(instrument, name)
    assert not next_error(instrument, name)
    assert not instrument.has_answer()
    assert driver(name).MODEL.search(ask(instrument, "*IDN?"))


@pytest.mark.parametrize("name", DRIVERS)
def test_nonsense_is_reported_and_survived(name: str) -> None:
    @settings(max_examples=100, deadline=None)
    @given(messages(name), UNKNOWN)
    def survived(message: bytes, wrong: str) -> None:
        check(name, message, wrong)

    survived()


@pytest.mark.long
@pytest.mark.parametrize("name", DRIVERS)
def test_ten_thousand_pieces_of_nonsense(name: str) -> None:
    @settings(max_examples=10_000, deadline=None)
    @given(messages(name), UNKNOWN)
    def survived(message: bytes, wrong: str) -> None:
        check(name, message, wrong)

    survived()

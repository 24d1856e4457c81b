"""What an instrument still had to say is read away, and never taken for an answer."""

from pathlib import Path
from typing import Any

import pytest
import pyvisa

from labsyn.data.errors import BenchError, InstrumentDataError, InstrumentDisconnected
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.config import load_config, simulated_config
from labsyn.drivers.identity import identify
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import Fault, FaultyInstrument
from labsyn.drivers.surroundings import surroundings

ADDRESS = "GPIB0::17::INSTR"


def library(*faults: Fault) -> LabsynVisaLibrary:
    bench = SimulatedBench.default()
    inner = bench.instruments[ADDRESS]
    bench.instruments[ADDRESS] = FaultyInstrument(inner, faults, bench.clock)
    return LabsynVisaLibrary.for_bench(bench)


def left_over(made: LabsynVisaLibrary, *replies: bytes) -> None:
    """Let replies wait that nobody has read."""
    cable: Any = made.bench.instruments[ADDRESS]
    cable._replies += [(reply + b"\r\n", True) for reply in replies]


def asked(made: LabsynVisaLibrary) -> Any:
    return identify("smu", "KeysightB1500A", ADDRESS, made, 5.0)


def test_an_instrument_with_nothing_to_say() -> None:
    identity = asked(library())
    assert "B1500A" in identity.idn
    assert (identity.stale, identity.errors) == ((), ())


def test_replies_to_somebody_elses_questions() -> None:
    made = library()
    left_over(made, b'+0,"No Error."', b"1")
    identity = asked(made)
    assert "B1500A" in identity.idn
    assert identity.stale == ('+0,"No Error."', "1")


def test_an_identity_that_came_twice() -> None:
    identity = asked(library(Fault(kind="duplicate", match="IDN")))
    assert len(identity.stale) == 1
    assert "B1500A" in identity.stale[0]


def test_errors_of_whoever_was_here_before() -> None:
    made = library()
    made.bench.instruments[ADDRESS].write(b"NOSUCH\n")
    identity = asked(made)
    assert identity.errors
    assert asked(made).errors == ()


def test_a_mute_instrument() -> None:
    with pytest.raises(InstrumentDisconnected, match="smu did not answer"):
        asked(library(Fault(kind="timeout", match="IDN")))


def test_a_babbling_instrument() -> None:
    made = library()
    left_over(made, *[b"1"] * 20)
    with pytest.raises(InstrumentDataError, match=r"17 replies that are no answer to \*IDN\?"):
        asked(made)


@pytest.mark.parametrize("query", ["STB", "ERRX"])
def test_a_reply_that_is_no_text(query: str) -> None:
    with pytest.raises(InstrumentDataError, match="no text"):
        asked(library(Fault(kind="garble", match=query)))


def test_a_status_that_is_no_number() -> None:
    with pytest.raises(InstrumentDataError, match=r"'what' to \*STB\?"):
        asked(library(Fault(kind="answer", match="STB", text="what")))


def test_a_bench_starts_in_step_and_says_what_it_found(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(
        """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
faults = [{ kind = "duplicate", match = "IDN" }]

[roles.reader]
instrument = "smu"

[simulation]
device = "lixcoo2"
"""
    )
    with Bench.open(path) as bench:
        assert any("smu: a stale reply 'Agilent" in text for text in bench.warnings)
        bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
        assert bench.reader.read().conductance > 0
    assert load_config(path).instruments["smu"].faults


ALL = {
    "KeysightB1500A": "NOSUCH", "Keithley3706A": "nosuch(", "Keysight81160A": "NOSUCH 1",
    "Agilent33500": "NOSUCH 1", "Agilent33250A": "NOSUCH 1", "Agilent33220A": "NOSUCH 1",
    "SR830": "NOSUCH1", "SR860": "NOSUCH 1", "KepcoBOP": "NOSUCH 1", "LakeShore425": "NOSUCH 1",
}  # fmt: skip


@pytest.mark.parametrize("kind", ALL)
def test_every_instrument_tells_of_a_command_it_refused(kind: str) -> None:
    plain = simulated_config("lixcoo2", 0, {}).model_dump()
    plain["instruments"] = {"it": {"driver": kind, "resource": ADDRESS}}
    plain["roles"] = {}
    _, made, _ = surroundings(BenchConfig.model_validate(plain))
    identify("it", kind, ADDRESS, made, 5.0)
    made.bench.instruments[ADDRESS].write(ALL[kind].encode() + b"\n")
    assert identify("it", kind, ADDRESS, made, 5.0).errors
    assert identify("it", kind, ADDRESS, made, 5.0).errors == ()


def test_somebody_elses_instrument_is_asked_for_its_name_only() -> None:
    made = library()
    inner: Any = made.bench.instruments[ADDRESS]
    heard: list[bytes] = []
    write = inner.write

    def overheard(data: bytes) -> None:
        heard.append(data)
        write(data)

    inner.write = overheard
    identity = identify("pulser", "Keysight81160A", ADDRESS, made, 5.0)
    assert "B1500A" in identity.idn
    assert heard == [b"*IDN?\r\n"]
    assert issubclass(InstrumentDataError, BenchError)


def test_a_serial_line_is_asked_at_its_own_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, Any]] = []
    open_resource = pyvisa.ResourceManager.open_resource

    def remembered(manager: Any, name: str, **how: Any) -> Any:
        opened.append(how)
        return open_resource(manager, name, **how)

    monkeypatch.setattr(pyvisa.ResourceManager, "open_resource", remembered)
    plain = simulated_config("lixcoo2", 0, {}).model_dump()
    plain["instruments"] = {"it": {"driver": "LakeShore425", "resource": "ASRL3::INSTR"}}
    plain["roles"] = {}
    _, made, _ = surroundings(BenchConfig.model_validate(plain))
    assert "MODEL425" in identify("it", "LakeShore425", "ASRL3::INSTR", made, 5.0).idn
    assert (opened[0]["baud_rate"], opened[0]["data_bits"]) == (57600, 7)
    asked(library())
    assert "baud_rate" not in opened[1]

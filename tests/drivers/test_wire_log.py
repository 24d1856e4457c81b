"""The wire log: all that went over the wire, and a library that is as it was afterwards."""

import errno
import re
from pathlib import Path
from typing import Any

import pytest
import pyvisa

from labsyn.data.errors import StorageError
from labsyn.drivers.bench import Bench
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import Fault, FaultyInstrument
from labsyn.drivers.wire_log import WireLog

ADDRESS = "GPIB0::17::INSTR"
LINE = re.compile(r"(\d+\.\d{6}) (\S+) ([<>]) (.+)")


@pytest.fixture
def library() -> LabsynVisaLibrary:
    return LabsynVisaLibrary.for_bench(SimulatedBench.default())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wire.log"


def opened(library: LabsynVisaLibrary) -> Any:
    return pyvisa.ResourceManager(library).open_resource(ADDRESS, read_termination="\r\n")


def logging(path: Path, library: LabsynVisaLibrary) -> WireLog:
    return WireLog.opened(path, library, library.bench.clock.now)


def lines(path: Path) -> list[tuple[float, str, str, str]]:
    found = [LINE.fullmatch(line) for line in path.read_text("utf-8").splitlines()[1:]]
    assert all(found)
    return [(float(m[1]), m[2], m[3], m[4]) for m in found if m]


def test_every_message_in_both_directions(library: LabsynVisaLibrary, path: Path) -> None:
    session = opened(library)
    log = logging(path, library)
    session.query("ERRX?")
    session.write_raw(b"CN 1\n")
    session.clear()
    session.assert_trigger()
    log.close()
    assert path.read_text("utf-8").startswith("# 20")
    found = lines(path)
    assert [entry[1:] for entry in found] == [
        (ADDRESS, ">", r"'ERRX?\r\n'"),
        (ADDRESS, "<", r"""'+0,"No Error."\r\n'"""),
        (ADDRESS, ">", r"'CN 1\n'"),
        (ADDRESS, ">", "(device clear)"),
        (ADDRESS, ">", "(trigger)"),
    ]
    times = [entry[0] for entry in found]
    assert times == sorted(times)


def test_times_are_those_of_the_bench(library: LabsynVisaLibrary, path: Path) -> None:
    session = opened(library)
    log = logging(path, library)
    session.query("*OPC?")
    library.bench.clock.sleep(1000.0)
    session.query("*OPC?")
    log.close()
    assert lines(path)[-1][0] - lines(path)[0][0] >= 1000


def test_bytes_that_are_no_text_and_long_ones(library: LabsynVisaLibrary, path: Path) -> None:
    session = opened(library)
    log = logging(path, library)
    session.write_raw(b"\x00\xff\n" + b"x" * 500)
    log.close()
    (_, _, _, text), *_ = lines(path)
    assert text.startswith(r"'\x00\xff\nxxx")
    assert text.endswith("… 503 bytes")


def test_an_answer_that_never_comes(library: LabsynVisaLibrary, path: Path) -> None:
    session = opened(library)
    log = logging(path, library)
    with pytest.raises(pyvisa.errors.VisaIOError, match="VI_ERROR_TMO"):
        session.read()
    log.close()
    assert lines(path)[-1][2:] == ("<", "(VI_ERROR_TMO)")


def test_a_cable_that_is_out(library: LabsynVisaLibrary, path: Path) -> None:
    session = opened(library)
    inner = library.bench.instruments[ADDRESS]
    fault = Fault(kind="disconnect")
    library.bench.instruments[ADDRESS] = FaultyInstrument(inner, [fault], library.bench.clock)
    session = opened(library)
    log = logging(path, library)
    with pytest.raises(pyvisa.errors.VisaIOError):
        session.write("AB")
    log.close()
    assert [entry[3] for entry in lines(path)] == [r"'AB\r\n'", "(VI_ERROR_CONN_LOST)"]


def hooks(library: LabsynVisaLibrary) -> set[str]:
    return {name for name, value in vars(library).items() if callable(value)}


def test_the_library_is_as_it_was(library: LabsynVisaLibrary, path: Path) -> None:
    session, before = opened(library), hooks(library)
    log = logging(path, library)
    assert hooks(library) - before == {"write", "read", "clear", "assert_trigger", "close"}
    log.close()
    log.close()
    assert hooks(library) == before
    session.query("ERRX?")
    assert lines(path) == []


@pytest.mark.parametrize("first_closes_first", [True, False])
def test_two_logs_of_one_library(
    library: LabsynVisaLibrary, tmp_path: Path, first_closes_first: bool
) -> None:
    """Two real benches of one program share its VISA library."""
    session, before = opened(library), hooks(library)
    paths = [tmp_path / "one.log", tmp_path / "two.log"]
    logs = [logging(path, library) for path in paths]
    session.query("ERRX?")
    order = [0, 1] if first_closes_first else [1, 0]
    logs[order[0]].close()
    session.query("ERRX?")
    logs[order[1]].close()
    assert hooks(library) == before
    assert len(lines(paths[order[0]])) == 2
    assert len(lines(paths[order[1]])) == 4


class FullDisk:
    """A file that nothing more can be written to."""

    closed = False

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        self.closed = True


def test_a_full_disk_ends_the_log_and_nothing_else(path: Path) -> None:
    with Bench.simulated(wire_log=path) as bench:
        assert bench._log is not None
        bench._log._file.close()
        bench._log._file = FullDisk()  # type: ignore[assignment]
        bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
        assert bench.reader.read().current > 0
        assert any("the wire log" in text and "No space" in text for text in bench.warnings)
        simulation = bench.simulation
    assert set(simulation.instruments[ADDRESS].outputs().values()) == {None}


def test_a_log_that_cannot_be_written(library: LabsynVisaLibrary, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write the wire log .*: "):
        logging(tmp_path / "none" / "wire.log", library)


def test_a_whole_bench_from_the_first_question_to_the_last_output(path: Path) -> None:
    with Bench.simulated(wire_log=path) as bench:
        bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
        bench.reader.read()
    sent = [text for _, _, direction, text in lines(path) if direction == ">"]
    assert sent[0].startswith("'*IDN?")
    assert any("DV 1,0,0.1" in text for text in sent)
    assert sent[-1].startswith("'CL")


def test_without_a_log_nothing_stands_in_the_way() -> None:
    with Bench.simulated() as bench:
        library = bench._connections["smu"].instrument.adapter.connection.visalib
        assert not {"write", "read", "clear"} & set(vars(library))

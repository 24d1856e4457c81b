"""Every fault at every place of a pulse train: nothing wrong is stored, and all is off.

Expected of a fault at a read: it is tried again and the row says so; three in a row fail the
run. At a pulse: the run fails, the pulse is never repeated. Always: outputs off, the file
whole with every acknowledged row, and no row without a flag that differs from a run without
the fault.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected, InstrumentError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.config import simulated_config
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

QUIET: dict[str, float | str] = {"sigma_c2c": 0.0, "sigma_read": 0.0}
READ, PULSE, ERRORS = "TTI", "XE", "ERRX"
IN_THE_CABLE = ("timeout", "late", "duplicate", "empty", "truncate", "garble", "answer")


def faulty(kind: str, match: str, times: int) -> BenchConfig:
    fault: dict[str, Any] = {"kind": kind, "match": match, "after": 20, "times": times}
    if kind == "answer":
        fault["text"] = "+199.999E+99"
    if kind == "error":
        fault |= {"code": 305, "text": "Excess current in HPSMU."}
    plain = simulated_config("lixcoo2", 0, QUIET).model_dump()
    plain["instruments"]["smu"]["faults"] = [fault]
    return BenchConfig.model_validate(plain)


def train() -> PulseTrain:
    return PulseTrain(n_pulses=20, n_cycles=1)


def analyser(bench: Bench) -> Any:
    instrument = bench.simulation.instruments["GPIB0::17::INSTR"]
    return getattr(instrument, "inner", instrument)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with Bench(simulated_config("lixcoo2", 0, QUIET)) as bench:
        return measure(train(), bench, tmp_path_factory.mktemp("whole"))


def outcome(config: BenchConfig, folder: Path) -> tuple[Run, Exception | None, list[str]]:
    """Return the run as it was stored, what was raised, and the pulses that were started."""
    failure = None
    with Bench(config) as bench:
        try:
            measure(train(), bench, folder, name="run")
        except InstrumentError as error:
            failure = error
        assert set(analyser(bench).outputs().values()) == {None}
        pulses = [message for _, message in analyser(bench).log if message == PULSE]
    return Run.open(folder / "run.h5"), failure, pulses


def holds_nothing_wrong(run: Run, whole: Run) -> None:
    n, good = run.n_rows, run.mask()
    same = np.isclose(run["conductance"], whole["conductance"][:n], rtol=0.01)
    assert np.all(same[good])


@pytest.mark.parametrize("kind", IN_THE_CABLE)
@pytest.mark.parametrize("match", [READ, ERRORS])
def test_a_read_that_fails_once_is_tried_again(
    kind: str, match: str, whole: Run, tmp_path: Path
) -> None:
    run, failure, pulses = outcome(faulty(kind, match, 1), tmp_path)
    if match == ERRORS and kind == "duplicate":  # it comes where a pulse is to be measured
        assert isinstance(failure, InstrumentDataError)
    else:
        assert failure is None
        assert (run.status, run.n_rows, len(pulses)) == ("finished", whole.n_rows, 40)
        assert np.count_nonzero(run["flags"] & int(Flag.RETRIED)) == 1
        (told,) = (event for event in run.events if event["kind"] == "retry")
        assert run["flags"][told["row"]] & Flag.RETRIED  # told before the row was stored
    holds_nothing_wrong(run, whole)


@pytest.mark.parametrize("kind", IN_THE_CABLE)
def test_a_read_that_goes_on_failing_ends_the_run(
    kind: str, whole: Run, tmp_path: Path
) -> None:
    run, failure, pulses = outcome(faulty(kind, READ, 3), tmp_path)
    assert isinstance(failure, InstrumentDisconnected | InstrumentDataError)
    assert (run.status, run.n_rows) == ("failed", 20)
    assert len(pulses) == 20  # none after the row that could not be read
    assert str(failure)[:40] in run.reason
    holds_nothing_wrong(run, whole)


@pytest.mark.parametrize("kind", [k for k in IN_THE_CABLE if k != "duplicate"])
def test_a_pulse_is_never_repeated(kind: str, whole: Run, tmp_path: Path) -> None:
    run, failure, pulses = outcome(faulty(kind, PULSE, 1), tmp_path)
    assert isinstance(failure, InstrumentDisconnected | InstrumentDataError)
    assert (run.status, run.n_rows, len(pulses)) == ("failed", 21, 21)
    holds_nothing_wrong(run, whole)


@pytest.mark.parametrize("times", [1, 3])
def test_the_reply_to_a_pulse_that_comes_twice_is_never_a_reading(
    times: int, whole: Run, tmp_path: Path
) -> None:
    run, failure, pulses = outcome(faulty("duplicate", PULSE, times), tmp_path)
    assert failure is None
    assert (run.n_rows, len(pulses)) == (whole.n_rows, 40)
    assert np.count_nonzero(run["flags"] & int(Flag.RETRIED)) == times
    holds_nothing_wrong(run, whole)


@pytest.mark.parametrize("match", [READ, PULSE])
def test_an_error_of_the_instrument_ends_the_run(
    match: str, whole: Run, tmp_path: Path
) -> None:
    run, failure, _ = outcome(faulty("error", match, 1), tmp_path)
    assert failure is not None
    assert "305 Excess current in HPSMU." in str(failure)
    assert run.status == "failed"
    assert run.n_rows in (20, 21)
    holds_nothing_wrong(run, whole)


@pytest.mark.parametrize(
    ("kind", "flag"), [("compliance", Flag.COMPLIANCE), ("overload", Flag.OVERFLOW)]
)
@pytest.mark.parametrize("match", [READ, PULSE])
def test_what_makes_a_row_no_data_is_a_flag_of_the_row(
    kind: str, flag: Flag, match: str, whole: Run, tmp_path: Path
) -> None:
    run, failure, _ = outcome(faulty(kind, match, 2), tmp_path)
    assert failure is None
    assert run.status == "finished"
    assert np.count_nonzero(run["flags"] & int(flag)) == 2
    assert np.count_nonzero(~run.mask()) == 2
    holds_nothing_wrong(run, whole)

"""Over an array and through a sequence: a run each, a summary, failures, and going on."""

import csv
import re
import signal
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import (
    BenchError,
    BreakdownError,
    ConfigError,
    InstrumentDataError,
    InstrumentDisconnected,
    LimitError,
    RoleError,
    UnsafeShutdownError,
)
from labsyn.data.run import Run, RunWriter
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedReader
from labsyn.drivers.roles import Reading
from labsyn.procedures.array import measure_over, measure_sequence
from labsyn.procedures.field_loop import FieldLoop
from labsyn.procedures.iv_sweep import IVSweep
from labsyn.procedures.outcome import Outcome
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.queue import Queue
from labsyn.procedures.rehearsal import rehearse
from labsyn.procedures.resume import Earlier
from labsyn.procedures.sequence import Sequence
from labsyn.procedures.sequence_file import load_sequence
from labsyn.procedures.steps import Die, Step

ARRAY = Path(__file__).parent.parent.parent / "examples" / "array"
DIES = ["r1c1", "r1c2", "r2c1", "r2c2"]
TRAIN = PulseTrain(n_pulses=3, n_cycles=1)

OnRead = Callable[[str, Callable[[], BaseException | None]], None]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench.open(ARRAY / "bench.toml") as opened:
        yield opened


@pytest.fixture
def on_read(monkeypatch: pytest.MonkeyPatch) -> OnRead:
    """Return what makes reads of one device raise something, or do something else."""
    read = GuardedReader.read

    def at(device: str, act: Callable[[], BaseException | None]) -> None:
        def acting(self: GuardedReader) -> Reading:
            reading = read(self)
            error = act() if self._terminal == f"{device}:top" else None
            if error is not None:
                raise error
            return reading

        monkeypatch.setattr(GuardedReader, "read", acting)

    return at


def told(outcomes: Any) -> list[tuple[str, str, int]]:
    return [(each.planned.die, each.status, each.n_rows) for each in outcomes]


def test_a_run_for_each_die_of_a_file(bench: Bench, tmp_path: Path) -> None:
    before = bench.die
    seen: list[Outcome] = []
    percent: list[float] = []
    summary = measure_over(
        TRAIN, bench, ARRAY / "dies.csv", tmp_path,
        sample={"operator": "A"}, on_progress=percent.append, on_outcome=seen.append,
    )  # fmt: skip
    assert summary.folder.parent == tmp_path
    assert summary.folder.name.endswith("-pulse_train-dies")
    assert [path.name for path in summary.runs] == [
        "001-r1c1-pulse_train.h5", "002-r1c2-pulse_train.h5", "003-r2c2-pulse_train.h5"
    ]  # fmt: skip
    assert told(seen) == told(summary.outcomes)
    assert told(seen) == [(die, "finished", 7) for die in ("r1c1", "r1c2", "r2c2")]
    assert percent == sorted(percent)
    assert percent[-1] == pytest.approx(100)
    runs = [Run.open(path) for path in summary.runs]
    assert [run.parameters["potentiation_voltage"] for run in runs] == [-1.5, -1.4, -1.6]
    assert [run.metadata["sample"]["die"] for run in runs] == ["r1c1", "r1c2", "r2c2"]
    assert runs[2].metadata["sample"] | {"operator": "A", "row": 2} == dict(
        runs[2].metadata["sample"]
    )
    assert runs[2].metadata["sequence"] == {"name": "pulse_train-dies", "run": 3, "of": 3}
    assert len({run["conductance"][0] for run in runs}) == 3  # three devices, not one
    assert bench.die == before
    with (summary.folder / "summary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["potentiation_voltage (V)"] for row in rows] == ["", "-1.4", "-1.6"]
    assert rows[1] == {
        "run": "2", "procedure": "pulse_train", "die": "r1c2", "status": "finished",
        "potentiation_voltage (V)": "-1.4", "file": "002-r1c2-pulse_train.h5", "rows": "7",
        "flagged": "0", "error": "",
    }  # fmt: skip


def test_each_device_is_measured_as_it_would_be_alone(bench: Bench, tmp_path: Path) -> None:
    summary = measure_over(TRAIN, bench, ["r2c1"], tmp_path)
    with Bench.simulated("lixcoo2", seed=3) as alone:  # the third of those drawn from seed 1
        want = alone.simulation.devices["lixcoo2"].g_min
    assert Run.open(summary.runs[0])["conductance"][0] == pytest.approx(want, rel=0.05)


def test_all_is_checked_before_the_first_pulse(bench: Bench, tmp_path: Path) -> None:
    dies = [Die("r1c1"), Die("r1c2", {"potentiation_voltage": "-3 V"})]
    with pytest.raises(LimitError, match=r"potentiation_voltage of -3 V at 2:top") as refused:
        measure_over(TRAIN, bench, dies, tmp_path)
    assert refused.value.__notes__ == [
        "this is run 002-r1c2-pulse_train of 2 (potentiation_voltage=-3 V)"
    ]
    with pytest.raises(ConfigError, match="no die 'r1c3'; did you mean 'r1c"):
        measure_over(TRAIN, bench, ["r1c1", "r1c3"], tmp_path)
    with pytest.raises(RoleError, match="the bench has no field"):
        measure_over(FieldLoop(), bench, ["r1c1"], tmp_path)
    with pytest.raises(ConfigError, match="cannot name a die itself"):
        measure_over(TRAIN, bench, ["r1c1"], tmp_path, sample={"die": "r1c2"})
    assert bench.account.total().n_pulses == 0
    assert (list(tmp_path.iterdir()), bench.die) == ([], "")


def test_a_device_that_breaks_down_stops_no_other(
    bench: Bench, tmp_path: Path, on_read: OnRead
) -> None:
    on_read("2", lambda: BreakdownError("it may have broken down"))
    steps = [Step(procedure=PulseTrain, set={"n_pulses": 3, "n_cycles": 1}, repeat=2)]
    sequence = Sequence(name="x", steps=steps, over=[Die(die) for die in DIES[:3]])
    summary = measure_sequence(sequence, bench, tmp_path)
    assert told(summary.outcomes) == [
        ("r1c1", "finished", 7), ("r1c1", "finished", 7),
        ("r1c2", "failed", 0), ("r1c2", "skipped", 0),
        ("r2c1", "finished", 7), ("r2c1", "finished", 7),
    ]  # fmt: skip
    assert summary.outcomes[2].error == "BreakdownError: it may have broken down"
    assert summary.outcomes[3].error == "its device broke down in run 3"
    assert (summary.n_finished, summary.n_left, summary.is_interrupted) == (4, 0, False)
    again = measure_sequence(sequence, bench, resume=summary.folder)
    assert told(again.outcomes) == told(summary.outcomes)  # it is not stressed once more
    assert len(list(summary.folder.glob("*.h5"))) == 5


def test_compliance_that_stops_a_run_stops_no_other(bench: Bench, tmp_path: Path) -> None:
    dies = [Die("r1c1", {"compliance_current": "1 uA"}), Die("r1c2")]
    train = PulseTrain(n_pulses=3, n_cycles=1, on_compliance="stop")
    summary = measure_over(train, bench, dies, tmp_path)
    assert [each.status for each in summary.outcomes] == ["failed", "finished"]
    assert summary.outcomes[0].error.startswith(
        "ComplianceError: compliance of 1e-06 A reached"
    )
    assert summary.outcomes[0].n_flagged == 1


def test_a_device_without_contact_stops_no_other_and_is_measured_again(
    bench: Bench, tmp_path: Path, on_read: OnRead
) -> None:
    on_read("2", lambda: BenchError("is there contact?"))
    summary = measure_over(TRAIN, bench, DIES, tmp_path)
    assert [each.status for each in summary.outcomes] == [
        "finished",
        "failed",
        *["finished"] * 2,
    ]
    assert summary.n_left == 1
    on_read("2", lambda: None)
    again = measure_over(TRAIN, bench, DIES, resume=summary.folder)
    assert [each.earlier for each in again.outcomes] == [True, False, True, True]
    assert again.n_finished == 4


def test_three_failures_that_are_of_no_device_stop_all(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def garbled(self: GuardedReader) -> Reading:
        raise InstrumentDataError("smu: '12x' is no number")

    monkeypatch.setattr(GuardedReader, "read", garbled)
    with pytest.raises(InstrumentDataError, match="is no number") as stopped:
        measure_over(TRAIN, bench, DIES, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.glob("*.h5"))) == 3
    with (folder / "summary.csv").open(encoding="utf-8") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["failed"] * 3
    note = f"0 of 4 runs are finished; {folder / 'summary.csv'} tells of each"
    assert note in stopped.value.__notes__


@pytest.mark.parametrize(
    "error",
    [
        InstrumentDisconnected("smu: no answer"),
        LimitError("an energy of this run exceeds the limit"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_of_the_bench_stops_at_once_and_is_measured_again(
    bench: Bench, tmp_path: Path, on_read: OnRead, error: BaseException
) -> None:
    on_read("2", lambda: error)
    with pytest.raises(type(error)):
        measure_over(TRAIN, bench, DIES, tmp_path)
    (folder,) = tmp_path.iterdir()
    on_read("2", lambda: None)
    summary = measure_over(TRAIN, bench, DIES, resume=folder)
    assert told(summary.outcomes) == [(die, "finished", 7) for die in DIES]
    assert [each.earlier for each in summary.outcomes] == [True, False, False, False]
    names = [path.name for path in sorted(folder.glob("*.h5"))]
    assert names[1:3] == ["002-r1c2-pulse_train-2.h5", "002-r1c2-pulse_train.h5"]
    assert summary.runs[1].name == "002-r1c2-pulse_train-2.h5"


def test_never_on_after_an_unsafe_shutdown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(self: Any) -> None:
        raise OSError("the cable is out")

    monkeypatch.setattr("labsyn.drivers.keysight_b1500a.KeysightB1500A.shutdown", stuck)
    bench = Bench.open(ARRAY / "bench.toml")
    with pytest.raises(UnsafeShutdownError, match="could not make safe: smu") as stopped:
        measure_over(TRAIN, bench, DIES, tmp_path)
    assert any("0 of 4 runs are finished" in note for note in stopped.value.__notes__)
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.glob("*.h5")] == ["001-r1c1-pulse_train.h5"]
    monkeypatch.undo()
    bench.close()


def test_a_signal_ends_the_run_and_the_queue(
    bench: Bench, tmp_path: Path, on_read: OnRead
) -> None:
    reads: list[int] = []

    def interrupt() -> None:
        reads.append(1)
        if len(reads) == 3:
            signal.raise_signal(signal.SIGINT)

    on_read("2", interrupt)
    summary = measure_over(TRAIN, bench, DIES, tmp_path)
    assert told(summary.outcomes) == [("r1c1", "finished", 7), ("r1c2", "aborted", 3)]
    assert (summary.is_interrupted, summary.n_left) == (True, 3)
    again = measure_over(TRAIN, bench, DIES, resume=summary.folder)
    assert told(again.outcomes) == [(die, "finished", 7) for die in DIES]
    assert not again.is_interrupted


def test_a_run_that_a_crash_left_is_measured_again(bench: Bench, tmp_path: Path) -> None:
    summary = measure_over(TRAIN, bench, DIES[:1], tmp_path)
    run = summary.runs[0]
    opened = Run.open(run)
    writer = RunWriter.create(
        run.with_name("002-r1c2-pulse_train.h5"), procedure="pulse_train",
        parameters=dict(opened.parameters), columns=PulseTrain.COLUMNS,
        metadata={"sample": {"die": "r1c2"}, "simulated": True},
    )  # fmt: skip
    writer.append([0.0] * len(PulseTrain.COLUMNS))
    writer.close()  # as if the process had been killed
    (run.parent / "000-x.h5").write_bytes(b"no run")
    steps = [Step(procedure=PulseTrain, set={"n_pulses": 3, "n_cycles": 1})]
    sequence = Sequence(name="x", steps=steps, over=[Die("r1c1"), Die("r1c2")])
    queue = Queue("x", sequence.expand(), bench, resume=summary.folder)
    again = queue.run()
    assert [path.name for path in again.runs] == [run.name, "002-r1c2-pulse_train-2.h5"]
    assert Run.open(run.with_name("002-r1c2-pulse_train.h5")).status == "interrupted"
    assert len(queue.notices) == 1
    assert "000-x.h5" in queue.notices[0]


def test_a_run_is_known_by_what_it_is(bench: Bench, tmp_path: Path) -> None:
    first = measure_over(TRAIN, bench, DIES[:2], tmp_path)
    for run in first.runs:
        run.rename(run.with_name(f"renamed-{run.name}"))
    longer = PulseTrain(n_pulses=4, n_cycles=1)
    queue = Queue(
        "x", Sequence(
            name="x",
            steps=[Step(procedure=PulseTrain, set={"n_pulses": 3, "n_cycles": 1}, repeat=2)],
            over=[Die("r1c1")],
        ).expand(), bench, resume=first.folder,
    )  # fmt: skip
    assert [each.earlier for each in queue.run().outcomes] == [True, False]  # one of two
    assert queue.notices == [f"{first.folder} holds 1 more runs, which this queue has not"]
    other = measure_over(longer, bench, DIES[:1], resume=first.folder)
    assert [each.earlier for each in other.outcomes] == [False]
    assert Earlier(first.folder, simulated=False).take(queue.runs[0], {"die": "r1c1"}) is None


@pytest.mark.parametrize("sample", [{}, {"die": "D3"}])
def test_runs_of_no_die_are_known_by_where_they_were_measured(
    bench: Bench, tmp_path: Path, sample: dict[str, str]
) -> None:
    step = Step(procedure=PulseTrain, set={"n_pulses": 3, "n_cycles": 1}, repeat=2)
    sequence = Sequence(name="x", steps=[step])
    bench.select("r1c2")
    first = measure_sequence(sequence, bench, tmp_path, sample=sample)
    first.runs[1].unlink()
    again = measure_sequence(sequence, bench, resume=first.folder, sample=sample)
    assert [each.earlier for each in again.outcomes] == [True, False]
    bench.select("r2c1")
    other = measure_sequence(sequence, bench, resume=first.folder)
    assert [each.earlier for each in other.outcomes] == [False, False]


def test_a_device_that_broke_down_gets_no_run_of_no_die_either(
    bench: Bench, tmp_path: Path, on_read: OnRead
) -> None:
    on_read("2", lambda: BreakdownError("it may have broken down"))
    short = {"n_pulses": 3, "n_cycles": 1}
    steps = [
        Step(procedure=PulseTrain, set=short, over=[Die("r1c2")]),
        Step(procedure=PulseTrain, set=short),
    ]
    sequence = Sequence(name="x", steps=steps)
    bench.select("r1c2")
    summary = measure_sequence(sequence, bench, tmp_path)
    assert [each.status for each in summary.outcomes] == ["failed", "skipped"]
    with bench.twin() as twin:
        assert rehearse(sequence.expand(), twin)[1].error == "its device broke down in run 1"


def test_what_cannot_be_gone_on_with(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none is no folder of a sequence that was begun"):
        measure_over(TRAIN, bench, DIES, resume=tmp_path / "none")
    (tmp_path / "runs" / "20261125-095821-x").mkdir(parents=True)
    with pytest.raises(ConfigError, match="runs holds no runs; name the folder of one seq"):
        measure_over(TRAIN, bench, DIES, resume=tmp_path / "runs")
    with (
        RunWriter.create(
            tmp_path / "a.h5", procedure="x", parameters={}, columns=PulseTrain.COLUMNS
        ),
        pytest.raises(ConfigError, match=r"a\.h5 is still being measured"),
    ):
        measure_over(TRAIN, bench, DIES, resume=tmp_path)


def test_a_summary_that_cannot_be_written_stops_nothing(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(path: Path, text: str) -> Path:
        raise PermissionError(13, "Permission denied")

    runs = Sequence(
        name="x", steps=[Step(procedure=IVSweep, set={"n_sweeps": 1}, over=[Die("r1c1")])]
    ).expand()
    queue = Queue("x", runs, bench, tmp_path)
    monkeypatch.setattr("labsyn.procedures.outcome.write_text", taken)
    assert queue.run().n_finished == 1
    assert queue.notices == [
        f"{queue.folder / 'summary.csv'} cannot be written: Permission denied"
    ]


def test_a_step_waits_and_the_estimate_says_so(bench: Bench, tmp_path: Path) -> None:
    steps = [
        Step(
            procedure=PulseTrain, set={"n_pulses": 3, "n_cycles": 1},
            loop={"pulse_width": ["1 ms", "10 ms"]}, wait=100.0,
        )
    ]  # fmt: skip
    runs = Sequence(name="waits", steps=steps).expand()
    bench.select("r2c1")  # a sequence that names no die stays where it is
    queue = Queue("waits", runs, bench, tmp_path)
    started = bench.clock.now()
    summary = queue.run()
    assert bench.clock.now() - started == pytest.approx(queue.duration, rel=0.01)
    assert (queue.duration > 200, queue.seconds_left) == (True, 0)
    run = Run.open(summary.runs[1])
    assert run.metadata["sample"]["die"] == "r2c1"
    assert run["time"][0] > 200
    assert bench.die == "r2c1"


def test_a_rehearsal_tells_what_the_queue_then_does(tmp_path: Path) -> None:
    steps = [
        Step(procedure=IVSweep, set={"n_sweeps": 1, "stop": -1.0}),
        Step(procedure=PulseTrain, set={"n_cycles": 1}, loop={"n_pulses": [3, 4]}, wait=1.0),
    ]
    sequence = Sequence(name="x", steps=steps, over=[Die("r2c2")])
    with Bench.open_twin(ARRAY / "bench.toml") as twin:
        played = rehearse(sequence.expand(), twin)
    with Bench.open(ARRAY / "bench.toml") as bench:
        summary = measure_sequence(sequence, bench, tmp_path)
    done = [each.done for each in played if each.done is not None]
    assert [each.n_rows for each in done] == [each.n_rows for each in summary.outcomes]
    assert [each.account.peak_voltage for each in done] == [1.0, 1.5, 1.5]
    reached = Run.open(summary.runs[2])["pulse_current"]
    assert done[2].account.peak_current == np.abs(reached).max()


def test_a_run_of_no_die_is_on_the_one_that_was_selected(tmp_path: Path) -> None:
    short = {"n_pulses": 3, "n_cycles": 1}
    steps = [
        Step(procedure=PulseTrain, set=short, over=[Die("r1c1"), Die("r2c2")]),
        Step(procedure=PulseTrain, set={**short, "potentiation_voltage": -1.2}),
    ]
    sequence = Sequence(name="x", steps=steps)
    with Bench.open_twin(ARRAY / "bench.toml") as twin:
        twin.select("r1c2")
        played = rehearse(sequence.expand(), twin)
        assert twin.die == "r1c2"
    with Bench.open(ARRAY / "bench.toml") as bench:
        bench.select("r1c2")
        run = Run.open(measure_sequence(sequence, bench, tmp_path).runs[2])
    assert run.metadata["sample"]["die"] == "r1c2"
    assert played[2].done is not None
    assert played[2].done.account.peak_current == np.abs(run["pulse_current"]).max()


def test_the_example_fits_its_bench(bench: Bench) -> None:
    text = (ARRAY.parent.parent / "docs" / "procedures.md").read_text(encoding="utf-8")
    shown = re.search(r'```toml\n(name = "widths".*?)```', text, re.S)
    assert shown is not None
    example = (ARRAY / "queue.toml").read_text(encoding="utf-8")
    assert tomllib.loads(shown.group(1)) == tomllib.loads(example)
    sequence = load_sequence(ARRAY / "queue.toml")
    queue = Queue(sequence.name, sequence.expand(), bench)
    assert (len(queue.runs), queue.duration > 18 * 10.0) == (27, True)


def test_a_rehearsal_skips_as_the_queue_does(on_read: OnRead) -> None:
    on_read("2", lambda: BreakdownError("it may have broken down"))
    steps = [Step(procedure=PulseTrain, set={"n_pulses": 3, "n_cycles": 1}, repeat=2)]
    runs = Sequence(name="x", steps=steps, over=[Die("r1c1"), Die("r1c2")]).expand()
    with Bench.open_twin(ARRAY / "bench.toml") as twin:
        played = rehearse(runs, twin)
    assert [each.error for each in played] == [
        "", "", "it may have broken down", "its device broke down in run 3"
    ]  # fmt: skip
    assert played[3].row()[:3] == ["4", "pulse_train", "r1c2"]
    assert played[0].to_dict()["n_rows"] == 7

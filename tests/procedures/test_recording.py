"""What procedures put into a run file, and what the file tells of how it was made."""

import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymeasure.experiment import Results, Worker

from labsyn import __version__
from labsyn.data.errors import BenchError, StorageError
from labsyn.data.run import Axis, Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.config import starter
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

TIME = np.arange(4) * 1e-6


class Waves(BenchProcedure):
    """Stores a row, a block of rows, a waveform and an event."""

    COLUMNS = (Column("index", "1", "Index"), Column("voltage", "V", "Voltage"))

    def duration(self, bench: Bench | None) -> float:
        return 0.0

    def row_estimate(self) -> int:
        return 4

    def block_estimate(self) -> int:
        return 64

    def execute(self) -> None:
        self.record((0, 0.5))
        self.record_event("temperature", "the chuck is warm", temperature=330.0)
        self.record_rows({"index": np.arange(1.0, 4.0), "voltage": np.full(3, 0.25)})
        axes = [None, Axis("time", "s", values=TIME)]
        self.record_block("wave", np.ones((2, 4)), "A", axes=axes)


def test_rows_blocks_and_events_are_stored(tmp_path: Path) -> None:
    with Bench.simulated() as bench:
        run = measure(Waves(), bench, tmp_path, note="new tip")
    assert run["index"].tolist() == [0, 1, 2, 3]
    assert run["voltage"].tolist() == [0.5, 0.25, 0.25, 0.25]
    wave = run.blocks["wave"]
    assert (wave.shape, wave.unit, wave.row) == ((2, 4), "A", 4)
    assert wave.axes[1] is not None
    np.testing.assert_array_equal(wave.axes[1].values, TIME)
    note, warm = run.events[:2]
    assert (note["kind"], note["text"], note["row"]) == ("note", "new tip", 0)
    assert (warm["kind"], warm["temperature"], warm["row"]) == ("temperature", 330.0, 1)


def test_a_worker_of_pymeasure_keeps_rows_and_blocks_of_rows(tmp_path: Path) -> None:
    worker = Worker(Results(Waves(), str(tmp_path / "a.csv")))
    worker.start()
    worker.join(timeout=30)
    while worker.recorder is None or worker.recorder.is_alive():
        pass
    rows = [line for line in (tmp_path / "a.csv").read_text().splitlines() if line[0] != "#"]
    assert rows == ["Index,Voltage (V)", "0,0.5", "1.0,0.25", "2.0,0.25", "3.0,0.25"]


def test_a_run_that_cannot_fit_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Waves, "block_estimate", lambda self: 10**15)
    with (
        Bench.simulated() as bench,
        pytest.raises(StorageError, match=r"the run needs 2e\+09 MB"),
    ):
        measure(Waves(), bench, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("durable", "synced"), [(0.0, True), (3600.0, False)])
def test_rows_are_forced_to_the_disk_as_often_as_asked(
    durable: float, synced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[int] = []
    monkeypatch.setattr("labsyn.data.journal.sync_file", forced.append)
    with Bench.simulated() as bench:
        run = measure(Waves(), bench, tmp_path, durable=durable)
    assert run.durable == durable
    assert (len(forced) > 4) is synced
    assert len(forced) >= 1  # at the end, always


class Breaking(Waves):
    def execute(self) -> None:
        self.opened_bench().account.tell("retry", "read 1 at T1: half a line")
        raise BenchError("the tip is off")


def test_a_failed_run_holds_its_traceback_and_what_happened_before(tmp_path: Path) -> None:
    with Bench.simulated() as bench:
        with pytest.raises(BenchError, match="the tip is off"):
            measure(Breaking(), bench, tmp_path, name="run")
        bench.account.tell("retry", "after the run")
        later = measure(Waves(), bench, tmp_path)
    run = later.open(tmp_path / "run.h5")
    assert (run.status, run.reason) == ("failed", "BenchError: the tip is off")
    assert 'raise BenchError("the tip is off")' in run.traceback
    assert [(e["kind"], e["text"]) for e in run.events] == [
        ("retry", "read 1 at T1: half a line")
    ]
    assert "after the run" not in [event["text"] for event in later.events]


def test_the_file_tells_how_the_run_was_made(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(starter("lixcoo2"), encoding="utf-8")
    with Bench.open(path) as bench:
        run = measure(PulseTrain(n_pulses=3, n_cycles=1), bench, tmp_path, sample={"die": "D3"})
    told: dict[str, Any] = dict(run.metadata)
    assert told["bench_file"] == starter("lixcoo2")
    assert told["sample"]["die"] == "D3"
    assert told["simulated"] is True
    assert isinstance(told["seed"], int)
    assert told["limits"]["voltage"] == bench.limits.voltage
    smu = told["instruments"]["smu"]
    assert smu["idn"].startswith("Agilent Technologies,B1500A")
    assert smu["resource"] == bench.config.instruments["smu"].resource
    assert smu["settings"].keys() == told["instruments_after"]["smu"].keys() != set()
    made = run.provenance
    assert made["labsyn"] == __version__
    assert made["host"] == platform.node()
    assert {"python", "packages", "platform", "operator"} <= made.keys()
    assert ("git_commit" in made) == ("git_dirty" in made)
    assert run.parameter_units["pulse_width"] == "s"

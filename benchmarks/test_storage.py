"""Rows per second into a file: `RunWriter.append` beside what PyMeasure does with a row.

Both do what a measuring thread does with one row of five numbers until it is in the file:
PyMeasure formats it as CSV and hands it to a logging handler (`Results`, `FileHandler` with
its formatter, without the queue and the thread of `Recorder`, which cost it more).
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymeasure.experiment import Procedure, Results
from pymeasure.experiment.listeners import Recorder

from labsyn.data.run import Column, Run, RunWriter

NAMES = ("index", "voltage", "current", "conductance", "time")
N_ROWS = 20_000


class Train(Procedure):
    DATA_COLUMNS = list(NAMES)


def row(i: int) -> tuple[float, ...]:
    return (i, 0.1, 1e-6 + 1e-9 * i, 1e-5 + 1e-8 * i, 1e-3 * i)


def write_labsyn(path: Path) -> float:
    """Return the rows per second of the journal."""
    writer = RunWriter.create(
        path, procedure="Train", parameters={}, columns=[Column(name) for name in NAMES]
    )
    start = time.perf_counter()
    for i in range(N_ROWS):
        writer.append(row(i))
    rate = N_ROWS / (time.perf_counter() - start)
    writer.close()
    return rate


def write_labsyn_mappings(path: Path) -> float:
    """Return the rows per second if each row is a mapping, as procedures emit them."""
    writer = RunWriter.create(
        path, procedure="Train", parameters={}, columns=[Column(name) for name in NAMES]
    )
    start = time.perf_counter()
    for i in range(N_ROWS):
        writer.append(dict(zip(NAMES, row(i), strict=True)))
    rate = N_ROWS / (time.perf_counter() - start)
    writer.close()
    return rate


def write_pymeasure(path: Path) -> float:
    """Return the rows per second of PyMeasure's CSV."""
    results = Results(Train(), str(path.with_suffix(".csv")))
    recorder = Recorder(results, queue=None)
    (handler,) = recorder.handlers
    assert isinstance(handler, logging.FileHandler)
    start = time.perf_counter()
    for i in range(N_ROWS):
        recorder.handle(dict(zip(NAMES, row(i), strict=True)))
    rate = N_ROWS / (time.perf_counter() - start)
    handler.close()
    # logging swallows what goes wrong: make sure that the rows really are there
    assert len(path.with_suffix(".csv").read_text().splitlines()) >= N_ROWS
    return rate


WRITERS: dict[str, Callable[[Path], float]] = {
    "labsyn, tuples": write_labsyn,
    "labsyn, mappings": write_labsyn_mappings,
    "PyMeasure CSV": write_pymeasure,
}


def test_row_append(benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rates: dict[str, list[float]] = {name: [] for name in WRITERS}

    def one_round() -> None:
        for name, write in WRITERS.items():  # in turn: the load of the machine hits all
            rates[name].append(write(tmp_path / f"{name} {len(rates[name])}.h5"))

    benchmark.pedantic(one_round, rounds=5)
    median = {name: sorted(values)[len(values) // 2] for name, values in rates.items()}
    peer = median["PyMeasure CSV"]
    with capsys.disabled():
        for name, rate in median.items():
            print(f"\n{name:18s} {rate:10,.0f} rows/s {rate / peer:6.1f} x PyMeasure", end="")
    benchmark.extra_info.update(median)
    assert Run.open(tmp_path / "labsyn, tuples 0.h5").n_rows == N_ROWS


def test_block_append(benchmark: Any, tmp_path: Path) -> None:
    import numpy as np

    columns: dict[str, Any] = {name: np.arange(1000.0) for name in NAMES}
    writer = RunWriter.create(
        tmp_path / "a.h5", procedure="T", parameters={}, columns=[Column(n) for n in NAMES]
    )
    benchmark(writer.append_rows, columns)
    writer.close()


def test_finish(benchmark: Any, tmp_path: Path) -> None:
    """From the journal to the finished file, 100 000 rows."""

    def setup() -> tuple[tuple[RunWriter], dict[str, Any]]:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5"
        writer = RunWriter.create(
            path, procedure="T", parameters={}, columns=[Column(name) for name in NAMES]
        )
        for i in range(100_000):
            writer.append(row(i))
        return (writer,), {}

    benchmark.pedantic(RunWriter.finish, setup=setup, rounds=3)

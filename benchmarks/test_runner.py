"""Rows per second through one procedure: our runner beside PyMeasure's worker, in one run.

pytest benchmarks/test_runner.py --benchmark-enable -o testpaths= -o addopts= -s
"""

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pymeasure.experiment import Results, Worker

from labsyn.data import frames
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.runner import measure

N_ROWS = 200_000


NAMES = ("a", "b", "c", "d", "e")
BLOCK = 100  # rows: a train that is read back whole, a short sweep


class Rows(BenchProcedure):
    """Stores rows of five numbers as fast as they are taken."""

    COLUMNS = tuple(Column(name, "1", name) for name in NAMES)

    def duration(self, bench: Bench | None) -> float:
        return 0.0  # on the clock of the bench: no instrument is asked for anything

    def row_estimate(self) -> int:
        return N_ROWS

    def execute(self) -> None:
        for i in range(N_ROWS):
            self.record((i, 0.1, 1e-6 + 1e-9 * i, 1e-5, 1e-3 * i))


class Blocks(Rows):
    """Stores the same rows, a hundred at a time."""

    def execute(self) -> None:
        for i in range(0, N_ROWS, BLOCK):
            a = np.arange(i, i + BLOCK, dtype=float)
            b, d = np.full(BLOCK, 0.1), np.full(BLOCK, 1e-5)
            self.record_rows({"a": a, "b": b, "c": 1e-6 + 1e-9 * a, "d": d, "e": 1e-3 * a})


def just_write(folder: Path, name: str) -> float:
    """Return the rows per second of nothing but one write of a row: what is possible."""
    frame = bytes(frames.OVERHEAD + 8 * len(NAMES))
    descriptor = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    started = time.perf_counter()
    for _ in range(N_ROWS):
        os.write(descriptor, frame)
    seconds = time.perf_counter() - started
    os.close(descriptor)
    return N_ROWS / seconds


def with_labsyn(folder: Path, name: str, kind: type[Rows] = Rows) -> float:
    with Bench.simulated() as bench:
        started = time.perf_counter()
        run = measure(kind(), bench, folder, name=name)
        seconds = time.perf_counter() - started
    assert run.n_rows == N_ROWS
    return N_ROWS / seconds


def with_pymeasure(folder: Path, name: str) -> float:
    path = folder / f"{name}.csv"
    worker = Worker(Results(Rows(), str(path)))
    started = time.perf_counter()
    worker.start()
    worker.join(timeout=600)
    while worker.recorder is None or worker.recorder.is_alive():
        time.sleep(0.001)
    seconds = time.perf_counter() - started
    with path.open() as lines:
        assert sum(1 for _ in lines) > N_ROWS
    return N_ROWS / seconds


def test_rows_through_a_procedure(tmp_path: Path, benchmark: Any) -> None:
    ways = {
        "labsyn, a row at a time, HDF5 included": with_labsyn,
        "labsyn, 100 rows at a time, HDF5 included": partial(with_labsyn, kind=Blocks),
        "one os.write a row, nothing else": just_write,
        "PyMeasure's worker and CSV": with_pymeasure,
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for i in range(3):  # in turn, so that a slow moment hits all
        for number, (way, run) in enumerate(ways.items()):
            rates[way].append(run(tmp_path, f"{number}-{i}"))
    median = {way: sorted(found)[1] for way, found in rates.items()}
    peer = median["PyMeasure's worker and CSV"]
    for way, rate in median.items():
        print(f"\n{way:44s} {rate:10,.0f} rows/s {rate / peer:6.1f} x PyMeasure", end="")
    benchmark.pedantic(with_labsyn, (tmp_path, "c"), rounds=1)

"""Rows per second through one procedure: our runner beside PyMeasure's worker, in one run.

pytest benchmarks/test_runner.py --benchmark-enable -o testpaths= -o addopts= -s
"""

import time
from pathlib import Path
from typing import Any

from pymeasure.experiment import Results, Worker

from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.runner import measure

N_ROWS = 50_000


class Rows(BenchProcedure):
    """Stores rows of five numbers as fast as they are taken."""

    COLUMNS = tuple(Column(name, "1", name) for name in ("a", "b", "c", "d", "e"))

    def duration(self, bench: Bench | None) -> float:
        return 0.0  # on the clock of the bench: no instrument is asked for anything

    def row_estimate(self) -> int:
        return N_ROWS

    def execute(self) -> None:
        for i in range(N_ROWS):
            self.record((i, 0.1, 1e-6 + 1e-9 * i, 1e-5, 1e-3 * i))


def with_labsyn(folder: Path, name: str) -> float:
    with Bench.simulated() as bench:
        started = time.perf_counter()
        run = measure(Rows(), bench, folder, name=name)
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
    ours, theirs = [], []
    for i in range(3):  # in turn, so that a slow moment hits both
        ours.append(with_labsyn(tmp_path, f"a{i}"))
        theirs.append(with_pymeasure(tmp_path, f"b{i}"))
    ratio = sorted(a / b for a, b in zip(ours, theirs, strict=True))[1]
    print(
        f"\nlabsyn, HDF5 included: {sorted(ours)[1]:,.0f} rows/s; PyMeasure's worker and "
        f"CSV: {sorted(theirs)[1]:,.0f} rows/s; {ratio:.1f} x"
    )
    benchmark.pedantic(with_labsyn, (tmp_path, "c"), rounds=1)

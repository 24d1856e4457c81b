"""Rows per second into a file: `RunWriter.append` beside what PyMeasure does with a row.

Both do what a measuring thread does with one row of five numbers until it is in the file:
PyMeasure formats it as CSV and hands it to a logging handler (`Results`, `FileHandler` with
its formatter, without the queue and the thread of `Recorder`, which cost it more). QCoDeS,
where it is installed, takes it with `add_result` and has written its database at the end.
"""

import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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


def write_qcodes(path: Path) -> float:
    """Return the rows per second of QCoDeS, which holds them back for 5 s and then writes."""
    from qcodes.dataset import (  # type: ignore[import-not-found]
        Measurement,
        initialise_or_create_database_at,
        load_or_create_experiment,
    )

    n_rows, names = N_ROWS // 10, [f"{name}_" for name in NAMES]  # "index" is a word of SQL
    initialise_or_create_database_at(str(path.with_suffix(".db")))
    measurement = Measurement(exp=load_or_create_experiment("benchmark", "sample"))
    measurement.register_custom_parameter(names[0])
    for name in names[1:]:
        measurement.register_custom_parameter(name, setpoints=names[:1])
    with measurement.run() as saver:
        start = time.perf_counter()
        for i in range(n_rows):
            saver.add_result(*zip(names, row(i), strict=True))
        saver.flush_data_to_database()
        rate = n_rows / (time.perf_counter() - start)
    assert saver.dataset.number_of_results == n_rows * (len(names) - 1)  # one a dependency
    return rate


def has_qcodes() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what QCoDeS imports is not ours to mend
        try:
            import qcodes  # type: ignore[import-not-found]  # noqa: F401
        except ImportError:
            return False
    return True


WRITERS: dict[str, Callable[[Path], float]] = {
    "labsyn, tuples": write_labsyn,
    "labsyn, mappings": write_labsyn_mappings,
    "PyMeasure CSV": write_pymeasure,
}


@pytest.mark.filterwarnings("ignore")  # of QCoDeS
def test_row_append(benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writers = WRITERS | ({"QCoDeS add_result": write_qcodes} if has_qcodes() else {})
    rates: dict[str, list[float]] = {name: [] for name in writers}

    def one_round() -> None:
        for name, write in writers.items():  # in turn: the load of the machine hits all
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


FOLLOWER = """
import sys
from labsyn.data.run import Run
n_rows = sum(len(rows["index"]) for rows in Run.follow(sys.argv[1]))
print(n_rows)
"""


def write_followed(path: Path, *, followed: bool) -> float:
    """Return the rows per second while another process follows, or none does."""
    writer = RunWriter.create(
        path, procedure="Train", parameters={}, columns=[Column(name) for name in NAMES]
    )
    writer.append(row(0))
    command = [sys.executable, "-c", FOLLOWER, str(path)]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE) if followed else None
    if follower is not None:
        time.sleep(1.0)  # until it has imported what it needs
    start = time.perf_counter()
    for i in range(1, 10 * N_ROWS):
        writer.append(row(i))
    rate = 10 * N_ROWS / (time.perf_counter() - start)
    writer.finish()
    if follower is not None:
        assert follower.communicate()[0].strip() == str(10 * N_ROWS).encode()
    return rate


def test_followed_append(
    benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The writer does not know that it is followed; only the processor is shared."""
    rates: dict[bool, list[float]] = {False: [], True: []}

    def one_round() -> None:
        for followed, found in rates.items():
            path = tmp_path / f"{followed} {len(found)}.h5"
            found.append(write_followed(path, followed=followed))

    benchmark.pedantic(one_round, rounds=5)
    alone, followed = (sorted(found)[2] for found in rates.values())
    with capsys.disabled():
        print(f"\nalone {alone:10,.0f} rows/s, followed {followed:10,.0f}", end="")
        print(f" rows/s: {followed / alone:.2f} of it", end="")


MANY = """
import sys, time
from pathlib import Path
from labsyn.data.run import Column, RunWriter
import h5py
def peak():  # not of getrusage, which begins with that of the parent
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
path, n_rows = Path(sys.argv[1]), int(sys.argv[2])
columns = [Column(x) for x in ("index", "voltage", "current", "conductance", "time")]
writer = RunWriter.create(path, procedure="P", parameters={}, columns=columns, n_rows=n_rows)
memory, start = [peak()], time.perf_counter()
for i in range(n_rows):
    writer.append((i, 0.1, 1e-6, 1e-5, 1e-3 * i))
    if i + 1 in (1_000_000, n_rows):
        memory.append(peak())
written = time.perf_counter()
writer.finish()
memory.append(peak())
print(*memory, (written - start) / n_rows, time.perf_counter() - written)
"""


@pytest.mark.long
def test_ten_million_rows(
    benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory while they are written and finished, and the time to open them."""
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells the peak of the memory in this way")
    n_rows, path = 10_000_000, tmp_path / "a.h5"
    command = [sys.executable, "-c", MANY, str(path), str(n_rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    empty, million, all_rows, finished, a_row, finishing = map(float, done.stdout.split())

    start = time.perf_counter()
    run = Run.open(path)
    opened = time.perf_counter() - start
    times = run["time"]
    column = time.perf_counter() - start
    np.testing.assert_array_equal(times, 1e-3 * np.arange(n_rows))
    told = (
        (
            f"{n_rows} rows of {path.stat().st_size / n_rows:.1f} bytes: {a_row:.2e} s each, "
            f"finished in {finishing:.1f} s"
        ),
        f"opened in {opened:.3f} s, with a column in {column:.3f} s",
        (
            f"peak memory {empty:.0f} MB before, {million:.0f} MB after a million rows, "
            f"{all_rows:.0f} MB after all, {finished:.0f} MB finished"
        ),
    )
    with capsys.disabled():
        print("", *told, sep="\n", end="")
    assert all_rows - million < 8
    benchmark.pedantic(Run.open, (path,), rounds=3)

"""Listing ten thousand runs from the index, beside opening every file for it.

The files are copies of twenty stored runs of a pulse train, each with a fit and labels.
Both ways end with the same entries.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.catalogue import Catalogue
from labsyn.data.catalogue_index import NAME
from labsyn.data.fit_metrics import METRICS, fit_path
from labsyn.data.labels import change_labels, labels_path
from labsyn.data.run import Column, RunWriter

N_RUNS, N_MADE, A_FOLDER = 10_000, 20, 500


def make_run(path: Path, number: int) -> None:
    with RunWriter.create(
        path,
        procedure="pulse_train",
        parameters={"pulse_width": 1e-3 * number, "pulse_voltage": 1.5, "n_pulses": 30},
        parameter_units={"pulse_width": "s", "pulse_voltage": "V"},
        columns=[Column("time", "s"), Column("conductance", "S")],
        metadata={"sample": {"wafer": f"W{number}", "device": "lixcoo2"}, "simulated": True},
    ) as writer:
        for i in range(181):
            writer.append((1e-3 * i, 1e-6))
    change_labels(path, add=["good"], note=f"note {number}")
    fit: dict[str, Any] = {"labsyn_fit": 1, "unit": "S"}
    for keys in METRICS.values():
        inner = fit
        for key in keys:
            inner = inner.setdefault(key, {})
        inner |= {"value": 0.1 * number, "standard_error": 0.1, "unit": ""}
    fit_path(path).write_text(json.dumps(fit))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    made = [folder / f"made-{i}.h5" for i in range(N_MADE)]
    for i, path in enumerate(made):
        make_run(path, i)
    for i in range(N_RUNS):
        source = made[i % N_MADE]
        target = folder / f"wafer {i // A_FOLDER}" / f"{i:05}-pulse_train.h5"
        target.parent.mkdir(exist_ok=True)
        for path in (lambda run: run, labels_path, fit_path):
            shutil.copyfile(path(source), path(target))
            os.utime(path(target), (1.7e9, 1.7e9))  # settled files, as most are
    for path in made:
        for each in (path, labels_path(path), fit_path(path)):
            each.unlink()
    return folder


def timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def test_list_ten_thousand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def listed() -> Catalogue:
        return Catalogue(folder)

    opening = []
    for _ in range(2):
        (folder / NAME).unlink(missing_ok=True)
        opening.append(timed(listed))
    before = listed().entries
    from_index = sorted(timed(listed) for _ in range(5))
    catalogue = listed()
    assert catalogue.entries == before
    again = sorted(timed(catalogue.refresh) for _ in range(5))
    query = "beta_P > 0.5 and device = lixcoo2 and pulse_width < 10 ms"
    asked = sorted(timed(lambda: catalogue.search(query)) for _ in range(5))
    found = len(catalogue.search(query))
    size = (folder / NAME).stat().st_size
    with capsys.disabled():
        print(f"\n{N_RUNS} runs, index of {size / 1e6:.1f} MB; {found} found")
        for what, seconds in (
            ("every file opened", min(opening)),
            ("from the index", from_index[2]),
            ("refreshed, nothing new", again[2]),
            ("searched", asked[2]),
        ):
            ratio = min(opening) / seconds
            print(f"{what:24s} {seconds:8.3f} s {ratio:8.1f} x faster than opening")
    assert len(before) == N_RUNS
    assert found == 4 * N_RUNS // N_MADE  # numbers 6 to 9 of each twenty

"""kill -9 in the middle of a run: every acknowledged row is there after recovery."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.recovery import recover
from labsyn.data.run import Run

# Tells the number of acknowledged rows on stdout, as 8 bytes each, after each row.
CHILD = """
import os, sys
from labsyn import Bench, PulseTrain, measure

class Told(PulseTrain):
    rows = 0

    def record(self, row):
        super().record(row)
        self.rows += 1
        os.write(1, self.rows.to_bytes(8, "little"))

with Bench.simulated("lixcoo2", seed=1) as bench:
    measure(Told(n_cycles=16_000), bench, sys.argv[1], name="killed")
"""


def kill_once(folder: Path, rng: random.Random) -> tuple[int, Run]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    told = child.stdout.read(8)  # the run is on
    time.sleep(rng.uniform(0, 0.3))
    child.send_signal(signal.SIGKILL)
    told += child.stdout.read()
    child.wait()
    child.stdout.close()
    acknowledged = int.from_bytes(told[len(told) // 8 * 8 - 8 :][:8], "little")
    (recovered,) = recover(folder)
    assert not recovered.error
    return acknowledged, Run.open(folder / "killed.h5")


def check(folder: Path, n_kills: int, seed: int) -> None:
    rng = random.Random(seed)
    most = 0
    for i in range(n_kills):
        acknowledged, run = kill_once(folder / str(i), rng)
        assert run.status == "interrupted"
        assert run.n_rows >= acknowledged >= 1
        assert np.all(np.isfinite(run["conductance"]))
        assert np.all(np.diff(run["time"]) > 0)
        most = max(most, acknowledged)
    assert most > 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_at_random_moments(tmp_path: Path) -> None:
    check(tmp_path, n_kills=8, seed=0)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_at_a_hundred_random_moments(tmp_path: Path) -> None:
    check(tmp_path, n_kills=100, seed=1)

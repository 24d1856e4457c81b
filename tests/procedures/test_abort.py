"""A signal in the middle of each procedure: bench safe, run aborted, rows kept."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.endurance import Endurance
from labsyn.procedures.iv_sweep import IVSweep
from labsyn.procedures.memory_loop import MemoryLoop
from labsyn.procedures.paired_pulse import PairedPulse
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.retention import Retention
from labsyn.procedures.runner import measure
from labsyn.procedures.spike_plasticity import SNDP, SVDP, SVWDP, SWDP
from labsyn.procedures.stdp import STDP

RUNS: list[tuple[str, BenchProcedure]] = [
    ("lixcoo2", PulseTrain(n_cycles=1)),
    ("lixcoo2", PulseTrain(n_cycles=2, n_pulses=10, branch_rest=1, read_every=5)),
    ("lixcoo2", SNDP(pulse_numbers="5, 10")),
    ("lixcoo2", SVDP(n_pulses=5)),
    ("lixcoo2", SWDP(n_pulses=5)),
    ("lixcoo2", SVWDP(n_pulses=3)),
    ("lixcoo2", Endurance(n_cycles=4, n_pulses=10)),
    ("lixcoo2", Retention(n_potentiations="0, 5")),
    ("lixcoo2", PairedPulse(n_intervals=5)),
    ("lixcoo2", STDP(n_slots=3)),
    ("lixcoo2", IVSweep(n_sweeps=4)),
    ("lixcoo2", MemoryLoop(write_voltage=-1, n_loops=3)),
    ("titania", MemoryLoop(compliance_current=0.2, n_loops=1)),
]


@pytest.mark.parametrize("number", range(len(RUNS)))
def test_a_signal_in_the_middle(
    tmp_path: Path, number: int, still_on: Callable[[SimulatedBench], list[str]]
) -> None:
    device, procedure = RUNS[number]
    sent: list[float] = []

    def interrupt(percent: float) -> None:
        if percent >= 50 and not sent:
            sent.append(percent)
            os.kill(os.getpid(), signal.SIGINT)

    with Bench.simulated(device, seed=1) as bench:
        run = measure(procedure, bench, tmp_path, on_progress=interrupt)
        assert still_on(bench.simulation) == []
    assert (run.status, run.reason) == ("aborted", "stopped by SIGINT")
    assert sent[0] < 100
    assert 0.1 * procedure.row_estimate() < run.n_rows < procedure.row_estimate()
    assert Run.open(run.path).n_rows == run.n_rows

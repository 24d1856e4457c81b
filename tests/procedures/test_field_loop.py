"""Resistance against field: the two states and switching fields of the simulated junction."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.errors import BenchError, LimitError, RoleError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.drivers.config import starter
from labsyn.procedures.catalogue import find_procedure
from labsyn.procedures.field_loop import FieldLoop
from labsyn.procedures.runner import measure

LOCK_IN = starter("mtj")[
    starter("mtj").index("[instruments.lock_in]") : starter("mtj").index("[instruments.coil]")
]
SMU = """
[instruments.lock_in]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
"""
WITH_SMU = re.sub(
    "(?m)^(reference_|frequency|time_constant).*$", "", starter("mtj").replace(LOCK_IN, SMU)
)
QUICK = {"read_voltage": 3.4, "n_steps": 10}


def opened(tmp_path: Path, text: str) -> Bench:
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return Bench.open(path)


def is_safe(bench: Bench) -> bool:
    bench.clock.sleep(1.0)  # the coil's current follows
    return bool(abs(bench.simulation.environment.field) < 1e-6)


def check_loop(run: Run, truth: dict[str, float]) -> None:
    half = truth["channel_resistance"] / 2  # between the junctions and ground
    low = truth["parallel_resistance"]
    resistance, field = run["resistance"], run["field"]
    is_high = resistance > half + low * (1 + truth["tmr"] / 2)
    assert np.mean(resistance[~is_high]) == pytest.approx(low + half, rel=5e-3)
    high = low * (1 + truth["tmr"]) + half
    assert np.mean(resistance[is_high]) == pytest.approx(high, rel=5e-3)
    assert resistance == pytest.approx(1 / run["conductance"])
    jumps = np.flatnonzero(np.diff(is_high.astype(int)))
    assert len(jumps) == 2  # down at a negative field, up at a positive one
    assert list(run["direction"][jumps + 1]) == [-1, 1]
    down, up = field[jumps + 1]
    assert (up - down) / 2 == pytest.approx(truth["coercive_field"], rel=0.15)
    assert (up + down) / 2 == pytest.approx(truth["exchange_field"], abs=1e-3)


@pytest.mark.parametrize("model", ["SR830", "SR860", "SMU"])
def test_a_minor_loop_has_two_states_whoever_reads(tmp_path: Path, model: str) -> None:
    """Kumar et al. 2024, figure 3d: R_P, R_AP and both switching fields of the device."""
    text, loop = starter("mtj"), FieldLoop(read_voltage=3.4)
    if model == "SR860":
        text, loop = text.replace("SR830", "SR860", 1), FieldLoop(read_voltage=2.0)
    if model == "SMU":
        text, loop = WITH_SMU, FieldLoop()
    with opened(tmp_path, text) as bench:
        run = measure(loop, bench, tmp_path)
        truth = bench.describe()["device_truth"]
        assert is_safe(bench)
        assert bench.warnings == []
    assert (run.status, run.n_rows) == ("finished", 161)
    assert run["field"][[0, 80, 160]] == pytest.approx([20e-3, -20e-3, 20e-3], abs=1e-4)
    assert np.all(run["flags"] == Flag.SIMULATED)
    assert not run["branch"].any()
    check_loop(run, truth)


def test_several_loops(tmp_path: Path) -> None:
    with Bench.simulated("mtj", seed=2) as bench:
        run = measure(FieldLoop(**QUICK, n_loops=2), bench, tmp_path)
    assert run.n_rows == 41
    assert [int((run["loop"] == k).sum()) for k in (0, 1, 2)] == [1, 20, 20]
    assert run["field"][1:21] == pytest.approx(run["field"][21:], abs=2e-4)


def test_a_signal_ends_with_the_field_at_zero(tmp_path: Path) -> None:
    def kill(percent: float) -> None:
        if percent == 25:
            assert abs(bench.simulation.environment.field) < 1e-2
            os.kill(os.getpid(), signal.SIGINT)

    with Bench.simulated("mtj", seed=2) as bench:
        run = measure(FieldLoop(**QUICK), bench, tmp_path, on_progress=kill)
        assert is_safe(bench)
    assert (run.status, run.reason, run.n_rows) == ("aborted", "stopped by SIGINT", 6)
    assert Run.open(run.path).n_rows == 6


def test_shutdown_alone_ramps_to_zero() -> None:
    """PyMeasure's own windows know nothing of our runner."""
    with Bench.simulated("mtj", seed=2) as bench:
        loop = FieldLoop()
        loop.bench = bench
        loop.startup()
        bench.field.set_field(0.02, slew=0.1)
        loop.shutdown()
        assert is_safe(bench)


def test_compliance_is_recorded_or_stops(tmp_path: Path) -> None:
    with opened(tmp_path, WITH_SMU) as bench:
        limited = {"n_steps": 4, "compliance_current": 3e-6}
        run = measure(FieldLoop(**limited), bench, tmp_path)
        assert (run["flags"].astype(int) & Flag.COMPLIANCE).any()
        with pytest.raises(BenchError, match=r"compliance of 3e-06 A reached at .* mT of loop"):
            measure(FieldLoop(**limited, on_compliance="stop"), bench, tmp_path, name="x")
        assert is_safe(bench)
    assert Run.open(tmp_path / "x.h5").status == "failed"


def test_what_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with Bench.simulated("mtj") as bench:
        log = bench.simulation.instruments["GPIB0::6::INSTR"].log
        before = len(log)
        for values, message in (
            ({"field_amplitude": 0.2}, "a field of 200 mT exceeds the limit of 50 mT"),
            ({"field_slew": 1.0}, "a field ramp of 1 T/s exceeds the limit of 200 mT/s"),
            ({"read_voltage": 4.5}, "read_voltage of 4.5 V at top exceeds the limit of 4 V"),
            ({"n_steps": 10**5}, "an estimated duration of .* exceeds the limit of"),
        ):
            with pytest.raises(LimitError, match=message):
                measure(FieldLoop(**values), bench, tmp_path / "runs")
        assert len(log) == before
    assert not (tmp_path / "runs").exists()


def test_a_bench_without_a_magnet(tmp_path: Path) -> None:
    with Bench.simulated() as bench, pytest.raises(RoleError, match=r"no field: .*KepcoBOP"):
        measure(FieldLoop(), bench, tmp_path)


def test_its_name() -> None:
    assert find_procedure("field_loop") is FieldLoop

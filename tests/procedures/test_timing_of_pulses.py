"""Paired pulses and spike timing, against the closed form of the device."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import BenchError, ConfigError, LimitError
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.config import simulated_config
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.paired_pulse import PairedPulse
from labsyn.procedures.runner import measure
from labsyn.procedures.stdp import STDP, spike

QUIET: dict[str, Any] = {"sigma_c2c": 0.0, "sigma_read": 0.0}


def test_a_second_pulse_finds_what_the_first_left(tmp_path: Path) -> None:
    """A linear device that forgets with τ: A2 / A1 = 1 + exp(-interval / τ)."""
    device = {**QUIET, "beta_p": 0.0, "beta_d": 0.0, "relaxation_time": 1.0}
    pairs = PairedPulse(n_repeats=2, n_intervals=7, recovery_time=20, reset_pulses=0)
    with Bench.simulated("lixcoo2", seed=1, **device) as bench:
        run = measure(pairs, bench, tmp_path)
        assert bench.clock.now() == pytest.approx(pairs.duration(bench), rel=0.01)
    assert run.n_rows == 14
    wanted = np.tile(np.geomspace(20e-3, 20, 7), 2)
    assert run["interval"] == pytest.approx(wanted, rel=0.02)
    assert run["facilitation"] == pytest.approx(1 + np.exp(-wanted), abs=0.03)
    again = (run["second"] - run["baseline"]) / (run["first"] - run["baseline"])
    assert run["facilitation"] == pytest.approx(again)


def test_the_interval_is_the_one_that_was_reached(tmp_path: Path) -> None:
    plain = simulated_config("lixcoo2", 1, QUIET).model_dump()
    slow = {"kind": "slow", "match": "TTI", "after": 1, "seconds": 0.5}  # the first read of G1
    plain["instruments"]["smu"]["faults"] = [slow]
    with Bench(BenchConfig.model_validate(plain)) as bench:
        run = measure(PairedPulse(n_repeats=1, n_intervals=2), bench, tmp_path)
    assert run["interval"] == pytest.approx([0.51, 20.0], rel=0.01)


def test_the_reset_follows_a_pair(tmp_path: Path) -> None:
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        kept = measure(PairedPulse(reset_pulses=0, n_intervals=3), bench, tmp_path)
        assert np.all(np.diff(kept["baseline"]) > 0)
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        back = measure(PairedPulse(reset_pulses=2, n_intervals=3), bench, tmp_path, name="x")
    assert np.ptp(back["baseline"]) < 0.5 * np.ptp(kept["baseline"])


def test_a_spike_is_a_head_and_a_tail_that_falls() -> None:
    assert spike(0.2, 0.6, 3) == pytest.approx([0.2, -0.6, -0.4, -0.2])


def test_timing_decides_direction_and_size(tmp_path: Path) -> None:
    stdp = STDP()
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        run = measure(stdp, bench, tmp_path)
        assert bench.clock.now() == pytest.approx(stdp.duration(bench), rel=0.01)
    delay, change = run["delay"], run["change"]
    assert delay == pytest.approx(0.02 * np.array([k for k in range(-8, 9) if k]))
    assert np.all(change[delay > 0] > 0)
    assert np.all(change[delay < 0] < 0)
    assert np.all(np.diff(change[delay > 0]) < 0)
    assert np.all(np.diff(change[delay < 0]) < 0)
    assert run["before"] == pytest.approx(run["before"].mean(), rel=0.08)  # about one state


def test_each_part_of_a_spike_alone_changes_nothing(tmp_path: Path) -> None:
    """What moves the device is the overlap: without one neuron nothing happens."""
    for alone in ({"pre_head": 0, "pre_tail": 0}, {"post_head": 0, "post_tail": 0}):
        with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
            run = measure(STDP(n_slots=3, **alone), bench, tmp_path / str(len(alone)), name="x")
        assert run["change"] == pytest.approx(0, abs=1e-3)
        run.path.unlink()


def test_the_other_polarity(tmp_path: Path) -> None:
    """All four voltages with the other sign: what potentiated depresses."""
    turned = {"pre_head": -0.6, "pre_tail": -0.2, "post_head": -0.2, "post_tail": -0.6}
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        run = measure(STDP(n_slots=3, **turned), bench, tmp_path)
    assert np.all(run["change"][run["delay"] > 0] < 0)
    assert np.all(run["change"][run["delay"] < 0] > 0)


@pytest.mark.parametrize(
    ("procedure", "n_pulses", "message"),
    [
        (STDP(n_slots=3), 1, "reached at a delay of -0.06 s"),
        (PairedPulse(pulse_voltage=-0.1), 3, "reached at the reset after pair 1"),
    ],
)
def test_compliance_stops_before_the_next_pulses(
    tmp_path: Path, procedure: BenchProcedure, n_pulses: int, message: str
) -> None:
    procedure.compliance_current, procedure.on_compliance = 5e-6, "stop"
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        with pytest.raises(BenchError, match=message):
            measure(procedure, bench, tmp_path, name="x")
        assert bench.account.total().n_pulses == n_pulses
    assert Run.open(tmp_path / "x.h5").n_rows == 1


@pytest.mark.parametrize(
    ("procedure", "error", "message"),
    [
        (
            PairedPulse(shortest_interval=2, longest_interval=1),
            ConfigError,
            "shortest_interval of 2 s is longer than longest_interval of 1 s",
        ),
        (
            PairedPulse(shortest_interval=1e-3),
            LimitError,
            r"shortest_interval is 0.001 s, and pause and read between the pulses take 0.01",
        ),
        (PairedPulse(pulse_voltage=-9), LimitError, "pulse_voltage of -9 V at top exceeds"),
        (
            STDP(pre_tail=-0.6),
            ConfigError,
            "heads and tails are given with one sign, .* are 0.2",
        ),
        (STDP(post_head=5), LimitError, r"spike overlap of pulse \d+ of -5\.\d+ V at top exc"),
        (STDP(set_voltage=-9), LimitError, "set_voltage of -9 V at top exceeds"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, procedure: BenchProcedure, error: type[Exception], message: str
) -> None:
    with Bench.simulated() as bench, pytest.raises(error, match=message):
        measure(procedure, bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()

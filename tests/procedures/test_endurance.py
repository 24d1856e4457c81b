"""Endurance: printed conditions, drift, and an end when the window closes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.curves import curves_from_run
from labsyn.data.errors import BenchError
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.endurance import Endurance
from labsyn.procedures.runner import measure


def test_350_cycles_of_figure_s3(tmp_path: Path) -> None:
    """Baek et al. 2022, figure S3: 350 cycles of 25 negative and 25 positive spikes."""
    endurance = Endurance(read_every=25)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(endurance, bench, tmp_path)
        assert bench.account.total().n_pulses == 17_500
        assert bench.clock.now() == pytest.approx(endurance.duration(bench), rel=0.01)
    assert (run.status, run.n_rows) == ("finished", 701)
    volts, branch = run["pulse_voltage"], run["branch"]
    assert np.all(volts[branch == 1] < 0)
    assert np.all(volts[branch == -1] > 0)
    states = run.blocks["end_states"]
    assert states.shape == (350, 2)
    assert states.values[:, 0] == pytest.approx(run["conductance"][branch == 1])
    assert states.values[:, 1] == pytest.approx(run["conductance"][branch == -1])
    told = run.events[-1]
    assert told["text"].startswith("350 cycles: the high state drifted by ")
    high, low = states.values[-1] / states.values[0] - 1
    assert (told["high_drift"], told["low_drift"]) == pytest.approx((high, low))
    assert states.values[:, 0].min() > 2 * states.values[:, 1].max()  # the window stays open


def test_it_reads_after_each_spike_and_is_fitted(tmp_path: Path) -> None:
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(Endurance(n_cycles=2), bench, tmp_path)
    assert run.n_rows == 101
    assert [curve.size for curve in curves_from_run(run).potentiation] == [26, 26]


def test_it_ends_when_the_window_closes(tmp_path: Path) -> None:
    values: dict[str, Any] = {"sigma_c2c": 0.0, "sigma_read": 0.0}
    endurance = Endurance(n_pulses=10, depression_voltage=0.1, least_ratio=1.3)
    with Bench.simulated("lixcoo2", seed=1, **values) as bench:
        run = measure(endurance, bench, tmp_path)  # nothing depresses: it only goes up
    states = run.blocks["end_states"].values
    assert run.status == "finished"
    assert len(states) < 350
    assert run.n_rows == 1 + 20 * len(states)
    assert np.all(states[:-1, 0] / states[:-1, 1] >= 1.3) or len(states) == 1
    assert states[-1, 0] / states[-1, 1] < 1.3
    closed = next(event for event in run.events if event["kind"] == "warning")
    assert f"the window closed in cycle {len(states)}: " in closed["text"]


def test_a_device_that_breaks_ends_it(tmp_path: Path) -> None:
    with Bench.simulated("lixcoo2", seed=1, break_voltage=1.6) as bench:
        run = measure(Endurance(potentiation_voltage=-1.7), bench, tmp_path)
    assert len(run.blocks["end_states"].values) == 1  # an open, of which only noise is read


def test_what_was_learned_is_kept_when_it_fails(tmp_path: Path) -> None:
    """Potentiation drifts up until it reaches the compliance."""
    values: dict[str, Any] = {"n_pulses": 10, "depression_voltage": 0.5, "least_ratio": 1}
    endurance = Endurance(**values, compliance_current=5e-5, on_compliance="stop")
    with (
        Bench.simulated("lixcoo2", seed=1) as bench,
        pytest.raises(BenchError, match="compliance of 5e-05 A reached"),
    ):
        measure(endurance, bench, tmp_path, name="x")
    run = Run.open(tmp_path / "x.h5")
    assert len(run.blocks["end_states"].values) == run["cycle"][-1] - 1 > 1
    assert "the high state drifted by +" in run.events[-1]["text"]


def test_a_flagged_state_decides_nothing(tmp_path: Path) -> None:
    endurance = Endurance(n_cycles=3, n_pulses=5, compliance_current=2e-5, least_ratio=1e6)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(endurance, bench, tmp_path)
    assert np.isnan(run.blocks["end_states"].values[:, 0]).all()
    assert not [event for event in run.events if "window" in event["text"]]

"""Drift of the bump: the published tolerances, and what a device does."""

import json
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError
from labsyn.networks.attractor import ContinuousAttractor, count_peaks
from labsyn.networks.cann_experiment import cann_experiment


def _linear(n_pulses: int = 100, **noise: Any) -> Synapse:
    return Synapse.exponential(
        beta_p=0, beta_d=0, n_pulses=n_pulses, g_min=1e-6, g_max=1e-5, **noise
    )


def test_write_noise_of_five_per_cent_is_tolerated_and_thirty_is_not() -> None:
    steps: list[tuple[int, int]] = []
    result = cann_experiment(
        _linear(), n_seeds=300, progress=lambda done, n: steps.append((done, n))
    )
    assert steps == [(k, 5) for k in range(1, 6)]
    scores = {score.condition: score for score in result.scores}
    ideal, device = scores["ideal"], scores["device"]
    assert ideal.drift.value < 1e-12
    assert (ideal.inside.value, ideal.single_peak.value) == (1, 1)
    expected = {"5 %": (0.87, 0.955), "10 %": (0.60, 0.67), "30 %": (0.27, 0.145)}
    for noise, (inside, single) in expected.items():
        score = scores[f"write noise {noise}"]
        assert score.alive.value == 1
        assert score.inside.value == pytest.approx(inside, abs=0.08)
        assert score.single_peak.value == pytest.approx(single, abs=0.08)
    # A linear device without noise only rounds the weights, all in the same way.
    assert device.drift.value < 1e-12
    json.dumps(result.to_dict(), allow_nan=False)


def test_read_noise_of_ten_per_cent_is_tolerated() -> None:
    ring = ContinuousAttractor()
    run = ring.run(position=np.zeros(300), sigma_read=0.1, rng=np.random.default_rng(0))
    drift = np.abs(run.positions[:, -1])
    assert np.sqrt(np.mean(drift**2)) == pytest.approx(0.02, abs=0.003)
    assert np.all(drift < ring.spacing)
    assert np.mean(count_peaks(run.rates) == 1) > 0.97


def test_noise_of_the_device_makes_it_drift_and_seeds_repeat() -> None:
    noisy = _linear(sigma_c2c=0.03, sigma_read=0.05)
    first = cann_experiment(noisy, n_seeds=50, seed=2, write_noise=())
    assert [score.condition for score in first.scores] == ["ideal", "device"]
    assert first.scores[1].drift.value > 0.05
    assert first.scores[1].drift.standard_error > 0
    again = cann_experiment(noisy, n_seeds=50, seed=2, write_noise=())
    assert first.to_dict() == again.to_dict()


def test_a_dead_bump_does_not_count_as_one_that_stayed() -> None:
    # Near the critical inhibition a faint stimulus makes no bump, but a trace with an angle.
    faint = ContinuousAttractor(inhibition=0.99, stimulus_amplitude=0.01)
    result = cann_experiment(_linear(), n_seeds=5, write_noise=(), attractor=faint)
    for score in result.scores:
        assert score.alive.value == 0
        assert score.inside.value == 0
        assert score.single_peak.value == 0
        assert np.isnan(score.drift.value)
    json.dumps(result.to_dict(), allow_nan=False)


def test_refusals() -> None:
    with pytest.raises(ModelError, match="n_seeds is 1, the scatter needs 2"):
        cann_experiment(_linear(), n_seeds=1)
    with pytest.raises(ModelError, match="there is a bump below 1 only"):
        cann_experiment(_linear(), attractor=ContinuousAttractor(inhibition=1.5))

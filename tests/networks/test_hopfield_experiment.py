"""The Hopfield experiment: what it scores, and what it refuses to score."""

import json
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.datasets import natural_patterns
from labsyn.data.errors import ModelError
from labsyn.networks.hopfield_experiment import hopfield_experiment


def _synapse(**noise: Any) -> Synapse:
    return Synapse.exponential(beta_p=1, beta_d=1, n_pulses=97, g_min=1e-6, g_max=1e-5, **noise)


def test_oja_beats_hebb_on_natural_images_and_survives_the_device() -> None:
    steps: list[tuple[int, int]] = []
    result = hopfield_experiment(
        _synapse(sigma_c2c=0.003),
        natural_patterns(15),
        n_repeats=2,
        source="test",
        progress=lambda done, n: steps.append((done, n)),
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(result.scores) == 12
    for n_draws in (102, 307, 512):
        hebb = result.score("hebb", "ideal", n_draws)
        oja = result.score("oja", "ideal", n_draws)
        device = result.score("oja", "device", n_draws)
        assert hebb.near.n_trials == 30
        assert hebb.near.interval[1] < oja.near.interval[0]
        assert oja.near.value > 0.85
        assert device.near.value > 0.85
        assert oja.exact.value <= oja.near.value
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["settings"]["patterns"] == "test"
    assert plain["settings"]["n_patterns"] == 15


def test_noise_follows_the_number_of_neurons_and_seeds_repeat() -> None:
    patterns = natural_patterns(3, size=16)
    synapse = _synapse(sigma_c2c=0.05, sigma_read=0.05)
    first = hopfield_experiment(synapse, patterns, n_repeats=1, seed=4)
    second = hopfield_experiment(synapse, patterns, n_repeats=1, seed=4)
    assert first.to_dict() == second.to_dict()
    assert {score.n_draws for score in first.scores} == {26, 77, 128}


def test_a_ruined_device_recalls_nothing() -> None:
    result = hopfield_experiment(
        _synapse(sigma_c2c=1.0, sigma_read=3.0), natural_patterns(5, size=16), n_repeats=1
    )
    assert result.score("oja", "device", 77).near.value == 0
    with pytest.raises(ModelError, match="no score of oja device with 5 draws"):
        result.score("oja", "device", 5)


def test_refusals() -> None:
    patterns = natural_patterns(2, size=8)
    for fractions in ((0.0,), (), (-0.1, 0.5)):
        with pytest.raises(ModelError, match="learned nothing scores 100 %"):
            hopfield_experiment(_synapse(), patterns, noise_fractions=fractions)
    with pytest.raises(ModelError, match="n_repeats is 0"):
        hopfield_experiment(_synapse(), patterns, n_repeats=0)
    with pytest.raises(ModelError, match="must be a table of -1 and"):
        hopfield_experiment(_synapse(), np.full((2, 3), 1.5))

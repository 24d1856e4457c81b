"""Accuracy on devices: noise costs accuracy, more states give it back."""

import json
import os
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.datasets import load_digits, load_mnist
from labsyn.data.errors import ModelError
from labsyn.networks.ann_experiment import ann_experiment
from labsyn.networks.transfer import accuracy, train_mlp, weight_transfer

pytest.importorskip("torch")


def _linear(n_pulses: int, g_min: float = 1e-6, g_max: float = 1e-5, **noise: Any) -> Synapse:
    return Synapse.exponential(
        beta_p=0, beta_d=0, n_pulses=n_pulses, g_min=g_min, g_max=g_max, **noise
    )


def test_a_good_device_keeps_the_accuracy_and_repeats() -> None:
    steps: list[tuple[int, int]] = []
    data = load_digits()
    result = ann_experiment(
        _linear(200),
        data,
        hidden=(32,),
        epochs=30,
        n_repeats=3,
        progress=lambda done, n: steps.append((done, n)),
    )
    assert steps == [(k, 33) for k in range(1, 34)]
    assert result.digital.value > 0.93
    assert result.digital.n_trials == 450
    assert result.quantised.value == pytest.approx(result.digital.value, abs=0.01)
    # A device without noise gives the same network every time.
    np.testing.assert_array_equal(result.transferred, result.quantised.value)
    assert result.mean.value == pytest.approx(result.quantised.value)
    assert result.mean.standard_error < 1e-12
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["settings"]["layers"] == [64, 32, 10]
    assert plain["settings"]["seed"] == 0


def test_noise_costs_accuracy_and_scatters() -> None:
    data = load_digits()
    runs = [
        ann_experiment(
            _linear(100, sigma_c2c=sigma), data, hidden=(32,), epochs=30, n_repeats=4, seed=1
        )
        for sigma in (0.02, 0.02, 0.2)
    ]
    np.testing.assert_array_equal(runs[0].transferred, runs[1].transferred)
    assert len(set(runs[0].transferred)) > 1
    low, high = runs[0].mean.interval
    assert low < runs[0].transferred.mean() < high
    assert runs[2].mean.value < runs[0].mean.value - 0.1


def test_mapping_decides_what_a_larger_on_off_ratio_and_more_cells_bring() -> None:
    """Tunnel junctions: n cells in parallel are n equal steps above g_max / (1 + TMR)."""
    data = load_digits()
    models = [train_mlp(data, (32,), 40, seed=seed) for seed in range(3)]

    def score(mapping: str, n_cells: int, tmr: float) -> float:
        synapse = _linear(n_cells, g_min=1 / (1 + tmr), g_max=1.0)
        found = [weight_transfer(model, synapse, mapping, 95.4) for model in models]
        return float(np.mean([accuracy(m, data.test_x, data.test_y).value for m in found]))

    assert score("gmax", 1, 0.33) + 0.03 < score("gmax", 1, 0.78) < score("gmax", 1, 2.6)
    assert score("gmax", 3, 0.78) - score("gmax", 1, 0.78) < 0.05
    for mapping in ("differential", "minmax"):
        one, three = score(mapping, 1, 0.33), score(mapping, 3, 0.33)
        assert three > one + 0.05
        assert score(mapping, 3, 0.78) == three


def test_one_value_has_no_scatter() -> None:
    with pytest.raises(ModelError, match="n_repeats is 1, the scatter needs 2"):
        ann_experiment(_linear(10), load_digits(), n_repeats=1)


def test_mnist_keeps_its_accuracy_in_a_good_device() -> None:
    if not os.environ.get("LABSYN_DATASETS"):
        pytest.skip("LABSYN_DATASETS is not set: no MNIST here")
    result = ann_experiment(
        _linear(64, sigma_c2c=0.005), load_mnist(), hidden=(100,), epochs=3, n_repeats=2
    )
    assert result.digital.value > 0.95
    assert result.mean.value > 0.94

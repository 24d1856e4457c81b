"""Training, and the transfer of any Linear layer through the device."""

import sys
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.datasets import LabelledImages
from labsyn.data.errors import ModelError
from labsyn.networks.mapping import program_weights
from labsyn.networks.transfer import accuracy, train_mlp, weight_transfer

torch = pytest.importorskip("torch")
nn = torch.nn


def _linear(n_pulses: int = 100, **noise: Any) -> Synapse:
    return Synapse.exponential(
        beta_p=0, beta_d=0, n_pulses=n_pulses, g_min=1e-6, g_max=1e-5, **noise
    )


def _blobs(n: int = 200, seed: int = 0) -> LabelledImages:
    """Return three classes of points that a perceptron tells apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    x = (np.eye(3)[y] + 0.1 * rng.standard_normal((n, 3))).astype(np.float32)
    return LabelledImages("blobs", x[: n // 2], y[: n // 2], x[n // 2 :], y[n // 2 :])


def _nested() -> Any:
    torch.manual_seed(1)
    inner = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
    return nn.ModuleDict({"a": inner, "b": nn.ModuleList([nn.Linear(4, 3, bias=False)])})


@pytest.mark.parametrize("mapping", ["differential", "minmax", "offset"])
def test_ideal_transfer_changes_weights_by_less_than_half_a_level(mapping: str) -> None:
    model = _nested()
    before = {name: value.clone() for name, value in model.named_parameters()}
    copied = weight_transfer(model, _linear(), mapping)
    levels = 50 if mapping == "offset" else 100
    for name, value in copied.named_parameters():
        change = (value - before[name]).abs().max()
        if name.endswith("bias"):
            assert change == 0
        else:
            w_max = before[name].abs().max()
            assert 0 < change <= w_max / levels / 2 * (1 + 1e-5)
    for name, value in model.named_parameters():
        assert torch.equal(value, before[name]), f"{name} of the original changed"


def test_noise_of_the_device_reaches_the_weights() -> None:
    model = nn.Linear(300, 300)
    noisy = _linear(sigma_read=0.05)
    first: Any = weight_transfer(model, noisy, rng=np.random.default_rng(0))
    again: Any = weight_transfer(model, noisy, rng=np.random.default_rng(0))
    ideal: Any = weight_transfer(model, noisy)
    assert torch.equal(first.weight, again.weight)
    change = (first.weight - ideal.weight).detach().numpy()
    scatter = change.std() / model.weight.detach().abs().max().item()
    assert scatter == pytest.approx(0.05 * np.sqrt(2), rel=0.02)  # two devices a weight


def test_transfer_is_program_weights_layer_by_layer() -> None:
    model = nn.Linear(6, 4)
    copied: Any = weight_transfer(model, _linear(7), "gmax", 90)
    expected = program_weights(model.weight.detach().numpy(), _linear(7), "gmax", 90).read()
    np.testing.assert_allclose(copied.weight.detach().numpy(), expected, rtol=1e-6)


def test_a_shared_weight_is_programmed_once() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    copied: Any = weight_transfer(model, _linear(sigma_read=0.1), rng=np.random.default_rng(0))
    alone: Any = weight_transfer(
        model[0], _linear(sigma_read=0.1), rng=np.random.default_rng(0)
    )
    assert copied[1].weight is copied[0].weight
    assert torch.equal(copied[0].weight, alone.weight)


def test_layers_without_weights_pass_and_others_are_refused() -> None:
    weight_transfer(nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.Dropout()), _linear())
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Conv2d(1, 1, 3)))
    with pytest.raises(
        ModelError, match=r"layer '1\.0' is a Conv2d: only the weights of Linear"
    ):
        weight_transfer(model, _linear())
    with pytest.raises(ModelError, match="layer 'model' is a BatchNorm1d"):
        weight_transfer(nn.BatchNorm1d(3), _linear())
    with pytest.raises(ModelError, match="ReLU has no Linear layer: nothing to transfer"):
        weight_transfer(nn.ReLU(), _linear())
    with pytest.raises(ModelError, match="layer '0' has no weights yet"):
        weight_transfer(nn.Sequential(nn.LazyLinear(3)), _linear())


def test_training_learns_repeats_and_leaves_the_global_state_alone() -> None:
    data = _blobs()
    state = torch.random.get_rng_state()
    epochs: list[tuple[int, int]] = []
    model = train_mlp(
        data, (8,), 30, 10, 1e-2, seed=3, on_epoch=lambda done, n: epochs.append((done, n))
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert epochs == [(k, 30) for k in range(1, 31)]
    assert [type(layer).__name__ for layer in model] == ["Linear", "Sigmoid", "Linear"]
    assert accuracy(model, data.test_x, data.test_y).value > 0.97
    again = train_mlp(data, (8,), 30, 10, 1e-2, seed=3)
    other = train_mlp(data, (8,), 30, 10, 1e-2, seed=4)
    assert torch.equal(model[0].weight, again[0].weight)
    assert not torch.equal(model[0].weight, other[0].weight)


def test_accuracy_counts_and_keeps_the_mode() -> None:
    model = nn.Sequential(nn.Identity(), nn.Dropout(0.9)).train()
    x = np.eye(4, dtype=np.float32)
    found = accuracy(model, x, np.array([0, 1, 2, 0]))
    assert (found.n_successes, found.n_trials) == (3, 4)
    assert model.training


def test_without_hidden_layers_it_is_one_matrix() -> None:
    model = train_mlp(_blobs(), (), 1)
    assert len(model) == 1


@pytest.mark.parametrize(
    "wrong", [{"hidden": (4, 0)}, {"epochs": 0}, {"batch": 0}, {"rate": 0.0}]
)
def test_impossible_training_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"hidden = .* must all be positive"):
        train_mlp(_blobs(), **wrong)


def test_a_missing_pytorch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"need PyTorch: pip install 'labsyn\[ann\]'"):
        train_mlp(_blobs())

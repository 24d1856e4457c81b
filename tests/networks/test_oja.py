"""Oja's rule: the literal rule, the projector it ends at, and the traps on the way."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.datasets import flip_pixels, natural_patterns
from labsyn.data.errors import ModelError
from labsyn.networks.hopfield import HopfieldNetwork
from labsyn.networks.oja import train_oja


def _patterns(n: int, n_neurons: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, n_neurons)) < 0.4, 1.0, -1.0)


@given(n=st.integers(1, 6), seed=st.integers(0, 999))
def test_is_the_literal_rule(n: int, seed: int) -> None:
    x = _patterns(n, 12, seed)
    rng = np.random.default_rng(seed)
    w = 0.1 * np.eye(12)
    for _ in range(7):
        for k in rng.permutation(n):
            y = w.T @ x[k]
            w += 0.01 * np.outer(x[k] - w @ y, y)
    w = (w + w.T) / 2
    np.fill_diagonal(w, 0)
    found = train_oja(x, rate=0.01, n_epochs=7, rng=np.random.default_rng(seed))
    np.testing.assert_allclose(found, w, atol=1e-12)


@settings(max_examples=8, deadline=None)
@given(n=st.integers(1, 5), seed=st.integers(0, 999))
def test_ends_at_the_projector_onto_the_patterns(n: int, seed: int) -> None:
    x = _patterns(n, 64, seed)
    projector = x.T @ np.linalg.pinv(x.T)
    expected = projector + 0.1 * (np.eye(64) - projector)  # W0 stays where no pattern is
    np.fill_diagonal(expected, 0)
    weights = train_oja(x, rate=0.1 / 64, n_epochs=1000, rng=np.random.default_rng(seed))
    np.testing.assert_allclose(weights, expected, atol=3e-5)


def test_weights_are_symmetric_without_diagonal_and_repeatable() -> None:
    x = natural_patterns(5, size=16)
    weights = train_oja(x, rate=0.2 / 256, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(weights, weights.T)
    assert not weights.diagonal().any()
    again = train_oja(x, rate=0.2 / 256, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(weights, again)


@pytest.mark.parametrize("w0", [0.0, -0.1, 1.5, float("nan")])
def test_zero_weights_would_learn_nothing(w0: float) -> None:
    with pytest.raises(
        ModelError, match=r"w0 is .*, allowed is above 0 up to 1: from zero weights"
    ):
        train_oja(_patterns(2, 8, 0), w0=w0, rng=np.random.default_rng(0))


def test_a_rate_at_which_nothing_settles_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(
        ModelError, match=r"rate 0\.003 with 1024 neurons .* n_neurons is 3\.07"
    ):
        train_oja(natural_patterns(2), rate=3e-3, rng=rng)
    with pytest.raises(ModelError, match="n_neurons is 0, allowed is above 0 and below 1"):
        train_oja(natural_patterns(2), rate=0.0, rng=rng)
    with pytest.raises(ModelError, match="n_neurons is 1, allowed is above 0 and below 1"):
        train_oja(_patterns(2, 8, 0), rate=1 / 8, rng=rng)


def test_other_refusals() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ModelError, match="n_epochs is 0"):
        train_oja(_patterns(2, 8, 0), n_epochs=0, rng=rng)
    for patterns in (np.ones(4), np.zeros((2, 4)), np.ones((0, 4))):
        with pytest.raises(ModelError, match="must be a table of -1 and"):
            train_oja(patterns, rng=rng)


def test_fifty_natural_images_with_half_the_information() -> None:
    if not os.environ.get("LABSYN_DATASETS"):
        pytest.skip("LABSYN_DATASETS is not set: no CIFAR-100 here")
    patterns = natural_patterns(50)
    rng = np.random.default_rng(0)
    weights = train_oja(patterns, rng=rng)
    assert np.abs(weights).max() < 0.061  # the projector has 0.060
    network = HopfieldNetwork(weights)
    for n_draws in (102, 307, 512):
        found = network.recall(flip_pixels(patterns, n_draws, rng))
        right = (found.states == patterns).mean(axis=1)
        assert np.mean(right == 1) >= 0.96
        assert np.mean(right > 0.99) >= 0.98

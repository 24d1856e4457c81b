"""Hopfield network: energy, recall in both orders, Hebb's rule, and devices."""

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.datasets import flip_pixels, natural_patterns
from labsyn.data.errors import ModelError
from labsyn.networks.hopfield import HopfieldNetwork, hebb, on_device

N = 9


def _symmetric(values: FloatArray) -> FloatArray:
    weights: FloatArray = values + values.T
    np.fill_diagonal(weights, 0.0)
    return weights


WEIGHTS = arrays(float, (N, N), elements=st.floats(-1, 1)).map(_symmetric)
STATES = arrays(np.int8, (4, N), elements=st.sampled_from([-1, 1]))


def _random_patterns(n: int, n_neurons: int = 1024, seed: int = 0) -> FloatArray:
    return np.where(np.random.default_rng(seed).random((n, n_neurons)) < 0.5, 1.0, -1.0)


@given(weights=WEIGHTS, cues=STATES, seed=st.integers(0, 99))
def test_energy_never_rises_one_neuron_after_another(
    weights: FloatArray, cues: FloatArray, seed: int
) -> None:
    network = HopfieldNetwork(weights)
    energy = network.energy(cues)
    states: NDArray[Any] = cues
    for sweep in range(4):
        rng = np.random.default_rng(seed + sweep)
        states = network.recall(states, 1, rng, asynchronous=True).states
        after = network.energy(states)
        assert np.all(after <= energy + 1e-9)
        energy = after


@given(weights=WEIGHTS, cue=STATES)
def test_energy_is_its_definition(weights: FloatArray, cue: FloatArray) -> None:
    x = cue[0].astype(int)
    pairs = sum(weights[i, j] * x[i] * x[j] for i in range(N) for j in range(N) if i != j)
    assert HopfieldNetwork(weights).energy(x) == pytest.approx(-0.5 * pairs, abs=1e-12)


@given(weights=WEIGHTS, cues=STATES)
def test_batched_recall_is_that_of_each_probe_alone(
    weights: FloatArray, cues: FloatArray
) -> None:
    network = HopfieldNetwork(weights)
    batch = network.recall(cues, 20)
    for k, cue in enumerate(cues):
        state, trail = cue.astype(float), [cue.astype(float)]
        for _ in range(20):
            field = np.array([sum(weights[i] * state) for i in range(N)])
            if np.any((field != 0) & (abs(field) < 1e-12)):
                return  # the order of a sum decides: nothing to compare
            state = np.where(field == 0, state, np.sign(field))
            trail.append(state)
        np.testing.assert_array_equal(batch.states[k], trail[int(batch.n_sweeps[k])])
        settled = np.array_equal(trail[-1], trail[-2])
        assert bool(batch.converged[k]) == settled
        assert bool(batch.oscillating[k]) == (not settled and np.array_equal(state, trail[-3]))


def test_two_cycles_leave_the_batch() -> None:
    network = HopfieldNetwork(np.array([[0.0, -1.0], [-1.0, 0.0]]))
    found = network.recall(np.array([[1, 1], [1, -1]]), 100)
    assert found.oscillating.tolist() == [True, False]
    assert found.converged.tolist() == [False, True]
    assert found.n_sweeps.tolist() == [2, 1]


def test_sgn_zero_keeps_the_state_so_that_no_weights_recall_anything() -> None:
    network = HopfieldNetwork(np.zeros((4, 4)))
    cue = np.array([1, -1, -1, 1])
    rng = np.random.default_rng(0)
    assert network.recall(cue).states.tolist() == cue.tolist()
    found = network.recall(cue, rng=rng, asynchronous=True)
    assert found.states.tolist() == cue.tolist()
    assert found.states.shape == (4,)
    assert found.converged.tolist() == [True]


def test_recall_stops_where_it_was_told_to() -> None:
    weights = np.roll(np.eye(6), 1, axis=0)  # a shift: neither fixed nor a 2-cycle
    cue = np.array([1, -1, -1, -1, -1, -1])
    found = HopfieldNetwork(weights).recall(cue, 3)
    assert found.states.tolist() == np.roll(cue, 3).tolist()
    assert not found.converged[0]
    assert not found.oscillating[0]


def test_hebb_stores_fifty_random_patterns() -> None:
    patterns = _random_patterns(50)
    network = HopfieldNetwork(hebb(patterns))
    rng = np.random.default_rng(1)
    cues = flip_pixels(patterns, 102, rng)
    np.testing.assert_array_equal(network.recall(cues).states, patterns)
    one = network.recall(cues[0], rng=rng, asynchronous=True)
    np.testing.assert_array_equal(one.states, patterns[0])


def test_hebb_is_the_sum_of_outer_products() -> None:
    patterns = _random_patterns(3, 5)
    expected = sum((np.outer(x, x) for x in patterns), np.zeros((5, 5))) / 5
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(hebb(patterns), expected, atol=1e-15)
    with pytest.raises(ModelError, match="must be a table of -1 and"):
        hebb(np.zeros((2, 5)))


def test_hebb_collapses_past_five_natural_images() -> None:
    if not os.environ.get("LABSYN_DATASETS"):
        pytest.skip("LABSYN_DATASETS is not set: no CIFAR-100 here")
    near = {}
    for n in (1, 3, 8, 10, 20, 50):
        right = []
        for seed in range(10):
            patterns = natural_patterns(n, seed=seed)
            cues = flip_pixels(patterns, 102, np.random.default_rng(seed))
            found = HopfieldNetwork(hebb(patterns)).recall(cues)
            right.append((found.states == patterns).mean(axis=1) > 0.99)
        near[n] = np.mean(right)
    assert near[1] == 1
    assert near[3] > 0.9
    assert near[8] < 0.7
    assert near[10] < 0.5
    assert near[20] < 0.05
    assert near[50] == 0


def test_an_ideal_device_changes_weights_by_less_than_half_a_level() -> None:
    weights = hebb(_random_patterns(5, 64))
    synapse = Synapse.exponential(beta_p=0, beta_d=0, n_pulses=500, g_min=1e-6, g_max=1e-5)
    rng = np.random.default_rng(0)
    programmed = on_device(weights, synapse, rng, percentile=100)
    assert np.abs(programmed - weights).max() <= np.abs(weights).max() / 1000 * (1 + 1e-9)
    assert not programmed.diagonal().any()


def test_devices_of_both_directions_are_independent() -> None:
    weights = hebb(_random_patterns(5, 64))
    synapse = Synapse.exponential(
        beta_p=1,
        beta_d=1,
        n_pulses=100,
        g_min=1e-6,
        g_max=1e-5,
        sigma_c2c=0.01,
        sigma_read=0.01,
    )
    programmed = on_device(weights, synapse, np.random.default_rng(0), "offset")
    assert not programmed.diagonal().any()
    upper = np.triu_indices(64, 1)
    error = programmed - np.clip(weights, -0.078125, 0.078125)
    assert abs(np.corrcoef(error[upper], error.T[upper])[0, 1]) < 0.5
    assert not np.allclose(programmed, programmed.T)


def test_refusals() -> None:
    with pytest.raises(ModelError, match=r"weights of shape \(2, 3\), expected a square"):
        HopfieldNetwork(np.zeros((2, 3)))
    with pytest.raises(ModelError, match="not finite"):
        HopfieldNetwork([[0.0, np.nan], [0.0, 0.0]])
    with pytest.raises(ModelError, match="have a diagonal, but no neuron feeds itself"):
        HopfieldNetwork(np.eye(2))
    network = HopfieldNetwork(np.zeros((2, 2)))
    for cue in ([1, -1, 1], [1, 0], [1.5, -1.2], [[[1, 1]]]):
        with pytest.raises(ModelError, match=r"are no states -1 and \+1 of 2 neurons"):
            network.recall(cue)
    with pytest.raises(ModelError, match="asynchronous recall needs rng"):
        network.recall([1, 1], asynchronous=True)
    with pytest.raises(ModelError, match="synchronous recall takes none"):
        network.recall([1, 1], rng=np.random.default_rng(0))

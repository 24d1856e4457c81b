"""Mappings: exact to half a level where a weight fits, noise where the device has some."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError
from labsyn.networks.mapping import MAPPINGS, program_weights, weight_range

WEIGHTS = arrays(float, (4, 5), elements=st.floats(-3, 3)).filter(lambda w: abs(w).max() > 0.01)


def _linear(n_pulses: int = 1000, g_min: float = 1e-6, **noise: Any) -> Synapse:
    return Synapse.exponential(
        beta_p=0, beta_d=0, n_pulses=n_pulses, g_min=g_min, g_max=11e-6, **noise
    )


_HUNDRED_STEPS = _linear(100)


# Half a level, in units of the weight range, of a device with 100 equal steps.
@pytest.mark.parametrize(
    ("mapping", "half_level"),
    [("differential", 5e-3), ("minmax", 5e-3), ("offset", 10e-3), ("gmax", 5e-3 * 10 / 11)],
)
@given(weights=WEIGHTS)
def test_round_trip_is_exact_to_half_a_level(
    mapping: str, half_level: float, weights: FloatArray
) -> None:
    w_max = np.abs(weights).max()
    read = program_weights(weights, _HUNDRED_STEPS, mapping).read()
    fits = np.abs(weights) >= (w_max / 11 if mapping == "gmax" else 0)
    assert np.all(np.abs(read - weights)[fits] <= half_level * w_max * (1 + 1e-6))


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_target_conductances_read_back_exactly(mapping: str) -> None:
    x = np.linspace(-1, 1, 21)
    encoding = MAPPINGS[mapping](x, _linear(g_min=0.0))
    assert encoding.target.shape == (2 if mapping == "differential" else 1, 21)
    assert encoding.target.min() >= 0
    assert encoding.target.max() <= 11e-6 * (1 + 1e-12)
    np.testing.assert_allclose(encoding.weights(encoding.target), x, atol=1e-12)


def test_gmax_cannot_hold_small_weights() -> None:
    read = program_weights([0.0, 0.01, -0.01, 1.0], _linear(), "gmax").read()
    np.testing.assert_allclose(read, [1 / 11, 1 / 11, -1 / 11, 1], atol=1e-9)


def test_one_device_of_a_pair_rests() -> None:
    programmed = program_weights([0.5, -1.0], _linear(), "differential")
    np.testing.assert_allclose(programmed.conductance, [[6e-6, 1e-6], [1e-6, 11e-6]])


def test_the_tail_saturates_only_where_asked() -> None:
    weights = np.r_[np.linspace(-1, 1, 999), 10.0]
    assert weight_range(weights) == 10
    assert program_weights(weights, _linear()).read().max() == pytest.approx(10)
    robust = program_weights(weights, _linear(), percentile=99).read()
    assert robust.max() == pytest.approx(weight_range(weights, 99))
    assert np.abs(robust - weights)[np.abs(weights) < 0.9].max() < 0.0006


def test_write_noise_grows_with_the_square_root_of_the_pulses() -> None:
    synapse = _linear(n_pulses=100, sigma_c2c=0.002)
    x = np.repeat([0.16, 0.64, 1.0], 20_000)
    weights = program_weights(x, synapse, "minmax", rng=np.random.default_rng(0)).read()
    error = (weights - x).reshape(3, -1)
    np.testing.assert_allclose(error.std(axis=1)[:2], [0.008, 0.016], rtol=0.03)
    # At the end of the range the upper half of the noise has nowhere to go.
    assert np.all(error[2] <= 1e-12)
    assert np.mean(error[2] < 0) == pytest.approx(0.5, abs=0.02)


def test_device_spread_scales_the_weight() -> None:
    synapse = _linear(n_pulses=100, sigma_d2d=0.05)
    x = np.r_[np.full(20_000, 0.5), 1.0]
    weights = program_weights(x, synapse, "minmax", rng=np.random.default_rng(0)).read()[:-1]
    assert weights.mean() == pytest.approx(0.5, abs=0.001)
    assert weights.std() == pytest.approx(0.025, rel=0.03)


def test_read_noise_is_fresh_and_of_both_devices() -> None:
    synapse = _linear(sigma_read=0.01)
    rng = np.random.default_rng(0)
    programmed = program_weights(np.full(20_000, 0.5), synapse, rng=rng)
    first, second = programmed.read(rng), programmed.read(rng)
    assert (first - 0.5).std() == pytest.approx(0.5 * 0.01 * np.sqrt(2), rel=0.03)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    np.testing.assert_array_equal(programmed.read(), programmed.read())


def test_refusals() -> None:
    synapse = _linear()
    with pytest.raises(
        ModelError, match=r"'log', known are differential, gmax, minmax, offset"
    ):
        program_weights([1.0], synapse, "log")
    with pytest.raises(ModelError, match=r"g_min is -1e-06 S, the mapping gmax needs 0 S"):
        program_weights([1.0], _linear(g_min=-1e-6), "gmax")
    for percentile in (0, 101, float("nan")):
        with pytest.raises(ModelError, match=f"percentile is {percentile:g}, allowed is"):
            weight_range([1.0], percentile)
    with pytest.raises(ModelError, match="100 % of 2 weights are zero"):
        program_weights([0.0, 0.0], synapse)
    with pytest.raises(ModelError, match="100 % of 0 weights are zero"):
        program_weights([], synapse)
    for value in (float("nan"), float("inf")):
        with pytest.raises(ModelError, match="not finite"):
            program_weights([1.0, value], synapse)

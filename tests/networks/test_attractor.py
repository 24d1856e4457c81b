"""Continuous attractor: closed forms, neutrality, noise, and one-bit weights."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError
from labsyn.networks.attractor import ContinuousAttractor, count_peaks


@pytest.mark.parametrize(
    ("width", "critical"),
    [(0.3, 2.339196), (0.4, 0.986848), (0.5, 0.505266), (0.7, 0.184135), (0.8, 0.123356)],
)
def test_critical_inhibition(width: float, critical: float) -> None:
    found = ContinuousAttractor(width=width).critical_inhibition()
    assert found == pytest.approx(critical, rel=1e-5)


@pytest.mark.parametrize(
    ("width", "inhibition", "height"),
    [
        (0.3, 0.1, 5.208436),
        (0.3, 0.8, 0.4835136),
        (0.5, 0.3, 2.727233),
        (0.5, 0.5, 1.520917),
        (0.5, 0.8, 0.8058560),
        (0.5, 0.95, 0.5737637),
    ],
)
def test_simulated_bump_has_the_height_and_shape_of_the_closed_form(
    width: float, inhibition: float, height: float
) -> None:
    ring = ContinuousAttractor(width=width, inhibition=inhibition, n_steps=2000)
    assert ring.bump_height() == pytest.approx(height, rel=1e-6)
    u = ring.run().inputs[0]
    assert u.max() == pytest.approx(height, rel=1e-4)
    expected = height * np.exp(-(ring.angles() ** 2) / (4 * width**2))
    np.testing.assert_allclose(u, expected, atol=1e-3 * height)


def test_above_the_critical_inhibition_the_bump_dies() -> None:
    ring = ContinuousAttractor(inhibition=1.05, n_steps=2000)
    assert ring.run().inputs.max() < 1e-6
    with pytest.raises(ModelError, match=r"inhibition is 1\.05 of the critical one"):
        ring.bump_height()


@settings(max_examples=30, deadline=None)
@given(shift=st.integers(0, 49), start=st.floats(-3, 3))
def test_rotating_the_stimulus_rotates_the_bump(shift: int, start: float) -> None:
    ring = ContinuousAttractor()
    turned = start + shift * ring.spacing
    found = ring.run(position=np.array([start, turned]))
    np.testing.assert_allclose(np.roll(found.rates[0], shift), found.rates[1], atol=1e-10)
    drift = np.angle(np.exp(1j * (found.positions[:, -1] - [start, turned])))
    np.testing.assert_allclose(drift, 0, atol=1e-6)


def test_position_is_circular() -> None:
    ring = ContinuousAttractor()
    found = ring.run(position=3.1)
    assert found.positions[0, -1] == pytest.approx(3.1, abs=1e-6)
    assert np.isnan(ring.position(np.zeros(50)))
    assert np.isnan(ContinuousAttractor(n_stimulus_steps=0).run().positions).all()


def test_one_bit_weights_hold_the_bump() -> None:
    ring = ContinuousAttractor()
    kernel = ring.kernel()
    bits = np.where(kernel > 0.5 * kernel.max(), 1.0, 0.0)
    found = ring.run(bits * kernel.sum() / bits.sum())
    assert abs(found.positions[0, -1]) < 1e-12
    assert count_peaks(found.rates).tolist() == [1]
    assert found.inputs.max() > 1


def test_read_noise_drawn_on_the_sums_is_that_of_every_weight() -> None:
    """A step with fresh errors on all weights, written out, scatters as much."""
    rng = np.random.default_rng(0)
    ring = ContinuousAttractor(n_steps=2, n_stimulus_steps=1)
    start = ContinuousAttractor(n_steps=1, n_stimulus_steps=1).run()
    rate, kernel = start.rates[0], ring.kernel()
    errors = 0.1 * kernel.max() * rng.standard_normal((5000, 50, 50))
    literal = 0.9 * start.inputs[0] + 0.1 * (kernel + errors) @ rate
    found = ring.run(position=np.zeros(5000), sigma_read=0.1, rng=rng).inputs
    np.testing.assert_allclose(found.mean(axis=0), literal.mean(axis=0), atol=1e-3)
    assert found.std(axis=0).mean() == pytest.approx(literal.std(axis=0).mean(), rel=0.01)


def test_one_matrix_for_all_and_one_for_each_agree() -> None:
    ring = ContinuousAttractor(n_steps=60)
    kernels = np.broadcast_to(ring.kernel(), (3, 50, 50))
    places = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(
        ring.run(kernels, places).rates, ring.run(position=places).rates, atol=1e-12
    )


def _linear(n_pulses: int, **noise: Any) -> Synapse:
    return Synapse.exponential(
        beta_p=0, beta_d=0, n_pulses=n_pulses, g_min=1e-6, g_max=1e-5, **noise
    )


def test_the_device_holds_the_kernel_to_half_a_level() -> None:
    ring = ContinuousAttractor()
    rng = np.random.default_rng(0)
    found = ring.on_device(_linear(100), rng, 2)
    assert found.shape == (2, 50, 50)
    assert np.abs(found - ring.kernel()).max() <= ring.kernel().max() / 200 * (1 + 1e-9)
    assert abs(ring.run(found).positions[0, -1]) < 1e-12
    noisy = ring.on_device(_linear(100, sigma_c2c=0.01), rng, 2)
    assert not np.array_equal(noisy[0], noisy[1])


@pytest.mark.parametrize(
    ("row", "n_peaks"),
    [
        ([0, 1, 3, 1, 0, 0], 1),
        ([3, 1, 0, 0, 0, 1], 1),  # around the cut
        ([0, 3, 0, 0, 2, 0], 2),
        ([0, 3, 0, 0, 0.8, 0], 1),  # below 30 %
        ([0, 3, 2.99, 2.995, 0, 0], 1),  # a ripple below 2 %
        ([0, 3, 2.5, 3, 0, 0], 2),
        ([0, 0, 0, 0, 0, 0], 0),
    ],
)
def test_peaks_around_the_ring(row: list[float], n_peaks: int) -> None:
    for shift in range(6):
        assert count_peaks([np.roll(row, shift)]).tolist() == [n_peaks]


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_neurons", 0), ("width", -1.0), ("inhibition", 0.0), ("tau", math.inf)],
)
def test_impossible_networks_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ModelError, match=f"{name} is {value}, it must be positive"):
        ContinuousAttractor(**{name: value})


def test_impossible_steps_are_refused() -> None:
    with pytest.raises(ModelError, match="dt is 2, allowed is above 0 up to tau = 1"):
        ContinuousAttractor(dt=2)
    with pytest.raises(ModelError, match="n_stimulus_steps is 300, allowed is 0 to n_steps"):
        ContinuousAttractor(n_stimulus_steps=300)


@pytest.mark.parametrize(
    ("weights", "places"),
    [
        (np.zeros((3, 3)), 0.0),
        (np.zeros((2, 50, 50)), np.zeros(3)),
        (np.zeros((1, 2, 50, 50)), 0.0),
        (np.zeros(50), 0.0),
    ],
)
def test_what_does_not_fit_the_ring_is_refused(weights: FloatArray, places: Any) -> None:
    with pytest.raises(ModelError, match="do not fit a ring of 50 neurons"):
        ContinuousAttractor().run(weights, places)


def test_read_noise_needs_a_generator() -> None:
    with pytest.raises(ModelError, match=r"sigma_read is 0\.1: it must be 0, or positive with"):
        ContinuousAttractor().run(sigma_read=0.1)
    with pytest.raises(ModelError, match="sigma_read is -1"):
        ContinuousAttractor().run(sigma_read=-1, rng=np.random.default_rng(0))

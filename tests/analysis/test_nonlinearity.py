"""Fits of β and α: exact on exact data, honest on noisy data, clear on bad data."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.analysis.devices.laws import power_conductance, pulse_sums, step_to_endpoint
from labsyn.analysis.nonlinearity import fit_exponential
from labsyn.analysis.nonlinearity_batch import fit_exponential_batch
from labsyn.analysis.power_law import fit_power
from labsyn.data.errors import FitError


def exact(beta: float, n: int = 50, *, rising: bool = True) -> np.ndarray:
    step = step_to_endpoint(beta, n)
    x = step * pulse_sums(n, beta * step)
    return 10e-6 + 30e-6 * (x if rising else 1 - x)


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("beta", [-2.0, 0.0, 0.5, 1.0, 3.0, 5.0])
def test_noise_free_recursion_is_recovered(
    beta: float, constrained: bool, rising: bool
) -> None:
    fit = fit_exponential(np.arange(51), exact(beta, rising=rising), constrained=constrained)
    assert fit.beta.value == pytest.approx(beta, abs=1e-8)
    assert fit.step.value == pytest.approx(30e-6 * step_to_endpoint(beta, 50), rel=1e-7)
    assert fit.curve(np.arange(51)) == pytest.approx(exact(beta, rising=rising), rel=1e-9)


def test_oracle_example_with_free_end() -> None:
    curve = 0.1 * pulse_sums(10, 0.3)  # β = 3 and α = 0.1 on a range of 1, cut after 10
    fit = fit_exponential(np.arange(11), curve, g_min=0.0, g_max=1.0)
    assert fit.beta.value == pytest.approx(3, abs=1e-7)
    assert fit.step.value == pytest.approx(0.1, abs=1e-9)


def test_continuous_form_is_exact_on_the_continuum() -> None:
    x = np.linspace(0, 1, 31)
    curve = np.log1p(np.expm1(1.7) * x) / 1.7
    fit = fit_exponential(np.arange(31), curve, form="continuous")
    assert fit.beta.value == pytest.approx(1.7, abs=1e-8)
    recursion = fit_exponential(np.arange(31), curve)
    assert recursion.beta.value == pytest.approx(1.65, abs=0.03)  # not the same law


def test_missing_pulses_do_not_move_beta() -> None:
    pulse = np.array([0, 1, 2, 5, 9, 14, 20, 30, 41, 50])
    fit = fit_exponential(pulse, exact(2.0)[pulse])
    assert fit.beta.value == pytest.approx(2, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(
    beta=st.floats(-2, 5), scale=st.floats(1e-9, 1e3), shift=st.floats(-10, 10),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_beta_knows_no_unit_and_no_offset(
    beta: float, scale: float, shift: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.005, 51)
    curve = (exact(beta) - 10e-6) / 30e-6 + noise
    plain = fit_exponential(np.arange(51), curve)
    moved = fit_exponential(np.arange(51), scale * (curve + shift))
    mirrored = fit_exponential(np.arange(51), -curve)
    assert moved.beta.value == pytest.approx(plain.beta.value, abs=1e-4)
    assert mirrored.beta.value == pytest.approx(plain.beta.value, abs=1e-6)


def test_batch_agrees_with_the_single_fit() -> None:
    rng = np.random.default_rng(0)
    betas = rng.uniform(-3, 5, 60)
    curves = np.array([exact(b, 100, rising=i % 2 == 0) for i, b in enumerate(betas)])
    curves += rng.normal(0, 0.3e-6, curves.shape)
    batch = fit_exponential_batch(curves)
    single = [fit_exponential(np.arange(101), curve) for curve in curves]
    assert batch.converged.all()
    assert batch.beta == pytest.approx([f.beta.value for f in single], rel=1e-6)
    assert batch.beta_error == pytest.approx([f.beta.standard_error for f in single], rel=1e-6)
    assert batch.step == pytest.approx([f.step.value for f in single], rel=1e-6)
    assert batch.g_end == pytest.approx([f.g_end for f in single], rel=1e-6)
    assert batch.rmse == pytest.approx([f.rmse for f in single], rel=1e-6)


def test_batch_takes_ragged_curves_and_marks_what_it_cannot_fit() -> None:
    curves = [exact(1.0, 30), exact(2.0, 40), np.ones(20), np.arange(3.0), exact(1, 9) * np.nan]
    batch = fit_exponential_batch(curves)
    assert batch.beta[:2] == pytest.approx([1, 2], abs=1e-6)
    assert list(batch.converged) == [True, True, False, False, False]
    assert np.isnan(batch.beta[2:]).all()
    with pytest.raises(FitError, match="curve 0 has 2 dimensions"):
        fit_exponential_batch([np.ones((2, 2))])


def test_what_is_no_curve_has_no_number() -> None:
    noise = np.random.default_rng(0).standard_normal((500, 40))
    batch = fit_exponential_batch(noise)
    assert not batch.converged.all()
    assert np.isnan(batch.beta[~batch.converged]).all()
    assert np.abs(batch.beta[batch.converged]).max() < 40
    with pytest.raises(FitError, match="no exponential law comes near"):
        fit_exponential(np.arange(20), np.where(np.arange(20) < 1, 0.0, 1.0))


def test_residual_intervals_cover_under_white_noise() -> None:
    rng = np.random.default_rng(0)
    curves = exact(1.5, 60) + rng.normal(0, 0.4e-6, (2000, 61))
    fits = fit_exponential_batch(curves)
    covered = np.abs(fits.beta - 1.5) < 2.002 * fits.beta_error  # Student, 58 degrees
    assert 0.93 < covered.mean() < 0.97


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("alpha", [-3, -1, 0, 0.5, 1, 2, 4])
def test_power_law_is_recovered(alpha: float, rising: bool) -> None:
    curve = power_conductance(np.linspace(0, 1, 31), 1e-6, 1e-5, alpha)
    fit = fit_power(np.arange(31), curve if rising else curve[::-1])
    assert fit.alpha.value == pytest.approx(alpha, abs=1e-6)
    assert (fit.g_min, fit.g_max) == pytest.approx((1e-6, 1e-5), rel=1e-6)


@pytest.mark.parametrize(
    ("pulse", "conductance", "message"),
    [
        ([0, 1, 2], [1, 2, 3], "at least 5 points, got 3"),
        (range(6), [1, 2, np.nan, 4, 5, 6], "point 2 is not finite"),
        (range(6), [3.0] * 6, "conductance is constant"),
        ([0, 1, 1, 2, 3, 4], range(6), "must ascend"),
        (range(6), range(7), "two arrays of the same length"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    pulse: Sequence[int], conductance: Sequence[float], message: str
) -> None:
    for fit in (fit_exponential, fit_power):
        with pytest.raises(FitError, match=message):
            fit(np.array(pulse), np.array(conductance))


def test_power_law_refuses_negative_conductances() -> None:
    with pytest.raises(FitError, match="needs positive values"):
        fit_power(np.arange(6), np.arange(6) - 1.0)


def test_unknown_form_is_refused() -> None:
    with pytest.raises(FitError, match="form is 'cubic'"):
        fit_exponential(np.arange(6), np.arange(6.0), form="cubic")  # type: ignore[arg-type]

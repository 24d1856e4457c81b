"""Weight updates, the two noises in them, and whether a law describes the curve."""

import numpy as np
import pytest

from labsyn.analysis.branch import fit_branch
from labsyn.analysis.devices.laws import power_conductance, step_to_endpoint
from labsyn.analysis.noise import NoiseModel, fit_noise, noise_covariance
from labsyn.analysis.updates import update_statistics
from labsyn.data.errors import FitError


def cycles(
    n_cycles: int, n: int, c2c: float, read: float, seed: int, beta: float = 1.0
) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    step = step_to_endpoint(beta, n)
    made = []
    for _ in range(n_cycles):
        x = np.zeros(n + 1)
        for k in range(n):
            x[k + 1] = x[k] + step * np.exp(-beta * x[k]) + c2c * rng.standard_normal()
        made.append(x + read * rng.standard_normal(n + 1))
    return made


@pytest.mark.parametrize("n_cycles", [1, 50])
@pytest.mark.parametrize(("c2c", "read"), [(0.004, 0.001), (0.001, 0.004), (0.003, 0.003)])
def test_the_two_noises_are_told_apart(n_cycles: int, c2c: float, read: float) -> None:
    n = 2000 // n_cycles
    found = update_statistics(cycles(n_cycles, n, c2c, read, seed=1))
    # The smaller noise hides behind the larger one.
    assert found.sigma_c2c.value == pytest.approx(c2c, abs=0.25 * max(c2c, read))
    assert found.sigma_read.value == pytest.approx(read, abs=0.25 * max(c2c, read))


def test_covariance_of_a_curve_with_both_noises() -> None:
    stack = np.array(cycles(4000, 10, 0.003, 0.002, seed=2, beta=0.0))
    expected = noise_covariance(11, 0.003, 0.002)
    assert np.cov(stack.T) == pytest.approx(expected, abs=4e-6)


def test_noise_that_passes_slowly_is_no_walk_of_the_device() -> None:
    made = NoiseModel(0.002, ((0.0, 0.05), (8.0, 0.08)))
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 1, 4000)
    model, c2c, read = fit_noise([slope + made.draw(4000, rng)])
    assert read.value == pytest.approx(made.sigma_read, rel=0.1)
    assert c2c.value < 0.006
    again = [np.mean(np.diff(m.draw(4000, rng)) ** 2) for m in (made, model)]
    assert again[1] == pytest.approx(again[0], rel=0.1)


def test_cycles_of_almost_one_length_are_cut_to_the_shortest() -> None:
    made = cycles(4, 40, 0.002, 0.002, seed=0)
    fit = fit_branch([made[0][:39], *made[1:]], "potentiation")
    assert (fit.n_cycles, fit.n_pulses) == (4, 38)
    assert fit.notes == ("potentiation cycles have 38 to 40 pulses: the first 38 count",)


def test_binned_updates_follow_the_law() -> None:
    found = update_statistics(cycles(200, 30, 0.002, 0.0, seed=3, beta=2.0), n_bins=8)
    centres = (found.g_bins[1:] + found.g_bins[:-1]) / 2
    expected = step_to_endpoint(2.0, 30) * np.exp(-2 * centres)
    assert found.g.size == found.dg.size == 200 * 30
    assert found.mean == pytest.approx(expected, abs=0.004)
    assert np.all(found.standard_error < 0.001)


def test_too_little_data_is_refused() -> None:
    with pytest.raises(FitError, match="no cycle holds two points"):
        update_statistics([np.array([1.0])])
    with pytest.raises(FitError, match="n_bins is 0"):
        update_statistics([np.arange(5.0)], n_bins=0)


@pytest.mark.parametrize("n_cycles", [1, 5])
def test_the_true_law_is_seldom_rejected(n_cycles: int) -> None:
    rejected = sum(
        fit_branch(cycles(n_cycles, 40, 0.004, 0.004, seed), "potentiation").shape.p_value
        < 0.05
        for seed in range(60)
    )
    assert rejected <= 9  # 3 expected; 9 has probability 0.001


def test_a_wrong_law_is_called_wrong() -> None:
    w = np.linspace(0, 1, 60)
    s_shaped = 1e-6 + 9e-6 * (3 * w**2 - 2 * w**3)
    rng = np.random.default_rng(0)
    made = [s_shaped + rng.normal(0, 3e-8, w.size) for _ in range(5)]
    fit = fit_branch(made, "potentiation")
    assert not fit.shape.describes
    assert "does NOT describe" in fit.shape.verdict
    assert fit.power_shape is not None
    assert not fit.power_shape.describes


k = np.arange(51)
WRONG = {
    "step": np.where(k < 25, 0.0, 1.0),
    "sigmoid": 1 / (1 + np.exp(-40 * (k / 50 - 0.5))),
    "oscillation": k / 50 + 0.3 * np.sin(2 * np.pi * 5 * k / 50),
    "alternating": k / 50 + 0.2 * (-1.0) ** k,
    "outlier": k / 50 + 0.5 * (k == 20),
    "staircase": np.floor(k / 10.01) / 4,
}


@pytest.mark.parametrize("sigma", [0.0, 0.002])
@pytest.mark.parametrize("name", WRONG)
def test_abrupt_and_fast_deviations_are_excused_by_nothing(name: str, sigma: float) -> None:
    rng = np.random.default_rng(0)
    made = [1 + WRONG[name] + sigma * rng.standard_normal(51) for _ in range(5)]
    fit = fit_branch(made, "potentiation")
    assert fit.shape.describes is False
    assert "does NOT describe" in fit.shape.verdict


@pytest.mark.parametrize("n_points", [5, 6, 8, 11, 14])
@pytest.mark.parametrize("n_cycles", [1, 4])
def test_few_points_are_no_crash_and_no_praise(n_points: int, n_cycles: int) -> None:
    made = cycles(n_cycles, n_points - 1, 0.002, 0.002, seed=0)
    shape = fit_branch(made, "potentiation").shape
    if n_points <= 6:
        assert shape.describes is None
        assert "too few points" in shape.verdict
    assert shape.describes is not False


def test_one_rough_curve_cannot_tell() -> None:
    shape = fit_branch([1 + WRONG["oscillation"]], "potentiation").shape
    assert shape.describes is None
    assert "measure three cycles" in shape.verdict


def test_the_better_family_is_chosen() -> None:
    rng = np.random.default_rng(0)
    power = power_conductance(np.linspace(0, 1, 60), 1e-6, 2e-5, 4.0)
    fit = fit_branch([power + rng.normal(0, 2e-8, 60) for _ in range(4)], "potentiation")
    assert fit.family() == "power"
    assert fit.family("exponential") == "exponential"
    with pytest.raises(FitError, match="family is 'cubic'"):
        fit.family("cubic")  # type: ignore[arg-type]


def test_incomplete_cycles_are_left_out_and_said_so() -> None:
    made = cycles(4, 20, 0.002, 0.002, seed=0)
    fit = fit_branch([*made, made[0][:7]], "depression")
    assert fit.n_cycles == 4
    assert fit.notes == ("1 of 5 depression cycles left out: shorter than 90% of 20 pulses",)

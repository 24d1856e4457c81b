"""Symmetry and range against independently computed values."""

import math

import numpy as np
import pytest

from labsyn.analysis.devices.laws import pulse_sums, step_to_endpoint
from labsyn.analysis.symmetry import (
    asymmetric_ratio,
    on_off_ratio,
    symmetric_error,
    symmetricity,
    turning_points,
)
from labsyn.data.errors import FitError


def loop(beta_p: float, beta_d: float, n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    p, d = step_to_endpoint(beta_p, n), step_to_endpoint(beta_d, n)
    return p * pulse_sums(n, beta_p * p), 1 - d * pulse_sums(n, beta_d * d)


ERRORS = [
    (1, 1, 0.032462),
    (3, 3, 0.224792),
    (5, 5, 0.477372),
    (1, 3, 0.111118),
    (3, 0, 0.062185),
]
RATIOS = [(1, 1, 0.242478), (3, 3, 0.581153), (3, 0, 0.346622), (0, 0, 0.0)]


@pytest.mark.parametrize(("beta_p", "beta_d", "value"), ERRORS)
def test_symmetric_error(beta_p: float, beta_d: float, value: float) -> None:
    assert symmetric_error(*loop(beta_p, beta_d)) == pytest.approx(value, abs=6e-7)
    assert symmetricity(*loop(beta_p, beta_d)) == pytest.approx(1 / value, rel=2e-5)


def test_the_worst_loop_stays_below_one() -> None:
    p, d = np.zeros(51), np.ones(51)
    p[50] = d[0] = 0  # low during potentiation, high after it
    assert symmetric_error(p, d) == pytest.approx(49 / 50)


def test_a_triangle_is_perfectly_symmetric() -> None:
    up = np.arange(11.0)
    assert symmetric_error(up, up[::-1]) == 0
    assert symmetricity(up, up[::-1]) == math.inf


@pytest.mark.parametrize(("beta_p", "beta_d", "value"), RATIOS)
def test_asymmetric_ratio(beta_p: float, beta_d: float, value: float) -> None:
    assert asymmetric_ratio(*loop(beta_p, beta_d)) == pytest.approx(value, abs=6e-7)


@pytest.mark.parametrize("beta", [0, 1, 3])
def test_the_printed_ratio_is_zero_for_every_closed_loop(beta: float) -> None:
    assert asymmetric_ratio(*loop(beta, beta), "printed") == pytest.approx(0, abs=1e-10)


def test_range_uses_the_mean_turning_points() -> None:
    p, d = np.array([1.0, 3.0, 4.0]), np.array([4.2, 2.0, 1.2])
    assert turning_points(p, d) == pytest.approx((1.1, 4.1))
    assert on_off_ratio(p, d) == pytest.approx(4.1 / 1.1)


def test_branches_of_unequal_length_are_compared_at_equal_fractions() -> None:
    assert symmetric_error(np.linspace(0, 1, 31), np.linspace(1, 0, 61)) == pytest.approx(0)


@pytest.mark.parametrize(
    ("p", "d", "message"),
    [
        ([1.0], [1.0, 2.0], "two curves are needed"),
        ([1.0, 1.0], [1.0, 1.0], "has no range"),
        ([1.0, np.inf], [1.0, 2.0], "not finite"),
    ],
)
def test_loops_without_meaning_are_refused(
    p: list[float], d: list[float], message: str
) -> None:
    with pytest.raises(FitError, match=message):
        symmetric_error(p, d)


def test_ratio_refusals() -> None:
    with pytest.raises(FitError, match="needs positive conductances"):
        on_off_ratio([-1.0, 1.0], [1.0, -1.0])
    with pytest.raises(FitError, match="definition is 'same'"):
        asymmetric_ratio([0.0, 1.0], [1.0, 0.0], "same")  # type: ignore[arg-type]
    with pytest.raises(FitError, match="ends where potentiation did"):
        asymmetric_ratio([0.0, 1.0], [0.0, 1.0])

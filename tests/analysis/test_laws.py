"""Update laws against closed forms and independently computed tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.analysis.devices.laws import (
    PowerLaw,
    power_conductance,
    power_weight,
    pulse_sums,
    step_to_endpoint,
)
from labsyn.data.errors import ModelError

# β, first step for 50 pulses, conductance after 25 pulses; from independent code.
ENDPOINT_50 = [
    (0.0, 0.02, 0.5),
    (0.5, 0.025819313660361224, 0.5621646188113504),
    (1.0, 0.034022924782607156, 0.6212388293360946),
    (2.0, 0.06261437563534633, 0.72027739729297),
    (3.0, 0.12336477115099503, 0.7905763739387452),
    (5.0, 0.5338483313596311, 0.8785559591159072),
]
RECURSION_BETA3_STEP01 = [
    0,
    0.1,
    0.174081822068,
    0.233400529055,
    0.283049049921,
    0.325827010757,
]
POWER_AT_HALF = {
    -3: 1.25950, -2: 1.40720, -1: 1.81818, 0: 3.16228, 0.5: 4.33114,
    1: 5.5, 2: 7.10634, 3: 7.93965, 4: 8.40917,
}  # fmt: skip


@pytest.mark.parametrize(("beta", "step", "half"), ENDPOINT_50)
def test_endpoint_step_and_half_way_conductance(beta: float, step: float, half: float) -> None:
    found = step_to_endpoint(beta, 50)
    assert found == pytest.approx(step, rel=1e-10)
    curve = found * pulse_sums(50, beta * found)
    assert curve[25] == pytest.approx(half, rel=1e-9)
    assert curve[50] == pytest.approx(1, rel=1e-12)


def test_recursion_with_fixed_step() -> None:
    curve = 0.1 * pulse_sums(10, 0.3)
    assert curve[:6] == pytest.approx(RECURSION_BETA3_STEP01, abs=1e-12)
    assert curve[10] == pytest.approx(0.480710758765, abs=1e-12)


def test_long_trains_approach_the_continuum() -> None:
    beta, n = 2.0, 200_000
    step = step_to_endpoint(beta, n)
    assert step == pytest.approx(np.expm1(beta) / (beta * n), rel=1e-4)
    x = np.linspace(0, 1, n + 1)
    continuum = np.log1p(np.expm1(beta) * x) / beta
    assert step * pulse_sums(n, beta * step) == pytest.approx(continuum, abs=1e-5)


@pytest.mark.parametrize(("alpha", "value"), POWER_AT_HALF.items())
def test_power_law_at_half_weight(alpha: float, value: float) -> None:
    assert power_conductance(0.5, 1, 10, alpha).item() == pytest.approx(value, abs=5e-6)


@given(alpha=st.floats(-8, 8), w=st.floats(0, 1), ratio=st.floats(1.01, 1e4))
def test_power_law_inverts_and_stays_inside(alpha: float, w: float, ratio: float) -> None:
    g = power_conductance(w, 1e-6, ratio * 1e-6, alpha).item()
    assert 1e-6 * (1 - 1e-9) <= g <= ratio * 1e-6 * (1 + 1e-9)
    again = power_conductance(
        power_weight(g, 1e-6, ratio * 1e-6, alpha), 1e-6, ratio * 1e-6, alpha
    )
    assert again.item() == pytest.approx(g, rel=1e-6)


def test_power_law_is_regular_at_zero() -> None:
    w = np.linspace(0, 1, 11)
    below, at, above = (power_conductance(w, 1, 10, a) for a in (-2e-6, 0.0, 2e-6))
    assert (below + above) / 2 == pytest.approx(at, rel=1e-10)


@pytest.mark.parametrize(("alpha", "sign"), [(-3, 1), (0, 1), (0.5, 1), (2, -1), (4, -1)])
def test_curvature_of_the_power_law(alpha: float, sign: int) -> None:
    second = np.diff(power_conductance(np.linspace(0, 1, 30), 1, 10, alpha), 2)
    assert np.all(np.sign(second) == sign)


def test_power_law_refuses_an_offset() -> None:
    with pytest.raises(ModelError, match="needs a positive conductance"):
        power_conductance(0.5, -1e-6, 1e-5, 2)
    with pytest.raises(ModelError, match="must exceed g_min"):
        power_conductance(0.5, 1e-5, 1e-5, 2)
    with pytest.raises(ModelError, match=r"w lies between 0\.5 and 1\.2, allowed is 0 to 1"):
        power_conductance([0.5, 1.2], 1e-6, 1e-5, 2)
    with pytest.raises(ModelError, match="on_off_ratio is 1"):
        PowerLaw(alpha=1, n_pulses=10, on_off_ratio=1.0)


def test_endpoint_needs_a_pulse() -> None:
    with pytest.raises(ModelError, match="at least 1 pulse"):
        step_to_endpoint(1, 0)

"""The synapse that networks are made of."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.analysis.devices.laws import PowerLaw, power_conductance
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError


def device(**changes: float) -> Synapse:
    noise = {"sigma_c2c": 0.0, "sigma_read": 0.0} | changes
    return Synapse.exponential(
        beta_p=2, beta_d=1, n_pulses=50, g_min=1e-6, g_max=11e-6, **noise
    )


def test_mean_curves_follow_the_recursion() -> None:
    rising, falling = device().curve(), device().curve(rising=False)
    assert (rising[25] - 1e-6) / 10e-6 == pytest.approx(0.72027739729297, rel=1e-9)
    assert (11e-6 - falling[25]) / 10e-6 == pytest.approx(0.6212388293360946, rel=1e-9)
    assert rising[-1] == pytest.approx(11e-6)
    assert falling[-1] == pytest.approx(1e-6)


def test_n_pulses_at_once_are_n_single_pulses() -> None:
    one = device().potentiate(1e-6, 17).item()
    step = 1e-6
    for _ in range(17):
        step = device().potentiate(step).item()
    assert one == pytest.approx(step, rel=1e-12)


def test_each_device_gets_its_own_number_of_pulses() -> None:
    g = device().depress(np.full(3, 11e-6), [0, 1, 50])
    assert g[0] == pytest.approx(11e-6)
    assert g[0] > g[1] > g[2]
    assert g[2] == pytest.approx(1e-6)


@given(beta=st.floats(-3, 5), n=st.integers(0, 60), x=st.floats(0, 1), seed=st.integers(0, 100))
def test_conductance_stays_within_its_bounds(beta: float, n: int, x: float, seed: int) -> None:
    s = Synapse.exponential(
        beta_p=beta, beta_d=beta, n_pulses=20, g_min=1.0, g_max=2.0, sigma_c2c=0.1
    )
    rng = np.random.default_rng(seed)
    for g in (s.potentiate(1 + x, n, rng), s.depress(1 + x, n, rng)):
        assert 1.0 <= g.item() <= 2.0


def test_cycle_to_cycle_noise_grows_with_the_root_of_the_pulses() -> None:
    s = device(sigma_c2c=0.004)
    rng = np.random.default_rng(0)
    for n in (1, 9):
        g = s.potentiate(np.full(40_000, 3e-6), n, rng)
        assert g.std() == pytest.approx(0.004 * np.sqrt(n) * 10e-6, rel=0.02)


def test_programming_quantises_to_the_states() -> None:
    s = device()
    target = np.linspace(1e-6, 11e-6, 777)
    programmed = s.program(target)
    assert set(programmed) <= set(s.states())
    nearest = np.abs(s.states()[:, None] - target).min(axis=0)
    assert np.abs(programmed - target) == pytest.approx(nearest, abs=1e-18)


def test_programming_noise_is_that_of_the_pulses_needed() -> None:
    s = device(sigma_c2c=0.002)
    state = s.states()[16]
    g = s.program(np.full(40_000, state), np.random.default_rng(0))
    assert g.std() == pytest.approx(0.002 * 4 * 10e-6, rel=0.02)


def test_devices_differ_by_their_step() -> None:
    s = replace(device(), sigma_d2d=0.2)
    scale = s.draw_devices((50_000,), np.random.default_rng(0))
    assert scale.std() == pytest.approx(0.2, rel=0.02)
    after = s.potentiate(np.full(3, 1e-6), 1, None, [0.5, 1.0, 2.0]) - 1e-6
    assert after / after[1] == pytest.approx([0.5, 1, 2])
    programmed = s.program(np.full(3, 5e-6), None, [0.5, 1.0, 1.5])
    assert programmed[0] < programmed[1] < programmed[2]


def test_read_noise() -> None:
    s = device(sigma_read=0.01)
    g = s.read(np.full(40_000, 5e-6), np.random.default_rng(0))
    assert g.std() == pytest.approx(0.01 * 10e-6, rel=0.02)
    assert s.read(5e-6) == pytest.approx(5e-6)


def test_power_law_curve_is_the_closed_form() -> None:
    law = PowerLaw(alpha=2.5, n_pulses=40, on_off_ratio=8)
    s = replace(
        device(), g_min=1e-6, g_max=8e-6, n_potentiation=40, n_depression=40,
        potentiation=law, depression=replace(law, rising=False),
    )  # fmt: skip
    expected = power_conductance(np.linspace(0, 1, 41), 1e-6, 8e-6, 2.5)
    assert s.curve() == pytest.approx(expected, rel=1e-6)
    assert s.curve(rising=False) == pytest.approx(expected[::-1], rel=1e-6)


def test_json_round_trip() -> None:
    s = replace(
        device(sigma_c2c=0.01), depression=PowerLaw(alpha=2, n_pulses=9, on_off_ratio=3)
    )
    assert Synapse.from_dict(json.loads(json.dumps(s.to_dict()))) == s


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"g_max": 1e-7}, "must exceed g_min"),
        ({"g_min": float("nan")}, "must be finite"),
        ({"n_potentiation": 0}, "n_potentiation is 0"),
        ({"sigma_c2c": -1.0}, "sigma_c2c is -1"),
    ],
)
def test_impossible_devices_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        replace(device(), **changes)  # type: ignore[arg-type]


def test_a_negative_number_of_pulses_is_refused() -> None:
    with pytest.raises(ModelError, match="zero or more"):
        device().potentiate(1e-6, -1)


def test_unknown_descriptions_are_refused() -> None:
    with pytest.raises(ModelError, match="no description of a synapse"):
        Synapse.from_dict({"g_min": 1})
    broken = device().to_dict() | {"potentiation": {"law": "cubic"}}
    with pytest.raises(ModelError, match="unknown law 'cubic'"):
        Synapse.from_dict(broken)

"""The device law against its closed forms, its noise against its definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.data.errors import ConfigError, ModelError
from labsyn.drivers.simulated.devices import make_device
from labsyn.drivers.simulated.lixcoo2 import LixCoO2

WIDTH = 10e-3


def apply(device: LixCoO2, volts: float | None, seconds: float) -> None:
    device.advance({"top": volts, "bottom": 0.0}, seconds)


@pytest.mark.parametrize("beta", [-2.0, 0.0, 1e-9, 0.8, 3.0])
def test_thirty_reference_pulses_lead_from_end_to_end(beta: float) -> None:
    device = LixCoO2.ideal(beta_p=beta, beta_d=beta, relaxation_time=math.inf)
    for _ in range(30):
        apply(device, -1.5, WIDTH)
    assert device.x == pytest.approx(1.0, abs=1e-9)
    for _ in range(30):
        apply(device, 1.1, WIDTH)
    assert device.x == pytest.approx(0.0, abs=1e-9)


def test_the_drive_is_its_closed_form() -> None:
    """x(t) = ln(e^{β x0} + β r t) / β, with r = (e^β - 1)/(β · 30 · 10 ms) at -1.5 V."""
    beta, x0 = 0.8, 0.2
    device = LixCoO2.ideal(beta_p=beta, x=x0, relaxation_time=math.inf)
    apply(device, -1.5, 0.07)
    rate = (math.exp(beta) - 1) / (beta * 30 * WIDTH)
    assert device.x == pytest.approx(math.log(math.exp(beta * x0) + beta * rate * 0.07) / beta)


def test_rate_grows_as_sinh_of_the_voltage() -> None:
    steps = {}
    for volts in (-1.2, -1.5):
        device = LixCoO2.ideal(beta_p=0.0, relaxation_time=math.inf)
        apply(device, volts, 1e-3)
        steps[volts] = device.x
    assert steps[-1.2] / steps[-1.5] == pytest.approx(math.sinh(10) / math.sinh(12.5))


def test_drive_and_relaxation_together_obey_the_differential_equation() -> None:
    from scipy.integrate import solve_ivp

    device = LixCoO2.ideal(relaxation_time=0.5, x=0.1)
    rate = (math.exp(0.8) - 1) / (0.8 * 0.3) * math.sinh(1.35 / 0.12) / math.sinh(12.5)
    solution = solve_ivp(
        lambda t, x: rate * np.exp(-0.8 * x) - x / 0.5, (0, 0.6), [0.1], rtol=1e-10, atol=1e-12
    )
    apply(device, -1.35, 0.6)
    assert device.x == pytest.approx(solution.y[0, -1], abs=1e-6)


@pytest.mark.parametrize(("celsius", "faster"), [(25.0, 1.0), (75.0, 5.34915)])
def test_retention_is_exponential_and_faster_when_warm(celsius: float, faster: float) -> None:
    device = LixCoO2.ideal(x=0.5, temperature=celsius + 273.15)
    apply(device, 0.0, 1000)
    assert device.x == pytest.approx(0.5 * math.exp(-faster * 1000 / 1e5), rel=1e-5)


def test_a_read_disturbs_less_than_1e_5() -> None:
    device = LixCoO2.ideal(x=0.5, relaxation_time=math.inf)
    for volts in (0.1, -0.1):
        apply(device, volts, WIDTH)
        assert abs(device.x - 0.5) < 1e-5


@given(
    st.floats(-2, 2),
    st.floats(1e-5, 1.0),
    st.integers(2, 30),
    st.floats(0, 1),
    st.floats(-3, 5),
    st.floats(-3, 5),
)
def test_cutting_an_interval_changes_nothing(
    volts: float, seconds: float, pieces: int, x: float, beta_p: float, beta_d: float
) -> None:
    whole = LixCoO2.ideal(x=x, beta_p=beta_p, beta_d=beta_d)
    cut = LixCoO2.ideal(x=x, beta_p=beta_p, beta_d=beta_d)
    apply(whole, volts, seconds)
    for _ in range(pieces):
        apply(cut, volts, seconds / pieces)
    assert cut.x == pytest.approx(whole.x, abs=1e-6)
    low, high = whole.bounds
    assert low <= whole.x <= high


@pytest.mark.parametrize("pieces", [1, 10])
def test_noise_of_a_pulse_has_the_stated_variance_however_cut(pieces: int) -> None:
    noisy = LixCoO2(x=0.4, beta_p=0.0, relaxation_time=math.inf, seed=5)
    n = 3000
    ends = np.empty(n)
    for k in range(n):
        noisy.x = 0.4
        for _ in range(pieces):
            apply(noisy, -1.5, WIDTH / pieces)
        ends[k] = noisy.x
    assert ends.mean() == pytest.approx(0.4 + 1 / 30, abs=4 * 0.003 / math.sqrt(n))
    assert ends.std() == pytest.approx(0.003, rel=4 / math.sqrt(2 * n))


def test_read_noise_is_in_the_measured_current_only() -> None:
    device = LixCoO2(seed=2)
    voltages = {"top": 0.1, "bottom": 0.0}
    assert device.currents(voltages) == {
        "top": pytest.approx(1e-6),
        "bottom": pytest.approx(-1e-6),
    }
    reads = np.array([device.measured_currents(voltages)["top"] for _ in range(3000)])
    sigma = 0.002 * 30e-6 * 0.1
    assert reads.mean() == pytest.approx(1e-6, abs=4 * sigma / math.sqrt(3000))
    assert reads.std() == pytest.approx(sigma, rel=4 / math.sqrt(6000))
    both = device.measured_currents(voltages)
    assert both["top"] == -both["bottom"]


def test_without_noise_nothing_is_random() -> None:
    device = LixCoO2.ideal()
    voltages = {"top": 0.1, "bottom": 0.0}
    assert device.measured_currents(voltages) == device.currents(voltages)


def test_a_floating_device_only_relaxes() -> None:
    device = LixCoO2.ideal(x=0.5, relaxation_time=math.inf)
    apply(device, None, 10.0)
    assert device.x == 0.5
    assert device.currents({"top": None, "bottom": 0.0}) == {"top": 0.0, "bottom": 0.0}


@pytest.mark.parametrize("volts", [6.1, -40.0])
def test_too_much_voltage_breaks_for_ever_even_without_time(volts: float) -> None:
    device = LixCoO2.ideal(x=0.5)
    apply(device, volts, 0.0)
    assert device.broken
    assert device.currents({"top": 0.1, "bottom": 0.0})["top"] == 0
    apply(device, -1.5, 1.0)
    assert device.conductance == 0


def test_too_much_current_breaks() -> None:
    device = LixCoO2.ideal(g_min=1e-3, g_max=4e-3, x=1.0)
    apply(device, 2.0, 1e-6)
    assert not device.broken
    apply(device, 3.0, 1e-6)
    assert device.broken


def test_devices_differ_as_stated_and_a_seed_repeats_one() -> None:
    drawn = [LixCoO2.draw(seed) for seed in range(400)]
    logs = np.log([[d.beta_p / 0.8, d.beta_d, d.g_min / 10e-6] for d in drawn])
    assert logs.std(axis=0) == pytest.approx([0.03, 0.03, 0.05], rel=0.15)
    assert LixCoO2.draw(3) == LixCoO2.draw(3)
    assert LixCoO2.draw(3).beta_p != LixCoO2.draw(4).beta_p
    assert LixCoO2.draw(3, beta_p=2.0).beta_p == 2.0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"g_min": 1e-3}, "g_min = 0.001 S and g_max = 4e-05 S, 0 < g_min < g_max is needed"),
        ({"x": 1.5}, "x is 1.5, it must lie between 0 and 1"),
        ({"v0": 0.0}, "v0 is 0, not above 0"),
        ({"sigma_c2c": -1.0}, "sigma_c2c is -1, not 0 or more"),
        ({"beta_p": math.nan}, "beta_p is nan, not -20 to 20"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        LixCoO2(**parameters)  # type: ignore[arg-type]


def test_devices_by_name() -> None:
    assert make_device("lixcoo2", 3, x=0.5) == LixCoO2.draw(3, x=0.5)
    with pytest.raises(ConfigError, match="unknown device 'pcm', known are lixcoo2"):
        make_device("pcm")
    with pytest.raises(ConfigError, match="lixcoo2 has no parameter 'gain', it has beta_p"):
        make_device("lixcoo2", gain=1.0)

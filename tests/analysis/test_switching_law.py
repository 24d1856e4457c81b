"""The law behind a pulse map: its closed form, its fit, and the titania film by it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.analysis.switching_fit import Train, fit_switching_law
from labsyn.analysis.switching_law import DEPRESSION, POTENTIATION, SwitchingLaw
from labsyn.data.errors import FitError, ModelError
from labsyn.drivers.simulated.titania import Titania

VOLTAGES = np.array([0.3, 0.6, 1.0, 2.0, 4.0, 7.0])
RATES = 3e-3 * (VOLTAGES - 0.2) ** 0.8


def law(branch: int = DEPRESSION, **values: object) -> SwitchingLaw:
    given = {
        "branch": branch, "lrs": 740.0, "hrs": 880.0, "voltages": VOLTAGES * -branch,
        "rates": RATES, "rate_errors": np.zeros(6), "beta": 2.0, "beta_error": 0.0,
        "sigma": 0.3, "sigma_read": 0.05, "n_pulses": 600,
    }  # fmt: skip
    return SwitchingLaw(**given | values)  # type: ignore[arg-type]


def trains(
    true: SwitchingLaw, n_pulses: int, n_each: int, rng: np.random.Generator
) -> list[Train]:
    """Return noisy trains of 2 s pulses of a device that follows `true`."""
    sign, start = (1, true.lrs) if true.branch == DEPRESSION else (-1, true.hrs)
    made = []
    for volts in np.repeat(true.voltages, n_each):
        path = [start + sign * rng.uniform(0, 3)]
        for _ in range(n_pulses):
            step = float(true.change(path[-1], volts, 2.0))
            step += true.sigma * math.sqrt(step) * rng.standard_normal()
            path.append(path[-1] + sign * step)
        noise = true.sigma_read * rng.standard_normal(n_pulses + 1)
        made.append(Train(float(volts), np.array(path) + noise))
    return made


@pytest.mark.parametrize("beta", [0.0, 1e-9, 2.0])
def test_a_change_is_the_integral_of_the_rate(beta: float) -> None:
    from scipy.integrate import solve_ivp

    film = law(beta=beta)
    rate = float(film.rate(4.0))
    slope = lambda _, p: rate * np.exp(-beta * p)  # noqa: E731, shortest
    end = solve_ivp(slope, (0, 0.8), [0.25], rtol=1e-11, atol=1e-12).y[0, -1]
    assert film.change(775.0, 4.0, 0.8) == pytest.approx(140 * (end - 0.25), rel=1e-8)


@given(
    st.sampled_from([POTENTIATION, DEPRESSION]),
    st.floats(740, 880),
    st.floats(0.3, 7.0),
    st.floats(0, 5),
)
def test_a_voltage_for_a_change_makes_that_change(
    branch: int, resistance: float, size: float, beta: float
) -> None:
    film = law(branch, beta=beta)
    volts = -branch * size
    change = float(film.change(resistance, volts, 0.8))
    assert film.voltage_for(resistance, change, 0.8) == pytest.approx(volts, rel=1e-6)


def test_a_change_that_no_voltage_makes_gets_the_nearest_one() -> None:
    film = law()
    assert film.voltage_for(800.0, 1e-9, 0.8) == pytest.approx(0.3)
    assert film.voltage_for(800.0, 1e3, 0.8) == pytest.approx(7.0)
    assert film.voltage_for(800.0, 0.0, 0.8) == pytest.approx(0.3)


def test_the_largest_voltage_below_a_change() -> None:
    film = law()
    changes = film.change(760.0, VOLTAGES, 0.8)
    assert film.largest_below(760.0, float(changes[3]) + 1e-9, 0.8) == 2.0
    assert film.largest_below(760.0, float(changes[3]), 0.8) == 1.0
    assert film.largest_below(760.0, 1e-9, 0.8) == 0.3  # all move it further
    assert film.largest_below(760.0, 1e9, 0.8) == 7.0


@pytest.mark.parametrize("branch", [POTENTIATION, DEPRESSION])
def test_a_fit_finds_the_law_and_its_noise(branch: int) -> None:
    true = law(branch)
    rng = np.random.default_rng(8)
    found = fit_switching_law(
        branch, trains(true, 100, 4, rng), width=2.0, lrs=740.0, hrs=880.0
    )
    assert found.n_pulses == 6 * 4 * 99
    assert found.voltages == pytest.approx(true.voltages)
    assert abs(found.beta - 2.0) < 4 * found.beta_error
    assert found.beta_error < 0.1
    deviation = np.log(found.rates / true.rates) / found.rate_errors
    assert np.abs(deviation).max() < 4
    assert found.sigma == pytest.approx(0.3, rel=0.05)
    assert found.sigma_read == pytest.approx(0.05, rel=0.15)
    assert found.rate(branch * -3.0) == pytest.approx(true.rate(branch * -3.0), rel=0.1)


def test_errors_of_the_fit_are_the_scatter_of_repeated_maps() -> None:
    true, betas, errors = law(), [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = fit_switching_law(
            DEPRESSION, trains(true, 40, 1, rng), width=2.0, lrs=740.0, hrs=880.0
        )
        betas.append(found.beta)
        errors.append(found.beta_error)
    assert np.std(betas, ddof=1) == pytest.approx(np.mean(errors), rel=0.4)
    assert np.mean(betas) == pytest.approx(2.0, abs=4 * float(np.mean(errors)) / math.sqrt(30))


def test_a_voltage_that_moves_nothing_is_left_out() -> None:
    rng = np.random.default_rng(1)
    still = Train(0.1, 740.0 + 0.05 * rng.standard_normal(101))
    data = [still, *trains(law(), 50, 1, rng)]
    found = fit_switching_law(DEPRESSION, data, width=2.0, lrs=740.0, hrs=880.0)
    assert found.voltages == pytest.approx(VOLTAGES)


@pytest.mark.parametrize("sign", [-1, 1])
def test_figures_2c_2d_a_map_of_2_s_tells_the_steps_of_0_8_s(sign: int) -> None:
    """Diao et al. 2025: the film's own steps, noise apart, with the heat that its law knows."""
    device, made = Titania(seed=4), []
    for volts in (0.5, 0.8, 1.5, 3.0, 5.0, 7.0):
        for _ in range(3):
            device.resistance = 880.0 if sign < 0 else 740.0
            path = [device.resistance]
            for _ in range(100):
                device.advance(
                    {"T1": 0.0, "T2": sign * volts, "T3": 0.0, "T4": sign * volts}, 2.0
                )
                path.append(device.resistance + 0.05 * device._read_rng.standard_normal())
            made.append(Train(sign * volts, np.array(path)))
    branch = POTENTIATION if sign < 0 else DEPRESSION
    found = fit_switching_law(branch, made, width=2.0, lrs=740.0, hrs=880.0)
    for start in (760.0, 810.0, 860.0):
        for volts in (0.5, 2.0, 6.0):
            twin = Titania.ideal(resistance=start)
            twin.advance({"T1": 0.0, "T2": sign * volts, "T3": 0.0, "T4": sign * volts}, 0.8)
            step = sign * (twin.resistance - start)
            assert found.change(start, sign * volts, 0.8) == pytest.approx(step, rel=0.15)


def test_a_law_goes_into_a_run_file() -> None:
    from labsyn.data.plain_json import to_json

    assert '"beta": 2.0' in to_json(law().to_dict(), "law")


def test_a_law_says_nothing_beyond_its_map() -> None:
    with pytest.raises(ModelError, match=r"write voltage 8.0 V lies beyond .* 0.3 to 7 V"):
        law().rate(8.0)
    with pytest.raises(ModelError, match=r"write voltage -1.0 V lies beyond"):
        law().rate(-1.0)


def test_what_is_no_map_is_refused() -> None:
    path = np.linspace(740, 760, 50)
    window = {"width": 2.0, "lrs": 740.0, "hrs": 880.0}
    with pytest.raises(FitError, match="no train of 2 pulses or more"):
        fit_switching_law(DEPRESSION, [], **window)
    with pytest.raises(FitError, match="1 of the voltages move the resistance beyond"):
        fit_switching_law(DEPRESSION, [Train(1.0, path)], **window)
    with pytest.raises(FitError, match="write voltages of one sign, not"):
        fit_switching_law(DEPRESSION, [Train(1.0, path), Train(-1.0, path)], **window)
    with pytest.raises(FitError, match="lrs = 880 ohm and hrs = 740 ohm"):
        fit_switching_law(DEPRESSION, [Train(1.0, path)], width=2.0, lrs=880.0, hrs=740.0)

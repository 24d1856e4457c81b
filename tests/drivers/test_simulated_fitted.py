"""A fitted synapse back under test: one fitted pulse is one step of the fitted law."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.analysis.characterise import characterise, load_synapse
from labsyn.analysis.devices.laws import ExponentialLaw, PowerLaw, power_conductance
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.curves import PulseCurves
from labsyn.data.errors import ConfigError, DataFileError, ModelError
from labsyn.drivers.simulated.devices import make_device
from labsyn.drivers.simulated.fitted import FittedSynapse

WIDTH = 10e-3
UP, DOWN = -1.5, 1.1


def exponential(beta_p: float = 2.0, beta_d: float = 3.0, **noise: Any) -> Synapse:
    return Synapse.exponential(
        beta_p=beta_p, beta_d=beta_d, n_pulses=30, g_min=1e-6, g_max=9e-6, **noise
    )


def power(alpha: float = 2.0) -> Synapse:
    values = {"alpha": alpha, "n_pulses": 25, "on_off_ratio": 10.0}
    return Synapse(
        g_min=1e-6,
        g_max=10e-6,
        potentiation=PowerLaw(**values),  # type: ignore[arg-type]
        depression=PowerLaw(**values, rising=False),  # type: ignore[arg-type]
        n_potentiation=25,
        n_depression=25,
    )


def apply(device: FittedSynapse, volts: float | None, seconds: float = WIDTH) -> None:
    device.advance({"top": volts, "bottom": 0.0}, seconds)


def write_fit(folder: Path, **noise: Any) -> Path:
    """A fit as `labsyn fit` leaves it, of curves made by a known synapse."""
    synapse = exponential(**noise)
    rng = np.random.default_rng(1)
    curves = PulseCurves(
        potentiation=[synapse.curve() + 1e-9 * rng.standard_normal(31) for _ in range(4)],
        depression=[
            synapse.curve(rising=False) + 1e-9 * rng.standard_normal(31) for _ in range(4)
        ],
        unit="S",
        source="made",
    )
    return characterise(curves).save(folder / "made.fit.json")


@pytest.mark.parametrize("synapse", [exponential(), exponential(0.0, -1.5), power(), power(-1)])
@pytest.mark.parametrize("x", [0.0, 0.137, 0.5, 0.9])
def test_one_fitted_pulse_is_one_step_of_the_law(synapse: Synapse, x: float) -> None:
    g = synapse.g_min + x * synapse.g_range
    for volts, stepped in ((UP, synapse.potentiate(g)), (DOWN, synapse.depress(g))):
        device = FittedSynapse.ideal(synapse, x=x)
        apply(device, volts)
        assert device.conductance == pytest.approx(float(stepped), abs=2e-5 * synapse.g_range)


@pytest.mark.parametrize("synapse", [exponential(), exponential(0.0, 0.0), power(), power(-1)])
def test_a_train_is_the_curve_of_the_synapse(synapse: Synapse) -> None:
    device = FittedSynapse.ideal(synapse)
    rising, falling = [device.conductance], []
    for _ in range(synapse.n_potentiation):
        apply(device, UP)
        rising.append(device.conductance)
    falling.append(device.conductance)
    for _ in range(synapse.n_depression):
        apply(device, DOWN)
        falling.append(device.conductance)
    tolerance = 1e-5 * synapse.g_range
    assert np.array(rising) == pytest.approx(synapse.curve(), abs=tolerance)
    assert np.array(falling) == pytest.approx(synapse.curve(rising=False), abs=tolerance)


@pytest.mark.parametrize("beta", [4.0, 5.0])
def test_a_law_too_steep_for_a_differential_equation_keeps_to_its_curve(beta: float) -> None:
    """β·step is 1.8 and 3.5: states 0 and 0.1 change places with the first pulse."""
    synapse = exponential(beta, beta)
    device = FittedSynapse.ideal(synapse)
    for wanted in synapse.curve()[1:]:
        apply(device, UP)
        assert device.conductance == pytest.approx(wanted, abs=1e-5 * synapse.g_range)
    late = FittedSynapse.ideal(synapse, x=0.93)
    apply(late, UP)
    stepped = synapse.potentiate(synapse.g_min + 0.93 * synapse.g_range)
    assert late.conductance == pytest.approx(float(stepped), abs=1e-4 * synapse.g_range)


def test_parts_of_a_pulse_of_the_power_law_are_its_closed_form() -> None:
    """w grows linearly with time: G(w = 7.3/25) after 7.3 pulses.

    Only nearly: the law of a pulse leaves open how the first one is shared out.
    """
    device = FittedSynapse.ideal(power(2.0))
    apply(device, UP, 7.3 * WIDTH)
    wanted = float(power_conductance(7.3 / 25, 1e-6, 10e-6, 2.0))
    assert device.conductance == pytest.approx(wanted, rel=4e-3)


def test_parts_of_a_pulse_of_the_linear_law_are_linear() -> None:
    device = FittedSynapse.ideal(exponential(0.0, 0.0))
    apply(device, UP, 12.4 * WIDTH)
    assert device.x == pytest.approx(12.4 / 30, abs=1e-9)


def test_small_steps_are_the_continuous_law() -> None:
    """Many small steps of dx = a exp(-β x): x = ln(1 + β a n) / β."""
    beta, step = 1.3, 1e-3
    law = ExponentialLaw(beta=beta, step=step)
    synapse = dataclasses.replace(
        exponential(), potentiation=law, depression=law, n_potentiation=2000
    )
    device = FittedSynapse.ideal(synapse)
    apply(device, UP, 500.5 * WIDTH)
    assert device.x == pytest.approx(math.log1p(beta * step * 500.5) / beta, rel=2e-3)


def test_reads_leave_the_path_of_the_state_alone() -> None:
    once, often = (
        FittedSynapse(synapse=exponential(sigma_c2c=0.01, sigma_read=0.01), seed=4)
        for _ in range(2)
    )
    for _ in range(20):
        apply(once, UP)
        apply(often, UP)
        often.measured_currents({"top": 0.1, "bottom": 0.0})
    assert once.x == often.x


@settings(deadline=None)
@given(
    st.floats(-1.8, 1.8),
    st.floats(1e-5, 0.5),
    st.integers(2, 20),
    st.floats(0, 1),
    st.floats(-3, 5),
    st.floats(-3, 5),
)
def test_cutting_an_interval_changes_nothing(
    volts: float, seconds: float, pieces: int, x: float, beta_p: float, beta_d: float
) -> None:
    synapse = exponential(beta_p, beta_d)
    whole, cut = (FittedSynapse.ideal(synapse, x=x) for _ in range(2))
    apply(whole, volts, seconds)
    for _ in range(pieces):
        apply(cut, volts, seconds / pieces)
    assert cut.x == pytest.approx(whole.x, abs=1e-9)
    assert 0 <= whole.x <= 1
    assert (whole.x - x) * volts <= 0  # negative voltage potentiates here


@pytest.mark.parametrize("pieces", [1, 10])
def test_noise_of_a_pulse_has_the_fitted_variance_however_cut(pieces: int) -> None:
    device = FittedSynapse(synapse=exponential(0.0, 0.0, sigma_c2c=0.004), seed=5)
    n = 3000
    ends = np.empty(n)
    for k in range(n):
        device.x = 0.4
        for _ in range(pieces):
            apply(device, UP, WIDTH / pieces)
        ends[k] = device.x
    assert ends.mean() == pytest.approx(0.4 + 1 / 30, abs=4 * 0.004 / math.sqrt(n))
    assert ends.std() == pytest.approx(0.004, rel=4 / math.sqrt(2 * n))


def test_read_noise_is_the_fitted_one() -> None:
    device = FittedSynapse(synapse=exponential(sigma_read=0.002), x=0.5, seed=2)
    voltages = {"top": 0.1, "bottom": 0.0}
    reads = np.array([device.measured_currents(voltages)["top"] for _ in range(3000)])
    sigma = 0.002 * 8e-6 * 0.1
    assert reads.mean() == pytest.approx(5e-7, abs=4 * sigma / math.sqrt(3000))
    assert reads.std() == pytest.approx(sigma, rel=4 / math.sqrt(6000))
    both = device.measured_currents(voltages)
    assert both["top"] == -both["bottom"]


def test_below_the_threshold_nothing_moves_and_above_it_linearly() -> None:
    synapse = exponential(0.0, 0.0)
    for volts, moved in ((-0.74, 0.0), (-1.125, 0.5), (-1.5, 1.0), (-2.25, 2.0)):
        device = FittedSynapse.ideal(synapse)
        apply(device, volts)
        assert device.x == pytest.approx(moved / 30, abs=1e-9)
    device = FittedSynapse(synapse=exponential(sigma_c2c=0.1), x=0.5)
    at_rest: tuple[float | None, ...] = (0.1, -0.1, None)
    for bias in at_rest:
        apply(device, bias, 1000.0)
    assert device.x == 0.5


def test_the_sign_of_potentiation_is_a_setting() -> None:
    device = FittedSynapse.ideal(
        exponential(), potentiation_voltage=2.0, depression_voltage=-1.0
    )
    apply(device, 2.0)
    assert device.x > 0
    apply(device, -1.0, 1.0)
    assert device.x == pytest.approx(0.0, abs=1e-12)


def test_too_much_voltage_breaks_for_ever_even_without_time() -> None:
    device = FittedSynapse.ideal(exponential(), x=0.5)
    apply(device, 6.1, 0.0)
    assert device.broken
    apply(device, UP)
    assert device.conductance == 0
    voltages = {"top": 0.1, "bottom": 0.0}
    assert device.measured_currents(voltages) == {"top": 0.0, "bottom": 0.0}


def test_a_fit_of_a_run_goes_back_under_test(tmp_path: Path) -> None:
    path = write_fit(tmp_path)
    synapse = load_synapse(path)
    device = FittedSynapse.from_file(path, pulse_width=1e-3)
    assert device.description == synapse.to_dict()
    device.x = 0.25
    before = device.conductance
    apply(device, UP, 1e-3)
    noise = 5 * synapse.sigma_c2c * synapse.g_range + 1e-11
    assert device.conductance == pytest.approx(float(synapse.potentiate(before)), abs=noise)


def test_devices_by_name(tmp_path: Path) -> None:
    path = write_fit(tmp_path)
    device = make_device("fitted", 3, path=path, x=0.5)
    assert device == FittedSynapse.draw(3, path, x=0.5)
    with pytest.raises(ConfigError, match=r"fitted needs a path, that of its \.fit\.json"):
        make_device("fitted")
    with pytest.raises(ConfigError, match="fitted has no parameter 'gain', it has path, pote"):
        make_device("fitted", path=path, gain=1.0)
    with pytest.raises(DataFileError, match="does not exist"):
        make_device("fitted", path=tmp_path / "none.fit.json")


def test_devices_differ_by_the_fitted_spread(tmp_path: Path) -> None:
    import json

    path = write_fit(tmp_path)
    plain = json.loads(path.read_text(encoding="utf-8"))
    plain["synapse"]["sigma_d2d"] = 0.1
    path.write_text(json.dumps(plain), encoding="utf-8")
    logs = np.log([FittedSynapse.draw(seed, path).step_scale for seed in range(300)])
    assert logs.std() == pytest.approx(0.1, rel=0.2)
    device = FittedSynapse.draw(7, path)
    synapse = load_synapse(path)
    apply(device, UP)
    noise = 5 * synapse.sigma_c2c * synapse.g_range + 1e-11
    stepped = synapse.potentiate(synapse.g_min, step_scale=device.step_scale)
    assert device.conductance == pytest.approx(float(stepped), abs=noise)


def test_a_run_file_can_hold_what_describes_it() -> None:
    from labsyn.data.plain_json import to_json

    device = FittedSynapse.ideal(exponential())
    public = {key: value for key, value in vars(device).items() if key[0] != "_"}
    assert '"law": "exponential"' in to_json(public, "device")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"depression_voltage": -1.0}, "depression_voltage = -1 V need opposite signs"),
        ({"break_voltage": 1.2}, "break_voltage is 1.2 V, it must exceed the fitted 1.5 V"),
        ({"pulse_width": 0.0}, "pulse_width is 0, not above 0"),
        ({"step_scale": 0.0}, "step_scale is 0, not above 0"),
        ({"threshold": 1.0}, "threshold is 1, not between 0 and 1"),
        ({"x": 1.5}, "x is 1.5, not between 0 and 1"),
        ({"step_scale": 1e-7}, "potentiation needs more than 20000 pulses from end to end"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        FittedSynapse(synapse=exponential(), **parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"g_min": -1e-6}, "g_min is -1e-06 S; a negative conductance"),
        (
            {"potentiation": ExponentialLaw(beta=20.0, step=0.5)},
            "potentiation needs more than 20000 pulses from end to end",
        ),
        (
            {"depression": ExponentialLaw(beta=1.0, step=-0.1)},
            r"depression makes a step of -0\.1 at 0 of the range; it must move on",
        ),
    ],
)
def test_synapses_that_cannot_be_under_test_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        FittedSynapse(synapse=dataclasses.replace(exponential(), **changes))

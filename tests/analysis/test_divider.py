"""A divider against Ohm's law, and its uncertainty against drawn dividers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.analysis.divider import Across, Divider, combined, rectangular

SOURCE, REFERENCE = 3.4, 1e6


def reading(resistance: float, across: Across) -> float:
    """Return what the input sees, by Ohm's law."""
    current = SOURCE / (REFERENCE + resistance)
    return current * (resistance if across == "device" else REFERENCE)


@pytest.mark.parametrize("across", ["device", "reference"])
@given(resistance=st.floats(1.0, 1e9))
def test_it_returns_voltage_and_current_of_the_device(
    across: Across, resistance: float
) -> None:
    divider = Divider(reference=REFERENCE, across=across)
    volts, current = divider.device(SOURCE, reading(resistance, across))
    assert current == pytest.approx(SOURCE / (REFERENCE + resistance), rel=1e-9)
    assert volts == pytest.approx(current * resistance, rel=1e-9, abs=1e-14)


def test_the_spot_values_of_kumar_2024() -> None:
    """33.8 kΩ and 25.2 kΩ through 1 MΩ; 3.4 V put about 0.1 V across them."""
    divider = Divider(reference=REFERENCE)
    for ohms, volts in ((33.8e3, 0.11116), (25.2e3, 0.08357)):
        assert reading(ohms, "device") == pytest.approx(volts, rel=1e-4)
        across, current = divider.device(SOURCE, volts)
        assert across / current == pytest.approx(ohms, rel=2e-4)
        assert SOURCE / current == pytest.approx(1e6 + ohms, rel=1e-5)  # plain V / I


@pytest.mark.parametrize("across", ["device", "reference"])
@pytest.mark.parametrize("resistance", [25.2e3, 1e6, 5e6])
def test_the_uncertainty_is_the_spread_of_many_dividers(
    across: Across, resistance: float
) -> None:
    rng, n = np.random.default_rng(1), 200_000
    parts = {"reference": 2e-3, "source": 1e-3, "input": 1.5e-3}
    drawn = {cause: 1 + size * rng.standard_normal(n) for cause, size in parts.items()}
    density, bandwidth = 1e-6, 2.0
    noise = density * math.sqrt(bandwidth) * rng.standard_normal(n)
    # What reaches the input is real; U, R_ref and the gain are believed to be nominal.
    true_reference = REFERENCE / drawn["reference"]
    current = SOURCE / drawn["source"] / (true_reference + resistance)
    seen = current * (resistance if across == "device" else true_reference)
    seen = seen / drawn["input"] + noise
    over = SOURCE - seen if across == "device" else seen
    believed = REFERENCE * (SOURCE - over) / over
    told = Divider(
        reference=REFERENCE, reference_uncertainty=parts["reference"], across=across
    ).uncertainties(
        SOURCE,
        reading(resistance, across),
        source_uncertainty=parts["source"],
        input_uncertainty=parts["input"],
        noise_density=density,
        bandwidth=bandwidth,
    )
    assert combined(told) == pytest.approx(np.std(believed), rel=0.02)


def test_the_thermal_noise_is_that_of_both_resistors_in_parallel() -> None:
    told = Divider(reference=1e6).uncertainties(
        2.0, 1.0, source_uncertainty=0.0, input_uncertainty=0.0, bandwidth=1.0
    )
    slope = 1e6 * 2.0 / 1.0**2
    johnson = math.sqrt(4 * 1.380649e-23 * 298.15 * 0.5e6)
    assert told == {
        "reference": 0.0, "source": 0.0, "input": 0.0,
        "noise": pytest.approx(slope * johnson),
    }  # fmt: skip


def test_an_open_device_has_no_finite_uncertainty() -> None:
    told = Divider(reference=1e6, reference_uncertainty=0.01).uncertainties(
        1.0, 1.0, source_uncertainty=0.01, input_uncertainty=0.01
    )
    assert set(told.values()) == {math.inf}


def test_a_rectangular_distribution_and_a_root_of_squares() -> None:
    drawn = np.random.default_rng(0).uniform(-0.3, 0.3, 10**6)
    assert rectangular(0.3) == pytest.approx(drawn.std(), rel=2e-3)
    assert combined({"a": 3.0, "b": 4.0}) == 5.0

"""A divider against Ohm's law, and its uncertainty against drawn dividers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.analysis.divider import Across, Divider, combined, rectangular

SOURCE, REFERENCE = 3.4, 1e6


def reading(resistance: float, across: Across, load: float = math.inf) -> float:
    """Return what the input sees, by Ohm's law; it is itself in parallel with the device."""
    loaded = 1 / (1 / resistance + 1 / load)
    current = SOURCE / (REFERENCE + loaded)
    return current * (loaded if across == "device" else REFERENCE)


@pytest.mark.parametrize("across", ["device", "reference"])
@pytest.mark.parametrize("load", [1e7, math.inf])
@given(resistance=st.floats(1.0, 1e9))
def test_it_returns_voltage_and_current_of_the_device(
    across: Across, load: float, resistance: float
) -> None:
    divider = Divider(reference=REFERENCE, across=across, input_resistance=load)
    volts, current = divider.device(SOURCE, reading(resistance, across, load))
    # Across a small device, and behind a large one, a difference of doubles loses digits.
    assert volts == pytest.approx(reading(resistance, "device", load), rel=1e-9, abs=1e-14)
    assert volts / current == pytest.approx(resistance, rel=1e-6)


def test_an_input_of_10_megohm_that_is_not_corrected_reads_too_little() -> None:
    """33.8 kΩ in parallel with 10 MΩ: 0.34 % less, and a third of 5 MΩ less."""
    for ohms, less in ((33.8e3, 3.4e-3), (5e6, 1 / 3)):
        volts, current = Divider(reference=REFERENCE).device(
            SOURCE, reading(ohms, "device", 1e7)
        )
        assert 1 - volts / current / ohms == pytest.approx(less, rel=0.01)


def test_the_spot_values_of_kumar_2024() -> None:
    """33.8 kΩ and 25.2 kΩ through 1 MΩ; 3.4 V put about 0.1 V across them."""
    divider = Divider(reference=REFERENCE)
    for ohms, volts in ((33.8e3, 0.11116), (25.2e3, 0.08357)):
        assert reading(ohms, "device") == pytest.approx(volts, rel=1e-4)
        across, current = divider.device(SOURCE, volts)
        assert across / current == pytest.approx(ohms, rel=2e-4)
        assert SOURCE / current == pytest.approx(1e6 + ohms, rel=1e-5)  # plain V / I


@pytest.mark.parametrize("across", ["device", "reference"])
@pytest.mark.parametrize("load", [1e7, math.inf])
@pytest.mark.parametrize("resistance", [25.2e3, 1e6, 5e6])
def test_the_uncertainty_is_the_spread_of_many_dividers(
    across: Across, load: float, resistance: float
) -> None:
    rng, n = np.random.default_rng(1), 200_000
    parts = {"reference": 2e-3, "source": 1e-3, "input": 1.5e-3}
    drawn = {cause: 1 + size * rng.standard_normal(n) for cause, size in parts.items()}
    density, bandwidth = 1e-6, 2.0
    noise = density * math.sqrt(bandwidth) * rng.standard_normal(n)
    # What reaches the input is real; U, R_ref and the gain are believed to be nominal.
    true_reference = REFERENCE / drawn["reference"]
    loaded = 1 / (1 / resistance + 1 / load)
    current = SOURCE / drawn["source"] / (true_reference + loaded)
    seen = current * (loaded if across == "device" else true_reference)
    seen = seen / drawn["input"] + noise
    over = SOURCE - seen if across == "device" else seen
    believed = 1 / (over / REFERENCE / (SOURCE - over) - 1 / load)
    told = Divider(
        reference=REFERENCE,
        reference_uncertainty=parts["reference"],
        across=across,
        input_resistance=load,
    ).uncertainties(
        SOURCE,
        reading(resistance, across, load),
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

"""Feedforward and closed loop on the simulated titania film, its noise and its heat."""

import numpy as np
import pytest

from labsyn.analysis.level_statistics import verify_paths
from labsyn.analysis.levels import level_targets
from labsyn.analysis.pulse_tuning import ClosedLoop, Feedforward, Laws, Scheme, WritePulse
from labsyn.analysis.switching_fit import Train, fit_switching_law
from labsyn.analysis.switching_law import DEPRESSION, POTENTIATION, SwitchingLaw
from labsyn.drivers.simulated.titania import Titania

FIGURE_2 = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0)
ENDS = {POTENTIATION: (880.0, 740.0), DEPRESSION: (740.0, 880.0)}


def write(device: Titania, volts: float, seconds: float) -> None:
    device.advance({"T1": 0.0, "T2": volts, "T3": 0.0, "T4": volts}, seconds)


def read(device: Titania) -> float:
    """Read as the bench does: 0.1 V, in steps of 10 nA."""
    amperes = device.measured_currents({"T1": 0.1, "T2": 0.0, "T3": 0.0, "T4": 0.0})["T3"]
    return 0.1 / (round(-amperes / 10e-9) * 10e-9)


def laws_of(device: Titania) -> Laws:
    """Measure the map of figure 2 and fit it."""
    laws = {}
    for branch, (start, _) in ENDS.items():
        trains = []
        for size in FIGURE_2 * 5:
            device.resistance = start
            path = [read(device)]
            for _ in range(100):
                write(device, -branch * size, 2.0)
                path.append(read(device))
            trains.append(Train(-branch * size, np.array(path)))
        laws[branch] = fit_switching_law(branch, trains, width=2.0, lrs=740.0, hrs=880.0)
    return laws


@pytest.fixture(scope="module")
def laws() -> Laws:
    return laws_of(Titania(seed=2))


def approach(device: Titania, scheme: Scheme, target: float, tolerance: float) -> int:
    """Return how many pulses it takes until a read is within `tolerance` of `target`."""
    before, n_pulses = read(device), 0
    while abs(before - target) > tolerance and n_pulses < 5000:
        pulse = scheme.pulse(before, target)
        write(device, pulse.voltage, 0.8)
        after = read(device)
        scheme.learn(pulse, before, after)
        before, n_pulses = after, n_pulses + 1
    return n_pulses


def tune(device: Titania, scheme: Feedforward, branch: int) -> tuple[np.ndarray, list[float]]:
    """Return the resistances from end to end, and the power of each pulse in watt."""
    path, power = [read(device)], []
    while path[-1] > 740.0 if branch == POTENTIATION else path[-1] < 880.0:
        pulse = scheme.pulse_in(branch, path[-1])
        power.append(4 * pulse.voltage**2 / device.side_resistance)
        write(device, pulse.voltage, 0.8)
        path.append(read(device))
    return np.array(path), power


def test_figure_3b_events_of_feedforward_by_a_fitted_map(laws: Laws) -> None:
    """Printed: 494 ± 11 and 579 ± 17 events, 240.7 and 114.6 mW.

    Circular in part: the device was calibrated to these numbers by the same rule (largest
    voltage below 0.3 Ω) on its exact steps. What is tested here is that a law fitted to a
    noisy map of 2 s pulses leads to the same voltages. The power of potentiation depends on
    which of the few largest voltages is taken where the steps of all are nearly alike.
    """
    device, scheme = Titania(seed=2), Feedforward(laws=laws, width=0.8, largest_change=0.3)
    found: dict[int, list[tuple[int, float]]] = {POTENTIATION: [], DEPRESSION: []}
    for _ in range(12):
        for branch, runs in found.items():
            _path, power = tune(device, scheme, branch)
            runs.append((len(power), 1e3 * float(np.mean(power))))
    events = {branch: np.array([n for n, _ in runs]) for branch, runs in found.items()}
    powers = {branch: np.mean([p for _, p in runs]) for branch, runs in found.items()}
    assert events[POTENTIATION].mean() == pytest.approx(494, abs=2 * 11)
    assert events[DEPRESSION].mean() == pytest.approx(579, abs=2 * 17)
    assert 11 / 2 < events[POTENTIATION].std(ddof=1) < 2 * 11
    assert 17 / 2 < events[DEPRESSION].std(ddof=1) < 2 * 17
    assert powers[POTENTIATION] == pytest.approx(240.7, rel=0.25)
    assert powers[DEPRESSION] == pytest.approx(114.6, rel=0.15)


def test_figure_4_no_level_of_32_is_skipped_and_some_of_512_are(laws: Laws) -> None:
    """Printed: 0 of 32; of 512 levels 117 in potentiation and 8 in depression.

    The film loses 300 to 400 of 512 in either branch, with our reading of the rule (first
    event at or beyond a level): its steps were calibrated to the mean of 0.28 Ω, the level
    spacing of 0.274 Ω; with the nearest event none is skipped. Neither gives 117 and 8.
    """
    device, scheme = Titania(seed=3), Feedforward(laws=laws, width=0.8, largest_change=0.3)
    paths: dict[int, list[np.ndarray]] = {POTENTIATION: [], DEPRESSION: []}
    for _ in range(20):
        for branch, found in paths.items():
            found.append(tune(device, scheme, branch)[0])
    for branch, found in paths.items():
        for n_levels, low, high in ((32, 0, 0), (128, 0, 0), (512, 200, 480)):
            skipped = verify_paths(found, n_levels, branch, low=740.0, high=880.0).n_skipped
            assert low <= skipped.value <= high


@pytest.mark.parametrize("n_levels", [32, 128, 512])
def test_the_closed_loop_needs_fewer_pulses_for_the_same_error(
    laws: Laws, n_levels: int
) -> None:
    """One device; the benchmark has twenty, with intervals."""
    targets = level_targets(740.0, 880.0, n_levels)
    chosen = targets[np.random.default_rng(n_levels).integers(0, n_levels, 15)]
    tolerance = 70.0 / (n_levels - 1)
    n_pulses, errors = {}, {}
    for scheme in (
        Feedforward(laws=laws, width=0.8, largest_change=0.3),
        ClosedLoop(laws, 0.8),
    ):
        device = Titania(seed=2)
        name = type(scheme).__name__
        counts, misses = [], []
        for target in chosen:
            counts.append(approach(device, scheme, float(target), tolerance))
            misses.append(device.resistance - target)
        n_pulses[name], errors[name] = np.mean(counts), np.sqrt(np.mean(np.square(misses)))
    assert n_pulses["ClosedLoop"] < 0.7 * n_pulses["Feedforward"]
    assert errors["ClosedLoop"] < 1.5 * errors["Feedforward"]


def quiet(scale: float) -> Laws:
    """Return laws without noise that take the film for `scale` times as fast as it is."""
    volts = np.geomspace(0.3, 7.0, 40)
    device = Titania()
    rates = {
        POTENTIATION: device.rate_p * (volts - 0.2) ** device.exponent_p,
        DEPRESSION: device.rate_d * (volts - 0.2) ** device.exponent_d,
    }
    return {
        branch: SwitchingLaw(
            branch=branch, lrs=740.0, hrs=880.0, voltages=-branch * volts,
            rates=scale * rates[branch], rate_errors=np.zeros(40),
            beta=device.beta_p if branch == POTENTIATION else device.beta_d, beta_error=0.0,
            sigma=0.01, sigma_read=0.03, n_pulses=100,  # 10 nA are 0.08 ohm
        )
        for branch in ENDS
    }  # fmt: skip


def test_the_closed_loop_learns_what_its_map_has_wrong() -> None:
    device = Titania.ideal(resistance=870.0, relaxation_time=1e12)
    scheme = ClosedLoop(quiet(2.0), 0.8, gain_uncertainty=0.5)
    for target in (860.0, 850.0, 860.0, 850.0):
        approach(device, scheme, target, 0.1)
    for branch in ENDS:
        assert scheme.gain[branch] == pytest.approx(0.5, abs=0.08)
    before = device.resistance
    pulse = scheme.pulse(before, before - 0.2)
    write(device, pulse.voltage, 0.8)
    assert before - device.resistance == pytest.approx(0.2, rel=0.2)  # 0.1 by the map


def test_with_no_uncertainty_nothing_is_learned() -> None:
    scheme = ClosedLoop(quiet(2.0), 0.8, gain_uncertainty=0.0, gain_drift=0.0)
    scheme.learn(WritePulse(POTENTIATION, -3.0, 0.4), 800.0, 799.9)
    assert scheme.gain == {POTENTIATION: 1.0, DEPRESSION: 1.0}


@pytest.mark.parametrize("resistance", [750.0, 800.0, 870.0])
def test_both_schemes_turn_back(resistance: float) -> None:
    laws = quiet(1.0)
    for scheme in (
        Feedforward(laws=laws, width=0.8, largest_change=0.3),
        ClosedLoop(laws, 0.8),
    ):
        down, up = (scheme.pulse(resistance, resistance + way) for way in (-0.25, 0.25))
        assert (down.branch, up.branch) == (POTENTIATION, DEPRESSION)
        assert down.voltage < 0 < up.voltage
        assert down.change <= 0.3
        assert up.change <= 0.3

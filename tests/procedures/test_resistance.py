"""Resistances with their uncertainty: budget, coverage, scatter, and what cannot be read."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labsyn.analysis.divider import combined
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.field_loop import FieldLoop
from labsyn.procedures.runner import measure

OpenMTJ = Callable[..., Bench]
SHORT = {"field_amplitude": 1e-3, "n_steps": 4}


def truth(bench: Bench) -> float:
    """Resistance from top to ground: the junction and half of the channel."""
    told = bench.describe()["device_truth"]
    return float(told["parallel_resistance"] + told["channel_resistance"] / 2)


def budget(run: Run) -> dict[str, float]:
    (told,) = (event for event in run.events if "uncertainties" in event)
    parts: dict[str, float] = told["uncertainties"]
    assert combined(parts) == pytest.approx(run["resistance_uncertainty"][0], rel=1e-6)
    return parts


@pytest.mark.parametrize("error", [-0.01, 0.01])
def test_a_wrong_reference_resistor_is_within_its_uncertainty(
    error: float, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    real = {"lock_in": {"simulated": {"reference_resistance": 1e6 * (1 + error)}}}
    bench = open_mtj(instrument=real, sigma_read=0.0)
    run = measure(FieldLoop(**SHORT, read_voltage=3.4), bench, tmp_path)
    away = run["resistance"] / truth(bench) - 1
    assert away == pytest.approx(-error, abs=1e-3)
    relative = run["resistance_uncertainty"] / run["resistance"]
    # 1 % of the resistor, and 1 % of sine and input anywhere within: 0.01 / sqrt(3) each.
    assert relative == pytest.approx(0.01 * math.sqrt(1 + 2 / 3 * 1.03**2), rel=0.01)
    assert set(budget(run)) == {"reference", "source", "input", "noise"}


def test_across_the_reference_resistor_the_same_is_read_and_known_far_less(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """Methods of the paper: with 1 MΩ in series, 1 % of U is 10 kΩ of the junction."""
    quick = FieldLoop(**SHORT, read_voltage=0.8)
    ways = {}
    for across in ("device", "reference"):
        bench = open_mtj(role={"input_across": across}, sigma_read=0.0)
        ways[across] = measure(quick, bench, tmp_path, name=across)
        assert ways[across]["resistance"] == pytest.approx(truth(bench), rel=1e-3)
        assert ways[across]["voltage"] == pytest.approx(
            ways[across]["current"] * ways[across]["resistance"]
        )
    ratio = (
        ways["reference"]["resistance_uncertainty"] / ways["device"]["resistance_uncertainty"]
    )
    assert np.all((ratio > 15) & (ratio < 40))


@pytest.mark.parametrize("model", ["SR830", "SR860"])
@pytest.mark.parametrize("across", ["device", "reference"])
def test_the_input_of_the_lock_in_does_not_count(
    model: str, across: str, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """10 MΩ in parallel with 2 MΩ would be a sixth less."""
    bench = open_mtj(
        model, role={"input_across": across}, sigma_read=0.0, parallel_resistance=2e6
    )
    run = measure(FieldLoop(**SHORT, read_voltage=0.8), bench, tmp_path)
    assert run["resistance"] == pytest.approx(truth(bench), rel=2e-3)


def test_an_smu_knows_it_by_its_ranges(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    bench = open_mtj("SMU", sigma_read=0.0)
    run = measure(FieldLoop(**SHORT), bench, tmp_path)
    parts = budget(run)
    assert set(parts) == {"source", "input"}
    ohms, current = run["resistance"][0], run["current"][0]
    assert parts["source"] == pytest.approx(ohms * (1.8e-4 * 0.1 + 4e-4) / 0.1 / 3**0.5)
    limit = 5e-4 * current + 2e-9 + 1e-11 * 0.1  # of the range of 10 µA
    assert parts["input"] == pytest.approx(ohms * limit / current / 3**0.5)
    assert np.all(np.abs(run["resistance"] - truth(bench)) < 2 * run["resistance_uncertainty"])


def test_the_scatter_of_several_reads_takes_the_place_of_the_noise(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    bench = open_mtj("SMU", sigma_read=5e-3)
    run = measure(FieldLoop(**SHORT, n_reads=25), bench, tmp_path)
    parts = budget(run)
    assert set(parts) == {"source", "input", "scatter"}
    expected = 5e-3 * run["resistance"][0] / 25**0.5
    assert parts["scatter"] == pytest.approx(expected, rel=0.5)
    spread = np.std(run["resistance"], ddof=1)
    assert spread == pytest.approx(expected, rel=0.9)  # of nine means, not of single reads
    assert run.n_rows == 9


def test_what_is_overloaded_has_no_resistance_and_no_uncertainty(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    fault = {"kind": "overload", "match": "SNAP", "after": 2, "times": 1}
    bench = open_mtj(instrument={"lock_in": {"faults": [fault]}})
    run = measure(FieldLoop(**SHORT, read_voltage=3.4), bench, tmp_path)
    bad = (run["flags"].astype(int) & Flag.OVERFLOW) > 0
    assert bad.sum() == 1
    for name in ("current", "resistance", "resistance_uncertainty", "conductance"):
        assert np.array_equal(np.isnan(run[name]), bad)

"""How often pulses switch: counted trials, and devices along the wedge."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.errors import BenchError, ConfigError
from labsyn.drivers.bench import Bench
from labsyn.procedures.runner import measure
from labsyn.procedures.switching_probability import SwitchingProbability

OpenMTJ = Callable[..., Bench]
AT_ONE = {"first_voltage": -0.82, "last_voltage": -0.86, "n_voltages": 2}


@pytest.mark.parametrize(
    ("reader", "source"), [("SMU", "Keysight81160A"), ("SR860", "SPGU"), ("SMU", "SPGU")]
)
def test_successes_are_counted_per_voltage(
    reader: str, source: str, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    bench = open_mtj(reader, source, thickness=1.7e-9, field_free=1.0, critical_voltage=0.84)
    procedure = SwitchingProbability(
        first_voltage=-0.5, last_voltage=-1.2, n_voltages=3, n_repetitions=4
    )
    run = measure(procedure, bench, tmp_path)
    assert (run.status, run.n_rows, bench.warnings) == ("finished", 14, [])
    found = run.metadata["switching"]
    assert found["voltage"] == pytest.approx([-0.5, -0.85, -1.2])
    assert found["n_trials"] == [4, 4, 4]
    assert (found["n_successes"][0], found["n_successes"][2]) == (0, 4)
    told = [event for event in run.events if "n_successes" in event]
    assert [event["n_successes"] for event in told] == found["n_successes"]
    last = run["repetition"] == 4
    assert run["n_successes"][last].tolist() == found["n_successes"]
    assert run["switched"][:2].tolist() == [0.0, 1.0]  # the two states
    assert np.isnan(run["success"][:2]).all()
    assert run["branch"].tolist() == [0, 0] + 12 * [1]
    done = run["success"] == 1
    assert run["conductance"][done] == pytest.approx(run["conductance"][1], rel=0.01)
    assert run["conductance_before"][2:] == pytest.approx(run["conductance"][0], rel=0.01)


def test_half_of_the_pulses_at_the_critical_voltage_switch(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """V_c is where 200 ns switch half: a binomial count of 80 pulses, within 4 sigma."""
    bench = open_mtj(
        "SMU", thickness=1.7e-9, field_free=1.0, critical_voltage=0.84, sigma_cells=0.0
    )
    procedure = SwitchingProbability(
        first_voltage=-0.84, last_voltage=-0.8401, n_voltages=2, n_repetitions=40
    )
    run = measure(procedure, bench, tmp_path)
    share = sum(run.metadata["switching"]["n_successes"]) / 80
    assert share == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(80))


@pytest.mark.parametrize(("thickness", "n_free"), [(1.6e-9, 5), (2.1e-9, None), (2.6e-9, 0)])
def test_figure_4d_field_free_switching_falls_to_none_at_2_6_nm(
    thickness: float, n_free: int | None, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """Devices that switch without field, of five; every one switches with it."""
    below = 1.6 + 0.2 * (thickness - 1.6e-9) / 1e-9  # volt, below the breakdown of all
    once = {"first_voltage": -0.4 * below, "last_voltage": -below, "n_voltages": 4,
            "n_repetitions": 1, "pulse_delay": 1e-3}  # fmt: skip
    free = assisted = 0
    for seed in range(5):
        for assist in (0.0, -10e-3):
            bench = open_mtj("SMU", seed=seed, thickness=thickness)
            run = measure(SwitchingProbability(**once, assist_field=assist), bench, tmp_path)
            some = sum(run.metadata["switching"]["n_successes"]) > 0
            by_field = np.nanmax(run["switched"][2:]) > 0.5
            free += some and not assist
            assisted += by_field and bool(assist)
    assert assisted == 5
    assert free == n_free if n_free is not None else 0 < free < 5


def test_one_that_is_there_before_its_pulse_is_no_trial(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """The assist field alone switches: nothing is to be learnt from the pulses."""
    bench = open_mtj("SMU", thickness=1.7e-9, exchange_field=2e-3, coercive_field=8e-3)
    run = measure(
        SwitchingProbability(**AT_ONE, n_repetitions=2, assist_field=-15e-3), bench, tmp_path
    )
    assert run["switched"][2:] == pytest.approx(1.0, abs=0.05)
    assert np.isnan(run["success"]).all()
    assert run.metadata["switching"]["n_trials"] == [0, 0]
    assert run.metadata["switching"]["n_successes"] == [0, 0]


def test_the_way_back_has_the_other_branch(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    """From P to AP: negative pulses do nothing, and the conductance would fall."""
    bench = open_mtj("SMU", thickness=1.7e-9)
    procedure = SwitchingProbability(**AT_ONE, n_repetitions=2, initial_field=-20e-3)
    run = measure(procedure, bench, tmp_path)
    assert run["branch"][2:].tolist() == 4 * [-1]
    assert run.metadata["switching"]["n_trials"] == [2, 2]
    assert run.metadata["switching"]["n_successes"] == [0, 0]


def test_a_field_that_does_not_initialise_is_told(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    bench = open_mtj("SMU")
    with pytest.raises(BenchError, match=r"leave conductances that differ by .*, at least 2%"):
        measure(SwitchingProbability(**AT_ONE, initial_field=2e-3), bench, tmp_path)


def test_a_ramp_through_zero_is_refused(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    bench = open_mtj("SMU")
    with pytest.raises(ConfigError, match="both ends need one sign, and neither may be 0 V"):
        measure(SwitchingProbability(first_voltage=0.3), bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()

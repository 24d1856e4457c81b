"""Resistance against pulse voltage: both directions, four states, and what stops it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import BreakdownError, ConfigError, LimitError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.runner import measure
from labsyn.procedures.switching_loop import SwitchingLoop

OpenMTJ = Callable[..., Bench]
EXACT: dict[str, Any] = {"sigma_cells": 0.0, "coercive_field": 10e-3, "thermal_jumps": True}
FREE = {"parallel_field": 0.0, "antiparallel_field": 0.0}


def is_parallel(run: Run) -> np.ndarray:
    resistance = run["resistance"]
    return np.asarray(resistance < (resistance.min() + resistance.max()) / 2)


def critical_voltage(run: Run, branch: int) -> float:
    """Return the voltage of the first pulse of a ramp after which the state is the other."""
    way = run["branch"] == branch
    there = is_parallel(run)[way] == (branch > 0)
    assert not there[0]
    assert there[-1]
    assert np.count_nonzero(np.diff(there.astype(int))) == 1
    return float(run["pulse_voltage"][way][np.argmax(there)])


@pytest.mark.parametrize(
    ("reader", "source", "volts"),
    [
        ("SR830", "Keysight81160A", 3.4),
        ("SR860", "Agilent33500", 2.0),
        ("SMU", "Agilent33250A", 0.1),
        ("SMU", "SPGU", 0.1),
    ],
)
def test_figure_4b_both_directions_on_any_bench(
    reader: str, source: str, volts: float, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """1.7 nm: -V at -6 mT leads to P, +V at +6 mT to AP; 200 ns, 1.5 s, read at 0.1 V."""
    bench = open_mtj(reader, source, thickness=1.7e-9, exchange_field=2.29e-3, **EXACT)
    loop = SwitchingLoop(read_voltage=volts, n_pulses=29 if reader == "SMU" else 15)
    assert (loop.pulse_width, loop.pulse_delay, loop.first_voltage) == (200e-9, 1.5, 0.1)
    run = measure(loop, bench, tmp_path)
    assert (run.status, run.n_rows) == ("finished", loop.row_estimate())
    assert bench.warnings == []
    free = 0.83  # V_c of 1.7 nm without field, between the printed 0.7 and 2.0 V
    assert -free < critical_voltage(run, 1) < -0.2
    assert 0.2 < critical_voltage(run, -1) < free
    for branch, tesla in ((1, -6e-3), (-1, 6e-3)):
        assert run["field"][run["branch"] == branch] == pytest.approx(tesla, abs=1e-4)
    assert list(run["pulse"][:2]) == [0, 1]
    assert list(run["pulse_voltage"][:2]) == [0.0, -0.1]
    assert np.all(np.diff(run["time"])[run["pulse"][1:] > 0] >= 1.5)
    assert np.all(run["flags"] == Flag.SIMULATED)
    if reader != "SMU":  # 0.1 V of the paper across the junction
        low, high = (0.09, 0.13) if reader == "SR830" else (0.05, 0.08)
        assert np.all((run["voltage"] > low) & (run["voltage"] < high))


@pytest.mark.parametrize(
    ("thickness", "expected"), [(1.6e-9, 0.7), (2.1e-9, 1.35), (2.6e-9, 2.0)]
)
def test_figure_4c_critical_voltage_without_field(
    thickness: float, expected: float, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """V_c 0.7 to 2.0 V from AP to P, if the device switches field-free and does not break."""
    bench = open_mtj(
        "SMU",
        limits={"voltage": 4.0, "terminals": {"channel_a": {"voltage": 2.4}}},
        thickness=thickness,
        critical_voltage=expected,
        breakdown_voltage=2.5,  # 2.0 V at 2.6 nm: the printed V_B is the printed V_c
        field_free=1.0,
        **EXACT,
    )
    ends = {"parallel_voltage": -1.15 * expected, "antiparallel_voltage": 0.2}
    loop = SwitchingLoop(**FREE, **ends, n_pulses=41, initial_field=20e-3)
    run = measure(loop, bench, tmp_path)
    found = critical_voltage(_only(run, 1), 1)
    assert found == pytest.approx(-expected, rel=0.08)


def _only(run: Run, branch: int) -> Any:
    way = run["branch"] == branch
    return {name: run[name][way] for name in ("resistance", "branch", "pulse_voltage")}


def test_at_2_6_nm_a_device_breaks_before_it_switches_without_field(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """Section D: V_c > V_B in thick layers. The run keeps its rows and fails."""
    bench = open_mtj(
        "SMU",
        limits={"terminals": {"channel_a": {"voltage": 2.2}}},
        thickness=2.6e-9,
        breakdown_voltage=2.0,
        critical_voltage=2.0,
        field_free=0.0,
    )
    loop = SwitchingLoop(**FREE, parallel_voltage=-2.2, n_pulses=43)
    with pytest.raises(BreakdownError, match="it may have broken down; the run is stopped"):
        measure(loop, bench, tmp_path, name="run")
    run = Run.open(tmp_path / "run.h5")
    assert run.status == "failed"
    assert run["flags"].astype(int)[-1] & Flag.BREAKDOWN
    assert np.ptp(run["resistance"][:-1]) < 0.01 * run["resistance"][0]  # it never switched
    assert run["pulse_voltage"][-1] == pytest.approx(-2.05)


def test_figures_4e_4f_three_cells_show_four_states(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    """1.7 nm, 3 cells: 1/R_compound is the sum of the cells', in four equidistant steps."""
    bench = open_mtj("SMU", seed=3, thickness=1.7e-9, n_cells=3, exchange_field=2.29e-3)
    run = measure(SwitchingLoop(n_pulses=57), bench, tmp_path)
    way = run["branch"] == 1
    # In series: half of the channel to ground; once the generator is on, its 50 Ω hold the
    # other end too.
    series = np.where(run["pulse"][way] == 0, 300, 1 / (1 / 300 + 1 / 350))
    conductance = 1 / (run["resistance"][way] - series)
    truth = bench.describe()["device_truth"]
    high = 1 / truth["parallel_resistance"]
    low = high / (1 + truth["tmr"])
    levels = np.array([k * high + (3 - k) * low for k in range(4)])
    n_parallel = np.round((conductance - levels[0]) / (high - low)).astype(int)
    assert list(dict.fromkeys(n_parallel)) == [0, 1, 2, 3]
    assert conductance == pytest.approx(levels[n_parallel], rel=5e-3)  # noise: 1e-3


def test_figure_4g_three_cells_need_20_to_30_percent_more(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    ends = []
    for n_cells in (1, 3):
        bench = open_mtj(
            "SMU", thickness=1.7e-9, n_cells=n_cells, exchange_field=2.29e-3,
            critical_voltage=0.83 * (1.25 if n_cells == 3 else 1), **EXACT,
        )  # fmt: skip
        run = measure(SwitchingLoop(n_pulses=43), bench, tmp_path)
        way = run["branch"] == 1
        low = run["resistance"][way].min()
        ends.append(
            abs(run["pulse_voltage"][way][np.argmax(run["resistance"][way] < 1.02 * low)])
        )
    assert 1.2 <= ends[1] / ends[0] <= 1.35


@pytest.mark.parametrize(("tesla", "switches"), [(-6e-3, False), (-8.5e-3, True)])
def test_figure_4g_thick_layers_need_the_larger_field(
    tesla: float, switches: bool, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """2.6 nm, 3 cells, V_B = 1.9 V: all switch in -8.5 mT, not all in -6 mT."""
    bench = open_mtj(
        "SMU", thickness=2.6e-9, n_cells=3, exchange_field=0.4e-3, breakdown_voltage=1.9,
        critical_voltage=2.5, thermal_jumps=False, sigma_cells=0.0, coercive_field=10e-3,
    )  # fmt: skip
    loop = SwitchingLoop(parallel_field=tesla, parallel_voltage=-1.85, antiparallel_voltage=0.2)
    run = measure(loop, bench, tmp_path)
    assert run.status == "finished"
    moved = run["resistance"][:29].min() < 0.8 * run["resistance"][0]
    assert moved == switches


def test_a_signal_stops_it_and_the_field_goes_to_zero(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    def kill(percent: float) -> None:
        if percent == 50:
            os.kill(os.getpid(), signal.SIGINT)

    bench = open_mtj("SMU")
    run = measure(SwitchingLoop(n_pulses=4, n_loops=2), bench, tmp_path, on_progress=kill)
    assert (run.status, run.n_rows) == ("aborted", 10)
    bench.clock.sleep(1.0)
    assert abs(bench.simulation.environment.field) < 1e-6


def test_what_is_refused_before_anything_is_sent(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    bench = open_mtj()
    for values, kind, message in (
        ({"parallel_voltage": -2.1}, LimitError, "parallel_voltage of -2.1 V at channel_a exc"),
        ({"antiparallel_voltage": 3.0}, LimitError, "antiparallel_voltage of 3 V at channel_a"),
        ({"antiparallel_field": 0.06}, LimitError, "a field of 60 mT exceeds the limit of 50"),
        (
            {"compliance_current": 1e-3},
            LimitError,
            "drives 0.005 A through the load of 300 ohm",
        ),
        ({"pulse_width": 2e-6}, LimitError, "pulse_width of 2 µs at channel_a exceeds the lim"),
        ({"parallel_voltage": 0.0}, ConfigError, "from 0.1 V to 0 V .* neither may be 0 V"),
        ({"read_voltage": 4.5}, LimitError, "read_voltage of 4.5 V at top exceeds the limit"),
    ):
        with pytest.raises(kind, match=message):
            measure(SwitchingLoop(**values), bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()

"""Resistance against field: the two states and switching fields of the simulated junction."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.errors import BenchError, ConfigError, LimitError, RoleError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.catalogue import find_procedure
from labsyn.procedures.field_loop import FieldLoop, MajorFieldLoop
from labsyn.procedures.runner import measure
from labsyn.procedures.switching_loop import SwitchingLoop
from labsyn.procedures.switching_probability import SwitchingProbability

OpenMTJ = Callable[..., Bench]
QUICK = {"read_voltage": 3.4, "n_steps": 10}
EXACT = {"sigma_cells": 0.0, "coercive_field": 10e-3}  # a device of the printed means


def is_safe(bench: Bench) -> bool:
    bench.clock.sleep(1.0)  # the coil's current follows
    return bool(abs(bench.simulation.environment.field) < 1e-6)


def check_loop(run: Run, truth: dict[str, float]) -> None:
    half = truth["channel_resistance"] / 2  # between the junctions and ground
    low = truth["parallel_resistance"]
    resistance, field = run["resistance"], run["field"]
    is_high = resistance > half + low * (1 + truth["tmr"] / 2)
    assert np.mean(resistance[~is_high]) == pytest.approx(low + half, rel=5e-3)
    high = low * (1 + truth["tmr"]) + half
    assert np.mean(resistance[is_high]) == pytest.approx(high, rel=5e-3)
    assert resistance == pytest.approx(1 / run["conductance"])
    jumps = np.flatnonzero(np.diff(is_high.astype(int)))
    assert len(jumps) == 2  # down at a negative field, up at a positive one
    assert list(run["direction"][jumps + 1]) == [-1, 1]
    down, up = field[jumps + 1]
    assert (up - down) / 2 == pytest.approx(truth["coercive_field"], rel=0.15)
    assert (up + down) / 2 == pytest.approx(truth["exchange_field"], abs=1e-3)


@pytest.mark.parametrize(
    ("model", "volts"), [("SR830", 3.4), ("SR860", 2.0), ("SMU", 0.1), ("SR830", 0.1)]
)
def test_a_minor_loop_has_two_states_whoever_reads(
    open_mtj: OpenMTJ, tmp_path: Path, model: str, volts: float
) -> None:
    """Kumar et al. 2024, figure 3d: R_P, R_AP and both switching fields of the device."""
    bench = open_mtj(model)
    run = measure(FieldLoop(read_voltage=volts), bench, tmp_path)
    truth = bench.describe()["device_truth"]
    assert is_safe(bench)
    assert bench.warnings == []
    assert (run.status, run.n_rows) == ("finished", 161)
    assert run["field"][[0, 80, 160]] == pytest.approx([20e-3, -20e-3, 20e-3], abs=1e-4)
    assert np.all(run["flags"] == Flag.SIMULATED)
    assert not run["branch"].any()
    check_loop(run, truth)


def switching_fields(run: Run) -> tuple[float, float, float]:
    """Return H- and H+ in the middle of their steps, in tesla, and the TMR, by definition."""
    resistance, field, way = run["resistance"], run["field"], run["direction"]
    high = resistance > (resistance.min() + resistance.max()) / 2
    jumps = np.flatnonzero(np.diff(high.astype(int)))
    falling, rising = ([j for j in jumps if way[j + 1] == d] for d in (-1, 1))
    assert (len(falling), len(rising)) == (1, 1)
    lower, upper = ((field[j] + field[j + 1]) / 2 for j in (falling[0], rising[0]))
    tmr = np.median(resistance[high]) / np.median(resistance[~high]) - 1
    return float(lower), float(upper), float(tmr)


# TMR: 34.1 % and 40 % and 78 % are printed; H_ex at the ends, straight in between.
WEDGE = [(1.6e-9, 2.5e-3, 0.341), (1.9e-9, 1.87e-3, 0.40), (2.6e-9, 0.4e-3, 0.78)]


@pytest.mark.parametrize(("thickness", "exchange", "tmr"), WEDGE)
def test_figures_3d_3e_3f_minor_loops_along_the_wedge(
    open_mtj: OpenMTJ, tmp_path: Path, thickness: float, exchange: float, tmr: float
) -> None:
    """±20 mT: H_ex 2.5 to 0.4 mT, H_c about 10 mT ± 15 %, TMR 34.1, 40 and 78 %."""
    means = {"exchange_field": exchange, "tmr": tmr, **EXACT}
    bench = open_mtj(thickness=thickness, **means)
    run = measure(FieldLoop(n_steps=40, refinement=4, read_voltage=3.4), bench, tmp_path)
    lower, upper, measured = switching_fields(run)
    assert (upper + lower) / 2 == pytest.approx(exchange, abs=0.25e-3)
    assert (upper - lower) / 2 == pytest.approx(10e-3, rel=0.15)
    # Half of the channel, 150 Ω, is in series: 0.2 to 0.4 % of TMR less than the junction's.
    assert measured == pytest.approx(tmr, abs=5e-3)
    assert measured < tmr


def test_figure_3b_major_loop(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    """P at +300 mT, AP (33.8 kΩ) from +90 mT, P (25.2 kΩ) from -10 mT: TMR 34.1 %."""
    printed = {"parallel_resistance": 25.2e3, "tmr": 33.8 / 25.2 - 1, "exchange_field": 2.5e-3}
    bench = open_mtj(limits={"field": 0.3}, thickness=1.6e-9, **printed, **EXACT)
    run = measure(MajorFieldLoop(read_voltage=3.4), bench, tmp_path)
    assert run.n_rows == MajorFieldLoop().row_estimate() == 1 + 2 * (56 + 40)
    falling = run["direction"] <= 0
    field, resistance = run["field"][falling], run["resistance"][falling]
    assert field[[0, -1]] == pytest.approx([0.3, -0.3], abs=1e-4)
    low, high = 25.2e3 + 150, 33.8e3 + 150
    is_high = (field < 91e-3) & (field > -7e-3)
    assert resistance[field > 101e-3] == pytest.approx(low, rel=2e-3)
    assert resistance[is_high & (field < 89e-3)] == pytest.approx(high, rel=2e-3)
    assert resistance[field < -9.9e-3] == pytest.approx(low, rel=2e-3)
    steps = np.diff(field)
    assert steps[np.abs(field[:-1]) < 19e-3] == pytest.approx(-1e-3, abs=2.1e-4)
    assert is_safe(bench)


def test_the_major_loop_is_beyond_the_limits_of_the_starter(tmp_path: Path) -> None:
    with (
        Bench.simulated("mtj") as bench,
        pytest.raises(LimitError, match="a field of 300 mT exceeds the limit of 50 mT"),
    ):
        measure(MajorFieldLoop(), bench, tmp_path)


@pytest.mark.long
def test_figures_3e_3f_means_of_ten_devices(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    """H_ex, H_c and TMR per thickness, each the mean over ten drawn devices."""
    for thickness, exchange, tmr in WEDGE:
        found = []
        for seed in range(10):
            bench = open_mtj(seed=seed, thickness=thickness)
            loop = FieldLoop(n_steps=40, refinement=4, read_voltage=3.4)
            found.append(switching_fields(measure(loop, bench, tmp_path)))
        lower, upper, measured = np.array(found).T
        assert np.mean((upper + lower) / 2) == pytest.approx(exchange, abs=0.7e-3)
        assert np.mean((upper - lower) / 2) == pytest.approx(10e-3, rel=0.15)
        assert np.mean(measured) == pytest.approx(tmr, abs=0.02)


def test_the_field_is_that_of_the_gaussmeter_not_the_set_point(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """A coil that makes 2 % more than its constant says; and settling within 0.2 mT."""
    real = {"coil": {"simulated": {"coil_constant": 25e-3 * 1.02}}}
    bench = open_mtj("SMU", instrument=real, role={})
    seen: list[float] = []
    run = measure(
        FieldLoop(n_steps=20),
        bench,
        tmp_path,
        on_progress=lambda percent: seen.append(bench.simulation.environment.field),
    )
    loop = FieldLoop(n_steps=20)
    wanted = np.r_[loop.falling_fields()[1:], loop.falling_fields()[-2::-1]]
    measured = run["field"][1:]
    away, off = np.abs(measured - seen), np.abs(measured - wanted)
    assert away.max() < 6e-6  # noise and resolution of the gaussmeter
    assert off.max() < 1e-4  # the tolerance of the bench
    assert np.median(off) > 3 * np.median(away)
    assert not any("gaussmeter" in event["text"] for event in run.events)


@pytest.mark.parametrize("is_measured", [True, False])
@pytest.mark.parametrize(
    "procedure",
    [
        FieldLoop(n_steps=2),
        SwitchingLoop(n_pulses=2),
        SwitchingProbability(n_voltages=2, n_repetitions=1),
    ],
)
def test_without_a_gaussmeter_the_run_says_so(
    procedure: BenchProcedure, is_measured: bool, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    bench = open_mtj("SMU", gaussmeter=is_measured)
    run = measure(procedure, bench, tmp_path)
    told = [event["text"] for event in run.events if event["kind"] == "warning"]
    expected = ["no gaussmeter: the field is the current times coil_constant"]
    assert told == ([] if is_measured else expected)
    assert run["field"].size == procedure.row_estimate()
    assert np.abs(run["field"]).max() < 20.2e-3


def test_fine_steps_lie_where_they_are_asked_for() -> None:
    loop = FieldLoop(n_steps=8, fine_from=6e-3, fine_to=14e-3, refinement=2)
    fields = 1e3 * loop.falling_fields()
    expected = [20, 15, 12.5, 10, 7.5, 5, 0, -5, -7.5, -10, -12.5, -15, -20]
    assert fields == pytest.approx(expected)
    assert loop.row_estimate() == 25
    assert FieldLoop(n_steps=8).falling_fields() == pytest.approx(np.linspace(20e-3, -20e-3, 9))


def test_several_loops(tmp_path: Path) -> None:
    with Bench.simulated("mtj", seed=2) as bench:
        run = measure(FieldLoop(**QUICK, n_loops=2), bench, tmp_path)
    assert run.n_rows == 41
    assert [int((run["loop"] == k).sum()) for k in (0, 1, 2)] == [1, 20, 20]
    assert run["field"][1:21] == pytest.approx(run["field"][21:], abs=2e-4)


def test_a_signal_ends_with_the_field_at_zero(tmp_path: Path) -> None:
    def kill(percent: float) -> None:
        if percent == 25:
            assert abs(bench.simulation.environment.field) < 1e-2
            os.kill(os.getpid(), signal.SIGINT)

    with Bench.simulated("mtj", seed=2) as bench:
        run = measure(FieldLoop(**QUICK), bench, tmp_path, on_progress=kill)
        assert is_safe(bench)
    assert (run.status, run.reason, run.n_rows) == ("aborted", "stopped by SIGINT", 6)
    assert Run.open(run.path).n_rows == 6


def test_shutdown_alone_ramps_to_zero() -> None:
    """PyMeasure's own windows know nothing of our runner."""
    with Bench.simulated("mtj", seed=2) as bench:
        loop = FieldLoop()
        loop.bench = bench
        loop.startup()
        bench.field.set_field(0.02, slew=0.1)
        loop.shutdown()
        assert is_safe(bench)


def test_compliance_is_recorded_or_stops(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    bench = open_mtj("SMU")
    limited = {"n_steps": 4, "compliance_current": 3e-6}
    run = measure(FieldLoop(**limited), bench, tmp_path)
    assert (run["flags"].astype(int) & Flag.COMPLIANCE).any()
    with pytest.raises(BenchError, match=r"compliance of 3e-06 A reached at .* mT of loop"):
        measure(FieldLoop(**limited, on_compliance="stop"), bench, tmp_path, name="x")
    assert is_safe(bench)
    assert Run.open(tmp_path / "x.h5").status == "failed"


def test_what_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with Bench.simulated("mtj") as bench:
        log = bench.simulation.instruments["GPIB0::6::INSTR"].log
        before = len(log)
        for values, message in (
            ({"field_amplitude": 0.2}, "a field of 200 mT exceeds the limit of 50 mT"),
            ({"field_slew": 1.0}, "a field ramp of 1 T/s exceeds the limit of 200 mT/s"),
            ({"read_voltage": 4.5}, "read_voltage of 4.5 V at top exceeds the limit of 4 V"),
            ({"n_steps": 10**5}, "an estimated duration of .* exceeds the limit of"),
            ({"n_reads": 1000, "n_loops": 10}, "an estimated duration of .* exceeds the limit"),
        ):
            with pytest.raises(LimitError, match=message):
                measure(FieldLoop(**values), bench, tmp_path / "runs")
        with pytest.raises(
            ConfigError, match=r"fine_from = 0.02 T lies above fine_to = 0.016 T"
        ):
            measure(FieldLoop(fine_from=0.02), bench, tmp_path / "runs")
        assert len(log) == before
    assert not (tmp_path / "runs").exists()


def test_a_bench_without_a_magnet(tmp_path: Path) -> None:
    with Bench.simulated() as bench, pytest.raises(RoleError, match=r"no field: .*KepcoBOP"):
        measure(FieldLoop(), bench, tmp_path)


def test_their_names() -> None:
    assert find_procedure("field_loop") is FieldLoop
    assert find_procedure("major_field_loop") is MajorFieldLoop

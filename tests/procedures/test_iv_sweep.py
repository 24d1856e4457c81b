"""Current against voltage: the hysteresis of the simulated synapse, and every way out."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import BenchError, ConfigError, LimitError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.catalogue import describe_parameters, find_procedure
from labsyn.procedures.iv_sweep import IVSweep
from labsyn.procedures.runner import measure

QUIET: Any = {"sigma_c2c": 0.0, "sigma_read": 0.0, "relaxation_time": 1e12}


def outputs_off(bench: Bench) -> bool:
    instruments = bench.simulation.instruments.values()
    return all(volts is None for i in instruments for volts in i.outputs().values())


def test_ten_negative_sweeps_potentiate_with_hysteresis(tmp_path: Path) -> None:
    """Baek et al. 2022, figure S11a: each loop opens where the one before closed."""
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        run = measure(IVSweep(sweep_rate=20, n_points=51), bench, tmp_path)
        device = bench.simulation.devices["lixcoo2"]
        assert outputs_off(bench)
    assert (run.status, run.n_rows) == ("finished", 10 * 2 * 51)
    assert set(run["sweep"]) == set(range(1, 11))
    assert not run["branch"].any()
    assert np.all(run["flags"] == Flag.SIMULATED)
    voltage, current = (run[name].reshape(10, 2, 51) for name in ("voltage", "current"))
    assert voltage[0, 0] == pytest.approx(np.linspace(0, -1.5, 51), abs=1e-6)
    assert voltage[0, 1] == pytest.approx(voltage[0, 0, ::-1], abs=1e-6)
    there = current[:, 0, 1:] / voltage[:, 0, 1:]
    back = current[:, 1, -2::-1] / voltage[:, 0, 1:]  # at the same voltages
    assert np.all(back[:, 10] > 1.01 * there[:, 10])  # the loop is open, in every sweep
    assert there[1:, 10] == pytest.approx(back[:-1, 10], rel=5e-3)  # from where it was left
    assert back[-1, 10] == pytest.approx(device.conductance, rel=5e-3)


def test_a_slow_sweep_moves_more_than_a_fast_one(tmp_path: Path) -> None:
    """Figure S2f: 0 V, -1 V, 0 V once, at 20 V/s down to 1 V/s."""
    moved = []
    for rate in (20, 10, 5, 2, 1):
        with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
            measure(IVSweep(stop=-1, n_points=51, n_sweeps=1, sweep_rate=rate), bench, tmp_path)
            device = bench.simulation.devices["lixcoo2"]
            # From dx/dt = r exp(-beta x): this grows in proportion to the time of a sweep.
            moved.append(np.expm1(device.beta_p * device.x))
    assert np.array(moved) / moved[-1] == pytest.approx([1 / 20, 0.1, 0.2, 0.5, 1], rel=0.02)


def test_the_rate_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    with Bench.simulated("lixcoo2", seed=1) as bench:
        bench.clock.sleep(100)
        sweep = IVSweep(n_sweeps=2, stop=0.5, sweep_rate="5 V/s", double=False, n_points=26)
        run = measure(sweep, bench, tmp_path)
    assert run.n_rows == 52
    assert np.all(np.diff(run["time"]) > 0)
    assert run["time"][0] > 100
    assert np.diff(run["voltage"][:26]) / np.diff(run["time"][:26]) == pytest.approx(
        5, rel=1e-3
    )


def test_sweeps_of_figure_s11(tmp_path: Path) -> None:
    """Figures S11a to d: 10, 20, 30 sweeps to -1.5 V potentiate more and more; 30 to 1.5 V
    after 30 of them depress."""
    after = {}
    for number in (10, 20, 30):
        with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
            device = bench.simulation.devices["lixcoo2"]
            pristine = device.conductance
            sweeps = IVSweep(n_sweeps=number, sweep_rate=20, n_points=26)
            measure(sweeps, bench, tmp_path, name=f"{number}")
            after[number] = device.conductance
            if number == 30:
                back = IVSweep(stop=1.5, n_sweeps=30, sweep_rate=20, n_points=26)
                run = measure(back, bench, tmp_path, name="back")
                assert device.conductance < after[30]
    assert pristine < after[10] < after[20] < after[30]
    assert run["current"].max() > 0
    assert run["voltage"].max() == pytest.approx(1.5)


def test_the_rate_that_was_reached_is_told(tmp_path: Path) -> None:
    sweep = IVSweep(n_sweeps=2, sweep_rate=20, n_points=51)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(sweep, bench, tmp_path, name="fast")
        told = [event for event in run.events if "V/s by its own times" in event["text"]]
        assert [event["kind"] for event in told] == ["info"]
        assert told[0]["rate"] == pytest.approx(20, rel=1e-3)
        bench._connections["smu"].instrument.command("AIT 0,2,1")  # 20 ms at each step
        run = measure(sweep, bench, tmp_path, name="slow")
    told = [event for event in run.events if "V/s by its own times" in event["text"]]
    assert [event["kind"] for event in told] == ["warning", "warning"]
    voltage, time = (run[name][:51] for name in ("voltage", "time"))
    reached = abs(np.diff(voltage)).sum() / np.diff(time).sum()
    assert reached < 10
    assert told[0]["rate"] == pytest.approx(reached, rel=0.05)


def test_it_runs_unchanged_on_four_terminals(tmp_path: Path) -> None:
    with Bench.simulated("titania", seed=1) as bench:
        sweep = IVSweep(stop=-2, n_sweeps=1, compliance_current=0.1)
        run = measure(sweep, bench, tmp_path)
        sides = 4 / bench.simulation.devices["titania"].side_resistance
    assert run["current"][1:75] / run["voltage"][1:75] == pytest.approx(sides, rel=5e-3)


def test_compliance_is_recorded_or_stops_after_its_sweep(tmp_path: Path) -> None:
    values: dict[str, Any] = {"compliance_current": 1e-5, "n_sweeps": 3}
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        run = measure(IVSweep(**values), bench, tmp_path)
        limited = (run["flags"].astype(int) & Flag.COMPLIANCE) > 0
        assert limited.any()
        assert not limited.all()
        assert np.abs(run["current"][limited]) == pytest.approx(1e-5, rel=0.01)
        with pytest.raises(BenchError, match="compliance of 1e-05 A reached at sweep 1; raise"):
            measure(IVSweep(**values, on_compliance="stop"), bench, tmp_path, name="x")
        assert outputs_off(bench)
    kept = Run.open(tmp_path / "x.h5")
    assert (kept.status, kept.n_rows) == ("failed", 152)


def test_a_signal_stops_after_the_sweep(tmp_path: Path) -> None:
    def kill(percent: float) -> None:
        if percent == 40:
            os.kill(os.getpid(), signal.SIGINT)

    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(IVSweep(n_sweeps=5), bench, tmp_path, on_progress=kill)
        assert outputs_off(bench)
    assert (run.status, run.reason) == ("aborted", "stopped by SIGINT")
    assert run.n_rows == 2 * 152
    assert Run.open(run.path).n_rows == run.n_rows


def test_a_second_signal_stops_now(tmp_path: Path) -> None:
    def kill_twice(percent: float) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    with Bench.simulated() as bench:
        with pytest.raises(KeyboardInterrupt):
            measure(IVSweep(), bench, tmp_path, name="x", on_progress=kill_twice)
        assert outputs_off(bench)
    kept = Run.open(tmp_path / "x.h5")
    assert (kept.status, kept.n_rows) == ("aborted", 152)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stop": -9}, "a sweep voltage of -9 V at top exceeds the limit of 5 V"),
        ({"stop": 0.0}, "76 points of 0 s is asked for, at least 2 points and a positive time"),
        ({"n_points": 2000, "sweep_rate": 0.1}, "a sweep of 2000 points .* takes 2 to 1001"),
        ({"sweep_rate": 1000}, r"a step time of 2e-05 s is asked for, .* in units of 0\.1 ms"),
        ({"compliance_current": 0.1}, "compliance_current of 100 mA at top exceeds"),
    ],
)
def test_what_is_refused_before_anything_is_sent(
    tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    with Bench.simulated() as bench:
        log = bench.simulation.instruments["GPIB0::17::INSTR"].log
        before = len(log)
        with pytest.raises(LimitError, match=message):
            measure(IVSweep(**values), bench, tmp_path / "runs")
        assert len(log) == before
    assert not (tmp_path / "runs").exists()


def test_its_name_and_parameters() -> None:
    assert find_procedure("iv_sweep") is IVSweep
    rows = {row[0]: row for row in describe_parameters(IVSweep)}
    assert rows["double"][1:3] == ["True", "true, false"]
    assert IVSweep(double="false").double is False
    with pytest.raises(
        ConfigError, match="double = 'maybe' is refused: allowed are true, false"
    ):
        IVSweep(double="maybe")

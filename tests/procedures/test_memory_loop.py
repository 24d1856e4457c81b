"""Long writes, loop by loop, and a voltage that is held."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import BenchError, LimitError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.memory_loop import MemoryLoop
from labsyn.procedures.runner import measure


def test_twenty_loops_of_figure_1e(tmp_path: Path) -> None:
    """Diao et al. 2025, figures 1d, e: writes of 100 s, 20 loops whose differences diminish."""
    loop = MemoryLoop(n_steps=2)
    with Bench.simulated("titania", seed=1) as bench:
        run = measure(loop, bench, tmp_path)
        assert bench.clock.now() == pytest.approx(loop.duration(bench), rel=0.01)
        assert bench.warnings == []
        assert bench.account.total().peak_voltage == 6.0
    assert (run.status, run.n_rows) == ("finished", 1 + 20 * 8)
    assert run.mask().all()  # the compliance does not limit the writes
    assert np.diff(run["time"])[1:] == pytest.approx(100, rel=0.02)
    volts = run["write_voltage"][1:].reshape(20, 8)
    assert volts[0].tolist() == [3, 6, 3, 0, -3, -6, -3, 0]
    assert not np.signbit(volts[volts == 0]).any()
    resistance = run["resistance"][1:].reshape(20, 8)
    assert np.all(resistance[:, 1] - resistance[:, 5] > 80)  # after +6 V and after -6 V
    apart = np.abs(np.diff(resistance, axis=0)).max(axis=1)
    assert apart[1:].max() < 0.5 * apart[0]


def test_the_current_of_a_write_is_that_of_the_write_terminals(tmp_path: Path) -> None:
    with Bench.simulated("titania", seed=1) as bench:
        run = measure(MemoryLoop(n_steps=1, n_loops=1), bench, tmp_path)
        sides = 4 / bench.simulation.devices["titania"].side_resistance
    held = run["write_voltage"] != 0
    assert run["write_current"][held] == pytest.approx(
        sides * run["write_voltage"][held], rel=0.05
    )
    assert np.isnan(run["write_current"][1:][~held[1:]]).all()  # 0 V is a wait


def test_it_runs_unchanged_on_two_terminals(tmp_path: Path) -> None:
    values: dict[str, Any] = {"n_steps": 1, "n_loops": 2, "write_time": "1 s"}
    loop = MemoryLoop(write_voltage=-1.0, compliance_current=1e-3, **values)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(loop, bench, tmp_path)
    up = run["conductance"][1:].reshape(2, 4)
    assert np.all(up[:, 0] > 2 * up[:, 2])  # after -1 V, after +1 V


def test_compliance_at_the_beginning_of_a_write_is_told(tmp_path: Path) -> None:
    """+1 V depresses: the current falls below the compliance before the write is over."""
    values: dict[str, Any] = {"n_steps": 1, "n_loops": 1, "write_time": 0.1}
    loop = MemoryLoop(write_voltage=1.0, compliance_current=8e-6, **values)
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(loop, bench, tmp_path)
    assert run["write_current"][1] < 0.9 * 8e-6
    assert int(run["flags"][1]) & Flag.COMPLIANCE


def test_compliance_stops_after_its_write(tmp_path: Path) -> None:
    values: dict[str, Any] = {"write_voltage": -1.0, "n_steps": 1, "write_time": 1}
    loop = MemoryLoop(**values, compliance_current=1e-5, on_compliance="stop")
    message = "compliance of 1e-05 A reached at loop 1, write 1"
    with (
        Bench.simulated("lixcoo2", seed=1) as bench,
        pytest.raises(BenchError, match=message),
    ):
        measure(loop, bench, tmp_path, name="x")
    run = Run.open(tmp_path / "x.h5")
    assert run.n_rows == 2
    assert int(run["flags"][1]) & Flag.COMPLIANCE


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"write_voltage": 9}, "a held voltage of 9 V at top exceeds the limit of 5 V"),
        ({"write_time": 0.15}, "a measurement every 0.015 s is asked for, .* units of 10 ms"),
        ({"compliance_current": 0.1}, "compliance_current of 100 mA at top exceeds"),
        ({"read_voltage": 0}, "read_voltage is 0 V"),
    ],
)
def test_what_is_refused(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    loop = MemoryLoop(**{"write_voltage": 1.0, "compliance_current": 1e-3} | values)
    with Bench.simulated() as bench, pytest.raises(LimitError, match=message):
        measure(loop, bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_voltage_is_held_and_measured(tmp_path: Path) -> None:
    with Bench.simulated("lixcoo2", seed=1, sigma_c2c=0, sigma_read=0) as bench:
        started = bench.clock.now()
        readings = bench.sweeper.hold(-1.0, 2.0, 4, compliance_current=1e-3)
        assert bench.clock.now() - started == pytest.approx(2.0, rel=0.05)
        assert [reading.time for reading in readings] == pytest.approx(
            [0.5, 1, 1.5, 2], abs=0.05
        )
        currents = np.array([reading.current for reading in readings])
        assert np.all(np.diff(currents) < 0)  # -1 V potentiates meanwhile
        ledger = bench.account.total()
        assert ledger.charge == pytest.approx(0.5 * np.abs(currents).sum())
        assert ledger.peak_voltage == 1.0
        assert bench.simulation.instruments["GPIB0::17::INSTR"].outputs()[1] == 0.0
        with pytest.raises(LimitError, match="0 measurements in 1 s are asked for, at least 1"):
            bench.sweeper.hold(-1.0, 1.0, 0, compliance_current=1e-3)

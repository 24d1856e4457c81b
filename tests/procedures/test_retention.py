"""Retention against the closed form of the device, at three temperatures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import BenchError, ConfigError, LimitError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.retention import Retention
from labsyn.procedures.runner import measure

IDEAL: dict[str, Any] = {
    "sigma_c2c": 0.0, "sigma_read": 0.0, "g_min": 1e-5, "g_max": 4e-5, "relaxation_time": 1e4,
}  # fmt: skip
MATRIX = Path(__file__).parent.parent / "matrix.toml"
BOLTZMANN = 8.617333262e-5  # eV/K


def test_four_states_of_figure_s4(tmp_path: Path) -> None:
    """Baek et al. 2022, figure S4: pristine, 10, 20 and 30 potentiations, 1000 s."""
    with Bench.simulated("lixcoo2", seed=1, **IDEAL) as bench:
        retention = Retention()
        run = measure(retention, bench, tmp_path)
        assert bench.clock.now() == pytest.approx(retention.duration(bench), rel=0.01)
    assert run.n_rows == 4 * 41
    assert [*dict.fromkeys(run["n_potentiations"])] == [0, 10, 20, 30]
    elapsed, g = run["elapsed"].reshape(4, 41), run["conductance"].reshape(4, 41)
    assert elapsed == pytest.approx(np.tile(np.geomspace(0.1, 1000, 41), (4, 1)), rel=0.01)
    assert np.all(np.diff(g[:, 0]) > 3e-6)  # four states that can be told apart,
    assert np.all(np.diff(g[:, -1]) > 3e-6)  # after 1000 s as well
    x = (g - 1e-5) / 3e-5
    kept = np.exp(-(elapsed[1:] - elapsed[1:, :1]) / 1e4)
    assert x[1:] / x[1:, :1] == pytest.approx(kept, abs=2e-3)
    assert not run["branch"].any()


def test_three_temperatures_of_figure_s5(tmp_path: Path) -> None:
    """Figure S5: 20 potentiations at 25, 50, 75 °C: more conductive, and sooner forgotten."""
    first, lost = [], []
    for kelvin in (298.15, 323.15, 348.15):
        with Bench.simulated("lixcoo2", seed=1, temperature=kelvin, **IDEAL) as bench:
            retention = Retention(n_potentiations=20)
            run = measure(
                retention, bench, tmp_path, name=f"{kelvin}", sample={"temperature": kelvin}
            )
        assert run.metadata["sample"]["temperature"] == kelvin
        g = run["conductance"]
        warmer = np.exp(0.05 / BOLTZMANN * (1 / 298.15 - 1 / kelvin))
        x = (g / warmer - 1e-5) / 3e-5
        first.append(g[0])
        lost.append(-np.log(x[-1] / x[0]) * 1e4 / (run["elapsed"][-1] - run["elapsed"][0]))
    assert first[0] < first[1] < first[2]
    arrhenius = np.exp(0.3 / BOLTZMANN * (1 / 298.15 - 1 / np.array([298.15, 323.15, 348.15])))
    assert lost == pytest.approx(arrhenius, rel=0.02)


def test_the_reset_leads_back_before_a_state(tmp_path: Path) -> None:
    values: dict[str, Any] = {"n_potentiations": "30, 30", "retention_time": 1}
    with Bench.simulated("lixcoo2", seed=1, **IDEAL) as bench:
        run = measure(Retention(**values), bench, tmp_path)
        again = run["conductance"][[0, 41]]
        assert again[0] == pytest.approx(again[1], rel=0.02)
        run = measure(Retention(**values, reset_pulses=0), bench, tmp_path)
        assert run["conductance"][41] > 1.2 * run["conductance"][0]  # on top of the first


def test_the_time_of_a_read_is_that_behind_the_relays(tmp_path: Path) -> None:
    retention = Retention(n_potentiations="0, 5", n_reads=5, first_read=0.03)
    with Bench.open(MATRIX) as bench:
        assert bench.route_time("pulse_source", "reader") > 0.01
        run = measure(retention, bench, tmp_path)
    elapsed, time = run["elapsed"].reshape(2, 5), run["time"].reshape(2, 5)
    assert elapsed == pytest.approx(np.tile(np.geomspace(0.03, 1000, 5), (2, 1)), rel=0.01)
    assert np.diff(time) == pytest.approx(np.diff(elapsed), abs=1e-6)


def test_compliance_stops_before_the_next_kind_of_pulses(tmp_path: Path) -> None:
    """The first reset pulse drives 13 µA: no other pulse comes after it."""
    values: dict[str, Any] = {"n_potentiations": "0, 5", "n_reads": 2, "retention_time": 1}
    retention = Retention(**values, compliance_current=5e-6, on_compliance="stop")
    with Bench.simulated("lixcoo2", seed=1, **IDEAL) as bench:
        with pytest.raises(
            BenchError, match=r"compliance of 5e-06 A reached at state 2, 0\.1 s"
        ):
            measure(retention, bench, tmp_path, name="x")
        assert bench.account.total().n_pulses == 1
    run = Run.open(tmp_path / "x.h5")
    assert [bool(int(flags) & Flag.COMPLIANCE) for flags in run["flags"]] == [0, 0, 1]


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (
            {"first_read": 2, "retention_time": 1},
            ConfigError,
            "first_read of 2 s must be before retention_time of 1 s",
        ),
        (
            {"first_read": 5e-3},
            LimitError,
            "first_read is 0.005 s, and the pause after the last pulse .* take 0.01 s",
        ),
        ({"reset_voltage": 9}, LimitError, "reset_voltage of 9 V at top exceeds"),
        ({"potentiation_voltage": -9}, LimitError, "potentiation_voltage of -9 V at top exc"),
        ({"n_potentiations": "1e6, 1e6"}, LimitError, "a number of pulses of 2e"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, values: dict[str, Any], error: type[Exception], message: str
) -> None:
    with Bench.simulated() as bench, pytest.raises(error, match=message):
        measure(Retention(**values), bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()

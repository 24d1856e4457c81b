"""Plasticity by spike voltage, width and number, against the closed form of the device."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.curves import curves_from_run
from labsyn.data.errors import ConfigError, DataFileError, LimitError
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.plasticity import Plasticity
from labsyn.procedures.runner import measure
from labsyn.procedures.spike_plasticity import SNDP, SVDP, SVWDP, SWDP

IDEAL: dict[str, Any] = {
    "sigma_c2c": 0.0, "sigma_read": 0.0, "relaxation_time": 1e12,
    "beta_p": 0.8, "beta_d": 1.0, "g_min": 1e-5, "g_max": 4e-5,
}  # fmt: skip


def run_of(procedure: Plasticity, folder: Path) -> Run:
    with Bench.simulated("lixcoo2", seed=1, **IDEAL) as bench:
        run = measure(procedure, bench, folder)
        assert procedure.duration(bench) > 0.99 * bench.clock.now()
    assert run.n_rows <= procedure.row_estimate()
    return run


def ratios(run: Run) -> list[float]:
    """Return what the run tells of each condition: conductance after over before."""
    return [event["ratio"] for event in run.events if event["kind"] == "info"]


def expected(start: float, volts: float, width: float, n_pulses: int) -> float:
    """Return the conductance after spikes, by the law in the docstring of the device."""
    rate = np.sinh((abs(volts) - 0.6) / 2) / np.sinh((1.5 - 0.6) / 2)
    pulses = n_pulses * width / 10e-3 * rate
    x = (start - 1e-5) / 3e-5
    x = np.log(np.exp(0.8 * x) + np.expm1(0.8) * pulses / 30) / 0.8
    return 1e-5 + 3e-5 * min(x, 2.0)  # where the film stops


def agree(run: Run, conditions: list[tuple[float, float, int]]) -> None:
    for number, (volts, width, n_pulses) in enumerate(conditions, 1):
        curve = curves_from_run(run, condition=number).potentiation[0]
        assert curve.size == n_pulses + 1
        # The first is the start of all, the others begin within a pulse of it.
        assert curve[0] == pytest.approx(1e-5, abs=0.15e-5)
        assert curve[-1] == pytest.approx(expected(curve[0], volts, width, n_pulses), rel=5e-3)
        assert ratios(run)[number - 1] == pytest.approx(curve[-1] / curve[0])


def test_spike_voltage_of_figure_s9a(tmp_path: Path) -> None:
    run = run_of(SVDP(), tmp_path)
    agree(run, [(v, 10e-3, 30) for v in (-1.0, -1.2, -1.4, -1.6, -1.8, -2.0)])
    assert np.all(np.diff(ratios(run)) > 0)


def test_spike_width_of_figure_s9b(tmp_path: Path) -> None:
    run = run_of(SWDP(), tmp_path)
    agree(run, [(-1.5, w, 30) for w in (2e-3, 5e-3, 10e-3, 20e-3, 50e-3)])
    assert set(run["pulse_width"][run["branch"] == 1]) == {2e-3, 5e-3, 10e-3, 20e-3, 50e-3}


def test_spike_number_of_figure_s8(tmp_path: Path) -> None:
    """The dynamic range of depression grows with the number of spikes."""
    run = run_of(SNDP(n_cycles=2), tmp_path)
    agree(run, [(-1.5, 10e-3, n) for n in (10, 20, 30, 40, 50)])
    curves = [curves_from_run(run, condition=k).depression for k in range(1, 6)]
    assert [[c.size for c in each] for each in curves] == [
        [n + 1] * 2 for n in (10, 20, 30, 40, 50)
    ]
    assert np.all(np.diff([each[0][0] - each[0][-1] for each in curves]) > 0)


def test_spike_voltage_and_width_of_figure_s9c(tmp_path: Path) -> None:
    run = run_of(SVWDP(potentiation_voltages="-1.2, -2", depression_voltages=1), tmp_path)
    agree(run, [(v, w, 30) for w in (5e-3, 10e-3, 20e-3) for v in (-1.2, -2.0)])
    assert run["condition"].max() == 6
    assert run.parameters["pulse_widths"] == [5e-3, 10e-3, 20e-3]


def test_conditions_are_not_fitted_together(tmp_path: Path) -> None:
    run = run_of(SNDP(pulse_numbers="2, 3"), tmp_path)
    with pytest.raises(
        DataFileError, match=r"went through 2 conditions, .*: ask for one with condition=1"
    ):
        curves_from_run(run)
    with pytest.raises(DataFileError, match="has no condition 3; it has 1, 2"):
        curves_from_run(run, condition=3)
    alone = run_of(SNDP(pulse_numbers=2), tmp_path / "b")
    assert curves_from_run(alone).potentiation[0].size == 3


def test_a_device_that_cannot_be_brought_back_is_told_of(tmp_path: Path) -> None:
    run = run_of(SNDP(pulse_numbers="5, 5", depression_voltage=0.1, reset_pulses=2), tmp_path)
    warning = next(event for event in run.events if event["kind"] == "warning")
    assert "condition 2 begins at" in warning["text"]
    assert "2 pulses did not lead back to" in warning["text"]


def test_a_flagged_way_back_is_told_of(tmp_path: Path) -> None:
    """In compliance it is not known how far it came: the next condition begins anywhere."""
    run = run_of(SNDP(pulse_numbers="5, 5", compliance_current=9e-6), tmp_path)
    warning = next(event for event in run.events if event["kind"] == "warning")
    assert "condition 2 begins where a read is flagged: 1 pulses did not" in warning["text"]


def test_the_pulses_that_bring_it_back_have_their_own_width(tmp_path: Path) -> None:
    run = run_of(SNDP(pulse_numbers="9, 9", reset_width=4e-3, depression_voltage=0.5), tmp_path)
    back = np.flatnonzero((run["condition"] == 2) & (run["branch"] == 0))
    assert np.diff(run["time"][back]) == pytest.approx(4e-3 + 10e-3, rel=0.02)


def test_it_is_brought_back_from_either_side(tmp_path: Path) -> None:
    values: dict[str, Any] = {"pulse_numbers": "5, 5", "n_cycles": 1}
    for depression, used in ((0.5, 1.1), (2.0, -1.5)):
        run = run_of(SNDP(**values, depression_voltage=depression), tmp_path / str(used))
        back = run["pulse_voltage"][(run["condition"] == 2) & (run["branch"] == 0)]
        assert set(back[1:]) == {used}
        start = run["conductance"][run["condition"] == 2][back.size - 1]
        assert start == pytest.approx(run["conductance"][0], abs=0.15e-5)


@pytest.mark.parametrize(
    ("procedure", "error", "message"),
    [
        (
            SVDP(depression_voltages="1, 2"),
            ConfigError,
            "6 potentiation_voltages and 2 depression_voltages are given",
        ),
        (SVDP(potentiation_voltages=-9, depression_voltages=1), LimitError, "potentiation vol"),
        (SWDP(pulse_widths="2 s"), LimitError, "pulse_width of 2 s at top exceeds"),
        (SNDP(reset_voltage=9), LimitError, "reset_voltage of 9 V at top exceeds"),
        (SNDP(set_voltage=-9), LimitError, "set_voltage of -9 V at top exceeds"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, procedure: Plasticity, error: type[Exception], message: str
) -> None:
    with Bench.simulated() as bench, pytest.raises(error, match=message):
        measure(procedure, bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()

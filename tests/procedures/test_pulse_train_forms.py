"""Pulse trains that are not identical pulses read one by one, and how fits read them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.characterise import characterise
from labsyn.analysis.nonlinearity import fit_exponential
from labsyn.data.curves import curves_from_run
from labsyn.data.errors import BenchError, ConfigError, DataFileError, FitError, LimitError
from labsyn.data.flags import Flag
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.config import simulated_config
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

QUIET: dict[str, Any] = {"sigma_c2c": 0.0, "sigma_read": 0.0, "relaxation_time": 1e12}
TABLE_S2 = {  # as printed: potentiation and depression, 10 ms
    "1": (-1.5, -1.5, 1.1, 1.1),
    "2": (-1.2, -2.0, 2.0, 1.0),
    "3": (-1.2, -1.6, 0.0, 1.0),
    "4": (-1.8, -1.5, -1.5, 1.0),
    "5": (-1.6, -1.3, 0.0, 1.0),
}


def run_of(folder: Path, **values: Any) -> Run:
    with Bench.simulated("lixcoo2", seed=1, **QUIET) as bench:
        return measure(PulseTrain(**values), bench, folder)


@pytest.mark.parametrize("shape", TABLE_S2)
def test_shapes_of_table_s2(tmp_path: Path, shape: str) -> None:
    """Baek et al. 2022, Table S2: voltages of the customised LTP/LTD curves, all 10 ms."""
    run = run_of(tmp_path, shape=shape, n_cycles=1)
    volts, branch = run["pulse_voltage"], run["branch"]
    p, d = volts[branch == 1], volts[branch == -1]
    assert (p[0], p[-1], d[0], d[-1]) == pytest.approx(TABLE_S2[shape], abs=1e-12)
    assert np.ptp(np.diff(p)) < 1e-12
    assert set(run["pulse_width"][1:]) == {0.01}
    assert run.n_rows == 61
    notes = " ".join(curves_from_run(run).notes)
    assert ("are not identical" in notes) == (shape != "1")
    assert run.parameters["depression_voltage"] == TABLE_S2[shape][2]  # no preset to look up
    assert PulseTrain(**run.parameters).parameter_values() == run.parameters


def test_a_customised_curve_is_fitted_as_it_is_or_refused(tmp_path: Path) -> None:
    fitted = characterise(run_of(tmp_path, shape=2, n_cycles=1))
    assert "the pulses of depression are not identical" in " ".join(fitted.notes)
    with pytest.raises(FitError, match="depression: no exponential law comes near this curve"):
        characterise(run_of(tmp_path, shape=4, n_cycles=1))  # it goes on up to 0 V


def test_a_pulse_of_0_volt_is_a_rest(tmp_path: Path) -> None:
    run = run_of(tmp_path, shape=3, n_cycles=1, n_pulses=3)
    first = np.flatnonzero(run["branch"] == -1)[0]
    assert np.isnan(run["pulse_current"][first])
    assert run["conductance"][first] == pytest.approx(run["conductance"][first - 1], rel=1e-3)
    assert run["time"][first] - run["time"][first - 1] == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shape": 6}, "shape = 6 is refused: allowed are none, 1, 2, 3, 4, 5"),
        ({"shape": 2, "n_pulses": 1}, "takes at least 2 pulses; n_pulses is 1"),
        (
            {"shape": 2, "potentiation_voltage": -1},
            "potentiation_voltage is -1 V, shape 2 has -1.2 V; set shape = none",
        ),
        ({"train": "P, 1", "shape": 2}, "depression_step = .* says nothing of the pulses of a"),
        (
            {"train": "P, 1", "n_pulses": 3},
            "n_pulses = 3 says nothing of the pulses of a train",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PulseTrain(**values)


def test_a_shape_that_was_changed_afterwards_is_refused(tmp_path: Path) -> None:
    train = PulseTrain(shape=2)
    train.depression_step = 0.0  # as a window sets it
    with Bench.simulated() as bench, pytest.raises(ConfigError, match="depression_step is 0 V"):
        measure(train, bench, tmp_path)


def test_ramps_of_voltage_and_width(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, n_pulses=4, n_cycles=1, potentiation_step="-50 mV", depression_step=0.1,
        pulse_width_step="5 ms",
    )  # fmt: skip
    assert run["pulse_voltage"][1:5] == pytest.approx([-1.5, -1.55, -1.6, -1.65])
    assert run["pulse_voltage"][5:] == pytest.approx([1.1, 1.2, 1.3, 1.4])
    assert run["pulse_width"][1:5] == pytest.approx([0.01, 0.015, 0.02, 0.025])
    assert np.diff(run["time"])[:4] == pytest.approx(run["pulse_width"][1:5] + 0.01, rel=0.1)
    grown = np.diff(run["conductance"][:5])
    assert np.all(np.diff(grown) > 0)  # each pulse moves more than the one before


def test_limits_hold_for_the_whole_ramp(tmp_path: Path) -> None:
    with Bench.simulated() as bench:
        log = bench.simulation.instruments["GPIB0::17::INSTR"].log
        before = len(log)
        for values, message in (
            (
                {"depression_step": 0.2},
                r"depression_voltage of pulse 30 of 6.9 V at top exceed",
            ),
            ({"pulse_width_step": 0.1}, r"pulse_width of 1.01 s at top exceeds"),
            ({"train": "P, -1 V; D, 9 V"}, r"train of 9 V at top exceeds"),
            ({"train": "P, 1 V, 100 us"}, r"a pulse width of 0.0001 s .* an SMU gives 0.0005"),
            ({"train": "P, 1 V", "n_cycles": 10**6, "pulse_pause": 1e-2}, None),
            ({"train": "P,1;P,1", "n_cycles": 10**6}, "a number of pulses of 2e[+]06 at top"),
        ):
            train = PulseTrain(**values)
            if message is None:
                train.check(bench)
                continue
            with pytest.raises(LimitError, match=message):
                measure(train, bench, tmp_path / "runs")
        assert len(log) == before


def test_any_train_is_kept_in_the_run(tmp_path: Path) -> None:
    text = "P, -1.5 V; P, -1.6 V, 5 ms; D, 1.1 V; D, 0.9 V; N, 0 V, 1 s"
    run = run_of(tmp_path, train=text, n_cycles=2)
    assert run.n_rows == 11
    kept = run.blocks["train"].values
    assert kept[:, 0].tolist() == [1, 1, -1, -1, 0]
    assert kept[:, 1:] == pytest.approx(
        np.column_stack([run["pulse_voltage"][1:6], run["pulse_width"][1:6]])
    )
    curves = curves_from_run(run)
    assert [curve.size for curve in curves.potentiation] == [3, 3]
    assert curves.potentiation[1][0] == run["conductance"][5]  # after the rest of the cycle
    assert "pulse_voltage from -1.5 to -1.6 V): what is fitted" in " ".join(curves.notes)


def test_branches_that_are_no_repeats_are_not_fitted_together(tmp_path: Path) -> None:
    run = run_of(tmp_path, train="P, -1.5 V; D, 1.1 V; P, -1.8 V; D, 1.1 V", n_cycles=1)
    message = r"pulse_voltage of pulse 1 is -1.8 V in potentiation of cycle 1 and -1.5 V before"
    with pytest.raises(DataFileError, match=message):
        curves_from_run(run)
    run = run_of(tmp_path, train="P, -1, 5 ms; D, 1; P, -1, 9 ms; D, 1", n_cycles=1)
    with pytest.raises(
        DataFileError, match=r"pulse_width of pulse 1 is 0.009 s in potentiation"
    ):
        curves_from_run(run)


def test_reads_after_each_five_pulses(tmp_path: Path) -> None:
    each = run_of(tmp_path / "1", n_cycles=2)
    fifth = run_of(tmp_path / "5", n_cycles=2, read_every=5)
    assert fifth.n_rows == 25
    assert fifth["pulse"][1:7].tolist() == [5, 10, 15, 20, 25, 30]
    assert fifth["conductance"][1:7] == pytest.approx(each["conductance"][5:31:5], rel=2e-3)
    curves = curves_from_run(fifth)
    assert [curve.size for curve in curves.potentiation + curves.depression] == [7] * 4
    assert np.isfinite(curves.potentiation[0]).all()
    assert curves.notes[0] == (
        "the conductance was read after every 5 pulses: one step of these curves is 5 pulses"
    )
    one = fit_exponential(np.arange(31), curves_from_run(each).potentiation[0])
    five = fit_exponential(np.arange(7), curves.potentiation[0])
    assert one.beta.value == pytest.approx(five.beta.value, abs=0.15)  # it is one curve


def test_read_every_must_reach_the_last_pulse(tmp_path: Path) -> None:
    with (
        Bench.simulated() as bench,
        pytest.raises(
            ConfigError, match="read_every = 7 leaves the last pulses of a branch of 30 unread"
        ),
    ):
        measure(PulseTrain(read_every=7), bench, tmp_path)


def test_a_pulse_that_is_not_read_keeps_its_flag(tmp_path: Path) -> None:
    run = run_of(tmp_path, n_cycles=1, n_pulses=10, read_every=5, compliance_current=2e-5)
    assert (run["flags"].astype(int)[1:] & Flag.COMPLIANCE).any()


def test_one_pulse_among_those_that_are_not_read_keeps_its_flag(tmp_path: Path) -> None:
    plain = simulated_config("lixcoo2", 1, QUIET).model_dump()
    fault = {"kind": "compliance", "match": "XE", "after": 2, "times": 1}  # pulse 3
    plain["instruments"]["smu"]["faults"] = [fault]
    with Bench(BenchConfig.model_validate(plain)) as bench:
        run = measure(PulseTrain(n_pulses=10, n_cycles=1, read_every=5), bench, tmp_path)
    assert run.mask().tolist() == [True, False, True, True, True]


def test_compliance_stops_between_two_reads(tmp_path: Path) -> None:
    values: dict[str, Any] = {"n_cycles": 1, "read_every": 30, "compliance_current": 2e-5}
    with (
        Bench.simulated("lixcoo2", seed=1, **QUIET) as bench,
        pytest.raises(BenchError, match="compliance of 2e-05 A reached at cycle 1"),
    ):
        measure(PulseTrain(**values, on_compliance="stop"), bench, tmp_path, name="x")
    run = Run.open(tmp_path / "x.h5")
    assert 1 <= run["pulse"][-1] < 30
    assert curves_from_run(run).potentiation[0].size == 1  # nothing that was whole


def test_rests_and_settling(tmp_path: Path) -> None:
    rests = {"branch_rest": "2 s", "cycle_rest": "5 s", "read_settle_time": "0.1 s"}
    train = PulseTrain(n_pulses=2, n_cycles=2, **rests)
    assert train.row_estimate() == 1 + 8 + 3
    with Bench.simulated("lixcoo2", seed=1, **QUIET | {"relaxation_time": 20.0}) as bench:
        run = measure(train, bench, tmp_path)
        assert bench.clock.now() == pytest.approx(train.duration(bench), rel=0.01)
    assert run["branch"].tolist() == [0, 1, 1, 0, -1, -1, 0, 1, 1, 0, -1, -1]
    rested = np.flatnonzero(run["branch"] == 0)[1:]
    gaps = run["time"][rested] - run["time"][rested - 1]
    assert gaps == pytest.approx([2.1, 5.1, 2.1], abs=0.01)
    curves = curves_from_run(run)
    assert curves.depression[0][0] == run["conductance"][3]  # where it starts: after the rest
    assert curves.depression[0][0] < run["conductance"][2]


def test_a_condition_is_asked_for_only_where_there_are_some(tmp_path: Path) -> None:
    run = run_of(tmp_path, n_pulses=1, n_cycles=1)
    with pytest.raises(DataFileError, match="has no conditions; 2 is asked for"):
        curves_from_run(run, condition=2)

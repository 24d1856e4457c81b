"""The pulse train, run by our runner and by PyMeasure's own worker."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.characterise import characterise
from labsyn.analysis.devices.laws import step_to_endpoint
from labsyn.data.curves import curves_from_run
from labsyn.data.errors import (
    BenchError,
    ConfigError,
    FitError,
    InstrumentError,
    LimitError,
    RoleError,
    StorageError,
)
from labsyn.data.flags import Flag
from labsyn.data.run import Run, RunWriter
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import LimitsConfig, RolesConfig
from labsyn.drivers.config import simulated_config
from labsyn.procedures.catalogue import describe_parameters, find_procedure, procedures
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

QUIET: dict[str, Any] = {"sigma_c2c": 0.0, "sigma_read": 0.0, "relaxation_time": 1e12}


def outputs_off(bench: Bench) -> bool:
    instruments = bench.simulation.instruments.values()
    return all(volts is None for i in instruments for volts in i.outputs().values())


def test_a_run_from_pulses_to_file(tmp_path: Path) -> None:
    done: list[float] = []
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(PulseTrain(n_cycles=2), bench, tmp_path, on_progress=done.append)
        assert outputs_off(bench)
    assert (run.status, run.n_rows) == ("finished", 121)
    assert done == sorted(done)
    assert (len(done), done[-1]) == (120, 100)
    branch = run["branch"]
    assert [int((branch == b).sum()) for b in (0, 1, -1)] == [1, 60, 60]
    assert np.all(run["flags"] == Flag.SIMULATED)
    assert np.all(np.diff(run["time"]) > 0)
    assert run["pulse_voltage"][branch == 1] == pytest.approx(-1.5)
    assert run["pulse_voltage"][branch == -1] == pytest.approx(1.1)
    assert run["conductance"] == pytest.approx(run["read_current"] / 0.1)
    assert run.parameters["n_pulses"] == 30
    assert run.parameter_units["pulse_width"] == "s"
    assert run.metadata["simulated"] is True
    assert run.metadata["instruments"]["smu"]["settings"]["outputs"] == "CL"


def test_thirty_spikes_lead_through_the_window_and_back(tmp_path: Path) -> None:
    """Baek et al. 2022, Table S2 and Fig. S11: 30 spikes of -1.5 V, 30 of +1.1 V, 10 ms."""
    with Bench.simulated("lixcoo2", seed=0, beta_p=0.8, beta_d=1.0, g_min=1e-5, g_max=4e-5,
                         **QUIET) as bench:  # fmt: skip
        curves = curves_from_run(measure(PulseTrain(n_cycles=1), bench, tmp_path))
    p, d = curves.potentiation[0], curves.depression[0]
    assert (p[0], p[-1], d[-1]) == pytest.approx((1e-5, 4e-5, 1e-5), rel=1e-3)
    x = np.linspace(0, 1, 31)
    assert (p - 1e-5) / 3e-5 == pytest.approx(np.log1p(np.expm1(0.8) * x) / 0.8, abs=1e-3)
    assert (4e-5 - d) / 3e-5 == pytest.approx(np.log1p(np.expm1(1.0) * x), abs=1e-3)
    assert step_to_endpoint(0.8, 30) == pytest.approx((p[1] - p[0]) / 3e-5, rel=0.02)


def wide_bench(volts: float) -> Bench:
    """Return a bench that allows more than its device stands."""
    config = simulated_config("lixcoo2", 0, {})
    return Bench(config.model_copy(update={"limits": LimitsConfig(voltage=volts)}))


def test_a_device_breaks_for_good_and_the_run_shows_it(tmp_path: Path) -> None:
    with wide_bench(10.0) as bench:
        run = measure(PulseTrain(n_pulses=3, potentiation_voltage=-7), bench, tmp_path)
        assert bench.simulation.devices["lixcoo2"].broken
    assert run["conductance"][0] > 5e-6
    assert np.all(np.abs(run["conductance"][1:]) < 1e-7)  # open from the first pulse on


def test_the_sign_of_a_voltage_decides_nothing(tmp_path: Path) -> None:
    swapped = PulseTrain(n_cycles=1, potentiation_voltage=1.1, depression_voltage=-1.5)
    with Bench.simulated("lixcoo2", seed=0, x=0.5, **QUIET) as bench:
        run = measure(swapped, bench, tmp_path)
    assert run["pulse_voltage"][run["branch"] == 1] == pytest.approx(1.1)
    with pytest.raises(FitError, match=r"potentiation lowers the conductance .*swapped"):
        characterise(run)


def test_compliance_is_a_flag_and_can_stop_the_run(tmp_path: Path) -> None:
    with Bench.simulated("lixcoo2", seed=0) as bench:
        run = measure(PulseTrain(n_cycles=1, compliance_current=2e-5), bench, tmp_path)
        assert (run["flags"].astype(int) & Flag.COMPLIANCE).any()
        with pytest.raises(
            BenchError, match="compliance of 2e-05 A reached at cycle 1"
        ) as stop:
            measure(
                PulseTrain(compliance_current=2e-5, on_compliance="stop"),
                bench,
                tmp_path,
                name="b",
            )
        assert outputs_off(bench)
    assert f"the run is kept in {tmp_path / 'b.h5'}" in stop.value.__notes__
    kept = Run.open(tmp_path / "b.h5")
    assert kept.status == "failed"
    assert kept.n_rows >= 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"potentiation_voltage": -45},
            "potentiation_voltage of -45 V at top exceeds the limit of 5 V",
        ),
        ({"depression_voltage": 5.1}, "depression_voltage of 5.1 V"),
        ({"pulse_width": "1.5 s"}, "pulse_width of 1.5 s at top exceeds the limit of 1 s"),
        (
            {"compliance_current": 0.5},
            "compliance_current of 500 mA at top exceeds the limit of 1 mA",
        ),
        ({"n_pulses": 10**6}, "number of pulses"),
        (
            {"pulse_width": 0.5, "pulse_pause": 4.9},
            "a pulse period of 5.4 s .*, an SMU gives 0.51 to 5 s",
        ),
    ],
)
def test_beyond_the_limits_nothing_is_sent_and_nothing_stored(
    tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    with Bench.simulated() as bench:
        log = bench.simulation.instruments["GPIB0::17::INSTR"].log
        before = len(log)
        with pytest.raises(LimitError, match=message):
            measure(PulseTrain(**values), bench, tmp_path / "runs")
        assert len(log) == before
    assert not (tmp_path / "runs").exists()


def test_what_the_instrument_refuses_is_never_taken_for_the_last_pulse(tmp_path: Path) -> None:
    """Limits wider than the instrument: the refused level must not repeat the old one."""
    with wide_bench(500.0) as bench:
        before = bench.simulation.devices["lixcoo2"].x
        for values in ({"depression_voltage": 150.0}, {"read_voltage": 150.0}):
            with pytest.raises(InstrumentError, match="reports: 120"):
                measure(PulseTrain(n_pulses=2, **values), bench, tmp_path)
        assert bench.simulation.devices["lixcoo2"].x < before + 0.2  # two pulses, no more
        assert outputs_off(bench)


def test_a_read_needs_a_voltage(tmp_path: Path) -> None:
    with Bench.simulated() as bench, pytest.raises(BenchError, match="read_voltage is 0 V"):
        measure(PulseTrain(read_voltage=0), bench, tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pulse_widht": 1e-3}, "no parameter 'pulse_widht'; did you mean 'pulse_width'"),
        ({"zzz": 1}, "no parameter 'zzz'; it has branch_rest, compliance_cur"),
        ({"pulse_width": "10 V"}, "pulse_width = '10 V' is refused: .* not a quantity in s"),
        (
            {"pulse_width": 1e5},
            "pulse_width = 100000.0 is refused: allowed is 1e-09 to 10000 s",
        ),
        (
            {"n_pulses": 2.5},
            "n_pulses = 2.5 is refused: allowed whole numbers from 1 to 1e[+]06",
        ),
        ({"n_pulses": True}, "n_pulses = True is refused: allowed whole numbers from 1"),
        ({"pulse_width": True}, "pulse_width = True is refused: True is not a quantity in s"),
        ({"pulse_width": [1, 2]}, r"is refused: \[1, 2\] is not a quantity in s"),
        ({"n_pulses": "many"}, "n_pulses = 'many' is refused"),
        ({"n_pulses": "inf"}, "n_pulses = 'inf' is refused"),
        ({"on_compliance": "ignore"}, "is refused: allowed are record, stop"),
    ],
)
def test_wrong_parameters(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PulseTrain(**values)


def test_quantities_as_people_write_them() -> None:
    train = PulseTrain(pulse_width="5 ms", compliance_current="100 uA", n_pulses="7")
    assert (train.pulse_width, train.compliance_current, train.n_pulses) == (5e-3, 1e-4, 7)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_stops_after_the_row(tmp_path: Path, name: str) -> None:
    def kill(percent: float) -> None:
        if percent == 50:
            os.kill(os.getpid(), getattr(signal, name))

    with Bench.simulated() as bench:
        run = measure(PulseTrain(n_cycles=2), bench, tmp_path, on_progress=kill)
        assert outputs_off(bench)
    assert (run.status, run.reason) == ("aborted", f"stopped by {name}")
    assert run.n_rows == 61  # no row after the one that was being taken
    assert run.status == Run.open(run.path).status


def test_a_second_signal_stops_now(tmp_path: Path) -> None:
    def kill_twice(percent: float) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    with Bench.simulated() as bench:
        with pytest.raises(KeyboardInterrupt) as interrupt:
            measure(PulseTrain(n_cycles=2), bench, tmp_path, name="x", on_progress=kill_twice)
        assert outputs_off(bench)
    assert any("x.h5" in note for note in interrupt.value.__notes__)
    assert Run.open(tmp_path / "x.h5").status == "aborted"


def test_a_signal_while_the_file_is_finished_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RunWriter.finish

    def interrupted(self: RunWriter, *args: Any, **options: Any) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return real(self, *args, **options)

    monkeypatch.setattr(RunWriter, "finish", interrupted)
    with Bench.simulated() as bench, pytest.raises(KeyboardInterrupt):
        measure(PulseTrain(n_cycles=1), bench, tmp_path, name="x")
    assert Run.open(tmp_path / "x.h5").status == "finished"


def test_a_failing_procedure_is_stored_as_failed(tmp_path: Path) -> None:
    class Breaks(PulseTrain):
        def execute(self) -> None:
            self.read_row(0)
            raise ZeroDivisionError("in my own procedure")

    with Bench.simulated() as bench:
        with pytest.raises(ZeroDivisionError):
            measure(Breaks(), bench, tmp_path, name="x")
        assert outputs_off(bench)
    run = Run.open(tmp_path / "x.h5")
    assert (run.status, run.n_rows) == ("failed", 1)
    assert "in my own procedure" in run.reason


def test_a_disk_that_fills_up_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    real, left = os.write, [40]

    def full(descriptor: int, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    with Bench.simulated() as bench:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StorageError, match="No space left"):
            measure(PulseTrain(), bench, tmp_path, name="x")
        monkeypatch.undo()
        assert outputs_off(bench)
    kept = Run.open(tmp_path / "x.h5")
    assert kept.n_rows >= 30


def test_two_runs_of_one_second_do_not_meet(tmp_path: Path) -> None:
    with Bench.simulated() as bench:
        train = {"n_pulses": 1, "n_cycles": 1}
        paths = {measure(PulseTrain(**train), bench, tmp_path).path for _ in range(3)}
    assert len(paths) == 3


def test_a_bench_without_the_role(tmp_path: Path) -> None:
    config = simulated_config("lixcoo2", 0, {})
    reader_only = RolesConfig(reader=config.roles.reader)
    bench = Bench(config.model_copy(update={"roles": reader_only}))
    with bench, pytest.raises(RoleError, match="no pulse_source"):
        measure(PulseTrain(), bench, tmp_path)


def test_a_procedure_without_a_bench() -> None:
    with pytest.raises(BenchError, match=r"pulse_train has no bench; run it with measure"):
        PulseTrain().startup()


def test_estimates() -> None:
    train = PulseTrain(n_pulses=30, n_cycles=5)
    assert train.row_estimate() == 301
    assert train.get_estimates() == pytest.approx(300 * 0.02)


def test_pymeasures_own_worker_runs_it_too(tmp_path: Path) -> None:
    """The same procedure in PyMeasure's Worker and Results, as its windows use them."""
    from pymeasure.experiment import Results, Worker

    with Bench.simulated("lixcoo2", seed=2) as bench:
        train = PulseTrain(n_pulses=4, n_cycles=1)
        train.bench = bench
        results = Results(train, str(tmp_path / "x.csv"))
        worker = Worker(results)
        worker.start()
        worker.join(timeout=30)
        table = Results.load(str(tmp_path / "x.csv"), procedure_class=PulseTrain).data
        ours = measure(PulseTrain(n_pulses=4, n_cycles=1), bench, tmp_path)
    assert len(table) == ours.n_rows == 9
    assert table["Conductance (S)"].iloc[-1] > 0


def test_the_catalogue() -> None:
    assert find_procedure("pulse_train") is PulseTrain
    assert "pulse_train" in procedures()
    with pytest.raises(
        ConfigError, match="no procedure 'pulse_trian'; did you mean 'pulse_train'"
    ):
        find_procedure("pulse_trian")
    rows = {row[0]: row for row in describe_parameters(PulseTrain)}
    assert rows["pulse_width"][1:3] == ["0.01 s", "1e-09 to 10000 s"]
    assert rows["on_compliance"][2] == "record, stop"

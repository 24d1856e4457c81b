"""Every procedure, on every bench that has its roles: it takes as long as it says."""

from pathlib import Path

import pytest

from labsyn.drivers.bench import Bench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.breakdown import Breakdown
from labsyn.procedures.field_loop import FieldLoop, MajorFieldLoop
from labsyn.procedures.iv_sweep import IVSweep
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure
from labsyn.procedures.switching_loop import SwitchingLoop
from labsyn.procedures.switching_probability import SwitchingProbability

MATRIX = Path(__file__).parent.parent / "matrix.toml"
SHORT = {"pulse_width": 200e-9, "pulse_pause": 1.5, "compliance_current": 1e-2}


def agree(procedure: BenchProcedure, bench: Bench, folder: Path) -> None:
    procedure.bench = bench
    told = procedure.get_estimates()
    assert told == procedure.duration(bench)
    started = bench.clock.now()
    run = measure(procedure, bench, folder)
    assert run.status == "finished"
    assert bench.clock.now() - started == pytest.approx(told, rel=0.05)
    assert run.n_rows == procedure.row_estimate()
    assert bench.warnings == []


RUNS = [
    ("lixcoo2", PulseTrain(n_cycles=1)),
    ("lixcoo2", PulseTrain(n_cycles=1, pulse_width=1e-3, pulse_pause=4e-3)),
    ("lixcoo2", IVSweep(n_sweeps=2)),
    ("lixcoo2", IVSweep(n_sweeps=2, sweep_rate=20, double=False)),
    ("titania", PulseTrain(n_cycles=1, n_pulses=10, compliance_current=0.2)),
    ("titania", IVSweep(n_sweeps=1, compliance_current=0.2)),
    ("mtj", PulseTrain(n_cycles=1, n_pulses=5, potentiation_voltage=-1.0, **SHORT)),
    ("mtj", FieldLoop(n_steps=20)),
    ("mtj", FieldLoop(n_steps=10, field_slew=0.01)),
    ("mtj", FieldLoop(n_steps=10, refinement=3, n_loops=2, n_reads=2)),
    ("mtj", MajorFieldLoop(field_amplitude=0.04, n_steps=8, refinement=2)),
    ("mtj", SwitchingLoop(n_pulses=4, n_loops=2)),
    ("mtj", SwitchingProbability(n_voltages=3, n_repetitions=2)),
    ("mtj", Breakdown(last_voltage=1.0, n_pulses=10)),
]


@pytest.mark.parametrize("number", range(len(RUNS)))
def test_the_estimate_is_the_duration(tmp_path: Path, number: int) -> None:
    device, procedure = RUNS[number]
    with Bench.simulated(device, seed=1) as bench:
        agree(procedure, bench, tmp_path)


@pytest.mark.parametrize("source", ["81160A", "SPGU"])
def test_a_pulse_train_runs_unchanged_with_another_source(tmp_path: Path, source: str) -> None:
    train, text = PulseTrain(n_cycles=1, n_pulses=10), MATRIX.read_text(encoding="utf-8")
    if source == "SPGU":
        text = text.replace('instrument = "generator"', 'instrument = "smu"\nchannel = 301')
        text = text.replace('["1201"]', '["1301"]')
    (tmp_path / "bench.toml").write_text(text, encoding="utf-8")
    with Bench.open(tmp_path / "bench.toml") as bench:
        agree(train, bench, tmp_path)
        ours = bench.simulation.devices["lixcoo2"].x
    with Bench.simulated("lixcoo2", seed=0, sigma_c2c=0, sigma_read=0) as bench:
        measure(train, bench, tmp_path)
        assert ours == pytest.approx(bench.simulation.devices["lixcoo2"].x, abs=0.01)


def test_an_estimate_without_a_bench() -> None:
    assert FieldLoop(n_steps=10, field_slew=0.01).get_estimates() == pytest.approx(10.0)
    assert IVSweep(n_sweeps=3).get_estimates() == pytest.approx(3 * 152 * 0.02)
    assert FieldLoop(n_loops=3).get_estimates() == pytest.approx(13 * 0.2)
    assert SwitchingLoop(n_pulses=10).get_estimates() == pytest.approx(30.0, rel=1e-3)
    assert Breakdown(n_pulses=10).get_estimates() == pytest.approx(15.0, rel=1e-3)
    assert SwitchingProbability(n_voltages=2, n_repetitions=5).get_estimates() == pytest.approx(
        15.0, rel=1e-3
    )
    with pytest.raises(NotImplementedError):
        BenchProcedure().get_estimates()

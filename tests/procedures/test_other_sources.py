"""Every pulsed procedure runs unchanged on benches with other instruments in the same roles."""

from pathlib import Path

import pytest

from labsyn.data.errors import LimitError
from labsyn.drivers.bench import Bench
from labsyn.procedures.endurance import Endurance
from labsyn.procedures.paired_pulse import PairedPulse
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.pulsed import PulsedProcedure
from labsyn.procedures.retention import Retention
from labsyn.procedures.runner import measure
from labsyn.procedures.spike_plasticity import SNDP, SVDP, SVWDP, SWDP
from labsyn.procedures.stdp import STDP

MATRIX = Path(__file__).parent.parent / "matrix.toml"
RUNS: list[PulsedProcedure] = [
    PulseTrain(n_cycles=1, n_pulses=5, shape=3),
    PulseTrain(n_cycles=1, n_pulses=4, read_every=2, pulse_width_step=1e-3, branch_rest=1),
    SNDP(pulse_numbers="2, 4"),
    SVDP(n_pulses=3),
    SWDP(n_pulses=3),
    SVWDP(n_pulses=2),
    Endurance(n_cycles=2, n_pulses=5),
    Retention(n_potentiations="0, 3", n_reads=5, first_read=0.2),
    PairedPulse(n_intervals=3, n_repeats=1, shortest_interval=0.2),
    STDP(n_slots=2, n_pairs=1, pre_tail=0.7),
]


def matrix(source: str, folder: Path) -> Path:
    """Return a bench file on which an SPGU or a 81160A pulses, and an SMU reads, by relays."""
    text = MATRIX.read_text(encoding="utf-8")
    if source == "SPGU":
        text = text.replace('instrument = "generator"', 'instrument = "smu"\nchannel = 301')
        text = text.replace('["1201"]', '["1301"]')
    (folder / "bench.toml").write_text(text, encoding="utf-8")
    return folder / "bench.toml"


@pytest.mark.parametrize("source", ["81160A", "SPGU"])
@pytest.mark.parametrize("number", range(len(RUNS)))
def test_it_runs_unchanged(tmp_path: Path, source: str, number: int) -> None:
    procedure = RUNS[number]
    with Bench.open(matrix(source, tmp_path)) as bench:
        started, told = bench.clock.now(), procedure.duration(bench)
        run = measure(procedure, bench, tmp_path)
        took = bench.clock.now() - started
        assert bench.warnings == []
        there = bench.simulation.devices["lixcoo2"].x
    assert run.status == "finished"
    assert took < 1.05 * told
    with Bench.simulated("lixcoo2", seed=0, sigma_c2c=0, sigma_read=0) as bench:
        usual = measure(procedure, bench, tmp_path, name="usual")
        assert bench.simulation.devices["lixcoo2"].x == pytest.approx(there, abs=0.02)
    assert usual.n_rows == run.n_rows


def test_a_pulse_that_is_too_small_for_a_source_is_refused_before(tmp_path: Path) -> None:
    with (
        Bench.open(matrix("81160A", tmp_path)) as bench,
        pytest.raises(LimitError, match=r"81160A gives pulses of 99.95 mV .*, not -66.67 mV"),
    ):
        measure(STDP(n_slots=3), bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("number", [0, 1, 2, 6, 7])
def test_it_runs_unchanged_on_four_terminals(tmp_path: Path, number: int) -> None:
    procedure = type(RUNS[number])(**{
        **RUNS[number].parameter_values(), "compliance_current": 0.1, "pulse_pause": 0.1,
    })  # fmt: skip
    with Bench.simulated("titania", seed=1) as bench:
        run = measure(procedure, bench, tmp_path)
        assert bench.warnings == []
    assert run.status == "finished"
    assert run.n_rows <= procedure.row_estimate()

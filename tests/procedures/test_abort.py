"""Every procedure, aborted in the middle: the bench is safe, and the rows are kept."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from labsyn.data.run import RunWriter
from labsyn.drivers.bench import Bench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.catalogue import BUILT_IN
from labsyn.procedures.runner import measure

StillOn = Callable[[Any], list[str]]


class Quick(NamedTuple):
    """A simulated device, and settings with which a procedure is over within a second."""

    device: str
    settings: dict[str, Any] = {}


# A new procedure needs a line here: at least three rows (or blocks of rows) in a second.
QUICK = {
    "pulse_train": Quick("lixcoo2", {"n_pulses": 5, "n_cycles": 2}),
    "sndp": Quick("lixcoo2", {"pulse_numbers": "5, 10"}),
    "svdp": Quick("lixcoo2", {"n_pulses": 5}),
    "swdp": Quick("lixcoo2", {"n_pulses": 5}),
    "svwdp": Quick("lixcoo2", {"n_pulses": 3}),
    "endurance": Quick("lixcoo2", {"n_cycles": 4, "n_pulses": 10}),
    "retention": Quick("lixcoo2", {"n_potentiations": "0, 5"}),
    "paired_pulse": Quick("lixcoo2", {"n_intervals": 5}),
    "stdp": Quick("lixcoo2", {"n_slots": 3}),
    "memory_loop": Quick("titania", {"n_loops": 1}),
    "iv_sweep": Quick("lixcoo2", {"n_points": 11, "n_sweeps": 3}),
    "field_loop": Quick("mtj", {"n_steps": 5}),
    "major_field_loop": Quick("mtj", {"field_amplitude": 0.04, "n_steps": 4, "refinement": 2}),
    "switching_loop": Quick("mtj", {"n_pulses": 3}),
    "switching_probability": Quick("mtj", {"n_voltages": 2, "n_repetitions": 3}),
    "breakdown": Quick("mtj", {"n_pulses": 8}),
    "pulse_map": Quick("titania", {"write_voltages": [1], "n_pulses": 3, "n_cycles": 2}),
}

# These begin with the run file of another procedure; they are aborted in test_feedforward.
WITH_A_FILE = {"feedforward_tuning", "closed_loop_tuning", "level_verification"}
KINDS = [kind for kind in BUILT_IN if kind.name() not in WITH_A_FILE]


class Stored:
    """Counts how often something is stored, and sends Ctrl-C at one of these moments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n_times = 0
        self._signal_at = -1
        for name in ("append", "append_rows", "block"):
            monkeypatch.setattr(RunWriter, name, self._watched(getattr(RunWriter, name)))

    def signal_at(self, number: int) -> None:
        self.n_times, self._signal_at = 0, max(number, 1)

    def _watched(self, method: Callable[..., None]) -> Callable[..., None]:
        def watched(*arguments: Any, **options: Any) -> None:
            method(*arguments, **options)
            self.n_times += 1
            if self.n_times == self._signal_at:
                signal.raise_signal(signal.SIGINT)

        return watched


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name())
def test_aborted_in_the_middle(
    kind: type[BenchProcedure],
    tmp_path: Path,
    still_on: StillOn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind.name() not in QUICK:
        pytest.fail(
            f"{Path(__file__).name} has no quick settings of {kind.name()!r}: add to QUICK "
            "the simulated device that it measures, and settings of a run of a second"
        )
    device, settings = QUICK[kind.name()]
    stored = Stored(monkeypatch)
    with Bench.simulated(device, seed=1) as bench:
        whole = measure(kind(**settings), bench, tmp_path, name="whole")
    stored.signal_at(stored.n_times // 2)
    with Bench.simulated(device, seed=1) as bench:
        run = measure(kind(**settings), bench, tmp_path, name="aborted")
        assert still_on(bench.simulation) == []
    assert whole.status == "finished"
    assert (run.status, run.reason) == ("aborted", "stopped by SIGINT")
    assert 0 < run.n_rows < whole.n_rows
    for name, column in run.columns.items():  # what was measured before is what it was
        np.testing.assert_array_equal(column, whole[name][: run.n_rows])

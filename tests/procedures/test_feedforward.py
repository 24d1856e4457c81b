"""Pulse map, feedforward and closed-loop tuning, and level verification on simulated benches.

The map that tunings need is written from the simulated film itself, in a second instead of the
minutes that the whole bench takes; `test_figure_2_…` (long) measures it on the bench.
"""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.levels import segment
from labsyn.analysis.pulse_tuning import Feedforward, Scheme
from labsyn.data.errors import BenchError, ConfigError, LimitError
from labsyn.data.flags import Flag
from labsyn.data.run import Run, RunWriter
from labsyn.drivers.bench import Bench
from labsyn.drivers.config import simulated_config
from labsyn.drivers.simulated.titania import Titania
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.closed_loop_tuning import ClosedLoopTuning
from labsyn.procedures.feedforward_tuning import FeedforwardTuning
from labsyn.procedures.level_verification import LevelVerification
from labsyn.procedures.pulse_calibration import laws_of_map, trains_of
from labsyn.procedures.pulse_map import PulseMap
from labsyn.procedures.runner import measure

StillOn = Callable[[Any], list[str]]
WINDOW = {"hrs": 880.0, "lrs": 872.0}  # a few dozen pulses instead of five hundred
SHORT_MAP = {"write_voltages": [1, 5], "n_pulses": 6, "n_cycles": 2, "lrs": 876.0}
FIGURE_2 = PulseMap().write_voltages


def write_map(
    path: Path, seed: int, factor: float = 1.0, sizes: tuple[float, ...] = tuple(FIGURE_2)
) -> Path:
    """Write the run file of a map; `factor` scales its voltages, not the film's."""
    device, table = Titania.draw(seed), []
    read = {"T1": 0.1, "T2": 0.0, "T3": 0.0, "T4": 0.0}
    for branch, start in ((1, 880.0), (-1, 740.0)):
        for size in sizes:
            device.resistance = start
            for pulse in range(81):
                volts = -branch * size
                if pulse:
                    device.advance({"T1": 0.0, "T2": volts, "T3": 0.0, "T4": volts}, 2.0)
                ohms = 0.1 / -device.measured_currents(read)["T3"]
                table.append((branch, pulse, float(pulse == 0), factor * volts, ohms))
    names = ("branch", "pulse", "initialising", "pulse_voltage", "resistance")
    columns = dict(zip(names, np.array(table).T, strict=True))
    columns["flags"] = np.full(len(table), float(Flag.SIMULATED))
    rest = {each.name for each in PulseMap.COLUMNS} - columns.keys()
    columns |= {name: np.zeros(len(table)) for name in rest}
    with RunWriter.create(
        path, procedure="pulse_map", parameters=PulseMap().parameter_values(),
        columns=PulseMap.COLUMNS,
    ) as writer:  # fmt: skip
        writer.append_rows(columns)
    return path


@pytest.fixture(scope="module")
def map_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_map(tmp_path_factory.mktemp("map") / "map.h5", seed=1))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, map_run: str) -> Run:
    """Two cycles of feedforward over a few ohms."""
    with Bench.simulated("titania", seed=1) as bench:
        return measure(
            FeedforwardTuning(map_run=map_run, n_cycles=2, level_counts=[4, 8, 32], **WINDOW),
            bench,
            tmp_path_factory.mktemp("tuned"),
        )


def texts(run: Run) -> list[str]:
    return [str(event["text"]) for event in run.events]


def test_defaults_are_the_map_of_figure_2(map_run: str) -> None:
    """Diao et al. 2025: 15 voltages, 100 pulses of 2 s, 5 repetitions, both branches."""
    chosen = PulseMap()
    assert len(chosen.write_voltages) == 15
    assert chosen.n_trains() * chosen.n_pulses == 15_000
    assert (chosen.hrs, chosen.lrs, chosen.pulse_width) == (880.0, 740.0, 2.0)
    assert (chosen.initialise_voltage, chosen.read_voltage) == (6.0, 0.1)
    with Bench.simulated("titania") as bench:
        chosen.check(bench)  # the bench of the paper allows all of it
        FeedforwardTuning(map_run=map_run, n_cycles=66).check(bench)
    assert chosen.get_estimates() < 3 * 86400
    assert FeedforwardTuning().pulse_width == 0.8
    assert FeedforwardTuning().level_counts == [32, 128, 512]
    assert LevelVerification().n_samples == 66


def test_a_map_holds_every_train_and_what_initialised_it(tmp_path: Path) -> None:
    done: list[float] = []
    with Bench.simulated("titania", seed=1) as bench:
        chosen = PulseMap(**SHORT_MAP)
        started = bench.clock.now()
        run = measure(chosen, bench, tmp_path, on_progress=done.append)
        seconds = bench.clock.now() - started
        assert seconds < chosen.duration(bench)  # at most: the film decides
        assert seconds > 0.95 * (run.n_rows - 1) * (chosen.pulse_width + chosen.pulse_pause)
    assert (run.status, done[-1], len(done)) == ("finished", 100, 8)
    assert run.n_rows <= chosen.row_estimate()
    assert run.parameters["write_voltages"] == [1, 5]
    mine = run["initialising"] == 0
    for branch, sign, start in ((1, -1, 880.0), (-1, 1, 876.0)):
        trains = list(trains_of(run, branch))
        assert [train.voltage for train in trains] == [sign * 1, sign * 1, sign * 5, sign * 5]
        assert {train.resistance.size for train in trains} == {7}
        for train in trains:
            assert 0 <= (train.resistance[0] - start) * branch <= 3
        pulses = mine & (run["branch"] == branch)
        assert pulses.sum() == 4 * 6
    initial = ~mine
    assert np.all(np.abs(run["pulse_voltage"][initial]) == 6.0)
    assert np.all(np.sign(run["pulse_voltage"][1:]) == -run["branch"][1:])
    assert run["resistance"] == pytest.approx(1 / run["conductance"])
    assert np.all(run["flags"] == Flag.SIMULATED)


def test_reads_resolve_10_na_as_in_the_paper(tmp_path: Path) -> None:
    """Two reads differ by the film's own 0.07 Ω, not by the 0.39 Ω of a 50 nA step."""
    with Bench.simulated("titania", seed=1) as bench:
        bench.reader.setup_reads(voltage=0.1, compliance_current=0.01)
        ohms = np.array([1 / bench.reader.read().conductance for _ in range(100)])
    assert np.diff(ohms.reshape(2, -1), axis=0).std() == pytest.approx(0.0707, rel=0.3)


def test_feedforward_goes_to_both_ends_inside_its_window(tuned: Run, map_run: str) -> None:
    assert tuned.status == "finished"
    laws = laws_of_map(map_run)
    tuning = tuned["initialising"] == 0
    for branch, end in ((1, 872.0), (-1, 880.0)):
        for cycle in (1, 2):
            rows = np.flatnonzero(
                tuning & (tuned["branch"] == branch) & (tuned["cycle"] == cycle)
            )
            path = tuned["resistance"][rows[0] - 1 : rows[-1] + 1]
            assert branch * (path[-1] - end) <= 0 <= branch * (path[-2] - end)
            volts = tuned["pulse_voltage"][rows]
            steps = laws[branch].change(path[:-1], volts, 0.8)
            assert steps.max() < 0.3
            assert np.mean(steps) > 0.15
            assert set(np.abs(volts)) <= set(FIGURE_2)
            assert 20 < rows.size < 80
    assert np.nanmax(np.abs(tuned["pulse_current"])) < 0.2


def test_feedforward_tells_pulses_power_and_levels(tuned: Run) -> None:
    law = next(event for event in tuned.events if str(event["text"]).startswith("law of pot"))
    assert law["branch"] == 1
    assert len(law["voltages"]) == len(law["rates"]) > 10
    first = next(e for e in tuned.events if str(e["text"]).startswith("potentiation 1: "))
    rows = (tuned["branch"] == 1) & (tuned["cycle"] == 1) & (tuned["initialising"] == 0)
    assert first["n_pulses"] == rows.sum()
    power = np.abs(tuned["pulse_voltage"] * tuned["pulse_current"])[rows]
    assert first["mean_power"] == pytest.approx(power.mean())
    counted = next(e for e in tuned.events if e.get("n_levels") == 32 and e["branch"] == 1)
    start = np.flatnonzero(rows)[0]
    levels = segment(tuned["resistance"][start - 1 : np.flatnonzero(rows)[-1] + 1], 32)
    assert counted["n_occupied"] == levels.n_occupied
    assert counted["n_unique"] == levels.n_unique
    assert not any("skipped" in text for text in texts(tuned))  # 2 samples have no 80 %


def test_pulses_that_initialise_every_branch_are_within_the_estimate(
    tmp_path: Path, map_run: str
) -> None:
    """A start within 0.05 ohm is seldom where the branch before it ended."""
    chosen = FeedforwardTuning(
        map_run=map_run, n_cycles=3, level_counts=[2], hrs=880.0, lrs=879.7,
        start_tolerance=0.05, most_initialising=40, most_tuning=6,
    )  # fmt: skip
    with Bench.simulated("titania", seed=1) as bench:
        run = measure(chosen, bench, tmp_path)
    assert run.status == "finished"
    starts = run["initialising"] == 1
    assert starts.sum() > chosen.most_initialising + 6 * chosen.most_tuning  # several starts
    assert run.n_rows <= chosen.row_estimate()


def test_feedforward_counts_skipped_levels_of_enough_samples(
    tmp_path: Path, map_run: str
) -> None:
    chosen = FeedforwardTuning(
        map_run=map_run, n_cycles=5, level_counts=[2, 24], hrs=880.0, lrs=878.0
    )
    with Bench.simulated("titania", seed=1) as bench:
        run = measure(chosen, bench, tmp_path)
    counts = [e for e in run.events if "n_skipped" in e]
    assert [(e["branch"], e["n_levels"]) for e in counts] == [
        (1, 2),
        (1, 24),
        (-1, 2),
        (-1, 24),
    ]
    assert all(e["n_samples"] == 5 for e in counts)
    assert [e["n_skipped"] for e in counts if e["n_levels"] == 2] == [0, 0]
    assert all(e["n_skipped"] > 5 for e in counts if e["n_levels"] == 24)  # 0.09 ohm apart


class ByFeedforward(ClosedLoopTuning):
    """The same task with pulses inside the window of the paper, and nothing learned."""

    def scheme(self) -> Scheme:
        return Feedforward(laws=self.laws(), width=self.pulse_width, largest_change=0.3)


def test_closed_loop_meets_every_level_with_fewer_pulses(tmp_path: Path, map_run: str) -> None:
    n_rows = {}
    for kind in (ClosedLoopTuning, ByFeedforward):
        chosen = kind(map_run=map_run, n_levels=128, levels=[110, 118, 112], gain_drift=0.02)
        with Bench.simulated("titania", seed=1) as bench:
            run = measure(chosen, bench, tmp_path)
            true = bench.simulation.devices["titania"].resistance
        met = [event for event in run.events if "met" in event]
        assert [event["level"] for event in met] == [110, 118, 112]
        assert all(event["met"] and event["kind"] == "info" for event in met)
        allowed = 0.5 * 140 / 127
        for event in met:
            assert event["target"] == pytest.approx(740 + 140 * (event["level"] - 1) / 127)
            assert abs(event["resistance"] - event["target"]) <= allowed
            rows = (run["level"] == event["level"]) & (run["initialising"] == 0)
            assert rows.sum() == event["n_pulses"]
        assert abs(true - met[-1]["target"]) < allowed + 4 * 0.055
        n_rows[kind] = run.n_rows
    assert n_rows[ClosedLoopTuning] < n_rows[ByFeedforward]


def test_a_level_out_of_reach_is_told_and_the_next_one_follows(
    tmp_path: Path, map_run: str
) -> None:
    chosen = ClosedLoopTuning(map_run=map_run, levels=[1, 31], most_tuning=3)
    with Bench.simulated("titania", seed=1) as bench:
        run = measure(chosen, bench, tmp_path)
    first, second = (event for event in run.events if "met" in event)
    assert (first["kind"], first["met"], first["n_pulses"]) == ("warning", False, 3)
    assert "NOT within" in str(first["text"])
    assert second["level"] == 31


@pytest.mark.parametrize("branch", ["potentiation", "depression"])
def test_verification_replays_the_plan(tmp_path: Path, tuned: Run, branch: str) -> None:
    chosen = LevelVerification(
        plan_run=str(tuned.path), plan_branch=branch, n_levels=4, n_samples=5, **WINDOW
    )
    with Bench.simulated("titania", seed=1) as bench:
        run = measure(chosen, bench, tmp_path)
    targets, groups = chosen.plan()
    assert run.status == "finished"
    levels = run["initialising"] == 0
    levels[0] = False
    assert levels.sum() == 5 * 4
    order = [4, 3, 2, 1] if branch == "potentiation" else [1, 2, 3, 4]
    assert run["level"][levels].tolist() == order * 5
    assert run["target"][levels] == pytest.approx(np.tile(targets, 5))
    given = np.cumsum([group.size for group in groups])
    assert run["pulse"][levels].tolist() == given.tolist() * 5
    # What a pulse misses adds up: 8 ohm in all scatter by 0.3 * sqrt(8), and one read.
    misses = (run["resistance"] - run["target"])[levels]
    assert np.abs(misses).max() < 5 * 0.35 * np.sqrt(8)
    told = next(event for event in run.events if "n_skipped" in event)
    assert (told["n_levels"], told["n_samples"]) == (4, 5)


def test_the_figures_run_unchanged_on_a_bench_without_relays(tmp_path: Path) -> None:
    """Three SMUs wired for good, T4 on ground: the write voltage is half that of T2."""
    (tmp_path / "bench.toml").write_text(WIRED, encoding="utf-8")
    common = {"initialise_voltage": 9.0, "read_compliance": 0.1, "compliance_current": 0.12}
    made = write_map(tmp_path / "map.h5", 1, factor=2.0, sizes=(0.5, 1.0, 2.0, 4.0))
    with Bench.open(tmp_path / "bench.toml") as bench:
        trains = PulseMap(write_voltages=[2, 8], n_pulses=5, n_cycles=1, lrs=870.0, **common)
        mapped = measure(trains, bench, tmp_path)
        tuning = FeedforwardTuning(
            map_run=str(made), n_cycles=1, level_counts=[8], **WINDOW, **common
        )
        tuned = measure(tuning, bench, tmp_path)
        met = measure(
            ClosedLoopTuning(map_run=str(made), levels=[31, 30], **common), bench, tmp_path
        )
        plan = LevelVerification(
            plan_run=str(tuned.path), n_levels=4, n_samples=2, **WINDOW, **common
        )
        verified = measure(plan, bench, tmp_path)
        beyond = write_map(tmp_path / "beyond.h5", 1, factor=2.0)
        with pytest.raises(LimitError, match=r"the largest voltage of map_run of 14 V at T2"):
            FeedforwardTuning(map_run=str(beyond), **common).check(bench)
    assert mapped.status == "finished"
    steps = [np.abs(np.diff(train.resistance)).mean() for train in trains_of(mapped, 1)]
    assert steps[1] > steps[0] > 0
    for branch in (1, -1):
        changes = np.diff(tuned["resistance"])[(tuned["branch"] * branch == 1)[1:]]
        assert 0.1 < abs(changes[3:].mean()) < 0.4
    assert (verified["level"] > 0).sum() == 2 * 4
    assert [event["met"] for event in met.events if "met" in event] == [True, True]


@pytest.mark.parametrize(
    "kind", [PulseMap, FeedforwardTuning, ClosedLoopTuning, LevelVerification]
)
def test_aborted_in_the_middle(
    kind: type[BenchProcedure],
    tmp_path: Path,
    map_run: str,
    tuned: Run,
    still_on: StillOn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings: dict[type[BenchProcedure], dict[str, Any]] = {
        PulseMap: SHORT_MAP,
        FeedforwardTuning: {"map_run": map_run, **WINDOW},
        ClosedLoopTuning: {"map_run": map_run, "levels": [30, 5]},
        LevelVerification: {"plan_run": str(tuned.path), **WINDOW},
    }
    stored, append = [], RunWriter.append

    def watched(self: RunWriter, values: Any) -> None:
        append(self, values)
        stored.append(values)
        if len(stored) == 9:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RunWriter, "append", watched)
    with Bench.simulated("titania", seed=1) as bench:
        n_pulses = bench.account.total().n_pulses
        run = measure(kind(**settings[kind]), bench, tmp_path)
        assert bench.account.total().n_pulses - n_pulses <= 9 + 30  # a burst ends within
        assert still_on(bench.simulation) == []
    assert (run.status, run.reason) == ("aborted", "stopped by SIGINT")
    assert run.n_rows in (9, 10)
    assert run["resistance"].tolist() == [row[9] for row in stored]


@pytest.mark.parametrize(("resistance", "branch"), [(912.0, 1), (865.0, 1), (706.0, -1)])
def test_a_train_starts_at_its_end_from_either_side(
    tmp_path: Path, resistance: float, branch: int
) -> None:
    """Long trains of a map leave the film far outside the window."""
    with Bench.simulated("titania", seed=1, resistance=resistance) as bench:
        procedure = PulseMap(write_voltages=[1], n_pulses=2, n_cycles=1)
        procedure.bench = bench
        procedure.emit = procedure.should_stop = lambda *_: False
        procedure.startup()
        found = procedure.initialise(branch, procedure.look())
        bench.make_safe()
    start = 880.0 if branch == 1 else 740.0
    assert 0 <= (found - start) * branch <= 3.0


def test_an_end_out_of_reach_stops_the_run_and_keeps_the_rows(tmp_path: Path) -> None:
    chosen = PulseMap(**SHORT_MAP | {"hrs": 960.0, "most_initialising": 4})
    with (
        Bench.simulated("titania", seed=1) as bench,
        pytest.raises(BenchError, match=r"4 pulses of 6 V and 2 s brought .* reach 960 ohm"),
    ):
        measure(chosen, bench, tmp_path, name="a")
    assert Run.open(tmp_path / "a.h5").n_rows == 5


def test_tuning_that_never_ends_is_stopped(tmp_path: Path, map_run: str) -> None:
    chosen = FeedforwardTuning(map_run=map_run, most_tuning=5, n_cycles=1)
    message = r"5 pulses of potentiation .* should reach 740"
    with (
        Bench.simulated("titania", seed=1) as bench,
        pytest.raises(BenchError, match=message),
    ):
        measure(chosen, bench, tmp_path, name="a")
    assert Run.open(tmp_path / "a.h5").status == "failed"


def test_a_broken_film_gives_no_resistance_to_go_on_from(tmp_path: Path) -> None:
    config = simulated_config("titania", 1, {})
    limits = config.limits.model_copy(update={"conductance_jump": None})
    with Bench(config.model_copy(update={"limits": limits})) as bench:
        bench.simulation.devices["titania"].broken = True
        with pytest.raises(BenchError, match=r"the device reads \S+ ohm at cycle"):
            measure(PulseMap(**SHORT_MAP), bench, tmp_path, name="a")
    assert Run.open(tmp_path / "a.h5").n_rows >= 1


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (FeedforwardTuning, {}, "map_run is not given; measure one first"),
        (FeedforwardTuning, {"map_run": "no.h5"}, "map_run no.h5 gives no calibration: "),
        (ClosedLoopTuning, {"levels": [33]}, "levels has level 33, there are 32"),
        (LevelVerification, {}, "plan_run is not given; run feedforward_tuning first"),
        (LevelVerification, {"plan_run": "no.h5"}, "plan_run no.h5 gives no plan: "),
        (PulseMap, {"lrs": 900.0}, "lrs is 900 ohm and hrs 880 ohm"),
    ],
)
def test_what_cannot_be_started_is_refused(
    tmp_path: Path, kind: type[BenchProcedure], values: dict[str, Any], message: str
) -> None:
    with Bench.simulated("titania") as bench, pytest.raises(ConfigError, match=message):
        measure(kind(**values), bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_run_files_of_another_kind_are_refused(map_run: str, tuned: Run) -> None:
    with Bench.simulated("titania") as bench:
        with pytest.raises(
            ConfigError, match="is a run of feedforward_tuning, not of pulse_map"
        ):
            FeedforwardTuning(map_run=str(tuned.path)).check(bench)
        with pytest.raises(ConfigError, match="is a run of pulse_map, not of feedforward_tun"):
            LevelVerification(plan_run=map_run).check(bench)
        with pytest.raises(
            ConfigError, match=r"has no potentiation in cycle 7 without flagged"
        ):
            LevelVerification(plan_run=str(tuned.path), plan_cycle=7).check(bench)
        with pytest.raises(
            ConfigError, match=r"pulse_width is 1 s, the plan was made with 0.8"
        ):
            LevelVerification(plan_run=str(tuned.path), pulse_width=1.0).check(bench)
        for chosen, what in (
            (FeedforwardTuning(map_run=map_run, potentiation_sign=1), "map_run"),
            (LevelVerification(plan_run=str(tuned.path), potentiation_sign=1), "plan_run"),
        ):
            with pytest.raises(ConfigError, match=f"{what} has potentiation .*against pot"):
                chosen.check(bench)
        with pytest.raises(ConfigError, match=r"the window has to have a width"):
            FeedforwardTuning(map_run=map_run, smallest_change=0.3).check(bench)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"write_voltages": [0.5, 8]}, r"number 2 of write_voltages of 8 V at T2 and T4"),
        ({"initialise_voltage": 7.5}, "initialise_voltage of 7.5 V"),
        ({"pulse_width": 3.0}, "pulse_width of 3 s"),
        ({"n_pulses": 5000, "pulse_width": 0.1}, r"a number of pulses of 7.8e\+05"),
        ({"read_voltage": 0.5}, "read_voltage of 500 mV at T1"),
    ],
)
def test_beyond_the_limits_nothing_is_sent(values: dict[str, Any], message: str) -> None:
    with Bench.simulated("titania") as bench, pytest.raises(LimitError, match=message):
        PulseMap(**values).check(bench)


WIRED = """
ground = ["T4"]
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
simulated = { modules = { 1 = "B1510A", 2 = "B1517A", 3 = "B1517A" } }
[roles.pulse_source]
instrument = "smu"
channel = 1
terminal = "T2"
[roles.reader]
instrument = "smu"
channel = 2
return_channel = 3
terminal = "T1"
averaging = 11
[wiring]
"smu/3" = "T3"
[limits]
voltage = "9.5 V"
current = "120 mA"
pulse_width = "2 s"
[simulation]
device = "titania"
seed = 1
"""


@pytest.mark.long
def test_figure_2_and_3_from_the_map_to_the_tuning_on_the_bench(tmp_path: Path) -> None:
    """15 000 pulses and what initialises, then 494 ± 11 and 579 ± 17 events.

    Circular in part, see tests/analysis/test_pulse_tuning.py.
    """
    with Bench.simulated("titania", seed=0) as bench:
        mapped = measure(PulseMap(), bench, tmp_path)
        tuning = FeedforwardTuning(map_run=str(mapped.path), n_cycles=3)
        run = measure(tuning, bench, tmp_path)
    assert (mapped["initialising"] == 0).sum() == 15_001
    for branch, printed, spread in ((1, 494, 11), (-1, 579, 17)):
        trains = list(trains_of(mapped, branch))
        for volts in np.unique([train.voltage for train in trains]):  # figure 2b
            paths = [train.resistance for train in trains if train.voltage == volts]
            if np.ptp(paths[-1]) > 20:
                assert np.mean([np.corrcoef(paths[-1], p)[0, 1] for p in paths[:-1]]) > 0.98
        counts = [
            e["n_pulses"] for e in run.events if e.get("branch") == branch and "mean_power" in e
        ]
        assert len(counts) == 3
        assert np.mean(counts) == pytest.approx(printed, abs=3 * spread)

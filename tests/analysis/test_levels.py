"""Levels out of tuning pulses, against staircases and overshoots that are known."""

import numpy as np
import pytest

from labsyn.analysis.level_statistics import reached, verify_levels, verify_paths
from labsyn.analysis.levels import level_targets, segment
from labsyn.analysis.switching_law import DEPRESSION, POTENTIATION
from labsyn.data.errors import FitError


def test_a_staircase_with_a_step_for_each_level_occupies_all() -> None:
    levels = segment(np.linspace(740, 880, 32), 32)
    assert (levels.n_occupied, levels.n_unique) == (32, 32)
    assert levels.events.tolist() == list(range(32))
    assert levels.actual == pytest.approx(levels.targets)


def test_fewer_events_than_levels_leave_levels_unoccupied() -> None:
    """494 events of 0.283 ohm for 512 levels of 0.274 ohm: some have none."""
    levels = segment(np.linspace(880, 740, 495), 512)
    assert levels.n_unique == 495
    assert levels.n_occupied >= 494  # every event is some level's, within half a level
    assert segment(np.linspace(880, 740, 495), 128).n_occupied == 128


def test_a_jump_leaves_the_levels_that_it_passes() -> None:
    path = [0.0, 1.0, 2.0, 5.0, 6.0]
    levels = segment(path, 7)
    assert levels.actual.tolist() == [0, 1, 2, 2, 5, 5, 6]
    assert levels.occupied.tolist() == [True, True, True, False, False, True, True]
    assert (levels.n_occupied, levels.n_unique) == (5, 5)


def test_groups_lead_from_level_to_level() -> None:
    path = [0.0, 0.6, 1.1, 1.9, 3.1, 4.0]
    volts = [1.0, 2.0, 3.0, 4.0, 5.0]
    up = segment(path, 5).groups(volts, DEPRESSION)
    assert [group.tolist() for group in up] == [[], [1.0, 2.0], [3.0], [4.0], [5.0]]
    down = segment([4.0 - r for r in path], 5).groups(volts, POTENTIATION)
    assert [group.tolist() for group in down] == [[], [1.0, 2.0], [3.0], [4.0], [5.0]]
    assert np.concatenate(up).tolist() == volts


def test_a_group_is_empty_where_noise_turns_the_order_round() -> None:
    path = [0.0, 2.05, 0.95, 3.0]  # level 2 (at 1) is met after level 3 (at 2)
    levels = segment(path, 4)
    assert levels.events.tolist() == [0, 2, 1, 3]
    groups = levels.groups([1.0, 2.0, 3.0], DEPRESSION)
    assert [group.tolist() for group in groups] == [[], [1.0, 2.0], [], [3.0]]


def test_a_level_gets_the_first_event_at_or_beyond_it() -> None:
    path = np.array([10.0, 9.1, 9.3, 7.6, 7.0])
    found = reached(path, np.array([10.0, 9.2, 8.0, 7.0, 6.0]), POTENTIATION)
    assert found[:4].tolist() == [10.0, 9.1, 7.6, 7.0]
    assert np.isnan(found[4])
    assert reached(-path, np.array([-8.0]), DEPRESSION).tolist() == [-7.6]


@pytest.mark.parametrize("branch", [POTENTIATION, DEPRESSION])
@pytest.mark.parametrize(("step", "share"), [(0.5, 0.0), (1.2, 0.0), (1.3, 1.0)])
def test_a_level_is_skipped_where_steps_pass_it_by_more_than_a_level(
    branch: int, step: float, share: float
) -> None:
    """Even steps overshoot by 0 to `step`, evenly: 80 % of `step` against one level."""
    rng = np.random.default_rng(3)
    sign = -1 if branch == POTENTIATION else 1
    n = int(310 / step)
    steps = np.arange(n, dtype=np.float64) * step
    paths = [sign * (steps - rng.uniform(0, step)) for _ in range(400)]
    low, high = sorted((0.0, sign * 300.0))
    found = verify_paths(paths, 301, branch, low=low, high=high)
    middle = slice(5, -5)
    assert found.skipped[middle].mean() == pytest.approx(share, abs=0.1)
    assert np.mean(found.quantile[middle]) == pytest.approx(0.8 * step, rel=0.05)


def test_the_cumulative_probability_of_a_level() -> None:
    targets = np.array([0.0, 1.0])
    samples = [[0.4, 1.0], [0.2, np.nan], [0.0, 1.9], [0.8, 2.5], [0.6, 1.1]]
    found = verify_levels(samples, targets, DEPRESSION, spacing=1.0)
    values, chance = found.cumulative(0)
    assert values == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert chance == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert found.quantile == pytest.approx([0.6, 1.5])
    assert found.skipped.tolist() == [False, True]
    assert found.n_skipped.value == 1
    assert found.n_skipped.source == "bootstrap over 5 samples"
    assert found.cumulative(1)[1] == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_a_level_that_too_few_samples_reach_is_skipped() -> None:
    samples = [[np.nan], [np.nan], [0.0], [0.0], [0.0]]
    found = verify_levels(samples, np.array([0.0]), DEPRESSION, spacing=1.0)
    assert np.isnan(found.quantile[0])
    assert found.skipped.tolist() == [True]


def test_what_cannot_be_segmented_is_refused() -> None:
    with pytest.raises(FitError, match=r"1 levels from 0 to 1 ohm are asked for, at least 2"):
        level_targets(0.0, 1.0, 1)
    with pytest.raises(FitError, match="a window with a width"):
        segment([1.0, 1.0], 4)
    with pytest.raises(FitError, match=r"shape \(1,\) .* 2 or more finite resistances"):
        segment([1.0], 4)
    with pytest.raises(FitError, match="4 samples of a level have no 80 % point, 5 or more"):
        verify_levels(np.zeros((4, 2)), np.zeros(2), DEPRESSION, spacing=1.0)


def test_the_error_of_the_skipped_levels_is_their_scatter() -> None:
    """Forty maps of 66 random walks; far from the threshold nothing scatters."""
    counts, errors = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        steps = rng.normal(1.1, 0.6, (66, 200))
        found = verify_paths(list(np.cumsum(steps, axis=1)), 101, DEPRESSION, low=0.0, high=100)
        counts.append(found.n_skipped.value)
        errors.append(found.n_skipped.standard_error)
    assert 0 < min(counts) < max(counts) < 101
    assert np.mean(errors) == pytest.approx(np.std(counts, ddof=1), rel=0.35)
    sure = verify_paths([np.arange(11.0)] * 5, 11, DEPRESSION, low=0.0, high=10.0)
    assert (sure.n_skipped.value, sure.n_skipped.standard_error) == (0, 0.0)

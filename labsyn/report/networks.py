"""Figures and tables of the networks made of a device."""

from typing import TYPE_CHECKING

import numpy as np

from labsyn.analysis.devices.synapse import Synapse
from labsyn.networks.ann_experiment import AnnResult
from labsyn.networks.attractor import ContinuousAttractor
from labsyn.networks.cann_experiment import CannResult
from labsyn.networks.hopfield_experiment import HopfieldResult
from labsyn.networks.proportion import Proportion
from labsyn.report.style import (
    DEPRESSION,
    GOOD,
    NEUTRAL,
    POTENTIATION,
    figure_style,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADS = ["network", "made of", "score", "95 % interval"]
_LOOK = {
    ("hebb", "ideal"): (NEUTRAL, "o--"),
    ("hebb", "device"): (NEUTRAL, "s-"),
    ("oja", "ideal"): (POTENTIATION, "o--"),
    ("oja", "device"): (POTENTIATION, "s-"),
}


def ann_rows(result: AnnResult) -> list[list[str]]:
    """Return test accuracies: digital, quantised, and on devices."""
    layers = "-".join(str(n) for n in result.settings["layers"])
    name = f"MLP {layers}, {result.settings['data'].split(' (')[0]}"
    mean = result.mean
    low, high = mean.interval
    n = result.settings["n_repeats"]
    return [
        [name, "digital weights", _percent(result.digital.value),
         _ends(result.digital.interval)],
        [name, "device states, no noise", _percent(result.quantised.value),
         _ends(result.quantised.interval)],
        [name, f"devices ({result.settings['mapping']}), mean of {n} programmings",
         _percent(mean.value), _ends((low, min(high, 1.0)))],
    ]  # fmt: skip


def hopfield_rows(result: HopfieldResult, *, hardest: bool = False) -> list[list[str]]:
    """Return recall within 1 % of the pixels at each level of noise, or the highest only."""
    n = result.settings["n_neurons"]
    most = max(score.n_draws for score in result.scores)
    rows = []
    for score in result.scores:
        if hardest and score.n_draws < most:
            continue
        name = (
            f"Hopfield ({score.rule.capitalize()}), {result.settings['n_patterns']} images, "
            f"{score.n_draws / n:.0%} draws"
        )
        made = "ideal weights" if score.weights == "ideal" else "devices"
        rows.append([name, made, f"{_percent(score.near.value)} recalled (> 99 % of pixels)",
                     _ends(score.near.interval)])  # fmt: skip
    return rows


def cann_rows(result: CannResult) -> list[list[str]]:
    """Return the fraction of bumps still within one neuron of the stimulus."""
    name = f"CANN, {result.settings['attractor']['n_neurons']} neurons"
    return [
        [name, score.condition, f"{_percent(score.inside.value)} of bumps within one neuron",
         _ends(score.inside.interval) if score.inside.n_trials > 1 else "no noise, one run"]
        for score in result.scores
    ]  # fmt: skip


def ann_figure(result: AnnResult) -> "Figure":
    """Draw every programming beside the digital accuracy."""
    with figure_style():
        figure = new_figure(4.6, 3.2)
        axes = figure.subplots()
        low, high = result.digital.interval
        axes.axhspan(100 * low, 100 * high, color=NEUTRAL, alpha=0.15, lw=0,
                     label="digital, 95 % interval of the test set")  # fmt: skip
        axes.axhline(100 * result.digital.value, color=NEUTRAL, label="digital")
        axes.axhline(100 * result.quantised.value, color=GOOD, ls="--",
                     label="device states, no noise")  # fmt: skip
        axes.plot(np.arange(1, result.transferred.size + 1), 100 * result.transferred, "o",
                  color=DEPRESSION, label="on devices")  # fmt: skip
        axes.set_xlabel("programming")
        axes.set_ylabel("test accuracy (%)")
        layers = "-".join(str(n) for n in result.settings["layers"])
        axes.set_title(f"MLP {layers}, {result.settings['data'].split(' (')[0]}", fontsize=9)
        axes.locator_params(axis="x", integer=True)
        axes.legend(fontsize=7)
    return figure


def hopfield_figure(result: HopfieldResult) -> "Figure":
    """Draw recall against noise for both rules, ideal and on devices."""
    n = result.settings["n_neurons"]
    with figure_style():
        figure = new_figure(4.6, 3.2)
        axes = figure.subplots()
        for shift, ((rule, kind), (colour, line)) in enumerate(_LOOK.items()):
            scores = [s for s in result.scores if (s.rule, s.weights) == (rule, kind)]
            x = np.array([s.n_draws / n for s in scores]) + 0.004 * (shift - 1.5)
            y, errors = _bars([s.near for s in scores])
            axes.errorbar(x, y, errors, fmt=line, color=colour, ms=4, capsize=2,
                          mfc="none" if kind == "ideal" else colour,
                          label=f"{rule.capitalize()}, {kind}")  # fmt: skip
        axes.set_xlabel("pixels drawn and inverted / pixels")
        axes.set_ylabel("patterns recalled, > 99 % of pixels (%)")
        axes.set_ylim(-4, 104)
        axes.set_title(
            f"{result.settings['n_patterns']} images: {result.settings['patterns']}", fontsize=9
        )
        axes.legend(fontsize=7)
    return figure


def cann_figure(synapse: Synapse, result: CannResult, n_shown: int = 12) -> "Figure":
    """Draw where bumps are after each step, ideal and on devices, and the drift of all runs."""
    ring = ContinuousAttractor()
    rng = np.random.default_rng(result.settings["seed"])
    shown = ring.run(
        ring.on_device(synapse, rng, n_shown), sigma_read=synapse.sigma_read, rng=rng
    )
    with figure_style():
        figure = new_figure(7.2, 3.2)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        steps = np.arange(1, ring.n_steps + 1)
        left.plot(steps, shown.positions.T, color=DEPRESSION, lw=0.8, alpha=0.7)
        left.plot(steps, ring.run().positions[0], color="black", lw=1.5)
        left.axvspan(0, ring.n_stimulus_steps, color=NEUTRAL, alpha=0.15, lw=0)
        left.axhline(ring.spacing, color=NEUTRAL, lw=0.8, ls=":")
        left.axhline(-ring.spacing, color=NEUTRAL, lw=0.8, ls=":")
        left.set_xlabel("time step (grey: stimulus on)")
        left.set_ylabel("position of the bump (rad)")
        left.set_title(f"ideal (black), {n_shown} networks of devices", fontsize=9)
        y, errors = _bars([score.inside for score in result.scores])
        errors[:, [score.inside.n_trials == 1 for score in result.scores]] = 0  # no noise
        right.barh(range(len(y)), y, xerr=errors, color=POTENTIATION, alpha=0.7, capsize=2)
        right.set_yticks(range(len(y)), [score.condition for score in result.scores])
        right.set_xlim(0, 102)
        right.set_xlabel("held within one neuron (%)")
        right.invert_yaxis()
    return figure


def _bars(proportions: list[Proportion]) -> tuple[np.ndarray, np.ndarray]:
    """Return values and distances to both ends of the interval, in per cent."""
    values = np.array([100 * p.value for p in proportions])
    ends = np.array([p.interval for p in proportions]) * 100
    return values, np.maximum(np.stack([values - ends[:, 0], ends[:, 1] - values]), 0)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _ends(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f} … {100 * interval[1]:.1f} %"

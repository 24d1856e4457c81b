"""Figures of a pulse train: the curves with their fits, and the weight updates."""

from typing import TYPE_CHECKING

import numpy as np

from labsyn.analysis.branch import BranchFit
from labsyn.analysis.characterise import Characterisation
from labsyn.report.style import DEPRESSION, NEUTRAL, POTENTIATION, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CROWDED = 1000  # updates, from which on a density says more than dots
COLOURS = {"potentiation": POTENTIATION, "depression": DEPRESSION}


def siemens_scale(unit: str, largest: float) -> tuple[float, str]:
    """Return the factor and label that make numbers around `largest` readable."""
    if unit != "S":
        return 1.0, "conductance (normalised)" if unit == "1" else f"conductance ({unit})"
    for factor, prefix in ((1.0, ""), (1e3, "m"), (1e6, "µ"), (1e9, "n")):
        if largest * factor >= 1:
            return factor, f"conductance ({prefix}S)"
    return 1e12, "conductance (pS)"


def curves_figure(result: Characterisation, watermark: str = "") -> "Figure":
    """Draw potentiation and depression with their fits, and the residuals below."""
    p, d = result.potentiation, result.depression
    factor, label = siemens_scale(result.unit, abs(result.g_max.value))
    with figure_style():
        figure = new_figure(6.4, 4.4)
        axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for branch, start in ((p, 0), (d, p.n_pulses)):
            _draw_branch(axes[0], axes[1], branch, start, factor)
        axes[0].set_ylabel(label)
        axes[0].legend(fontsize=8)
        axes[1].axhline(0, color="black", lw=0.6)
        axes[1].set_ylabel("residual\n(% of range)")
        axes[1].set_xlabel("pulse number")
        cycles = f"mean of {p.n_cycles} potentiation, {d.n_cycles} depression cycles"
        axes[0].set_title(f"{result.name}: {cycles}", fontsize=9)
        mark(figure, watermark)
    return figure


def _draw_branch(
    top: "Axes", below: "Axes", branch: BranchFit, start: int, factor: float
) -> None:
    pulse = np.arange(branch.mean.size)
    colour = COLOURS[branch.name]
    every = max(branch.mean.size // 120, 1)
    top.plot(start + pulse[::every], factor * branch.mean[::every], "o", ms=3,
             mfc="none", color=colour)  # fmt: skip
    beta = branch.exponential.beta
    top.plot(start + pulse, factor * branch.exponential.curve(pulse), color=colour,
             label=f"{branch.name}: β = {beta}")  # fmt: skip
    span = branch.exponential.g_range
    fits = [(branch.exponential.curve(pulse), "-", colour)]
    if branch.power is not None:
        top.plot(start + pulse, factor * branch.power.curve(pulse), "--", color="black", lw=0.9,
                 label=f"    power law: α = {branch.power.alpha}")  # fmt: skip
        fits.append((branch.power.curve(pulse), "--", "black"))
    for curve, line, shade in fits:
        residual = 100 * (branch.mean - curve) / span
        below.plot(start + pulse, residual, line, color=shade, lw=0.9)


def updates_figure(result: Characterisation, watermark: str = "") -> "Figure":
    """Draw ΔG against G of both branches: every update, and the mean in bins."""
    factor, label = siemens_scale(result.unit, abs(result.g_max.value))
    with figure_style():
        figure = new_figure(7.2, 3.2)
        axes = figure.subplots(1, 2, sharey=True)
        for ax, branch in zip(axes, (result.potentiation, result.depression), strict=True):
            u = branch.updates
            if u.g.size < _CROWDED:
                ax.plot(factor * u.g, factor * u.dg, ".", ms=3, color=NEUTRAL, alpha=0.5)
            else:
                bins = ax.hist2d(factor * u.g, factor * u.dg, bins=24, cmap="Greys", cmin=1)
                figure.colorbar(bins[3], ax=ax, label="updates")
            centres = (u.g_bins[1:] + u.g_bins[:-1]) / 2
            ax.errorbar(factor * centres, factor * u.mean, factor * u.standard_error, fmt="o-",
                        ms=3, color=COLOURS[branch.name],
                        label="mean ± standard error")  # fmt: skip
            ax.axhline(0, color="black", lw=0.6)
            ax.set_xlabel(label)
            ax.set_title(f"{branch.name}, {u.g.size} updates", fontsize=9)
            ax.legend(fontsize=7)
        axes[0].set_ylabel(label.replace("conductance", "change by one pulse"))
        mark(figure, watermark)
    return figure


def mark(figure: "Figure", watermark: str) -> None:
    """Write across a figure what must not be mistaken, such as "simulated"."""
    if watermark:
        figure.text(0.5, 0.5, watermark, fontsize=32, color="black", alpha=0.07, rotation=25,
                    ha="center", va="center")  # fmt: skip

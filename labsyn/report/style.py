"""How every figure looks: colour-blind safe, readable in print, no global state touched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POTENTIATION = "#0072B2"  # Okabe and Ito, Color Universal Design (2008)
DEPRESSION = "#D55E00"
NEUTRAL = "#555555"
GOOD = "#009E73"
WARM = "#E69F00"

_RC: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 100,
    "font.size": 9.0,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Hold the style while a figure is drawn."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, in inches, that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: "Figure", path: Path) -> list[Path]:
    """Write a figure as PNG and SVG beside each other; `path` has no suffix."""
    written = []
    with figure_style():
        for suffix in (".png", ".svg"):
            target = path.with_name(path.name + suffix)
            figure.savefig(target)
            written.append(target)
    return written

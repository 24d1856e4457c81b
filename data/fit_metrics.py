"""The numbers of a fit that a catalogue shows and searches, out of ``NAME.fit.json``."""

import functools
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from labsyn.data.sidecar import read_sidecar

SUFFIX = ".fit.json"
SCHEMA = 1

METRICS: dict[str, tuple[str, ...]] = {
    f"{name}_{letter}": (branch, *keys)
    for letter, branch in (("P", "potentiation"), ("D", "depression"))
    for name, keys in {
        "beta": ("exponential", "beta"),
        "step": ("exponential", "step"),
        "alpha": ("power", "alpha"),
        "sigma_c2c": ("updates", "sigma_c2c"),
        "sigma_read": ("updates", "sigma_read"),
    }.items()
} | {
    name: (name,)
    for name in (
        "symmetric_error",
        "symmetricity",
        "asymmetric_ratio",
        "asymmetric_ratio_printed",
        "on_off_ratio",
        "g_min",
        "g_max",
    )
}
"""Where each metric stands in the file; `docs/metrics.md` says what they mean."""


class Metric(NamedTuple):
    """One number of a fit: its value, its standard error (None if unknown), its unit."""

    value: float
    standard_error: float | None
    unit: str


class StoredMetrics(Mapping[str, Metric]):
    """Metrics as the index keeps them, in JSON: read when first asked for, as few ever are."""

    def __init__(self, text: str) -> None:
        self.text = text

    @functools.cached_property
    def _metrics(self) -> dict[str, Metric]:
        return {name: Metric(*metric) for name, metric in json.loads(self.text).items()}

    def __getitem__(self, name: str) -> Metric:
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def __repr__(self) -> str:
        return repr(self._metrics)


def fit_path(run: Path) -> Path:
    """Return where the fit of the run file `run`, ``NAME.h5``, is kept."""
    return run.with_name(run.name.removesuffix(".h5") + SUFFIX)


def read_metrics(run: Path) -> dict[str, Metric]:
    """Return the metrics of the fit of a run by name.

    Empty without a fit. A metric that the fit has not (no on/off ratio, say) is left out.

    Raises
    ------
    DataFileError
        If the file cannot be read, or is none that this labsyn understands.
    """
    plain = read_fit(run)
    found = {}
    for name, keys in METRICS.items():
        estimate: Any = plain
        for key in keys:
            estimate = estimate.get(key) if isinstance(estimate, dict) else None
        value = _number(estimate, "value")
        if value is not None:
            error = _number(estimate, "standard_error")
            found[name] = Metric(value, error, _unit(name, estimate, plain))
    return found


def read_fit(run: Path) -> dict[str, Any]:
    """Return all that the fit of a run says, empty without one; raise as `read_metrics`."""
    return read_sidecar(
        fit_path(run), "labsyn_fit", SCHEMA, what="fit",
        damage="; make it again with 'labsyn fit'",
    )  # fmt: skip


def _number(estimate: Any, key: str) -> float | None:
    number = estimate.get(key) if isinstance(estimate, dict) else None
    if not isinstance(number, int | float) or isinstance(number, bool):
        return None
    try:
        return None if math.isnan(number) else float(number)
    except OverflowError:  # an integer beyond all floats
        return None


def _unit(name: str, estimate: dict[str, Any], fit: dict[str, Any]) -> str:
    """Return the unit; steps and widths are conductances, though their estimate is silent."""
    unit = estimate.get("unit")
    if not unit and name.startswith(("step", "sigma")):
        unit = fit.get("unit")
    return unit if isinstance(unit, str) and unit != "1" else ""

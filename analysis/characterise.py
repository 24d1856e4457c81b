"""From a run, or from imported curves, to everything that is known of the device.

The only part of the analysis that knows files. A run file is never edited: the result goes
beside it, with the checksum of what it was made from.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labsyn.analysis.branch import (
    BranchFit,
    Family,
    complete_cycles,
    fit_branch,
    mean_replicas,
)
from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.analysis.estimate import MIN_CYCLES, Estimate, Replicas
from labsyn.analysis.symmetry import (
    asymmetric_ratio,
    on_off_ratio,
    symmetric_error,
    turning_points,
)
from labsyn.data.curves import PulseCurves, curves_from_run
from labsyn.data.durability import write_text
from labsyn.data.errors import DataFileError, FitError
from labsyn.data.run import Run

SCHEMA = 1
_CLOSED = 0.05

Loop = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, kw_only=True)
class Characterisation:
    """What a pulse train told of a device.

    Attributes
    ----------
    unit : str
        Unit of every conductance here; "1" for normalised data.
    source : str
        File the curves came from, and `source_sha256` its checksum.
    symmetric_error, asymmetric_ratio, asymmetric_ratio_printed : Estimate
        See `labsyn.analysis.symmetry`.
    on_off_ratio : Estimate or None
        None where the lowest conductance is not positive.
    g_min, g_max : Estimate
        Mean turning points of the loop.
    """

    potentiation: BranchFit
    depression: BranchFit
    symmetric_error: Estimate
    asymmetric_ratio: Estimate
    asymmetric_ratio_printed: Estimate
    on_off_ratio: Estimate | None
    g_min: Estimate
    g_max: Estimate
    unit: str
    source: str
    source_sha256: str
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What was measured, for captions: the names of the files."""
        return "+".join(Path(part.strip()).stem for part in self.source.split(","))

    @property
    def symmetricity(self) -> Estimate:
        """Reciprocal of the symmetric error."""
        error = self.symmetric_error
        if error.value == 0:
            return Estimate(float("inf"), source=error.source)
        relative = error.standard_error / error.value
        return Estimate(1 / error.value, relative / error.value, error.dof, "", error.source)

    def synapse(self, family: Family = "best") -> Synapse:
        """Return the device for the networks, with the laws of `family` and its noises."""
        p, d = self.potentiation, self.depression
        span = self.g_max.value - self.g_min.value

        def pooled(which: str) -> float:
            sigmas = [getattr(branch.updates, which).value / span for branch in (p, d)]
            return float(np.sqrt(np.mean(np.square(sigmas))))

        return Synapse(
            name=self.name,
            g_min=self.g_min.value,
            g_max=self.g_max.value,
            potentiation=p.law(family),
            depression=d.law(family),
            n_potentiation=p.n_pulses,
            n_depression=d.n_pulses,
            sigma_c2c=pooled("sigma_c2c"),
            sigma_read=pooled("sigma_read"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON, the synapse included."""
        ratio = self.on_off_ratio
        return {
            "labsyn_fit": SCHEMA,
            "source": self.source,
            "source_sha256": self.source_sha256,
            "unit": self.unit,
            "potentiation": self.potentiation.to_dict(),
            "depression": self.depression.to_dict(),
            "symmetric_error": self.symmetric_error.to_dict(),
            "symmetricity": self.symmetricity.to_dict(),
            "asymmetric_ratio": self.asymmetric_ratio.to_dict(),
            "asymmetric_ratio_printed": self.asymmetric_ratio_printed.to_dict(),
            "on_off_ratio": ratio.to_dict() if ratio else None,
            "g_min": self.g_min.to_dict(),
            "g_max": self.g_max.to_dict(),
            "notes": list(self.notes),
            "synapse": self.synapse().to_dict(),
        }

    def save(self, path: Path) -> Path:
        """Write the result as JSON, whole or not at all; return `path`."""
        return write_text(path, json.dumps(self.to_dict(), indent=1))


def characterise(data: Run | PulseCurves) -> Characterisation:
    """Return every metric of a pulse train.

    Raises
    ------
    FitError
        If a branch is missing, falls where it should rise, or cannot be fitted.
    """
    curves = curves_from_run(data) if isinstance(data, Run) else data
    for name, cycles in (
        ("potentiation", curves.potentiation),
        ("depression", curves.depression),
    ):
        if not cycles:
            raise FitError(f"{curves.source} holds no {name} branch; a loop needs both")
    p = fit_branch(curves.potentiation, "potentiation")
    d = fit_branch(curves.depression, "depression")
    _check_direction(p)
    loop = (p.mean, d.mean)
    repeats = _Repeats(curves, p, d)

    def estimate(statistic: Callable[[Loop], float], unit: str = "") -> Estimate:
        return repeats.estimate(statistic, statistic(loop), unit)

    notes = [*curves.notes, *p.notes, *d.notes, *_closure(p, d)]
    ratio = None
    try:
        ratio = estimate(lambda x: on_off_ratio(*x))
    except FitError as error:
        notes.append(f"no on/off ratio: {error}")
    unit = "" if curves.unit == "1" else curves.unit
    return Characterisation(
        potentiation=p,
        depression=d,
        symmetric_error=estimate(lambda x: symmetric_error(*x)),
        asymmetric_ratio=estimate(lambda x: asymmetric_ratio(*x)),
        asymmetric_ratio_printed=estimate(lambda x: asymmetric_ratio(*x, "printed")),
        on_off_ratio=ratio,
        g_min=estimate(lambda x: turning_points(*x)[0], unit),
        g_max=estimate(lambda x: turning_points(*x)[1], unit),
        unit=curves.unit,
        source=curves.source,
        source_sha256=curves.sha256,
        notes=tuple(notes),
    )


def load_synapse(path: Path) -> Synapse:
    """Return the synapse of a fit written by `Characterisation.save`.

    Raises
    ------
    DataFileError
        If the file does not exist or is no fit of labsyn.
    """
    if not path.is_file():
        raise DataFileError(f"{path} does not exist")
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        version = plain["labsyn_fit"]
        described = plain["synapse"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataFileError(
            f"{path} is no fit of labsyn; make one with 'labsyn fit RUN'"
        ) from error
    if version != SCHEMA:
        raise DataFileError(f"{path}: fit of schema {version!r}, this labsyn reads {SCHEMA}")
    return Synapse.from_dict(described)


class _Repeats:
    """The scatter of a loop: of its cycles, or of its two branches one by one.

    A potentiation branch and the depression branch after it belong together, so that whole
    cycles are left out. Where cycles are missing in one branch, or are too few, the branches
    are varied apart and their variances added.
    """

    def __init__(self, curves: PulseCurves, p: BranchFit, d: BranchFit) -> None:
        rising, _ = complete_cycles(curves.potentiation, p.name)
        falling, _ = complete_cycles(curves.depression, d.name)
        self._means = (p.mean, d.mean)
        self._paired: Replicas[Loop] | None = None
        complete = len(rising) == len(curves.potentiation) and len(falling) == len(
            curves.depression
        )
        if complete and len(rising) == len(falling) >= MIN_CYCLES:
            pairs = list(zip(rising, falling, strict=True))
            self._paired = Replicas.leave_out(pairs, _mean_loop, _level)
            return
        self._apart = [
            mean_replicas(cycles, fit.exponential.curve(np.arange(fit.mean.size)), noise)
            for cycles, fit, noise in (
                (rising, p, p.updates.noise),
                (falling, d, d.updates.noise),
            )
        ]

    def estimate(self, statistic: Callable[[Loop], float], value: float, unit: str) -> Estimate:
        if self._paired is not None:
            return self._paired.estimate(statistic, value, unit)
        p, d = self._means
        of_p = self._apart[0].estimate(lambda curve: statistic((curve, d)), value, unit)
        of_d = self._apart[1].estimate(lambda curve: statistic((p, curve)), value, unit)
        error = float(np.hypot(of_p.standard_error, of_d.standard_error))
        sources = dict.fromkeys((of_p.source, of_d.source))
        return Estimate(value, error, min(of_p.dof, of_d.dof), unit, "; ".join(sources))


def _level(pair: Loop) -> float:
    return float(np.mean(np.concatenate(pair)))


def _check_direction(potentiation: BranchFit) -> None:
    """Refuse swapped branches: turning them round silently would hide a wrong label."""
    first, last = potentiation.exponential.g_start, potentiation.exponential.g_end
    if last <= first:
        raise FitError(
            f"potentiation lowers the conductance (from {first:.4g} to {last:.4g}); "
            "the branches are swapped: call the rising one potentiation"
        )


def _mean_loop(pairs: list[Loop]) -> Loop:
    return (
        np.mean([pair[0] for pair in pairs], axis=0),
        np.mean([pair[1] for pair in pairs], axis=0),
    )


def _closure(p: BranchFit, d: BranchFit) -> list[str]:
    """Say so where depression does not undo potentiation."""
    span = abs(p.mean[-1] - p.mean[0])
    gaps = {
        "depression starts": abs(d.mean[0] - p.mean[-1]) / span,
        "depression ends": abs(d.mean[-1] - p.mean[0]) / span,
    }
    where = {"depression starts": "potentiation ends", "depression ends": "potentiation starts"}
    return [
        f"the loop is not closed: {what} {100 * gap:.0f} % of the range from where "
        f"{where[what]}"
        for what, gap in gaps.items()
        if gap > _CLOSED
    ]

"""Which procedures there are, and what their parameters mean."""

import difflib

from labsyn.data.errors import ConfigError
from labsyn.procedures.base import BenchProcedure, choices_of
from labsyn.procedures.closed_loop_tuning import ClosedLoopTuning
from labsyn.procedures.feedforward_tuning import FeedforwardTuning
from labsyn.procedures.field_loop import FieldLoop
from labsyn.procedures.iv_sweep import IVSweep
from labsyn.procedures.level_verification import LevelVerification
from labsyn.procedures.pulse_map import PulseMap
from labsyn.procedures.pulse_train import PulseTrain


def procedures() -> dict[str, type[BenchProcedure]]:
    """Return every procedure by its name."""
    kinds = (
        PulseTrain, IVSweep, FieldLoop,
        PulseMap, FeedforwardTuning, ClosedLoopTuning, LevelVerification,
    )  # fmt: skip
    return {kind.name(): kind for kind in kinds}


def find_procedure(name: str) -> type[BenchProcedure]:
    """Return the procedure called `name`; raise ConfigError with the nearest right name."""
    known = procedures()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        raise ConfigError(f"there is no procedure {name!r}; {hint}")
    return known[name]


def describe_parameters(kind: type[BenchProcedure]) -> list[list[str]]:
    """Return name, default, allowed values and meaning of each parameter."""
    rows = []
    for name, parameter in kind()._parameters.items():  # noqa: SLF001, PyMeasure's own place
        unit = getattr(parameter, "units", None) or ""
        low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
        allowed = ", ".join(choices_of(parameter))
        if low is not None and high is not None and max(abs(low), abs(high)) < 1e9:
            allowed = f"{low:g} to {high:g} {unit}".rstrip()
        elif not allowed:
            allowed = "within the limits of the bench"
        rows.append([name, f"{parameter.default} {unit}".rstrip(), allowed, parameter.name])
    return rows

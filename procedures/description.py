"""What a procedure says of itself: its first sentence, and its parameters."""

import inspect
import re
from dataclasses import dataclass
from typing import Any

from labsyn.procedures.base import BenchProcedure, choices_of

_NO_BOUND = 1e9  # of PyMeasure's numbers, where none is given


def summary_of(kind: type[BenchProcedure]) -> str:
    """Return the first sentence of what a procedure says of itself."""
    text = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", text)[0].replace("`", "")


@dataclass(frozen=True, kw_only=True)
class Described:
    """A parameter, for tables and other programs: its numbers are in `unit`.

    Attributes
    ----------
    choices : list of str
        What it may be, if that is one of a few values.
    minimum, maximum : float or None
        None where only the limits of the bench hold.
    """

    name: str
    unit: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: list[str]
    meaning: str

    def row(self) -> list[str]:
        """Return name, default, allowed values and meaning, for a table."""
        allowed = ", ".join(self.choices)
        if self.minimum is not None and self.maximum is not None:
            allowed = f"{self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()
        elif not allowed:
            allowed = "within the limits of the bench" if self.unit else "any"
        return [self.name, f"{self.default} {self.unit}".rstrip(), allowed, self.meaning]


def parameters_of(kind: type[BenchProcedure]) -> list[Described]:
    """Return what there is to say of each parameter."""
    rows = []
    for name, parameter in kind()._parameters.items():  # noqa: SLF001, PyMeasure's own place
        low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
        bounded = low is not None and high is not None and max(abs(low), abs(high)) < _NO_BOUND
        rows.append(
            Described(
                name=name,
                unit=getattr(parameter, "units", None) or "",
                default=parameter.default,
                minimum=low if bounded else None,
                maximum=high if bounded else None,
                choices=choices_of(parameter),
                meaning=parameter.description or parameter.name,
            )
        )
    return rows

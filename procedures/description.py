"""What a procedure says of itself: its first sentence, and its parameters."""

import inspect
import re
from dataclasses import dataclass
from typing import Any

from pymeasure.experiment import Parameter

from labsyn.procedures.base import BenchProcedure, choices_of

_NO_BOUND = 1e9  # of PyMeasure's numbers, where none is given


def text_of(kind: type[BenchProcedure]) -> str:
    """Return what a procedure says of itself, not what the one that it derives from says."""
    return inspect.cleandoc(kind.__doc__ or "It has no docstring that would say what it does.")


def summary_of(kind: type[BenchProcedure]) -> str:
    """Return the first sentence of what a procedure says of itself."""
    text = " ".join(text_of(kind).split("\n\n")[0].split())
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
        default = self.default
        if isinstance(default, list | tuple):
            default = ", ".join(map(str, default))
        return [
            self.name, f"{default} {self.unit}".rstrip(), self._allowed(), self.meaning
        ]  # fmt: skip

    def _allowed(self) -> str:
        match self.minimum, self.maximum:
            case None, None:
                no_bound = "within the limits of the bench" if self.unit else "any"
                return ", ".join(self.choices) or no_bound
            case low, None:
                return f"at least {low:g} {self.unit}".rstrip()
            case None, high:
                return f"at most {high:g} {self.unit}".rstrip()
        return f"{self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()


def parameters_of(kind: type[BenchProcedure]) -> list[Described]:
    """Return what there is to say of each parameter."""
    rows = []
    for name, parameter in kind()._parameters.items():  # noqa: SLF001, PyMeasure's own place
        rows.append(
            Described(
                name=name,
                unit=getattr(parameter, "units", None) or "",
                default=parameter.default,
                minimum=_bound(parameter, "minimum"),
                maximum=_bound(parameter, "maximum"),
                choices=choices_of(parameter),
                meaning=parameter.description or parameter.name,
            )
        )
    return rows


def _bound(parameter: Parameter, which: str) -> float | None:
    value = getattr(parameter, which, None)
    return None if value is None or abs(value) >= _NO_BOUND else float(value)

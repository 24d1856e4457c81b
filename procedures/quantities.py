"""A parameter that is several quantities: the voltages or widths that are gone through."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pymeasure.experiment import Parameter

from labsyn.data.errors import UnitError
from labsyn.data.units import parse_quantity

_MOST = 10_000


class QuantitiesParameter(Parameter):
    """Quantities of one unit: ``"-1.2 V, -1.5 V"``, ``"0, 10, 20"``, one number, list or array.

    Its value is a list of float, or of int if `whole`.

    Parameters
    ----------
    name : str
        For people.
    units : str, optional
        SI symbol; without it they are plain numbers.
    minimum, maximum : float
        Of each.
    whole : bool
        Whether they count something.
    **options
        As of PyMeasure's `Parameter`: ``default`` above all.
    """

    def __init__(
        self,
        name: str,
        *,
        units: str | None = None,
        minimum: float = -1e9,
        maximum: float = 1e9,
        whole: bool = False,
        **options: Any,
    ) -> None:
        self.units, self.whole = units, whole
        self.minimum, self.maximum = minimum, maximum
        super().__init__(name, **options)

    def convert(self, value: Any) -> list[float]:
        """Return `value` as a list; raise UnitError for what is none of the allowed."""
        if isinstance(value, str):
            value = [part.strip() for part in value.strip().strip("[]()").split(",")]
            self._refuse_half_units(value)
        items = value.tolist() if isinstance(value, np.ndarray) else value
        items = items if isinstance(items, Sequence) else [items]
        if not 1 <= len(items) <= _MOST or items == [""]:
            raise UnitError(f"{len(items)} values are given, 1 to {_MOST} are needed")
        return [self._one(item) for item in items]

    def _refuse_half_units(self, items: Sequence[str]) -> None:
        """Raise UnitError for ``"100, 200, 300 mV"``: the first one may be 100 V."""
        items = [item for item in items if item]
        bare = [_is_number(item) for item in items]
        if any(bare) and not all(bare):
            raise UnitError(
                f"{items[bare.index(True)]!r} has no unit and {items[bare.index(False)]!r} has "
                "one; give each value its unit, or none"
            )

    def _one(self, item: Any) -> float:
        number = parse_quantity(item, self.units or "")
        unit = f" {self.units}" if self.units else ""
        if not self.minimum <= number <= self.maximum or (self.whole and number % 1):
            kind = "whole numbers from" if self.whole else "values from"
            raise UnitError(
                f"{item!r} is none of the {kind} {self.minimum:g} to {self.maximum:g}{unit}"
            )
        return int(number) if self.whole else number

    def __str__(self) -> str:
        unit = f" {self.units}" if self.units else ""
        return ", ".join(f"{each!r}{unit}" for each in self.value) if self.is_set() else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

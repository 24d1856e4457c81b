"""Quantities as people write them: ``"100 ns"`` in, SI floats inside, ``"100 ns"`` out.

>>> parse_quantity("100 ns", "s")
1e-07
>>> parse_quantity(1.5, "V")
1.5
>>> format_quantity(1e-7, "s")
'100 ns'
"""

import functools
import math
from decimal import Decimal
from typing import Any

from labsyn.data.errors import UnitError

_PREFIXES = {-5: "f", -4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G"}
_SCALED = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_BASE = ("s", "V", "A", "S", "W", "C", "J", "T", "K", "Hz", "Ω", "ohm")
# The exact power of ten of each prefixed unit: float("100e-9") is 1e-07, 100 * 1e-9 is not.
_EXPONENTS = {prefix + unit: power for power, prefix in _SCALED.items() for unit in _BASE}
_EXPONENTS |= {"µ" + unit: -6 for unit in _BASE}


@functools.cache
def _registry() -> Any:
    import pint  # 0.3 s, only needed for units that are not in the table

    return pint.UnitRegistry()


def parse_quantity(value: float | str, unit: str) -> float:
    """Return `value` as a float in `unit`, an SI unit symbol.

    A number, or a text without a unit, is taken to be in `unit` already.

    Raises
    ------
    UnitError
        If the text is no quantity, is not finite, or has another dimension.
    """
    number = float(value) if not isinstance(value, str) else _parse_text(value.strip(), unit)
    if not math.isfinite(number):
        raise UnitError(f"{value!r} is not a finite quantity in {unit}")
    return number


def _parse_text(text: str, unit: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    number, symbol = _split(text)
    if number and unit in _EXPONENTS and symbol in _EXPONENTS and symbol.endswith(unit):
        exact = Decimal(number).scaleb(_EXPONENTS[symbol] - _EXPONENTS[unit])
        return float(exact)
    try:
        return float(_registry().Quantity(float(number), symbol).to(unit).magnitude)
    except Exception as error:  # pint raises many kinds; all mean the same to the user
        raise UnitError(
            f"{text!r} is not a quantity in {unit}; write a number or, say, '1.5 {unit}'"
        ) from error


def _split(text: str) -> tuple[str, str]:
    """Split ``"1.5 mV"`` or ``"1.5mV"`` into number and symbol."""
    for end in range(len(text), 0, -1):
        try:
            float(text[:end])
        except ValueError:
            continue
        return text[:end].strip(), text[end:].strip()
    return "", text


def format_quantity(value: float, unit: str, digits: int = 4) -> str:
    """Return `value` with an SI prefix, for people: ``0.0000123, "S"`` gives ``12.3 µS``."""
    if not math.isfinite(value):
        return f"{value} {unit}"
    if value == 0 or not unit:
        return f"{value:.{digits}g} {unit}".rstrip()
    power = min(max(math.floor(math.log10(abs(value)) / 3 + 1e-12), -5), 3)
    return f"{value / 1000.0**power:.{digits}g} {_PREFIXES[power]}{unit}"

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
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from labsyn.data.errors import UnitError

_PREFIXES = {-5: "f", -4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G"}
_SCALED = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_BASE = ("s", "V", "A", "S", "W", "C", "J", "T", "K", "Hz", "Ω", "ohm")
# The exact power of ten of each prefixed unit: float("100e-9") is 1e-07, 100 * 1e-9 is not.
_EXPONENTS = {prefix + unit: power for power, prefix in _SCALED.items() for unit in _BASE}
_EXPONENTS |= {"µ" + unit: -6 for unit in _BASE}

_MARKS = frozenset(_SCALED.values()) | {"µ"}
_ARBITRARY = frozenset(("", "a.u.", "a.u", "au", "arb", "arb.", "arb. u.", "arb. units"))
# What of a text reaches pint: in V^9^9^9^9 it would count to the end of time.
_FACTOR = r"(?:[^\W\d_]|[°Ωµ%])+(?:(?:\^|\*\*)-?\d)?"
_PRODUCT = re.compile(rf"(?:1\s*/\s*)?{_FACTOR}(?:\s*[*/·]\s*{_FACTOR}){{0,4}}")
_LONGEST = 40
_FACTORS = {"oe": ("A/m", 1000 / (4 * math.pi)), "gauss": ("T", 1e-4)}
_NAMES = {
    "V": "volt volts", "A": "amp amps ampere amperes", "s": "sec second seconds",
    "Ω": "ohm ohms", "S": "siemens", "Hz": "hertz", "W": "watt watts", "K": "kelvin",
}  # fmt: skip


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
        If it is no number or quantity, is not finite, or has another dimension.
    """
    try:
        if isinstance(value, bool):  # of a TOML file: Python would take it for 1
            raise TypeError
        number = _parse_text(value.strip(), unit) if isinstance(value, str) else float(value)
    except TypeError:
        raise UnitError(f"{value!r} is not a quantity in {unit}") from None
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
        _check_symbol(symbol)
        return float(_registry().Quantity(float(number), symbol).to(unit).magnitude)
    except Exception as error:  # pint raises many kinds; all mean the same to the user
        said = f"not a quantity in {unit}; write a number or, say, '1.5 {unit}'"
        raise UnitError(f"{text!r} is {said if unit else 'not a number'}") from error


def _split(text: str) -> tuple[str, str]:
    """Split ``"1.5 mV"`` or ``"1.5mV"`` into number and symbol."""
    for end in range(len(text), 0, -1):
        try:
            float(text[:end])
        except ValueError:
            continue
        return text[:end].strip(), text[end:].strip()
    return "", text


@dataclass(frozen=True)
class SiUnit:
    """How a unit of somebody else's file becomes one of ours: ``value * scale + offset``."""

    symbol: str
    scale: float = 1.0
    offset: float = 0.0


@functools.cache
def si_unit(text: str) -> SiUnit:
    """Return the SI unit of the unit `text`, as people and instruments write it.

    >>> si_unit("uS"), si_unit("Volt").symbol, si_unit("degC").offset
    (SiUnit(symbol='S', scale=1e-06, offset=0.0), 'V', 273.15)

    Raises
    ------
    UnitError
        If it is no unit, or an arbitrary one.
    """
    symbol = text.strip().replace("μ", "µ").replace("Ohm", "ohm")
    if symbol == "1":
        return SiUnit("1")
    for base in _BASE[:-1]:  # ohm is Ω
        if symbol in _EXPONENTS and symbol.endswith(base) and symbol[: -len(base)] in _MARKS:
            return SiUnit(base, float(Decimal(1).scaleb(_EXPONENTS[symbol])))
    word = symbol.lower()  # oscilloscopes write "Volt"
    if word in _ARBITRARY:
        raise UnitError(f"{text!r} is an arbitrary unit; state 1 for a plain number")
    for base, names in _NAMES.items():
        if word in names.split():
            return SiUnit(base)
    if word in _FACTORS:
        return SiUnit(*_FACTORS[word])
    try:
        _check_symbol(symbol)
        return _from_registry(symbol)
    except Exception as error:  # pint raises many kinds; all mean that it is no unit
        raise UnitError(
            f"{text[:40]!r} is no unit; use a symbol such as V, mA, uS, s, or 1"
        ) from error


def _check_symbol(symbol: str) -> None:
    if len(symbol) > _LONGEST or not _PRODUCT.fullmatch(symbol):
        raise ValueError("no product of units")


def _from_registry(symbol: str) -> SiUnit:
    registry = _registry()
    one, two = (registry.Quantity(x, registry.Unit(symbol)) for x in (1.0, 2.0))
    if one.dimensionless:
        base = ""
    else:
        base = next((unit for unit in _BASE[:-1] if one.is_compatible_with(unit)), "")
        plain = one.to_base_units()  # V/s stays V/s: it is coherent, and read more easily
        base = base or (symbol if plain.magnitude == 1 else f"{plain.units:~C}")
    zero = registry.Quantity(0.0, one.units).to(base).magnitude
    scale = one.to(base).magnitude - zero
    if not math.isclose(two.to(base).magnitude, 2 * scale + zero):
        raise ValueError("a logarithmic unit has no scale")
    return SiUnit(base or "1", float(scale), float(zero))


def format_quantity(value: float, unit: str, digits: int = 4) -> str:
    """Return `value` with an SI prefix, for people: ``0.0000123, "S"`` gives ``12.3 µS``."""
    if not math.isfinite(value):
        return f"{value} {unit}"
    if value == 0 or not unit:
        return f"{value:.{digits}g} {unit}".rstrip()
    power = min(max(math.floor(math.log10(abs(value)) / 3 + 1e-12), -5), 3)
    return f"{value / 1000.0**power:.{digits}g} {_PREFIXES[power]}{unit}"

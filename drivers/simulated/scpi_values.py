"""Parameters of SCPI commands: what a text may be, and how a value is answered.

IEEE 488.2 (1992) chapter 7 and SCPI 1999.0 volume 1: numbers with multiplier and unit
(``100NS``, ``1.5 V``), ``MIN``/``MAX``/``DEF``, ``INFinity``, booleans, character data in
long or short form. `scpi_text` holds strings and blocks.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from labsyn.data.errors import InstrumentError

INFINITY = 9.9e37
"""What SCPI instruments answer for infinity."""

ERROR_TEXTS = {
    0: "No error",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -123: "Numeric overflow",
    -131: "Invalid suffix",
    -138: "Suffix not allowed",
    -151: "Invalid string data",
    -161: "Invalid block data",
    -211: "Trigger ignored",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -350: "Queue overflow",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
}

_NUMBER = re.compile(
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:\s*[eE]\s*([+-]?\d{1,4}))?\s*([A-Za-z]*)", re.ASCII
)
_MULTIPLIERS = {
    "EX": 18, "PE": 15, "T": 12, "G": 9, "MA": 6, "K": 3, "": 0,
    "M": -3, "U": -6, "N": -9, "P": -12, "F": -15, "A": -18,
}  # fmt: skip
_MEGA = {"HZ", "OHM"}  # MHZ and MOHM are mega (IEEE 488.2, table 7-2)


class ScpiError(InstrumentError):
    """A command the instrument refuses; its code goes to the error queue."""

    def __init__(self, code: int, detail: str = "") -> None:
        self.code = code
        self.text = f"{ERROR_TEXTS[code]}; {detail}" if detail else ERROR_TEXTS[code]
        super().__init__(f"{code}: {self.text}")


Bound = float | Callable[[Any], float]
"""A limit, or a function that finds it from the owner of the setting."""


class Parameter(Protocol):
    """One place of a parameter list."""

    @property
    def optional(self) -> bool:
        """Whether it may be left out; the value is None then."""

    def read(self, text: str, owner: Any) -> Any:
        """Return the value; raise ScpiError if `text` is none for this `owner`."""

    def show(self, value: Any) -> str:
        """Return how the instrument answers `value`."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """A decimal number in `unit`.

    Attributes
    ----------
    unit : str
        Its suffix, ``"S"`` or ``"V"``; empty for a number without. `units` are others
        that mean the same, such as ``"VPP"``.
    low, high : float or callable
        Bounds, both allowed.
    default : float or callable, optional
        What ``DEF`` stands for; without it ``DEF`` is refused.
    integer, infinite : bool
        Whether it is rounded to a whole number (IEEE 488.2, 7.7.2.4); whether
        ``INFinity`` will do.
    form : str
        Format of the answer, NR3 by default.
    """

    unit: str = ""
    units: tuple[str, ...] = ()
    low: Bound = -INFINITY
    high: Bound = INFINITY
    default: Bound | None = None
    integer: bool = False
    infinite: bool = False
    optional: bool = False
    form: str = "+.13E"

    def bounds(self, owner: Any) -> tuple[float, float]:
        """Return the lowest and the highest value now."""
        low = self.low(owner) if callable(self.low) else self.low
        high = self.high(owner) if callable(self.high) else self.high
        return low, high

    def keyword(self, text: str, owner: Any) -> float | None:
        """Return what ``MIN``, ``MAX``, ``DEF`` or ``INF`` stand for; None for others."""
        low, high = self.bounds(owner)
        match text.upper():
            case "MIN" | "MINIMUM":
                return low
            case "MAX" | "MAXIMUM":
                return high
            case "DEF" | "DEFAULT" if self.default is not None:
                return self.default(owner) if callable(self.default) else self.default
            case "INF" | "INFINITY" if self.infinite:
                return math.inf
        return None

    def read(self, text: str, owner: Any) -> float:
        """Return the number, in `unit`.

        Raises
        ------
        ScpiError
            -104 for other than a number, -131 for a foreign unit, -138 for any unit of a
            number without, -222 beyond a bound.
        """
        special = self.keyword(text, owner)
        if special is not None:
            return special
        value = self.number(text)
        if self.infinite and value >= INFINITY:
            return math.inf
        if self.integer and math.isfinite(value):
            value = float(math.floor(value + 0.5))
        return self.inside(value, owner)

    def number(self, text: str) -> float:
        """Return the number that is written, in `unit` or one of `units`."""
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise ScpiError(-104)
        exponent = int(match[2] or 0) + self._power(match[3].upper())
        return float(f"{match[1]}e{exponent}")

    def inside(self, value: float, owner: Any) -> float:
        """Return `value`, or raise OutOfRangeError."""
        low, high = self.bounds(owner)
        if not low <= value <= high:
            raise OutOfRangeError(high if value > high else low, upper=value > high)
        return value

    def show(self, value: float) -> str:
        return f"{max(-INFINITY, min(value, INFINITY)):{self.form}}"

    def _power(self, suffix: str) -> int:
        """Return the power of ten of a multiplier and a unit."""
        for unit in (self.unit, *self.units):
            if unit and suffix.endswith(unit):
                multiplier = suffix.removesuffix(unit)
                if unit in _MEGA and multiplier == "M":
                    return 6
                if multiplier in _MULTIPLIERS:
                    return _MULTIPLIERS[multiplier]
        if suffix:
            raise ScpiError(-131 if self.unit else -138)
        return 0


class OutOfRangeError(ScpiError):
    """A number beyond a bound: some instruments take the bound instead, all report it."""

    def __init__(self, bound: float, *, upper: bool) -> None:
        super().__init__(-222)
        self.bound, self.upper = bound, upper


@dataclass(frozen=True)
class Boolean:
    """``ON``, ``OFF`` or a number, of which zero (rounded) is off."""

    optional: bool = False

    def read(self, text: str, owner: Any) -> bool:
        if text.upper() in ("ON", "OFF"):
            return text.upper() == "ON"
        match = _NUMBER.fullmatch(text)
        if match is None or match[3]:
            raise ScpiError(-224)
        return abs(float(f"{match[1]}e{match[2] or 0}")) >= 0.5

    def show(self, value: bool) -> str:
        return str(int(value))


@dataclass(frozen=True)
class Choice:
    """One of a few words such as ``"SINusoid"``, answered in the short form.

    Attributes
    ----------
    words : tuple of str
        Capitals make the short form.
    """

    words: tuple[str, ...]
    optional: bool = False

    def read(self, text: str, owner: Any) -> str:
        """Return the short form; raise ScpiError -224 for another word."""
        for word in self.words:
            if text.upper() in (word.upper(), short_form(word)):
                return short_form(word)
        raise ScpiError(-224)

    def show(self, value: str) -> str:
        return value


def choice(*words: str, optional: bool = False) -> Choice:
    """Return the place of one of `words`, such as ``choice("NORMal", "INVerted")``."""
    return Choice(words, optional)


def short_form(word: str) -> str:
    """Return the capitals and digits of ``"FUNCtion"``: ``"FUNC"``."""
    return "".join(letter for letter in word if not letter.islower())

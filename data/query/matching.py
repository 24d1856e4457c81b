"""Whether a run is what a query describes.

A comparison with something that a run does not have is never true, also with ``!=``. Texts
are compared without regard to upper and lower case. Numbers are equal within 1e-9 of
themselves, because a unit converted is seldom exact.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from labsyn.data.catalogue_entry import Entry
from labsyn.data.errors import QueryError, UnitError
from labsyn.data.query.dates import Period, parse_moment, parse_period
from labsyn.data.query.language import NUMBER, Comparison, Negation, Query, Value
from labsyn.data.query.names import Kind, Names, as_float, find_name, is_value
from labsyn.data.units import parse_quantity

Match = Callable[[Entry], bool]

_ORDER = ("<", "<=", ">", ">=")
_ALLOWED: dict[Kind, tuple[str, ...]] = {
    "text": ("=", "!=", "~"),
    "words": ("=", "!=", "~"),
    "number": ("=", "!=", *_ORDER),
    "date": ("=", "!=", *_ORDER),
    "yes or no": ("=", "!="),
    "anything": ("=", "!=", "~", *_ORDER),
}
_YES_NO = {"true": True, "yes": True, "false": False, "no": False}
# pint computes whatever stands in a unit, 9**9**9 too: give it letters and small powers only.
_UNIT = re.compile(r"[^\W\d_]{1,12}(\^-?\d)?([/*·][^\W\d_]{1,12}(\^-?\d)?){0,3}|[%°]|°C")


def compile_query(text: str, query: Query, names: Names) -> Match:
    """Return a function that tells whether a run is what `query` describes.

    Raises
    ------
    QueryError
        If a name is not known, or cannot be compared in this way or with this value.
    """
    if isinstance(query, Comparison):
        return _Compiler(text, query, names).match()
    if isinstance(query, Negation):
        inner = compile_query(text, query.inner, names)
        return lambda entry: not inner(entry)
    parts = [compile_query(text, part, names) for part in query.parts]
    if query.word == "and":
        return lambda entry: all(part(entry) for part in parts)
    return lambda entry: any(part(entry) for part in parts)


class _Compiler:
    """One comparison: checks it against what the name is, then makes the function."""

    def __init__(self, text: str, comparison: Comparison, names: Names) -> None:
        self._text, self._comparison = text, comparison
        start = text.find(comparison.name, comparison.span.start)  # behind a quote, if any
        self._name = find_name(text, comparison.name, names, start)

    def match(self) -> Match:
        name, operator, value = self._name, self._comparison.operator, self._comparison.value
        if value is None:
            return lambda entry: _present(name.get(entry)[0])
        allowed = _ALLOWED[name.kind]
        if operator not in allowed:
            kind = {"words": "tags", "text": "a text", "number": "a number", "date": "a date"}
            what = kind.get(name.kind, name.kind)
            raise self._refused(
                f"{name.name} is {what}: compare it with {', '.join(allowed)}, not {operator}"
            )
        test = self._test(operator, value)

        def matches(entry: Entry) -> bool:
            found, unit = name.get(entry)
            return is_value(found) and test(found, unit)

        return matches

    def _test(self, operator: str, value: Value) -> Callable[[Any, str], bool]:
        kind = self._name.kind
        if kind == "text":
            return lambda found, _: _compare_texts(found, operator, value.text)
        if kind == "words":
            return lambda found, _: _compare_words(found, operator, value.text)
        if kind == "date":
            period = parse_period(value.text)
            if period is None:
                raise self._refused(
                    f"{value.text!r} is no date; write 2026, 2026-11, 2026-11-01 or "
                    "2026-11-01T09:30",
                    value,
                )
            return lambda found, _: _compare_dates(found, operator, period)
        if kind == "yes or no":
            wanted = _YES_NO.get(value.text.lower())
            if wanted is None:
                raise self._refused(f"{value.text!r} is neither yes nor no", value)
            return lambda found, _: (found is wanted) == (operator == "=")
        return self._quantity_test(operator, value)

    def _quantity_test(self, operator: str, value: Value) -> Callable[[Any, str], bool]:
        literal = Literal(value.text)
        name = self._name
        numbers = [unit for unit in name.units if literal.in_unit(unit) is not None]
        if not numbers and operator != "~":
            if name.units and not name.has_texts:
                units = " or ".join(sorted(filter(None, name.units)))
                inside = f", which is in {units}" if units else ""
                raise self._refused(
                    f"{value.text!r} is no number to compare {name.name} with{inside}", value
                )
            if operator in _ORDER and not literal.is_number:
                raise self._refused(
                    f"{value.text!r} is no number; texts are compared with =, != and ~", value
                )
        return lambda found, unit: compare_anything(found, unit, operator, literal)

    def _refused(self, what: str, value: Value | None = None) -> QueryError:
        span = value.span if value is not None else self._comparison.span
        return QueryError(what, self._text, span.start, span.end)


class Literal:
    """The value of a query, as a text and as a number in whatever unit a run has."""

    def __init__(self, text: str) -> None:
        self.text = text
        number = NUMBER.match(text.strip())
        symbol = text.strip()[number.end() :].strip() if number else ""
        self.is_number = number is not None and (not symbol or bool(_UNIT.fullmatch(symbol)))
        self.symbol = symbol if self.is_number else ""
        self._known: dict[str, float | None] = {}

    def in_unit(self, unit: str) -> float | None:
        """Return the number in `unit`, or None if it is none there."""
        if unit not in self._known:
            self._known[unit] = _quantity(self.text, unit) if self.is_number else None
        return self._known[unit]


def _quantity(text: str, unit: str) -> float | None:
    try:
        return parse_quantity(text, unit)
    except UnitError:
        return None


def compare_anything(found: Any, unit: str, operator: str, literal: Literal) -> bool:
    """Compare a parameter, sample field or metric, which may be of any JSON type."""
    if isinstance(found, bool) and literal.text.lower() in _YES_NO:
        return operator in ("=", "!=") and (
            (found is _YES_NO[literal.text.lower()]) == (operator == "=")
        )
    if operator != "~":
        ours, theirs = _as_numbers(found, unit, literal)
        if ours is not None and theirs is not None:
            return _compare_numbers(ours, operator, theirs)
        if operator in _ORDER:
            return False
    text = found if isinstance(found, str) else json.dumps(found)
    return _compare_texts(text, operator, literal.text)


def _as_numbers(found: Any, unit: str, literal: Literal) -> tuple[float | None, float | None]:
    """Return both as numbers in one unit, where they are; "295 K" in a text is one too."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        return as_float(found), literal.in_unit(unit)
    if isinstance(found, str) and literal.is_number and (own := Literal(found)).is_number:
        unit = own.symbol if own.symbol else literal.symbol
        return own.in_unit(unit), literal.in_unit(unit)
    return None, None


def _compare_numbers(ours: float, operator: str, theirs: float) -> bool:
    equal = math.isclose(ours, theirs, rel_tol=1e-9)
    match operator:
        case "=":
            return equal
        case "!=":
            return not equal
        case "<":
            return ours < theirs and not equal
        case "<=":
            return ours < theirs or equal
        case ">":
            return ours > theirs and not equal
    return ours > theirs or equal


def _compare_dates(found: str, operator: str, period: Period) -> bool:
    moment = parse_moment(found)
    if moment is None:
        return False
    match operator:
        case "<":
            return moment < period.start
        case "<=":
            return moment < period.end
        case ">":
            return moment >= period.end
        case ">=":
            return moment >= period.start
    return (period.start <= moment < period.end) == (operator == "=")


def _compare_texts(found: str, operator: str, wanted: str) -> bool:
    ours, theirs = _folded(found), _folded(wanted)
    if operator == "~":
        return theirs in ours
    return (ours == theirs) == (operator == "=")


def _compare_words(found: tuple[str, ...], operator: str, wanted: str) -> bool:
    if operator == "!=":
        return not _compare_words(found, "=", wanted)
    return any(_compare_texts(word, operator, wanted) for word in found)


def _folded(text: str) -> str:
    """Return a text to compare: macOS stores ü as two characters, keyboards give one."""
    return unicodedata.normalize("NFC", text).casefold()


def _present(value: Any) -> bool:
    return is_value(value) and value is not False and value != ()

"""What the names of a query mean: which fact of a run, of which kind, in which unit."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from labsyn.data.catalogue_entry import Entry
from labsyn.data.errors import QueryError
from labsyn.data.fit_metrics import METRICS

Kind = Literal["text", "number", "date", "yes or no", "words", "anything"]
Get = Callable[[Entry], tuple[Any, str]]


@dataclass(frozen=True)
class Name:
    """A name, its kind, and a function that gives the value of a run and its unit.

    The value is None where a run has none. `units` are those in which some run has a number,
    and `has_texts` tells whether some run has something else under this name.
    """

    name: str
    kind: Kind
    get: Get
    units: frozenset[str] = frozenset()
    has_texts: bool = False


def _own(kind: Kind, attribute: str, unit: str = "") -> tuple[Kind, Get, str]:
    return kind, lambda entry: (getattr(entry, attribute), unit), unit


_OWN: dict[str, tuple[Kind, Get, str]] = {
    name: _own("text", name)
    for name in ("name", "procedure", "status", "device", "operator", "host", "uuid", "note")
} | {
    "problem": _own("text", "problem"),
    "started": _own("date", "started"),
    "date": _own("date", "started"),
    "ended": _own("date", "ended"),
    "duration": _own("number", "duration", "s"),
    "n_rows": _own("number", "n_rows"),
    "seed": _own("number", "seed"),
    "simulated": _own("yes or no", "simulated"),
    "fitted": ("yes or no", lambda entry: (bool(entry.fit), ""), ""),
    "tag": _own("words", "tags"),
}


def _metric(name: str) -> Get:
    def get(entry: Entry) -> tuple[Any, str]:
        found = entry.fit.get(name)
        return (None, "") if found is None else (found.value, found.unit)

    return get


def _parameter(name: str) -> Get:
    return lambda entry: (entry.parameters.get(name), _unit(entry, name))


def _sample(name: str) -> Get:
    unit = "K" if name == "temperature" else ""  # a number there is in kelvin
    return lambda entry: (entry.sample.get(name), unit)


def _unit(entry: Entry, parameter: str) -> str:
    unit = entry.parameter_units.get(parameter)
    return unit if isinstance(unit, str) and unit != "1" else ""


_PREFIXES: dict[str, Callable[[str], Get]] = {
    "fit.": _metric,
    "parameter.": _parameter,
    "sample.": _sample,
}


@dataclass
class Names:
    """The names that a query of certain runs may use.

    A name that stands for a parameter and a sample field means the parameter where a run
    has it, else the field; ``parameter.NAME``, ``sample.NAME`` and ``fit.NAME`` say which.
    """

    entries: tuple[Entry, ...]
    known: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Return the names that mean something for these runs."""
        entries = tuple(entries)
        known = {
            "fit.": set(METRICS),
            "parameter.": set().union(*(entry.parameters for entry in entries)),
            "sample.": set().union(*(entry.sample for entry in entries)),
        }
        return cls(entries, known)

    def find(self, name: str) -> Name | None:
        """Return what a name means, or None if it means nothing."""
        if name in _OWN:
            kind, get, unit = _OWN[name]
            return Name(name, kind, get, frozenset({unit}))
        for prefix, make in _PREFIXES.items():
            if name.removeprefix(prefix) in self.known[prefix] and name.startswith(prefix):
                return self._of_runs(name, make(name.removeprefix(prefix)))
        gets = [make(name) for prefix, make in _PREFIXES.items() if name in self.known[prefix]]
        if not gets:
            return None

        def first(entry: Entry) -> tuple[Any, str]:
            values = (get(entry) for get in gets)
            return next((pair for pair in values if pair[0] is not None), (None, ""))

        return self._of_runs(name, first)

    def _of_runs(self, name: str, get: Get) -> Name:
        units, has_texts = set(), False
        for entry in self.entries:
            value, unit = get(entry)
            if isinstance(value, int | float) and not isinstance(value, bool):
                units.add(unit)
            elif value is not None:
                has_texts = True
        return Name(name, "anything", get, frozenset(units), has_texts)

    def nearest(self, name: str) -> list[str]:
        """Return the names that were perhaps meant, the likeliest first."""
        names = {
            known.casefold(): known for known in sorted(set(_OWN).union(*self.known.values()))
        }
        near = difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
        return [names[match] for match in near]


def find_name(query: str, name: str, names: Names, start: int | None = None) -> Name:
    """Return what `name`, a piece of `query`, means.

    Raises
    ------
    QueryError
        If it means nothing, with the names that were perhaps meant.
    """
    found = names.find(name)
    if found is not None:
        return found
    near = names.nearest(name)
    hint = f"did you mean {' or '.join(near)}?" if near else "docs/catalogue.md tells the names"
    begin = query.rfind(name) if start is None else start
    raise QueryError(
        f"{name!r} is neither a fact of every run nor a parameter, sample field or metric of "
        f"one here; {hint}",
        query,
        begin,
        begin + len(name),
    )


def sort_entries(entries: Iterable[Entry], name: Name, largest_first: bool) -> list[Entry]:
    """Return runs in order: numbers, then texts; those without a value always last."""
    ordered: dict[bool, list[Entry]] = {True: [], False: []}
    for entry in entries:
        ordered[is_value(name.get(entry)[0])].append(entry)
    ordered[True].sort(key=lambda entry: _order(name.get(entry)[0]), reverse=largest_first)
    return ordered[True] + ordered[False]


def _order(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, as_float(value), ""
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    return 1, 0.0, text.casefold()


def is_value(value: Any) -> bool:
    """Return whether a run has something under a name; NaN and an empty text are nothing."""
    return value is not None and value != "" and value == value


def as_float(value: float) -> float:
    """Return a number as a float; an integer beyond all floats is infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")

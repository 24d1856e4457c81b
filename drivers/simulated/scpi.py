"""SCPI, the command language of most instruments: messages in, commands and values out.

A command is declared once, in the notation of the manuals: ``"[SOURce<n>:]FUNCtion:PULSe:
PERiod"`` has an optional first node with a numeric suffix, and long forms whose capitals
are the short ones (SCPI 1999.0, volume 1, chapter 6). `labsyn.drivers.simulated.
scpi_values` holds the kinds of parameters, `scpi_instrument` the instrument around it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from labsyn.drivers.simulated.scpi_values import (
    Number,
    OutOfRangeError,
    Parameter,
    ScpiError,
    short_form,
)

Clip = Callable[[OutOfRangeError], float]
"""Takes a number beyond a bound and returns what the instrument takes instead."""

_NODE = re.compile(r"(\[)?:?(\*?[A-Za-z]+)(<n>)?:?(?(1)\])")
_HEADER_NODE = re.compile(r"(\*?[A-Za-z]+)([0-9]{0,3})")


def _itself(instrument: Any, n: int) -> Any:
    return instrument


@dataclass(frozen=True)
class Command:
    """What a header means.

    Attributes
    ----------
    pattern : str
        Header in the notation of the manuals; with ``?`` at its end it is a query.
    run : callable
        Called with the owner and the values; returns the answer or None.
    parameters : tuple of Parameter
        What follows the header; the last one may stand for any number of values.
    of : callable
        Returns the owner, from the instrument and the numeric suffix (1 without one).
    repeated : bool
        Whether the last parameter may be repeated.
    """

    pattern: str
    run: Callable[..., str | None]
    parameters: tuple[Parameter, ...] = ()
    of: Callable[[Any, int], Any] = _itself
    repeated: bool = False

    def bind(self, texts: list[str], owner: Any, clip: Clip | None = None) -> list[Any]:
        """Return the values of `texts`; raise ScpiError if they do not fit.

        With `clip`, a number beyond a bound is what that returns.
        """
        places = self.parameters
        if self.repeated:
            places += (places[-1],) * max(0, len(texts) - len(places))
        if len(texts) > len(places):
            raise ScpiError(-108)
        padded = texts + [""] * (len(places) - len(texts))
        return [_read(p, text, owner, clip) for p, text in zip(places, padded, strict=True)]


def _read(parameter: Parameter, text: str, owner: Any, clip: Clip | None) -> Any:
    if not text:
        if parameter.optional:
            return None
        raise ScpiError(-109)
    try:
        return parameter.read(text, owner)
    except OutOfRangeError as error:
        if clip is None:
            raise
        return clip(error)


def setting(
    pattern: str, name: str, kind: Parameter, of: Callable[[Any, int], Any] = _itself
) -> list[Command]:
    """Return the command that sets the attribute `name` of the owner, and its query.

    The attribute may be a property, whose setter raises `ScpiError` to refuse. The query
    of a number also answers ``MIN`` and ``MAX``.
    """

    def put(owner: Any, value: Any) -> None:
        setattr(owner, name, value)

    def ask(owner: Any, bound: float | None = None) -> str:
        return kind.show(getattr(owner, name) if bound is None else bound)

    asked = (_BoundOf(kind),) if isinstance(kind, Number) else ()
    return [Command(pattern, put, (kind,), of), Command(f"{pattern}?", ask, asked, of)]


@dataclass(frozen=True)
class _BoundOf:
    """``MIN`` or ``MAX`` behind the query of a number."""

    number: Number
    optional: bool = True

    def read(self, text: str, owner: Any) -> float:
        value = self.number.keyword(text, owner)
        if value is None:
            raise ScpiError(-224)
        return value

    def show(self, value: float) -> str:
        return self.number.show(value)


class CommandTree:
    """Commands by header, whichever way it is spelled.

    Parameters
    ----------
    commands : iterable of Command
        A later one replaces an earlier one of the same header.
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self.commands = tuple(commands)
        self._short: dict[str, str] = {}
        self._by_path: dict[tuple[str, ...], tuple[Command, int | None]] = {}
        for command in self.commands:
            self._declare(command)

    def _declare(self, command: Command) -> None:
        is_query = command.pattern.endswith("?")
        paths: list[tuple[tuple[str, ...], int | None]] = [((), None)]
        for optional, word, suffix in _NODE.findall(command.pattern.removesuffix("?")):
            short = short_form(word)
            self._short[word.upper()] = self._short[short] = short
            longer = [((*path, short), len(path) if suffix else place) for path, place in paths]
            paths = longer + paths if optional else longer
        for path, place in paths:
            self._by_path[(*path, "?") if is_query else path] = (command, place)

    def find(self, header: str) -> tuple[Command, int]:
        """Return the command of `header` and its numeric suffix, 1 without one.

        Raises
        ------
        ScpiError
            -113 for an unknown header, -114 for a suffix where none belongs.
        """
        is_query = header.endswith("?")
        nodes = header.removesuffix("?").removeprefix(":").split(":")
        matches = [_HEADER_NODE.fullmatch(node) for node in nodes]
        if any(match is None for match in matches) or header.startswith(":*"):
            raise ScpiError(-113)
        words = [(match[1].upper(), match[2]) for match in matches if match is not None]
        path = tuple(self._short.get(word, word) for word, _ in words)
        command, place = self._by_path.get((*path, "?") if is_query else path, (None, None))
        if command is None:
            raise ScpiError(-113)
        for index, (_, digits) in enumerate(words):
            if index != place and digits not in ("", "1"):
                raise ScpiError(-114)
        return command, int(words[place][1] or 1) if place is not None else 1


def split_outside(text: str, separator: str) -> list[str]:
    """Split at `separator`, except in strings and in definite-length blocks."""
    interesting = re.compile(f"[{separator}\"'#]")
    parts: list[str] = []
    start = at = 0
    while (match := interesting.search(text, at)) is not None:
        at = match.start()
        if text[at] == separator:
            parts.append(text[start:at])
            start = at = at + 1
        else:
            at = _skip(text, at)
    return [*parts, text[start:]]


def _skip(text: str, at: int) -> int:
    """Return the index after the string or block that begins at `at`, if it is one."""
    if text[at] != "#":
        end = text.find(text[at], at + 1)
        return end + 1 if end >= 0 else at + 1
    match = re.compile("[1-9]").match(text, at + 1)
    if match is None:
        return at + 1
    start = at + 2 + int(match[0])
    length = text[at + 2 : start]
    return start + int(length) if re.fullmatch("[0-9]+", length) else at + 1


def split_unit(unit: str) -> tuple[str, list[str]]:
    """Return the header of one command and the texts of its parameters."""
    header, *rest = unit.lstrip().split(None, 1)
    if not rest:
        return header, []
    # The bytes of a block may be blanks: only other parameters are stripped at their end.
    texts = [text.lstrip() for text in split_outside(rest[0], ",")]
    return header, [text if text.startswith("#") else text.rstrip() for text in texts]


def absolute(header: str, path: str) -> tuple[str, str]:
    """Return the full header, and the path that a following command continues.

    ``FUNC:PULS:WIDT 1;PER 2`` sets the period of the same ``FUNC:PULS`` (SCPI 1999.0,
    volume 1, 6.2.4); common commands leave the path alone.
    """
    if header.startswith("*"):
        return header, path
    full = header if header.startswith(":") else f"{path}:{header}"
    return full, full.rpartition(":")[0]

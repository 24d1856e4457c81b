"""The terse command language of Stanford Research: statements in, handlers out.

A statement is a mnemonic in either case, a question mark for a query, and a comma list;
several statements are joined by ``;``. Blanks are optional everywhere in an SR830 (manual,
chapter 5), while an SR860 wants one before the first argument and none before the question
mark (manual, chapter 4). An illegal statement sets bit 5 of the standard event status byte,
a value out of range bit 4; there is no queue of error texts.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labsyn.data.errors import InstrumentError

EXECUTION_ERROR = 1 << 4
ILLEGAL_COMMAND = 1 << 5

_STATEMENT = re.compile(r"(\*?[A-Za-z]+)\s*(\??)\s*(.*)", re.DOTALL)
_SPACED_STATEMENT = re.compile(r"(\*?[A-Za-z]+)(\??)(?:\s+(.*))?", re.DOTALL)
_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)", re.ASCII)

Reader = Callable[[str], Any]
"""Turns the text of one argument into its value, or raises SRSError."""


class SRSError(InstrumentError):
    """A statement the instrument refuses; `bit` goes to the standard event status."""

    def __init__(self, bit: int) -> None:
        super().__init__(
            "a value is out of range" if bit == EXECUTION_ERROR else "illegal command"
        )
        self.bit = bit


def number(low: float, high: float, units: Mapping[str, float] | None = None) -> Reader:
    """Return the reader of a real number, both bounds allowed.

    One of `units` may follow it, which multiplies it by its value.
    """
    factors = {"": 1.0, **(units or {})}

    def read(text: str) -> float:
        match = _NUMBER.fullmatch(text)
        if match is None or match[2].upper() not in factors:
            raise SRSError(ILLEGAL_COMMAND)
        value = float(match[1]) * factors[match[2].upper()]
        if not low <= value <= high:
            raise SRSError(EXECUTION_ERROR)
        return value

    return read


def integer(low: int, high: int) -> Reader:
    """Return the reader of a whole number, written with a decimal point or without."""
    bounded = number(low, high)

    def read(text: str) -> int:
        value: float = bounded(text)
        if not value.is_integer():
            raise SRSError(EXECUTION_ERROR)
        return int(value)

    return read


def word(*names: str) -> Reader:
    """Return the reader of one of `names`, or of its index.

    Upper case letters make the short form: ``"THeta"`` is read from TH and THETA.
    """
    known = {name.upper(): index for index, name in enumerate(names)}
    known |= {re.sub("[a-z]", "", name): index for index, name in enumerate(names)}
    index = integer(0, len(names) - 1)

    def read(text: str) -> int:
        upper = text.upper()
        return known[upper] if upper in known else index(text)

    return read


@dataclass(frozen=True)
class Command:
    """What a mnemonic means: its handler, and the readers of its arguments.

    The last `optional` arguments may be left out; the handler then gets fewer.
    """

    handler: Callable[..., str | bytes | None]
    readers: tuple[Reader, ...] = ()
    optional: int = 0

    def bind(self, texts: list[str]) -> tuple[Any, ...]:
        """Return the values for the handler; raise SRSError if they do not fit."""
        if not len(self.readers) - self.optional <= len(texts) <= len(self.readers):
            raise SRSError(ILLEGAL_COMMAND)
        return tuple(
            read(text) for read, text in zip(self.readers[: len(texts)], texts, strict=True)
        )


def split_message(message: str) -> list[str]:
    """Return the statements of one message; CR, LF and ``;`` end a statement."""
    return [part.strip() for part in re.split(r"[;\r\n]", message) if part.strip()]


def parse_statement(
    statement: str, commands: Mapping[str, Command], *, spaced: bool = False
) -> tuple[Command, tuple[Any, ...], bool]:
    """Return command, bound arguments, and whether it is a query.

    With `spaced`, blanks must be where an SR860 wants them.

    Raises
    ------
    SRSError
        Bit 5 for an unknown mnemonic or arguments of the wrong form, bit 4 for values
        out of range.
    """
    match = (_SPACED_STATEMENT if spaced else _STATEMENT).fullmatch(statement)
    name = match[1].upper() + match[2] if match else ""
    if match is None or name not in commands:
        raise SRSError(ILLEGAL_COMMAND)
    arguments = (match[3] or "").strip()
    texts = [text.strip() for text in arguments.split(",")] if arguments else []
    command = commands[name]
    return command, command.bind(texts), bool(match[2])


def setting(
    name: str, reader: Reader, form: str = "{:d}", *, among: Reader | None = None
) -> dict[str, Command]:
    """Return the commands that set and query one value of ``instrument.settings``.

    With `among` the value is one of several, and the first argument says which.
    """
    which = () if among is None else (among,)

    def store(instrument: Any, *values: Any) -> None:
        instrument.settings[(name, *values[:-1])] = values[-1]

    def recall(instrument: Any, *index: Any) -> str:
        return form.format(instrument.settings[(name, *index)])

    return {name: Command(store, (*which, reader)), f"{name}?": Command(recall, which)}


def wrap_phase(degrees: float) -> float:
    """Return the phase between -180 and 180 degrees, as the instruments report it."""
    return math.remainder(degrees, 360.0)

"""FLEX, the command language of the B1500A: statements in, handlers and arguments out.

A command is an alpha header with optional spaces and a comma list, the header in either
case, the first number glued to it or not; several are joined by ``;`` (Agilent B1500A
Programming Guide, ed. 11, chapter 1). What each command takes is declared in tables of
`Command`; what it does is its handler.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labsyn.data.errors import InstrumentError

UNDEFINED_COMMAND = 100
BAD_PARAMETER = 120
WRONG_CHANNEL_COUNT = 122
CHANNEL_OFF = 200
ERROR_TEXTS = {
    0: "No Error.",
    UNDEFINED_COMMAND: "Undefined GPIB command.",
    BAD_PARAMETER: "Incorrect parameter value.",
    WRONG_CHANNEL_COUNT: "Number of channels must be corrected.",
    CHANNEL_OFF: "Output channel not enabled.",
}

INVALID = 199.999e99
"""What the instrument sends where it has no value."""

_STATEMENT = re.compile(r"(\*?[A-Za-z]+\??)\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class FlexError(InstrumentError):
    """A statement the instrument refuses; its code goes to the error queue."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code}: {ERROR_TEXTS[code]}")
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One place of a comma list.

    Attributes
    ----------
    low, high : float
        Bounds, both allowed.
    integer : bool
        Whether only whole numbers will do; the value is an int then.
    choices : frozenset of int
        Allowed values; empty for all within the bounds.
    optional : bool
        Whether it may be left out; the value is None then.
    repeated : bool
        Whether it stands for any number of values (last place only).
    channel : bool
        Whether it is a channel: a slot, or slot * 100 + 1 or 2 for its sub-channels. The
        first sub-channel of slot 3 is 3 as well as 301; the value is 3 for both.
    """

    low: float = -1e12
    high: float = 1e12
    integer: bool = False
    choices: frozenset[int] = frozenset()
    optional: bool = False
    repeated: bool = False
    channel: bool = False

    def read(self, text: str) -> float | int | None:
        """Return the value; raise FlexError if it is none or out of bounds."""
        if not text and self.optional:
            return None
        if not _NUMBER.fullmatch(text):
            raise FlexError(BAD_PARAMETER)
        value = float(text)
        if not self.low <= value <= self.high or (self.choices and value not in self.choices):
            raise FlexError(BAD_PARAMETER)
        if not self.integer:
            return value
        if not value.is_integer():
            raise FlexError(BAD_PARAMETER)
        return _channel(int(value)) if self.channel else int(value)


def number(low: float = -1e12, high: float = 1e12, *, optional: bool = False) -> Argument:
    """Return the place of a real number."""
    return Argument(low=low, high=high, optional=optional)


def integer(low: int, high: int, *, optional: bool = False) -> Argument:
    """Return the place of a whole number."""
    return Argument(low=low, high=high, integer=True, optional=optional)


def choice(*values: int, optional: bool = False) -> Argument:
    """Return the place of one of a few whole numbers."""
    return Argument(integer=True, choices=frozenset(values), optional=optional)


def _channel(value: int) -> int:
    """Return the slot of a first sub-channel, slot * 100 + 2 of a second one."""
    if value <= 10:
        return value
    slot, sub_channel = divmod(value, 100)
    if not 1 <= slot <= 10 or sub_channel not in (1, 2):
        raise FlexError(BAD_PARAMETER)
    return slot if sub_channel == 1 else value


CHANNEL = Argument(low=1, high=1002, integer=True, channel=True)
OPTIONAL_CHANNEL = Argument(low=1, high=1002, integer=True, channel=True, optional=True)
CHANNELS = Argument(low=1, high=1002, integer=True, channel=True, repeated=True)
RANGE = integer(-2000, 2000)
OPTIONAL_RANGE = integer(-2000, 2000, optional=True)
OUTPUT_RANGE = integer(0, 2000)
ON_OFF = choice(0, 1)


@dataclass(frozen=True)
class Command:
    """What a header means: its handler, and the arguments after the instrument."""

    handler: Callable[..., str | None]
    arguments: tuple[Argument, ...] = ()

    def bind(self, texts: list[str]) -> tuple[Any, ...]:
        """Return the values for the handler; raise FlexError if they do not fit."""
        places = self.arguments
        if places and places[-1].repeated:
            extra = max(0, len(texts) - len(places) + 1)
            places = places[:-1] + (places[-1],) * extra
        required = sum(not place.optional for place in places)
        if not required <= len(texts) <= len(places):
            raise FlexError(BAD_PARAMETER)
        padded = texts + [""] * (len(places) - len(texts))
        return tuple(place.read(text) for place, text in zip(places, padded, strict=True))


def split_message(message: str) -> list[str]:
    """Return the statements of one message; CR, LF and ``;`` end a statement."""
    return [part.strip() for part in re.split(r"[;\r\n]", message) if part.strip()]


def parse_statement(
    statement: str, commands: Mapping[str, Command]
) -> tuple[str, Command, tuple[Any, ...]]:
    """Return header, command and bound arguments.

    Raises
    ------
    FlexError
        100 for an unknown header, 120 for arguments that do not fit.
    """
    match = _STATEMENT.fullmatch(statement)
    header = match[1].upper() if match else ""
    if match is None or header not in commands:
        raise FlexError(UNDEFINED_COMMAND)
    texts = [text.strip() for text in match[2].split(",")] if match[2] else []
    command = commands[header]
    return header, command, command.bind(texts)


_FORMS = {3: "%s%07.3fE%+03d", 4: "%s%08.4fE%+03d"}


def format_number(value: float, decimals: int) -> str:
    """Return sign, three integer digits, `decimals` digits and an engineering exponent.

    12 characters with 3 decimals (FMT 1, 2, 5), 13 with 4 (FMT 11 and above).

    >>> format_number(123e-9, 3)
    '+123.000E-09'
    """
    magnitude = abs(value)
    if not magnitude < INVALID:  # NaN as well
        return f"+199.{'9990'[:decimals]}E+99"
    power, digits = 0, 0.0
    if magnitude > 1e-96:
        power = 3 * math.floor(math.log10(magnitude) / 3)
        digits = magnitude / 10.0**power
        if digits > 999 and round(digits, decimals) >= 1000:  # it has no fourth digit
            digits, power = digits / 1000, power + 3
    return _FORMS[decimals] % ("-" if value < 0 else "+", digits, power)

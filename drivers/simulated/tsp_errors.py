"""Errors of a TSP instrument, and the queue that keeps them until they are read."""

from collections import deque
from collections.abc import Collection

from labsyn.data.errors import InstrumentError

# The reference manual prints the messages of parameter and conflict errors (such as 1115,
# page on channel.setlabel); the other codes are the usual ones of this maker's instruments
# and of SCPI. Whoever knows better changes them here.
DATA_TYPE = -104
TOO_MANY_PARAMETERS = -108
MISSING_PARAMETER = -109
UNDEFINED_HEADER = -113
OUT_OF_RANGE = -222
SYNTAX = -285
RUNTIME = -286
QUEUE_OVERFLOW = -350
INPUT_OVERRUN = -363
OUTPUT_FULL = -430
SETTINGS_CONFLICT = 1114
PARAMETER = 1115

_TEXTS = {
    DATA_TYPE: "Data type error",
    TOO_MANY_PARAMETERS: "Parameter not allowed",
    MISSING_PARAMETER: "Missing parameter",
    UNDEFINED_HEADER: "Undefined header",
    OUT_OF_RANGE: "Parameter data out of range",
    SYNTAX: "TSP Syntax Error",
    RUNTIME: "TSP Runtime Error",
    QUEUE_OVERFLOW: "Queue overflow",
    INPUT_OVERRUN: "Input buffer overrun",
    OUTPUT_FULL: "Query deadlocked",
    SETTINGS_CONFLICT: "Settings conflict error",
    PARAMETER: "Parameter error",
}
_EVENTS = {1: 32, 2: 16, 3: 8, 4: 4}  # command, execution, device, query; by hundreds
_SEVERITY = 20  # recoverable: "invalid user input; operation continues"
_NODE = 1
_LENGTH = 64  # not in the manual
_LONGEST_TEXT = 200
_MOST_KEPT = 500  # setups, patterns or configurations: a choice


class TspError(InstrumentError):
    """What the instrument refuses; code and text go to the error queue."""

    def __init__(self, code: int, detail: str = "") -> None:
        self.code = code
        self.text = _printable(f"{_TEXTS[code]}{', ' if detail else ''}{detail}")
        super().__init__(f"{code}: {self.text}")


class ErrorQueue:
    """First in, first out; a full one keeps the oldest and says that it overflowed.

    Attributes
    ----------
    events : int
        Bits of the standard event register that errors have set (IEEE 488.2).
    """

    def __init__(self) -> None:
        self.events = 0
        self._entries: deque[tuple[int, str, int, int]] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, error: TspError) -> None:
        """Queue what the instrument refuses."""
        self.add(error.code, error.text)

    def add(self, code: int, text: str) -> None:
        """Queue one error."""
        self.events |= _EVENTS.get(-code // 100, 8)
        if len(self._entries) >= _LENGTH:
            self._entries[-1] = (QUEUE_OVERFLOW, _TEXTS[QUEUE_OVERFLOW], _SEVERITY, _NODE)
        else:
            self._entries.append((code, text, _SEVERITY, _NODE))

    def next(self) -> tuple[int, str, int, int]:
        """Remove the oldest: code, message, severity, node; code 0 if there is none."""
        return self._entries.popleft() if self._entries else (0, "Queue Is Empty", 0, 0)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def refuse_full(kept: Collection[str], name: str, what: str) -> None:
    """Raise TspError if no new `name` fits among those `kept`: scripts must not fill Python."""
    if name not in kept and len(kept) >= _MOST_KEPT:
        raise TspError(SETTINGS_CONFLICT, f"no memory left for {what}")


def text_argument(value: object, what: str) -> str:
    """Return `value` if it is a text, else raise TspError."""
    if not isinstance(value, str):
        raise TspError(DATA_TYPE, f"{what} must be a string")
    return value


def number_argument(value: object, low: float, high: float, what: str) -> float:
    """Return `value` as float if it is a number from `low` to `high`, else raise TspError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TspError(DATA_TYPE, f"{what} must be a number")
    if not low <= value <= high:  # written so that NaN is refused too
        raise TspError(OUT_OF_RANGE, f"{what} must be {low:g} to {high:g}")
    return float(value)


def integer_argument(value: object, low: int, high: int, what: str) -> int:
    """Return `value` as int if it is a whole number from `low` to `high`."""
    number = number_argument(value, low, high, what)
    if not number.is_integer():
        raise TspError(OUT_OF_RANGE, f"{what} must be a whole number")
    return int(number)


def _printable(text: str) -> str:
    """Return `text` on one line without tabs, which separate the fields of an answer."""
    return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST_TEXT]

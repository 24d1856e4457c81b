"""Faults by name, between a client and any simulated instrument.

What goes wrong on a bench (a reply that never comes, comes late, comes twice, is cut or
garbled; a connection that is lost; an instrument that reports an error) is put between the
client and an instrument that works: neither knows.
"""

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Literal, cast

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.instrument import FragileInstrument, SimulatedInstrument

Kind = Literal[
    "timeout",
    "late",
    "duplicate",
    "empty",
    "truncate",
    "garble",
    "slow",
    "disconnect",
    "answer",
    "error",
    "compliance",
    "overload",
]
KINDS: dict[str, str] = {
    "timeout": "the reply never comes",
    "late": "the reply comes only after the client gave up once",
    "duplicate": "the reply comes twice",
    "empty": "the reply holds nothing but its end",
    "truncate": "the second half of the reply is missing, and its end too",
    "garble": "the reply is no text",
    "slow": "the reply takes `seconds` longer",
    "disconnect": "the connection is lost, and stays lost",
    "answer": "the reply is `text` instead, for example an error or a status",
    "error": "the instrument reports the error `code`, `text` after the message",
    "compliance": "the readings of the message are in compliance",
    "overload": "the readings of the message are beyond the range",
}
"""Every fault and what it does."""

_INSIDE = ("error", "compliance", "overload")  # of the instrument, not of its cable
_NOISE = b"\xff\xfe\x80\x00\x93"
_REPLY = 1 << 20
_TYPES: dict[str, tuple[type | UnionType, str]] = {
    "match": (str, "a text"),
    "text": (str, "a text"),
    "after": (int, "a whole number"),
    "times": (int, "a whole number"),
    "code": (int, "a whole number"),
    "seconds": (int | float, "a number"),
}


class ConnectionLostError(ConnectionError):
    """The simulated cable is out; the backend reports it as VISA does."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Attributes
    ----------
    kind : str
        A name of `KINDS`.
    match : str
        Regular expression; the fault waits for a message in which it is found.
    after : int
        Matching messages that pass unharmed first.
    times : int
        Matching messages that it then befalls.
    text : str
        Reply of the kind ``answer``, without its end; text of an ``error``.
    code : int
        Of the kind ``error``; bits of ERRS for a lock-in.
    seconds : float
        Delay of the kind ``slow``, on the virtual clock.
    """

    kind: Kind
    match: str = ""
    after: int = 0
    times: int = 1
    text: str = ""
    code: int = 0
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"no fault is called {self.kind!r}; known are {', '.join(KINDS)}")
        for name, (kind, what) in _TYPES.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ConfigError(f"fault {self.kind}: {name} = {value!r} must be {what}")
        try:
            re.compile(self.match)
        except re.error as error:
            raise ConfigError(f"{self.match!r} is no regular expression: {error}") from error
        if self.after < 0 or self.times < 1 or not 0 <= self.seconds < math.inf:
            raise ConfigError(
                f"fault {self.kind}: after = {self.after}, times = {self.times}, seconds = "
                f"{self.seconds:g}; at least 0, 1 and 0 (finite) are needed"
            )
        if self.kind == "error" and not self.code:
            raise ConfigError("fault error: code = 0 is no error; give the code to report")


@dataclass
class FaultyInstrument:
    """A simulated instrument behind a bad cable.

    Parameters
    ----------
    inner : SimulatedInstrument
        The instrument that works.
    faults : sequence of Fault
        Of those that a message triggers, the first one happens.
    clock : VirtualClock
        For slow replies.

    Raises
    ------
    ConfigError
        If the instrument cannot have one of the faults.
    """

    inner: SimulatedInstrument
    faults: Sequence[Fault]
    clock: VirtualClock
    lost: bool = field(default=False, init=False)
    _seen: dict[int, int] = field(default_factory=dict, init=False)
    _replies: deque[tuple[bytes, bool]] = field(default_factory=deque, init=False)
    _late: deque[tuple[bytes, bool]] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        has = self.inner.AILMENTS if isinstance(self.inner, FragileInstrument) else ()
        for fault in self.faults:
            if fault.kind in _INSIDE and fault.kind not in has:
                raise ConfigError(
                    f"fault {fault.kind}: a {type(self.inner).__name__} cannot have it, "
                    f"only {', '.join(has) or 'faults of its cable'}"
                )

    def write(self, data: bytes) -> None:
        self._check_cable()
        fault = self._triggered(data.decode("ascii", "replace"))
        if fault is not None and fault.kind == "disconnect":
            self.lost = True
            self._check_cable()
        if fault is not None and fault.kind in _INSIDE:
            self._suffer(fault, data)
            return
        self.inner.write(data)
        if fault is not None:
            reply = self._drain()
            if reply:
                self._harm(fault, reply)

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        self._check_cable()
        if not self._replies:
            if self._late:
                self._replies.append(self._late.popleft())
                return b"", False
            return self.inner.read(count, termchar)
        data, end = self._replies.popleft()
        cut = min(count, len(data))
        if termchar and termchar in data[:cut]:
            cut = data.index(termchar) + len(termchar)
        if cut < len(data):
            self._replies.appendleft((data[cut:], end))
            return data[:cut], False
        return data, end

    def has_answer(self) -> bool:
        return bool(self._replies or self._late) or self.inner.has_answer()

    def clear(self) -> None:
        self._check_cable()
        self._replies.clear()
        self._late.clear()
        self.inner.clear()

    def trigger(self) -> None:
        self._check_cable()
        self.inner.trigger()

    def status_byte(self) -> int:
        self._check_cable()
        return self.inner.status_byte()

    def _check_cable(self) -> None:
        if self.lost:
            raise ConnectionLostError("the simulated connection is lost")

    def _triggered(self, message: str) -> Fault | None:
        for index, fault in enumerate(self.faults):
            if re.search(fault.match, message):
                seen = self._seen[index] = self._seen.get(index, 0) + 1
                if fault.after < seen <= fault.after + fault.times:
                    return fault
        return None

    def _suffer(self, fault: Fault, data: bytes) -> None:
        """Let the message fall into a bad moment of the instrument itself."""
        patient = cast(FragileInstrument, self.inner)  # __post_init__ has made sure
        if fault.kind == "error":
            patient.write(data)
            patient.fail(fault.code, fault.text or "Simulated fault.")
            return
        patient.ail(fault.kind)
        try:
            patient.write(data)
        finally:
            patient.ail("")

    def _drain(self) -> bytes:
        reply = b""
        while self.inner.has_answer():  # to read from one with nothing to say is an error
            part, end = self.inner.read(_REPLY)
            reply += part
            if end:
                break
        return reply

    def _harm(self, fault: Fault, reply: bytes) -> None:
        body = reply.rstrip(b"\r\n")
        ending = reply[len(body) :]
        if fault.kind == "late":
            self._late.append((reply, True))
        elif fault.kind == "duplicate":
            self._replies += [(reply, True), (reply, True)]
        elif fault.kind == "empty":
            self._replies.append((ending, True))
        elif fault.kind == "truncate":
            self._replies.append((body[: len(body) // 2], False))
        elif fault.kind == "garble":
            self._replies.append((_NOISE + ending, True))
        elif fault.kind == "slow":
            self.clock.sleep(fault.seconds)
            self._replies.append((reply, True))
        elif fault.kind == "answer":
            self._replies.append((fault.text.encode("ascii", "replace") + ending, True))

"""An instrument of terse statements: messages in, bits of an event register, answers out."""

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.answers import AnswerQueue
from labsyn.drivers.simulated.srs import Command, SRSError, parse_statement, split_message

_QUEUE_OVERFLOW = 1 << 2
_POWER_ON = 1 << 7


class TerseInstrument:
    """What the wire of Stanford Research's lock-ins and LakeShore's gaussmeter have in common.

    A subclass sets `COMMANDS`, and overrides `before_statement` and `after_setting` where
    something must happen there.

    Parameters
    ----------
    clock : VirtualClock
        The time of the bench.
    query_time : float
        Seconds that a query takes.

    Attributes
    ----------
    settings : dict
        What was set, by mnemonic and index.
    standard_event : int
        The standard event status, bits as in the manuals.
    log : deque of (float, str)
        Virtual time and text of the latest messages, 10 000 at most.
    """

    COMMANDS: ClassVar[Mapping[str, Command]]
    SPACED: ClassVar[bool] = False
    """Whether blanks are demanded and forbidden, or optional."""
    JOINS_ANSWERS: ClassVar[bool] = False
    """Whether the answers to one line come as one, joined by ``;``, or one by one."""

    def __init__(self, clock: VirtualClock, query_time: float) -> None:
        self.clock = clock
        self.settings: dict[tuple[Any, ...], Any] = {}
        self.standard_event = _POWER_ON
        self.log: deque[tuple[float, str]] = deque(maxlen=10_000)
        self._query_time = query_time
        self._answers = AnswerQueue()

    def write(self, data: bytes) -> None:
        """Handle one message; what is wrong with it sets bits of the standard event status."""
        message = data.decode("latin-1")
        self.log.append((self.clock.now(), message.rstrip("\r\n")))
        for line in message.split("\n"):
            answers: list[str | bytes] = []
            for statement in split_message(line):
                answers += self._answers_to(statement)
                if not self.JOINS_ANSWERS:
                    self._say(answers)
                    answers = []
            self._say(answers)

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        return self._answers.read(count, termchar)

    def has_answer(self) -> bool:
        return bool(self._answers)

    def clear(self) -> None:
        """Forget what waits to be read (device clear); settings stay."""
        self._answers.clear()

    def before_statement(self) -> None:
        """Do what is due before a statement is executed."""

    def after_setting(self) -> None:
        """Do what follows from a statement that was no query."""

    def _answers_to(self, statement: str) -> list[str | bytes]:
        """Execute one statement and return its answer, if it has one."""
        try:
            command, values, is_query = parse_statement(
                statement, self.COMMANDS, spaced=self.SPACED
            )
            if is_query:
                self.clock.sleep(self._query_time)
            self.before_statement()
            answer = command.handler(self, *values)
            if not is_query:
                self.after_setting()
        except SRSError as error:
            self.standard_event |= error.bit
            return []
        return [] if answer is None else [answer]

    def _say(self, answers: list[str | bytes]) -> None:
        """Queue `answers` as one; no line feed follows binary data."""
        if not answers:
            return
        raw = b";".join(a if isinstance(a, bytes) else a.encode("ascii") for a in answers)
        if not self._answers.put(raw if isinstance(answers[-1], bytes) else raw + b"\n"):
            self.standard_event |= _QUEUE_OVERFLOW

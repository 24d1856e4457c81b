"""What all simulated SCPI instruments share: messages, common commands, error queue, status."""

from collections import deque
from typing import Any, ClassVar

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.scpi import (
    Command,
    CommandTree,
    absolute,
    split_outside,
    split_unit,
)
from labsyn.drivers.simulated.scpi_values import (
    Number,
    OutOfRangeError,
    ScpiError,
)

_LOG_LENGTH = 10_000
_POLL = 10e-3
"""Seconds that pass at a poll in vain: one that only polls would poll for ever."""

# Bits of the standard event register and of the status byte (IEEE 488.2, chapter 11).
_OPERATION_COMPLETE = 1
_POWER_ON = 128
_ERROR_QUEUE = 4
_MESSAGE_AVAILABLE = 16
_EVENT = 32
_REQUEST = 64


def event_bit(code: int) -> int:
    """Return the bit of the standard event register that an error sets."""
    family = {1: 32, 2: 16, 4: 4}  # command, execution and query error
    return family.get(-code // 100, 8)  # device-dependent error


class ScpiInstrument:
    """A simulated instrument that speaks SCPI.

    A subclass sets `IDENTITY` and `TREE` (``CommandTree([*COMMON, ...])``), and overrides
    `reset`, `wait`, `is_busy` and `trigger` where it has something to reset, wait for or
    trigger.

    Parameters
    ----------
    clock : VirtualClock
        The time of the bench.

    Attributes
    ----------
    log : deque of (float, str)
        Virtual time and text of the latest messages, 10 000 at most.
    errors : deque of str
        The error queue, oldest first.
    """

    IDENTITY: str
    TREE: ClassVar[CommandTree]
    QUEUE_LENGTH: ClassVar[int] = 20
    TERMINATOR: ClassVar[str] = "\n"
    AILMENTS: ClassVar[tuple[str, ...]] = ("error",)
    CLIPS: ClassVar[bool] = False
    """Whether a number out of range is replaced by the limit (and reported), or refused."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.log: deque[tuple[float, str]] = deque(maxlen=_LOG_LENGTH)
        self.errors: deque[str] = deque()
        self.event_enable = 0
        self.service_request_enable = 0
        self._events = _POWER_ON
        self._completing = False  # *OPC waits for what is pending
        self._output = b""

    def write(self, data: bytes) -> None:
        """Handle one or more messages; whatever is wrong goes to the error queue."""
        text = data.decode("latin-1")
        self.log.append((self.clock.now(), text.rstrip("\r\n")))
        for message in split_outside(text, "\n"):
            if message.strip():
                self._handle(message)

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        """Return up to `count` bytes of the answer; without one that is error -420."""
        if not self._output:
            self.report(ScpiError(-420))
            return b"", False
        place = self._output.find(termchar, 0, count) if termchar else -1
        length = place + 1 if place >= 0 else count
        taken, self._output = self._output[:length], self._output[length:]
        return taken, not self._output

    def has_answer(self) -> bool:
        return bool(self._output)

    def clear(self) -> None:
        """Answer a device clear: forget answer and ``*OPC``; settings and errors stay."""
        self._output = b""
        self.forget_completion()

    def status_byte(self) -> int:
        """Return error queue, message available, standard event and request bits."""
        self._look_for_completion()
        status = _ERROR_QUEUE if self.errors else 0
        status |= _MESSAGE_AVAILABLE if self._output else 0
        status |= _EVENT if self._events & self.event_enable else 0
        return status | (_REQUEST if status & self.service_request_enable else 0)

    def reset(self) -> None:
        """Set everything to its state after ``*RST``; errors and masks stay."""

    def wait(self) -> None:
        """Let the time pass until every pending operation is complete."""

    def is_busy(self) -> bool:
        """Tell whether an operation is pending."""
        return False

    def trigger(self) -> None:
        """Answer ``*TRG`` or a group execute trigger; ignored with error -211 here."""
        self.report(ScpiError(-211))

    def report(self, error: ScpiError) -> None:
        """Append to the error queue; a full one ends with -350."""
        self.fail(error.code, error.text)

    def ail(self, ailment: str) -> None:
        """Do nothing: these instruments read nothing that could overload."""

    def fail(self, code: int, text: str) -> None:
        """Queue an error, whatever has caused it."""
        self._events |= event_bit(code)
        if len(self.errors) < self.QUEUE_LENGTH:
            self.errors.append(f'{code:+d},"{text}"')
        else:
            self.errors[-1] = f'-350,"{ScpiError(-350).text}"'

    def next_error(self) -> str:
        """Return the oldest error and forget it."""
        return self.errors.popleft() if self.errors else '+0,"No error"'

    def events(self) -> int:
        """Return the standard event register and clear it."""
        self._look_for_completion()
        events, self._events = self._events, 0
        return events

    def clear_status(self) -> None:
        """Clear error queue and event register, and forget ``*OPC`` (``*CLS``)."""
        self.errors.clear()
        self._events = 0
        self.forget_completion()

    def complete(self) -> None:
        """Have the operation complete bit set as soon as nothing is pending (``*OPC``)."""
        self._completing = True

    def forget_completion(self) -> None:
        """Let ``*OPC`` wait no more (IEEE 488.2, 12.5.2: ``*RST``, ``*CLS``, device clear)."""
        self._completing = False

    def _look_for_completion(self) -> None:
        if not self._completing:
            return
        if self.is_busy():
            self.clock.sleep(_POLL)
        else:
            self._completing = False
            self._events |= _OPERATION_COMPLETE

    def _handle(self, message: str) -> None:
        if self._output:  # IEEE 488.2, 6.3.2.3: the answer was not read to its end
            self._output = b""
            self.report(ScpiError(-410))
        answers = []
        path = ""
        for unit in split_outside(message, ";"):
            if not unit.strip():
                continue
            try:
                header, texts = split_unit(unit)
                full, path = absolute(header, path)
                answer = self._run(full, texts)
            except ScpiError as error:
                self.report(error)
            else:
                answers += [] if answer is None else [answer]
        if answers:
            self._output = (";".join(answers) + self.TERMINATOR).encode("latin-1")

    def _run(self, header: str, texts: list[str]) -> str | None:
        command, n = self.TREE.find(header)
        owner = command.of(self, n)
        clips = self.CLIPS and not command.repeated
        return command.run(owner, *command.bind(texts, owner, self._clip if clips else None))

    def _clip(self, error: OutOfRangeError) -> float:
        """Report a number beyond a bound, and take the bound instead."""
        side = "upper" if error.upper else "lower"
        self.report(ScpiError(-222, f"value clipped to {side} limit"))
        return error.bound


def _identify(instrument: ScpiInstrument) -> str:
    return instrument.IDENTITY


def _reset(instrument: ScpiInstrument) -> None:
    instrument.forget_completion()
    instrument.reset()


def _operation_complete(instrument: ScpiInstrument) -> str | None:
    """Return 1 when nothing is pending; what has no end is waited for in vain."""
    instrument.wait()
    return None if instrument.is_busy() else "1"


def _set(name: str) -> Any:
    def put(instrument: ScpiInstrument, mask: float) -> None:
        setattr(instrument, name, int(mask))

    return put


_MASK = (Number(low=0, high=255, integer=True),)

COMMON = (
    Command("*IDN?", _identify),
    Command("*RST", _reset),
    Command("*CLS", lambda instrument: instrument.clear_status()),
    Command("*ESR?", lambda instrument: str(instrument.events())),
    Command("*ESE", _set("event_enable"), _MASK),
    Command("*ESE?", lambda instrument: str(instrument.event_enable)),
    Command("*SRE", _set("service_request_enable"), _MASK),
    Command("*SRE?", lambda instrument: str(instrument.service_request_enable)),
    Command("*STB?", lambda instrument: str(instrument.status_byte())),
    Command("*OPC", lambda instrument: instrument.complete()),
    Command("*OPC?", _operation_complete),
    Command("*WAI", lambda instrument: instrument.wait()),
    Command("*TRG", lambda instrument: instrument.trigger()),
    Command("*TST?", lambda instrument: "0"),
    Command("SYSTem:ERRor[:NEXT]?", lambda instrument: instrument.next_error()),
)
"""Commands of IEEE 488.2, and the error queue."""

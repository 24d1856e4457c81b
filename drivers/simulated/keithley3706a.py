"""The simulated Keithley 3706A: Lua in, answers out, relays and meter on the wiring.

It behaves as the reference manual (3700AS-901-01) documents the instrument, whatever a
driver may need. Scripts that run in it are real Lua. What the manual does not give
(settling times, noise, error codes of Lua errors) is a choice, named where it stands.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

import numpy as np

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.tsp_buffers import BUFFERS
from labsyn.drivers.simulated.tsp_cards import Mainframe
from labsyn.drivers.simulated.tsp_channel import ChannelObject
from labsyn.drivers.simulated.tsp_dmm import DmmObject
from labsyn.drivers.simulated.tsp_errors import (
    OUTPUT_FULL,
    SETTINGS_CONFLICT,
    SYNTAX,
    UNDEFINED_HEADER,
    ErrorQueue,
    TspError,
)
from labsyn.drivers.simulated.tsp_meter import Meter
from labsyn.drivers.simulated.tsp_relays import DMM_HIGH, DMM_LOW, Path, Relays
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox
from labsyn.drivers.simulated.tsp_scan import ScanObject
from labsyn.drivers.simulated.tsp_scripts import SCRIPTS, SavedScripts, ScriptLoader
from labsyn.drivers.simulated.tsp_system import (
    FIRMWARE,
    MODEL,
    SERIAL,
    Status,
    System,
    install_slots,
)
from labsyn.drivers.simulated.wiring import Wiring

DEFAULT_ADDRESS = "GPIB0::16::INSTR"
IDN = f"KEITHLEY INSTRUMENTS INC.,MODEL {MODEL},{SERIAL},{FIRMWARE}"
_LOG_LENGTH = 10_000
_OUTPUT_BYTES = 4 << 20
_STAR = re.compile(r"\s*(\*[A-Za-z]{3}\??)\s*(\d{0,9})\s*", re.ASCII)


class SimulatedKeithley3706A:
    """A system switch with its multimeter and with cards in its slots.

    Parameters
    ----------
    wiring : Wiring
        What the relays connect.
    clock : VirtualClock
        Relays, delays and measurements take their time on it.
    cards : mapping of int to str
        Model by slot; one matrix card 3730 in slot 1 by default.
    paths : mapping of str to (str, DeviceUnderTest, str)
        What each channel connects: ``{"1101": ("GPIB0::17::INSTR/1", device, "T1")}``. The
        sources `DMM_HIGH` and `DMM_LOW`, with or without the address of the instrument,
        are the inputs of its multimeter: it sees a path while the backplane relay 911 of
        that slot is closed as well. That any row can be one of its inputs is a choice, as
        if the rear connector led it there. LO is ground where no path leads it elsewhere.
    address : str
        VISA resource name.
    seed : int
        Seed of the measurement noise.

    Attributes
    ----------
    log : deque of (float, str)
        Virtual time and text of the latest messages, 10 000 at most.
    relays : Relays
        Where every relay really is.
    relay_names : tuple of str
        Every channel and backplane relay there is.
    stuck : set of str
        Relays that do not move any more: put a name in, and that relay stays as it is.

    Raises
    ------
    ConfigError
        If a card, channel or terminal does not exist.
    """

    AILMENTS: ClassVar[tuple[str, ...]] = ("error", "overload")

    def __init__(
        self,
        wiring: Wiring,
        clock: VirtualClock,
        cards: Mapping[int, str] | None = None,
        paths: Mapping[str, Path] | None = None,
        address: str = DEFAULT_ADDRESS,
        seed: int = 0,
    ) -> None:
        self.address = address
        self.log: deque[tuple[float, str]] = deque(maxlen=_LOG_LENGTH)
        self._clock = clock
        self._output: deque[bytes] = deque()
        self._waiting = 0  # bytes in it
        frame = Mainframe({1: "3730"} if cards is None else cards)
        own = {f"{address}/{name}": name for name in (DMM_HIGH, DMM_LOW)}
        named = {
            channel: (own.get(source, source), device, terminal)
            for channel, (source, device, terminal) in (paths or {}).items()
        }
        self.relays = Relays(wiring, clock, frame, named)
        self.stuck = self.relays.stuck
        self.relay_names = tuple(frame.order)
        self._errors = ErrorQueue()
        self._channels = ChannelObject(frame, self.relays)
        meter = Meter(wiring, clock, self.relays, address, np.random.default_rng(seed))
        self._meter = meter
        self._dmm = DmmObject(self._channels, meter, clock)
        self._scan = ScanObject(self._channels, self._dmm)
        self._status = Status(self._errors, lambda: bool(self._output))
        self._system = System(clock, self._channels, self._dmm.settings, self._dmm)
        self._sandbox = TspSandbox(self._errors, self._answer, self._digits)
        self._loader = ScriptLoader(partial(self._sandbox.enter, "scripts"))
        self._install(frame)
        self._star: dict[str, Callable[[], str | int | None]] = {
            "*IDN?": lambda: IDN, "*RST": self.reset, "*CLS": self._clear_status,
            "*OPC": self._status.complete, "*OPC?": lambda: 1, "*TST?": lambda: 0,
            "*ESR?": self._status.read_event, "*STB?": lambda: self._status.byte,
            "*ESE?": lambda: self._status.standard_enable,
            "*SRE?": lambda: self._status.request_enable,
            "*WAI": lambda: None, "*TRG": lambda: None,
        }  # fmt: skip
        self._masks: dict[str, Callable[[object], None]] = {
            "*ESE": self._status.set_standard_enable,
            "*SRE": self._status.set_request_enable,
        }

    def _install(self, frame: Mainframe) -> None:
        sandbox = self._sandbox
        for part in (self._channels, self._dmm, self._scan, self._status, self._system):
            part.install(sandbox)
        install_slots(sandbox, frame)
        sandbox.function("reset", self.reset)
        sandbox.function("localnode.reset", self.reset)
        sandbox.function("errorqueue.next", self._errors.next)
        sandbox.function("errorqueue.clear", self._errors.clear)
        sandbox.attribute("errorqueue.count", lambda: len(self._errors))
        sandbox.source(
            "buffers",
            BUFFERS,
            self._take,
            lambda: self._dmm.settings.measure_count,
            self._system.timestamp,
            _fail,
            self._scan.begin,
            self._scan.step,
            self._scan.end,
        )
        saved = SavedScripts()
        sandbox.source(
            "scripts", SCRIPTS, saved.find, saved.keep, saved.forget, _refuse_syntax, _fail
        )

    def write(self, data: bytes) -> None:
        """Handle one message a line; what is wrong with it goes to the error queue."""
        for line in data.decode("latin-1").removesuffix("\n").split("\n"):
            message = line.rstrip("\r")
            if message.strip():
                self.log.append((self._clock.now(), message))
            if self._loader.take(message):
                continue
            if message.lstrip().startswith("*"):
                self._handle_star(message)
            elif message.strip():
                self._sandbox.run(message)

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        if not self._output:
            return b"", False
        line = self._output.popleft()
        place = line.find(termchar, 0, count) if termchar else -1
        length = place + 1 if place >= 0 else count
        if line[length:]:
            self._output.appendleft(line[length:])
        self._waiting -= len(line[:length])
        return line[:length], not line[length:]

    def has_answer(self) -> bool:
        return bool(self._output)

    def clear(self) -> None:
        """Forget all answers and half a script (device clear); relays stay as they are."""
        self._output.clear()
        self._waiting = 0
        self._loader.clear()

    def trigger(self) -> None:
        """Do nothing: no trigger model waits for it."""

    def fail(self, code: int, text: str) -> None:
        """Queue an error that no script has caused."""
        self._errors.add(code, text)

    def ail(self, ailment: str) -> None:
        """Let the readings of the multimeter overflow."""
        self._meter.overloaded = bool(ailment)

    def status_byte(self) -> int:
        return self._status.byte

    def reset(self) -> None:
        """Open every relay and return everything to its default (``reset()``, ``*RST``)."""
        self._channels.switch(self.relays.all_closed, [])
        self._channels.reset_all()
        self._dmm.reset()
        self._scan.reset()
        self._system.reset()

    def _handle_star(self, message: str) -> None:
        match = _STAR.fullmatch(message)
        header = match[1].upper() if match else ""
        try:
            if match and header in self._masks and match[2]:
                self._masks[header](int(match[2]))
            elif match and header in self._star and not match[2]:
                answer = self._star[header]()
                if answer is not None:
                    self._answer(str(answer))
            else:
                raise TspError(UNDEFINED_HEADER, message.strip())
        except TspError as error:
            self._errors.push(error)

    def _answer(self, text: str) -> None:
        if self._waiting + len(text) > _OUTPUT_BYTES:
            raise TspError(OUTPUT_FULL)
        self._output.append(text.encode("latin-1", "replace") + b"\n")
        self._waiting += len(self._output[-1])

    def _digits(self) -> int:
        return self._system.precision - 1

    def _clear_status(self) -> None:
        self._errors.clear()
        self._status.read_event()

    def _take(self) -> tuple[float, float, str]:
        """Take one reading: value, bench time, and the channel it is of."""
        value = self._dmm.reading()
        return value, self._clock.now(), self._dmm.channel


def _fail(reason: str) -> None:
    raise TspError(SETTINGS_CONFLICT, reason)


def _refuse_syntax(reason: str) -> None:
    raise TspError(SYNTAX, reason)

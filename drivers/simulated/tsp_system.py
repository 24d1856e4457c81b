"""What a 3706A has besides switching and measuring: slots, status, format, interfaces."""

import copy
import datetime
from collections.abc import Callable
from typing import Any

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.tsp_cards import N_SLOTS, Mainframe
from labsyn.drivers.simulated.tsp_dmm_settings import LINE_FREQUENCY
from labsyn.drivers.simulated.tsp_errors import (
    DATA_TYPE,
    PARAMETER,
    SETTINGS_CONFLICT,
    ErrorQueue,
    TspError,
    integer_argument,
    number_argument,
    refuse_full,
)
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox

MODEL = "3706A-SNFP"
SERIAL = "04447336"
FIRMWARE = "01.56a"
_CARD_FIRMWARE, _CARD_SERIAL = "01.40h", 4447331
_LONGEST_DELAY = 100e3
_EPOCH = datetime.datetime(2026, 1, 1)  # of the instrument's own clock: a choice
OPERATION_COMPLETE, ERROR_AVAILABLE, MESSAGE_AVAILABLE, STANDARD, SERVICE = 1, 4, 16, 32, 64


class Status:
    """Status byte, standard event register and their masks.

    Parameters
    ----------
    errors : ErrorQueue
        Sets the error bits.
    has_output : callable
        Tells whether an answer waits.
    """

    def __init__(self, errors: ErrorQueue, has_output: Callable[[], bool]) -> None:
        self.errors, self._has_output = errors, has_output
        self.reset()

    def reset(self) -> None:
        """Clear masks and events."""
        self.standard_enable = self.request_enable = self._complete = 0
        self.errors.events = 0

    def complete(self) -> None:
        """Note that all operations are complete, as they always are here."""
        self._complete = OPERATION_COMPLETE

    def read_event(self) -> int:
        """Return the standard event register, and clear it."""
        value = self.errors.events | self._complete
        self.errors.events = self._complete = 0
        return value

    @property
    def byte(self) -> int:
        """The status byte."""
        events = (self.errors.events | self._complete) & self.standard_enable
        value = ERROR_AVAILABLE * bool(self.errors) + MESSAGE_AVAILABLE * self._has_output()
        value += STANDARD * bool(events)
        return value + SERVICE * bool(value & self.request_enable)

    def set_standard_enable(self, value: object) -> None:
        self.standard_enable = integer_argument(value, 0, 255, "status.standard.enable")

    def set_request_enable(self, value: object) -> None:
        self.request_enable = integer_argument(value, 0, 255, "status.request_enable")

    def install(self, sandbox: TspSandbox) -> None:
        """Make the object known to scripts."""
        sandbox.attribute("status.condition", lambda: self.byte)
        sandbox.attribute("status.standard.event", self.read_event)
        sandbox.attribute(
            "status.standard.enable", lambda: self.standard_enable, self.set_standard_enable
        )
        sandbox.attribute(
            "status.request_enable", lambda: self.request_enable, self.set_request_enable
        )
        sandbox.function("status.reset", self.reset)
        sandbox.function("opc", self.complete)


class System:
    """Settings of the mainframe, and saved setups.

    Parameters
    ----------
    clock : VirtualClock
        Passes in ``delay``.
    saved : tuple of objects with ``SAVED``
        Whose attributes named there a setup holds.
    """

    def __init__(self, clock: VirtualClock, *saved: Any) -> None:
        self._clock, self._saved = clock, saved
        self._setups: dict[str, list[dict[str, Any]]] = {"0": self._snapshot()}
        self._timer_start = clock.now()
        self._switches = {"comm.gpib.enable": True, "comm.lan.enable": True}
        self._gpib_address = 16
        self.reset()

    def reset(self) -> None:
        """Return the format of answers to its default; interfaces stay as they are."""
        self.precision = 10

    def install(self, sandbox: TspSandbox) -> None:
        """Make the objects known to scripts."""
        constants: dict[str, str | float] = {
            "localnode.model": MODEL, "localnode.serialno": SERIAL,
            "localnode.revision": FIRMWARE, "localnode.linefreq": LINE_FREQUENCY,
            "lan.status.ipaddress": "192.168.0.2", "format.ASCII": 1, "format.data": 1,
        }  # fmt: skip
        for path, value in constants.items():
            sandbox.constant(path, value)
        sandbox.attribute("format.asciiprecision", lambda: self.precision, self._set_precision)
        sandbox.attribute("gpib.address", lambda: self._gpib_address, self._set_address)
        for path in self._switches:
            self._install_switch(sandbox, path)
        calls: dict[str, Callable[..., Any]] = {
            "lan.reset": lambda: None,  # the simulated address is fixed
            "waitcomplete": lambda group=0: None,  # nothing runs beside a script here
            "memory.available": lambda: "51.56, 92.84, 100.00, 100.00",
            "setup.save": self.save, "setup.recall": self.recall, "delay": self.delay,
            "timer.reset": self._reset_timer, "timer.measure.t": self._timer,
        }  # fmt: skip
        for path, call in calls.items():
            sandbox.function(path, call)

    def timestamp(self, seconds: float) -> str:
        """Return date and time of a bench time, as the instrument writes it."""
        return f"{_EPOCH + datetime.timedelta(seconds=seconds):%m/%d/%Y %H:%M:%S.%f}"

    def save(self, name: object = 1) -> None:
        """Keep the present settings as setup `name`: 1 inside, or a path on a USB stick."""
        if str(name) == "0":
            raise TspError(PARAMETER, "setup 0 is the factory setup")
        refuse_full(self._setups, str(name), "setups")
        self._setups[str(name)] = self._snapshot()

    def recall(self, name: object = 1) -> None:
        """Bring back the settings of setup `name`; 0 is the factory's."""
        if str(name) not in self._setups:
            raise TspError(SETTINGS_CONFLICT, f"setup {name} was not saved")
        for part, values in zip(self._saved, self._setups[str(name)], strict=True):
            vars(part).update(copy.deepcopy(values))

    def delay(self, seconds: object) -> None:
        self._clock.sleep(number_argument(seconds, 0, _LONGEST_DELAY, "delay"))

    def _snapshot(self) -> list[dict[str, Any]]:
        return [
            {name: copy.deepcopy(getattr(part, name)) for name in part.SAVED}
            for part in self._saved
        ]

    def _set_precision(self, value: object) -> None:
        self.precision = integer_argument(value, 1, 16, "format.asciiprecision")

    def _set_address(self, value: object) -> None:
        self._gpib_address = integer_argument(value, 1, 30, "gpib.address")

    def _reset_timer(self) -> None:
        self._timer_start = self._clock.now()

    def _timer(self) -> float:
        return self._clock.now() - self._timer_start

    def _install_switch(self, sandbox: TspSandbox, path: str) -> None:
        def read() -> bool:
            return self._switches[path]

        def write(value: object) -> None:
            if not isinstance(value, bool) and value not in (0, 1):
                raise TspError(DATA_TYPE, f"{path} must be true or false")
            self._switches[path] = bool(value)

        sandbox.attribute(path, read, write)


def install_slots(sandbox: TspSandbox, frame: Mainframe) -> None:
    """Make ``slot[1]`` to ``slot[6]`` known to scripts."""
    for slot in range(1, N_SLOTS + 1):
        path = f"slot.{slot}"
        card = frame.cards.get(slot)
        if card is None:
            sandbox.constant(f"{path}.idn", "Empty Slot")
            sandbox.constant(f"{path}.pseudocard", 0)
            for name in ("interlock", "rows", "columns"):  # objects that answer nil
                sandbox.attribute(f"{path}.{name}.state", lambda: None)
            continue
        model, serial = frame.models[slot], _CARD_SERIAL + slot
        idn = f"{model},{card.description},{_CARD_FIRMWARE},{serial}"
        sandbox.constant(f"{path}.idn", idn)
        sandbox.constant(f"{path}.interlock.state", 1)  # engaged: the cover is on
        sandbox.constant(f"{path}.maxvoltage", card.max_voltage)
        sandbox.constant(f"{path}.{'matrix' if card.is_matrix else 'multiplexer'}", 1)
        if card.is_matrix:
            sandbox.constant(f"{path}.rows.matrix", card.rows)
            sandbox.constant(f"{path}.columns.matrix", card.columns)

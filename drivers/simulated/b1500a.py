"""The simulated Agilent/Keysight B1500A: FLEX in, data out, physics on the wiring.

It behaves as the Programming Guide (ed. 11) documents the instrument, whatever a driver
may need. Numbers the guide does not give (noise, converter coefficients, error queue
length) are choices, named where they stand.
"""

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated import (
    b1500a_cmu_commands,
    b1500a_common,
    b1500a_converters,
    b1500a_learn,
    b1500a_measure,
    b1500a_pulse_setup,
    b1500a_quasi_setup,
    b1500a_selector_commands,
    b1500a_setup,
    b1500a_source,
    b1500a_spgu_commands,
)
from labsyn.drivers.simulated.b1500a_cmu import Impedance
from labsyn.drivers.simulated.b1500a_selector import SelectorPort
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    Command,
    FlexError,
    parse_statement,
    split_message,
)
from labsyn.drivers.simulated.wiring import Wiring

COMMANDS: dict[str, Command] = {
    **b1500a_common.COMMANDS,
    **b1500a_converters.COMMANDS,
    **b1500a_source.COMMANDS,
    **b1500a_setup.COMMANDS,
    **b1500a_pulse_setup.COMMANDS,
    **b1500a_quasi_setup.COMMANDS,
    **b1500a_cmu_commands.COMMANDS,
    **b1500a_spgu_commands.COMMANDS,
    **b1500a_selector_commands.COMMANDS,
    **b1500a_measure.COMMANDS,
    **b1500a_learn.COMMANDS,
}
"""Every FLEX command of this instrument by header."""

DEFAULT_ADDRESS = "GPIB0::17::INSTR"
_LOG_LENGTH = 10_000

_Step = tuple[str, Command, tuple[Any, ...]] | FlexError


@lru_cache(maxsize=2048)
def _parse(data: bytes) -> tuple[str, tuple[_Step, ...]]:
    """Return a message and what each statement asks for; programs repeat themselves."""
    message = data.decode("latin-1").rstrip("\r\n")
    steps: list[_Step] = []
    for statement in split_message(message):
        try:
            steps.append(parse_statement(statement, COMMANDS))
        except FlexError as error:
            steps.append(error)
    # AB in a command string: the other commands of the string are not executed.
    aborts = [step for step in steps if isinstance(step, tuple) and step[0] == "AB"]
    return message, tuple(aborts or steps)


class SimulatedB1500A:
    """A mainframe with SMUs, capacitance units and pulse generators in its slots.

    Parameters
    ----------
    wiring : Wiring
        Where channel k is the source ``"<address>/<k>"``: the slot of an SMU or a
        capacitance unit, 301 and 302 for the pulse generator in slot 3.
    clock : VirtualClock
        Measurements, pauses and pulses take their time on it.
    modules : mapping of int to str
        Model by slot, two B1517A in slots 1 and 2 by default.
    address : str
        VISA resource name.
    seed : int
        Seed of the measurement noise.
    noise : bool
        Whether the converters are noisy.
    impedance : callable, optional
        Impedance in ohm, at a frequency in hertz, of what the capacitance unit is wired
        to; by default its conductance beside the capacitance of a film
        (`labsyn.drivers.simulated.b1500a_cmu`).
    selector : mapping of int to SelectorPort
        What is on each port of a 16440A; its channels must not be wired otherwise.

    Attributes
    ----------
    log : deque of (float, str)
        Virtual time and text of the latest messages, 10 000 at most.

    Raises
    ------
    ConfigError
        If a slot, a module or a selector port does not exist.
    """

    AILMENTS: ClassVar[tuple[str, ...]] = ("error", "compliance", "overload")

    def __init__(
        self,
        wiring: Wiring,
        clock: VirtualClock,
        modules: Mapping[int, str] | None = None,
        address: str = DEFAULT_ADDRESS,
        seed: int = 0,
        *,
        noise: bool = True,
        impedance: Impedance | None = None,
        selector: Mapping[int, SelectorPort] | None = None,
    ) -> None:
        if modules is None:
            modules = {1: "B1517A", 2: "B1517A"}
        self.address = address
        self.log: deque[tuple[float, str]] = deque(maxlen=_LOG_LENGTH)
        self._clock = clock
        self._frame = Mainframe(
            wiring, clock, modules, address, seed,
            noise=noise, impedance=impedance, selector=selector or {},
        )  # fmt: skip

    def write(self, data: bytes) -> None:
        """Handle one message; whatever is wrong with it goes to the error queue."""
        message, steps = _parse(data)
        self.log.append((self._clock.now(), message))
        alone = len(steps) == 1
        spgu = self._frame.spgu
        if spgu.running:
            spgu.note_absence()
        for step in steps:
            try:
                if isinstance(step, FlexError):
                    raise FlexError(step.code)
                self._run(*step, alone=alone)
            except FlexError as error:
                self._frame.report(error)
        if spgu.running:
            spgu.leave()

    def _run(
        self, header: str, command: Command, values: tuple[Any, ...], *, alone: bool
    ) -> None:
        if header == "BC" and not alone:  # page 4-45; the code it gives is a choice
            raise FlexError(BAD_PARAMETER)
        answer = command.handler(self._frame, *values)
        if answer is not None:
            self._frame.output.answer(answer)

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        return self._frame.output.read(count, termchar)

    def has_answer(self) -> bool:
        return self._frame.output.is_waiting

    def clear(self) -> None:
        """Initialize (device clear): as ``*RST``, with both output stores empty."""
        self._frame.reset()

    def trigger(self) -> None:
        """Group execute trigger: start the measurement in trigger mode 1."""
        self._start(b1500a_measure.GET)

    def external_trigger(self) -> None:
        """Pulse at the Ext Trig In terminal: start the measurement in trigger mode 3."""
        self._start(b1500a_measure.EXTERNAL)

    def _start(self, event: str) -> None:
        self.log.append((self._clock.now(), f"<{event}>"))
        try:
            b1500a_measure.start(self._frame, event)
        except FlexError as error:
            self._frame.report(error)

    def fail(self, code: int, text: str) -> None:
        """Queue an error such as 305, "Excess current in HPSMU."."""
        self._frame.fail(code, text)

    def ail(self, ailment: str) -> None:
        """Mark the readings of all SMUs as in compliance, or let them overflow."""
        self._frame.ailment = ailment

    def status_byte(self) -> int:
        return self._frame.status_byte()

    def outputs(self) -> dict[int, float | None]:
        """Return the volts at each channel, None where the output switch is open.

        A pulse generator is named by its slot, and slot * 100 + 2 for its second channel.
        """
        units = self._frame.channels.values()
        return {u.slot: u.wiring.voltage(u.source) if u.on else None for u in units}

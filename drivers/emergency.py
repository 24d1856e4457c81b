"""Make instruments safe by a second, short VISA session that shares nothing with the first.

For when the process that drives the bench cannot: it was killed, it hangs in a read, or it
lost its own session. No driver is opened, because a driver asks and sets up first; what is
sent is the little of `RECIPES`, and each instrument must then say itself that it is off.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyvisa
from pyvisa.constants import InterfaceType, StatusCode

from labsyn.data.errors import ConfigError, InstrumentDataError
from labsyn.drivers.clock import Clock, RealClock
from labsyn.drivers.emergency_recipes import RECIPES, STAGES, Recipe
from labsyn.drivers.ramp import RAMP_RATE, ramp_steps

OPEN_TIMEOUT = 1.5
"""Seconds within which a connection must stand."""

IO_TIMEOUT = 1.5
"""Seconds that one reply may take."""

BUDGET = 3.0
"""Seconds after which an instrument that already failed once is sent nothing more."""

STAGE_WAIT = 3.0
"""Seconds after which the next stage starts, whatever the instruments of this one do."""

LAST_WAIT = 8.0
"""Seconds that instruments still at work get at the end: a field ramps down from 12 A."""

_CLEARED_BY = (InterfaceType.gpib, InterfaceType.usb, InterfaceType.tcpip)
_NO_CLEAR = (StatusCode.error_nonsupported_operation, StatusCode.error_invalid_setup)


@dataclass(frozen=True)
class Target:
    """An instrument to make safe: its name, driver, VISA resource and VISA library."""

    name: str
    driver: str
    resource: str
    library: Any = ""


@dataclass(frozen=True)
class Failure:
    """An instrument that may still be on, and why; as text it is one sentence."""

    target: Target
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.target.name} at {self.target.resource} could not be made safe by a second "
            f"session: {self.reason}; switch it off by hand"
        )


def make_safe_by_second_session(
    targets: Sequence[Target],
    clock: Clock | None = None,
    managers: Mapping[Any, Any] | None = None,
) -> list[Failure]:
    """Make every instrument safe, and return those that could not be.

    Stage by stage, in the order that protects the device: pulse sources off, source-measure
    units to 0 V and off, lock-ins, relays open, field ramped down. The instruments of a
    stage are made safe at the same time, each independently of all others, and each in a
    bounded time: one that is dead delays the next stage by `STAGE_WAIT` at most.

    Parameters
    ----------
    targets : sequence of Target
        The instruments of a bench.
    clock : Clock, optional
        Waits between the steps of a ramp; real time by default.
    managers : mapping, optional
        What `prepare` returned for these targets, if it was called before.

    Returns
    -------
    list of Failure
        Empty if every instrument said itself that it is off.
    """
    if managers is None:
        managers = {}
        with suppress(ConfigError):  # whose target it is will say so
            managers = prepare(targets)
    attempts = [
        _Attempt(target, clock or RealClock(), managers.get(target.library))
        for target in targets
    ]
    for stage in STAGES:
        now = [each for each in attempts if each.stage == stage]
        for each in now:
            each.start()
        _join(now, STAGE_WAIT)
    _join(attempts, LAST_WAIT)
    return [Failure(each.target, each.reason) for each in attempts if each.reason]


def prepare(targets: Iterable[Target]) -> dict[Any, Any]:
    """Return the VISA resource manager of each library that targets need.

    To find the default library alone takes 0.1 s, each time that PyVISA is asked for it.

    Raises
    ------
    ConfigError
        If there is no recipe for a driver, or a library cannot be loaded.
    """
    managers: dict[Any, Any] = {}
    for target in targets:
        if target.driver not in RECIPES:
            raise ConfigError(f"{target.name}: no recipe makes a {target.driver!r} safe")
        try:
            if target.library not in managers:
                managers[target.library] = pyvisa.ResourceManager(target.library)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{target.name}: no VISA library: {error}") from error
    return managers


class _Attempt:
    """One instrument on its way to safety, in a thread that nobody has to wait for."""

    def __init__(self, target: Target, clock: Clock, manager: Any) -> None:
        self.target = target
        self._manager = manager
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._clock = clock
        self._recipe = RECIPES.get(target.driver)
        self._reason: str | None = None

    @property
    def stage(self) -> str:
        return self._recipe.stage if self._recipe else STAGES[0]

    @property
    def reason(self) -> str:
        """Why it is not safe; empty if it is."""
        if self._reason is None:
            return "it did not come back in time"
        return self._reason

    def start(self) -> None:
        self.thread.start()

    def _run(self) -> None:
        try:
            if self._recipe is None:
                self._reason = f"no recipe makes a {self.target.driver!r} safe"
            elif not self._recipe.messages:
                self._reason = ""
            else:
                self._reason = "; ".join(self._follow(self._recipe))
        except Exception as error:  # whatever it is, it is told and stops nobody else
            self._reason = _sentence(error)

    def _follow(self, recipe: Recipe) -> list[str]:
        """Do what the recipe says; return what went wrong."""
        steps = _Steps()
        with _session(self.target, self._manager) as session:
            if recipe.clear and _knows_clear(session):
                steps.do("device clear", partial(_clear, session))
            if recipe.ramp:
                steps.do("ramp", partial(_ramp_down, session, recipe.ramp, self._clock))
            for message in recipe.messages:
                steps.do(message, partial(session.write, message))
            for query, is_off in recipe.confirmations:
                steps.do(query, partial(_confirm, session, query, is_off))
        return steps.reasons


@dataclass
class _Steps:
    """Does one step after the other, whatever happens to the one before, and collects why."""

    reasons: list[str] = field(default_factory=list)
    _start: float = field(default_factory=time.monotonic)

    def do(self, what: str, step: Callable[[], Any]) -> None:
        if self.reasons and time.monotonic() - self._start > BUDGET:
            return
        try:
            step()
        except Exception as error:  # the next step may still reach it
            self.reasons.append(f"{what}: {_sentence(error)}")


@contextmanager
def _session(target: Target, manager: Any) -> Iterator[Any]:
    session = (manager or pyvisa.ResourceManager(target.library)).open_resource(
        target.resource,
        open_timeout=int(1000 * OPEN_TIMEOUT),
        timeout=int(1000 * IO_TIMEOUT),
        read_termination="\n",
        write_termination="\n",
    )
    with session:
        yield session


def _knows_clear(session: Any) -> bool:
    return session.interface_type in _CLEARED_BY and session.resource_class == "INSTR"


def _clear(session: Any) -> None:
    try:
        session.clear()
    except pyvisa.errors.VisaIOError as error:
        if error.error_code not in _NO_CLEAR:
            raise


def _ramp_down(session: Any, name: str, clock: Clock) -> None:
    reply = session.query(f"{name}?")
    for current, seconds in ramp_steps(float(reply), 0.0, RAMP_RATE):
        session.write(f"{name} {current:g}")
        clock.sleep(seconds)


def _confirm(session: Any, query: str, is_off: Callable[[str], bool]) -> None:
    reply = session.query(query).strip()
    try:
        off = is_off(reply)
    except ValueError:
        off = False
    if not off:
        raise InstrumentDataError(f"it answers {reply[:200]!r}, so it is not off")


def _join(attempts: Iterable[_Attempt], seconds: float) -> None:
    end = time.monotonic() + seconds
    for each in attempts:
        each.thread.join(max(end - time.monotonic(), 0.0))


def _sentence(error: Exception) -> str:
    if isinstance(error, pyvisa.errors.VisaIOError):
        if error.error_code == StatusCode.error_timeout:
            return "it did not answer"
        return str(error.description)
    return f"{error}" or type(error).__name__

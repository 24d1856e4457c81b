"""The one place where limits are checked: a bench hands out roles only inside a guard."""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Generic, TypeVar

from labsyn.data.errors import (
    BenchError,
    InstrumentDataError,
    InstrumentDisconnected,
    InstrumentError,
    LimitError,
)
from labsyn.data.flags import Flag
from labsyn.drivers.account import Account
from labsyn.drivers.bench_model import device_of
from labsyn.drivers.ledger import Ledger
from labsyn.drivers.limits import Limits
from labsyn.drivers.roles import Field, PulseSource, Reader, Reading

Player = TypeVar("Player")

READ_TRIES = 3
"""A read is tried so often: it changes nothing. A pulse is never repeated."""


class Guard(Generic[Player]):
    """What the guards of a terminal share; those of a sweeper are in `sweeper_guard`.

    Parameters
    ----------
    player : PulseSource, Reader or Sweeper
        What acts, unguarded.
    account : Account
        Of the bench.
    limits : Limits
        That hold at `terminal`.
    route : callable
        Closes the relays on the way to the terminal.
    """

    def __init__(
        self,
        player: Player,
        account: Account,
        limits: Limits,
        terminal: str = "top",
        route: Callable[[], None] = lambda: None,
    ) -> None:
        self._player = player
        self._account = account
        self._limits = limits
        self._terminal = terminal
        self._device = device_of(terminal)
        self._route = route

    def _ready(self) -> Ledger:
        """Return the account, with the relays on the way to the terminal closed."""
        self._account.check_go(self._limits)
        self._route()
        return self._account.ledger(self._device)

    def _budget(self, key: str, spent: float, more: float) -> None:
        if spent + more > getattr(self._limits, key):
            what = {"n_pulses": "a number of pulses"}.get(key, f"a {key} of this run")
            self._limits.check(key, spent + more, what)


class GuardedPulseSource(Guard[PulseSource]):
    """A `PulseSource` that refuses what the limits do not allow, before it is sent."""

    _width = _compliance = math.nan  # until they are set up

    def check_pulses(
        self, voltages: Mapping[str, float], *,
        width: float, period: float, compliance_current: float, n_pulses: int,
    ) -> None:  # fmt: skip
        """Raise LimitError if a train of such pulses is not allowed; nothing is sent.

        `voltages` are volts by the name of the parameter that they come from.
        """
        for name, voltage in voltages.items():
            self._limits.check_pulse(voltage, width, compliance_current, name)
        self._budget("n_pulses", 0, n_pulses)
        self._limits.check("run_time", n_pulses * period, "a run time of the pulses alone")
        self._player.check_pulses(
            [*voltages.values()],
            width=width, period=period, compliance_current=compliance_current,
        )  # fmt: skip

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self._limits.check_pulse(0.0, width, compliance_current, "pulse_voltage")
        self._ready()
        self._player.setup_pulses(
            width=width, period=period, compliance_current=compliance_current
        )
        self._width, self._compliance = width, compliance_current

    def pulse(self, voltage: float) -> Reading:
        if math.isnan(self._width):
            raise BenchError("pulse before setup_pulses; nothing was sent")
        self._limits.check_pulse(voltage, self._width, self._compliance, "pulse_voltage")
        ledger = self._ready()
        charge = self._compliance * self._width
        self._budget("n_pulses", ledger.n_pulses, 1)
        self._budget("charge", ledger.charge, charge)
        self._budget("energy", ledger.energy, charge * abs(voltage))
        ledger.n_pulses += 1  # before it is sent: one that fails may have been applied
        try:
            reading = self._player.pulse(voltage)
        except BaseException:
            ledger.add(voltage, math.nan, self._width, self._compliance)
            raise
        ledger.add(voltage, reading.current, self._width, self._compliance)
        ledger.see(voltage, reading.current)
        return reading


class GuardedReader(Guard[Reader]):
    """A `Reader` that refuses what the limits do not allow, before it is sent."""

    @property
    def read_time(self) -> float:
        """Seconds that one read takes, without what the computer and the cables take."""
        return self._player.read_time

    def check_reads(self, *, voltage: float, compliance_current: float) -> None:
        """Raise LimitError if such a read is not allowed; nothing is sent."""
        self._limits.check_source(voltage, compliance_current, "read_voltage")
        if voltage == 0:
            raise LimitError(
                "read_voltage is 0 V, which reads no conductance; nothing was sent"
            )
        self._player.check_reads(voltage=voltage, compliance_current=compliance_current)

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self.check_reads(voltage=voltage, compliance_current=compliance_current)
        self._ready()
        self._player.setup_reads(voltage=voltage, compliance_current=compliance_current)

    def read(self) -> Reading:
        """Read, again if the reply failed on the way: then the reading is flagged.

        A lost connection is not tried again.
        """
        ledger = self._ready()
        for attempt in range(1, READ_TRIES + 1):
            try:
                reading = self._player.read()
                break
            except (InstrumentDisconnected, InstrumentDataError) as error:
                if attempt == READ_TRIES:
                    raise
                self._account.tell("retry", f"read {attempt} at {self._terminal}: {error}")
                self._resync(error)
        if attempt > 1:
            reading = reading.flagged(Flag.RETRIED)
        ledger.see(reading.voltage, reading.current)
        return self._account.watch(self._terminal, self._limits, reading)

    def uncertainties(self, reading: Reading) -> dict[str, float]:
        """Return the standard uncertainties of its resistance, in ohm, by their cause."""
        return self._player.uncertainties(reading)

    def _resync(self, error: InstrumentError) -> None:
        try:
            self._player.resync()
        except InstrumentError:  # the connection is gone: what failed first tells more
            raise error from None


class GuardedField:
    """A `Field` that refuses what the limits do not allow, before it is sent."""

    def __init__(self, field: Field, account: Account, limits: Limits) -> None:
        self._field, self._account, self._limits = field, account, limits

    @property
    def is_measured(self) -> bool:
        """Whether a gaussmeter measures the field; else it follows from a current."""
        return self._field.is_measured

    def check_field(self, tesla: float, *, slew: float) -> None:
        """Raise LimitError if such a field is not allowed; nothing is sent."""
        self._limits.check("field", tesla, "a field")
        self._limits.check_positive("field_slew", slew, "a field ramp")
        self._field.check_field(tesla, slew=slew)

    def ramp_time(self, change: float, *, slew: float) -> float:
        """Return the seconds that a `change` in tesla takes until it has settled."""
        return self._field.ramp_time(change, slew=slew)

    def path_time(self, fields: Iterable[float], *, slew: float) -> float:
        """Return the seconds that it takes to go from no field to each of `fields` in turn."""
        return sum(
            self.ramp_time(abs(end - start), slew=slew)
            for start, end in pairwise([0.0, *fields])
        )

    def set_field(self, tesla: float, *, slew: float) -> float:
        self.check_field(tesla, slew=slew)
        self._account.check_go(self._limits)
        measured = self._field.set_field(tesla, slew=slew)
        ledger = self._account.ledger("1")
        ledger.peak_field = max(ledger.peak_field, abs(tesla), abs(measured))
        return measured

    def read_field(self) -> float:
        return self._field.read_field()

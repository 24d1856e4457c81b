"""What a bench may do to a device: checked before anything is sent, never clipped."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from labsyn.data.errors import LimitError
from labsyn.data.units import format_quantity

UNITS = {
    "voltage": "V",
    "current": "A",
    "power": "W",
    "voltage_slew": "V/s",
    "pulse_width": "s",
    "pulse_charge": "C",
    "pulse_energy": "J",
    "n_pulses": "",
    "charge": "C",
    "energy": "J",
    "run_time": "s",
    "field": "T",
    "field_slew": "T/s",
    "conductance_jump": "",
}
"""Every limit and its unit."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits at one terminal, in SI units; they hold for real and simulated benches alike.

    What a pulse can do is judged by what the instrument would let happen: a power is the
    voltage times the compliance current, whatever the device draws. What a run has done so
    far is counted from what was measured.

    Attributes
    ----------
    voltage : float
        Highest absolute voltage between a source and ground, in volt.
    current : float
        Highest compliance current that may be set, in ampere.
    power : float
        Highest voltage times compliance current of one setting, in watt.
    voltage_slew : float
        Fastest sweep, in V/s. (A pulse is a step by its nature: voltage and width limit it.)
    pulse_width : float
        Longest pulse, in seconds.
    pulse_charge, pulse_energy : float
        Most that one pulse can put into the device, in coulomb and joule.
    n_pulses : float
        Most pulses on a device in one run.
    charge, energy : float
        Most that a device gets in one run, in coulomb and joule.
    run_time : float
        Longest run, in seconds.
    field, field_slew : float
        Highest flux density in tesla, and its fastest change in T/s.
    conductance_jump : float
        Factor by which the conductance may change from one reading to the next before the
        run is stopped as a breakdown.
    terminal : str
        Which terminal they hold for; empty for those of the whole bench.
    where : mapping of str to str
        Section of the bench file that a limit comes from, ``[limits]`` for the others.
    """

    voltage: float = 5.0
    current: float = 1e-3
    power: float = math.inf
    voltage_slew: float = math.inf
    pulse_width: float = 1.0
    pulse_charge: float = math.inf
    pulse_energy: float = math.inf
    n_pulses: float = 1_000_000
    charge: float = math.inf
    energy: float = math.inf
    run_time: float = math.inf
    field: float = 0.4
    field_slew: float = math.inf
    conductance_jump: float = math.inf
    terminal: str = ""
    where: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in UNITS:
            value = getattr(self, name)
            if not value > 0:  # written so that NaN is refused too
                raise LimitError(f"limit {name} is {value!r}, it must be positive")
        if self.conductance_jump <= 1:
            raise LimitError(
                f"limit conductance_jump is {self.conductance_jump:g}, it must be above 1"
            )

    def tightened(self, limits: Mapping[str, float], section: str) -> "Limits":
        """Return the stricter of each of these and `limits`, which come from `section`."""
        stricter = {
            name: value for name, value in limits.items() if value < getattr(self, name)
        }
        where = {**self.where, **dict.fromkeys(stricter, section)}
        return replace(self, where=where, **stricter)  # type: ignore[arg-type]

    def check(self, key: str, value: float, what: str, advice: str = "") -> None:
        """Raise LimitError if ``abs(value)`` is beyond the limit `key`.

        `what` says what has that value, such as ``"a pulse voltage"``; `advice` what to
        change instead of the limit.
        """
        limit = getattr(self, key)
        if not abs(value) <= limit:  # written so that NaN is refused too
            unit, section = UNITS[key], self.where.get(key, "[limits]")
            instead = f"; {advice}" if advice else ""
            at = f" at {self.terminal}" if self.terminal else ""
            raise LimitError(
                f"{what} of {format_quantity(value, unit)}{at} exceeds the limit of "
                f"{format_quantity(limit, unit)} ({section} {key} of the bench){instead}; "
                "nothing was sent",
                key=key,
                value=value,
                limit=limit,
                terminal=self.terminal,
            )

    def check_positive(self, key: str, value: float, what: str) -> None:
        """Raise LimitError if `value` is not positive or beyond the limit `key`."""
        if not value > 0:
            raise LimitError(
                f"{what} of {format_quantity(value, UNITS[key])} must be positive; "
                "nothing was sent",
                key=key,
                value=value,
            )
        self.check(key, value, what)

    def check_source(self, voltage: float, compliance_current: float, what: str) -> None:
        """Raise LimitError unless `voltage` at that compliance is allowed."""
        self.check("voltage", voltage, what)
        self.check_positive("current", compliance_current, "compliance_current")
        self.check(
            "power",
            voltage * compliance_current,
            f"{what} times compliance_current",
            "lower one of them",
        )

    def check_pulse(
        self, voltage: float, width: float, compliance_current: float, what: str
    ) -> None:
        """Raise LimitError unless a pulse, at its worst, is allowed; `what` names `voltage`."""
        self.check_source(voltage, compliance_current, what)
        self.check_positive("pulse_width", width, "pulse_width")
        charge = compliance_current * width
        advice = "lower one of them"
        what_charge = "compliance_current times pulse_width"
        self.check("pulse_charge", charge, what_charge, advice)
        self.check("pulse_energy", abs(voltage) * charge, f"{what_charge} times {what}", advice)

    def to_dict(self) -> dict[str, Any]:
        """Return the limits for the run file, without those that are not set."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name in UNITS}
        return {name: value for name, value in values.items() if math.isfinite(value)}

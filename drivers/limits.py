"""What this bench may do to this device: checked before anything is sent, never clipped."""

import math
from dataclasses import dataclass, fields
from typing import Any

from labsyn.data.errors import LimitError
from labsyn.data.units import format_quantity


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a bench, in SI units; they hold for real and simulated benches alike.

    Attributes
    ----------
    voltage : float
        Highest absolute voltage between a source and ground, in volt.
    current : float
        Highest compliance current that may be set, in ampere.
    pulse_width : float
        Longest pulse, in seconds.
    n_pulses : int
        Most pulses in one run.
    """

    voltage: float = 5.0
    current: float = 1e-3
    pulse_width: float = 1.0
    n_pulses: int = 1_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise LimitError(f"limit {field.name} is {value!r}, it must be positive")

    def check_voltage(self, value: float, what: str) -> None:
        """Raise LimitError if ``abs(value)`` volt is not allowed; `what` names the setting."""
        self._check(value, self.voltage, "V", what, "voltage")

    def check_current(self, value: float, what: str) -> None:
        """Raise LimitError if a compliance of `value` ampere is not allowed."""
        self._positive(value, "A", what)
        self._check(value, self.current, "A", what, "current")

    def check_pulse_width(self, value: float, what: str) -> None:
        """Raise LimitError if a pulse of `value` seconds is not allowed."""
        self._positive(value, "s", what)
        self._check(value, self.pulse_width, "s", what, "pulse_width")

    def check_n_pulses(self, value: int, what: str) -> None:
        """Raise LimitError if one run may not apply `value` pulses."""
        self._check(value, self.n_pulses, "", what, "n_pulses")

    def to_dict(self) -> dict[str, Any]:
        """Return the limits for the run file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _check(self, value: float, limit: float, unit: str, what: str, key: str) -> None:
        if not abs(value) <= limit:  # written so that NaN is refused too
            raise LimitError(
                f"{what} of {format_quantity(value, unit)} exceeds the limit of "
                f"{format_quantity(limit, unit)} ([limits] {key} of the bench); "
                "nothing was sent"
            )

    def _positive(self, value: float, unit: str, what: str) -> None:
        if not value > 0:
            raise LimitError(
                f"{what} of {format_quantity(value, unit)} must be positive; nothing was sent"
            )

"""What pulses a generator can give: checked before anything is sent to it."""

import math
from dataclasses import dataclass

from labsyn.data.errors import LimitError
from labsyn.data.units import format_quantity


@dataclass(frozen=True, kw_only=True)
class PulseRange:
    """Lowest and highest values of one type of generator, both allowed.

    Attributes
    ----------
    width, period, edge : (float, float)
        In seconds.
    load : (float, float)
        In ohm; infinite will do as well.
    amplitude : (float, float)
        Smallest and largest pulse into 50 Ω, in volt; no level goes beyond `level`.
    level : float
        In volt into 50 Ω, of either sign.
    most_pulses : int
        Cycles of one burst.
    """

    width: tuple[float, float]
    period: tuple[float, float]
    edge: tuple[float, float]
    load: tuple[float, float] = (1.0, 10e3)
    amplitude: tuple[float, float] = (10e-3, 10.0)
    level: float = 5.0
    most_pulses: int

    def nearest_edge(self, seconds: float) -> float:
        """Return the edge nearest to `seconds` that can be given."""
        return min(max(seconds, self.edge[0]), self.edge[1])

    def check_setup(
        self, name: str, width: float, period: float, edge: float, load: float
    ) -> None:
        """Raise LimitError if `name` cannot give such pulses or know of such a load."""
        for what, unit, value, (low, high) in (
            ("a pulse width", "s", width, self.width),
            ("a pulse period", "s", period, self.period),
            ("an edge", "s", edge, self.edge),
            ("a load", "ohm", load, self.load),
        ):
            if not (low <= value <= high or (what == "a load" and value == math.inf)):
                raise LimitError(
                    f"{name} takes {what} of {format_quantity(low, unit)} to "
                    f"{format_quantity(high, unit)}, not {format_quantity(value, unit)}; "
                    "nothing was sent"
                )

    def check_voltage(self, name: str, voltage: float, scale: float) -> None:
        """Raise LimitError if `name` cannot give `voltage`, `scale` times that into 50 Ω."""
        low = self.amplitude[0] * scale
        high = min(self.amplitude[1], self.level) * scale
        if not low <= abs(voltage) <= high:
            raise LimitError(
                f"{name} gives pulses of {format_quantity(low, 'V')} to "
                f"{format_quantity(high, 'V')} of either sign at this load, not "
                f"{format_quantity(voltage, 'V')}; nothing was sent"
            )

    def check_count(self, name: str, n: float) -> None:
        """Raise LimitError if `name` cannot give `n` pulses in a burst."""
        if not (1 <= n <= self.most_pulses and math.floor(n) == n):
            raise LimitError(
                f"{name} cannot give {n} pulses, only a whole number from 1 to "
                f"{self.most_pulses}; nothing was sent"
            )

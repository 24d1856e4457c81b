"""Errors and readings of Stanford Research lock-ins: status bytes instead of a queue."""

import math
from typing import cast

from labsyn.data.errors import InstrumentDataError, InstrumentError
from labsyn.drivers.wire_errors import WireErrors

# Bits of the standard event status byte that mean a refused command; the others tell of
# power-on and of keys that were pressed.
_REFUSED = {
    0: "its input queue overflowed",
    2: "its output queue overflowed",
    4: "a value was out of range",
    5: "a command was illegal",
}


class SRSStatus(WireErrors):
    """Mixin of a PyMeasure driver: asks ``*ESR?`` after each setting, reads X and Y.

    A subclass sets `OVERLOADS`, the bits of the lock-in status that spoil a reading.
    """

    OVERLOADS: int

    def check_errors(self) -> list[str]:
        """Read the standard event status, which clears it.

        Raises
        ------
        InstrumentError
            If a command was refused since it was last read; PyMeasure never looks.
        """
        status = self.read_status("*ESR?")
        found = [text for bit, text in _REFUSED.items() if status >> bit & 1]
        if found:
            raise InstrumentError(f"{self.name} reports: {'; '.join(found)}")
        return found

    def check_set_errors(self) -> list[str]:
        """Look for errors after a setting."""
        return self.check_errors()

    @property
    def overloaded(self) -> bool:
        """Get whether input, filter or output was overloaded since this was last asked."""
        return bool(self.read_status("LIAS?") & self.OVERLOADS)

    def read_status(self, query: str) -> int:
        """Return the status byte that `query` asks for; most are cleared by reading."""
        return int(cast(float, self.values(query)[0]))

    def read_pair(self, query: str) -> tuple[float, float]:
        """Return the two numbers that `query` asks for, such as X and Y."""
        found = self.values(query)
        if len(found) != 2 or not all(math.isfinite(value) for value in found):
            raise InstrumentDataError(
                f"{self.name} answered {found} to {query}, not two values"
            )
        return found[0], found[1]

"""Measurement data as a Keysight B1500A sends them: ASCII formats with a header.

PyMeasure 0.16 reads these through ``DataFrame.applymap``, which pandas 3 has not, and
decodes the numeric status from the wrong end, so that a reached compliance (8) is reported
as an overflow of the A/D converter (1). Here a status becomes `Flag` bits.

>>> parse_data("008AI+010.0000E-06")[0].flags
<Flag.COMPLIANCE: 1>
>>> parse_data("NAI+010.000E-06,NAV+100.000E-03")[1].value
0.1
"""

import math
import re
from dataclasses import dataclass

from labsyn.data.errors import InstrumentDataError
from labsyn.data.flags import Flag

_NUMBER = r"(?P<value>[+-]\d+(?:\.\d+)?E[+-]\d+)"
_ITEM = re.compile(
    rf"(?P<status>\d{{3}}|[A-Z]|  [WE])(?P<channel>[A-Ja-jVZ])(?P<kind>[A-Za-z]){_NUMBER}"
)
_CHANNELS = {letter: slot for slot, letter in enumerate("ABCDEFGHIJ", start=1)}

# FMT21 and 25: a sum of these. Bits 16 and 32 (search) and 128 (end) are no fault of a point.
_BITS = {
    1: Flag.OVERFLOW,
    2: Flag.OSCILLATION,
    4: Flag.COMPLIANCE,  # another unit reached its compliance
    8: Flag.COMPLIANCE,  # this unit did
    64: Flag.OVERFLOW,
}
# FMT1, 5, 11 and 15: one letter. G and S (search), W and E (sweep source) are no faults.
_LETTERS = {
    "T": Flag.COMPLIANCE,
    "C": Flag.COMPLIANCE,
    "V": Flag.OVERFLOW,
    "X": Flag.OSCILLATION,
    "F": Flag.SATURATED,
}
_INVALID = 1e37
"""199.999E+99 of the B1500A and 9.91E+37 of SCPI mean: no number."""


@dataclass(frozen=True, slots=True)
class Datum:
    """One item of a reply.

    Attributes
    ----------
    channel : int
        Slot of the module, 1 to 10; 0 for the mainframe.
    kind : str
        Letter of the quantity: V, I, T (time), …, in upper case.
    value : float
        In volt, ampere, seconds, …; NaN where the instrument sent its "no number".
    flags : Flag
    """

    channel: int
    kind: str
    value: float
    flags: Flag


def parse_data(reply: str) -> list[Datum]:
    """Return the items of a reply.

    Raises
    ------
    InstrumentDataError
        If any part of the reply is not an item; nothing is made of half a line.
    """
    data = []
    for item in reply.strip().rstrip(",").split(","):
        match = _ITEM.fullmatch(item.strip("\r\n"))
        if match is None:
            raise InstrumentDataError(
                f"the B1500A answered {reply[:200]!r}, in which {item[:40]!r} is no data item"
            )
        value, flags = float(match["value"]), _flags(match["status"])
        if abs(value) > _INVALID:
            value, flags = math.nan, flags | Flag.OVERFLOW
        channel = _CHANNELS.get(match["channel"].upper(), 0)
        data.append(Datum(channel, match["kind"].upper(), value, flags))
    return data


def _flags(status: str) -> Flag:
    if not status.isdigit():
        return _LETTERS.get(status.strip(), Flag(0))
    bits, flags = int(status), Flag(0)
    for bit, flag in _BITS.items():
        if bits & bit:
            flags |= flag
    return flags

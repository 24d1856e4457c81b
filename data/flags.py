"""What can be wrong with a stored row: one bit each, in the column ``flags``."""

from enum import IntFlag


class Flag(IntFlag):
    """Bits of the column ``flags``; zero means nothing to report.

    A flagged row is kept; fits leave it out unless told otherwise, except `SIMULATED`,
    which marks the origin of a row and nothing wrong with it.
    """

    COMPLIANCE = 1
    OVERFLOW = 2
    OSCILLATION = 4
    TIMEOUT = 8
    RETRIED = 16
    INTERLOCK = 32
    SATURATED = 64
    SIMULATED = 128
    BREAKDOWN = 256


EXCLUDED = (
    Flag.COMPLIANCE
    | Flag.OVERFLOW
    | Flag.OSCILLATION
    | Flag.TIMEOUT
    | Flag.INTERLOCK
    | Flag.SATURATED
    | Flag.BREAKDOWN
)
"""Rows with any of these bits are left out of fits by default."""

MASKS = tuple(flag.value for flag in Flag)
MEANINGS = " ".join(str(flag.name).lower() for flag in Flag)
"""What the bits mean, as CF conventions 1.12 (section 3.5) want it said of a column."""

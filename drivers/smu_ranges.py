"""What each kind of source-measure unit of a B1500A can force (its Data Sheet)."""

_MEDIUM = ((20.0, 0.1), (40.0, 0.05), (100.0, 0.02))
_RANGES = {
    "HPSMU": ((20.0, 1.0), (40.0, 0.5), (100.0, 0.125), (200.0, 0.05)),
    "MPSMU": _MEDIUM,
    "HRSMU": _MEDIUM,
    "MCSMU": ((30.0, 0.1),),  # without pulses
}

INTERLOCK_VOLTAGE = 42.0
"""Volts above which the interlock has to be closed."""


def highest_voltage(kind: str) -> float:
    """Return the largest voltage of a unit such as ``"HRSMU"``, in volt; 0 if it is none."""
    return _RANGES[kind][-1][0] if kind in _RANGES else 0.0


def highest_current(kind: str, voltage: float) -> float:
    """Return the largest current at `voltage`, in ampere; 0 beyond the highest voltage."""
    ranges = _RANGES.get(kind, ())
    return next((amperes for high, amperes in ranges if abs(voltage) <= high), 0.0)

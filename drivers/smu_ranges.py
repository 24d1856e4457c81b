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


# User's Guide ed. 10, tables 4-7 and 4-8, high-speed converter: limits of the error, as a
# share of the value and in volt or ampere, up to each end of a range.
_VOLTAGES = ((2.0, 4e-4), (20.0, 3e-3), (40.0, 6e-3), (100.0, 15e-3), (200.0, 30e-3))
_VOLTAGE_SHARE = 1.8e-4
_CURRENTS = (
    (1e-9, 2.5e-3, 3e-13), (1e-8, 2.5e-3, 2e-12), (1e-7, 1e-3, 2e-11), (1e-6, 1e-3, 2e-10),
    (1e-5, 5e-4, 2e-9), (1e-4, 5e-4, 2e-8), (1e-3, 4e-4, 2e-7), (1e-2, 4e-4, 2e-6),
    (1e-1, 1e-3, 2e-5), (1.0, 5e-3, 3e-4),
)  # fmt: skip
_PER_VOLT = 1e-6  # of the current range, for each volt at the output


def voltage_accuracy(voltage: float) -> float:
    """Return by how much a forced `voltage` may be wrong, in volt."""
    offset = next((each for end, each in _VOLTAGES if abs(voltage) <= end), _VOLTAGES[-1][1])
    return _VOLTAGE_SHARE * abs(voltage) + offset


def current_accuracy(current: float, voltage: float) -> float:
    """Return by how much a `current`, measured at `voltage`, may be wrong, in ampere.

    The range is the lowest that holds it, as automatic ranging takes.
    """
    fits = (row for row in _CURRENTS if abs(current) <= row[0])
    end, share, offset = next(fits, _CURRENTS[-1])
    return share * abs(current) + offset + _PER_VOLT * end * abs(voltage)

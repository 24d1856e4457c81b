"""A lock-in with a reference resistor as a reader: a divider, not V over I."""

import math
from collections.abc import Mapping
from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.data.flags import Flag
from labsyn.drivers.bench_model import SourceRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.roles import Reading

_SETTLED = 10  # time constants: a 24 dB filter is within 1e-2 % then
_REST = 0.004  # V rms, the smallest amplitude of an SR830
_SMALLEST_SHARE = 1e-9


class LockInReader:
    """Reads with the sine of a lock-in, through a resistor in series with the device.

    The input is across the device: with the sine at U and the reference resistance R_ref,
    ``R = R_ref V / (U - V)`` and ``I = (U - V) / R_ref``. Between reads the sine stays at 4 mV.
    """

    def __init__(self, part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        if part.reference_resistance is None:
            raise ConfigError('a lock-in reads through reference_resistance, such as "1 Mohm"')
        self._lock_in: Any = instruments[part.instrument]
        self._clock, self._part = clock, part
        self._resistance = part.reference_resistance
        self._amplitude = math.nan

    def check_reads(self, *, voltage: float, compliance_current: float) -> None:
        """Take any: the amplitude is the instrument's, which refuses what it has not."""

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self._lock_in.frequency = self._part.frequency
        self._lock_in.time_constant = self._part.time_constant
        self._amplitude = abs(voltage)

    def read(self) -> Reading:
        """Return voltage and current of the device in volt and ampere rms."""
        try:
            self._lock_in.amplitude = self._amplitude
            self._clock.sleep(_SETTLED * self._lock_in.time_constant)
            overloaded = self._lock_in.overloaded  # asked twice: the first tells of the past
            volts, _ = self._lock_in.read_xy()
            overloaded = self._lock_in.overloaded
        finally:
            self._lock_in.amplitude = _REST
        flags = Flag.OVERFLOW if overloaded else Flag(0)
        current = (self._amplitude - volts) / self._resistance
        if abs(volts) <= _SMALLEST_SHARE * self._amplitude or overloaded:
            return Reading(volts or _SMALLEST_SHARE, math.nan, flags | Flag.OVERFLOW)
        return Reading(volts, current, flags)

    def resync(self) -> None:
        self._lock_in.adapter.connection.clear()

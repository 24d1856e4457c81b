"""A lock-in with a reference resistor as a reader: a divider, not V over I."""

import math
from collections.abc import Mapping
from typing import Any

from labsyn.analysis.divider import Divider, rectangular
from labsyn.data.errors import ConfigError, LimitError
from labsyn.data.flags import Flag
from labsyn.drivers.bench_model import SourceRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.roles import Reading
from labsyn.drivers.wire import as_labsyn_errors

_SETTLED = 16  # time constants: the slowest filter, of 24 dB, is within 1e-4 then
_ANSWERS = 0.01  # seconds: two settings and three queries, each answered in 2 ms
_WHOLE = 1e-6  # of a step: rounding of what is a multiple
_BANDWIDTH = 1 / 4  # over the time constant, of one stage: the widest filter there is


class LockInReader:
    """Reads with the sine of a lock-in, through a resistor in series with the device.

    With the sine at U, V across the device, the reference resistance R_ref and the
    resistance R_in of the input, ``I = (U - V) / R_ref - V / R_in`` and ``R = V / I``; the
    input measures V, or U - V across the resistor. The read voltage is U: the device gets
    less, and never more than U / R_ref flows. Between reads the sine is as small as the
    instrument allows.
    """

    def __init__(self, part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        if part.reference_resistance is None:
            raise ConfigError('a lock-in reads through reference_resistance, such as "1 Mohm"')
        self._lock_in: Any = instruments[part.instrument]
        self._clock, self._part = clock, part
        self._resistance = part.reference_resistance
        self._divider = Divider(
            reference=part.reference_resistance,
            reference_uncertainty=part.reference_uncertainty,
            across=part.input_across,
            input_resistance=self._lock_in.INPUT_RESISTANCE,
        )
        self._amplitude = math.nan

    @property
    def _settling_time(self) -> float:
        return _SETTLED * self._part.time_constant

    @property
    def read_time(self) -> float:
        return self._settling_time + _ANSWERS

    def check_reads(self, *, voltage: float, compliance_current: float) -> None:
        low, high, step = self._lock_in.AMPLITUDE
        steps = abs(voltage) / step if step else 0.0
        if not low <= abs(voltage) <= high or abs(steps - round(steps)) > _WHOLE:
            in_steps = f" in steps of {step:g} V" if step else ""
            raise LimitError(
                f"a sine of {voltage:g} V rms is asked for, {self._lock_in.name} gives {low:g} "
                f"to {high:g} V{in_steps}; nothing was sent"
            )
        worst = abs(voltage) / self._resistance
        if worst > compliance_current * (1 + 1e-9):
            raise LimitError(
                f"a sine of {voltage:g} V rms drives up to {worst:.3g} A through the reference "
                f"resistance of {self._resistance:g} ohm, the compliance is "
                f"{compliance_current:g} A and a lock-in has none; nothing was sent"
            )

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self.check_reads(voltage=voltage, compliance_current=compliance_current)
        self._lock_in.frequency = self._part.frequency
        self._lock_in.time_constant = self._part.time_constant
        self._amplitude = abs(voltage)

    def read(self) -> Reading:
        """Return voltage and current of the device in volt and ampere rms."""
        try:
            self._lock_in.amplitude = self._amplitude
            self._clock.sleep(self._settling_time)
            overloaded = self._lock_in.overloaded  # asked twice: the first tells of the past
            volts, _ = self._lock_in.read_xy()
            overloaded = self._lock_in.overloaded
        finally:
            self._lock_in.amplitude = self._lock_in.AMPLITUDE[0]
        across, current = self._divider.device(self._amplitude, volts)
        if overloaded:
            return Reading(across, math.nan, Flag.OVERFLOW)
        return Reading(across, current)

    def uncertainties(self, reading: Reading) -> dict[str, float]:
        """Return those of the resistor, of the sine, of the gain, and of the input's noise."""
        across = reading.voltage
        if self._divider.across == "reference":
            across = self._amplitude - across
        accuracy = rectangular(self._lock_in.ACCURACY)
        return self._divider.uncertainties(
            self._amplitude,
            across,
            source_uncertainty=accuracy,
            input_uncertainty=accuracy,
            noise_density=self._lock_in.NOISE_DENSITY,
            bandwidth=_BANDWIDTH / self._part.time_constant,
        )

    def resync(self) -> None:
        with as_labsyn_errors(self._lock_in.name, "a device clear"):
            self._lock_in.adapter.connection.clear()

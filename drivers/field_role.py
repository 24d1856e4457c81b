"""A coil on a bipolar supply, with or without a gaussmeter, as a source of field."""

import math
from collections.abc import Mapping
from typing import Any

from labsyn.data.errors import InstrumentError, LimitError
from labsyn.drivers.bench_model import FieldRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.kepco_bop import MAX_CURRENT

_STEP = 0.05  # seconds between two settings of a ramp
_SETTLE = 5.0  # seconds that a field may go on moving, beyond its settling time
_POLL = 0.1
_READING = 0.02  # seconds: a gaussmeter answers twice, in 10 ms each
_TRIES = 5  # corrections of the current by what the gaussmeter says
_LARGEST_TRIM = 0.1  # of the field: a probe in the wrong place must not raise it further


class CoilField:
    """Ramps the current of a coil, and waits until the measured field has settled.

    With a gaussmeter the field is what it measures: the current is corrected until it is
    within the tolerance. Without one it is the current times the coil constant.
    """

    def __init__(self, part: FieldRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        self._part, self._clock = part, clock
        self._supply = instruments[part.instrument]
        self._gaussmeter = instruments[part.gaussmeter] if part.gaussmeter else None

    @property
    def is_measured(self) -> bool:
        return self._gaussmeter is not None

    def check_field(self, tesla: float, *, slew: float) -> None:
        highest = MAX_CURRENT * self._part.coil_constant
        if not abs(tesla) <= highest:
            raise LimitError(
                f"a field of {tesla:g} T is asked for, coil and supply reach {highest:g} T "
                f"({MAX_CURRENT:g} A); nothing was sent"
            )

    def ramp_time(self, change: float, *, slew: float) -> float:
        reading = _READING if self._gaussmeter is not None else 0.0
        return self._n_steps(change, slew) * _STEP + self._part.settling_time + reading

    def set_field(self, tesla: float, *, slew: float) -> float:
        """Return the field in tesla once it has settled.

        Raises
        ------
        InstrumentError
            If it does not settle within the tolerance.
        """
        if not self._supply.output_enabled:
            self._supply.setup_current(voltage_limit=self._part.voltage_limit)
        wanted, constant, tolerance = tesla, self._part.coil_constant, self._part.tolerance
        for _ in range(_TRIES):
            self._ramp(wanted / constant, slew)
            measured = self._settled(tesla)
            if abs(measured - tesla) <= tolerance:
                return measured
            wanted += tesla - measured
            trim = abs(wanted - tesla)
            if trim > _LARGEST_TRIM * abs(tesla) + tolerance or abs(wanted) > (
                MAX_CURRENT * constant
            ):
                break
        raise InstrumentError(
            f"the field settled at {measured:g} T instead of {tesla:g} T; check coil_constant, "
            "the range of the gaussmeter, and where its probe is"
        )

    def read_field(self) -> float:
        if self._gaussmeter is not None:
            return float(self._gaussmeter.field)
        return float(self._supply.current) * self._part.coil_constant

    def _n_steps(self, change: float, slew: float) -> int:
        # Rounding must not make a step more of what is a whole number of them.
        return max(1, math.ceil(abs(change) / (slew * _STEP) - 1e-6))

    def _ramp(self, amperes: float, slew: float) -> None:
        start = float(self._supply.current_setpoint)
        n_steps = self._n_steps((amperes - start) * self._part.coil_constant, slew)
        for k in range(1, n_steps + 1):
            self._supply.current_setpoint = start + (amperes - start) * k / n_steps
            self._clock.sleep(_STEP)

    def _settled(self, tesla: float) -> float:
        """Return the field when it is where it should be, or does not move any more."""
        self._clock.sleep(self._part.settling_time)
        measured, waited = self.read_field(), 0.0
        while abs(measured - tesla) > self._part.tolerance and waited < _SETTLE:
            self._clock.sleep(_POLL)
            waited += _POLL
            before, measured = measured, self.read_field()
            if abs(measured - before) <= self._part.tolerance / 2:
                break
        return measured

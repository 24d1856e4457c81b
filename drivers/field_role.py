"""A coil on a bipolar supply, with or without a gaussmeter, as a source of field."""

from collections.abc import Mapping
from typing import Any

from labsyn.data.errors import InstrumentError, LimitError
from labsyn.drivers.bench_model import FieldRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.kepco_bop import MAX_CURRENT

_STEP = 0.05  # seconds between two settings of a ramp
_SETTLE = 5.0  # seconds that the field may take after the ramp
_POLL = 0.1
_TRIMS = 5  # corrections of the current by what the gaussmeter says


class CoilField:
    """Ramps the current of a coil, and waits until the measured field has settled.

    With a gaussmeter the field is what it measures: the current is corrected until it is
    within the tolerance. Without one it is the current times the coil constant.
    """

    def __init__(self, part: FieldRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        self._part, self._clock = part, clock
        self._supply = instruments[part.instrument]
        self._gaussmeter = instruments[part.gaussmeter] if part.gaussmeter else None
        self._on = False

    def check_field(self, tesla: float, *, slew: float) -> None:
        highest = MAX_CURRENT * self._part.coil_constant
        if not abs(tesla) <= highest:
            raise LimitError(
                f"a field of {tesla:g} T is asked for, coil and supply reach {highest:g} T "
                f"({MAX_CURRENT:g} A); nothing was sent"
            )

    def set_field(self, tesla: float, *, slew: float) -> float:
        """Return the field in tesla once it has settled.

        Raises
        ------
        InstrumentError
            If it does not settle within the tolerance.
        """
        if not self._on:
            self._supply.setup_current(voltage_limit=self._part.voltage_limit)
            self._on = True
        amperes = tesla / self._part.coil_constant
        self._ramp(amperes, slew)
        for _ in range(_TRIMS):
            measured = self._settled(tesla)
            if abs(measured - tesla) <= self._part.tolerance:
                return measured
            amperes += (tesla - measured) / self._part.coil_constant
            if abs(amperes) > MAX_CURRENT:
                break
            self._ramp(amperes, slew)
        raise InstrumentError(
            f"the field settled at {measured:g} T instead of {tesla:g} T; check coil_constant, "
            "the range of the gaussmeter, and where its probe is"
        )

    def read_field(self) -> float:
        if self._gaussmeter is not None:
            return float(self._gaussmeter.field)
        return float(self._supply.current) * self._part.coil_constant

    def _ramp(self, amperes: float, slew: float) -> None:
        start = float(self._supply.current_setpoint)
        step = slew * _STEP / self._part.coil_constant
        n_steps = max(1, round(abs(amperes - start) / step + 0.5))
        for k in range(1, n_steps + 1):
            self._supply.current_setpoint = start + (amperes - start) * k / n_steps
            self._clock.sleep(_STEP)

    def _settled(self, tesla: float) -> float:
        """Return the field when it does not move any more, or is where it should be."""
        waited, before = 0.0, self.read_field()
        while waited < _SETTLE:
            self._clock.sleep(_POLL)
            waited += _POLL
            now = self.read_field()
            if abs(now - before) <= 0.1 * self._part.tolerance:
                return now
            before = now
        return before

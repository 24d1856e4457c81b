"""A pulse generator unit (SPGU) of a B1500A as a pulse source."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from labsyn.data.errors import ConfigError, LimitError
from labsyn.drivers.bench_model import SourceRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.roles import Reading

_EDGE = 20e-9
_PERIOD = (20e-9, 10.0)


class SPGUPulseSource:
    """Pulses of one SPGU channel, from 0 V; they are not measured.

    Channel 301 is the first output of the unit in slot 3. The current is limited by the
    voltage over the load alone: a compliance below that is refused.
    """

    def __init__(self, part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        slot, self._channel = divmod(part.channel, 100)
        if part.load is None:
            raise ConfigError(
                f"channel {part.channel} is a pulse generator: its role needs load, what it "
                'drives, such as "10 kohm"'
            )
        analyser = instruments[part.instrument]
        if not getattr(analyser, "spgus", None):
            analyser.initialize_all_spgus()
        if slot not in analyser.spgus:
            raise ConfigError(f"there is no SPGU in slot {slot} for channel {part.channel}")
        self._spgu = analyser.spgus[slot]
        self._clock, self._load, self._edge = clock, part.load, part.edge or _EDGE
        self._width = self._period = self._compliance = math.nan

    def check_pulses(
        self, voltages: Sequence[float], *,
        width: float, period: float, compliance_current: float,
    ) -> None:  # fmt: skip
        low, high = _PERIOD
        if not low <= period <= high or not 0 < width < period:
            raise LimitError(
                f"pulses of {width:g} s every {period:g} s are asked for, an SPGU has periods "
                f"of {low:g} to {high:g} s, longer than the pulse; nothing was sent"
            )
        for voltage in voltages:
            check_current(voltage, self._load, compliance_current)

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self.check_pulses([], width=width, period=period, compliance_current=compliance_current)
        self._width, self._period, self._compliance = width, period, compliance_current

    def pulse(self, voltage: float) -> Reading:
        check_current(voltage, self._load, self._compliance)
        self._spgu.setup_pulses(
            self._channel, voltage, width=self._width, period=self._period, n_pulses=1,
            load=self._load, edge=self._edge,
        )  # fmt: skip
        self._spgu.run()
        self._spgu.wait(self._clock)
        return Reading(voltage, math.nan)


def check_current(voltage: float, load: float, compliance_current: float) -> None:
    """Raise LimitError if a generator without a current limit drives more than allowed."""
    if abs(voltage) > load * compliance_current * (1 + 1e-9):
        raise LimitError(
            f"a pulse of {voltage:g} V drives {abs(voltage) / load:.3g} A through the load of "
            f"{load:g} ohm, the compliance is {compliance_current:g} A and a pulse generator "
            "has none; lower the voltage or raise compliance_current; nothing was sent"
        )

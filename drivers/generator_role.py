"""A pulse generator as a pulse source."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from labsyn.data.errors import ConfigError, LimitError
from labsyn.drivers.bench_model import SourceRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.pulse_generator import PulseGenerator
from labsyn.drivers.roles import Reading
from labsyn.drivers.spgu_role import check_current

_EDGE_SHARE = 0.05  # of the width, where the bench file gives no edge


class GeneratorPulseSource:
    """Single triggered pulses from 0 V; they are not measured.

    The current is limited by the voltage over the load alone: a compliance below that is
    refused.
    """

    def __init__(self, part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        if part.load is None:
            raise ConfigError('a pulse generator needs load, what it drives, such as "50 ohm"')
        self._generator: PulseGenerator = instruments[part.instrument]
        self._clock = clock
        self._channel, self._load, self._edge = part.channel, part.load, part.edge
        self._period = self._compliance = math.nan
        self._generator.output_of(self._channel)

    def check_pulses(
        self, voltages: Sequence[float], *,
        width: float, period: float, compliance_current: float,
    ) -> None:  # fmt: skip
        if not 0 < width < period:
            raise LimitError(
                f"pulses of {width:g} s every {period:g} s are asked for, a period is longer "
                "than its pulse; nothing was sent"
            )
        name, edge = self._generator.name, self._edge_of(width)
        self._generator.RANGE.check_setup(name, width, period, edge, self._load)
        for voltage in voltages:
            check_current(voltage, self._load, compliance_current)
            self._generator.check_voltage(voltage, self._load)

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self.check_pulses([], width=width, period=period, compliance_current=compliance_current)
        edge = self._edge_of(width)
        self._generator.setup_pulse(self._channel, width, period, edge, self._load)
        self._period, self._compliance = period, compliance_current

    def _edge_of(self, width: float) -> float:
        return self._edge or self._generator.RANGE.nearest_edge(_EDGE_SHARE * width)

    def pulse(self, voltage: float) -> Reading:
        check_current(voltage, self._load, self._compliance)
        end = self._clock.now() + self._period
        self._generator.pulse(self._channel, voltage)
        self._clock.sleep(end - self._clock.now())
        return Reading(voltage, math.nan)

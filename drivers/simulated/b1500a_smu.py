"""One source/monitor unit of the simulated B1500A: ranges, forcing, measuring."""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.wiring import Wiring

# Range codes of the guide; voltage in units of 0.1 V. An alias is reported as its twin.
_ALIASES = {11: 20, 12: 200, 13: 400, 14: 1000, 15: 2000}
_OVER_RANGE = 1.1  # of the range, above which the converter has no value; a choice
_RESOLUTION = {0: 5e-5, 1: 1e-6}  # of the range, for each converter; a choice
_NOISE = 2.5e-5  # of the range, for 2 µs of integration; a choice
_SHORTEST = 2e-6
SERIES_RESISTANCE = 1e6


@dataclass(frozen=True)
class SmuKind:
    """What a module can do: range codes, and the highest current up to each voltage."""

    voltage_ranges: tuple[int, ...]
    current_ranges: tuple[int, ...]
    limits: tuple[tuple[float, float], ...]

    @cached_property
    def spans(self) -> tuple[list[float], list[float]]:
        """Current and voltage that each range covers, in ampere and volt, a little more."""
        return (
            [range_value(code, False) * (1 + 1e-9) for code in self.current_ranges],
            [range_value(code, True) * (1 + 1e-9) for code in self.voltage_ranges],
        )

    def highest_current(self, volts: float) -> float:
        """Return the largest current at `volts`; 0 beyond the highest voltage."""
        return next((amperes for high, amperes in self.limits if abs(volts) <= high), 0.0)


_MEDIUM = ((20.0, 0.1), (40.0, 0.05), (100.0, 0.02))
_HIGH = ((20.0, 1.0), (40.0, 0.5), (100.0, 0.125), (200.0, 0.05))
SMU_KINDS = {
    "B1510A": SmuKind((20, 200, 400, 1000, 2000), tuple(range(11, 21)), _HIGH),
    "B1511A": SmuKind((5, 20, 50, 200, 400, 1000), tuple(range(11, 20)), _MEDIUM),
    "B1511B": SmuKind((5, 20, 50, 200, 400, 1000), tuple(range(11, 20)), _MEDIUM),
    "B1517A": SmuKind((5, 20, 50, 200, 400, 1000), tuple(range(9, 20)), _MEDIUM),
}


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a channel forces; the state after CN is the default.

    Attributes
    ----------
    value, limit : float
        Volts and ampere; ampere and volts if `forces_current`.
    range_code, limit_range : int
        Range codes of both.
    polarity : int
        Compliance polarity, 0 automatic, 1 manual. The limit holds for both signs of the
        current in either mode, as it does for an ohmic device on the instrument.
    """

    forces_current: bool = False
    value: float = 0.0
    limit: float = 100e-6
    range_code: int = 200
    limit_range: int = 16
    polarity: int = 0


class Reading(NamedTuple):
    """One measured value in a range; None where the converter has none."""

    kind: str
    value: float | None
    range_code: int
    scale: float
    adc: int


@dataclass(eq=False)
class Smu:
    """One channel: its settings, and its output on the wiring."""

    slot: int
    kind: SmuKind
    source: str
    wiring: Wiring
    rng: np.random.Generator | None
    on: bool = False
    output: Output = field(default_factory=Output)
    stored: Output | None = None
    current_range: int = 0
    voltage_range: int = 0
    operation: int = 0
    adc: int = 0
    filter_on: int = 0
    series_resistor: int = 0
    ranging: tuple[int, int] = (1, 50)

    def switch_on(self) -> None:
        """Close the output switch at 0 V, with default settings; nothing if it is closed."""
        if not self.on:
            self.reset_settings()
            self.on = True
            self.apply(Output())

    def switch_off(self) -> None:
        self.on = False
        self.output, self.stored = Output(), None
        self.wiring.release(self.source)

    def reset_settings(self) -> None:
        """Return every measurement setting of the channel to its default."""
        self.current_range = self.voltage_range = self.operation = self.adc = 0
        self.filter_on = self.series_resistor = 0
        self.ranging, self.stored = (1, 50), None

    def zero(self) -> None:
        """Force 0 V (DZ) and keep the setting for RZ."""
        self.stored = self.stored or self.output
        limit = 100e-6 if self.output.forces_current else self.output.limit
        self.apply(Output(limit=limit, limit_range=self._code(limit, False)))

    def restore(self) -> None:
        """Return to the output before DZ (RZ)."""
        if self.stored is not None:
            self.apply(self.stored)
            self.stored = None

    def prepared(
        self,
        forces_current: bool,
        code: int,
        value: float,
        limit: float | None,
        polarity: int | None = None,
        limit_range: int | None = None,
    ) -> Output:
        """Return a checked output; raise FlexError 120 if the module cannot do it.

        Without `limit` the last one stays, unless the kind of output changes.
        """  # fmt: skip
        if limit is None:
            if self.output.forces_current != forces_current:
                raise FlexError(BAD_PARAMETER)
            limit = self.output.limit
        volts, amperes = (limit, value) if forces_current else (value, limit)
        if abs(amperes) > self.kind.highest_current(volts) * (1 + 1e-9) or limit == 0:
            raise FlexError(BAD_PARAMETER)
        return Output(
            forces_current=forces_current,
            value=value,
            limit=abs(limit),
            range_code=self._at_least(code, value, not forces_current),
            limit_range=self._at_least(limit_range or 0, limit, forces_current),
            polarity=polarity or 0,
        )

    def apply(self, output: Output, power_limit: float | None = None) -> None:
        """Force `output` now; `power_limit` in watt tightens its limit for this value."""
        self.output = output
        limit = output.limit
        if power_limit is not None and output.value:
            limit = min(limit, power_limit / abs(output.value))
        if output.forces_current:
            self.wiring.drive_current(self.source, output.value, limit)
        else:
            resistance = SERIES_RESISTANCE if self.series_resistor else 0.0
            self.wiring.drive(self.source, output.value, limit, resistance)

    def force(self, value: float, power_limit: float | None = None) -> None:
        """Change the value only, in the ranges and limits that are set."""
        self.apply(replace(self.output, value=value), power_limit)

    @property
    def in_compliance(self) -> bool:
        return self.on and self.wiring.in_compliance(self.source)

    def measure(self, kind: str, code: int, seconds: float, adc: int) -> Reading:
        """Return one reading of ``"V"`` or ``"I"`` integrated over `seconds` by `adc`.

        `code` 0 is automatic ranging, positive the lowest range, negative a fixed range;
        no current range goes beyond that of the compliance.
        """
        volts = kind == "V"
        if volts:
            value = self.wiring.voltage(self.source) or 0.0
        else:
            value = self.wiring.measured_current(self.source)
        range_code = self._range(value, code, volts)
        if not volts and not self.output.forces_current:
            range_code = min(range_code, self.output.limit_range)
        scale = range_value(range_code, volts)
        if abs(value) > _OVER_RANGE * scale:
            return Reading(kind, None, range_code, scale, adc)
        if self.rng is not None:
            spread = _NOISE * scale * min(1.0, (_SHORTEST / seconds) ** 0.5)
            value += spread * self.rng.standard_normal()
        resolution = _RESOLUTION[adc] * scale
        return Reading(kind, round(value / resolution) * resolution, range_code, scale, adc)

    def check_range(self, code: int, volts: bool) -> None:
        """Raise FlexError 120 unless the module has the range."""
        codes = self.kind.voltage_ranges if volts else self.kind.current_ranges
        if code and abs(reported_range(code, volts)) not in codes:
            raise FlexError(BAD_PARAMETER)

    def _range(self, value: float, code: int, volts: bool) -> int:
        if code == 0:
            return self._code(value, volts)
        if code < 0:
            return -reported_range(code, volts)
        return self._at_least(code, value, volts)

    def _at_least(self, code: int, value: float, volts: bool) -> int:
        """Return the range that covers `value`, not below the range `code`."""
        self.check_range(code, volts)
        floor = range_value(code, volts) if code else 0.0
        return self._code(max(abs(value), floor), volts)

    def _code(self, value: float, volts: bool) -> int:
        kind = self.kind
        codes = kind.voltage_ranges if volts else kind.current_ranges
        return codes[min(bisect_left(kind.spans[volts], abs(value)), len(codes) - 1)]


def reported_range(code: int, volts: bool) -> int:
    """Return the code that answers name a range by: of two for one voltage, the larger."""
    size = _ALIASES.get(abs(code), abs(code)) if volts else abs(code)
    return -size if code < 0 else size


def range_value(code: int, volts: bool) -> float:
    """Return the volts or ampere of a range code."""
    code = abs(reported_range(code, volts))
    return code / 10 if volts else 10.0 ** (code - 20)

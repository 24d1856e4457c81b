"""A source-measure unit of a B1500A in the roles that it can play."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from labsyn.analysis.divider import rectangular
from labsyn.data.errors import LimitError
from labsyn.data.flags import Flag
from labsyn.drivers.bench_model import FIRST_SPGU, SourceRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.flex_data import Datum
from labsyn.drivers.flex_results import SweepData
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.roles import PulseSource, Reading
from labsyn.drivers.smu_ranges import current_accuracy, voltage_accuracy

# Programming Guide ed. 11: pulse width of PT, and its period.
_WIDTH = (500e-6, 2.0)
_PERIOD = (5e-3, 5.0)
_REST = 2e-3  # least time of a period that is no pulse, for pulses up to 100 ms
_LONG_REST = 10e-3
_LONGEST_WAIT = 65.535  # delay and step delay of WT
_RETURN_LIMIT = 0.1  # ampere that every SMU can take up at 0 V
_DECIMALS = 4  # of a time in a sweep, which counts in 0.1 ms
_INTERVAL = (0.01, 65.535)  # of MT; shorter ones measure otherwise, and need no hold
_HOLD_DECIMALS = 2  # of its hold time, which counts in 10 ms
_INEXACT = 0.01  # by which a step may differ from what was asked for


def pulse_source(part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> PulseSource:
    """Return what gives the pulses: an SMU in its slot, or an SPGU (channel 101 and above)."""
    if part.channel >= FIRST_SPGU:
        from labsyn.drivers.spgu_role import SPGUPulseSource

        return SPGUPulseSource(part, instruments, clock)
    return SMUPulseSource(part, instruments, clock)


class SMUPulseSource:
    """Pulses by the unit's own timing (``PT``, ``PV``), resting at 0 V."""

    def __init__(self, part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        self._analyser: KeysightB1500A = instruments[part.instrument]
        self._channel = part.channel
        self._compliance = 0.0
        self._voltage: float | None = None

    def check_pulses(
        self, voltages: Sequence[float], *,
        width: float, period: float, compliance_current: float,
    ) -> None:  # fmt: skip
        """Take any voltage and current: ranges are the module's, which refuses others."""
        low, high = _WIDTH
        if not low <= width <= high:
            raise LimitError(
                f"a pulse width of {width:g} s is asked for, an SMU gives {low:g} to {high:g}; "
                "a pulse generator gives shorter ones; nothing was sent"
            )
        shortest, longest = _PERIOD
        least = max(shortest, width + (_REST if width <= 0.1 else _LONG_REST))
        if not least <= period <= longest:
            raise LimitError(
                f"a pulse period of {period:g} s is asked for with a width of {width:g} s, an "
                f"SMU gives {least:g} to {longest:g} s; nothing was sent"
            )

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self.check_pulses([], width=width, period=period, compliance_current=compliance_current)
        self._compliance, self._voltage = compliance_current, None
        self._analyser.command(f"CN {self._channel}")
        self._analyser.setup_pulsed_spot(self._channel, width, period)

    def pulse(self, voltage: float) -> Reading:
        if voltage != self._voltage:
            self._voltage = None  # nothing is known of the level if this is refused
            self._analyser.set_pulse(self._channel, voltage, self._compliance)
            self._voltage = voltage
        return _reading(voltage, self._analyser.pulsed_spot(self._channel))


class SMUReader:
    """Reads by a spot measurement (``DV``, ``TI``, back to 0 V).

    With a return channel it is that one, at 0 V, which measures: what flows from terminal
    to terminal, without what other terminals draw. With averaging it uses the converter of
    high resolution, for all that is measured from then on but pulses.
    """

    read_time = 0.0

    def __init__(self, part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        self._analyser: KeysightB1500A = instruments[part.instrument]
        self._channel, self._return = part.channel, part.return_channel
        self._averaging = part.averaging
        self._voltage = 0.0
        self._compliance = 0.0

    def check_reads(self, *, voltage: float, compliance_current: float) -> None:
        """Take any: ranges are the instrument's, which refuses what it has not."""

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self._voltage, self._compliance = voltage, compliance_current
        self._analyser.command(f"CN {self._channel}")
        if self._return is not None:
            self._analyser.command(f"CN {self._return}")
            limit = min(compliance_current, _RETURN_LIMIT)
            self._analyser.command(f"DV {self._return},0,0,{limit:.6g}")
        if self._averaging is not None:
            measuring = self._channel if self._return is None else self._return
            self._analyser.command(f"AIT 1,1,{self._averaging}")
            self._analyser.command(f"AAD {measuring},1")

    def read(self) -> Reading:
        datum = self._analyser.read_at(
            self._channel, self._voltage, self._compliance, self._return
        )
        reading = _reading(self._voltage, datum)
        if self._return is None:
            return reading
        return Reading(self._voltage, -reading.current, reading.flags)

    def uncertainties(self, reading: Reading) -> dict[str, float]:
        """Return those of the voltage and of the current, by the accuracy of their ranges.

        The noise within one reading is part of what the accuracy covers.
        """
        volts, amperes = reading.voltage, reading.current
        if not amperes:
            return {"source": math.inf, "input": math.inf}
        offset = voltage_accuracy(volts)
        if self._return is not None:
            offset = math.hypot(offset, voltage_accuracy(0.0))
        return {
            "source": rectangular(offset) / abs(amperes),
            "input": rectangular(current_accuracy(amperes, volts)) * abs(volts) / amperes**2,
        }

    def resync(self) -> None:
        self._analyser.resync()


class SMUSweeper:
    """Sweeps by the unit's own staircase (``WV``), holds by its sampling (``MV``).

    Both go back to 0 V.
    """

    def __init__(self, part: SourceRole, instruments: Mapping[str, Any], clock: Clock) -> None:
        self._analyser: KeysightB1500A = instruments[part.instrument]
        self._channel = part.channel

    def check_sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> None:  # fmt: skip
        if not 0 < step_time <= 2 * _LONGEST_WAIT or (
            abs(round(step_time, _DECIMALS) - step_time) > _INEXACT * step_time
        ):
            raise LimitError(
                f"a step time of {step_time:g} s is asked for, a B1500A takes up to "
                f"{2 * _LONGEST_WAIT:g} s a step, in units of 0.1 ms; change the sweep rate "
                "or the number of points; nothing was sent"
            )
        if not 2 <= n_points <= 1001:
            raise LimitError(
                f"a sweep of {n_points} points is asked for, a B1500A takes 2 to 1001; "
                "nothing was sent"
            )

    def sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> list[Reading]:  # fmt: skip
        delay = round(step_time / 2, _DECIMALS)
        rest = round(step_time - delay, _DECIMALS)
        self._analyser.command(f"CN {self._channel}")
        try:
            data = self._analyser.staircase_sweep(
                self._channel, start, stop, n_points,
                compliance=compliance_current, double=double, delay=delay, step_delay=rest,
            )  # fmt: skip
        finally:
            self._analyser.command(f"DZ {self._channel}")
        return _readings(data)

    def check_hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> None:
        interval, (low, high) = seconds / n_points, _INTERVAL
        inexact = abs(round(interval, _HOLD_DECIMALS) - interval) > _INEXACT * interval
        if inexact or not low <= interval <= high:
            raise LimitError(
                f"a measurement every {interval:g} s is asked for, a B1500A takes one every "
                f"{low:g} to {high:g} s, in units of 10 ms; nothing was sent"
            )

    def hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> list[Reading]:
        interval = round(seconds / n_points, _HOLD_DECIMALS)
        self._analyser.command(f"CN {self._channel}")
        try:
            data = self._analyser.sampling(
                self._channel, voltage, interval, n_points,
                compliance=compliance_current, hold=interval,
            )  # fmt: skip
        finally:
            self._analyser.command(f"DZ {self._channel}")
        return _readings(data)


def _readings(data: SweepData) -> list[Reading]:
    return [
        Reading(float(volts), float(amperes), Flag(int(flags)), float(time))
        for volts, amperes, time, flags in zip(
            data.voltage, data.current, data.time, data.flags, strict=True
        )
    ]


def _reading(voltage: float, datum: Datum) -> Reading:
    value = datum.value if math.isfinite(datum.value) else math.nan
    return Reading(voltage, value, datum.flags)

"""What the drivers of all pulse generators share: pulses from 0 V, checked before and after."""

import math
import re
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

from labsyn.data.errors import BenchError, InstrumentDataError, InstrumentError
from labsyn.drivers.bus_triggered import BusTriggered
from labsyn.drivers.pulse_range import PulseRange

SOURCE_RESISTANCE = 50.0
_DESCRIBED = (
    "shape", "pulse_period", "pulse_width", "pulse_transition", "voltage_high", "voltage_low",
    "output_load", "output_polarity", "burst_state", "burst_ncycles", "trigger_source",
    "output",
)  # fmt: skip
_TIMEOUT = 10.0  # seconds beyond what a burst takes
_READ_BACK = 1e-5  # relative: %e carries six decimals
_LEVEL_READ_BACK = 1e-3  # relative: levels have four digits, and are sent in microvolts


@dataclass(kw_only=True)
class _Setup:
    """What `setup_pulse` agreed with one channel; `voltage` is None until the first pulse."""

    period: float
    scale: float
    voltage: float | None = None


class PulseGenerator(BusTriggered):
    """Mixin in front of one of PyMeasure's drivers, whose properties it uses.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"USB0::0x0957::0x4108::1::INSTR"``.
    """

    MODEL: ClassVar[re.Pattern[str]]
    BUS_TRIGGER: ClassVar[str] = "BUS"
    RANGE: ClassVar[PulseRange]

    def __init__(self, adapter: Any, name: str, **visa: Any) -> None:
        with warnings.catch_warnings():
            # PyMeasure does not know that the 33220A speaks SCPI; its manual does.
            warnings.simplefilter("ignore", FutureWarning)
            super().__init__(adapter, name, **visa)
        self._setups: dict[int, _Setup] = {}
        self.write("*CLS")  # errors of whoever was here before are not ours

    def output_of(self, channel: int) -> Any:
        """Return the PyMeasure object whose properties set `channel`.

        Raises
        ------
        BenchError
            If the instrument has no such channel.
        """
        if channel not in self.numbers:
            raise BenchError(f"{self.name} has no channel {channel}, only {self.numbers}")
        return self.channels[channel]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Get the numbers of the channels (tuple of int)."""
        return tuple(self.channels)

    def setup_pulse(
        self, channel: int, width: float, period: float, edge: float, load: float
    ) -> None:
        """Prepare pulses from 0 V on `channel`, triggered by `pulse`; the output goes off.

        Parameters
        ----------
        channel : int
            Output.
        width, period, edge : float
            Of one pulse, in seconds.
        load : float
            What the output drives, in ohm; ``math.inf`` for much more than 50 Ω. The
            voltages of `pulse` are those at this load: with a wrong one the device gets up
            to twice as much.

        Raises
        ------
        InstrumentError
            If the instrument refused a setting or took another value.
        LimitError
            If the instrument cannot give such a pulse; nothing was sent.
        BenchError
            If the instrument has no such channel.
        """
        output = self.output_of(channel)
        self.RANGE.check_setup(self.name, width, period, edge, load)
        self._setups.pop(channel, None)
        output.output = False
        output.shape = "PULS"
        output.amplitude_unit = "VPP"
        self._set_timing(output, width, period, edge)
        output.output_load = load
        output.burst_mode = "TRIG"
        output.trigger_source = self.BUS_TRIGGER
        self._set_cycles(output, 1)  # or the output runs free as soon as it is on
        for name, wanted in (
            ("pulse_width", width),
            ("pulse_period", period),
            ("output_load", load),
        ):
            self._check_taken(output, name, wanted, _READ_BACK)
        self._setups[channel] = _Setup(period=period, scale=_scale(load))

    def pulse(self, channel: int, voltage: float, n: int = 1) -> None:
        """Apply `n` pulses from 0 V to `voltage` volt, and wait until they are over.

        The trigger on the bus reaches all outputs: the others that `setup_pulse` prepared
        are switched off before, or they would pulse as well.

        Raises
        ------
        BenchError
            If `setup_pulse` was not called before.
        LimitError
            If the instrument cannot give such a pulse; nothing was sent.
        InstrumentError
            If the instrument refused a setting, took another level, or is not done in time;
            the output is off then.
        """
        setup = self._setups.get(channel)
        if setup is None:
            raise BenchError(f"{self.name}: pulse on channel {channel} before setup_pulse")
        self.RANGE.check_voltage(self.name, voltage, setup.scale)
        self.RANGE.check_count(self.name, n)
        self._silence_others(channel)
        output = self.output_of(channel)
        try:
            self._set_cycles(output, n)
            if voltage != setup.voltage:
                self._set_voltage(output, voltage, setup)
            self.write("*TRG")
            self.wait_for_trigger(n * setup.period + _TIMEOUT)
            self.check_errors()
        except InstrumentError:
            setup.voltage = None
            output.output = False
            raise

    def check_voltage(self, voltage: float, load: float) -> None:
        """Raise LimitError if `pulse` cannot give `voltage` at `load` ohm."""
        self.RANGE.check_voltage(self.name, voltage, _scale(load))

    def settings(self) -> dict[str, str]:
        """Return what each output is set to, for the run file; voltages are at the load."""
        return {
            f"{name}_{channel}": str(getattr(self.output_of(channel), name))
            for channel in self.numbers
            for name in _DESCRIBED
        }

    def shutdown(self) -> None:
        """Switch every output off; one that fails does not stop the next."""
        errors = []
        for channel in self.numbers:
            try:
                self.output_of(channel).output = False
            except InstrumentError as error:
                errors.append(error)
        self._setups.clear()
        super().shutdown()
        if errors:
            raise errors[0]

    def _silence_others(self, channel: int) -> None:
        for other, setup in self._setups.items():
            if other != channel and setup.voltage is not None:
                setup.voltage = None
                self.output_of(other).output = False

    def _number(self, output: Any, name: str) -> float:
        """Return a setting of `output`; PyMeasure returns a text where none was answered."""
        value = getattr(output, name)
        if not isinstance(value, (int, float)):
            raise InstrumentDataError(f"{self.name} answered {value!r} for {name}, no number")
        return float(value)

    def _check_taken(self, output: Any, name: str, wanted: float, tolerance: float) -> None:
        taken = self._number(output, name)
        if not math.isclose(taken, wanted, rel_tol=tolerance):
            raise InstrumentError(f"{self.name} took {name} {taken:g} for {wanted:g}")

    def _set_timing(self, output: Any, width: float, period: float, edge: float) -> None:
        """Set edge, width and period in an order in which each fits the others."""
        if edge < self._number(output, "pulse_transition"):
            output.pulse_transition = edge
        if period > self._number(output, "pulse_period"):
            output.pulse_period = period
        output.pulse_width = width
        output.pulse_period = period
        output.pulse_transition = edge

    def _set_voltage(self, output: Any, voltage: float, setup: _Setup) -> None:
        """Set the far level; the near one is 0 V, where an output rests between pulses.

        A negative pulse needs inverted polarity: it would rest at the negative level.
        """
        far = "voltage_high" if voltage > 0 else "voltage_low"
        output.voltage_high_values = output.voltage_low_values = (
            -self.RANGE.level * setup.scale,
            self.RANGE.level * setup.scale,
        )
        if setup.voltage is not None and (setup.voltage > 0) == (voltage > 0):
            setattr(output, far, voltage)
        else:
            output.output = False
            output.output_polarity = "NORM" if voltage > 0 else "INV"
            self._set_levels(output, voltage, setup.scale)
            self._check_taken(output, far, voltage, _LEVEL_READ_BACK)
            output.output = True
        setup.voltage = voltage

    def _set_levels(self, output: Any, voltage: float, scale: float) -> None:
        """Set the levels by way of small ones, so that they never conflict."""
        output.amplitude = self.RANGE.amplitude[0] * max(4 * scale, 1.0)
        output.offset = 0.0
        if voltage > 0:
            output.voltage_low = 0.0
            output.voltage_high = voltage
        else:
            output.voltage_high = 0.0
            output.voltage_low = voltage

    def _set_cycles(self, output: Any, n: int) -> None:
        output.burst_ncycles = n
        output.burst_state = True


def _scale(load: float) -> float:
    """Return the voltage at `load` ohm, relative to that at 50 Ω."""
    return 2.0 if math.isinf(load) else 2 * load / (load + SOURCE_RESISTANCE)

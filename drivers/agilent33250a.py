"""Agilent 33250A and 33220A function generators: PyMeasure's drivers, made trustworthy."""

import re
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.agilent import Agilent33220A as PyMeasureAgilent33220A
from pymeasure.instruments.keysight import Keysight33250A as PyMeasureKeysight33250A
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labsyn.data.errors import BenchError
from labsyn.drivers.output_load import load_control
from labsyn.drivers.pulse_generator import PulseGenerator
from labsyn.drivers.pulse_range import PulseRange

_ON_OFF = {True: 1, False: 0}


class _SingleOutput(PulseGenerator):
    """A generator whose only output is the instrument itself.

    PyMeasure's 33220A has neither load nor polarity: what is assigned there is a Python
    attribute and never sent. Its 33250A calls the switches `output_enabled` and
    `burst_enabled`; both go by the names of the other generators here.
    """

    output_polarity = Instrument.control(
        "OUTP:POL?",
        "OUTP:POL %s",
        """Control the polarity (string, strictly 'NORM' or 'INV').""",
        validator=strict_discrete_set,
        values=["NORM", "INV"],
    )

    output_load = load_control("OUTP:LOAD %s", 1.0, 10e3)

    # PyMeasure 0.16 allows ±5 V in the 33250A, where 10 V are legal at high impedance, and
    # anything in the 33220A, which then clips.
    voltage_high = Instrument.control(
        "VOLT:HIGH?",
        "VOLT:HIGH %.6g",
        """Control the upper level in volt (float, strictly -5 to 5 into 50 ohm).""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    voltage_low = Instrument.control(
        "VOLT:LOW?",
        "VOLT:LOW %.6g",
        """Control the lower level in volt (float, strictly -5 to 5 into 50 ohm).""",
        validator=strict_range,
        values=(-5.0, 5.0),
        dynamic=True,
    )

    trigger_source = Instrument.control(
        "TRIG:SOUR?",
        "TRIG:SOUR %s",
        """Control the trigger source (string, strictly 'IMM', 'EXT' or 'BUS').""",
        validator=strict_discrete_set,
        values=["IMM", "EXT", "BUS"],
    )

    output = Instrument.control(
        "OUTP?",
        "OUTP %d",
        """Control whether the output is on (bool).""",
        validator=strict_discrete_set,
        map_values=True,
        values=_ON_OFF,
    )

    burst_state = Instrument.control(
        "BURS:STAT?",
        "BURS:STAT %d",
        """Control whether the output gives bursts (bool).""",
        validator=strict_discrete_set,
        map_values=True,
        values=_ON_OFF,
    )

    @property
    def numbers(self) -> tuple[int, ...]:
        return (1,)

    def output_of(self, channel: int) -> Any:
        if channel != 1:
            raise BenchError(f"{self.name} has no channel {channel}, only (1,)")
        return self


class Agilent33250A(_SingleOutput, PyMeasureKeysight33250A):
    """Give pulses from 8 ns on one output.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"GPIB0::10::INSTR"``.
    """

    MODEL = re.compile(r"33250A")
    RANGE = PulseRange(
        width=(8e-9, 2000.0), period=(20e-9, 2000.0), edge=(5e-9, 1e-3), most_pulses=1_000_000
    )

    def __init__(self, adapter: Any, **visa: Any) -> None:
        super().__init__(adapter, "Agilent 33250A", **visa)


class Agilent33220A(_SingleOutput, PyMeasureAgilent33220A):
    """Give pulses from 20 ns on one output.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"GPIB0::10::INSTR"``.
    """

    MODEL = re.compile(r"33220A")
    RANGE = PulseRange(
        width=(20e-9, 2000.0), period=(200e-9, 2000.0), edge=(5e-9, 100e-9), most_pulses=50_000
    )

    # PyMeasure 0.16 sends both with %f: 100 ns goes out as 0.000000, and the instrument
    # takes its minimum instead.
    pulse_period = Instrument.control(
        "PULS:PER?",
        "PULS:PER %e",
        """Control the period in seconds (float, strictly 200e-9 to 2000).""",
        validator=strict_range,
        values=(200e-9, 2000.0),
    )

    pulse_width = Instrument.control(
        "FUNC:PULS:WIDT?",
        "FUNC:PULS:WIDT %e",
        """Control the width in seconds (float, strictly 20e-9 to 2000).""",
        validator=strict_range,
        values=(20e-9, 2000.0),
    )

    def __init__(self, adapter: Any, **visa: Any) -> None:
        super().__init__(adapter, "Agilent 33220A", **visa)

"""Keysight 81160A pulse function arbitrary generator: PyMeasure's driver, made trustworthy."""

import re
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.keysight import Keysight81160A as PyMeasureKeysight81160A
from pymeasure.instruments.keysight.keysight81160A import Keysight81160AChannel
from pymeasure.instruments.validators import strict_discrete_set

from labsyn.drivers.output_load import load_control
from labsyn.drivers.pulse_generator import PulseGenerator
from labsyn.drivers.pulse_range import PulseRange


class Keysight81160AOutput(Keysight81160AChannel):
    """One output."""

    # PyMeasure 0.16 gives the values as a list with map_values: True is sent as its index,
    # 0, and a burst of three pulses runs free.
    burst_state = Instrument.control(
        ":BURS{ch}:STAT?",
        ":BURS{ch}:STAT %d",
        """Control whether the output gives bursts (bool).""",
        validator=strict_discrete_set,
        map_values=True,
        values={True: 1, False: 0},
    )

    # PyMeasure 0.16 checks no value, and reads high impedance as 9.9e37 ohm.
    output_load = load_control(":OUTP{ch}:LOAD %s", 0.3, 1e6)

    # PyMeasure 0.16 has none.
    output_polarity = Instrument.control(
        ":OUTP{ch}:POL?",
        ":OUTP{ch}:POL %s",
        """Control the polarity (string, strictly 'NORM' or 'INV').""",
        validator=strict_discrete_set,
        values=["NORM", "INV"],
    )

    @property
    def trigger_source(self) -> str:
        """Control the trigger source (string, strictly 'IMM', 'INT2', 'EXT' or 'MAN')."""
        return str(self.trigger_mode)

    @trigger_source.setter
    def trigger_source(self, source: str) -> None:
        self.trigger_mode = source


class Keysight81160A(PulseGenerator, PyMeasureKeysight81160A):
    """Give pulses from 1.5 ns on two outputs.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"USB0::0x0957::0x4108::1::INSTR"``.
    """

    MODEL = re.compile(r"81160A")
    BUS_TRIGGER = "MAN"
    RANGE = PulseRange(
        width=(1.5e-9, 1e6),
        period=(3.03e-9, 1e6),
        edge=(1e-9, 1e3),
        load=(0.3, 1e6),
        amplitude=(0.05, 5.0),
        most_pulses=2_147_483_647,
    )

    ch_1 = Instrument.ChannelCreator(Keysight81160AOutput, 1)
    ch_2 = Instrument.ChannelCreator(Keysight81160AOutput, 2)

    def __init__(self, adapter: Any, **visa: Any) -> None:
        super().__init__(adapter, "Keysight 81160A", **visa)

    def _set_cycles(self, output: Any, n: int) -> None:
        """Set the cycles of a trigger: a burst has two or more, one needs no burst."""
        if n > 1:
            output.burst_ncycles = n
        output.burst_state = n > 1

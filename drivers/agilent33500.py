"""Agilent/Keysight 33500 waveform generators: PyMeasure's driver, made trustworthy."""

import re
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.agilent import Agilent33500 as PyMeasureAgilent33500
from pymeasure.instruments.agilent.agilent33500 import Agilent33500Channel
from pymeasure.instruments.validators import strict_discrete_set

from labsyn.drivers.output_load import load_control
from labsyn.drivers.pulse_generator import PulseGenerator
from labsyn.drivers.pulse_range import PulseRange


class Agilent33500Output(Agilent33500Channel):
    """One output."""

    # PyMeasure 0.16 checks no value, and reads high impedance as 9.9e37 ohm.
    output_load = load_control("OUTP{ch}:LOAD %s", 1.0, 10e3)

    # PyMeasure 0.16 has none, and a trigger source for the whole instrument only.
    output_polarity = Instrument.control(
        "OUTP{ch}:POL?",
        "OUTP{ch}:POL %s",
        """Control the polarity (string, strictly 'NORM' or 'INV').""",
        validator=strict_discrete_set,
        values=["NORM", "INV"],
    )

    trigger_source = Instrument.control(
        "TRIG{ch}:SOUR?",
        "TRIG{ch}:SOUR %s",
        """Control the trigger source (string, strictly 'IMM', 'EXT', 'TIM' or 'BUS').""",
        validator=strict_discrete_set,
        values=["IMM", "EXT", "TIM", "BUS"],
    )


class Agilent33500(PulseGenerator, PyMeasureAgilent33500):
    """Give pulses from 16 ns on one or two outputs.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"TCPIP0::192.168.0.5::INSTR"``.
    n_channels : int
        Number of outputs of this member of the family, 1 or 2.
    """

    MODEL = re.compile(r"335\d\d[AB]")
    RANGE = PulseRange(
        width=(16e-9, 1e6),
        period=(33e-9, 1e6),
        edge=(8.4e-9, 1e-6),
        most_pulses=99_999,  # of 100 million: PyMeasure's property ends there
    )

    ch_1 = Instrument.ChannelCreator(Agilent33500Output, 1)
    ch_2 = Instrument.ChannelCreator(Agilent33500Output, 2)

    def __init__(self, adapter: Any, n_channels: int = 2, **visa: Any) -> None:
        super().__init__(adapter, "Agilent 33500", **visa)
        self._numbers = tuple(range(1, n_channels + 1))

    @property
    def numbers(self) -> tuple[int, ...]:
        return self._numbers

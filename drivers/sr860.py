"""Stanford Research SR860 lock-in amplifier: PyMeasure's driver, made strict."""

import re
from typing import Any

from pymeasure.instruments import Instrument, srs
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labsyn.drivers.srs_status import SRSStatus

_RANGES = {1.0: 0, 0.3: 1, 0.1: 2, 0.03: 3, 0.01: 4}


def _indices(choices: list[float]) -> dict[float, int]:
    return {value: index for index, value in enumerate(choices)}


class SR860(SRSStatus, srs.SR860):
    """Excite and read with an SR860.

    PyMeasure's SR860 replaces a setting out of range by the limit and sends it
    (``truncated_range``, ``truncated_discrete_set``), and never asks for errors: each
    property here refuses instead, and asks after setting.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"GPIB0::4::INSTR"``.
    """

    MODEL = re.compile(r"SR86[05]A?")
    OVERLOADS = 0b11011  # both outputs, reference unlocked, input range

    def __init__(self, adapter: Any, **visa: Any) -> None:
        super().__init__(adapter, "Stanford Research Systems SR860", **visa)
        self.read_status("*ESR?")  # forget what happened before us
        self.read_status("LIAS?")

    @property
    def id(self) -> str:
        """Get who answers (``*IDN?``); PyMeasure counts it as no SCPI and refuses to ask."""
        return str(self.ask("*IDN?")).strip()

    # PyMeasure's sine_voltage: 3 V sends 2.
    amplitude = Instrument.control(
        "SLVL?",
        "SLVL %0.9e",
        """Control the sine output in volt rms (float, strictly 0 to 2).""",
        validator=strict_range,
        values=(0.0, 2.0),
        check_set_errors=True,
    )
    sine_voltage = amplitude
    # Missing in PyMeasure, which sets presets of it only.
    offset = Instrument.control(
        "SOFF?",
        "SOFF %0.9e",
        """Control the direct voltage under the sine in volt (float, strictly -5 to 5).""",
        validator=strict_range,
        values=(-5.0, 5.0),
        check_set_errors=True,
    )
    # PyMeasure's: 1 MHz sends 5.000000e+05.
    frequency = Instrument.control(
        "FREQ?",
        "FREQ %0.6e",
        """Control the reference frequency in hertz (float, strictly 0.001 to 500000).""",
        validator=strict_range,
        values=(0.001, 500_000.0),
        check_set_errors=True,
    )
    # PyMeasure's: 400 degrees sends 360.
    phase = Instrument.control(
        "PHAS?",
        "PHAS %0.7f",
        """Control the reference phase in degrees (float, strictly -360 to 360).""",
        validator=strict_range,
        values=(-360.0, 360.0),
        check_set_errors=True,
    )
    # PyMeasure's range(1, 99) refuses 99, which the instrument has.
    harmonic = Instrument.control(
        "HARM?",
        "HARM %d",
        """Control the detected harmonic (int, strictly 1 to 99).""",
        validator=strict_discrete_set,
        values=range(1, 100),
        check_set_errors=True,
        cast=int,
    )
    # PyMeasure's: 0.15 s sends the index of 0.3 s, 1e6 s that of 30 ks.
    time_constant = Instrument.control(
        "OFLT?",
        "OFLT %d",
        """Control the time constant in seconds (float, strictly 1 µs, 3 µs to 30 ks).""",
        validator=strict_discrete_set,
        values=_indices(srs.SR860.TIME_CONSTANTS),
        map_values=True,
        check_set_errors=True,
    )
    # PyMeasure's: 2 V sends the index of 1 V.
    sensitivity = Instrument.control(
        "SCAL?",
        "SCAL %d",
        """Control full scale of the outputs in volt (float, strictly 1 nV, 2 nV to 1 V).""",
        validator=strict_discrete_set,
        values=_indices(srs.SR860.SENSITIVITIES),
        map_values=True,
        check_set_errors=True,
    )
    # PyMeasure's takes the texts '1V', '300M'; here volts as everywhere.
    input_range = Instrument.control(
        "IRNG?",
        "IRNG %d",
        """Control the input range in volt (float, strictly 0.01, 0.03, 0.1, 0.3 or 1).""",
        validator=strict_discrete_set,
        values=_RANGES,
        map_values=True,
        check_set_errors=True,
    )

    def read_xy(self) -> tuple[float, float]:
        """Return X and Y of one instant, in volt rms."""
        return self.read_pair("SNAP? 0,1")

    def settings(self) -> dict[str, str]:
        """Return the instrument's own words for its state, for the run file."""
        queries = (
            "FREQ", "SLVL", "SOFF", "PHAS", "HARM", "RSRC", "IVMD", "ISRC", "ICPL", "IGND",
            "IRNG", "SCAL", "OFLT", "OFSL", "SYNC", "ADVFILT",
        )  # fmt: skip
        return {name: self.ask(f"{name}?").strip() for name in queries}

    def shutdown(self) -> None:
        """Set sine, its direct voltage and every auxiliary output to 0 V."""
        try:
            self.send_all(["SLVL 0", "SOFF 0", *(f"AUXV {n},0" for n in range(4))])
        finally:
            super().shutdown()

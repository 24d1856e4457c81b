"""Stanford Research SR860 lock-in amplifier: PyMeasure's driver, made strict."""

import re
from typing import Any

from pymeasure.instruments import srs

from labsyn.drivers.srs_status import SRSStatus
from labsyn.drivers.strict_settings import choice_setting, indices, number_setting


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
    AMPLITUDE = (0.0, 2.0, 0.0)
    """Smallest and largest sine, and its step, in volt rms; it has no step."""
    ACCURACY = 0.01
    """Limit of the relative error of the gain, and of the sine (its specifications)."""
    INPUT_RESISTANCE = 10e6
    """Of each voltage input, in ohm (its specifications)."""
    NOISE_DENSITY = 2.5e-9
    """Of the input at 1 kHz, in volt per root hertz (its specifications)."""
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
    amplitude = number_setting("SLVL?", "SLVL %0.9e", "the sine output", "volt rms", 0.0, 2.0)
    sine_voltage = amplitude
    # Missing in PyMeasure, which sets presets of it only.
    offset = number_setting(
        "SOFF?", "SOFF %0.9e", "the direct voltage under the sine", "volt", -5.0, 5.0
    )
    # PyMeasure's: 1 MHz sends 5.000000e+05.
    frequency = number_setting(
        "FREQ?", "FREQ %0.6e", "the reference frequency", "hertz", 0.001, 500_000.0
    )
    # PyMeasure's: 400 degrees sends 360.
    phase = number_setting(
        "PHAS?", "PHAS %0.7f", "the reference phase", "degrees", -360.0, 360.0
    )
    # PyMeasure's range(1, 99) refuses 99, which the instrument has.
    harmonic = number_setting(
        "HARM?", "HARM %d", "the detected harmonic", "", 1, 99, whole=True
    )
    # PyMeasure's: 0.15 s sends the index of 0.3 s, 1e6 s that of 30 ks.
    time_constant = choice_setting(
        "OFLT?",
        "OFLT %d",
        "the time constant",
        indices(srs.SR860.TIME_CONSTANTS),
        unit="second",
    )
    # PyMeasure's: 2 V sends the index of 1 V.
    sensitivity = choice_setting(
        "SCAL?",
        "SCAL %d",
        "full scale of the analogue outputs",
        indices(srs.SR860.SENSITIVITIES),
        unit="volt",
    )
    # PyMeasure's takes the texts '1V', '300M'; here volts as everywhere.
    input_range = choice_setting(
        "IRNG?", "IRNG %d", "the input range", indices([1.0, 0.3, 0.1, 0.03, 0.01]), unit="volt"
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

"""Stanford Research SR830 lock-in amplifier: PyMeasure's driver, made strict."""

import re
from typing import Any

from pymeasure.instruments import Instrument, srs
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labsyn.drivers.srs_status import SRSStatus
from labsyn.drivers.strict_settings import choice_setting, indices, number_setting

MINIMUM_AMPLITUDE = 0.004
_STEP = 0.002
_TOLERANCE = 1e-6


def _strict_amplitude(volts: float, limits: Any) -> float:
    """Return `volts`; raise ValueError outside the limits or between two steps."""
    strict_range(volts, limits)
    if abs(volts / _STEP - round(volts / _STEP)) > _TOLERANCE / _STEP:
        raise ValueError(
            f"an amplitude of {volts:g} V is no multiple of 2 mV, the step of the SR830"
        )
    return volts


class SR830(SRSStatus, srs.SR830):
    """Excite and read with an SR830.

    PyMeasure's SR830 replaces a setting out of range by the limit and sends it
    (``truncated_range``, ``truncated_discrete_set``), and never asks for errors: each
    property here refuses instead, and asks after setting.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"GPIB0::8::INSTR"``.
    """

    MODEL = re.compile(r"SR830")
    AMPLITUDE = (MINIMUM_AMPLITUDE, 5.0, _STEP)
    """Smallest and largest sine, and its step, in volt rms."""
    ACCURACY = 0.01
    """Limit of the relative error of the gain, and of the sine (its specifications)."""
    INPUT_RESISTANCE = 10e6
    """Of each voltage input, in ohm (its specifications)."""
    NOISE_DENSITY = 6e-9
    """Of the input at 1 kHz, in volt per root hertz (its specifications)."""
    OVERLOADS = 0b1111  # input, filter, output, reference unlocked

    def __init__(self, adapter: Any, **visa: Any) -> None:
        super().__init__(adapter, "Stanford Research Systems SR830", **visa)
        self.write("OUTX1")  # answers go to GPIB (SR830 manual)
        self.read_status("*ESR?")  # forget what happened before us
        self.read_status("LIAS?")

    # PyMeasure's sine_voltage: 6 V sends 5.000; 0.1 V + 1 mV is rounded by the instrument.
    amplitude = Instrument.control(
        "SLVL?",
        "SLVL%0.3f",
        """Control the sine output in volt rms (float, strictly 0.004 to 5, steps of 2 mV).""",
        validator=_strict_amplitude,
        values=(MINIMUM_AMPLITUDE, 5.0),
        check_set_errors=True,
    )
    sine_voltage = amplitude
    # PyMeasure's: 200 kHz sends 1.02000e+05.
    frequency = number_setting(
        "FREQ?", "FREQ%0.5e", "the reference frequency", "hertz", 0.001, 102_000.0
    )
    # PyMeasure's: -400 degrees sends -360.00.
    phase = number_setting(
        "PHAS?", "PHAS%0.2f", "the reference phase", "degrees", -360.0, 729.99
    )
    # PyMeasure's range(1, 19999) refuses 19999, which the instrument has.
    harmonic = number_setting(
        "HARM?", "HARM%d", "the detected harmonic", "", 1, 19_999, whole=True
    )
    # PyMeasure's: 0.15 s sends the index of 0.3 s, 1e6 s that of 30 ks.
    time_constant = choice_setting(
        "OFLT?", "OFLT%d", "the time constant", indices(srs.SR830.TIME_CONSTANTS), unit="second"
    )
    # PyMeasure's: 2 V sends the index of 1 V.
    sensitivity = choice_setting(
        "SENS?", "SENS%d", "the sensitivity", indices(srs.SR830.SENSITIVITIES), unit="volt"
    )
    # PyMeasure's: 10 dB sends the index of 12 dB.
    filter_slope = choice_setting(
        "OFSL?",
        "OFSL%d",
        "the filter slope",
        indices(srs.SR830.FILTER_SLOPES),
        unit="dB per octave",
    )

    # PyMeasure's sends the factor 10, of which the instrument wants the index 1.
    def set_scaling(self, channel: str, percent: float, expand: int = 1) -> None:
        """Set the offset of ``"X"``, ``"Y"`` or ``"R"`` in percent and its factor 1, 10, 100.

        The offset is taken off readings too, in percent of the sensitivity; the factor leaves
        a tenth or a hundredth of full scale to them. Raises ValueError outside these, or
        beyond 105 percent of either sign.
        """
        strict_discrete_set(channel, self.CHANNELS)
        strict_discrete_set(expand, self.EXPANSION_VALUES)
        strict_range(percent, (-105.0, 105.0))
        index = self.EXPANSION_VALUES.index(expand)
        self.write(f"OEXP {self.CHANNELS.index(channel) + 1},{percent:.2f},{index}")
        self.check_set_errors()

    def read_xy(self) -> tuple[float, float]:
        """Return X and Y of one instant, in volt rms."""
        return self.read_pair("SNAP?1,2")

    def settings(self) -> dict[str, str]:
        """Return the instrument's own words for its state, for the run file."""
        queries = (
            "FREQ", "SLVL", "PHAS", "HARM", "FMOD", "ISRC", "IGND", "ICPL", "ILIN",
            "SENS", "RMOD", "OFLT", "OFSL", "SYNC",
        )  # fmt: skip
        offsets = ("OEXP?1", "OEXP?2", "OEXP?3")  # an offset shifts every reading
        return {name: self.ask(f"{name}?").strip() for name in queries} | {
            query.replace("?", " "): self.ask(query).strip() for query in offsets
        }

    def shutdown(self) -> None:
        """Set the smallest amplitude, 4 mV (there is no zero), and 0 V at each aux output."""
        try:
            self.send_all(
                [f"SLVL{MINIMUM_AMPLITUDE:.3f}", *(f"AUXV{n},0" for n in range(1, 5))]
            )
        finally:
            super().shutdown()

"""LakeShore 425 gaussmeter: PyMeasure's driver, made strict, in tesla."""

import math
import re
from typing import Any

from pymeasure.instruments.lakeshore import LakeShore425 as PyMeasureLakeShore425
from pyvisa.constants import Parity

from labsyn.data.errors import InstrumentDataError, InstrumentError
from labsyn.drivers.strict_settings import choice_setting
from labsyn.drivers.wire_errors import WireErrors

_REFUSED = {4: "a value was out of range", 5: "a command was unknown"}
_TO_TESLA = {"G": 1e-4, "T": 1.0, "Oe": 1e-4, "A/m": 4e-7 * math.pi}


class LakeShore425(WireErrors, PyMeasureLakeShore425):
    """Measure a magnetic field.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"ASRL3::INSTR"``.
    """

    MODEL = re.compile(r"MODEL425")
    SERIAL = {  # of its USB, as PyMeasure's driver sets it
        "baud_rate": 57600,
        "data_bits": 7,
        "parity": Parity.odd,
        "write_termination": "\n",
    }

    def __init__(self, adapter: Any, **visa: Any) -> None:
        super().__init__(adapter, "LakeShore 425", **visa)
        self.values("*ESR?")  # forget what happened before us

    @property
    def id(self) -> str:
        """Get who answers (``*IDN?``); PyMeasure counts it as no SCPI and refuses to ask."""
        return str(self.ask("*IDN?")).strip()

    # PyMeasure's sends the same and does not ask for errors.
    unit = choice_setting(
        "UNIT?", "UNIT %d", "the unit of readings", {"G": 1, "T": 2, "Oe": 3, "A/m": 4}
    )
    # PyMeasure's: 50000 G sends the index of 35000 G (truncated_discrete_set).
    range = choice_setting(
        "RANGE?",
        "RANGE %d",
        "the range (setting it ends the automatic one)",
        {35: 1, 350: 2, 3500: 3, 35_000: 4},
        unit="gauss",
    )

    @property
    def field(self) -> float:
        """Measure the flux density in tesla, whatever the unit of the display.

        PyMeasure's is in whatever unit was left on the front panel, and the text ``"OL"``
        where the probe is overloaded.

        Raises
        ------
        InstrumentDataError
            If the field is beyond the range, or the answer is no number.
        """
        factor = _TO_TESLA[self.unit]
        reply = self.ask("RDGFIELD?").strip()
        if "OL" in reply.upper():
            raise InstrumentDataError(
                f"{self.name} is overloaded: the field is beyond its range of {self.range} G"
            )
        try:
            value = float(reply)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InstrumentDataError(
                f"{self.name} answered {reply[:200]!r} to RDGFIELD?, no number"
            )
        return factor * value

    def check_errors(self) -> list[str]:
        """Read the standard event status, which clears it.

        Raises
        ------
        InstrumentError
            If a command was refused since it was last read.
        """
        status = int(self.values("*ESR?")[0])
        found = [text for bit, text in _REFUSED.items() if status >> bit & 1]
        if found:
            raise InstrumentError(f"{self.name} reports: {'; '.join(found)}")
        return found

    def check_set_errors(self) -> list[str]:
        """Look for errors after a setting."""
        return self.check_errors()

    def settings(self) -> dict[str, str]:
        """Return the instrument's own words for its state, for the run file."""
        queries = ("UNIT", "RANGE", "AUTO", "RDGMODE")
        return {name: self.ask(f"{name}?").strip() for name in queries}

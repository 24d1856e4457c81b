"""Kepco BOP 36-12 bipolar supply with a coil: PyMeasure's driver, made strict."""

import math
import re
from typing import Any

from pymeasure.instruments.kepco import KepcoBOP3612

from labsyn.data.errors import LimitError
from labsyn.drivers.clock import Clock, RealClock
from labsyn.drivers.error_queue import check_error_queue
from labsyn.drivers.ramp import RAMP_RATE, ramp_steps
from labsyn.drivers.strict_settings import choice_setting, number_setting
from labsyn.drivers.wire_errors import WireErrors

MAX_CURRENT = 12.0
MAX_VOLTAGE = 36.0


class KepcoBOP(WireErrors, KepcoBOP3612):
    """Drive a coil with a bipolar current.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"GPIB0::6::INSTR"``.
    ramp_rate : float
        Ampere per second of `ramp_current` and `shutdown`; a coil that is switched off at
        full current answers with its inductance.
    clock : Clock, optional
        Waits between the steps of a ramp; real time by default.

    Raises
    ------
    LimitError
        If the ramp rate is not positive.
    """

    MODEL = re.compile(r"BOP.?36-12")

    def __init__(
        self,
        adapter: Any,
        *,
        ramp_rate: float = RAMP_RATE,
        clock: Clock | None = None,
        **visa: Any,
    ) -> None:
        if not 0 < ramp_rate < math.inf:
            raise LimitError(f"a ramp rate of {ramp_rate:g} A/s must be positive")
        super().__init__(adapter, "Kepco BOP 36-12", **visa)
        self._ramp_rate = ramp_rate
        self._clock: Clock = RealClock() if clock is None else clock

    # PyMeasure's: 20 A sends 12 (truncated_range); nor does it ask for errors.
    current_setpoint = number_setting(
        "CURRent?",
        "CURRent %g",
        "current, in voltage mode its limit,",
        "ampere",
        -MAX_CURRENT,
        MAX_CURRENT,
    )
    # PyMeasure's: 50 V sends 36.
    voltage_setpoint = number_setting(
        "VOLTage?",
        "VOLTage %g",
        "voltage, in current mode its limit,",
        "volt",
        -MAX_VOLTAGE,
        MAX_VOLTAGE,
    )
    # PyMeasure's sends the same and does not ask for errors.
    operating_mode = choice_setting(
        "FUNCtion:MODE?",
        "FUNCtion:MODE %s",
        "what the output holds",
        {"VOLT": "VOLT", "CURR": "CURR"},
        answers={"VOLT": 0, "CURR": 1},
    )
    # PyMeasure's sends the same and does not ask for errors.
    output_enabled = choice_setting(
        "OUTPut?", "OUTPut %d", "whether the output is on", {True: 1, False: 0}
    )

    def check_errors(self) -> list[str]:
        """Read the error queue until it is empty.

        Raises
        ------
        InstrumentError
            With code and text of every error found; PyMeasure's version only logs them,
            and never ends if the queue never empties.
        """
        check_error_queue(self.name, self.ask)
        return []

    def check_set_errors(self) -> list[str]:
        """Look for errors after a setting."""
        return self.check_errors()

    def setup_current(self, *, voltage_limit: float) -> None:
        """Hold the current, within `voltage_limit` volt, from 0 A on, and switch on."""
        _check_range(voltage_limit, MAX_VOLTAGE, "V", "a voltage limit")
        self.current_setpoint = 0.0
        self.operating_mode = "CURR"
        self.voltage_setpoint = voltage_limit
        self.output_enabled = True

    def ramp_current(self, amperes: float) -> None:
        """Go to `amperes` at the ramp rate, in steps of 50 ms."""
        _check_range(amperes, MAX_CURRENT, "A", "a current")
        for current, seconds in ramp_steps(self.current_setpoint, amperes, self._ramp_rate):
            self.current_setpoint = current
            self._clock.sleep(seconds)

    def settings(self) -> dict[str, str]:
        """Return the instrument's own words for its state, for the run file."""
        queries = ("FUNCtion:MODE", "CURRent", "VOLTage", "OUTPut")
        return {name: self.ask(f"{name}?").strip() for name in queries}

    def shutdown(self) -> None:
        """Ramp to 0 A, then set 0 V and switch the output off, whatever happened before."""
        try:
            if self.output_enabled and self.operating_mode == "CURR":
                self.ramp_current(0.0)
        finally:
            try:
                self.send_all(["CURRent 0", "VOLTage 0", "OUTPut 0"])
            finally:
                super().shutdown()


def _check_range(value: float, most: float, unit: str, what: str) -> None:
    if not abs(value) <= most:  # written so that NaN is refused too
        raise LimitError(
            f"{what} of {value:g} {unit} is not in range: -{most:g} to {most:g} {unit} is "
            "allowed; nothing was sent"
        )

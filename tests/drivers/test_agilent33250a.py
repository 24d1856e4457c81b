"""The drivers of the 33250A and 33220A: what is their own."""

import math
import warnings
from typing import Any

import pytest
from pymeasure.instruments.agilent import Agilent33220A as PyMeasureAgilent33220A
from pymeasure.instruments.keysight import Keysight33250A as PyMeasureKeysight33250A
from pymeasure.test import expected_protocol

from labsyn.drivers.agilent33250a import Agilent33220A, Agilent33250A

NO_ERROR = ("SYST:ERR?", '+0,"No error"')


def unwrapped_33220a(adapter: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyMeasure: SCPI or not?
        return PyMeasureAgilent33220A(adapter)


def test_short_pulses_are_sent_as_they_are() -> None:
    with expected_protocol(
        unwrapped_33220a, [("FUNC:PULS:WIDT 0.000000", None), ("PULS:PER 0.000000", None)]
    ) as unwrapped:
        unwrapped.pulse_width = 100e-9  # the defect: six decimals of a second
        unwrapped.pulse_period = 400e-9
    with expected_protocol(
        Agilent33220A,
        [
            ("*CLS", None),
            ("FUNC:PULS:WIDT 1.000000e-07", None), NO_ERROR,
            ("PULS:PER 4.000000e-07", None), NO_ERROR,
            ("FUNC:PULS:WIDT?", "+1.0000000000000E-07"),
        ],
    ) as generator:  # fmt: skip
        generator.pulse_width = 100e-9
        generator.pulse_period = 400e-9
        assert generator.pulse_width == pytest.approx(100e-9)


def test_a_load_of_the_33220a_is_sent() -> None:
    with expected_protocol(unwrapped_33220a, []) as unwrapped:
        unwrapped.output_load = 75.0  # the defect: a Python attribute, nothing is sent
    with expected_protocol(
        Agilent33220A, [("*CLS", None), ("OUTP:LOAD 75", None), NO_ERROR]
    ) as generator:
        generator.output_load = 75.0


@pytest.mark.parametrize("voltage", [7.5, -7.5])
def test_levels_go_to_10_volt_at_high_impedance(voltage: float) -> None:
    with (
        expected_protocol(PyMeasureKeysight33250A, []) as unwrapped,
        pytest.raises(ValueError, match="not in range"),  # the defect: 10 V are legal
    ):
        unwrapped.voltage_high = voltage
    with expected_protocol(unwrapped_33220a, [(f"VOLT:HIGH {10 * voltage:f}", None)]) as other:
        other.voltage_high = 10 * voltage  # the defect: nothing is checked
    with expected_protocol(
        Agilent33250A, [("*CLS", None), (f"VOLT:HIGH {voltage:g}", None), NO_ERROR]
    ) as generator:
        generator.voltage_high_values = (-10.0, 10.0)  # as `pulse` does for such a load
        generator.voltage_high = voltage
        with pytest.raises(ValueError, match="not in range"):
            generator.voltage_high = 10 * voltage


def test_the_settings_that_pymeasure_lacks() -> None:
    with expected_protocol(
        Agilent33250A,
        [
            ("*CLS", None),
            ("TRIG:SOUR BUS", None), NO_ERROR, ("TRIG:SOUR?", "BUS"),
            ("OUTP:POL INV", None), NO_ERROR,
            ("OUTP:LOAD INF", None), NO_ERROR, ("OUTP:LOAD?", "9.9E+37"),
            ("VOLT:HIGH 1.5", None), NO_ERROR,
        ],
    ) as generator:  # fmt: skip
        generator.trigger_source = "BUS"
        assert generator.trigger_source == "BUS"
        generator.output_polarity = "INV"
        generator.output_load = math.inf
        assert generator.output_load == math.inf
        generator.voltage_high = 1.5
        with pytest.raises(ValueError, match="not in range"):
            generator.voltage_high = 5.1

"""The driver of the 33500 family: what is its own."""

import math

import pytest
import pyvisa
from pymeasure.instruments.agilent import Agilent33500 as PyMeasureAgilent33500
from pymeasure.test import expected_protocol
from pyvisa.constants import StatusCode

from labsyn.data.errors import InstrumentError
from labsyn.drivers.agilent33500 import Agilent33500

NO_ERROR = ("SYST:ERR?", '+0,"No error"')


def test_a_channel_has_its_own_trigger_and_polarity() -> None:
    with expected_protocol(
        Agilent33500,
        [
            ("*CLS", None),
            ("TRIG2:SOUR BUS", None), NO_ERROR, ("TRIG2:SOUR?", "BUS"),
            ("OUTP2:POL INV", None), NO_ERROR, ("OUTP2:POL?", "INV"),
            ("OUTP2:LOAD INF", None), NO_ERROR, ("OUTP2:LOAD?", "9.9E+37"),
        ],
    ) as generator:  # fmt: skip
        generator.ch_2.trigger_source = "BUS"
        assert generator.ch_2.trigger_source == "BUS"
        generator.ch_2.output_polarity = "INV"
        assert generator.ch_2.output_polarity == "INV"
        generator.ch_2.output_load = math.inf
        assert generator.ch_2.output_load == math.inf


def test_the_load_is_checked_and_can_be_infinite() -> None:
    with expected_protocol(
        PyMeasureAgilent33500, [("OUTP2:LOAD 0.0", None), ("OUTP2:LOAD?", "+9.9E+37")]
    ) as unwrapped:
        unwrapped.ch_2.output_load = 0.0  # the defect: no output drives 0 ohm
        assert unwrapped.ch_2.output_load == 9.9e37
    with expected_protocol(
        Agilent33500, [("*CLS", None), ("OUTP2:LOAD?", "+9.9E+37")]
    ) as generator:
        with pytest.raises(ValueError, match="not in range"):
            generator.ch_2.output_load = 0.0
        assert generator.ch_2.output_load == math.inf


def test_a_clipped_setting_is_an_error_and_the_unwrapped_driver_is_silent() -> None:
    sent = ("SOUR1:FUNC:PULS:WIDT 1.000000e+00", None)
    with expected_protocol(PyMeasureAgilent33500, [sent]) as unwrapped:
        unwrapped.ch_1.pulse_width = 1.0
    with (
        expected_protocol(
            Agilent33500,
            [("*CLS", None), sent, ("SYST:ERR?", '-222,"Data out of range"'), NO_ERROR],
        ) as generator,
        pytest.raises(InstrumentError, match="-222 Data out of range"),
    ):
        generator.ch_1.pulse_width = 1.0


def test_a_wait_goes_on_until_the_burst_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    timeout = pyvisa.errors.VisaIOError(StatusCode.error_timeout)

    def replies(*answers: str | None) -> "list[str | None]":
        return list(answers)

    for kind, opening, left in (
        (PyMeasureAgilent33500, [], 2),  # the defect: it takes the first time-out for the end
        (Agilent33500, [("*CLS", None)], 0),
    ):
        with expected_protocol(kind, [*opening, ("*OPC?", None)]) as generator:
            waiting = replies(None, None, "1")

            def read(queue: "list[str | None]" = waiting, **_: object) -> str:
                answer = queue.pop(0)
                if answer is None:
                    raise timeout
                return answer

            monkeypatch.setattr(generator.adapter, "read", read)
            generator.wait_for_trigger(timeout=100)
            assert len(waiting) == left


def test_a_member_with_one_output() -> None:
    with expected_protocol(
        Agilent33500, [("*CLS", None), ("OUTP1 0", None), NO_ERROR], n_channels=1
    ) as generator:
        assert generator.numbers == (1,)
        generator.shutdown()

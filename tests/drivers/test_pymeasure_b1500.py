"""PyMeasure's own AgilentB1500, unmodified, on the simulated bench."""

import logging
import math
from collections.abc import Iterator
from typing import Any

import pytest
from pymeasure.instruments.agilent import AgilentB1500

from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench

ADDRESS = "GPIB0::17::INSTR"


@pytest.fixture
def bench() -> SimulatedBench:
    return SimulatedBench.default(
        seed=2,
        g_min=10e-6,
        g_max=40e-6,
        sigma_c2c=0.0,
        sigma_read=0.0,
        x=0.5,
        relaxation_time=math.inf,
    )


@pytest.fixture
def b1500(bench: SimulatedBench) -> Iterator[Any]:
    b1500 = AgilentB1500(ADDRESS, visa_library=LabsynVisaLibrary.for_bench(bench))
    b1500.reset()
    b1500.initialize_all_smus()
    for smu in b1500.smu_references:
        smu.enable()
        smu.force("Voltage", "Auto Ranging", 0, 1e-3)
    yield b1500
    b1500.adapter.close()


def test_it_opens_by_name() -> None:
    b1500 = AgilentB1500(ADDRESS, visa_library="@labsyn")
    assert b1500.id.startswith("Agilent Technologies,B1500A")
    assert b1500.query_modules() == {1: "HRSMU", 2: "HRSMU"}
    b1500.check_errors()
    b1500.adapter.close()


def test_forcing_and_status(b1500: Any, bench: SimulatedBench) -> None:
    b1500.smu1.force("Voltage", "2 V", 0.75, 1e-4, "Manual", "100 uA")
    assert bench.instruments[ADDRESS].outputs()[1] == 0.75  # type: ignore[attr-defined]
    status = b1500.smu1.status["SMU1"]
    assert status["Source Type"] == "Constant Voltage"
    assert float(status["Voltage Output (V)"]) == 0.75
    assert status["Voltage Range"] == "2 V limited auto ranging"
    assert status["Compliance Polarity"] == "Manual"
    b1500.smu1.force("Current", "Auto Ranging", 1e-6, 2.0)
    assert b1500.smu1.status["SMU1"]["Source Type"] == "Constant Current"
    b1500.smu1.disable()
    assert b1500.smu1.status == {"SMU1": "OFF"}


def test_an_instrument_error_becomes_an_exception(b1500: Any) -> None:
    b1500.smu1.disable()
    with pytest.raises(OSError, match=r"Error [+]200: Output channel not enabled"):
        b1500.smu1.force("Voltage", "Auto Ranging", 1.0, 1e-3)
    b1500.check_errors()


@pytest.mark.parametrize("data_format", [1, 11, 21])
def test_staircase_sweep(b1500: Any, bench: SimulatedBench, data_format: int) -> None:
    b1500.data_format(data_format, mode=1)
    b1500.adc_setup("HSADC", "PLC", 1)
    b1500.meas_mode("STAIRCASE_SWEEP", b1500.smu1, b1500.smu2)
    b1500.sweep_timing(0.1, 0.01)
    b1500.sweep_auto_abort(False)
    b1500.smu1.staircase_sweep_source(
        "Voltage", "LINEAR_DOUBLE", "Auto Ranging", 0, 0.2, 5, 1e-3
    )
    b1500.clear_buffer()
    b1500.clear_timer()
    start = bench.clock.now()
    b1500.send_trigger()
    assert b1500.check_idle()
    assert bench.clock.now() - start == pytest.approx(0.1 + 10 * (0.01 + 2 * 0.02))
    points = [b1500.read_channels(3) for _ in range(10)]
    b1500.clear_buffer()  # read_channels leaves the last line feed behind
    b1500.check_errors()
    volts = [point[2][3] for point in points]
    assert volts == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.05, 0])
    for point in points:
        assert point[0][1:3][0] == "SMU1"
        assert point[0][3] == pytest.approx(25e-6 * point[2][3], abs=2e-9)
        assert point[1][3] == pytest.approx(-25e-6 * point[2][3], abs=2e-9)
    assert [point[2][0].strip() for point in points] == ["W"] * 9 + ["E"]


def test_sampling(b1500: Any, bench: SimulatedBench) -> None:
    b1500.data_format(21, mode=1)
    b1500.adc_setup("HSADC", "PLC", 1)
    b1500.time_stamp = True
    b1500.meas_mode("SAMPLING", b1500.smu1, b1500.smu2)
    b1500.sampling_mode = "LINEAR"
    b1500.sampling_timing(0.1, 0.05, 4, 0.2)
    b1500.sampling_auto_abort(False, post="Base")
    b1500.smu1.sampling_source("Voltage", "Auto Ranging", 0.05, 0.1, 1e-3)
    b1500.check_errors()
    b1500.clear_buffer()
    b1500.clear_timer()
    start = bench.clock.now()
    b1500.send_trigger()
    assert b1500.check_idle()
    # Base and bias hold, three intervals, and the reading of both channels at the last.
    assert bench.clock.now() - start == pytest.approx(0.2 + 0.1 + 3 * 0.05 + 2 * 0.02)
    points = [b1500.read_channels(5) for _ in range(4)]
    b1500.clear_buffer()
    for index, point in enumerate(points):
        assert [item[1] for item in point] == ["MISC", "SMU1", "SMU1", "SMU2", "SMU2"]
        values = [item[3] for item in point]
        assert values[0] == index + 1
        assert values[1:4:2] == pytest.approx([0.3 + 0.05 * index, 0.32 + 0.05 * index])
        assert values[2::2] == pytest.approx([2.5e-6, -2.5e-6], abs=2e-9)
    assert bench.instruments[ADDRESS].outputs()[1] == 0.05  # type: ignore[attr-defined]


def test_learned_settings_can_be_read(b1500: Any) -> None:
    b1500.data_format(21, mode=1)
    b1500.meas_mode("SPOT", b1500.smu1)
    assert b1500.query_learn(31)["MM"] == ["1", "1"]
    b1500.sweep_timing(0.5, 0.01)
    b1500.smu1.staircase_sweep_source("Voltage", 1, "Auto Ranging", 0, 1, 11, 1e-3)
    sweep = b1500.query_staircase_sweep_settings()
    assert sweep["Hold Time (s)"] == "0.50"
    assert sweep["SMU1"]["Number of Steps"] == "11"
    assert b1500.query_adc_setup()["HRADC Parameter"] == "6"
    assert b1500.query_meas_ranges()["SMU1 Current Measurement Range"] == "Auto Ranging"
    assert b1500.query_series_resistor() == {
        "SMU1 Series Resistor": False,
        "SMU2 Series Resistor": False,
    }
    assert b1500.query_meas_op_mode()["SMU2 Measurement Operation Mode"] == "Compliance Side"
    assert b1500.query_time_stamp_setting() == {"Time Stamp": "False"}
    assert b1500.query_meas_range_current_auto()["SMU1 Ranging Mode"] == "1"


def test_properties_go_out_and_come_back(b1500: Any) -> None:
    for name in ("auto_calibration", "parallel_meas", "adc_auto_zero", "time_stamp"):
        for value in (True, False):
            setattr(b1500, name, value)
            assert getattr(b1500, name) is value
    smu = b1500.smu1
    smu.series_resistor = True
    assert smu.series_resistor is True
    smu.meas_op_mode = "VOLTAGE"
    assert smu.meas_op_mode == 2
    smu.adc_type = "HRADC"
    assert smu.adc_type == 1
    smu.filter = True
    assert smu.filter is True
    smu.meas_range_current = "1 uA range fixed"
    b1500.adc_averaging(10, "Manual")
    b1500.adc_averaging(-2)
    smu.meas_range_current_auto(2, 60)
    b1500.pause(1)
    b1500.force_gnd()
    b1500.restore_settings()
    b1500.abort()
    b1500.check_errors()


def test_compliance_is_told_in_letters(b1500: Any, caplog: pytest.LogCaptureFixture) -> None:
    b1500.data_format(1)
    b1500.meas_mode("SPOT", b1500.smu1, b1500.smu2)
    b1500.smu1.force("Voltage", "Auto Ranging", 1.0, 1e-6)
    with caplog.at_level(logging.INFO):
        b1500.send_trigger()
        first, second = b1500.read_channels(2)
    assert (first[0], second[0]) == ("C", "T")
    assert first[3] == pytest.approx(1e-6, rel=1e-3)
    assert "This channel reached its compliance setting" in caplog.text


def test_status_numbers_are_right_although_the_driver_decodes_them_backwards(
    b1500: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """008 is compliance; PyMeasure 0.16 logs it as an overflow: the wire must not bend."""
    b1500.data_format(21)
    b1500.meas_mode("SPOT", b1500.smu1, b1500.smu2)
    b1500.smu1.force("Voltage", "Auto Ranging", 1.0, 1e-6)
    with caplog.at_level(logging.INFO):
        b1500.send_trigger()
        first, second = b1500.read_channels(2)
    assert (first[0], second[0]) == ("008", "004")
    assert "A/D converter overflowed" in caplog.text

"""The driver: the conversation on the wire, and the defects of the driver below it."""

from collections.abc import Iterator

import pandas as pd
import pytest
from pymeasure.test import expected_protocol

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected, InstrumentError
from labsyn.data.flags import Flag
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench

OPENING = [("UNT?", "B1517A,0;B1517A,0;0,0"), ("FMT 21,0", None), ("ERRX?", '+0,"No Error."')]


@pytest.fixture
def simulation() -> SimulatedBench:
    return SimulatedBench.default("lixcoo2", 0, sigma_c2c=0.0, sigma_read=0.0)


@pytest.fixture
def analyser(simulation: SimulatedBench) -> Iterator[KeysightB1500A]:
    library = LabsynVisaLibrary.for_bench(simulation)
    instrument = KeysightB1500A("GPIB0::17::INSTR", visa_library=library)
    yield instrument
    instrument.shutdown()
    instrument.adapter.close()


def test_a_pulse_on_the_wire() -> None:
    with expected_protocol(
        KeysightB1500A,
        [
            *OPENING,
            ("PV 1,0,0,-1.5,0.001", None),
            ("ERRX?", '+0,"No Error."'),
            ("XE", "000AI-015.0000E-06"),
        ],
    ) as instrument:
        instrument.set_pulse(1, -1.5, 1e-3)
        datum = instrument.pulsed_spot(1)
    assert datum.value == pytest.approx(-15e-6)


def test_a_read_goes_back_to_zero_in_the_same_message() -> None:
    with expected_protocol(
        KeysightB1500A,
        [
            *OPENING,
            (
                "DV 1,0,0.1,0.001;TTI 1,0;DV 1,0,0,0.001",
                "000AT+012.0000E-03,000AI+001.0000E-06",
            ),
            ("ERRX?", '+0,"No Error."'),
        ],
    ) as instrument:
        assert instrument.read_at(1, 0.1, 1e-3).value == pytest.approx(1e-6)


def test_all_queued_errors_are_reported_with_their_whole_text() -> None:
    with (
        expected_protocol(
            KeysightB1500A,
            [
                *OPENING,
                ("ERRX?", '+305,"Excess current in HPSMU.; SLOT1"'),
                ("ERRX?", '+200,"Output channel not enabled."'),
                ("ERRX?", '+0,"No Error."'),
            ],
        ) as instrument,
        pytest.raises(
            InstrumentError, match=r"305 Excess current in HPSMU\.; SLOT1; 200 Output channel"
        ),
    ):
        instrument.check_errors()


def test_a_full_error_queue_is_read_to_its_end(analyser: KeysightB1500A) -> None:
    for message in [*["XYZ"] * 28, "DV 11,0,1", "DV 1,0,1"]:
        analyser.write(message)
    with pytest.raises(InstrumentError, match=r"100 Undef.*; 120 Incorrect .*; 200 Output"):
        analyser.check_errors()
    assert analyser.check_errors() == []


def test_a_garbled_error_reply_is_shown() -> None:
    with (
        expected_protocol(KeysightB1500A, [*OPENING, ("ERRX?", "")]) as instrument,
        pytest.raises(InstrumentDataError, match="answered '' to ERRX"),
    ):
        instrument.check_errors()


def test_a_reply_of_another_channel_is_refused() -> None:
    with (
        expected_protocol(
            KeysightB1500A, [*OPENING, ("TI 1,0", "000BI+001.0000E-06")]
        ) as instrument,
        pytest.raises(InstrumentDataError, match="expected one I of channel 1"),
    ):
        instrument.spot_current(1)


def test_spot_measurements(analyser: KeysightB1500A) -> None:
    analyser.command("CN 1,2")
    analyser.command("DV 2,0,0,0.001")
    analyser.command("DV 1,0,0.1,0.001")
    assert analyser.spot_voltage(1).value == pytest.approx(0.1, rel=1e-3)
    truth = analyser.spot_current(1).value / 0.1
    assert truth == pytest.approx(10e-6, rel=0.15)  # 5 % from device to device


def test_compliance_is_reported_as_compliance(analyser: KeysightB1500A) -> None:
    analyser.command("CN 1,2")
    analyser.command("DV 2,0,0,0.001")
    assert analyser.read_at(1, 0.5, 1e-6).flags == Flag.COMPLIANCE
    assert analyser.read_at(1, 0.5, 1e-3).flags == Flag(0)


def test_sweep_data_with_any_pandas(analyser: KeysightB1500A) -> None:
    for message in ("CN 1,2", "DV 2,0,0,0.001", "WM 2", "FMT 21,1", "MM 2,1",
                    "WV 1,1,0,0,0.1,5,0.001"):  # fmt: skip
        analyser.command(message)
    analyser.write("XE")
    table = analyser.read_data(5)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["SMU1 Current (A)", "SMU1 Voltage (V)", "flags"]
    assert table["SMU1 Voltage (V)"].to_numpy() == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])
    conductance = table["SMU1 Current (A)"].iloc[1:] / table["SMU1 Voltage (V)"].iloc[1:]
    assert conductance.std() / conductance.mean() < 0.01


def test_a_wrong_number_of_points_is_refused() -> None:
    with (
        expected_protocol(
            KeysightB1500A, [*OPENING, (None, "000AI+001.0000E-06,000AI+001.0000E-06")]
        ) as instrument,
        pytest.raises(InstrumentDataError, match="sent 2 values, not a multiple of 3"),
    ):
        instrument.read_data(3)


def test_the_reason_of_a_refused_measurement(analyser: KeysightB1500A) -> None:
    with pytest.raises(InstrumentError, match="200 Output channel not enabled"):
        analyser.read_at(1, 0.1, 1e-3)  # the channel was never switched on


def test_a_refused_setting_names_what_was_sent(analyser: KeysightB1500A) -> None:
    analyser.command("CN 1")
    with pytest.raises(InstrumentError, match="reports: 120") as refused:
        analyser.command("DV 1,0,4000")
    assert "after sending 'DV 1,0,4000'" in refused.value.__notes__


def test_a_mute_instrument(analyser: KeysightB1500A, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyser, "write", lambda *_: None)  # nothing reaches it
    with pytest.raises(InstrumentDisconnected, match="did not answer after 'ERRX"):
        analyser.check_errors()
    monkeypatch.undo()


def test_a_resynchronized_instrument_is_at_zero_with_its_set_up(
    analyser: KeysightB1500A, simulation: SimulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyser.command("CN 1;DV 1,0,0.5,1E-3;MM 3,1")
    analyser.write("TI 1;*LRN? 33")  # two replies that nobody reads
    analyser.resync()
    smu = simulation.instruments["GPIB0::17::INSTR"]
    assert smu.outputs()[1] == 0  # type: ignore[attr-defined]
    assert "MM3,1" in analyser.settings()["modes"]
    monkeypatch.setattr(analyser, "read", lambda: "000AI+001.0000E-06")
    with pytest.raises(InstrumentDataError, match="gave 4 other answers to "):
        analyser.resync()
    monkeypatch.undo()


def test_settings_are_the_instruments_own_words(analyser: KeysightB1500A) -> None:
    analyser.command("CN 1")
    assert analyser.settings()["outputs"] == "CN1"


def test_shutdown_switches_every_output_off(
    analyser: KeysightB1500A, simulation: SimulatedBench
) -> None:
    analyser.command("CN 1,2")
    analyser.command("DV 1,0,1,0.001")
    analyser.shutdown()
    outputs = simulation.instruments["GPIB0::17::INSTR"].outputs()  # type: ignore[attr-defined]
    assert set(outputs.values()) == {None}


def test_the_time_out_is_in_seconds(analyser: KeysightB1500A) -> None:
    analyser.setup_pulsed_spot(1, 0.01, 0.02)
    assert analyser.timeout == pytest.approx(10.02)

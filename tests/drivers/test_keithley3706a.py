"""The driver of the 3706A: the conversation on the wire, limits, stuck relays, readings."""

import math
from collections.abc import Iterator

import pytest
from pymeasure.test import expected_protocol

from labsyn.data.errors import (
    InstrumentDataError,
    InstrumentDisconnected,
    InstrumentError,
    LimitError,
)
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.keithley3706a import Keithley3706A
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.keithley3706a import DEFAULT_ADDRESS, SimulatedKeithley3706A
from labsyn.drivers.simulated.wiring import Wiring

OPENING = [("errorqueue.clear()", None)]
NO_ERROR = ("print(errorqueue.next())", "0.000000000e+00\tQueue Is Empty\t0\t0")
CLOSED = 'print(channel.getclose("allslots"))'
FORBIDDEN = 'print(channel.getforbidden("allslots"))'


class Resistor:
    """40 kΩ between ``top`` and ``bottom``."""

    terminals = ("top", "bottom")
    resistance = 40e3

    def advance(self, voltages: Voltages, seconds: float) -> None:
        """Stay as it is."""

    def currents(self, voltages: Voltages) -> dict[str, float]:
        top, bottom = voltages["top"], voltages["bottom"]
        flows = 0.0 if top is None or bottom is None else (top - bottom) / self.resistance
        return {"top": flows, "bottom": -flows}

    measured_currents = currents


@pytest.fixture
def simulated() -> SimulatedKeithley3706A:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = Resistor()
    wiring.ground(device, "bottom")
    paths = {"1101": ("smu", device, "top"), "1501": ("dmm", device, "top")}
    return SimulatedKeithley3706A(wiring, clock, paths=paths)


@pytest.fixture
def switch(simulated: SimulatedKeithley3706A) -> Iterator[Keithley3706A]:
    clock = VirtualClock()
    bench = SimulatedBench({DEFAULT_ADDRESS: simulated}, Wiring(clock), clock)
    instrument = Keithley3706A(
        DEFAULT_ADDRESS,
        never_together=[("1101", "1201"), ("1301", "1302", "1303")],
        forbidden=["1616"],
        visa_library=LabsynVisaLibrary.for_bench(bench),
    )
    yield instrument
    instrument.adapter.close()


def test_closing_on_the_wire() -> None:
    with expected_protocol(
        Keithley3706A,
        [
            *OPENING,
            (CLOSED, "nil"),
            ('print(channel.getbackplane("1101"))', "1911"),
            (FORBIDDEN, ""),
            ('channel.close("1101")', None),
            NO_ERROR,
            (CLOSED, "1101;1911"),
        ],
    ) as instrument:
        instrument.close_channels("1101")


def test_properties_on_the_wire() -> None:
    with expected_protocol(
        Keithley3706A,
        [
            *OPENING,
            ("channel.connectrule = 2", None),
            NO_ERROR,
            ("print(channel.connectrule)", "2.000000000e+00"),
            ('dmm.func = "twowireohms"', None),
            NO_ERROR,
            ("print(dmm.func)", "twowireohms"),
            ("dmm.range = 100000", None),
            NO_ERROR,
            ("print(dmm.autorange)", "0.000000000e+00"),
            ("dmm.nplc = 0.5", None),
            NO_ERROR,
        ],
    ) as instrument:
        instrument.connect_rule = "make_before_break"
        assert instrument.connect_rule == "make_before_break"
        instrument.dmm.function = "twowireohms"
        assert instrument.dmm.function == "twowireohms"
        instrument.dmm.range = 1e5
        assert instrument.dmm.autorange_enabled is False
        instrument.dmm.nplc = 0.5


def test_every_queued_error_is_reported() -> None:
    with (
        expected_protocol(
            Keithley3706A,
            [
                *OPENING,
                ("reset()", None),
                ("print(errorqueue.next())", "1.115000000e+03\tParameter error\t20\t1"),
                ("print(errorqueue.next())", "-2.86e+02\tTSP Runtime Error\t20\t1"),
                NO_ERROR,
            ],
        ) as instrument,
        pytest.raises(
            InstrumentError, match="3706A reports: 1115 Parameter error; -286 TSP Runtime"
        ) as refused,
    ):
        instrument.reset()
    assert "after sending 'reset()'" in refused.value.__notes__


@pytest.mark.parametrize(
    ("question", "reply", "call", "message"),
    [
        ("print(errorqueue.next())", "?", "check_errors", r"answered '\?' to errorqueue"),
        (CLOSED, "1101;x", "closed_channels", "answered '1101;x', no channel list"),
    ],
)
def test_garbled_replies_are_shown(question: str, reply: str, call: str, message: str) -> None:
    with (
        expected_protocol(Keithley3706A, [*OPENING, (question, reply)]) as instrument,
        pytest.raises(InstrumentDataError, match=message),
    ):
        _ = (
            instrument.closed_channels
            if call == "closed_channels"
            else instrument.check_errors()
        )


def test_a_garbled_reading_is_shown() -> None:
    with (
        expected_protocol(
            Keithley3706A, [*OPENING, ("print(dmm.measure())", "1.0e"), NO_ERROR]
        ) as instrument,
        pytest.raises(InstrumentDataError, match=r"answered '1\.0e'"),
    ):
        instrument.dmm.measure()


def test_a_wrong_number_of_readings_is_refused() -> None:
    with (
        expected_protocol(
            Keithley3706A,
            [*OPENING, ("print(rb.n)", "3"), ("printbuffer(1, 3, rb.readings)", "1, 2")],
        ) as instrument,
        pytest.raises(InstrumentDataError, match="sent 2 values where 3 were expected"),
    ):
        instrument.dmm.read_buffer("rb")


def test_a_reading_the_instrument_refuses_says_why() -> None:
    with (
        expected_protocol(
            Keithley3706A,
            [
                *OPENING,
                ("print(dmm.measure())", "nil"),
                ("print(errorqueue.next())", "1.114e+03\tSettings conflict error\t20\t1"),
                NO_ERROR,
            ],
        ) as instrument,
        pytest.raises(InstrumentError, match="1114 Settings conflict"),
    ):
        instrument.dmm.measure()


def test_identity(switch: Keithley3706A) -> None:
    assert switch.MODEL.search(switch.id)


def test_open_and_close(switch: Keithley3706A, simulated: SimulatedKeithley3706A) -> None:
    switch.close_channels("1101", "1203")
    switch.close_channels("1911")
    assert switch.closed_channels == ["1101", "1203", "1911"]
    switch.open_channels("1203")
    assert simulated.relays.all_closed == ["1101", "1911"]
    switch.close_exclusively("1102")
    assert switch.closed_channels == ["1102"]
    switch.open_all()
    assert switch.closed_channels == []


def test_backplane_relays(switch: Keithley3706A) -> None:
    switch.set_backplane("1101", "1913", "1914")
    assert switch.get_backplane("1101") == ["1913", "1914"]
    switch.close_exclusively("1101")
    assert switch.closed_channels == ["1101", "1913", "1914"]
    switch.close_exclusively("1101")  # a second time: they may stay
    switch.set_backplane("1101")
    assert switch.get_backplane("1101") == []


def test_channels_that_must_never_meet(
    switch: Keithley3706A, simulated: SimulatedKeithley3706A
) -> None:
    switch.close_channels("1101")
    sent = len(simulated.log)
    with pytest.raises(LimitError, match="1101 and 1201 must never be closed together; noth"):
        switch.close_channels("1201")
    with pytest.raises(LimitError, match="1301 and 1303 must never be closed together"):
        switch.close_exclusively("1301", "1303")
    assert not any("close(" in text.replace("getclose", "") for _, text in
                   list(simulated.log)[sent:])  # fmt: skip
    switch.close_exclusively("1201")  # 1101 opens
    assert switch.closed_channels == ["1201"]


def test_channels_that_would_meet_while_they_change(switch: Keithley3706A) -> None:
    switch.close_channels("1101")
    switch.connect_rule = "make_before_break"
    with pytest.raises(LimitError, match="1101 and 1201 must never be closed together"):
        switch.close_exclusively("1201")
    switch.open_all()
    with pytest.raises(LimitError, match="1101 and 1201 must never be closed together"):
        switch.dmm.scan(["1101", "1201"], "rb")
    switch.connect_rule = "break_before_make"
    switch.dmm.make_buffer("rb", 1)
    switch.dmm.scan(["1101", "1201"], "rb")


def test_backplane_relays_that_move_along_are_looked_at(switch: Keithley3706A) -> None:
    switch.set_backplane("1101", "1913")
    switch.forbid_channels("1913")
    with pytest.raises(LimitError, match="channel 1913 is forbidden to close"):
        switch.close_channels("1101")
    switch.forbid_channels("1911")
    with pytest.raises(LimitError, match="channel 1911 is forbidden to close"):
        switch.dmm_close("1501")


def test_relays_of_a_four_wire_path_are_looked_at() -> None:
    closing = [
        ('print(dmm.getconfig("3001"))', "fourwireohms"),
        ("print(slot[3].idn)", "3720,Dual 1x30 Multiplexer,01.40h,4447334"),
        ("print(channel.connectrule)", "1"),
        ('print(channel.getbackplane("3001,3031"))', ";"),
        (FORBIDDEN, ""),
    ]
    with (
        expected_protocol(
            Keithley3706A, [*OPENING, *closing], never_together=[("3001", "3031")]
        ) as instrument,
        pytest.raises(LimitError, match="3001 and 3031 must never be closed together"),
    ):
        instrument.dmm_close("3001")
    with (
        expected_protocol(
            Keithley3706A, [*OPENING, *closing], forbidden=["3922"]
        ) as instrument,
        pytest.raises(LimitError, match="channel 3922 is forbidden to close; nothing was sent"),
    ):
        instrument.dmm.scan(["3001"], "rb")


def test_a_garbled_list_of_configurations_is_shown() -> None:
    conversation = [*OPENING, ('print(dmm.getconfig("1101,1102"))', "nil"), NO_ERROR]
    with (
        expected_protocol(Keithley3706A, conversation) as instrument,
        pytest.raises(InstrumentDataError, match=r"answered 'nil' to dmm\.getconfig"),
    ):
        instrument.dmm.scan(["1101", "1102"], "rb")


def test_forbidden_channels(switch: Keithley3706A) -> None:
    with pytest.raises(LimitError, match="channel 1616 is forbidden to close; nothing was"):
        switch.close_channels("1101", "1616")
    assert switch.forbidden_channels == []
    switch.forbid_channels("1106")
    assert switch.forbidden_channels == ["1106"]
    switch.forbid_channels("1105")
    assert switch.forbidden_channels == ["1105", "1106"]
    with pytest.raises(LimitError, match="channel 1105 is forbidden"):
        switch.close_exclusively("1105")
    with pytest.raises(LimitError, match="channel 1106 is forbidden"):
        switch.dmm_close("1106")
    with pytest.raises(LimitError, match="channel 1106 is forbidden"):
        switch.dmm.scan(["1106"], "rb")
    switch.allow_channels("1105")
    switch.close_channels("1105")
    assert switch.closed_channels == ["1105"]


def test_a_relay_that_does_not_move(
    switch: Keithley3706A, simulated: SimulatedKeithley3706A
) -> None:
    simulated.stuck.add("1102")
    with pytest.raises(InstrumentError, match="relay 1102 of the 3706A is still open"):
        switch.close_channels("1101", "1102")
    simulated.stuck.add("1101")
    with pytest.raises(InstrumentError, match="relay 1101 of the 3706A is still closed"):
        switch.open_channels("1101")
    with pytest.raises(InstrumentError, match="relay 1101 of the 3706A is still closed"):
        switch.close_exclusively("1103")
    with pytest.raises(InstrumentError, match="it may be stuck"):
        switch.shutdown()


@pytest.mark.parametrize("name", ["1101:1116", "slot1", "", '1101")', "110"])
def test_only_single_channels(switch: Keithley3706A, name: str) -> None:
    with pytest.raises(LimitError, match="is no channel name; write four characters"):
        switch.close_channels(name)


def test_a_refused_channel_is_an_instrument_error(switch: Keithley3706A) -> None:
    with pytest.raises(InstrumentError, match="1115 Parameter error, channel 2101 does not"):
        switch.close_channels("2101")


@pytest.mark.parametrize(
    ("name", "value"), [("function", "volts"), ("nplc", 20), ("range", -1), ("range", 1e9)]
)
def test_settings_are_strict(switch: Keithley3706A, name: str, value: object) -> None:
    with pytest.raises(ValueError, match="not in"):
        setattr(switch.dmm, name, value)


def test_a_setting_that_only_the_instrument_refuses(switch: Keithley3706A) -> None:
    with pytest.raises(InstrumentError, match="-222 Parameter data out of range, range must"):
        switch.dmm.range = 1000  # volt


def test_measuring(switch: Keithley3706A) -> None:
    switch.dmm.function = "twowireohms"
    assert math.isnan(switch.dmm.measure())  # open
    switch.configure_dmm("twowireohms", "1501")
    switch.dmm_close("1501")
    assert switch.closed_channels == ["1501", "1911"]
    assert switch.dmm.measure() == pytest.approx(40e3, rel=1e-3)
    switch.dmm.autorange_enabled = False
    assert switch.dmm.autorange_enabled is False
    assert switch.dmm.range == 1e5


def test_buffers(switch: Keithley3706A) -> None:
    switch.dmm.make_buffer("rb", 10)
    assert switch.dmm.read_buffer("rb") == ([], [], [])
    switch.configure_dmm("twowireohms", "1501")
    switch.dmm_close("1501")
    switch.dmm.measure_into("rb", 4)
    values, times, channels = switch.dmm.read_buffer("rb")
    assert values == pytest.approx([40e3] * 4, rel=1e-3)
    assert times == sorted(times)
    assert times[0] == 0
    assert channels == ["1501"] * 4
    with pytest.raises(LimitError, match=r"'rb\.n' is no name for a reading buffer"):
        switch.dmm.read_buffer("rb.n")


@pytest.mark.parametrize("count", [0, 2.5, math.nan, math.inf, -1, 1e6])
def test_counts_are_whole_and_inside_limits(switch: Keithley3706A, count: int) -> None:
    with pytest.raises(
        LimitError, match=r"capacity .* must be a whole number from 1 to 650000"
    ):
        switch.dmm.make_buffer("rb", count)
    with pytest.raises(LimitError, match=r"count .* must be a whole number from 1 to 450000"):
        switch.dmm.measure_into("rb", count)
    with pytest.raises(LimitError, match=r"n_scans .* must be a whole number from 1 to 100000"):
        switch.dmm.scan(["1501"], "rb", n_scans=count)


def test_one_reading_after_many_is_one(
    switch: Keithley3706A, simulated: SimulatedKeithley3706A
) -> None:
    switch.dmm.make_buffer("rb", 10)
    switch.dmm.measure_into("rb", 10)
    assert switch.values("print(dmm.measurecount)") == [1]


def test_settings_that_the_function_does_not_have(switch: Keithley3706A) -> None:
    switch.dmm.function = "continuity"
    for name in ("range", "nplc", "autorange_enabled"):
        with pytest.raises(
            InstrumentDataError, match="answered 'nil', no number; its function"
        ):
            getattr(switch.dmm, name)
    with pytest.raises(InstrumentError, match="1114 Settings conflict error, no nplc with"):
        switch.dmm.nplc = 1


def test_the_name_is_what_messages_say() -> None:
    with (
        expected_protocol(
            Keithley3706A, [*OPENING, ("print(errorqueue.next())", "?")], name="the matrix"
        ) as instrument,
        pytest.raises(InstrumentDataError, match="the matrix answered"),
    ):
        instrument.check_errors()


def test_scan(switch: Keithley3706A) -> None:
    switch.dmm.make_buffer("rb", 10)
    switch.configure_dmm("twowireohms", "1501", "1502")
    switch.dmm.scan(["1501", "1502"], "rb", n_scans=2)
    values, _, channels = switch.dmm.read_buffer("rb")
    assert values[::2] == pytest.approx([40e3] * 2, rel=1e-3)
    assert all(map(math.isnan, values[1::2]))
    assert channels == ["1501", "1502"] * 2


def test_a_scan_that_fails(switch: Keithley3706A) -> None:
    switch.dmm.make_buffer("rb", 1)
    switch.configure_dmm("dcvolts", "1501")
    with pytest.raises(InstrumentError, match="reading buffer is full"):
        switch.dmm.scan(["1501"], "rb", n_scans=2)
    script = 'scan.create("1501") scan.scancount = 1'
    with (
        expected_protocol(
            Keithley3706A,
            [
                *OPENING,
                ('print(dmm.getconfig("1501"))', "nofunction"),
                ("print(channel.connectrule)", "1.000000000e+00"),
                ('print(channel.getbackplane("1501"))', ""),
                (FORBIDDEN, ""),
                (script, None),
                NO_ERROR,
                ("scan.execute(rb)", None),
                NO_ERROR,
                ("print(scan.state())", "3.000000000e+00\t0\t1"),
            ],
        ) as instrument,
        pytest.raises(InstrumentError, match="scan of the 3706A ended in state 3"),
    ):
        instrument.dmm.scan(["1501"], "rb")


def test_settings_are_the_instruments_own_words(switch: Keithley3706A) -> None:
    switch.close_channels("1101")
    settings = switch.settings()
    assert settings["closed"] == "1101"
    assert settings["slot1"].startswith("3730,")
    assert settings["slot2"] == "Empty Slot"


def test_shutdown_opens_everything(
    switch: Keithley3706A, simulated: SimulatedKeithley3706A
) -> None:
    switch.close_channels("1101", "1501", "1911")
    switch.shutdown()
    assert simulated.relays.all_closed == []


def test_a_mute_instrument(switch: Keithley3706A, simulated: SimulatedKeithley3706A) -> None:
    simulated.write(b"print = nil")
    switch.timeout = 0.5
    assert switch.timeout == 0.5
    with pytest.raises(InstrumentDisconnected, match="3706A did not answer"):
        switch.check_errors()
    with pytest.raises(InstrumentDisconnected, match="did not answer"):
        switch.shutdown()
    assert any(text.startswith("channel.open") for _, text in simulated.log)

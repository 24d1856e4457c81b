"""The PyVISA backend: what a client of any VISA library expects."""

import os
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvisa
from pyvisa import constants
from pyvisa.constants import StatusCode
from pyvisa.resources import GPIBInstrument, MessageBasedResource

from labsyn.data.errors import ConfigError
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.lixcoo2 import LixCoO2

ADDRESS = "GPIB0::17::INSTR"
IDENTITY = "Agilent Technologies,B1500A,0,A.04.03.2010.0130"


@pytest.fixture
def bench() -> SimulatedBench:
    return SimulatedBench.default(seed=1)


@pytest.fixture
def manager(bench: SimulatedBench) -> Iterator[pyvisa.ResourceManager]:
    manager = pyvisa.ResourceManager(LabsynVisaLibrary.for_bench(bench))
    yield manager
    manager.close()


def opened(manager: pyvisa.ResourceManager, **settings: Any) -> GPIBInstrument:
    given = {"read_termination": "\r\n", "write_termination": "\r\n"} | settings
    resource = manager.open_resource(ADDRESS, **given)
    assert isinstance(resource, GPIBInstrument)
    return resource


def test_the_default_bench_by_name() -> None:
    manager = pyvisa.ResourceManager("@labsyn")
    assert manager.list_resources() == (ADDRESS,)
    assert manager.list_resources("USB?*") == ()
    assert opened(manager).query("*IDN?") == IDENTITY
    assert pyvisa.ResourceManager("@labsyn") is manager
    manager.close()


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PYVISA_LIBRARY", "lixcoo2?seed=4@labsyn")
    manager = pyvisa.ResourceManager()
    assert opened(manager).query("*IDN?") == IDENTITY
    manager.close()


def test_arguments_reach_the_device() -> None:
    manager = pyvisa.ResourceManager("lixcoo2?seed=3&beta_p=2.5@labsyn")
    assert isinstance(manager.visalib, LabsynVisaLibrary)
    assert manager.visalib.bench.devices == {"lixcoo2": LixCoO2.draw(3, beta_p=2.5)}
    manager.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pcm@labsyn", "unknown device 'pcm', known are lixcoo2"),
        ("lixcoo2?seed=x@labsyn", "'seed=x' in 'lixcoo2[?]seed=x' is no parameter"),
        ("lixcoo2?gain=1@labsyn", "lixcoo2 has no parameter 'gain'"),
        ("missing.toml@labsyn", "missing.toml does not exist"),
    ],
)
def test_arguments_that_name_no_bench_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pyvisa.ResourceManager(text)


BENCH = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::9::INSTR"
[roles.pulse_source]
instrument = "smu"
channel = 4
[roles.reader]
instrument = "smu"
channel = 4
"""


def test_a_bench_file(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH + '[simulation]\ndevice = "lixcoo2"\nparameters = {x = 0.5}\n')
    manager = pyvisa.ResourceManager(f"{path}@labsyn")
    assert manager.list_resources() == ("GPIB0::9::INSTR",)
    smu = manager.open_resource("GPIB0::9::INSTR", read_termination="\r\n")
    assert isinstance(smu, GPIBInstrument)
    smu.write("CN 4;DV 4,0,1,1E-3;TI 4")
    assert 20e-6 < float(smu.read()[3:]) < 30e-6  # the other terminal is ground
    manager.close()


def test_a_bench_file_without_simulation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH)
    with pytest.raises(ConfigError, match=r"no \[simulation\]: its bench is real"):
        pyvisa.ResourceManager(f"{path}@labsyn")


def test_an_address_without_instrument_is_refused(manager: pyvisa.ResourceManager) -> None:
    with pytest.raises(pyvisa.VisaIOError) as caught:
        manager.open_resource("GPIB0::18::INSTR")
    assert caught.value.error_code == StatusCode.error_resource_not_found
    assert opened(manager).resource_name == ADDRESS
    assert manager.open_resource("gpib::17").resource_name == ADDRESS


def test_nothing_to_say_times_out_at_once_on_the_virtual_clock(
    manager: pyvisa.ResourceManager, bench: SimulatedBench
) -> None:
    smu = opened(manager, timeout=2500)
    with pytest.raises(pyvisa.VisaIOError) as caught:
        smu.read()
    assert caught.value.error_code == StatusCode.error_timeout
    assert bench.clock.now() == 2.5
    smu.timeout = float("inf")
    with pytest.raises(pyvisa.VisaIOError):
        smu.read()
    assert bench.clock.now() == 2.5
    smu.timeout = 0
    assert smu.query("*OPC?") == "1"  # what is ready needs no time
    assert bench.clock.now() == 2.5


def test_reads_honour_count_termchar_and_end(manager: pyvisa.ResourceManager) -> None:
    smu = opened(manager)
    smu.write("*IDN?")
    assert smu.read_bytes(7) == b"Agilent"
    with smu.ignore_warning(StatusCode.success_max_count_read):
        assert smu.visalib.read(smu.session, 1)[1] == StatusCode.success_max_count_read
    assert smu.read_bytes(99, break_on_termchar=True) == IDENTITY[8:].encode() + b"\r\n"
    with smu.read_termination_context(","):
        smu.write("*IDN?")
        chunk, status = smu.visalib.read(smu.session, 99)
    assert (chunk, status) == (
        b"Agilent Technologies,",
        StatusCode.success_termination_character_read,
    )
    smu.clear()
    smu.write("CN;FMT 5;TI 1;TI 1")
    assert re.fullmatch(rb"(NAI[+-]\d{3}\.\d{3}E[+-]\d\d,){2}", smu.read_bytes(32))
    smu.write("TI 1")
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        smu.read_bytes(40)  # no EOI in this format: the rest never comes


def test_status_clear_flush_trigger_and_service_request(
    manager: pyvisa.ResourceManager, bench: SimulatedBench
) -> None:
    smu = opened(manager)
    assert smu.read_stb() == 16
    smu.write("XYZ")
    assert smu.stb == 48
    smu.write("CN;MM 1,1;*SRE 1")
    smu.assert_trigger()
    smu.flush(constants.BufferOperation.discard_read_buffer)
    smu.wait_for_srq(1000)
    smu.clear()
    assert smu.read_stb() & 1 == 0
    smu.write("*SRE 0")
    smu.enable_event(constants.EventType.service_request, constants.EventMechanism.queue)
    before = bench.clock.now()
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        smu.wait_on_event(constants.EventType.service_request, 500)
    assert bench.clock.now() - before == pytest.approx(0.5)
    smu.write("*SRE 32;XYZ")
    response = smu.wait_on_event(constants.EventType.service_request, 500)
    assert response.event.event_type == constants.EventType.service_request


def test_events_that_there_are_not(manager: pyvisa.ResourceManager) -> None:
    smu, request = opened(manager), constants.EventType.service_request
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_NENABLED"):
        smu.wait_on_event(request, 500)
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_INV_EVENT"):
        smu.enable_event(constants.EventType.trig, constants.EventMechanism.queue)
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_NSUP_MECH"):
        smu.enable_event(request, constants.EventMechanism.handler)
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_NSUP_OPER"):
        smu.install_handler(request, lambda *_: None)


def test_attributes(manager: pyvisa.ResourceManager) -> None:
    smu = opened(manager)
    assert smu.timeout == 2000
    assert smu.interface_type == constants.InterfaceType.gpib
    assert smu.interface_number == 0
    assert smu.resource_class == "INSTR"
    assert smu.resource_manufacturer_name == "labsyn"
    assert smu.send_end is True
    smu.send_end = False
    assert smu.send_end is False
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_NSUP_ATTR"):
        smu.get_visa_attribute(constants.ResourceAttribute.usb_serial_number)
    assert smu.primary_address == 17


EVERY_KIND = """
[instruments.pulser]
driver = "Keysight81160A"
resource = "USB0::0x0957::0x4108::MY1::INSTR"
[instruments.generator]
driver = "Agilent33500"
resource = "TCPIP0::192.168.0.8::5025::SOCKET"
[instruments.gaussmeter]
driver = "LakeShore425"
resource = "ASRL3::INSTR"
[simulation]
device = "lixcoo2"
"""


@pytest.fixture
def every_kind(tmp_path: Path) -> Iterator[pyvisa.ResourceManager]:
    path = tmp_path / "bench.toml"
    path.write_text(EVERY_KIND)
    manager = pyvisa.ResourceManager(f"{path}@labsyn")
    yield manager
    manager.close()


def opened_name(manager: pyvisa.ResourceManager, name: str) -> MessageBasedResource:
    resource = manager.open_resource(name, read_termination="\n", write_termination="\n")
    assert isinstance(resource, MessageBasedResource)
    return resource


def test_addresses_are_attributes(every_kind: pyvisa.ResourceManager) -> None:
    usb = opened_name(every_kind, "USB0::0x0957::0x4108::MY1::INSTR")
    assert usb.manufacturer_id == 0x957  # type: ignore[attr-defined]
    assert usb.model_code == 0x4108  # type: ignore[attr-defined]
    assert usb.serial_number == "MY1"  # type: ignore[attr-defined]
    socket = opened_name(every_kind, "TCPIP0::192.168.0.8::5025::SOCKET")
    ask = socket.get_visa_attribute
    assert ask(constants.ResourceAttribute.tcpip_address) == "192.168.0.8"
    assert ask(constants.ResourceAttribute.tcpip_port) == 5025


@pytest.mark.parametrize("name", ["TCPIP0::192.168.0.8::5025::SOCKET", "ASRL3::INSTR"])
def test_a_wire_without_end_line_needs_a_line_feed(
    every_kind: pyvisa.ResourceManager, name: str
) -> None:
    resource = opened_name(every_kind, name)
    resource.write_raw(b"*IDN?")
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        resource.read()
    resource.write_raw(b"\n")
    assert len(resource.read().split(",")) == 4
    resource.write_raw(b"*ID")
    resource.clear()  # what has begun is forgotten
    assert len(resource.query("*IDN?").split(",")) == 4


def test_without_send_end_a_message_may_come_in_pieces(
    every_kind: pyvisa.ResourceManager,
) -> None:
    usb = opened_name(every_kind, "USB0::0x0957::0x4108::MY1::INSTR")
    usb.send_end = False
    usb.write_raw(b"*ID")
    usb.write_raw(b"N")
    usb.send_end = True
    usb.write_raw(b"?")
    assert "81160A" in usb.read()


def test_threads_may_talk_to_different_instruments(every_kind: pyvisa.ResourceManager) -> None:
    strange: list[str] = []

    def converse(name: str) -> None:
        with opened_name(every_kind, name) as resource:
            identity = resource.query("*IDN?")
            replies = {resource.query("*IDN?") for _ in range(200)}
            strange.extend(replies - {identity})

    names = every_kind.list_resources("?*")
    threads = [threading.Thread(target=converse, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 3
    assert strange == []
    assert every_kind.visalib._sessions == {}  # type: ignore[attr-defined]


def test_closing_a_manager_closes_what_it_opened(bench: SimulatedBench) -> None:
    library = LabsynVisaLibrary.for_bench(bench)
    manager, _ = library.open_default_resource_manager()
    session, _ = library.open(manager, ADDRESS)
    library.lock(session, constants.Lock.exclusive, 0)
    library.close(manager)
    with pytest.raises(pyvisa.errors.InvalidSession):
        library.write(session, b"CL")
    other, _ = library.open(library.open_default_resource_manager()[0], ADDRESS)
    assert library.write(other, b"CL")[1] == StatusCode.success


def test_an_exclusive_lock_keeps_others_out(manager: pyvisa.ResourceManager) -> None:
    first, second = opened(manager), opened(manager)
    with first.lock_context():
        with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_RSRC_LOCKED"):
            second.write("CL")
        assert first.query("*OPC?") == "1"
    assert second.query("*OPC?") == "1"
    first.lock_excl()
    first.close()
    assert second.query("*OPC?") == "1"
    second.close()
    exclusive = opened(manager, access_mode=constants.AccessModes.exclusive_lock)
    late = opened(manager)  # opening and its own attributes are free, the wire is not
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_RSRC_LOCKED"):
        late.query("*OPC?")
    sessions = dict(late.visalib._sessions)  # type: ignore[attr-defined]
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_RSRC_LOCKED"):
        opened(manager, access_mode=constants.AccessModes.exclusive_lock)
    assert late.visalib._sessions == sessions  # type: ignore[attr-defined]
    exclusive.close()
    assert late.query("*OPC?") == "1"


def test_exclusive_locks_nest(manager: pyvisa.ResourceManager, bench: SimulatedBench) -> None:
    first, second = opened(manager), opened(manager)
    first.lock_excl()
    first.lock_excl()
    assert str(second.lock_state) == str(constants.AccessModes.exclusive_lock)
    first.unlock()
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_RSRC_LOCKED"):
        second.read_stb()
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_SESN_NLOCKED"):
        second.unlock()
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        second.lock_excl(timeout=1500)
    assert bench.clock.now() == 1.5
    first.unlock()
    assert second.query("*OPC?") == "1"
    assert str(second.lock_state) == str(constants.AccessModes.no_lock)


def test_shared_locks_are_shared_by_key(manager: pyvisa.ResourceManager) -> None:
    first, second, third = opened(manager), opened(manager), opened(manager)
    key = first.lock()
    assert key
    assert second.lock(requested_key=key) == key
    assert second.query("*OPC?") == first.query("*OPC?") == "1"
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_RSRC_LOCKED"):
        third.query("*OPC?")
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_RSRC_LOCKED"):
        third.lock(timeout=0, requested_key="another key")
    second.lock_excl()  # on top of the shared one
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_RSRC_LOCKED"):
        first.query("*OPC?")
    second.unlock()
    assert first.query("*OPC?") == "1"
    first.close()
    second.close()
    assert third.query("*OPC?") == "1"


def test_a_closed_session_is_invalid(manager: pyvisa.ResourceManager) -> None:
    smu = opened(manager)
    session = smu.session
    smu.close()
    with pytest.raises(pyvisa.errors.InvalidSession):
        smu.write("CL")
    with pytest.raises(pyvisa.errors.InvalidSession):
        smu.visalib.write(session, b"CL")


def test_a_second_session_in_another_thread_can_switch_off(
    manager: pyvisa.ResourceManager, bench: SimulatedBench
) -> None:
    smu, emergency = opened(manager), opened(manager)
    smu.write("CN;DV 2,0,0,0.1;DV 1,0,1,1E-3")
    stop = threading.Event()
    failures: list[BaseException] = []

    def measure() -> None:
        try:
            while not stop.is_set():
                smu.query("TV 2")
        except pyvisa.VisaIOError as error:
            failures.append(error)  # SMU 2 is off: no data, a time-out, as it should

    thread = threading.Thread(target=measure)
    thread.start()
    for _ in range(200):
        emergency.write("CL")
    thread.join(0.2)
    stop.set()
    thread.join()
    assert all("VI_ERROR_TMO" in str(failure) for failure in failures)
    instrument = bench.instruments[ADDRESS]
    assert instrument.outputs() == {1: None, 2: None}  # type: ignore[attr-defined]


def test_closing_everything_warns_about_nothing(bench: SimulatedBench) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manager = pyvisa.ResourceManager(LabsynVisaLibrary.for_bench(bench))
        smu = opened(manager)
        smu.query("*OPC?")
        manager.close()
        again = pyvisa.ResourceManager(LabsynVisaLibrary.for_bench(bench))
        assert opened(again).query("*OPC?") == "1"
        again.close()


def long_sweep(session: GPIBInstrument) -> None:
    """Start a sweep of 3 s."""
    session.write("CN 1,2;DV 2,0,0,1E-3;MM 2,1;WT 0,0.3;WV 1,1,0,0,0.1,10,1E-3")
    session.write("XE")
    session.write("*OPC?")


def test_a_time_out_shorter_than_a_measurement_is_one(
    manager: pyvisa.ResourceManager,
) -> None:
    session = opened(manager, timeout=1000)
    long_sweep(session)
    for _ in range(3):
        with pytest.raises(pyvisa.errors.VisaIOError, match="VI_ERROR_TMO"):
            session.read()
    assert session.read().strip() == "1"  # 3 s and the time of ten readings


def test_a_time_out_that_covers_the_measurement(manager: pyvisa.ResourceManager) -> None:
    session = opened(manager, timeout=4000)
    long_sweep(session)
    assert session.read().strip() == "1"


def test_a_program_that_waits_by_itself_needs_no_patience(
    bench: SimulatedBench, manager: pyvisa.ResourceManager
) -> None:
    session = opened(manager, timeout=1000)
    long_sweep(session)
    bench.clock.sleep(2.5)
    assert session.read().strip() == "1"


def test_a_device_clear_ends_the_wait(manager: pyvisa.ResourceManager) -> None:
    session = opened(manager, timeout=1000)
    long_sweep(session)
    session.clear()
    assert session.query("ERRX?").startswith("+0")

"""The bench over plain sockets: any language, bounded, and one bad client harms only itself."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
import pyvisa

from labsyn.data.errors import BenchError
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.catalogue import DRIVERS, open_driver
from labsyn.drivers.clock import RealClock
from labsyn.drivers.simulated import server
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import Fault, FaultyInstrument
from labsyn.drivers.simulated.framing import whole_messages
from labsyn.drivers.simulated.server import MAX_CLIENTS, MAX_LINE, BenchServer

Address = tuple[str, int]
BINARY = {
    "instruments": {
        "pulser": {"driver": "Keysight81160A", "resource": "GPIB0::10::INSTR"},
        "smu": {"driver": "KeysightB1500A", "resource": "GPIB0::17::INSTR"},
    },
    "simulation": {"device": "lixcoo2"},
}


@pytest.fixture
def address() -> Iterator[Address]:
    with BenchServer(SimulatedBench.default(), port_base=0) as running:
        (found,) = running.addresses.values()
        yield found


def client(address: Address) -> socket.socket:
    return socket.create_connection(address, timeout=5)


def ask(connection: socket.socket, message: str) -> str:
    connection.sendall(message.encode() + b"\n")
    reply = b""
    while not reply.endswith(b"\n"):
        part = connection.recv(4096)
        assert part, "the server broke off"
        reply += part
    return reply.decode().strip()


def test_only_loopback_unless_asked(address: Address) -> None:
    assert address[0] == "127.0.0.1"


def test_two_hundred_queries(address: Address) -> None:
    with client(address) as connection:
        connection.sendall(b"CN 1,2\nDV 2,0,0,0.001\nDV 1,0,0.1,0.001\n")
        for _ in range(100):
            assert ask(connection, "ERRX?") == '+0,"No Error."'
            assert ask(connection, "TI 1,0").startswith("NAI")


def test_through_pyvisa_py(address: Address) -> None:
    manager = pyvisa.ResourceManager("@py")
    name = f"TCPIP0::127.0.0.1::{address[1]}::SOCKET"
    with manager.open_resource(
        name, read_termination="\r\n", write_termination="\n"
    ) as resource:
        assert "B1500A" in resource.query("*IDN?")  # type: ignore[attr-defined]
    manager.close()


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_opens_over_a_socket(name: str) -> None:
    """No end of a message but a line's, and no error for a read that nobody asked for."""
    config = BenchConfig.model_validate(
        {
            "instruments": {"it": {"driver": name, "resource": "GPIB0::1::INSTR"}},
            "simulation": {"device": "lixcoo2"},
        }
    )
    with BenchServer(SimulatedBench.from_config(config), port_base=0) as server:
        ((_, port),) = server.addresses.values()
        instrument = open_driver(
            name, f"TCPIP0::127.0.0.1::{port}::SOCKET", "@py", RealClock(), {}
        )
        assert instrument.settings()
        instrument.check_errors()
        instrument.shutdown()
        instrument.check_errors()
        instrument.adapter.close()


def test_messages_may_come_in_pieces(address: Address) -> None:
    with client(address) as connection:
        for piece in (b"*I", b"DN", b"?\r"):
            connection.sendall(piece)
        assert "B1500A" in ask(connection, "")


def flooded(connection: socket.socket) -> bool:
    """Send without an end; return whether the server cut the connection."""
    connection.settimeout(0.01)
    for _ in range(200):
        try:
            connection.sendall(b"x" * MAX_LINE)
            if not connection.recv(1):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_a_flood_without_an_end_is_cut_off_and_others_go_on(address: Address) -> None:
    with client(address) as good, client(address) as bad:
        assert "B1500A" in ask(good, "*IDN?")
        assert flooded(bad)
        assert "B1500A" in ask(good, "*IDN?")


def test_a_client_that_vanishes_harms_nobody(address: Address) -> None:
    for _ in range(2 * MAX_CLIENTS):
        gone = client(address)
        gone.sendall(b"*IDN?\n")
        gone.close()
    with client(address) as connection:
        assert "B1500A" in ask(connection, "*IDN?")


def test_one_client_too_many_ends_the_one_silent_for_longest(address: Address) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(client(address)) for _ in range(MAX_CLIENTS)]
        for member in reversed(crowd):
            assert "B1500A" in ask(member, "*IDN?")  # so the last one is silent for longest
        for _ in range(200):
            with client(address) as another:
                assert "B1500A" in ask(another, "*IDN?")
                assert "B1500A" in ask(crowd[0], "*IDN?")
        assert crowd[-1].recv(1) == b""


def test_a_client_that_takes_no_replies_is_cut_off(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SEND_TIMEOUT", 0.1)

    def pester(connection: socket.socket) -> None:
        for _ in range(10_000):
            connection.sendall(b"*IDN?\n" * 1000)

    with socket.socket() as stubborn, client(address) as good:
        stubborn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stubborn.settimeout(5)
        stubborn.connect(address)
        with pytest.raises(ConnectionError):
            pester(stubborn)
        assert "B1500A" in ask(good, "*IDN?")


def test_binary_data_pass_in_both_directions() -> None:
    waveform = b"\n\x01" * 8  # bytes that look like line ends
    bench = SimulatedBench.from_config(BenchConfig.model_validate(BINARY))
    with BenchServer(bench, port_base=0) as running:
        pulser, smu = running.addresses.values()
        with client(pulser) as connection:
            connection.sendall(b":DATA1:DAC VOLATILE, #216" + waveform[:5])
            connection.sendall(waveform[5:] + b"\n")
            assert ask(connection, "SYST:ERR?") == '+0,"No error"'
        with client(smu) as connection:
            assert ask(connection, "CN 1;FMT 3;*IDN?").startswith("Agilent")
            connection.sendall(b"TI 1\n")
            reply = b""
            while len(reply) < 6:
                reply += connection.recv(6)
    assert reply.endswith(b"\r\n")


def test_a_setting_over_tcp_is_no_error() -> None:
    """The server must not read where nothing was asked: that is error -420."""
    bench = SimulatedBench.from_config(BenchConfig.model_validate(BINARY))
    with BenchServer(bench, port_base=0) as running:
        pulser, _ = running.addresses.values()
        with client(pulser) as connection:
            connection.sendall(b"*CLS\n:OUTP1:LOAD 50\n")
            assert ask(connection, "SYST:ERR?") == '+0,"No error"'


def test_a_lost_connection_ends_that_of_the_client() -> None:
    bench = SimulatedBench.default()
    ((name, inner),) = bench.instruments.items()
    fault = Fault(kind="disconnect", match="TI")
    bench.instruments[name] = FaultyInstrument(inner, [fault], bench.clock)
    with BenchServer(bench, port_base=0) as running, client(running.addresses[name]) as lost:
        assert "B1500A" in ask(lost, "*IDN?")
        lost.sendall(b"TI 1\n")
        assert lost.recv(1) == b""


def test_messages_end_with_a_line_feed_outside_blocks_only() -> None:
    assert whole_messages(b"a\r\nb\nc") == ([b"a\r\n", b"b\n"], b"c")
    assert whole_messages(b"D #13\n\n\n\ne") == ([b"D #13\n\n\n\n"], b"e")
    assert whole_messages(b"D #13\n\n") == ([], b"D #13\n\n")
    assert whole_messages(b"T ' #13'\nU\n") == ([b"T ' #13'\n", b"U\n"], b"")
    assert whole_messages(b"D #1x\nU\n") == ([b"D #1x\n", b"U\n"], b"")


@pytest.mark.parametrize("port_base", [-1, 65536])
def test_a_port_that_cannot_be(port_base: int) -> None:
    with pytest.raises(BenchError, match=f"--port-base {port_base} is no port; .* to 65535"):
        BenchServer(SimulatedBench.default(), port_base=port_base)


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BenchError, match=f"cannot serve GPIB0::17::INSTR at .*:{port}"):
            BenchServer(SimulatedBench.default(), port_base=port)

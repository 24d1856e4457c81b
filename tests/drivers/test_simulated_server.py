"""The bench over plain sockets: any language, bounded, and one bad client harms only itself."""

import socket
from collections.abc import Iterator

import pytest
import pyvisa

from labsyn.data.errors import BenchError
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.server import MAX_CLIENTS, MAX_LINE, BenchServer

Address = tuple[str, int]


@pytest.fixture
def address() -> Iterator[Address]:
    with BenchServer(SimulatedBench.default(), port_base=0) as server:
        (found,) = server.addresses.values()
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


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BenchError, match=f"cannot serve GPIB0::17::INSTR at .*:{port}"):
            BenchServer(SimulatedBench.default(), port_base=port)

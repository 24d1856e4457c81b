"""The simulated bench for any language: one TCP line server an instrument, on loopback.

LabVIEW, MATLAB, Julia or a plain socket write a line and read what the instrument answers.
Each client has its own thread and bounded buffers; a client that floods, stalls or breaks
off ends its own connection and nobody else's.
"""

import contextlib
import socket
import socketserver
import threading
from types import TracebackType

from labsyn.data.errors import BenchError
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import ConnectionLostError
from labsyn.drivers.simulated.instrument import SimulatedInstrument

MAX_LINE = 64 * 1024
"""Bytes of one message; a client that sends more without an end is cut off."""

MAX_CLIENTS = 16
"""Connections to one instrument at a time."""

SEND_TIMEOUT = 5.0
"""Seconds after which a client that does not take its reply is cut off."""


class BenchServer:
    """Serve every instrument of a bench on consecutive ports.

    Parameters
    ----------
    bench : SimulatedBench
        What is served.
    port_base : int
        Port of the first instrument; 0 lets the system choose each.
    host : str
        Interface; loopback unless asked otherwise.

    Raises
    ------
    BenchError
        If a port is taken or the interface does not exist.
    """

    def __init__(
        self, bench: SimulatedBench, port_base: int = 5025, host: str = "127.0.0.1"
    ) -> None:
        self._servers: dict[str, _LineServer] = {}
        for index, (resource, instrument) in enumerate(bench.instruments.items()):
            port = port_base + index if port_base else 0
            try:
                self._servers[resource] = _LineServer((host, port), instrument, bench.lock)
            except OSError as error:
                self.close()
                raise BenchError(
                    f"cannot serve {resource} at {host}:{port}: {error.strerror}; "
                    "choose another --port-base"
                ) from error
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            for server in self._servers.values()
        ]

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Host and port of each instrument, by its VISA resource name."""
        return {
            resource: (str(server.server_address[0]), int(server.server_address[1]))
            for resource, server in self._servers.items()
        }

    def start(self) -> None:
        """Serve in the background."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop serving and drop every client."""
        for server in self._servers.values():
            if any(thread.is_alive() for thread in getattr(self, "_threads", [])):
                server.shutdown()
            server.drop_clients()
            server.server_close()

    def __enter__(self) -> "BenchServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _LineServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        instrument: SimulatedInstrument,
        lock: threading.RLock,
    ) -> None:
        super().__init__(address, _Client)
        self.instrument = instrument
        self.lock = lock
        self.clients: set[socket.socket] = set()

    def verify_request(self, request: object, client_address: object) -> bool:
        return len(self.clients) < MAX_CLIENTS

    def drop_clients(self) -> None:
        for client in list(self.clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that broke off is its own business."""


class _Client(socketserver.BaseRequestHandler):
    server: _LineServer

    def setup(self) -> None:
        self.server.clients.add(self.request)
        self.request.settimeout(None)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        self.server.clients.discard(self.request)

    def handle(self) -> None:
        pending = b""
        while chunk := self.request.recv(4096):
            pending += chunk
            *lines, pending = pending.split(b"\n")
            for line in lines:
                self._answer(line + b"\n")
            if len(pending) > MAX_LINE:
                return

    def _answer(self, line: bytes) -> None:
        instrument = self.server.instrument
        reply = b""
        with self.server.lock, contextlib.suppress(ConnectionLostError):
            instrument.write(line)
            while part := instrument.read(MAX_LINE)[0]:
                reply += part
        if reply:
            self.request.settimeout(SEND_TIMEOUT)
            self.request.sendall(reply)
            self.request.settimeout(None)

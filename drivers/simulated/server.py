"""The simulated bench for any language: one TCP line server an instrument, on loopback.

LabVIEW, MATLAB, Julia or a plain socket write a line and read what the instrument answers.
Each client has its own thread and bounded buffers; a client that floods, stalls or breaks
off ends its own connection and nobody else's.
"""

import contextlib
import socket
import socketserver
import sys
import threading
from types import TracebackType
from typing import Any

from labsyn.data.errors import BenchError
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.framing import whole_messages
from labsyn.drivers.simulated.instrument import SimulatedInstrument

MAX_LINE = 1 << 20
"""Bytes of one message, waveforms included; a client that sends more is cut off."""

MAX_CLIENTS = 16
"""Connections to one instrument at a time; one more ends the one silent for longest."""

SEND_BUFFER = 64 * 1024
"""Bytes of replies that wait for a client, in the system's buffer."""

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
        If a port is taken or beyond 65535, or the interface does not exist.
    """

    def __init__(
        self, bench: SimulatedBench, port_base: int = 5025, host: str = "127.0.0.1"
    ) -> None:
        self._servers: dict[str, _LineServer] = {}
        highest = 65536 - len(bench.instruments)
        if not 0 <= port_base <= highest:
            raise BenchError(
                f"--port-base {port_base} is no port; {len(bench.instruments)} instruments "
                f"need 0 (any free ports) to {highest}"
            )
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
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        instrument: SimulatedInstrument,
        lock: threading.RLock,
    ) -> None:
        super().__init__(address, _Client)
        self.instrument = instrument
        self.lock = lock
        self._clients: dict[socket.socket, None] = {}  # silent for longest first
        self._clients_lock = threading.Lock()

    def welcome(self, client: socket.socket) -> None:
        """Add `client`; one too many ends the one silent for longest.

        So connections that a program forgot to close, or that a computer left half open,
        keep nobody out.
        """
        with self._clients_lock:
            self._clients[client] = None
            if len(self._clients) > MAX_CLIENTS:
                self._drop(next(iter(self._clients)))

    def heard(self, client: socket.socket) -> None:
        """Note that `client` has just said something."""
        with self._clients_lock:
            if client in self._clients:
                del self._clients[client]
                self._clients[client] = None

    def gone(self, client: socket.socket) -> None:
        """Forget `client`."""
        with self._clients_lock:
            self._clients.pop(client, None)

    def drop_clients(self) -> None:
        """End every connection."""
        with self._clients_lock:
            for client in list(self._clients):
                self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        del self._clients[client]
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that broke off, but do not hide a defect of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Client(socketserver.BaseRequestHandler):
    server: _LineServer

    def setup(self) -> None:
        self.server.welcome(self.request)
        self.request.settimeout(None)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def finish(self) -> None:
        self.server.gone(self.request)

    def handle(self) -> None:
        pending = b""
        while chunk := self.request.recv(1 << 16):
            self.server.heard(self.request)
            messages, pending = whole_messages(pending + chunk)
            for message in messages:
                self._answer(message)
            if len(pending) > MAX_LINE:
                return

    def _answer(self, message: bytes) -> None:
        instrument = self.server.instrument
        reply = b""
        with self.server.lock:  # a lost connection is an OSError and ends this one
            instrument.write(message)
            while instrument.has_answer() and (part := instrument.read(MAX_LINE)[0]):
                reply += part
        if reply:
            self.request.settimeout(SEND_TIMEOUT)
            self.request.sendall(reply)
            self.request.settimeout(None)

"""A PyVISA backend over a simulated bench: ``ResourceManager("@labsyn")``.

The argument before ``@labsyn`` names the bench: nothing for the default one, a device
such as ``lixcoo2?seed=3``, or the path of a ``bench.toml``. One argument is one bench for
as long as anything refers to its library.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn

from pyvisa import constants
from pyvisa.constants import StatusCode
from pyvisa.typing import VISAEventContext, VISASession
from pyvisa.util import DebugInfo, LibraryPath

from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import ConnectionLostError
from labsyn.drivers.simulated.session import Session
from labsyn.drivers.simulated.visa_sessions import HANDLES, SessionLibrary

DEFAULT_BENCH = "lixcoo2"
_SERVICE_REQUEST = 64  # bit of the status byte
_FIRST_LOOK, _LAST_LOOK = 1e-3, 1e6  # seconds from one look at it to the next
_AWAITED = (constants.EventType.service_request, constants.EventType.all_enabled)


class LabsynVisaLibrary(SessionLibrary):
    """VISA library whose instruments are simulated."""

    _given: ClassVar[dict[str, SimulatedBench]] = {}  # by path, until its library is made

    @classmethod
    def for_bench(cls, bench: SimulatedBench) -> "LabsynVisaLibrary":
        """Return a library of `bench`, for ``ResourceManager`` or ``visa_library=``."""
        path = LibraryPath(f"bench {next(HANDLES)}")
        cls._given[path] = bench
        return cls(path)

    @staticmethod
    def get_library_paths() -> Iterable[LibraryPath]:
        return (LibraryPath(DEFAULT_BENCH),)

    @staticmethod
    def get_debug_info() -> DebugInfo:
        return {"Backend": "labsyn simulated bench"}

    def _init(self) -> None:
        super()._init()
        given = self._given.pop(self.library_path, None)
        self.bench = given or SimulatedBench.from_text(str(self.library_path))

    def write(self, session: VISASession, data: bytes) -> tuple[int, StatusCode]:
        client = self._client(session)
        now = self.bench.clock.now
        try:
            with self.bench.lock:
                started = now()
                for message in client.messages(bytes(data)):
                    client.instrument.write(message)
                if now() > started:
                    client.note_write(started, now())
        except ConnectionLostError:
            self._fail(session, StatusCode.error_connection_lost)
        return len(data), self.handle_return_value(session, StatusCode.success)

    def read(self, session: VISASession, count: int) -> tuple[bytes, StatusCode]:
        """Read to the end of the message, the termination character, or `count` bytes.

        With nothing (more) to read it times out: at once in real time, and the timeout
        has passed on the virtual clock. Bytes that came before are lost, as on the bus.
        """
        client = self._client(session)
        termchar = client.termchar if client.termchar_enabled else b""
        if client.busy and not client.has_patience(self.bench.clock.now()):
            self._fail(session, StatusCode.error_timeout)
        try:
            with self.bench.lock:
                taken, status = self._take(client, count, termchar)
        except ConnectionLostError:
            self._fail(session, StatusCode.error_connection_lost)
        return taken, self.handle_return_value(session, status)

    def _take(self, client: Session, count: int, termchar: bytes) -> tuple[bytes, StatusCode]:
        taken = b""
        while True:
            part, end = client.instrument.read(count - len(taken), termchar)
            taken = taken + part if taken else part
            if end:
                return taken, StatusCode.success
            if termchar and taken.endswith(termchar):
                return taken, StatusCode.success_termination_character_read
            if len(taken) == count:
                return taken, StatusCode.success_max_count_read
            if not part:
                self._wait_in_vain(client.timeout)
                return taken, StatusCode.error_timeout

    def clear(self, session: VISASession) -> StatusCode:
        self._client(session).begin_anew()
        self._reach(session, lambda instrument: instrument.clear())
        return self.handle_return_value(session, StatusCode.success)

    def flush(self, session: VISASession, mask: constants.BufferOperation) -> StatusCode:
        """Discard nothing: there are no buffers between client and instrument."""
        self._client(session)
        return self.handle_return_value(session, StatusCode.success)

    def read_stb(self, session: VISASession) -> tuple[int, StatusCode]:
        status = self._reach(session, lambda instrument: instrument.status_byte())
        return status, self.handle_return_value(session, StatusCode.success)

    def assert_trigger(
        self, session: VISASession, protocol: constants.TriggerProtocol
    ) -> StatusCode:
        self._reach(session, lambda instrument: instrument.trigger())
        return self.handle_return_value(session, StatusCode.success)

    def enable_event(
        self,
        session: VISASession,
        event_type: constants.EventType,
        mechanism: constants.EventMechanism,
        context: None = None,
    ) -> StatusCode:
        """Enable `wait_on_event` for service requests; there are no others, and no handlers."""
        client, status = self._session(session), StatusCode.success
        if event_type not in _AWAITED:
            status = StatusCode.error_invalid_event
        elif mechanism != constants.EventMechanism.queue:
            status = StatusCode.error_nonsupported_mechanism
        else:
            client.awaits_service = True
        return self.handle_return_value(session, status)

    def disable_event(
        self,
        session: VISASession,
        event_type: constants.EventType,
        mechanism: constants.EventMechanism,
    ) -> StatusCode:
        if event_type in _AWAITED and mechanism & constants.EventMechanism.queue:
            self._session(session).awaits_service = False
        return self.handle_return_value(session, StatusCode.success)

    def discard_events(
        self,
        session: VISASession,
        event_type: constants.EventType,
        mechanism: constants.EventMechanism,
    ) -> StatusCode:
        """Discard nothing: a service request is seen in the status byte, not queued."""
        return self.handle_return_value(session, StatusCode.success)

    def install_handler(
        self,
        session: VISASession,
        event_type: constants.EventType,
        handler: Any,
        user_handle: Any,
    ) -> NoReturn:
        """Refuse: only `wait_on_event` tells of a service request here."""
        self._fail(session, StatusCode.error_nonsupported_operation)

    def _requests_service(self, session: VISASession) -> bool:
        status = self._reach(session, lambda instrument: instrument.status_byte())
        return bool(status & _SERVICE_REQUEST)

    def wait_on_event(
        self, session: VISASession, in_event_type: constants.EventType, timeout: int
    ) -> tuple[constants.EventType, VISAEventContext, StatusCode]:
        """Return when the instrument requests service, or time out."""
        client = self._client(session)
        if not client.awaits_service or in_event_type not in _AWAITED:
            self._fail(session, StatusCode.error_not_enabled)
        with self.bench.lock:
            left, step = timeout / 1000, _FIRST_LOOK
            while not self._requests_service(session):
                if left <= 0 or step > _LAST_LOOK:
                    self._fail(session, StatusCode.error_timeout)
                step = min(step, left)
                self.bench.clock.sleep(step)
                left, step = left - step, 1.5 * step
        context = VISAEventContext(next(HANDLES))
        event = self._events[context] = constants.EventType.service_request
        return event, context, self.handle_return_value(session, StatusCode.success)

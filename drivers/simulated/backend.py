"""A PyVISA backend over a simulated bench: ``ResourceManager("@labsyn")``.

The argument before ``@labsyn`` names the bench: nothing for the default one, a device
such as ``lixcoo2?seed=3``, or the path of a ``bench.toml``. One argument is one bench for
as long as anything refers to its library.
"""

import itertools
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn

from pyvisa import attributes, constants, errors, highlevel, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa.typing import VISAEventContext, VISARMSession, VISASession
from pyvisa.util import DebugInfo, LibraryPath

from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import ConnectionLostError
from labsyn.drivers.simulated.session import Session

DEFAULT_BENCH = "lixcoo2"
_HANDLES = itertools.count(1)


class LabsynVisaLibrary(highlevel.VisaLibraryBase):
    """VISA library whose instruments are simulated."""

    bench: SimulatedBench
    _sessions: dict[VISASession, Session]
    _locks: dict[str, VISASession]
    _given: ClassVar[dict[str, SimulatedBench]] = {}  # by path, until its library is made

    @classmethod
    def for_bench(cls, bench: SimulatedBench) -> "LabsynVisaLibrary":
        """Return a library of `bench`, for ``ResourceManager`` or ``visa_library=``."""
        path = LibraryPath(f"bench {next(_HANDLES)}")
        cls._given[path] = bench
        return cls(path)

    @staticmethod
    def get_library_paths() -> Iterable[LibraryPath]:
        return (LibraryPath(DEFAULT_BENCH),)

    @staticmethod
    def get_debug_info() -> DebugInfo:
        return {"Backend": "labsyn simulated bench"}

    def _init(self) -> None:
        given = self._given.pop(self.library_path, None)
        self.bench = given or SimulatedBench.from_text(str(self.library_path))
        self._sessions = {}
        self._locks = {}

    def open_default_resource_manager(self) -> tuple[VISARMSession, StatusCode]:
        session = VISARMSession(next(_HANDLES))
        return session, self.handle_return_value(session, StatusCode.success)

    def list_resources(
        self, session: VISARMSession, query: str = "?*::INSTR"
    ) -> tuple[str, ...]:
        return rname.filter(self.bench.instruments, query)

    def open(
        self,
        session: VISARMSession,
        resource_name: str,
        access_mode: constants.AccessModes = constants.AccessModes.no_lock,
        open_timeout: int = constants.VI_TMO_IMMEDIATE,
    ) -> tuple[VISASession, StatusCode]:
        """Open the instrument of that address; addresses compare in canonical form."""
        wanted = _canonical(resource_name)
        names = [name for name in self.bench.instruments if _canonical(name) == wanted]
        if not names:
            self.handle_return_value(session, StatusCode.error_resource_not_found)
        name = names[0]
        instrument = self.bench.instruments[name]
        info, _ = self.parse_resource_extended(session, name)
        handle = VISASession(next(_HANDLES))
        self._sessions[handle] = Session(name, instrument, info)
        if access_mode == constants.AccessModes.exclusive_lock:
            self.lock(handle, constants.Lock.exclusive, open_timeout)
        return handle, self.handle_return_value(handle, StatusCode.success)

    def close(self, session: VISASession | VISAEventContext | VISARMSession) -> StatusCode:
        closed = self._sessions.pop(VISASession(session), None)
        if closed is not None and self._locks.get(closed.name) == session:
            del self._locks[closed.name]
        return self.handle_return_value(None, StatusCode.success)

    def write(self, session: VISASession, data: bytes) -> tuple[int, StatusCode]:
        client = self._client(session)
        try:
            with self.bench.lock:
                client.instrument.write(bytes(data))
        except ConnectionLostError:
            self._report_lost(session)
        return len(data), self.handle_return_value(session, StatusCode.success)

    def read(self, session: VISASession, count: int) -> tuple[bytes, StatusCode]:
        """Read to the end of the message, the termination character, or `count` bytes.

        With nothing (more) to read it times out: at once in real time, and the timeout
        has passed on the virtual clock. Bytes that came before are lost, as on the bus.
        """
        client = self._client(session)
        termchar = client.termchar if client.termchar_enabled else b""
        try:
            with self.bench.lock:
                taken, status = self._take(client, count, termchar)
        except ConnectionLostError:
            self._report_lost(session)
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

    def _wait_in_vain(self, milliseconds: int) -> None:
        if milliseconds != constants.VI_TMO_INFINITE:  # nothing would end that wait
            self.bench.clock.sleep(milliseconds / 1000)

    def clear(self, session: VISASession) -> StatusCode:
        client = self._client(session)
        try:
            with self.bench.lock:
                client.instrument.clear()
        except ConnectionLostError:
            self._report_lost(session)
        return self.handle_return_value(session, StatusCode.success)

    def flush(self, session: VISASession, mask: constants.BufferOperation) -> StatusCode:
        """Discard nothing: there are no buffers between client and instrument."""
        self._client(session)
        return self.handle_return_value(session, StatusCode.success)

    def read_stb(self, session: VISASession) -> tuple[int, StatusCode]:
        client = self._client(session)
        with self.bench.lock:
            status = client.instrument.status_byte()
        return status, self.handle_return_value(session, StatusCode.success)

    def assert_trigger(
        self, session: VISASession, protocol: constants.TriggerProtocol
    ) -> StatusCode:
        client = self._client(session)
        with self.bench.lock:
            client.instrument.trigger()
        return self.handle_return_value(session, StatusCode.success)

    def lock(
        self,
        session: VISASession,
        lock_type: constants.Lock,
        timeout: int,
        requested_key: str | None = None,
    ) -> tuple[str, StatusCode]:
        """Keep other sessions out of the instrument; a shared lock keeps nobody out."""
        client = self._client(session)
        if lock_type == constants.Lock.exclusive:
            self._locks[client.name] = session
        return requested_key or "", self.handle_return_value(session, StatusCode.success)

    def unlock(self, session: VISASession) -> StatusCode:
        client = self._client(session)
        self._locks.pop(client.name, None)
        return self.handle_return_value(session, StatusCode.success)

    def enable_event(
        self,
        session: VISASession,
        event_type: constants.EventType,
        mechanism: constants.EventMechanism,
        context: None = None,
    ) -> StatusCode:
        return self.handle_return_value(session, StatusCode.success)

    def disable_event(
        self,
        session: VISASession,
        event_type: constants.EventType,
        mechanism: constants.EventMechanism,
    ) -> StatusCode:
        return self.handle_return_value(session, StatusCode.success)

    def discard_events(
        self,
        session: VISASession,
        event_type: constants.EventType,
        mechanism: constants.EventMechanism,
    ) -> StatusCode:
        return self.handle_return_value(session, StatusCode.success)

    def wait_on_event(
        self, session: VISASession, in_event_type: constants.EventType, timeout: int
    ) -> tuple[constants.EventType, VISAEventContext, StatusCode]:
        """Return at once if the instrument requests service, else time out."""
        client = self._client(session)
        with self.bench.lock:
            if not client.instrument.status_byte() & 64:
                self._wait_in_vain(timeout)
                self.handle_return_value(session, StatusCode.error_timeout)
        context = VISAEventContext(next(_HANDLES))
        return in_event_type, context, self.handle_return_value(session, StatusCode.success)

    def get_attribute(
        self,
        session: VISASession | VISAEventContext | VISARMSession,
        attribute: ResourceAttribute | constants.EventAttribute,
    ) -> tuple[Any, StatusCode]:
        client = self._client(VISASession(session))
        value = client.attribute(ResourceAttribute(attribute))
        if value is attributes.NotAvailable:
            self.handle_return_value(session, StatusCode.error_nonsupported_attribute)
        return value, self.handle_return_value(session, StatusCode.success)

    def set_attribute(
        self, session: VISASession, attribute: ResourceAttribute, attribute_state: Any
    ) -> StatusCode:
        self._client(session).set_attribute(ResourceAttribute(attribute), attribute_state)
        return self.handle_return_value(session, StatusCode.success)

    def handle_return_value(
        self,
        session: VISAEventContext | VISARMSession | VISASession | None,
        status_code: int,
    ) -> StatusCode:
        if status_code is StatusCode.success:  # two of these a query: PyVISA's takes 1 µs
            self._last_status = status_code
            if session is not None:
                self._last_status_in_session[session] = status_code
            return status_code
        return super().handle_return_value(session, status_code)

    def _report_lost(self, session: VISASession) -> NoReturn:
        """Report a cable that was pulled out as VISA does."""
        super().handle_return_value(session, StatusCode.error_connection_lost)
        raise errors.VisaIOError(StatusCode.error_connection_lost)

    def _client(self, session: VISASession) -> Session:
        client = self._sessions.get(session)
        if client is None:
            raise errors.InvalidSession
        if self._locks and self._locks.get(client.name, session) != session:
            self.handle_return_value(session, StatusCode.error_resource_locked)
        return client


def _canonical(resource_name: str) -> str:
    try:
        return str(rname.ResourceName.from_string(resource_name)).upper()
    except rname.InvalidResourceName:
        return resource_name.upper()

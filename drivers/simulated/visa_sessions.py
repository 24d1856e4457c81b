"""What the simulated VISA library keeps of each session: its resource, attributes and locks."""

import itertools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from pyvisa import attributes, constants, errors, highlevel, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa.typing import VISAEventContext, VISARMSession, VISASession

from labsyn.drivers.resource_name import canonical
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.faults import ConnectionLostError
from labsyn.drivers.simulated.instrument import SimulatedInstrument
from labsyn.drivers.simulated.locks import ResourceLock
from labsyn.drivers.simulated.session import Session

HANDLES = itertools.count(1)
T = TypeVar("T")


class SessionLibrary(highlevel.VisaLibraryBase):
    """The part of a VISA library that opens, locks and describes sessions."""

    bench: SimulatedBench
    _sessions: dict[VISASession, Session]
    _locks: defaultdict[str, ResourceLock]
    _events: dict[VISAEventContext, constants.EventType]

    def _init(self) -> None:
        self._sessions = {}
        self._locks = defaultdict(ResourceLock)
        self._events = {}

    def open_default_resource_manager(self) -> tuple[VISARMSession, StatusCode]:
        session = VISARMSession(next(HANDLES))
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
        wanted = canonical(resource_name)
        names = [name for name in self.bench.instruments if canonical(name) == wanted]
        if not names:
            self.handle_return_value(session, StatusCode.error_resource_not_found)
        name = names[0]
        instrument = self.bench.instruments[name]
        info, _ = self.parse_resource_extended(session, name)
        handle = VISASession(next(HANDLES))
        self._sessions[handle] = Session(name, instrument, info, session, self._locks[name])
        if access_mode != constants.AccessModes.no_lock:
            try:
                self.lock(handle, constants.Lock(access_mode), open_timeout)
            except errors.VisaIOError:
                self.close(handle)
                raise
        return handle, self.handle_return_value(handle, StatusCode.success)

    def close(self, session: VISASession | VISAEventContext | VISARMSession) -> StatusCode:
        """Close a session (its locks go back), an event, or a manager with what it opened."""
        self._events.pop(VISAEventContext(session), None)
        opened = [handle for handle, s in self._sessions.items() if s.manager == session]
        for handle in (VISASession(session), *opened):
            closed = self._sessions.pop(handle, None)
            if closed is not None:
                closed.lock.leave(handle)
        return self.handle_return_value(None, StatusCode.success)

    def lock(
        self,
        session: VISASession,
        lock_type: constants.Lock,
        timeout: int,
        requested_key: str | None = None,
    ) -> tuple[str, StatusCode]:
        """Keep the sessions without this lock out, for as long as this one has it.

        A lock that another session holds is waited for on the virtual clock, in vain.
        """
        lock = self._session(session).lock
        with self.bench.lock:
            status = lock.take(session, lock_type, requested_key)
            if status == StatusCode.error_resource_locked and timeout:
                self._wait_in_vain(timeout)
                status = StatusCode.error_timeout
        key = lock.key if lock_type == constants.Lock.shared else ""
        return key, self.handle_return_value(session, status)

    def unlock(self, session: VISASession) -> StatusCode:
        with self.bench.lock:
            status = self._session(session).lock.give_back(session)
        return self.handle_return_value(session, status)

    def get_attribute(
        self,
        session: VISASession | VISAEventContext | VISARMSession,
        attribute: ResourceAttribute | constants.EventAttribute,
    ) -> tuple[Any, StatusCode]:
        event = self._events.get(VISAEventContext(session))
        if event is None:
            client = self._session(VISASession(session))
            value = client.attribute(ResourceAttribute(attribute))
        else:
            known = attribute == constants.EventAttribute.event_type
            value = event if known else attributes.NotAvailable
        if value is attributes.NotAvailable:
            self._fail(session, StatusCode.error_nonsupported_attribute)
        return value, self.handle_return_value(session, StatusCode.success)

    def set_attribute(
        self, session: VISASession, attribute: ResourceAttribute, attribute_state: Any
    ) -> StatusCode:
        self._session(session).set_attribute(ResourceAttribute(attribute), attribute_state)
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

    def _fail(
        self, session: VISASession | VISAEventContext | VISARMSession, status: StatusCode
    ) -> NoReturn:
        self.handle_return_value(session, status)
        raise errors.VisaIOError(status)

    def _reach(self, session: VISASession, action: Callable[[SimulatedInstrument], T]) -> T:
        """Return what `action` finds at the instrument; a pulled cable is a lost connection."""
        client = self._client(session)
        try:
            with self.bench.lock:
                return action(client.instrument)
        except ConnectionLostError:
            self._fail(session, StatusCode.error_connection_lost)

    def _session(self, session: VISASession) -> Session:
        client = self._sessions.get(session)
        if client is None:
            raise errors.InvalidSession
        return client

    def _client(self, session: VISASession) -> Session:
        """Return the session if no lock keeps it from the instrument."""
        client = self._session(session)
        if not client.lock.admits(session):
            self._fail(session, StatusCode.error_resource_locked)
        return client

    def _wait_in_vain(self, milliseconds: int) -> None:
        if milliseconds != constants.VI_TMO_INFINITE:  # nothing would end that wait
            self.bench.clock.sleep(milliseconds / 1000)

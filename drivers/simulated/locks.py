"""Exclusive and shared locks of one resource, as VISA has them (VPP-4.3, section 3.6)."""

import itertools
from collections import Counter

from pyvisa.constants import AccessModes, Lock, StatusCode
from pyvisa.typing import VISASession

_KEYS = itertools.count(1)


class ResourceLock:
    """Which sessions may reach a resource; locks nest, and end with as many unlocks.

    Attributes
    ----------
    key : str
        What a session must show to share the lock, empty while nobody shares one.
    """

    def __init__(self) -> None:
        self.key = ""
        self._exclusive: Counter[VISASession] = Counter()  # of one session at most
        self._sharing: Counter[VISASession] = Counter()

    @property
    def state(self) -> AccessModes:
        """How the resource is locked."""
        if self._exclusive:
            return AccessModes.exclusive_lock
        return AccessModes.shared_lock if self._sharing else AccessModes.no_lock

    def admits(self, session: VISASession) -> bool:
        """Tell whether `session` may use the resource now."""
        holders = self._exclusive or self._sharing
        return not holders or session in holders

    def take(self, session: VISASession, kind: Lock, key: str | None) -> StatusCode:
        """Lock for `session`, sharing with those that gave the same `key`."""
        if kind == Lock.exclusive:
            if not self.admits(session):
                return StatusCode.error_resource_locked
            self._exclusive[session] += 1
            nested = self._exclusive[session] > 1
            return StatusCode.success_nested_exclusive if nested else StatusCode.success
        if self._exclusive and session not in self._exclusive:
            return StatusCode.error_resource_locked
        if self._sharing and session not in self._sharing and key != self.key:
            return StatusCode.error_resource_locked
        self.key = self.key or key or f"labsyn lock {next(_KEYS)}"
        self._sharing[session] += 1
        nested = self._sharing[session] > 1
        return StatusCode.success_nested_shared if nested else StatusCode.success

    def give_back(self, session: VISASession) -> StatusCode:
        """Undo one `take` of `session`, the exclusive ones first."""
        for holders in (self._exclusive, self._sharing):
            if session in holders:
                holders[session] -= 1
                if not holders[session]:
                    self._drop(holders, session)
                return StatusCode.success
        return StatusCode.error_session_not_locked

    def leave(self, session: VISASession) -> None:
        """Undo every `take` of a session that closes."""
        for holders in (self._exclusive, self._sharing):
            self._drop(holders, session)

    def _drop(self, holders: Counter[VISASession], session: VISASession) -> None:
        holders.pop(session, None)
        if not self._sharing:
            self.key = ""

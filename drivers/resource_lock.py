"""Two programs must not drive one bench: a lock file for each instrument."""

import contextlib
import hashlib
import json
import os
import platform
import tempfile
from pathlib import Path

from pyvisa import rname

from labsyn.data.claim import process_alive
from labsyn.data.durability import open_binary, try_lock, write_text
from labsyn.data.errors import LockedError


class ResourceLock:
    """Lock on one VISA resource; it goes with the process, however that ends.

    VISA's own locks do not exist on sockets, and are not seen across VISA libraries.
    """

    def __init__(self, descriptor: int, owner: Path) -> None:
        self._descriptor: int | None = descriptor
        self._owner = owner

    @classmethod
    def taken(cls, resource: str) -> "ResourceLock":
        """Return the lock of `resource`; raise LockedError if another process has it."""
        path = (
            _folder() / f"{hashlib.sha256(_canonical(resource).encode()).hexdigest()[:16]}.lock"
        )
        owner = path.with_suffix(".json")
        descriptor = open_binary(path, os.O_RDWR | os.O_CREAT)
        locked = try_lock(descriptor)
        if locked is False or (locked is None and _alive(owner)):
            os.close(descriptor)
            raise LockedError(
                f"{resource} is driven by {_who(owner)} already; end that program first, or "
                "make the bench safe from here with: labsyn bench off"
            )
        known = {"pid": os.getpid(), "host": platform.node(), "resource": resource}
        write_text(owner, json.dumps(known))
        return cls(descriptor, owner)

    def release(self) -> None:
        """Give the resource back; a second call does nothing."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # it only matters where there are no locks
                self._owner.unlink()
            os.close(self._descriptor)
            self._descriptor = None


def _alive(owner: Path) -> bool:
    """Tell whether the owner lives, where the system has no locks that tell (Windows)."""
    try:
        known = json.loads(owner.read_text(encoding="utf-8"))
        pid = int(known["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return process_alive(pid)


def _canonical(resource: str) -> str:
    try:
        return str(rname.ResourceName.from_string(resource)).upper()
    except rname.InvalidResourceName:
        return resource.upper()


def _folder() -> Path:
    """Return the folder of the locks: of this computer, shared by all its users."""
    folder = Path(
        os.environ.get("LABSYN_LOCKS") or Path(tempfile.gettempdir()) / "labsyn-locks"
    )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _who(owner: Path) -> str:
    try:
        known = json.loads(owner.read_text(encoding="utf-8"))
        return f"process {known['pid']} on {known['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"

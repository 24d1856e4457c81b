"""Two programs must not drive one bench: a lock file for each instrument."""

import contextlib
import hashlib
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from labsyn.data.claim import process_alive
from labsyn.data.durability import open_binary, try_lock, write_text
from labsyn.data.errors import LockedError, StorageError
from labsyn.drivers.resource_name import canonical


class ResourceLock:
    """Lock on one VISA resource; it goes with the process, however that ends.

    VISA's own locks do not exist on sockets, and are not seen across VISA libraries.
    """

    def __init__(self, descriptor: int, owner: Path) -> None:
        self._descriptor: int | None = descriptor
        self._owner = owner

    @classmethod
    def taken(cls, resource: str) -> "ResourceLock":
        """Return the lock of `resource`.

        Raises
        ------
        LockedError
            If another process has it, or this one has already.
        StorageError
            If locks cannot be written.
        """
        path = _folder() / f"{_digest(resource)}.lock"
        owner = path.with_suffix(".json")
        descriptor = _opened(path)
        try:
            locked = try_lock(descriptor)
            if locked is False or (locked is None and _alive(owner)):
                raise LockedError(
                    f"{resource} is driven by {_who(owner)} already; end that program first, "
                    "or make the bench safe from here with: labsyn bench off"
                )
            known = {"pid": os.getpid(), "host": platform.node(), "resource": resource}
            _write(owner, json.dumps(known))
        except BaseException:
            os.close(descriptor)
            raise
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
    pid = _known(owner).get("pid")
    return isinstance(pid, int) and process_alive(pid)


def _known(owner: Path) -> dict[str, Any]:
    try:
        known = json.loads(owner.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _digest(resource: str) -> str:
    return hashlib.sha256(canonical(resource).encode()).hexdigest()[:16]


def _folder() -> Path:
    """Return the folder of the locks: of this computer, shared by all its users."""
    folder = Path(
        os.environ.get("LABSYN_LOCKS") or Path(tempfile.gettempdir()) / "labsyn-locks"
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    with contextlib.suppress(OSError):  # it may be another user's, who has done it
        folder.chmod(0o777)
    return folder


def _opened(path: Path) -> int:
    try:
        # To read is enough for a lock, and allowed where the file is another user's.
        return open_binary(path, os.O_RDONLY | os.O_CREAT)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write locks in {folder}: {error.strerror}; without them two programs might "
        "drive one bench: set LABSYN_LOCKS to a folder that every user can write"
    )


def _who(owner: Path) -> str:
    known = _known(owner)
    if "pid" not in known:
        return "another program"
    return f"process {known['pid']} on {known.get('host')}"

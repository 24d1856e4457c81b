"""When, where, by whom and with what a run was made."""

import functools
import getpass
import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PACKAGES = ("h5py", "numba", "numpy", "pandas", "pint", "pymeasure", "pyvisa", "scipy")
_GIT_TIMEOUT = 2.0  # s; a repository on a network share must not hold up a measurement


def timestamp() -> str:
    """Return the wall time in ISO 8601: local time with its offset from UTC."""
    return datetime.now(UTC).astimezone().isoformat(timespec="microseconds")


def provenance() -> dict[str, Any]:
    """Return versions, platform, host, operator and source revision; never fails.

    What cannot be found out is left out. Everything is asked once a process: the code that
    runs is the code that was imported, whatever happens to the checkout afterwards.

    Returns
    -------
    dict
        `labsyn`, `python`, `packages` (name to version), `platform`, `host`, `operator`,
        and, from a checkout, `git_commit` and `git_dirty`.
    """
    return dict(_facts())


@functools.cache
def _facts() -> dict[str, Any]:
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    facts: dict[str, Any] = {
        "labsyn": _version("labsyn"),
        "python": platform.python_version(),
        "packages": versions,
        "platform": platform.platform(),
        "host": platform.node(),
        "operator": _operator(),
    }
    # data/ lies at the root of a checkout; in an installed wheel nothing above it is ours.
    facts |= source_revision(Path(__file__).resolve().parents[1])
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _operator() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user (container), no pwd (Windows)
        return None


def source_revision(root: Path) -> dict[str, Any]:
    """Return `git_commit` and `git_dirty` of the checkout at `root`, empty if it is none.

    Only a repository whose top is `root` counts: a virtual environment often lies inside
    the repository of somebody else's project.
    """
    if not (root / ".git").exists():
        return {}
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain")
    if commit is None or changes is None:
        return {}
    return {"git_commit": commit.strip(), "git_dirty": bool(changes.strip())}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_TIMEOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},  # never write into the checkout
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout

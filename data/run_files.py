"""Where a run lies: the names of its two files, and the room that they need."""

import shutil
from pathlib import Path

from labsyn.data.durability import is_there
from labsyn.data.errors import DataFileError, StorageError

SUFFIX = ".part"

RESERVE = 200_000_000
"""Bytes of the disk that a new run leaves free, so that others can still be finished."""

NOT_PORTABLE = frozenset('<>:"|?*\\') | {chr(code) for code in range(32)}


def journal_path(path: Path) -> Path:
    """Return the journal that belongs to the finished file `path`."""
    return path.with_name(path.name + SUFFIX)


def finished_path(journal: Path) -> Path:
    """Return the finished file that belongs to `journal`."""
    return journal.with_name(journal.name.removesuffix(SUFFIX))


def free_room(folder: Path) -> int:
    """Return how many bytes the disk of `folder` has free; 0 if it is gone."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def check_new(path: Path, needed: int) -> None:
    """Refuse a run file that could not be made; its folder is made if it is missing.

    Raises
    ------
    DataFileError
        If the name is not allowed.
    StorageError
        If it exists, or its disk has not `needed` bytes and `RESERVE` free.
    """
    if path.suffix != ".h5":
        raise DataFileError(f"{path}: the name of a run file ends in .h5")
    wrong = NOT_PORTABLE.intersection(path.name)
    if wrong:
        raise DataFileError(f"{path}: {min(wrong)!r} is not allowed in file names on Windows")
    if is_there(path):
        raise StorageError(f"{path} exists and is never overwritten")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise StorageError(f"{path.parent} cannot hold a run: {error.strerror}") from error
    if free < needed + RESERVE:
        raise StorageError(
            f"{path}: the run needs {(needed + RESERVE) / 1e6:.4g} MB, with a reserve of "
            f"{RESERVE / 1e6:.4g} MB, and {free / 1e6:.4g} MB are free; free some room first"
        )

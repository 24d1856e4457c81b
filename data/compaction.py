"""From a journal to the finished file, at the end of a run or after a crash.

Killed at any point, the work starts again and ends the same: the finished file is written
beside, read back, forced to the disk and renamed; only then does the journal go. The rows
pass through in parts, so that the memory does not grow with the run.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from labsyn.data.content import Content
from labsyn.data.durability import is_there, replace_file
from labsyn.data.errors import DataFileError, StorageError
from labsyn.data.journal_reader import read_journal
from labsyn.data.nexus import Checksums, write_nexus
from labsyn.data.nexus_reader import column_checksums, read_nexus
from labsyn.data.run_files import finished_path, free_room


def read_back(journal: Path, n_rows: int) -> Content:
    """Return what is in a journal that was ended, if it is all that was written to it.

    Raises
    ------
    StorageError
        If some of the `n_rows` rows, or the end, are not there any more.
    """
    content = read_journal(journal)
    if content.n_rows < n_rows or content.ending is None:
        raise StorageError(
            f"{journal} holds {content.n_rows} of {n_rows} rows: it was changed from "
            "outside; it is left as it is"
        )
    return content


def compact(journal: Path, content: Content) -> Path:
    """Write the finished file of `journal` whole, or leave everything as it was.

    Raises
    ------
    StorageError
        If the disk refuses; the journal is kept.
    DataFileError
        If a finished file is there already and is not the same run.
    """
    target = finished_path(journal)
    if target.exists():  # killed between the rename and the end of the journal
        checksums = Checksums(content.names)
        for table in content.tables():
            checksums.update(table)
        _check_same(target, content, checksums.result())
        return target
    temporary = target.with_name(target.name + ".tmp")
    try:
        _check_same(temporary, content, write_nexus(temporary, content))
        replace_file(temporary, target)
    except (OSError, RuntimeError, DataFileError) as error:  # h5py: RuntimeError, disk full
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        needed, free = _size(journal), free_room(target.parent)
        raise StorageError(
            f"{target} could not be written ({error}); all {content.n_rows} rows are "
            f"kept in {journal.name}: it needs about {needed / 1e6 + 1:.4g} MB and "
            f"{free / 1e6:.4g} MB are free; free some room, then run 'labsyn recover'"
        ) from error
    return target


def _check_same(path: Path, content: Content, checksums: Mapping[str, str]) -> None:
    """Refuse a file that does not hold the run, as it is read back from the disk."""
    found = read_nexus(path)
    same = found.header["uuid"] == content.header["uuid"] and found.n_rows == content.n_rows
    if not same or column_checksums(path, found) != checksums:
        raise DataFileError(
            f"{path} exists and holds another run than its journal; rename one of the two"
        )
    for name in content.blocks:
        found.blocks[name]  # reading it compares its checksum


def drop(journal: Path, content: Content) -> None:
    """Remove a journal whose rows are in the finished file; bytes not read are kept.

    On Windows, where no open file is removed, one that is followed stays: whoever opens the
    run next removes it.
    """
    with suppress(PermissionError):
        if content.torn_bytes:
            uuid = str(content.header["uuid"])[:8]
            journal.replace(journal.with_name(f"{journal.name}.{uuid}.damaged"))
        else:
            journal.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if is_there(path) else 0

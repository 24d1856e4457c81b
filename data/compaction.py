"""From a journal to the finished file, at the end of a run or after a crash.

Killed at any point, the work starts again and ends the same: the finished file is written
beside, read back, forced to the disk and renamed; only then does the journal go.
"""

import errno
import shutil
from contextlib import suppress
from pathlib import Path

from labsyn.data.content import JournalContent
from labsyn.data.durability import replace_file
from labsyn.data.errors import DataFileError, StorageError
from labsyn.data.journal_reader import read_journal
from labsyn.data.nexus import read_nexus, write_nexus
from labsyn.data.run_files import finished_path


def read_back(journal: Path, n_rows: int) -> JournalContent:
    """Return what is in a journal that was ended, if it is all that was written to it.

    Raises
    ------
    StorageError
        If some of the `n_rows` rows, or the end, are not there any more.
    """
    content = read_journal(journal)
    if content.rows.shape[0] < n_rows or content.ending is None:
        raise StorageError(
            f"{journal} holds {content.rows.shape[0]} of {n_rows} rows: it was changed from "
            "outside; it is left as it is"
        )
    return content


def compact(journal: Path, content: JournalContent) -> Path:
    """Write the finished file of `journal` whole, or leave everything as it was.

    Raises
    ------
    StorageError
        If the disk refuses; the journal is kept.
    DataFileError
        If a finished file is there already and is not the same run.
    """
    target = finished_path(journal)
    if target.exists():
        _check_same(target, content)  # killed between the rename and the end of the journal
        return target
    temporary = target.with_name(target.name + ".tmp")
    try:
        _check_room(target.parent, content)
        write_nexus(temporary, content)
        _check_same(temporary, content)
        replace_file(temporary, target)
    except (OSError, RuntimeError, DataFileError) as error:  # h5py: RuntimeError, disk full
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StorageError(
            f"{target} could not be written ({error}); all {content.rows.shape[0]} rows are "
            f"kept in {journal.name}: free some room, then run 'labsyn recover'"
        ) from error
    return target


def _check_room(folder: Path, content: JournalContent) -> None:
    """Refuse before HDF5 meets a full disk, which it survives badly."""
    needed = content.rows.nbytes + 1_000_000
    if (free := shutil.disk_usage(folder).free) < needed:
        raise OSError(
            errno.ENOSPC, f"{needed / 1e6:.3g} MB are needed, {free / 1e6:.3g} MB free"
        )


def _check_same(path: Path, content: JournalContent) -> None:
    found = read_nexus(path)
    same_run = found.header["uuid"] == content.header["uuid"]
    if not same_run or found.rows.tobytes() != content.rows.tobytes():
        raise DataFileError(
            f"{path} exists and holds another run than its journal; rename one of the two"
        )


def drop(journal: Path, content: JournalContent) -> None:
    """Remove a journal whose rows are in the finished file; bytes not read are kept."""
    if content.torn_bytes:
        uuid = str(content.header["uuid"])[:8]
        journal.replace(journal.with_name(f"{journal.name}.{uuid}.damaged"))
    else:
        journal.unlink(missing_ok=True)

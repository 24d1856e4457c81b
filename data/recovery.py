"""Finish the runs whose process ended before it could."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labsyn.data.claim import claimed
from labsyn.data.compaction import compact, drop
from labsyn.data.content import Content
from labsyn.data.errors import DataFileError, LabsynError
from labsyn.data.journal_reader import read_journal
from labsyn.data.run_files import SUFFIX, journal_path


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What became of one journal.

    Attributes
    ----------
    path : Path
        The finished file, or the journal if it had to stay.
    status : str
        Status of the run; "running" for one that is being measured, "" for an unreadable.
    n_rows : int
        Rows that were saved.
    torn_bytes : int
        Bytes behind the last whole frame; kept in ``NAME.h5.part.UUID.damaged``.
    error : str
        Why the journal stayed; empty if it did not.
    """

    path: Path
    status: str
    n_rows: int
    torn_bytes: int
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain texts and numbers, for JSON."""
        return vars(self) | {"path": str(self.path)}


def recover(path: Path, *, force: bool = False) -> list[Recovered]:
    """Finish the journal at `path`, or every one in the folder `path` and below.

    One that fails is reported and does not stop the rest. A journal that is still being
    written is never touched.

    Parameters
    ----------
    path : Path
        A folder, a journal, or the finished file that a journal should have become.
    force : bool
        Also finish journals of another computer, which cannot be asked whether it is
        still measuring, and those whose process id lives on a disk without locks.

    Raises
    ------
    DataFileError
        If there is nothing at `path`.
    """
    if path.is_dir():
        journals = sorted(path.rglob(f"*.h5{SUFFIX}"))
    elif path.name.endswith(SUFFIX) and path.exists():
        journals = [path]
    elif journal_path(path).exists():
        journals = [journal_path(path)]
    elif path.exists():
        return []
    else:
        raise DataFileError(f"{path} does not exist")
    return [recover_one(journal, force=force) for journal in journals]


def recover_one(journal: Path, *, force: bool = False) -> Recovered:
    """Finish one journal, or say why not; see `recover`."""
    try:
        content = read_journal(journal)
    except LabsynError as error:
        return Recovered(path=journal, status="", n_rows=0, torn_bytes=0, error=str(error))
    result = Recovered(
        path=journal,
        status=content.status,
        n_rows=content.n_rows,
        torn_bytes=content.torn_bytes,
    )
    try:
        ended = content.ending is not None
        with claimed(journal, content.header, ended=ended, force=force) as claim:
            if claim.refused:
                state = "running" if claim.measuring else result.status
                return replace(result, status=state, error=claim.refused)
            # Read again: only now is it certain that nobody writes any more.
            content = _with_ending(journal, read_journal(journal))
            target = compact(journal, content)
        drop(journal, content)  # after closing it: Windows removes no open file
    except (LabsynError, OSError) as error:
        return replace(result, error=str(error))
    return replace(
        result,
        path=target,
        status=content.status,
        n_rows=content.n_rows,
        torn_bytes=content.torn_bytes,
    )


def _with_ending(journal: Path, content: Content) -> Content:
    """Return `content` with an end: a run without one was interrupted when last written."""
    if content.ending is not None:
        return content
    written = datetime.fromtimestamp(journal.stat().st_mtime, UTC).astimezone()
    ending = {
        "status": "interrupted",
        "reason": "the process ended without finishing the run",
        "traceback": "",
        "time": written.isoformat(timespec="microseconds"),
        "elapsed": None,
    }
    return replace(content, ending=ending)

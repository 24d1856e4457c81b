"""The index of a folder of runs: a SQLite file that is only ever replaced as a whole.

It holds nothing that the files do not say, so that it can be deleted at any time. SQLite's
own way to share a database needs locks, which network folders often lack, and leaves a
journal after a crash; here the database is made in memory, written beside and renamed. Of
two programs that do so in the same moment one wins, and either index is a right one: each
line carries the size and time of the files it was read from, and is only believed with them.
"""

import contextlib
import json
import sqlite3
import time
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path

from labsyn.data.catalogue_entry import Entry
from labsyn.data.fit_metrics import StoredMetrics
from labsyn.data.header import VERSION

NAME = ".labsyn-index.sqlite"

_MAGIC = b"SQLite format 3\0"
_SCHEMA = 1
_APPLICATION = 0x4C53594E  # "LSYN"
_VERSION = 1000 * _SCHEMA + VERSION  # what an older labsyn could not read is read again
_ABANDONED = 3600.0  # s; a temporary file that is older was left by a crash

Lines = dict[str, tuple[str, Entry]]
"""Stamp and entry of each run, by its file."""


def load_index(folder: Path) -> Lines:
    """Return what the index says; nothing if it is missing, damaged, foreign or outdated."""
    try:
        image = (folder / NAME).read_bytes()
        if not image.startswith(_MAGIC):  # SQLite takes an empty one for a lack of memory
            return {}
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(image)
            head = [
                database.execute(f"PRAGMA {pragma}").fetchone()[0]
                for pragma in ("application_id", "user_version")
            ]
            if head != [_APPLICATION, _VERSION]:
                return {}
            lines = database.execute("SELECT stamp, facts, fit, crc FROM runs").fetchall()
        return dict(_line(*line) for line in lines)
    except (
        OSError,
        sqlite3.Error,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ):
        return {}


def _line(stamp: str, text: str, fit: str, crc: int) -> tuple[str, tuple[str, Entry]]:
    if crc != _checksum(stamp, text, fit):
        raise ValueError("damaged")
    facts = json.loads(text)
    facts["tags"] = tuple(facts["tags"])
    entry = Entry(**facts, fit=StoredMetrics(fit))
    return entry.file, (stamp, entry)


def _checksum(*texts: str) -> int:
    return zlib.crc32("\0".join(texts).encode())


def save_index(folder: Path, lines: Mapping[str, tuple[str, Entry]]) -> None:
    """Replace the index.

    Raises
    ------
    OSError
        If the folder cannot be written, or Windows has the index open elsewhere.
    """
    image = _image(lines)
    temporary = folder / f"{NAME}.{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_bytes(image)
        temporary.replace(folder / NAME)  # a power cut may spoil it; then it is made again
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sweep(folder)


def _image(lines: Mapping[str, tuple[str, Entry]]) -> bytes:
    rows = (_row(stamp, entry) for stamp, entry in lines.values())
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_VERSION}")
        database.execute("CREATE TABLE runs (file, stamp, facts, fit, crc)")
        with database:
            database.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", rows)
        return database.serialize()


def _row(stamp: str, entry: Entry) -> tuple[str, str, str, str, int]:
    # The name is for people who look inside; it need not be one that UTF-8 can hold.
    name = entry.file.encode(errors="backslashreplace").decode()
    metrics = entry.fit
    facts = json.dumps({key: value for key, value in entry.facts().items() if key != "fit"})
    fit = metrics.text if isinstance(metrics, StoredMetrics) else json.dumps(metrics)
    return name, stamp, facts, fit, _checksum(stamp, facts, fit)


def _sweep(folder: Path) -> None:
    """Remove what killed programs left."""
    for left in folder.glob(f"{NAME}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()

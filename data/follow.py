"""Follow a run from any process while it is measured."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.claim import claimed
from labsyn.data.content import column_values
from labsyn.data.durability import is_there
from labsyn.data.errors import DataFileError
from labsyn.data.journal_reader import JournalReader
from labsyn.data.nexus_reader import read_nexus
from labsyn.data.run_files import finished_path, journal_path

Rows = dict[str, NDArray[Any]]


def follow(path: Path, *, interval: float = 0.2) -> Iterator[Rows]:
    """Yield the new rows of a run until it ends; see `Run.follow`."""
    file = finished_path(path)
    journal = journal_path(file)
    if not (is_there(file) or is_there(journal)):
        raise DataFileError(f"{path} does not exist")
    if not interval > 0:
        raise DataFileError(f"{path}: interval is {interval} s, it must be above zero")
    n_seen = 0
    try:
        for rows in _follow_journal(journal, interval):
            n_seen += len(next(iter(rows.values())))
            yield rows
    except DataFileError:
        if not is_there(file):
            raise
    if is_there(file):  # finished meanwhile, maybe with rows that were not seen
        content = read_nexus(file)
        if content.n_rows > n_seen:
            yield {name: values[n_seen:] for name, values in content.columns.items()}


def _follow_journal(journal: Path, interval: float) -> Iterator[Rows]:
    reader = _begun(journal, interval)
    names = [name for name, _, _ in reader.header["columns"]]
    while True:
        # Asked before the last look: what was written until then is found by that look.
        ended = reader.ending is not None or not _measured(journal, reader)
        tables = list(reader.tables())
        if tables:
            rows = np.concatenate(tables)
            yield {name: column_values(name, rows[:, i]) for i, name in enumerate(names)}
        if ended:
            return
        if reader.ending is None:
            time.sleep(interval)


def _begun(journal: Path, interval: float) -> JournalReader:
    """Return the reader of a journal, once its header is there."""
    while True:
        held = _held(journal)
        try:
            return JournalReader(journal)
        except DataFileError:
            if not held:
                raise
        time.sleep(interval)


def _held(journal: Path) -> bool:
    try:
        with claimed(journal, {}, ended=False) as claim:
            return claim.measuring
    except OSError:
        return False


def _measured(journal: Path, reader: JournalReader) -> bool:
    try:
        with claimed(journal, reader.header, ended=False) as claim:
            return bool(claim.refused)  # of another computer: as far as can be known here
    except OSError as error:
        raise DataFileError(f"{journal} cannot be read: {error.strerror}") from error

"""The catalogue of a folder of runs: what is there, newest first, and what was asked for.

>>> from tempfile import TemporaryDirectory
>>> from labsyn.data.labels import change_labels
>>> from labsyn.data.run import Column, RunWriter
>>> folder = TemporaryDirectory()
>>> with RunWriter.create(
...     f"{folder.name}/a.h5", procedure="pulse_train", columns=[Column("time", "s")],
...     parameters={"pulse_width": 5e-3}, parameter_units={"pulse_width": "s"},
...     metadata={"sample": {"wafer": "W1"}},
... ) as writer:
...     writer.append([0.0])
>>> catalogue = Catalogue(folder.name)
>>> [entry.name for entry in catalogue.search("pulse_width < 10 ms and wafer = W1")]
['a']
>>> _ = change_labels(catalogue.path("a"), add=["good"])
>>> catalogue.refresh()
>>> [(entry.file, entry.n_rows, entry.tags) for entry in catalogue.search("tag = good")]
[('a.h5', 1, ('good',))]
>>> folder.cleanup()
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from labsyn.data.catalogue_entry import Entry
from labsyn.data.catalogue_files import RunFiles, find_run_files
from labsyn.data.catalogue_index import NAME, Lines, load_index, save_index
from labsyn.data.errors import DataFileError
from labsyn.data.query.language import parse_query
from labsyn.data.query.matching import compile_query
from labsyn.data.query.names import Names, find_name, sort_entries

Progress = Callable[[float, float], None]


class Catalogue:
    """The runs in `folder` and below; reads them once, and again by `refresh`.

    `entries`, `search` and `find` may be called from any thread, also while another one
    refreshes: they see the catalogue as it was before or after, never in between.

    Parameters
    ----------
    folder : Path or str
        Where the runs are.
    on_progress : callable, optional
        Called with the number of files read and to be read: the first look at a large
        folder takes a few milliseconds a run.

    Attributes
    ----------
    entries : tuple of Entry
        Newest first; those without a date at the end.
    notices : tuple of str
        What was wrong with the folder or its index, in sentences; the entries are right.

    Raises
    ------
    DataFileError
        If there is no such folder.
    """

    def __init__(self, folder: Path | str, *, on_progress: Progress | None = None) -> None:
        self.folder = Path(folder)
        self.entries: tuple[Entry, ...] = ()
        self.notices: tuple[str, ...] = ()
        self._refreshing = threading.Lock()
        self._lines: Lines | None = None
        self.refresh(on_progress)

    def refresh(self, on_progress: Progress | None = None) -> None:
        """Read what is new or changed since the last time, and forget what is gone."""
        if not self.folder.is_dir():
            raise DataFileError(f"{self.folder} is no folder; name the one that holds the runs")
        with self._refreshing:
            known = load_index(self.folder) if self._lines is None else self._lines
            found, notices = find_run_files(self.folder)
            lines = self._read_changes(known, found, on_progress)
            if lines != known:
                try:
                    save_index(self.folder, lines)
                except OSError as error:
                    notices.append(
                        f"{self.folder / NAME} cannot be written ({error.strerror}): the list "
                        "is right, but takes as long again next time"
                    )
            self._lines = lines
            entries = [self._now(found[file], entry) for file, (_, entry) in lines.items()]
            entries.sort(key=lambda entry: entry.file)
            entries.sort(key=lambda entry: entry.moment, reverse=True)
            self.entries, self.notices = tuple(entries), tuple(notices)

    def _read_changes(
        self, known: Lines, found: dict[str, RunFiles], on_progress: Progress | None
    ) -> Lines:
        from labsyn.data.catalogue_facts import read_entry  # NumPy: 0.1 s of a short verb

        stamps = {file: files.stamp() for file, files in found.items()}
        changed = [
            file for file, stamp in stamps.items() if known.get(file, ("", None))[0] != stamp
        ]
        lines = {file: known[file] for file in found if file in known}
        for i, file in enumerate(changed, 1):
            entry, passing = read_entry(self.folder, file)
            believed = found[file].settled and not passing
            lines[file] = (stamps[file] if believed else "", entry)
            if on_progress is not None:
                on_progress(i, len(changed))
        return lines

    def _now(self, files: RunFiles, entry: Entry) -> Entry:
        """Add what no file tells: whether a process still measures the run."""
        if not files.is_journal or entry.pid is None:
            return entry
        from labsyn.data.catalogue_facts import journal_status

        return replace(entry, status=journal_status(self.folder, entry))

    def search(self, query: str) -> list[Entry]:
        """Return the runs that `query` describes, newest first; see ``docs/catalogue.md``.

        Raises
        ------
        QueryError
            If the query cannot be understood; it says where, and what is allowed there.
        """
        entries = self.entries
        matches = compile_query(query, parse_query(query), Names.of(entries))
        return [entry for entry in entries if matches(entry)]

    def sort(self, entries: Sequence[Entry], name: str) -> list[Entry]:
        """Return `entries` by a name of the query language, those without a value last.

        Smallest first; largest first with "-" before the name.

        Raises
        ------
        QueryError
            If the name means nothing here.
        """
        plain = name.removeprefix("-")
        return sort_entries(
            entries, find_name(name, plain, Names.of(self.entries)), name != plain
        )

    def find(self, name: str) -> Entry:
        """Return the run of that name, with or without ``.h5``.

        Raises
        ------
        DataFileError
            If there is none.
        """
        for entry in self.entries:
            if name in (entry.name, entry.file):
                return entry
        raise DataFileError(f"{self.folder} holds no run {name!r}; 'labsyn list' shows them")

    def path(self, name: str) -> Path:
        """Return where the file of a run is, or will be once it is finished."""
        return self.folder / self.find(name).file

"""Which runs lie in a folder, and how their files looked when they were last seen."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from labsyn.data import fit_metrics, labels, run_files

_SETTLING = 2.0  # s; FAT keeps times to 2 s, so that a later change may leave the time as it is
_RUN_ENDINGS = (".h5", ".h5" + run_files.SUFFIX)
_ENDINGS = (*_RUN_ENDINGS, labels.SUFFIX, fit_metrics.SUFFIX)


@dataclass(slots=True)
class RunFiles:
    """The files of one run: the finished one, its journal, its labels, its fit.

    Attributes
    ----------
    stamps : dict of str to str
        Size and time of change of each file that is there, by its ending.
    settled : bool
        False if one was changed so recently that the next change may look the same.
    """

    stamps: dict[str, str] = field(default_factory=dict)
    settled: bool = True

    @property
    def is_run(self) -> bool:
        """Whether a run is there, not only a fit or labels without one."""
        return any(ending in self.stamps for ending in _RUN_ENDINGS)

    @property
    def is_journal(self) -> bool:
        """Whether the run has not become its finished file yet."""
        return ".h5" not in self.stamps

    def stamp(self) -> str:
        """Return one text that changes with any of the files."""
        return " ".join(f"{end}={self.stamps[end]}" for end in sorted(self.stamps))


def find_run_files(folder: Path) -> tuple[dict[str, RunFiles], list[str]]:
    """Return the runs in `folder` and below by their file, and what could not be looked at.

    Hidden folders and links to folders are left out. The files are named from `folder` on,
    with "/" on every system.
    """
    found: dict[str, RunFiles] = {}
    troubles: list[str] = []
    waiting = [""]
    now = time.time()
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith("."):
                            waiting.append(f"{below}{entry.name}/")
                    else:
                        _note(found, below, entry, now)
        except OSError as error:
            troubles.append(f"{folder / below} cannot be looked into: {error.strerror}")
    return {file: files for file, files in found.items() if files.is_run}, troubles


def _note(
    found: dict[str, RunFiles], below: str, entry: "os.DirEntry[str]", now: float
) -> None:
    ending = next((end for end in _ENDINGS if entry.name.endswith(end)), None)
    if ending is None:
        return
    try:
        # Windows keeps the size of an open file in the folder late: ask the file itself.
        stat = Path(entry.path).stat() if ending.endswith(run_files.SUFFIX) else entry.stat()
    except OSError:  # taken away this very moment, or a link to nowhere
        return
    files = found.setdefault(below + entry.name.removesuffix(ending) + ".h5", RunFiles())
    files.stamps[ending] = f"{stat.st_size}:{stat.st_mtime_ns}"
    if abs(now - stat.st_mtime) < _SETTLING:
        files.settled = False

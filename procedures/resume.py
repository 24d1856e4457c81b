"""The folder of a queue: how it is named, and which planned runs its files already are."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from labsyn.data.errors import (
    BenchError,
    BreakdownError,
    ComplianceError,
    ConfigError,
    DataFileError,
)
from labsyn.data.plain_json import to_json
from labsyn.data.run import Run
from labsyn.data.run_files import SUFFIX, finished_path, journal_path
from labsyn.procedures.sequence import PlannedRun, file_name

SUMMARY = "summary.csv"
_FINAL = (BreakdownError, ComplianceError)
OF_THE_DEVICE = (*_FINAL, BenchError)
"""What concerns one device alone, exactly these: besides a breakdown, or a compliance that
was to stop the run, a device without contact, or one that does not get where it should."""


def is_done(status: str, reason: str) -> bool:
    """Return whether a run is not measured again: it is whole, or its device ended it.

    A device without contact is measured again: by then somebody has looked at the tips.
    """
    kinds = {kind.__name__ for kind in _FINAL}
    return status == "finished" or (status == "failed" and reason.partition(":")[0] in kinds)


class Earlier:
    """The runs that need not be measured again, by what they are.

    A run is recognised by its procedure, all its parameters and its die, and by whether it
    was simulated, never by its name. Those that are finished count, and those that their
    device ended; others are measured again, under another name.

    Parameters
    ----------
    folder : Path
        Of the queue.
    simulated : bool
        Whether the bench is.

    Raises
    ------
    ConfigError
        If there is no such folder, nothing in it is of a sequence, or a run in it is still
        being measured.
    """

    def __init__(self, folder: Path, *, simulated: bool) -> None:
        if not folder.is_dir():
            raise ConfigError(f"{folder} is no folder of a sequence that was begun")
        self.unreadable: list[str] = []
        self._simulated = simulated
        self._runs: dict[str, list[Run]] = defaultdict(list)
        files = {*folder.glob("*.h5"), *map(finished_path, folder.glob(f"*.h5{SUFFIX}"))}
        if not files and any(folder.iterdir()) and not (folder / SUMMARY).exists():
            raise ConfigError(f"{folder} holds no runs; name the folder of one sequence in it")
        for file in sorted(files):
            try:
                run = Run.open(file)  # one that a crash left is finished by this
            except DataFileError as error:
                self.unreadable.append(str(error))
                continue
            if run.status == "running":
                raise ConfigError(f"{file} is still being measured; wait until it has ended")
            if is_done(run.status, run.reason):
                self._runs[_what(run)].append(run)

    @property
    def n_left(self) -> int:
        """How many runs were not asked for, so far."""
        return sum(len(runs) for runs in self._runs.values())

    def take(self, planned: PlannedRun, sample: Mapping[str, Any]) -> Run | None:
        """Return the run that is `planned`, once; None if it is to be measured.

        `sample` is what its file would say is measured.
        """
        procedure = planned.procedure
        parameters = procedure.parameter_values()
        runs = self._runs.get(_key(procedure.name(), parameters, sample, self._simulated))
        return runs.pop(0) if runs else None


def _what(run: Run) -> str:
    sample = run.metadata.get("sample", {})
    simulated = run.metadata.get("simulated") is True
    return _key(run.procedure, dict(run.parameters), sample, simulated)


def _key(
    procedure: str, parameters: dict[str, Any], sample: Mapping[str, Any], simulated: bool
) -> str:
    what = {
        "procedure": procedure,
        "die": str(sample.get("die", "")),
        "parameters": dict(sorted(parameters.items())),
        "simulated": simulated,
    }
    return to_json(what, "planned run")


def new_folder(folder: Path, name: str) -> Path:
    """Return the folder of a queue that begins now: named by date, time and `name`."""
    names = _numbered(f"{datetime.now():%Y%m%d-%H%M%S}-{file_name(name)}")
    return next(path for path in map(folder.joinpath, names) if not path.exists())


def free_path(folder: Path, stem: str) -> Path:
    """Return the file of a run: with a number if there is one of that name already."""
    paths = (folder / f"{name}.h5" for name in _numbered(stem))
    return next(p for p in paths if not p.exists() and not journal_path(p).exists())


def _numbered(stem: str) -> Iterator[str]:
    """Yield `stem`, then `stem` with each number from 2."""
    yield stem
    yield from (f"{stem}-{number}" for number in itertools.count(2))

"""Read what the catalogue knows of one run: its head, its labels and its fit, no rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labsyn.data.catalogue_entry import Entry
from labsyn.data.claim import claimed
from labsyn.data.content import Content
from labsyn.data.errors import DataFileError
from labsyn.data.fit_metrics import read_metrics
from labsyn.data.journal_reader import read_journal
from labsyn.data.labels import read_labels
from labsyn.data.nexus_reader import read_nexus
from labsyn.data.run_files import journal_path


def read_entry(folder: Path, file: str) -> tuple[Entry, bool]:
    """Return the entry of the run ``folder/file``, and whether reading again may help.

    Never fails: what cannot be read is named in the entry. Nothing is changed either; a
    journal left by a crash is finished by `labsyn recover` or `Run.open`, not by looking.
    """
    path = folder / file
    problems: list[str] = []
    passing = False
    facts: dict[str, Any] = {}
    parts = (_run_facts, _label_facts, lambda run: {"fit": read_metrics(run)})
    for read in parts:
        try:
            facts |= read(path)
        except DataFileError as error:
            problems.append(str(error))
            # Permissions, locks and networks change without a trace in the file's time.
            passing |= getattr(error.__cause__, "errno", None) is not None
    return Entry(file=file, problem="; ".join(problems), **facts), passing


def journal_status(folder: Path, entry: Entry) -> str:
    """Return "running" if the journal of an entry without an end is still being written."""
    header = {"pid": entry.pid, "host": entry.host}
    try:
        with claimed(journal_path(folder / entry.file), header, ended=False) as claim:
            return "running" if claim.measuring else "interrupted"
    except OSError:  # finished or taken away this very moment
        return entry.status


def _label_facts(run: Path) -> dict[str, Any]:
    labels = read_labels(run)
    return {"tags": labels.tags, "note": labels.note}


def _run_facts(run: Path) -> dict[str, Any]:
    journal = journal_path(run)
    if not run.exists():
        try:
            return _facts(read_journal(journal))
        except DataFileError:
            if not run.exists():  # else it was finished this very moment
                raise
    return _facts(read_nexus(run))


def _facts(content: Content) -> dict[str, Any]:
    header, metadata, ending = content.header, content.metadata, content.ending
    sample = _mapping(metadata, "sample")
    simulation = _mapping(_mapping(metadata, "bench"), "simulation")
    truth = _mapping(metadata, "device_truth")
    device = sample.get("device") or truth.get("device") or simulation.get("device") or ""
    end = ending or {}
    seed, pid, elapsed = metadata.get("seed"), header.get("pid"), end.get("elapsed")
    return {
        "status": content.status,
        "uuid": header["uuid"],
        "procedure": header["procedure"],
        "device": str(device),
        "started": header["start_time"],
        "ended": str(end.get("time", "")),
        "duration": float(elapsed) if isinstance(elapsed, int | float) else None,
        "n_rows": content.n_rows,
        "simulated": metadata.get("simulated") is True,
        "seed": seed if isinstance(seed, int) else None,
        "operator": str(header["provenance"].get("operator", "")),
        "host": str(header.get("host", "")),
        "parameters": header["parameters"],
        "parameter_units": header["parameter_units"],
        "sample": sample,
        "pid": pid if ending is None and isinstance(pid, int) else None,
    }


def _mapping(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = mapping.get(key)
    return inner if isinstance(inner, Mapping) else {}

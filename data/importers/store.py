"""An imported measurement as a run: in memory, or kept as a file of ours."""

from pathlib import Path
from typing import Any

import numpy as np

from labsyn.data.content import JournalContent
from labsyn.data.header import Column, check_columns, make_header
from labsyn.data.importers.result import Imported
from labsyn.data.provenance import timestamp
from labsyn.data.writer import RunWriter

IMPORTER_VERSION = 1
"""Raised when a file would be imported to other numbers or columns than before."""


def as_content(imported: Imported) -> JournalContent:
    """Return an imported measurement as the content of a run that was never written."""
    columns = _columns(imported)
    check_columns([column.name for column in columns], None)
    header = make_header(_procedure(imported), {}, {}, columns, _metadata(imported))
    ending = {"status": "finished", "time": timestamp(), "elapsed": 0.0}
    return JournalContent(
        header=header,
        rows=np.column_stack([column.values for column in imported.columns]),
        metadata=header["metadata"],
        events=(),
        ending=ending,
    )


def save_run(imported: Imported, path: Path) -> Path:
    """Write an imported measurement as a finished run file; return `path`.

    Raises
    ------
    StorageError
        If the file exists, or cannot be written.
    """
    with RunWriter.create(
        path,
        procedure=_procedure(imported),
        parameters={},
        columns=_columns(imported),
        metadata=_metadata(imported),
        n_rows=imported.columns[0].values.size,
    ) as writer:
        writer.append_rows({column.name: column.values for column in imported.columns})
        for warning in imported.report.warnings:
            writer.event("warning", warning)
    return path


def run_path(folder: Path, first: Path) -> Path:
    """Return where the run of imported files goes: named after the first of them."""
    return folder / f"{first.name.removesuffix('.gz').rpartition('.')[0] or first.name}.h5"


def _procedure(imported: Imported) -> str:
    return f"import:{imported.format}"


def _columns(imported: Imported) -> list[Column]:
    return [Column(c.name, c.unit, c.long_name) for c in imported.columns]


def _metadata(imported: Imported) -> dict[str, Any]:
    return {
        "import": {
            "format": imported.format,
            "importer_version": IMPORTER_VERSION,
            "files": imported.files,
            "stated": dict(imported.stated),
            "report": imported.report.to_dict(),
        },
        "file": dict(imported.metadata),
    }

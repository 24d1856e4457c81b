"""An imported measurement as a run: in memory, or kept as a file of ours."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labsyn.data.content import Content, column_values
from labsyn.data.errors import DataFileError
from labsyn.data.header import Column, check_columns, make_header
from labsyn.data.importers.result import Imported
from labsyn.data.plain_json import to_json
from labsyn.data.provenance import timestamp
from labsyn.data.run import Run
from labsyn.data.run_files import NOT_PORTABLE, journal_path
from labsyn.data.writer import RunWriter

IMPORTER_VERSION = 1
"""Raised when a file would be imported to other numbers or columns than before."""


def as_content(imported: Imported) -> Content:
    """Return an imported measurement as the content of a run that was never written."""
    columns = _columns(imported)
    check_columns([column.name for column in columns], None)
    header = make_header(_procedure(imported), {}, {}, columns, _metadata(imported), 0.0)
    ending = {"status": "finished", "time": timestamp(), "elapsed": 0.0}
    values = {c.name: column_values(c.name, c.values) for c in imported.columns}
    return Content(
        header=header,
        n_rows=imported.columns[0].values.size,
        columns=values,
        blocks={},
        metadata=header["metadata"],
        events=(),
        ending=ending,
    )


def save_run(imported: Imported, folder: Path) -> tuple[Path, bool]:
    """Keep an imported measurement as a finished run in `folder`.

    It is named after the (first) file, with a number behind where that name is taken. A run
    that holds the same import already is left as it is: importing twice does no harm.

    Returns
    -------
    path : Path
        The run.
    written : bool
        Whether it is new.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    metadata = _metadata(imported)
    path = _free_path(folder, imported.path, metadata)
    if path.exists():
        return path, False
    with RunWriter.create(
        path,
        procedure=_procedure(imported),
        parameters={},
        columns=_columns(imported),
        metadata=metadata,
        n_rows=imported.columns[0].values.size,
    ) as writer:
        writer.append_rows({column.name: column.values for column in imported.columns})
        for warning in imported.report.warnings:
            writer.event("warning", warning)
    return path, True


def _free_path(folder: Path, first: Path, metadata: Mapping[str, Any]) -> Path:
    """Return a path for the run: a new one, or that of the same import."""
    name = first.name.removesuffix(".gz").rpartition(".")[0] or first.name
    name = "".join("_" if c in NOT_PORTABLE else c for c in name)
    ours = json.loads(to_json(metadata["import"], "import"))
    path, number = folder / f"{name}.h5", 1
    while not _is_ours(path, ours) and (path.exists() or journal_path(path).exists()):
        number += 1
        path = folder / f"{name}-{number}.h5"
    return path


def _is_ours(path: Path, ours: Mapping[str, Any]) -> bool:
    try:
        return path.exists() and Run.open(path).metadata.get("import") == ours
    except DataFileError:  # a damaged run is left alone
        return False


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

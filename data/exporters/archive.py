"""A run with all that lies beside it, and checksums: to deposit, or to send."""

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from labsyn.data.errors import DataFileError

if TYPE_CHECKING:
    from labsyn.data.run import Run

_CHECKSUMS = "SHA256SUMS"
_OLDEST = (1980, 1, 1, 0, 0, 0)  # that a zip file knows


def write_zip(run: "Run", path: Path) -> list[str]:
    """Pack a finished run, its fit, tags and figures, and ``SHA256SUMS`` (for sha256sum -c).

    Raises
    ------
    DataFileError
        If it is no finished run of labsyn: one that is measured would be torn.
    """
    if run.path.suffix != ".h5":
        raise DataFileError(f"{run.path} is no finished run (.h5); only such are packed")
    stem = run.path.stem
    files = [run.path, *sorted(_beside(run.path))]
    sums = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, f"{stem}/{file.name}")
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            sums.append(f"{digest}  {file.name}\n")
        archive.writestr(zipfile.ZipInfo(f"{stem}/{_CHECKSUMS}", _OLDEST), "".join(sums))
    return [f"{len(files)} files and {_CHECKSUMS}"]


def _beside(run: Path) -> list[Path]:
    """Return the sidecars of labsyn and the figures of a run: NAME.….json, NAME-….png."""
    return [
        file
        for file in run.parent.iterdir()
        if file.is_file()
        and file.suffix in (".json", ".png", ".pdf", ".svg")
        and file.name.startswith((f"{run.stem}.", f"{run.stem}-"))
    ]

"""The formats that any run can be written in; a device needs a fit: `labsyn.analysis`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labsyn.data.exporters.archive import write_zip
from labsyn.data.exporters.csv_file import write_csv
from labsyn.data.exporters.netcdf import write_netcdf
from labsyn.data.exporters.parquet import write_parquet
from labsyn.data.exporters.target import check_no_source, new_file

if TYPE_CHECKING:
    from labsyn.data.run import Run


@dataclass(frozen=True)
class RunFormat:
    """A format of one file a run.

    Attributes
    ----------
    suffix : str
        Of the file.
    write : callable
        Takes the run and the path of a new file; returns what is to be said of it.
    """

    suffix: str
    write: Callable[["Run", Path], list[str]]


RUN_FORMATS = {
    "csv": RunFormat(".csv", write_csv),
    "parquet": RunFormat(".parquet", write_parquet),
    "netcdf": RunFormat(".nc", write_netcdf),
    "zip": RunFormat(".zip", write_zip),
}


def export_run(run: "Run", format: str, path: Path, *, force: bool = False) -> list[str]:
    """Write a run in one of `RUN_FORMATS`; return what is to be said of it.

    Raises
    ------
    ConfigError
        If the file exists and `force` was not said, or is the run itself.
    DataFileError
        If the format needs a package that is not installed.
    StorageError
        If the file cannot be written.
    """
    check_no_source(path, [run.path])
    with new_file(path, force=force) as temporary:
        return RUN_FORMATS[format].write(run, temporary)

"""Variables of a .mat file: of MATLAB 5, and of 7.3, which is HDF5.

A column is named by its path, as in MATLAB: ``G``, ``run.G`` in a structure, ``G(:,3)`` for the
third column of a matrix.
"""

import re

import numpy as np

from labsyn.data.errors import DataFileError, ImportFormatError
from labsyn.data.importers.matlab5 import Matlab5
from labsyn.data.importers.matlab73 import Matlab73
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import FloatArray, RawColumn, RawTable
from labsyn.data.importers.source import Source

_PATH = re.compile(
    r"(?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)(?:\(:,(?P<column>[1-9]\d{0,5})\))?"
)
_SHOWN = 20


def is_matlab(source: Source) -> bool:
    """Return whether the file is MATLAB's, of either kind."""
    if source.kind != "hdf5":
        return source.kind == "mat"
    return source.start.startswith(b"MATLAB 7.3 MAT-file")


def read_matlab(source: Source, options: ImportOptions) -> RawTable:
    """Return the variables that ``options.columns`` names, which must be of one length.

    Raises
    ------
    ImportFormatError
        If none is named, one is not there or is no column of numbers, or the file is damaged.
    """
    reader = Matlab73 if source.kind == "hdf5" else Matlab5
    try:
        with reader(source.path) as file:
            if not options.columns:
                raise ImportFormatError(
                    f"{source.path} holds {', '.join(file.names()[:_SHOWN])}; say which are "
                    "columns, with their units: --column conductance=G:S"
                )
            columns = [
                RawColumn(heading=rule.heading, cells=_column(file, rule.heading), number=i)
                for i, rule in enumerate(options.columns, start=1)
            ]
    except DataFileError:
        raise
    except Exception as error:  # struct, zlib and HDF5 raise many kinds on a damaged file
        raise ImportFormatError(f"{source.path} is damaged: {error}") from error
    sizes = {column.heading: len(column.cells) for column in columns}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ImportFormatError(f"{source.path}: columns of different length: {told}")
    return RawTable(
        path=source.path,
        columns=columns,
        found={"MATLAB version": "7.3" if source.kind == "hdf5" else "5"},
        decisions=["variables that are not stated are left out"],
    )


def _column(file: Matlab5 | Matlab73, heading: str) -> FloatArray:
    where = f"{file.path}: {heading!r}"
    match = _PATH.fullmatch(heading)
    if not match:
        raise ImportFormatError(f"{where} is no variable; write G, run.G or G(:,3)")
    values = np.asarray(file.read(match["name"].split("."), where))
    if values.dtype.kind not in "biuf" or values.ndim > 2:
        raise ImportFormatError(f"{where} is no column of numbers ({values.dtype})")
    if match["column"]:
        number = int(match["column"])
        values = np.atleast_2d(values)
        if values.ndim != 2 or number > values.shape[1]:
            raise ImportFormatError(f"{where}: {match['name']} has shape {values.shape}")
        values = values[:, number - 1]
    elif values.ndim == 2 and 1 not in values.shape:
        raise ImportFormatError(
            f"{where} is a matrix of shape {values.shape}; name one column, {heading}(:,1)"
        )
    return values.ravel().astype(np.float64)

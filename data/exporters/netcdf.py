"""netCDF-4: `Run.to_xarray` as a file, with blocks, units, and the run in its attributes."""

from pathlib import Path
from typing import TYPE_CHECKING

from labsyn.data.errors import DataFileError
from labsyn.data.exporters.origin import kept_rows, origin

if TYPE_CHECKING:
    from labsyn.data.run import Run


def write_netcdf(run: "Run", path: Path) -> list[str]:
    """Write columns and blocks of a run; return what is to be said of it.

    Raises
    ------
    DataFileError
        If xarray or h5netcdf is not installed.
    """
    try:
        import h5netcdf  # noqa: F401, the engine; xarray's own message lists every other
    except ImportError as error:
        raise DataFileError(
            "netCDF needs xarray and h5netcdf, which are not installed: "
            "pip install 'labsyn[export]'"
        ) from error
    data = run.to_xarray()
    data.attrs |= origin(run)
    data.to_netcdf(path, engine="h5netcdf")
    return kept_rows(run)

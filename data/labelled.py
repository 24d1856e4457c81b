"""A run as pandas and xarray hold it: with units, long names and where it came from."""

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from labsyn.data.blocks import Block
from labsyn.data.errors import DataFileError
from labsyn.data.flags import MASKS, MEANINGS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from labsyn.data.run import Run

_TEXTS = ("uuid", "procedure", "status", "reason", "start_time", "end_time")
_MAPPINGS = ("parameters", "parameter_units", "metadata", "provenance")


def run_frame(run: "Run") -> "pd.DataFrame":
    """Return the columns of a run; units, long names and origin are in its `attrs`.

    pandas keeps `attrs` in copies, in selections and, being plain JSON, in Parquet.
    """
    import pandas as pd

    table = pd.DataFrame(dict(run.columns), copy=True)
    table.attrs.update(
        units=dict(run.units),
        long_names=dict(run.long_names),
        run={"path": str(run.path), "uuid": run.uuid, "procedure": run.procedure},
    )
    return table


def run_dataset(run: "Run") -> "xr.Dataset":
    """Return the columns along the axis of the default plot, and the blocks beside them.

    Every attribute is a number or a text, so that netCDF keeps it: parameters, metadata,
    provenance and events are JSON.

    Raises
    ------
    DataFileError
        If xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError as error:
        raise DataFileError(
            "a data set needs xarray, which is not installed: pip install 'labsyn[export]'"
        ) from error
    along = run.axis or "row"  # a run of one column has no axis
    variables: dict[str, Any] = {
        name: (along, values, column_attributes(run, name))
        for name, values in run.columns.items()
    }
    for name, block in run.blocks.items():
        _add_block(variables, name, block)
    data = xr.Dataset(variables, attrs=run_attributes(run))
    return data.set_coords([axis for axis in variables if axis in data.dims])


def column_attributes(run: "Run", name: str) -> dict[str, Any]:
    """Return unit and long name of a column, and of `flags` what its bits mean (CF)."""
    attributes: dict[str, Any] = {"units": run.units[name], "long_name": run.long_names[name]}
    if name == "flags":
        attributes |= {"flag_masks": [*MASKS], "flag_meanings": MEANINGS}
    return attributes


def run_attributes(run: "Run") -> dict[str, str | int]:
    """Return all that is known of a run besides its numbers, as texts and numbers."""
    known: dict[str, str | int] = {name: getattr(run, name) for name in _TEXTS}
    known |= {name: json.dumps(dict(getattr(run, name))) for name in _MAPPINGS}
    events = json.dumps([dict(event) for event in run.events])
    return known | {"events": events, "torn_bytes": run.torn_bytes, "source": str(run.path)}


def _add_block(variables: dict[str, Any], name: str, block: Block) -> None:
    """Add a block along dimensions of its own: two may have an axis of one name."""
    axes = block.axes or (None, None)
    dims = [f"{name}_{axis.name if axis else f'dim_{i}'}" for i, axis in enumerate(axes)]
    attributes: Mapping[str, Any] = {
        "units": block.unit,
        "long_name": block.long_name,
        "row": block.row,
        "time": block.time,
        "elapsed": block.elapsed,
    }
    dims = [_free(dim, variables) for dim in dims]
    variables[_free(name, [*variables, *dims])] = (dims, block.values, attributes)
    for dim, axis in zip(dims, axes, strict=True):
        if axis is not None:
            said = {"units": axis.unit, "long_name": axis.long_name or axis.name}
            variables[dim] = (dim, axis.values, said)


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:  # a block may be called as a column is
        name += "_block"
    return name

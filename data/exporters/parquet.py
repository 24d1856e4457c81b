"""Parquet: the columns with unit and long name in the schema, the run in its metadata."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from labsyn.data.errors import DataFileError
from labsyn.data.exporters.origin import kept_rows, left_out_blocks, origin
from labsyn.data.labelled import run_attributes

if TYPE_CHECKING:
    from labsyn.data.run import Run


def write_parquet(run: "Run", path: Path) -> list[str]:
    """Write the columns of a run; return what is to be said of it.

    pandas finds `Run.frame` with its `attrs` again; Arrow and whoever reads Parquet find
    `units` and `long_name` at each field, and JSON under ``labsyn`` at the schema.

    Raises
    ------
    DataFileError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise DataFileError(
            "Parquet needs pyarrow, which is not installed: pip install 'labsyn[export]'"
        ) from error
    table = run.frame()
    plain = pa.Table.from_pandas(table, preserve_index=False)
    fields = [
        field.with_metadata(
            {"units": run.units[field.name], "long_name": run.long_names[field.name]}
        )
        for field in plain.schema
    ]
    said = {
        "labsyn": json.dumps(run_attributes(run) | origin(run)),
        "PANDAS_ATTRS": json.dumps(table.attrs),  # as DataFrame.to_parquet writes them
    }
    known = {key.decode(): value.decode() for key, value in plain.schema.metadata.items()}
    parquet.write_table(plain.cast(pa.schema(fields, metadata=known | said)), path)
    return [*kept_rows(run), *left_out_blocks(run)]

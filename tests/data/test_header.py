import json
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.errors import DataFileError, UnitError
from labsyn.data.header import Column, check_header


@pytest.mark.parametrize("name", ["", ".", "a/b", "a\nb"])
def test_a_bad_column_name_is_refused(name: str) -> None:
    with pytest.raises(DataFileError, match="a column cannot be named"):
        Column(name)


def test_a_column_has_a_unit_that_exists() -> None:
    assert Column("rate", "V/s").unit == "V/s"
    with pytest.raises(UnitError, match=r"column 'x': 'furlogs' is no unit; use a symbol"):
        Column("x", "furlogs")
    with pytest.raises(DataFileError, match="must be printable"):
        Column("x", "V", "a\0b")


@pytest.mark.parametrize(
    "plot", [5, ["x", "x"], {}, {"signal": "x"}, {"signal": "x", "axis": "y"}, {"signal": {}}]
)
def test_a_plot_of_no_column_is_refused(plot: Any) -> None:
    header: dict[str, Any] = {"format": "labsyn_run", "version": 2, "columns": [["x", "V", ""]]}
    header |= {"uuid": "5b1c", "procedure": "", "start_time": ""}
    for key in ("parameters", "parameter_units", "metadata", "provenance"):
        header[key] = {}
    assert check_header(Path("a.h5"), json.dumps(header)) == header
    with pytest.raises(DataFileError, match=r"a\.h5: the header plots what is no column"):
        check_header(Path("a.h5"), json.dumps(header | {"plot": plot}))

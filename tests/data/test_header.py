import pytest

from labsyn.data.errors import DataFileError, UnitError
from labsyn.data.header import Column


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

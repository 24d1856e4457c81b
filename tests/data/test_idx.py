"""The idx reader: what it reads, and what it refuses."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.errors import DataFileError
from labsyn.data.idx import read_idx


def _idx(shape: tuple[int, ...], values: bytes, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


@pytest.mark.parametrize("packed", [True, False])
def test_reads_bytes_in_their_shape(tmp_path: Path, packed: bool) -> None:
    raw = _idx((2, 3), bytes(range(250, 256)))
    path = tmp_path / ("a.gz" if packed else "a.idx")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    np.testing.assert_array_equal(read_idx(path), [[250, 251, 252], [253, 254, 255]])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "no idx file: it starts with ''"),
        (b"\x89PNG\r\n", "no idx file: it starts with '89504e47'"),
        (bytes([0, 0, 8, 0]), "no idx file"),
        (bytes([0, 0, 8, 2, 0, 0]), "no idx file"),
        (_idx((1,), bytes(4), kind=0x0D), "values of type 0x0d, only 0x08 is read"),
        (_idx((2, 3), bytes(5)), "5 values, but its header says 6"),
        (_idx((2, 3), bytes(7)), "7 values, but its header says 6"),
        (_idx((2**32 - 1,) * 3, b""), "0 values, but its header says 7922816"),
    ],
)
def test_refuses_what_is_no_idx(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "a.idx"
    path.write_bytes(raw)
    with pytest.raises(DataFileError, match=message):
        read_idx(path)


def test_refuses_a_missing_file_and_a_torn_one(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"none\.gz: cannot be read"):
        read_idx(tmp_path / "none.gz")
    torn = tmp_path / "torn.gz"
    torn.write_bytes(gzip.compress(_idx((1000,), bytes(1000)))[:-9])
    with pytest.raises(DataFileError, match=r"torn\.gz: cannot be read"):
        read_idx(torn)
    torn.write_bytes(b"no gzip at all")
    with pytest.raises(DataFileError, match=r"torn\.gz: cannot be read"):
        read_idx(torn)

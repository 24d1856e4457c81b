"""Hostile run files: a clear error before anything is read that they cannot hold."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from labsyn.data.errors import DataFileError, StorageError
from labsyn.data.run import Column, Run, RunWriter
from labsyn.data.untrusted import stored_numbers

X = Column("x")


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A finished run."""
    path = tmp_path / "whole.h5"
    columns = [Column("time", "s"), Column("conductance", "S"), Column("flags")]
    writer = RunWriter.create(path, procedure="P", parameters={"n": 3}, columns=columns)
    for i in range(40):
        writer.append((float(i), i * 1e-6, 0.0))
    writer.event("info", "half")
    return writer.finish()


def replace(file: Any, name: str, **dataset: Any) -> None:
    del file[name]
    file.create_dataset(name, **dataset)


def cyclic(file: Any) -> None:
    del file["entry/data"]
    file["entry/data"] = h5py.SoftLink("/entry/data")


def external(file: Any) -> None:
    del file["entry/data/time"]
    file["entry/data/time"] = h5py.ExternalLink("other.h5", "/x")


def endless_text(file: Any) -> None:
    replace(file, "entry/config/metadata", shape=(), dtype="S2000000000")


def many_texts(file: Any) -> None:
    replace(file, "entry/config/events", shape=(10**12,), chunks=(10**6,), dtype="S8")


def packed_chunk(file: Any) -> None:
    options = {"chunks": (1 << 28,), "maxshape": (None,), "compression": "gzip"}
    replace(file, "entry/data/time", shape=(40,), dtype="f8", **options)


def texts_for_numbers(file: Any) -> None:
    replace(file, "entry/data/time", data=np.full(40, b"1.0"))


def group_for_numbers(file: Any) -> None:
    del file["entry/data/time"]
    file.create_group("entry/data/time")


def other_file(file: Any) -> None:
    del file["entry/data/time"]
    layout = h5py.VirtualLayout((40,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (40,))
    file["entry/data"].create_virtual_dataset("time", layout)


def wrong_attribute(file: Any) -> None:
    file["entry"].attrs["n_rows"] = "many"


def array_attribute(file: Any) -> None:
    file["entry"].attrs["sha256"] = np.arange(5)


def no_checksum(file: Any) -> None:
    del file["entry/data/time"].attrs["sha256"]


def text_of_variable_length(file: Any) -> None:
    replace(file, "entry/config/metadata", data="{}")


@pytest.mark.parametrize(
    ("make_hostile", "message"),
    [
        (cyclic, "'data' is a link to elsewhere"),
        (external, "'time' is a link to elsewhere"),
        (endless_text, "'config/metadata' is longer than the file"),
        (many_texts, "'config/events' is no text"),
        (packed_chunk, "'data/time' unpacks to 2147483648 bytes at once"),
        (texts_for_numbers, r"'data/time' is \|S3, no numbers"),
        (group_for_numbers, "'data/time' has not 40 values"),
        (other_file, "'data/time' has its values in another file"),
        (no_checksum, "/entry/data/time has no attribute 'sha256'"),
        (text_of_variable_length, "'config/metadata' is no text of fixed length"),
        (wrong_attribute, "attribute 'n_rows' of /entry is wrong"),
        (array_attribute, "attribute 'sha256' of /entry is wrong"),
    ],
)
def test_hostile_structures_are_refused_before_they_are_read(
    original: Path, make_hostile: Callable[[Any], None], message: str
) -> None:
    with h5py.File(original, "r+") as file:
        make_hostile(file)
    with pytest.raises(DataFileError, match=message):
        Run.open(original)


def test_values_that_other_code_would_unpack_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.zeros(4, "<i4"), chunks=(4,), scaleoffset=0)
        with pytest.raises(
            DataFileError, match="packs 'x' in a way that labsyn does not unpack"
        ):
            stored_numbers(file, "x", (4,))


def test_a_block_that_no_journal_could_hold_is_refused(tmp_path: Path) -> None:
    """A file of some kilobytes, which unpacks to a gigabyte."""
    writer = RunWriter.create(tmp_path / "a.h5", procedure="P", parameters={}, columns=[X])
    writer.block("b", np.zeros((2, 2)))
    path = writer.finish()
    with h5py.File(path, "r+") as file:
        group = file["entry/waveforms/b"]
        checksum = group["values"].attrs["sha256"]
        del group["values"]
        packed = {"chunks": (1, 1 << 20), "compression": "gzip"}
        group.create_dataset("values", (128, 1 << 20), "<f8", **packed)
        group["values"].attrs["sha256"] = checksum
    run = Run.open(path)
    with pytest.raises(DataFileError, match="block 'b' is not in the file"):
        run.blocks["b"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
@pytest.mark.parametrize("name", ["a.h5", "a.h5.part", "a.csv"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataFileError, match=rf"{name} is no file"):
        Run.open(tmp_path / name)


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    long = tmp_path / f"{'x' * 300}.h5"
    with pytest.raises(DataFileError, match="does not exist"):
        Run.open(long)
    with pytest.raises(StorageError, match="cannot be made: File name too long; nothing was"):
        RunWriter.create(long, procedure="P", parameters={}, columns=[X])

"""Read finished runs of every version: their metadata at once, columns when they are needed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from labsyn.data.blocks import VALUES, Block, is_description
from labsyn.data.content import Content, column_values, event_of, is_ending
from labsyn.data.durability import is_file, is_there
from labsyn.data.errors import DataFileError
from labsyn.data.header import check_header, check_version
from labsyn.data.lazy import Lazy
from labsyn.data.nexus import DEFINITION, TEXTS, Checksums, total_checksum
from labsyn.data.nexus_blocks import read_block
from labsyn.data.nexus_version_1 import TEXTS_1, columns_of_version_1, text_of_version_1
from labsyn.data.untrusted import attribute, member, stored_numbers, stored_text

Columns = Mapping[str, NDArray[Any]]
Blocks = Mapping[str, Block]

_STEP = 1 << 17  # rows of a column that are checked at once


def read_nexus(path: Path) -> Content:
    """Return what `write_nexus` wrote, checked against its checksum.

    Columns and blocks are read, and checked, when they are asked for; the file is closed
    in between.

    Raises
    ------
    DataFileError
        If the file is missing, foreign, damaged, truncated, or of a newer version; a column
        or block that is damaged says so when it is read.
    """
    with _opened(path) as file:
        entry, version = _entry(path, file)
        old = version == 1
        stored, text = (TEXTS_1, text_of_version_1) if old else (TEXTS, stored_text)
        texts = {name: text(entry, f"config/{name}") for name in stored}
        header = check_header(path, texts["header"])
        names = [name for name, _, _ in header["columns"]]
        n_rows = _n_rows(path, entry)
        datasets = {name: stored_numbers(entry, f"data/{name}", (n_rows,)) for name in names}
        read = _columns_of_version_1 if old else _columns_and_blocks
        columns, blocks = read(path, entry, texts, datasets)
        metadata, events, ending = _surroundings(path, texts)
        torn_bytes = attribute(entry, "torn_bytes", "iu")
    return Content(
        header=header,
        n_rows=n_rows,
        columns=columns,
        blocks=blocks,
        metadata=metadata,
        events=events,
        ending=ending,
        torn_bytes=torn_bytes,
    )


def _entry(path: Path, file: Any) -> tuple[Any, int]:
    """Return the entry of a run of labsyn, and its version."""
    foreign = DataFileError(f"{path} is an HDF5 file, but no run of labsyn")
    if "entry" not in file or "schema_version" not in (entry := member(file, "entry")).attrs:
        raise foreign
    version = attribute(entry, "schema_version", "iu")
    check_version(path, version)
    text = text_of_version_1 if version == 1 else stored_text
    if text(entry, "definition") != DEFINITION:
        raise foreign
    return entry, version


def _columns_of_version_1(
    path: Path, entry: Any, texts: Mapping[str, str], datasets: Mapping[str, Any]
) -> tuple[Columns, Blocks]:
    return columns_of_version_1(path, entry, texts, datasets), {}


def _columns_and_blocks(
    path: Path, entry: Any, texts: Mapping[str, str], datasets: Mapping[str, Any]
) -> tuple[Columns, Blocks]:
    """Return columns and blocks that are read later, once the checksums of all are right."""
    shapes = {name: dataset.shape for name, dataset in datasets.items()}
    columns = {name: _checksum(dataset) for name, dataset in datasets.items()}
    said_of_blocks = json.loads(texts["blocks"])
    if not all(is_description(said) for said in said_of_blocks):
        raise DataFileError(f"{path} is damaged: what it says of its blocks is no description")
    described = {said["name"]: said for said in said_of_blocks}
    blocks = {
        name: _checksum(member(entry, f"waveforms/{name}/{VALUES}")) for name in described
    }
    parts = [*columns.values(), *blocks.values()]
    if total_checksum(texts, parts, attribute(entry, "torn_bytes", "iu")) != _checksum(entry):
        raise DataFileError(f"{path} was changed or damaged: its checksum does not match")
    return (
        Lazy([*columns], lambda name: _column(path, name, shapes[name], columns[name])),
        Lazy([*blocks], lambda name: _block(path, described[name], blocks[name]), keep=False),
    )


def _surroundings(path: Path, texts: Mapping[str, str]) -> tuple[Any, tuple[Any, ...], Any]:
    metadata, stored, ending = (json.loads(texts[name]) for name in TEXTS_1[1:])
    events = tuple(event_of(event) for event in stored)
    if not (isinstance(metadata, dict) and all(events) and is_ending(ending)):
        raise DataFileError(f"{path} is damaged: metadata, events or end are none")
    return metadata, events, ending


def column_checksums(path: Path, content: Content) -> dict[str, str]:
    """Return the checksum of each column, made from its values as they are on the disk."""
    with _opened(path) as file:
        shape = (content.n_rows,)
        return {
            name: _checksum_of(stored_numbers(file, f"entry/data/{name}", shape))
            for name in content.names
        }


def _checksum_of(dataset: Any) -> str:
    checksums = Checksums(["it"])
    for start in range(0, dataset.size, _STEP):
        checksums.update(dataset[start : start + _STEP][:, None])
    return checksums.result()["it"]


def _n_rows(path: Path, entry: Any) -> int:
    """Return the number of rows, once it is certain that the file can hold them."""
    n_rows: int = attribute(entry, "n_rows", "iu")
    size = path.stat().st_size
    if not 0 <= 4 * n_rows <= size:  # before any memory is asked for
        raise DataFileError(f"{path} is damaged: {n_rows} rows do not fit into {size} bytes")
    return n_rows


def _column(path: Path, name: str, shape: tuple[int], checksum: str) -> NDArray[Any]:
    with _opened(path) as file:
        values = stored_numbers(file, f"entry/data/{name}", shape)[()]
    checksums = Checksums([name])
    checksums.update(values[:, None])
    if checksums.result()[name] != checksum:
        raise DataFileError(
            f"{path} was changed or damaged: the checksum of column {name!r} does not match"
        )
    return column_values(name, values)


def _block(path: Path, said: Mapping[str, Any], checksum: str) -> Block:
    with _opened(path) as file:
        group = member(file, f"entry/waveforms/{said['name']}")
        return read_block(str(path), group, said, checksum)


def _checksum(item: Any) -> str:
    return str(attribute(item, "sha256", "S"))


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, Any]]:
    """Open a finished run, and say of any error inside that the file is damaged."""
    import h5py

    if not is_file(path):
        what = "is no file" if is_there(path) else "does not exist"
        raise DataFileError(f"{path} {what}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataFileError:
        raise
    except PermissionError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # damaged HDF5 raises any of a dozen kinds
        raise DataFileError(f"{path} is damaged, or no HDF5 file: {error}") from error

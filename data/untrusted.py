"""What of an HDF5 file is looked at before it is believed: links, kinds, sizes.

A small file can lead anywhere: to other files, round in circles, to a text of a terabyte, or
to a chunk that unpacks to gigabytes. Nothing is read here before it is known that the file
itself can hold it.
"""

from pathlib import Path
from typing import Any

import numpy as np

from labsyn.data.errors import DataFileError

_LARGEST_CHUNK = 1 << 26  # bytes unpacked; HDF5 unpacks a chunk whole
_FILTERS = frozenset(
    [1, 2, 3, 32000]
)  # deflate, shuffle, fletcher32, LZF: all without plug-ins


def member(group: Any, name: str) -> Any:
    """Return what `group` holds under `name`, a path without links to elsewhere.

    Raises
    ------
    DataFileError
        If a part of the path is missing, or is a soft or an external link.
    """
    import h5py

    for part in name.split("/"):
        if not isinstance(group, h5py.Group):
            raise _damaged(group, f"{name!r} is not in it")
        link = group.get(part, getlink=True)
        if not isinstance(link, h5py.HardLink):
            what = "is not in it" if link is None else "is a link to elsewhere"
            raise _damaged(group, f"{part!r} {what}")
        group = group[part]
    return group


def stored_text(group: Any, name: str) -> str:
    """Return a text of fixed length, if the file is as large as its text.

    Parameters
    ----------
    group : h5py.Group
        Where to look.
    name : str
        A path from there.

    Raises
    ------
    DataFileError
        If it is missing, no single text, or longer than the file.
    """
    import h5py

    dataset = member(group, name)
    whole = isinstance(dataset, h5py.Dataset) and dataset.shape == ()
    kind = h5py.check_string_dtype(dataset.dtype) if whole else None
    if kind is None or dataset.is_virtual or dataset.external or dataset.chunks:
        raise _damaged(group, f"{name!r} is no text")
    if kind.length is None:
        raise _damaged(group, f"{name!r} is no text of fixed length")
    if kind.length > Path(group.file.filename).stat().st_size:
        raise _damaged(group, f"{name!r} is longer than the file")
    return str(dataset[()].decode())


def attribute(item: Any, name: str, kinds: str = "iuf", shape: tuple[int, ...] = ()) -> Any:
    """Return an attribute of `item`, once it is known to be of fixed size.

    Parameters
    ----------
    item : h5py.Group or h5py.Dataset
        What has it.
    name : str
        Its name.
    kinds : str
        Kinds of numpy types that it may have: numbers, or ``S`` for text of fixed length.
    shape : tuple of int
        Its shape.

    Returns
    -------
    int, float, str, or a list of them

    Raises
    ------
    DataFileError
        If it is missing, or of another kind or shape.
    """
    attributes = item.attrs  # which h5py makes anew each time
    if name not in attributes:
        raise _damaged(item, f"{item.name} has no attribute {name!r}")
    found = attributes.get_id(name)
    if found.shape != shape or found.dtype.kind not in kinds:
        raise _damaged(item, f"attribute {name!r} of {item.name} is wrong")
    value = attributes[name]
    if found.dtype.kind == "S":
        return np.char.decode(np.asarray(value), "utf-8").tolist()
    return value.tolist()


def stored_numbers(group: Any, name: str, shape: tuple[int, ...]) -> Any:
    """Return a dataset of numbers, once it is certain what reading it will take.

    Raises
    ------
    DataFileError
        If it is missing, of another shape, no numbers, kept in another file, or packed so
        that a part of it unpacks to more than 64 MB, or by what labsyn does not know.
    """
    import h5py

    dataset = member(group, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.shape != shape:
        expected = " x ".join(map(str, shape))
        raise _damaged(group, f"{name!r} has not {expected} values")
    if dataset.dtype.kind not in "fiu" or dataset.dtype.itemsize > 8:
        raise _damaged(group, f"{name!r} is {dataset.dtype}, no numbers")
    check_stored_here(dataset, name)
    return dataset


def check_stored_here(dataset: Any, name: str) -> None:
    """Refuse a dataset of another file's values, or one that a chunk of unpacks to too much.

    Raises
    ------
    DataFileError
        If a part of it unpacks to more than 64 MB, or by what labsyn does not know, or if it
        is kept in another file.
    """
    if dataset.is_virtual or dataset.external:
        raise _damaged(dataset, f"{name!r} has its values in another file")
    if not _FILTERS.issuperset(_filters(dataset)):
        raise DataFileError(
            f"{dataset.file.filename} packs {name!r} in a way that labsyn does not unpack"
        )
    chunk = dataset.dtype.itemsize
    for length in dataset.chunks or ():
        chunk *= length
    if chunk > _LARGEST_CHUNK:
        raise _damaged(dataset, f"{name!r} unpacks to {chunk} bytes at once")


def _filters(dataset: Any) -> list[int]:
    plan = dataset.id.get_create_plist()
    return [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]


def _damaged(item: Any, what: str) -> DataFileError:
    return DataFileError(f"{item.file.filename} is damaged: {what}")

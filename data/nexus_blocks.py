"""Blocks in a finished run: one NXdata each, chunked and compressed."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labsyn.data.blocks import VALUES, Axis, Block, block_of
from labsyn.data.content import Content
from labsyn.data.errors import DataFileError
from labsyn.data.frames import MAX_PAYLOAD
from labsyn.data.nexus_groups import NO_CHECKSUM, add_group
from labsyn.data.untrusted import member, stored_numbers

_DESCRIBED = ("name", "unit", "long_name", "row", "time", "elapsed")
_CHUNK = 1 << 18  # bytes


def _chunks(block: Block) -> tuple[int, int] | None:
    """Return the shape of a chunk: whole rows if they fit."""
    n, m = block.shape
    if not n * m:
        return None
    size = block.values.itemsize
    if m * size > _CHUNK:
        return 1, _CHUNK // size
    return min(n, _CHUNK // (m * size)), m


def block_room(block: Block) -> int:
    """Return how many bytes of the disk a block needs at most, its index included."""
    chunks = _chunks(block)
    if chunks is None:
        return 0
    n_chunks = -(-block.shape[0] // chunks[0]) * -(-block.shape[1] // chunks[1])
    whole = n_chunks * chunks[0] * chunks[1] * block.values.itemsize  # the last are padded
    return whole + whole // 100 + 512 * n_chunks + (1 << 16)


def make_blocks(entry: Any, content: Content) -> None:
    """Make the groups of all blocks, with their axes and without their values."""
    if not content.blocks:
        return
    waveforms = add_group(entry, "waveforms", "NXcollection")
    for block in content.blocks.values():
        group = add_group(waveforms, block.name, "NXdata", signal=VALUES)
        axes = block.axes or (None, None)
        group.attrs["axes"] = [axis.name if axis else "." for axis in axes]
        for i, axis in enumerate(axes):
            if axis is not None:
                group[axis.name] = np.asarray(axis.values)
                group[axis.name].attrs.update(units=axis.unit, long_name=axis.long_name)
                group.attrs[f"{axis.name}_indices"] = i
        packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        chunks = _chunks(block)
        kind = block.values.dtype
        made = group.create_dataset(
            VALUES, block.shape, kind, chunks=chunks, **(packed if chunks else {})
        )
        for i, axis in enumerate(axes):
            _attach_scale(group, made, i, axis.name if axis else None)
        made.attrs.update(units=block.unit, long_name=block.long_name, sha256=NO_CHECKSUM)
        group.attrs.update(row=block.row, time=block.time, elapsed=block.elapsed)


def _attach_scale(group: Any, values: Any, i: int, axis: str | None) -> None:
    """Say which axis a dimension runs along: netCDF readers want it of all or of none."""
    if axis is not None:
        group[axis].make_scale(axis)
    else:  # netCDF's own form of a dimension without numbers, which takes no room
        axis, size = f"dim_{i}", values.shape[i]
        group.create_dataset(axis, (size,), ">f4")
        group[axis].make_scale(
            f"This is a netCDF dimension but not a netCDF variable.{size:10}"
        )
    values.dims[i].attach_scale(group[axis])


def describe_block(block: Block) -> dict[str, Any]:
    """Return all of a block but its numbers, for the JSON that labsyn reads."""
    said = {key: getattr(block, key) for key in _DESCRIBED}
    axes = [axis and [axis.name, axis.unit, axis.long_name] for axis in block.axes]
    return {**said, "axes": axes}


def fill_blocks(entry: Any, content: Content) -> Iterator[str]:
    """Write the values of all blocks; yield the checksum of each, in order."""
    for name, block in content.blocks.items():
        dataset = entry["waveforms"][name][VALUES]
        if block.values.size:
            dataset[...] = block.values
        checksum = _checksum(block.values, block.axes)
        dataset.attrs.modify("sha256", np.bytes_(checksum))
        yield checksum


def read_block(path: str, group: Any, said: Mapping[str, Any], checksum: str) -> Block:
    """Return the block in an HDF5 group that `said` describes, checked by its checksum."""
    name = said["name"]
    dataset = member(group, VALUES)
    if dataset.ndim != 2 or dataset.nbytes > MAX_PAYLOAD:  # which no journal could hold
        raise DataFileError(f"{path} is damaged: block {name!r} is not in the file")
    values = stored_numbers(group, VALUES, dataset.shape)[()]
    values.setflags(write=False)
    axes: list[Axis | None] = []
    for axis, length in zip(said["axes"], dataset.shape, strict=False):
        if axis is None:
            axes.append(None)
        else:
            along = stored_numbers(group, axis[0], (length,))[()]
            axes.append(Axis(*axis, values=along))
    block = block_of(said, values, axes)
    if _checksum(values, block.axes) != checksum:
        raise DataFileError(
            f"{path} was changed or damaged: the checksum of block {name!r} does not match"
        )
    return block


def _checksum(values: NDArray[Any], axes: tuple[Axis | None, ...]) -> str:
    digest = hashlib.sha256(repr((values.shape, values.dtype.str)).encode())
    digest.update(np.ascontiguousarray(values).data)
    for axis in axes:
        if axis is not None:
            digest.update(np.ascontiguousarray(axis.values, "<f8").data)
    return digest.hexdigest()

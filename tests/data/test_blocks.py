from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from labsyn.data import nexus_blocks
from labsyn.data.errors import DataFileError
from labsyn.data.frames import BLOCK
from labsyn.data.recovery import recover
from labsyn.data.run import Axis, Column, Run, RunWriter

TIME = np.linspace(0, 1e-3, 500)
WAVES = np.sin(1e4 * TIME) * np.arange(1, 41)[:, None]


def create(path: Path) -> RunWriter:
    return RunWriter.create(path, procedure="P", parameters={}, columns=[Column("x")])


def write_waves(writer: RunWriter) -> None:
    writer.append((1.0,))
    axes = [None, Axis("time", "s", "Time", values=TIME)]
    writer.block("wave", WAVES, "V", axes=axes, long_name="Terminal voltage")
    writer.append((2.0,))
    writer.block("raw", np.array([[1, 2], [3, 4]], np.int16))
    writer.block("empty", np.empty((0, 5)))


def check_waves(run: Run) -> None:
    assert list(run.blocks) == ["wave", "raw", "empty"]
    wave = run.blocks["wave"]
    np.testing.assert_array_equal(wave.values, WAVES)
    assert (wave.name, wave.unit, wave.long_name) == ("wave", "V", "Terminal voltage")
    assert (wave.row, wave.shape) == (1, (40, 500))
    assert run.start_time < wave.time
    assert wave.elapsed > 0
    none, along = wave.axes
    assert none is None
    assert along is not None
    assert (along.name, along.unit, along.long_name) == ("time", "s", "Time")
    np.testing.assert_array_equal(along.values, TIME)
    assert run.blocks["raw"].values.tolist() == [[1, 2], [3, 4]]
    assert run.blocks["raw"].values.dtype == np.int16
    assert (run.blocks["raw"].row, run.blocks["raw"].axes) == (2, ())
    assert run.blocks["empty"].shape == (0, 5)
    assert run["x"].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        wave.values[0, 0] = 1.0


def test_blocks_are_read_back_running_finished_and_recovered(tmp_path: Path) -> None:
    writer = create(tmp_path / "a.h5")
    write_waves(writer)
    check_waves(Run.open(tmp_path / "a.h5"))
    check_waves(Run.open(writer.finish()))
    lost = create(tmp_path / "b.h5")
    write_waves(lost)
    lost.close()
    assert [item.error for item in recover(tmp_path)] == [""]
    check_waves(Run.open(tmp_path / "b.h5"))


def test_blocks_are_compressed_in_chunks_and_plotted_by_nexus(tmp_path: Path) -> None:
    with create(tmp_path / "a.h5") as writer:
        axes = [Axis("trace", values=range(1000)), Axis("time", "s", values=TIME)]
        writer.block("zeros", np.zeros((1000, 500)), "A", axes=axes)
    with h5py.File(tmp_path / "a.h5") as file:
        group = file["entry/waveforms/zeros"]
        assert (group.attrs["NX_class"], group.attrs["signal"]) == ("NXdata", "values")
        assert list(group.attrs["axes"]) == ["trace", "time"]
        assert (group.attrs["trace_indices"], group.attrs["time_indices"]) == (0, 1)
        values = group["values"]
        assert values.chunks == (65, 500)
        assert values.id.get_storage_size() < values.nbytes / 100
        assert (values.attrs["units"], values.attrs["long_name"]) == ("A", "zeros")
        assert group["time"].attrs["units"] == "s"


@pytest.mark.parametrize("shape", [(1, 1), (3, 40_000), (2, 100_001), (30_000, 3)])
def test_noise_that_does_not_compress_fits_into_the_room_kept_for_it(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    values = np.random.default_rng(1).integers(0, 2**63, shape)
    with create(tmp_path / "empty.h5"):
        pass
    with create(tmp_path / "a.h5") as writer:
        writer.block("noise", values)
    run = Run.open(tmp_path / "a.h5")
    np.testing.assert_array_equal(run.blocks["noise"].values, values)
    grown = (tmp_path / "a.h5").stat().st_size - (tmp_path / "empty.h5").stat().st_size
    assert grown < nexus_blocks.block_room(run.blocks["noise"]) + 10_000  # its group


@pytest.mark.parametrize(
    ("values", "changes", "message"),
    [
        (np.zeros(3), {}, "block 'b' has 1 dimensions; two are needed"),
        (np.zeros((2, 2), complex), {}, "is made of complex128; real numbers"),
        ([["a"]], {}, "is made of <U1; real numbers"),
        (np.zeros((2, 2)), {"axes": [None]}, "has 1 axes; none or two are needed"),
        (
            np.zeros((2, 3)),
            {"axes": [Axis("i", values=[1, 2, 3]), None]},
            r"axis 'i' has shape \(3,\), the block \(2, 3\); \(2,\) is needed",
        ),
        (
            np.zeros((1, 1)),
            {"axes": [Axis("i", values=[1]), Axis("i", values=[1])]},
            "has an axis 'i'; the names of its axes must differ",
        ),
        (np.zeros((1, 1)), {"axes": [None, Axis("values", values=[1])]}, "an axis 'values'"),
        (np.zeros((3000, 1000)), {}, r"has 2400\d+ bytes, at most 16777216 are stored at once"),
    ],
)
def test_what_is_no_block_is_refused(
    tmp_path: Path, values: Any, changes: dict[str, Any], message: str
) -> None:
    with create(tmp_path / "a.h5") as writer:
        with pytest.raises(DataFileError, match=message):
            writer.block("b", values, **changes)
        writer.block("b", [[1.0]])
        with pytest.raises(DataFileError, match=r"a\.h5 has a block 'b' already; number them"):
            writer.block("b", [[1.0]])
    assert list(Run.open(tmp_path / "a.h5").blocks) == ["b"]


@pytest.mark.parametrize("item", ["values", "time"])
def test_a_changed_block_is_refused_when_it_is_read(tmp_path: Path, item: str) -> None:
    with create(tmp_path / "a.h5") as writer:
        write_waves(writer)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["entry/waveforms/wave"][item][0] += 1
    run = Run.open(tmp_path / "a.h5")
    assert run.blocks["raw"].values.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(DataFileError, match="damaged: the checksum of block 'wave'"):
        run.blocks["wave"]


@pytest.mark.parametrize(
    "payload", [b"", b"\4\0\0\0null", b"\xff\xff\xff\xff{}", b'\x0c\0\0\0{"name": "x"}']
)
def test_a_block_that_is_none_counts_as_damage(tmp_path: Path, payload: bytes) -> None:
    writer = create(tmp_path / "a.h5")
    writer.append((1.0,))
    writer._journal.write(BLOCK, payload)
    writer.append((2.0,))
    writer.close()
    run = Run.open(tmp_path / "a.h5")
    assert (run.n_rows, dict(run.blocks)) == (1, {})
    assert run.torn_bytes > len(payload)

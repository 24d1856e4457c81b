import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.content import Content
from labsyn.data.errors import DataFileError
from labsyn.data.frames import (
    END,
    EVENT,
    HEADER,
    MAX_PAYLOAD,
    METADATA,
    OVERHEAD,
    ROWS,
    RowFrames,
    pack_frame,
    whole_frames,
)
from labsyn.data.journal import Journal
from labsyn.data.journal_reader import read_journal
from labsyn.data.plain_json import to_json

WHEN = {"time": "2026-01-01T00:00:00+00:00", "elapsed": 0.5}
HALF = WHEN | {"row": 4, "level": "info", "text": "half"}
ENDING = WHEN | {"status": "finished", "reason": "", "traceback": ""}
COLUMNS = [["index", "1", ""], ["current", "A", "Current"]]


def header(**changes: Any) -> bytes:
    plain = {
        "format": "labsyn_run",
        "version": 2,
        "uuid": "5b1c",
        "procedure": "PulseTrain",
        "parameters": {},
        "parameter_units": {},
        "columns": COLUMNS,
        "metadata": {"seed": 1, "sample": "A"},
        "provenance": {},
        "start_time": "2026-01-01T00:00:00+00:00",
    }
    return to_json(plain | changes, "header").encode()


BEGIN = len(pack_frame(HEADER, header(), 0))


def whole_journal(path: Path) -> bytes:
    journal = Journal(path, 2)
    journal.write(HEADER, header())
    for i in range(4):
        journal.write_row((i, -i / 3))
    journal.write(EVENT, to_json(HALF, "event").encode())
    block = np.array([[4, -4 / 3], [5, -5 / 3]], "<f8")
    journal.write(ROWS, block.tobytes(), 2)
    journal.write(METADATA, b'{"sample": "B"}')
    journal.write(END, to_json(ENDING, "end").encode())
    journal.close()
    return path.read_bytes()


def table(content: Content) -> Any:
    return np.column_stack(list(content.columns.values()))


def expected_rows() -> Any:
    return np.array([[i, -i / 3] for i in range(6)])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    whole_journal(path)
    content = read_journal(path)
    np.testing.assert_array_equal(table(content), expected_rows())
    assert content.metadata == {"seed": 1, "sample": "B"}
    assert [event["text"] for event in content.events] == ["half"]
    assert content.ending == ENDING
    assert content.torn_bytes == 0


def test_cut_at_every_byte_only_whole_frames_remain(tmp_path: Path) -> None:
    path, cut = tmp_path / "run.h5.part", tmp_path / "cut.h5.part"
    data = whole_journal(path)
    begin = BEGIN
    n_rows = []
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        if length < begin:
            with pytest.raises(DataFileError, match="holds no whole header"):
                read_journal(cut)
            continue
        content = read_journal(cut)
        n = content.n_rows
        np.testing.assert_array_equal(table(content), expected_rows()[:n])
        assert content.ending is None
        assert 0 <= content.torn_bytes <= length - begin
        n_rows.append(n)
    assert n_rows == sorted(n_rows)
    assert set(n_rows) == {0, 1, 2, 3, 4, 6}  # the block comes whole or not at all


def check_flip(path: Path, data: bytes, byte: int, bit: int) -> None:
    flipped = bytearray(data)
    flipped[byte] ^= 1 << bit
    path.write_bytes(flipped)
    if byte < BEGIN:
        with pytest.raises(DataFileError, match="holds no whole header"):
            read_journal(path)
        return
    content = read_journal(path)
    assert content.torn_bytes >= len(data) - byte
    np.testing.assert_array_equal(table(content), expected_rows()[: content.n_rows])


def test_a_flipped_bit_never_makes_a_wrong_row(tmp_path: Path) -> None:
    data = whole_journal(tmp_path / "run.h5.part")
    rng = random.Random(7)
    for byte in range(len(data)):
        check_flip(tmp_path / "flip.h5.part", data, byte, rng.randrange(8))


@pytest.mark.long
def test_no_flipped_bit_at_all_makes_a_wrong_row(tmp_path: Path) -> None:
    data = whole_journal(tmp_path / "run.h5.part")
    for byte in range(len(data)):
        for bit in range(8):
            check_flip(tmp_path / "flip.h5.part", data, byte, bit)


def frame_ends(data: bytes) -> list[int]:
    ends = [0]
    for number in range(9):
        n_frames, _ = whole_frames(data[ends[-1] :], number)
        assert n_frames == 9 - number
        length = int.from_bytes(data[ends[-1] + 5 : ends[-1] + 9], "little")
        ends.append(ends[-1] + OVERHEAD + length)
    return ends


@pytest.mark.parametrize("change", ["copied", "lost", "swapped"])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_whole_frame_in_the_wrong_place_is_damage(
    tmp_path: Path, change: str, number: int
) -> None:
    path = tmp_path / "run.h5.part"
    data = whole_journal(path)
    ends = frame_ends(data)
    frames = [data[a:b] for a, b in itertools.pairwise(ends)]
    if change == "copied":
        frames.insert(number, frames[number])
        number += 1  # the first of the two is right
    elif change == "lost":
        del frames[number]
    else:
        frames[number : number + 2] = reversed(frames[number : number + 2])
    path.write_bytes(b"".join(frames))
    content = read_journal(path)
    assert content.n_rows == min(number - 1, 4) + 2 * (number > 6)
    np.testing.assert_array_equal(table(content), expected_rows()[: content.n_rows])
    assert content.torn_bytes == len(b"".join(frames[number:]))


def test_rows_of_another_version_than_the_header_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    row = RowFrames(2).pack((1.0, 2.0), 1)
    path.write_bytes(pack_frame(HEADER, header(version=1), 0) + row)
    content = read_journal(path)
    assert (content.n_rows, content.torn_bytes) == (0, len(row))


def test_garbage_behind_the_last_frame_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    data = whole_journal(path)
    path.write_bytes(data + b"\0" * 100)  # what a power cut leaves on some file systems
    assert read_journal(path).torn_bytes == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 3}, r"run file version 3, this labsyn reads up to 2; update labsyn"),
        ({"version": 0}, r"run file version 0, this labsyn reads up to 2"),
        ({"version": True}, r"run file version True, this labsyn reads"),
        ({"format": "other"}, "is no run of labsyn"),
        ({"uuid": 3}, "the header has no 'uuid'"),
        ({"columns": []}, "the header names no columns"),
        ({"columns": [["a", 1, ""]]}, "the header names no columns"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "run.h5.part"
    path.write_bytes(pack_frame(HEADER, header(**change), 0))
    with pytest.raises(DataFileError, match=message):
        read_journal(path)


def test_missing_and_unreadable_journals_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"no\.part does not exist"):
        read_journal(tmp_path / "no.part")
    with pytest.raises(DataFileError, match="is no file"):
        read_journal(tmp_path)


def test_a_deeply_nested_header_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "run.h5.part"
    path.write_bytes(pack_frame(HEADER, b"[" * 1_000_000, 0))
    with pytest.raises(DataFileError, match="is no run of labsyn"):
        read_journal(path)


def test_a_length_that_nobody_writes_is_never_believed(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=f"at most {MAX_PAYLOAD} bytes"):
        pack_frame(ROWS, bytes(MAX_PAYLOAD + 1), 1)

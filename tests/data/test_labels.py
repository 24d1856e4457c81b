import json
from pathlib import Path

import pytest

from labsyn.data.errors import ConfigError, DataFileError, StorageError
from labsyn.data.labels import Labels, change_labels, labels_path, read_labels


def test_a_run_without_labels_has_none(tmp_path: Path) -> None:
    assert read_labels(tmp_path / "a.h5") == Labels(tags=(), note="")


def test_tags_and_note_live_beside_the_run(tmp_path: Path) -> None:
    run = tmp_path / "Größe 1.h5"
    run.write_bytes(before := b"a run")
    change_labels(run, add=["good", "für_Anna"], note="undicht?")
    assert change_labels(run, add=["b"], remove=["good"]).tags == ("b", "für_Anna")
    assert read_labels(run) == Labels(tags=("b", "für_Anna"), note="undicht?")
    assert change_labels(run, note="").note == ""
    assert run.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "Größe 1.h5",
        "Größe 1.tags.json",
    ]


def test_what_a_later_version_added_is_kept(tmp_path: Path) -> None:
    path = labels_path(tmp_path / "a.h5")
    path.write_text('{"labsyn_tags": 1, "tags": ["x"], "note": "n", "colour": "red"}')
    change_labels(tmp_path / "a.h5", add=["y"])
    plain = json.loads(path.read_text())
    assert plain == {"labsyn_tags": 1, "tags": ["x", "y"], "note": "n", "colour": "red"}


@pytest.mark.parametrize("tag", ["", "two words", "a,b", "-x", "'q'", "a=b", "a\n", "(a)"])
def test_a_tag_is_one_word(tmp_path: Path, tag: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a tag; a tag is one word"):
        change_labels(tmp_path / "a.h5", add=[tag])
    assert list(tmp_path.iterdir()) == []


def test_a_tag_that_is_not_there_is_not_removed(tmp_path: Path) -> None:
    change_labels(tmp_path / "a.h5", add=["good", "x"])
    with pytest.raises(ConfigError, match=r"a\.h5 is not tagged 'god'; it has good, x"):
        change_labels(tmp_path / "a.h5", remove=["god"])
    with pytest.raises(ConfigError, match="'x' cannot be added and removed at once"):
        change_labels(tmp_path / "a.h5", add=["x"], remove=["x"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"a\.tags\.json is damaged: it holds no JSON"),
        ("[" * 100_000, "is damaged: it holds no JSON"),
        ("[]", "labels of schema None, this labsyn reads 1"),
        ('{"labsyn_tags": 2}', "labels of schema 2, this labsyn reads 1"),
        ('{"labsyn_tags": 1, "tags": [1]}', "'tags' is a list of texts"),
        ('{"labsyn_tags": 1, "note": null}', "and 'note' a text"),
    ],
)
def test_a_damaged_file_is_left_alone(tmp_path: Path, text: str, message: str) -> None:
    path = labels_path(tmp_path / "a.h5")
    path.write_text(text)
    with pytest.raises(DataFileError, match=message):
        read_labels(tmp_path / "a.h5")
    with pytest.raises(DataFileError, match=message):
        change_labels(tmp_path / "a.h5", add=["good"])
    assert path.read_text() == text


def test_labels_that_cannot_be_read_or_written_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels_path(tmp_path / "b.h5").mkdir()
    with pytest.raises(DataFileError, match=r"b\.tags\.json cannot be read"):
        read_labels(tmp_path / "b.h5")

    def refuse(path: Path, text: str) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("labsyn.data.labels.write_text", refuse)
    with pytest.raises(StorageError, match=r"a\.tags\.json cannot be written: Read-only"):
        change_labels(tmp_path / "a.h5", add=["good"])

"""What people say of a run: tags and a note, in ``NAME.tags.json`` beside it.

The run file is never edited, and no index is needed: whoever copies a run copies this too.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labsyn.data.durability import write_text
from labsyn.data.errors import ConfigError, DataFileError, StorageError
from labsyn.data.sidecar import read_sidecar

SUFFIX = ".tags.json"
SCHEMA = 1

_TAG = re.compile(r"\w[\w.:/#-]*")  # needs no quotes in a query


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Tags and note of a run.

    Attributes
    ----------
    tags : tuple of str
        Sorted, each once.
    note : str
        Free text, empty for none.
    """

    tags: tuple[str, ...] = ()
    note: str = ""


def labels_path(run: Path) -> Path:
    """Return where the labels of the run file `run`, ``NAME.h5``, are kept."""
    return run.with_name(run.name.removesuffix(".h5") + SUFFIX)


def read_labels(run: Path) -> Labels:
    """Return the labels of a run; a run without such a file has none.

    Raises
    ------
    DataFileError
        If the file cannot be read, or is none that this labsyn understands.
    """
    plain = _read(labels_path(run))
    return Labels(tags=tuple(sorted(set(plain.get("tags", ())))), note=plain.get("note", ""))


def change_labels(
    run: Path, *, add: Iterable[str] = (), remove: Iterable[str] = (), note: str | None = None
) -> Labels:
    """Add and remove tags of a run, or replace its note; return the labels it has then.

    The file is written whole. Of two programs that change the same run in the same moment,
    the last one wins.

    Parameters
    ----------
    run : Path
        The run file, ``NAME.h5``.
    add, remove : iterable of str
        Tags: a letter or digit, then letters, digits and any of ``_ . : / # -``.
    note : str, optional
        The new note, empty to take it away; None leaves it as it is.

    Raises
    ------
    ConfigError
        If a tag is not allowed, is to be added and removed, or is to be removed and not there.
    DataFileError
        If the file that is there cannot be read; it is left alone.
    StorageError
        If it cannot be written.
    """
    path = labels_path(run)
    plain = _read(path)
    tags = set(plain.get("tags", ()))
    added, removed = set(add), set(remove)
    _check_tags(run, tags, added, removed)
    plain |= {"labsyn_tags": SCHEMA, "tags": sorted((tags | added) - removed)}
    if note is not None:
        plain["note"] = note
    try:
        write_text(path, json.dumps(plain, indent=1))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    return Labels(tags=tuple(plain["tags"]), note=plain.get("note", ""))


def _check_tags(run: Path, tags: set[str], added: set[str], removed: set[str]) -> None:
    for tag in sorted(added):
        if not _TAG.fullmatch(tag):
            raise ConfigError(
                f"{tag!r} cannot be a tag; a tag is one word of letters, digits and _ . : / # -"
            )
    if both := added & removed:
        raise ConfigError(f"tag {min(both)!r} cannot be added and removed at once")
    if absent := removed - tags:
        has = ", ".join(sorted(tags)) or "no tags"
        raise ConfigError(f"{run} is not tagged {min(absent)!r}; it has {has}")


def _read(path: Path) -> dict[str, Any]:
    """Return all that the file holds, also what a later labsyn may have added."""
    plain = read_sidecar(
        path, "labsyn_tags", SCHEMA, what="labels",
        damage=": it holds no JSON; mend or remove it",
    )  # fmt: skip
    tags, note = plain.get("tags", []), plain.get("note", "")
    if not (
        isinstance(tags, list)
        and all(isinstance(t, str) for t in tags)
        and isinstance(note, str)
    ):
        raise DataFileError(f"{path} is damaged: 'tags' is a list of texts and 'note' a text")
    return plain

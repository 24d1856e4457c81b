"""Where an export goes: a file that is new, and that is there whole or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labsyn.data.durability import whole_file
from labsyn.data.errors import ConfigError, StorageError


def check_new(path: Path, *, force: bool) -> None:
    """Refuse to write over a file.

    Raises
    ------
    ConfigError
        If there is one and `force` was not said.
    """
    if path.exists() and not force:
        raise ConfigError(f"{path} exists already; name another with -o, or say --force")


def check_no_source(path: Path, sources: Iterable[Path]) -> None:
    """Refuse to write over what is exported, even by force.

    Raises
    ------
    ConfigError
        If `path` is one of `sources`.
    """
    if path.resolve() in map(Path.resolve, sources):
        raise ConfigError(f"{path} is what is exported; name another file with -o")


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give the path of a file to write, which becomes `path` once it is whole.

    Raises
    ------
    ConfigError
        If `path` exists and `force` was not said.
    StorageError
        If it cannot be written.
    """
    check_new(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            yield temporary
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error


def write_new(path: Path, text: str, *, force: bool = False) -> Path:
    """Write a text as `new_file` does; return `path`."""
    with new_file(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path

"""``labsyn tag`` and ``labsyn note``: say something of a run, beside its file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from labsyn.cli.catalogue import RUNS
from labsyn.cli.console import tell

TAG_SETTINGS: dict[str, Any] = {
    # "-bad" is a tag to take away, no option; "-h" among its letters would be.
    "ignore_unknown_options": True,
    "help_option_names": ["--help"],
}

Run = Annotated[Path, typer.Argument(help="A run file, or the name of a run in runs/.")]


def tag(
    run: Run,
    changes: Annotated[
        list[str] | None, typer.Argument(help="+TAG to add, -TAG to take away.")
    ] = None,
) -> None:
    """Tag a run: labsyn tag RUN +good -bad; without changes it shows the tags."""
    from labsyn.data.errors import ConfigError
    from labsyn.data.labels import change_labels, read_labels

    path = find_run(run)
    for change in changes or []:
        if change[0:1] not in ("+", "-"):
            raise ConfigError(
                f"{change!r}: write +{change} to add the tag, -{change} to remove"
            )
    add = [change[1:] for change in changes or [] if change[0] == "+"]
    remove = [change[1:] for change in changes or [] if change[0] == "-"]
    labels = change_labels(path, add=add, remove=remove) if changes else read_labels(path)
    tell(f"{path}: {' '.join(labels.tags) or 'no tags'}")


def note(
    run: Run,
    text: Annotated[
        str | None, typer.Argument(help="The new note in place of the old; '' for none.")
    ] = None,
) -> None:
    """Write a note beside a run: labsyn note RUN "leaky contact"; without text it shows it."""
    from labsyn.data.labels import change_labels, read_labels

    path = find_run(run)
    labels = read_labels(path) if text is None else change_labels(path, note=text)
    tell(f"{path}: {labels.note or 'no note'}")


def find_run(run: Path) -> Path:
    """Return the run file (finished, or to be) that was meant by a path or a name.

    Raises
    ------
    DataFileError
        If there is none.
    """
    from labsyn.data.durability import is_file
    from labsyn.data.errors import DataFileError
    from labsyn.data.run_files import journal_path

    bare = run.name.removesuffix(".part").removesuffix(".h5")
    for folder in (run.parent, RUNS / run.parent):
        path = folder / f"{bare}.h5"
        if bare and (is_file(path) or is_file(journal_path(path))):
            return path
    raise DataFileError(
        f"there is no run {run}, here or in {RUNS}; 'labsyn list FOLDER' shows what there is"
    )

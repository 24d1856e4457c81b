"""``labsyn list`` and ``labsyn search``: the runs of a folder, newest first."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labsyn.cli.console import Json, Steps, print_json, print_table, progress

if TYPE_CHECKING:
    from labsyn.data.catalogue import Catalogue
    from labsyn.data.catalogue_entry import Entry

RUNS = Path("runs")
"""Where `labsyn run` puts runs, and where they are looked for."""

_PAGE = 50
_MANY = 500  # runs that take long enough to read that one wants to see it go on
_HEADS = ["run", "started", "procedure", "device", "sample", "status", "rows", "tags"]

Folder = Annotated[Path, typer.Argument(help="Folder of the runs; those below count too.")]
Sort = Annotated[
    str, typer.Option(help="Name to sort by, say beta_P, smallest first; -beta_P: largest.")
]
Limit = Annotated[
    int | None,
    typer.Option(min=0, help=f"Most runs to print, 0 for all (a table: {_PAGE}; JSON: all)."),
]


def list_runs(
    folder: Folder = RUNS, sort: Sort = "", limit: Limit = None, as_json: Json = False
) -> None:
    """List the runs of a folder, newest first."""
    catalogue = _open(folder)
    if not catalogue.entries and not as_json:
        typer.echo(
            f"no runs in {folder}: measure one (labsyn run pulse_train --device lixcoo2 "
            f"-o {folder}), or name another folder (labsyn list FOLDER)"
        )
        return
    _print(catalogue, catalogue.entries, sort, limit, as_json)


def search(
    query: Annotated[
        str, typer.Argument(help='For example "beta_P > 2 and device = lixcoo2".')
    ],
    folder: Folder = RUNS,
    sort: Sort = "",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """List the runs that a query describes: "pulse_width < 10 ms and not tag = bad"."""
    catalogue = _open(folder)
    found = catalogue.search(query)
    if not found and not as_json:
        typer.echo(f"no run in {folder} is like that, of {_count(len(catalogue.entries))}")
        return
    _print(catalogue, found, sort, limit, as_json)


def _open(folder: Path) -> "Catalogue":
    from labsyn.data.catalogue import Catalogue
    from labsyn.data.errors import DataFileError

    if folder == RUNS and not folder.is_dir():
        raise DataFileError(
            "there is no folder 'runs' here: measure something first (labsyn run pulse_train "
            "--device lixcoo2), or name the folder of your runs"
        )
    with progress() as bars, _without_collection():
        steps = Steps(bars)

        def update(done: float, total: float) -> None:
            if total > _MANY:
                if done == 1:
                    steps.start(f"reading {total:.0f} new or changed runs in {folder}")
                steps.update(100 * done / total)

        catalogue = Catalogue(folder, on_progress=update)
    for notice in catalogue.notices:
        typer.echo(f"notice: {notice}", err=True)
    return catalogue


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python from looking for garbage among thousands of new entries."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _print(
    catalogue: "Catalogue",
    entries: "Sequence[Entry]",
    sort: str,
    limit: int | None,
    as_json: bool,
) -> None:
    chosen = catalogue.sort(entries, sort) if sort else list(entries)
    most = limit if limit is not None else (0 if as_json else _PAGE)
    shown = chosen[:most] if most else chosen
    if as_json:
        print_json([entry.to_dict() for entry in shown])
        return
    _table(f"{_count(len(chosen))} in {catalogue.folder}", shown)
    if len(shown) < len(chosen):
        typer.echo(f"{len(chosen) - len(shown)} more; --limit 0 prints all")


def _count(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"


def _table(title: str, entries: "Sequence[Entry]") -> None:
    """Print the columns that some run fills; fits and problems only where there are any."""
    heads, rows = list(_HEADS), [_row(entry) for entry in entries]
    for head, metric in (("β_P", "beta_P"), ("β_D", "beta_D")):
        if any(metric in entry.fit for entry in entries):
            heads.append(head)
            for row, entry in zip(rows, entries, strict=True):
                row.append(_metric(entry, metric))
    if any(entry.problem for entry in entries):
        heads.append("problem")
        for row, entry in zip(rows, entries, strict=True):
            row.append(entry.problem)
    print_table(title, heads, rows)


def _row(entry: "Entry") -> list[str]:
    sample = [f"{k}={v}" for k, v in entry.sample.items() if k != "device"]
    return [
        entry.name,
        entry.started[:16].replace("T", " "),
        entry.procedure,
        entry.device,
        " ".join(sample),
        entry.status,
        "" if entry.n_rows is None else str(entry.n_rows),
        " ".join(entry.tags),
    ]


def _metric(entry: "Entry", name: str) -> str:
    found = entry.fit.get(name)
    if found is None:
        return ""
    error = found.standard_error
    return f"{found.value:.3g}" + ("" if error is None else f" ± {error:.2g}")

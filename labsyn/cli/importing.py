"""``labsyn import``: files of other programs become runs, and every decision is told."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli import import_options as given
from labsyn.cli.console import Json, print_json, print_table, say, tell, writable_folder

if TYPE_CHECKING:
    from labsyn.data.importers.options import ImportOptions
    from labsyn.data.importers.result import Imported

Done = list[tuple[Path, bool, "Imported"]]

EXAMPLES = """\b
Examples:
  labsyn import sweep.csv                            what states its units needs no more
  labsyn import pulses.csv --unit uS                 two columns, up and down
  labsyn import set.csv reset.csv                    CrossSim's two are one run
  labsyn import g.csv --column conductance=G:uS --branch sign:Vp --column Vp:V
  labsyn import book.xlsx --sheet Run1 --column GM:S
  labsyn import array.csv.gz --device 3,7 --branch sign:pulse_voltage
  labsyn import old.mat --column conductance=run.G:S --column "pulse=N(:,1)"
"""


def import_(
    paths: Annotated[
        list[Path], typer.Argument(help="Files; CrossSim's of one folder are one run.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder of the runs that are written.")
    ] = Path("runs"),
    format: given.Format = "",
    unit: given.Unit = "",
    column: given.Column = None,
    only_stated: given.OnlyStated = False,
    branch: given.Branch = "",
    mirrored: given.Mirrored = False,
    device: given.Device = "",
    sheet: given.Sheet = "",
    delimiter: given.Delimiter = "",
    decimal: given.Decimal = "",
    encoding: given.Encoding = "",
    map_file: given.MapFile = None,
    as_json: Json = False,
) -> None:
    """Import files of other programs as runs; units and branches are stated, never guessed.

    PyMeasure, EasyEXPERT, Clarius, Keysight oscilloscopes, ArC ONE and TWO, CrossSim, CSV,
    .xlsx and .mat are told apart by their content. Each run keeps the checksum of its file,
    what was stated, and what was decided.
    """
    chosen, options = given.stated(
        map_file, format, unit=unit, column=column, only_stated=only_stated, branch=branch,
        mirrored=mirrored, device=device, sheet=sheet, delimiter=delimiter, decimal=decimal,
        encoding=encoding,
    )  # fmt: skip
    done, failed = _import_all(paths, writable_folder(out), chosen, options)
    if len(paths) == 1 and failed:
        raise next(iter(failed.values()))
    if as_json:
        print_json(
            {
                "runs": [_summary(*item) for item in done],
                "failed": {str(path): str(error) for path, error in failed.items()},
            }
        )
    else:
        for item in done:
            _show(*item)
    for error in failed.values():
        for sentence in (str(error), *getattr(error, "__notes__", ())):
            say(sentence)
    if failed:
        raise typer.Exit(1)


def _import_all(
    paths: list[Path], folder: Path, format: str | None, options: "ImportOptions"
) -> tuple[Done, dict[Path, Exception]]:
    """Import each measurement; one bad file does not stop the others."""
    from labsyn.data.errors import LabsynError
    from labsyn.data.importers.reading import group, read_sources
    from labsyn.data.importers.store import save_run

    groups, failed = group(paths, format, options)
    done: Done = []
    for sources, chosen in groups:
        try:
            imported = read_sources(sources, chosen, options)
            done.append((*save_run(imported, folder), imported))
        except LabsynError as error:
            failed[sources[0].path] = error
    return done, failed


def _summary(path: Path, written: bool, imported: "Imported") -> dict[str, Any]:
    return {
        "file": str(path),
        "written": written,
        "format": imported.format,
        "sources": imported.files,
        "rows": int(imported.columns[0].values.size),
        "report": imported.report.to_dict(),
    }


def _show(path: Path, written: bool, imported: "Imported") -> None:
    report = imported.report
    names = ", ".join(file["name"] for file in imported.files)
    rows = [
        [c["name"], c["heading"], c["file_unit"], c["unit"], c["unit_from"]]
        for c in report.columns
    ]
    heads = ["column", "heading", "unit there", "unit here", "unit from"]
    print_table(f"{names}: {imported.format}", heads, rows)
    found = ", ".join(f"{key} {_shown(value)}" for key, value in report.found.items())
    for kind, sentences in (
        ("found", [found] if found else []),
        ("decided", report.decisions),
        ("warning", report.warnings),
    ):
        for sentence in sentences:
            tell(f"{kind}: {sentence}")
    typer.echo(f"{'written' if written else 'there already, as it is now'}: {path}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, str) and not value.isalnum() else str(value)

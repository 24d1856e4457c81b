"""``labsyn import``: files of other programs become runs, and every decision is told."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli.console import print_json, print_table, writable_folder

if TYPE_CHECKING:
    from labsyn.data.importers.options import ImportOptions
    from labsyn.data.importers.result import Imported


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files; CrossSim's two are one run.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder of the runs that are written.")
    ] = Path("runs"),
    format: Annotated[
        str, typer.Option("--format", help="Format, where the content does not tell.")
    ] = "",
    unit: Annotated[
        str, typer.Option(help="Unit of the conductance: S, mS, uS, nS, or 1 (normalised).")
    ] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(help="NAME=HEADING:UNIT, such as conductance=G:uS; #2 is column 2."),
    ] = None,
    only_stated: Annotated[
        bool, typer.Option("--only-stated", help="Leave out every other column.")
    ] = False,
    branch: Annotated[
        str,
        typer.Option(
            help="potentiation, depression, sign:COLUMN, or sign:-COLUMN (negative pulses "
            "potentiate)."
        ),
    ] = "",
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Depression is stored last pulse first.")
    ] = False,
    device: Annotated[str, typer.Option(help="W,B: the device of an array to take.")] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook.")] = "",
    delimiter: Annotated[str, typer.Option(help="Delimiter of a CSV, if found wrong.")] = "",
    decimal: Annotated[str, typer.Option(help="Decimal mark, '.' or ','.")] = "",
    encoding: Annotated[str, typer.Option(help="Encoding of a text, such as cp1252.")] = "",
    map_file: Annotated[
        Path | None, typer.Option("--map", help="TOML file that states all of this.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of tables.")
    ] = False,
) -> None:
    """Import files of other programs as runs; units and branches are stated, never guessed."""
    from labsyn.data.importers.options import ColumnRule, ImportOptions

    stated = ImportOptions(
        unit=unit or None,
        columns=tuple(ColumnRule.parse(text) for text in column or ()),
        only_stated=only_stated,
        branch=branch or None,
        mirrored=mirrored,
        device=device or None,
        sheet=sheet or None,
        delimiter="\t" if delimiter == "\\t" else delimiter or None,
        decimal=decimal or None,
        encoding=encoding or None,
    )
    _import_all(paths, out, format or None, stated, map_file, as_json)


def _import_all(
    paths: list[Path],
    out: Path,
    format: str | None,
    options: "ImportOptions",
    map_file: Path | None,
    as_json: bool,
) -> None:
    """Import each measurement; one bad file does not stop the others."""
    from labsyn.data.errors import LabsynError
    from labsyn.data.importers.options import load_map
    from labsyn.data.importers.reading import group, read_sources
    from labsyn.data.importers.store import run_path, save_run

    if map_file is not None:
        mapped_format, mapped = load_map(map_file)
        format, options = format or mapped_format, mapped.merged(options)
    folder = writable_folder(out)
    groups, failed = group(paths, format, options)
    done: list[tuple[Path, Imported]] = []
    for sources, chosen in groups:
        try:
            imported = read_sources(sources, chosen, options)
            done.append((save_run(imported, run_path(folder, sources[0].path)), imported))
        except LabsynError as error:
            failed[sources[0].path] = error
    if len(paths) == 1 and failed:
        raise next(iter(failed.values()))
    if as_json:
        print_json(
            {
                "runs": [_summary(path, imported) for path, imported in done],
                "failed": {str(path): str(error) for path, error in failed.items()},
            }
        )
    else:
        for path, imported in done:
            _show(path, imported)
        for error in failed.values():
            typer.echo(f"labsyn: {error}", err=True)
    if failed:
        raise typer.Exit(1)


def _summary(path: Path, imported: "Imported") -> dict[str, Any]:
    return {
        "file": str(path),
        "format": imported.format,
        "sources": imported.files,
        "rows": int(imported.columns[0].values.size),
        "report": imported.report.to_dict(),
    }


def _show(path: Path, imported: "Imported") -> None:
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
            typer.echo(f"{kind}: {sentence}")
    typer.echo(f"written: {path}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, str) and not value.isalnum() else str(value)

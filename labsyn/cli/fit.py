"""``labsyn fit``: every metric of a pulse train, measured by us or by somebody else."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labsyn.cli import import_options as given
from labsyn.cli.console import Json, print_json, print_table, tell, writable_folder

if TYPE_CHECKING:
    from labsyn.analysis.characterise import Characterisation


def fit(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="A run (.h5), a two-column CSV (up, down), set.csv reset.csv, or a file of "
            "another format that is imported."
        ),
    ],
    unit: given.Unit = "",
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder of the results (default: beside)."),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Also write the figures.")] = False,
    format: given.Format = "",
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
    condition: Annotated[
        int | None,
        typer.Option(min=1, help="Which condition, of a run that went through several."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit β, α, symmetry, range and noise, and write NAME.fit.json for labsyn simulate."""
    from labsyn.analysis.characterise import characterise
    from labsyn.data.curves import load_curves
    from labsyn.data.run_files import finished_path

    chosen, options = given.stated(
        map_file, format, unit=unit, column=column, only_stated=only_stated, branch=branch,
        mirrored=mirrored, device=device, sheet=sheet, delimiter=delimiter, decimal=decimal,
        encoding=encoding,
    )  # fmt: skip
    curves = load_curves(paths, format=chosen, options=options, condition=condition)
    folder = writable_folder(out if out is not None else paths[0].parent)
    result = characterise(curves)
    stem = finished_path(paths[0]).stem  # of a run that goes on, too
    stem += f"-condition-{condition}" if condition is not None else ""
    written = [result.save(folder / f"{stem}.fit.json")]
    if plot:
        written += save_figures(result, folder, stem)
    if as_json:
        print_json(result.to_dict())
        return
    show(result)
    for path in written:
        typer.echo(f"written: {path}")


def show(result: "Characterisation") -> None:
    """Print the tables of a result."""
    from labsyn.report.tables import HEADS, device_rows, verdict_rows

    unit = "normalised" if result.unit == "1" else f"in {result.unit}"
    print_table(f"{result.source} (conductance {unit})", HEADS, device_rows(result))
    print_table(
        "which law describes the curve", ["branch", "law", "verdict"], verdict_rows(result)
    )
    for note in result.notes:
        tell(f"note: {note}")


def save_figures(
    result: "Characterisation", folder: Path, stem: str, watermark: str = ""
) -> list[Path]:
    """Write the figures of a pulse train; return the files."""
    from labsyn.report.curves import curves_figure, updates_figure
    from labsyn.report.style import save

    return [
        *save(curves_figure(result, watermark), folder / f"{stem}-curves"),
        *save(updates_figure(result, watermark), folder / f"{stem}-updates"),
    ]

"""What is stated of files of other programs: the options that import and fit share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from labsyn.data.importers.options import ImportOptions

Format = Annotated[
    str,
    typer.Option(
        "--format",
        help="Format, where the content does not tell: pymeasure, easyexpert, clarius, "
        "keysight-scope, arc-one, arc-two, crosssim, crosssim-dg, matlab, two-column, table, "
        "xlsx.",
    ),
]
Unit = Annotated[
    str,
    typer.Option(help="Unit of the conductance: S, mS, uS, nS, or 1 for normalised weights."),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME=HEADING:UNIT, once a column: conductance=G:uS; #2 is the second column; "
        "NAME= and :UNIT may be left out."
    ),
]
OnlyStated = Annotated[
    bool, typer.Option("--only-stated", help="Leave out every column without --column.")
]
Branch = Annotated[
    str,
    typer.Option(
        help="Which rows potentiate: potentiation or depression (all), sign:COLUMN (positive "
        "ones), sign:-COLUMN (negative ones); of several CrossSim files one each, with commas."
    ),
]
Mirrored = Annotated[
    bool, typer.Option("--mirrored", help="Depression is stored last pulse first.")
]
Device = Annotated[str, typer.Option(help="W,B: the device of an ArC array to take.")]
Sheet = Annotated[str, typer.Option(help="Sheet of a workbook.")]
Delimiter = Annotated[str, typer.Option(help="Delimiter of a CSV, if found wrong; \\t is tab.")]
Decimal = Annotated[str, typer.Option(help="Decimal mark of a CSV, if found wrong: . or ,")]
Encoding = Annotated[str, typer.Option(help="Encoding of a CSV, such as cp1252.")]
MapFile = Annotated[
    Path | None, typer.Option("--map", help="TOML file that states all of this.")
]


def stated(
    map_file: Path | None,
    format: str,
    *,
    unit: str,
    column: list[str] | None,
    only_stated: bool,
    branch: str,
    mirrored: bool,
    device: str,
    sheet: str,
    delimiter: str,
    decimal: str,
    encoding: str,
) -> tuple[str | None, "ImportOptions"]:
    """Return format and options: those of the command line go before those of the map.

    Raises
    ------
    ConfigError
        If one is wrong, or the map cannot be read.
    """
    from labsyn.data.importers.options import ColumnRule, ImportOptions, load_map

    options = ImportOptions(
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
    if map_file is None:
        return format or None, options
    mapped_format, mapped = load_map(map_file)
    return format or mapped_format, mapped.merged(options)

"""The formats that are imported, what each has a use for, and how its content tells it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labsyn.data.errors import ConfigError, ImportFormatError
from labsyn.data.importers import (
    arc_one,
    arc_two,
    clarius,
    crosssim_grid,
    easyexpert,
    keysight_scope,
    pulse_files,
    pymeasure_csv,
    table_matlab,
    table_text,
    table_workbook,
)
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import RawTable
from labsyn.data.importers.source import Source, is_arc_two

_TEXT = frozenset(("delimiter", "decimal", "encoding"))
_COLUMNS = frozenset(("columns", "only_stated", "unit", "branch", "mirrored"))
_RAMPS = frozenset(("unit", "branch", "mirrored"))


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format.

    Attributes
    ----------
    name, title : str
        For ``--format``, and for people.
    options : frozenset of str
        Names of the `ImportOptions` that it has a use for; others are refused.
    recognise : callable
        Whether a file is one by its content.
    read : callable
        From the files of one measurement to its columns.
    generic : bool
        Whether it is only asked when no other format knows the file.
    joins : bool
        Whether several files of it are one measurement.
    settles : frozenset of str
        Options that `read` has followed already.
    """

    name: str
    title: str
    options: frozenset[str]
    recognise: Callable[[Source, ImportOptions], bool]
    read: Callable[[Sequence[Source], ImportOptions], RawTable]
    generic: bool = False
    joins: bool = False
    settles: frozenset[str] = frozenset()


def _format(
    name: str,
    title: str,
    options: frozenset[str],
    recognise: Callable[[Source], bool],
    read: Callable[[Source, ImportOptions], RawTable],
    generic: bool = False,
) -> Format:
    """Return a format of one file a measurement, known by its content alone."""
    return Format(
        name=name,
        title=title,
        options=options,
        recognise=lambda source, options: recognise(source),
        read=lambda sources, options: read(sources[0], options),
        generic=generic,
    )


FORMATS: tuple[Format, ...] = (
    _format("pymeasure", "PyMeasure CSV", _TEXT | _COLUMNS,
            pymeasure_csv.is_pymeasure, pymeasure_csv.read_pymeasure),
    _format("easyexpert", "Keysight EasyEXPERT CSV", _TEXT | _COLUMNS,
            easyexpert.is_easyexpert, easyexpert.read_easyexpert),
    _format("clarius", "Keithley 4200A Clarius .xlsx", _COLUMNS | {"sheet"},
            clarius.is_clarius, clarius.read_clarius),
    _format("keysight-scope", "Keysight oscilloscope CSV", _TEXT | _COLUMNS,
            keysight_scope.is_scope, keysight_scope.read_scope),
    _format("arc-one", "ArC ONE CSV (.csv, .csv.gz)", _TEXT | _COLUMNS | {"device"},
            arc_one.is_arc_one, arc_one.read_arc_one),
    _format("arc-two", "ArC TWO HDF5", _COLUMNS | {"device"},
            lambda source: is_arc_two(source.path), arc_two.read_arc_two),
    Format(name="crosssim", title="CrossSim set and reset CSV", options=_TEXT | _RAMPS,
           recognise=lambda source, options: pulse_files.is_ramps(source),
           read=pulse_files.read_pulse_files, joins=True, settles=_RAMPS),
    Format(name="crosssim-dg", title="CrossSim ΔG tables", options=_TEXT | {"unit", "branch"},
           recognise=lambda source, options: crosssim_grid.is_grid(source),
           read=crosssim_grid.read_grids, joins=True, settles=_RAMPS),
    _format("matlab", ".mat (5 and 7.3)", _COLUMNS - {"only_stated"},
            table_matlab.is_matlab, table_matlab.read_matlab),
    Format(name="two-column", title="CSV of two columns, up and down", generic=True,
           options=_TEXT | {"unit", "mirrored"}, settles=_RAMPS,
           recognise=pulse_files.is_two_columns, read=pulse_files.read_pulse_files),
    Format(name="table", title="CSV of any columns", generic=True, options=_TEXT | _COLUMNS,
           recognise=table_text.is_text_table,
           read=lambda sources, options: table_text.read_text_table(sources[0], options)),
    _format("xlsx", ".xlsx of any columns", _COLUMNS | {"sheet"},
            table_workbook.is_workbook, table_workbook.read_workbook, generic=True),
)  # fmt: skip
"""Every format, the particular ones first."""


def by_name(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    for item in FORMATS:
        if item.name == name:
            return item
    names = ", ".join(item.name for item in FORMATS)
    raise ConfigError(f"format {name!r} is not known; the formats are {names}")


def candidates(source: Source, options: ImportOptions) -> list[Format]:
    """Return the formats that a file can have by its content."""
    particular = [f for f in FORMATS if not f.generic and f.recognise(source, options)]
    return particular or [f for f in FORMATS if f.generic and f.recognise(source, options)]


def detect(source: Source, options: ImportOptions) -> Format:
    """Return the one format that a file has by its content, and with what was stated.

    Raises
    ------
    ImportFormatError
        If it has none, or could have several: which, and how to say it.
    """
    found = candidates(source, options)
    fitting = [item for item in found if options.stated <= item.options] or found[:1]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        told = " or ".join(f"{item.name} ({item.title})" for item in fitting)
        raise ImportFormatError(
            f"{source.path} could be {told}; say which with --format, or state --unit (1, "
            "S, mS, uS, nS) if one column is the conductance after up pulses, the other that "
            "after down pulses"
        )
    raise ImportFormatError(f"{source.path}{_unknown(source)}")


def _unknown(source: Source) -> str:
    """Return what a file is, if it is none that is imported."""
    titles = ", ".join(item.title for item in FORMATS)
    if source.kind == "xls":
        return " is a workbook of older Excel (.xls); save it as .xlsx, or as CSV"
    if source.kind != "text":
        return f" is {source.kind.upper()}, but of nobody whose files are imported: {titles}"
    if not source.first_lines:
        return " is empty: it holds no row"
    first = source.first_lines[0][:40]
    return f", line 1: {first!r} begins none of the formats that are imported: {titles}"

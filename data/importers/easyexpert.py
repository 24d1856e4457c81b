"""CSV files of Keysight EasyEXPERT (B1500A): one test, or several one after the other.

Three shapes are met. *Keywords*: every row begins with one (``SetupTitle``, ``TestParameter``,
``MetaData``, ``Dimension1``, ``DataName``, ``DataValue``). *Setup title*: rows of key and
values, after ``AutoAnalysis.Marker.Data.StartCondition`` one row of names, then numbers.
*Plain*: names and numbers only, which is read as any table with headings.

Units are nowhere written: a name listed in ``Channel.VName`` is a voltage, in
``Channel.IName`` a current, in ``Channel.Time`` a time; user functions have none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from labsyn.data.errors import ImportFormatError
from labsyn.data.importers.cells import Row, Table, read_table, without_trailing_blanks
from labsyn.data.importers.headed import cells_under, number_tests, one_below_the_other
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import RawColumn, RawTable
from labsyn.data.importers.source import Source

_TESTS = ("PrimitiveTest", "ApplicationTest", "ClassicTest")
_SIZES = ("Dimension1", "Dimension2")
_SETTINGS = ("TestParameter", "MetaData")  # AnalysisSetup is how a graph looked on screen
_DATA = ("DataName", "DataValue")
_KEYWORDS = ("SetupTitle", "AnalysisSetup", *_TESTS, *_SIZES, *_SETTINGS, *_DATA)
_TITLE = "Setup title"
_LAST_KEY = "AutoAnalysis.Marker.Data.StartCondition"
_UNITS = {"Channel.VName": "V", "Channel.IName": "A", "Channel.Time": "s"}


@dataclass
class _Test:
    """One test of a file."""

    line: int
    first: int = 0  # cells before the numbers of a row
    title: str = ""
    settings: dict[str, list[str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def units(self) -> dict[str, tuple[str, str]]:
        """Return unit and origin of each named channel."""
        return {
            name: (unit, key)
            for key, unit in _UNITS.items()
            for name in self.settings.get(key, ())
            if name
        }

    def size(self, dimension: str) -> int:
        """Return the points that were planned along it; 0 if the file does not say."""
        sizes = [int(n) for n in self.settings.get(dimension, ()) if n.isdecimal()]
        return max(sizes, default=0)

    def told(self) -> dict[str, object]:
        """Return what the run keeps of it."""
        return {"title": self.title, "rows": len(self.rows), "settings": self.settings}


def is_easyexpert(source: Source) -> bool:
    """Return whether the first row is one of EasyEXPERT's, in the first two shapes."""
    first = "".join(source.first_lines[:1]).replace('"', "").partition(",")[0].strip()
    return first in (*_KEYWORDS, _TITLE)


def read_easyexpert(source: Source, options: ImportOptions) -> RawTable:
    """Return the tests of a file, one below the other; `test` and `sweep` tell them apart."""
    table = read_table(source, options)
    titled = table.rows[0][1][0].strip() == _TITLE
    tests = list(_titled_tests(table) if titled else _keyword_tests(table))
    for test in tests:
        if not test.names:
            raise ImportFormatError(
                f"{source.path}, line {test.line}: a test without the names of its data "
                f"({f'the row after {_LAST_KEY}' if titled else 'DataName'})"
            )
    warnings = [note for i, test in enumerate(tests, start=1) for note in _end_notes(test, i)]
    return RawTable(
        path=source.path,
        columns=[*_positions(tests), *_columns(table, tests)],
        lines=[line for test in tests for line, _ in test.rows],
        decimal=table.dialect.decimal,
        found={**table.found, "tests": len(tests)},
        decisions=["units: by Channel.VName, Channel.IName and Channel.Time of each test"],
        warnings=warnings,
        metadata={"tests": [test.told() for test in tests]},
    )


def _keyword_tests(table: Table) -> Iterator[_Test]:
    test = _Test(table.rows[0][0], first=1)
    for line, row in table.rows:
        keyword, *values = [cell.strip() for cell in row]
        if keyword not in _KEYWORDS:
            raise ImportFormatError(
                f"{table.path}, line {line}: {keyword[:40]!r} is no keyword of EasyEXPERT"
            )
        if test.names and keyword != "DataValue":  # the next test of a file in append mode
            yield test
            test = _Test(line, first=1)
        if keyword == "SetupTitle":
            test.title = ", ".join(values)
        elif keyword == "DataName":
            test.names = _names(table, line, values)
        elif keyword == "DataValue":
            if not test.names:
                raise ImportFormatError(f"{table.path}, line {line}: DataValue before DataName")
            test.rows.append((line, row))
        elif keyword in _SETTINGS and values:
            test.settings[values[0]] = values[1:]
        elif keyword in (*_TESTS, *_SIZES):
            test.settings[keyword] = values
    yield test


def _titled_tests(table: Table) -> Iterator[_Test]:
    test = _Test(table.rows[0][0])
    expects_names = False
    for line, row in table.rows:
        key, *values = [cell.strip() for cell in row]
        if key == _TITLE:
            if test.names or test.title:
                yield test
                test = _Test(line)
            test.title = ", ".join(values)
        elif expects_names:
            test.names, expects_names = _names(table, line, [key, *values]), False
        elif test.names:
            test.rows.append((line, row))
        else:
            test.settings[key] = values
            expects_names = key == _LAST_KEY
    yield test


def _names(table: Table, line: int, names: list[str]) -> list[str]:
    names = without_trailing_blanks(names)
    wrong = [name for i, name in enumerate(names) if not name or name in names[:i]]
    if wrong or not names:
        what = f"{wrong[0]!r} is empty or named twice" if names else "no names"
        raise ImportFormatError(f"{table.path}, line {line}: names of the data: {what}")
    return names


def _columns(table: Table, tests: Sequence[_Test]) -> list[RawColumn]:
    """Return each name of any test as one column; empty cells where a test lacks it."""
    of_tests: list[dict[str, list[str]]] = []
    units: dict[str, tuple[str, str]] = {}
    for test in tests:
        cells = cells_under(table, test.names, test.rows, test.first)
        of_tests.append(dict(zip(test.names, cells, strict=True)))
        for name, unit in test.units().items():
            if units.setdefault(name, unit)[0] != unit[0]:
                raise ImportFormatError(
                    f"{table.path}, line {test.line}: {name!r} is in {unit[0]} here, in "
                    f"{units[name][0]} in one before; import them apart"
                )
    joined = one_below_the_other(of_tests, [len(test.rows) for test in tests])
    return [
        RawColumn(
            heading=name, cells=column, number=i, unit=units.get(name, (None, ""))[0],
            unit_from=units.get(name, (None, ""))[1],
        )
        for i, (name, column) in enumerate(joined.items(), start=1)
    ]  # fmt: skip


def _end_notes(test: _Test, number: int) -> Iterator[str]:
    """Tell of a test that did not end as it was planned, or whose steps are not known."""
    planned = test.size("Dimension1") * max(test.size("Dimension2"), 1)
    name = f"test {number} ({test.title})"
    if planned and len(test.rows) != planned:
        aborted = ": it was aborted" if len(test.rows) < planned else ""
        yield f"{name}: {len(test.rows)} of {planned} planned points{aborted}"
    if not planned and "VAR2" in test.settings.get("Channel.Func", ()):
        yield f"{name}: this shape of file does not say how long the steps of VAR2 are"


def _positions(tests: Sequence[_Test]) -> list[RawColumn]:
    """Return the columns `test` and `sweep` where there are several."""
    columns = number_tests([len(test.rows) for test in tests], "its order in the file")
    if any(test.size("Dimension2") > 1 for test in tests):
        sweeps = [np.arange(len(t.rows)) // max(t.size("Dimension1"), 1) + 1.0 for t in tests]
        cells, origin = np.concatenate(sweeps), "Dimension1 rows a step of VAR2"
        columns.append(
            RawColumn(heading="sweep", name="sweep", cells=cells, unit="1", unit_from=origin)
        )
    return columns

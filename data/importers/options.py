"""What the user states about a file that it does not say itself."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from labsyn.data.errors import ConfigError, UnitError
from labsyn.data.units import si_unit


@dataclass(frozen=True)
class ColumnRule:
    """What one column of the file is called here, and its unit where the file has none.

    Attributes
    ----------
    name : str
        Name in the run.
    heading : str
        Heading in the file, or ``#2`` for its second column.
    unit : str or None
        Unit in the file, such as "uS"; None if the file states it.
    """

    name: str
    heading: str
    unit: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rule ``NAME=HEADING:UNIT``; ``NAME=`` and ``:UNIT`` may be left out.

        Raises
        ------
        ConfigError
            If it is none.
        """
        name, equals, rest = text.partition("=")
        rest = rest if equals else text
        # The colon of MATLAB's G(:,3) is inside its brackets, and no unit begins there.
        heading, colon, unit = rest.rpartition(":")
        if not colon or ")" in unit.partition("(")[0]:
            heading, colon, unit = rest, "", ""
        name = name if equals else heading
        if not (name.strip() and heading.strip()) or (colon and not unit.strip()):
            raise ConfigError(
                f"column {text!r} is not NAME=HEADING:UNIT, such as conductance=G:uS"
            )
        return cls(name.strip(), heading.strip(), unit.strip() or None)


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the user states; whatever a format has no use for is refused, not ignored.

    Attributes
    ----------
    unit : str or None
        Unit of the conductance: S, mS, uS, nS, or 1 for normalised weights.
    columns : tuple of ColumnRule
        Names and units of columns.
    only_stated : bool
        Whether columns that are not in `columns` are left out.
    branch : str or None
        "potentiation", "depression", or ``sign:COLUMN`` (``sign:-COLUMN`` where negative
        pulses potentiate).
    mirrored : bool
        Whether depression is stored last pulse first.
    device : str or None
        "W,B": the word and bit line of the one device to take.
    sheet : str or None
        Sheet of a workbook.
    delimiter, decimal, encoding : str or None
        Of a text, where what is found is wrong.
    """

    unit: str | None = None
    columns: tuple[ColumnRule, ...] = ()
    only_stated: bool = False
    branch: str | None = None
    mirrored: bool = False
    device: str | None = None
    sheet: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (None, ".", ","):
            raise ConfigError(f"decimal mark {self.decimal!r}: it is '.' or ','")
        if self.delimiter is not None and (
            len(self.delimiter) != 1 or self.delimiter in '"\r\n\0'
        ):
            raise ConfigError(f"delimiter {self.delimiter!r}: it is one character, such as ';'")
        if self.unit is not None and not _is_conductance(self.unit):
            raise ConfigError(
                f"unit {self.unit!r} is no conductance; use S, mS, uS, nS, or 1 for normalised "
                "weights"
            )
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise ConfigError(f"{self.encoding!r} is no encoding; say cp1252, utf-8 …")

    @property
    def stated(self) -> frozenset[str]:
        """Names of the options that are not at their default."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) != f.default)

    def told(self) -> dict[str, Any]:
        """Return what is stated, as plain values."""
        return {name: value for name, value in asdict(self).items() if name in self.stated}

    def merged(self, other: "ImportOptions") -> "ImportOptions":
        """Return these options with what `other` states in their place; columns add up."""
        changes = {name: getattr(other, name) for name in other.stated}
        changes["columns"] = (*self.columns, *other.columns)
        return replace(self, **changes)


def _is_conductance(unit: str) -> bool:
    try:
        return si_unit(unit).symbol in ("S", "1")
    except UnitError:
        return False


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)  # codecs.lookup also knows codecs that make no text
    except (LookupError, ValueError):
        return False
    return True


def load_map(path: Path) -> tuple[str | None, ImportOptions]:
    """Return the format (None if not stated) and the options in a small TOML file.

    ::

        format = "table"
        branch = "sign:pulse_voltage"
        [columns]
        conductance = { from = "G at 0.1 V", unit = "uS" }
        pulse_voltage = { from = "Vp", unit = "V" }

    Raises
    ------
    ConfigError
        If it cannot be read, or a key or value is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    kinds: dict[str, type] = {
        f.name: bool if f.default is False else str for f in fields(ImportOptions)
    }
    kinds.update(format=str, columns=dict)
    for key, value in content.items():
        if key not in kinds:
            raise ConfigError(f"{path}: {key!r} is no key; the keys are {', '.join(kinds)}")
        if not isinstance(value, kinds[key]):
            raise ConfigError(f"{path}: {key} = {value!r} must be a {kinds[key].__name__}")
    columns = tuple(_rule(path, *item) for item in content.pop("columns", {}).items())
    return content.pop("format", None), ImportOptions(columns=columns, **content)


def _rule(path: Path, name: str, entry: Any) -> ColumnRule:
    entry = {"from": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, Mapping) or not {"from"} <= entry.keys() <= {"from", "unit"}:
        raise ConfigError(f"{path}: columns.{name} must be {{ from = HEADING, unit = UNIT }}")
    if not all(isinstance(value, str) and value.strip() for value in entry.values()):
        raise ConfigError(f"{path}: columns.{name}: from and unit must be texts")
    return ColumnRule(name, entry["from"], entry.get("unit"))

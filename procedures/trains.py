"""Trains of pulses: identical, ramped in amplitude or width, or any that a list gives.

A train is what one cycle consists of: branches, one after the other. A branch is potentiation
(1), depression (-1) or neither (0) because it is called so; the sign of a voltage says nothing.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import ConfigError, UnitError
from labsyn.data.units import parse_quantity

FloatArray = NDArray[np.float64]

MOST_PULSES = 500_000
"""Of a train that a list or file gives: so many are stored in the run in one block."""

_KINDS = {"P": 1, "+1": 1, "1": 1, "D": -1, "-1": -1, "N": 0, "0": 0}
_NAMES = ("branch", "pulse_voltage", "pulse_width")


@dataclass(frozen=True, kw_only=True, eq=False)
class Branch:
    """Pulses of one kind, one after the other.

    Attributes
    ----------
    kind : int
        1 for potentiation, -1 for depression, 0 for neither.
    voltage, width : ndarray, shape (n_pulses,)
        Of each pulse, in volt and seconds.
    name : str
        Parameter that the voltage comes from, for messages.
    """

    kind: int
    voltage: FloatArray
    width: FloatArray
    name: str = "pulse_voltage"

    def __len__(self) -> int:
        return self.voltage.size

    @classmethod
    def ramp(
        cls, kind: int, start: float, n_pulses: int, *, width: float, step: float = 0.0,
        width_step: float = 0.0, name: str = "pulse_voltage",
    ) -> "Branch":  # fmt: skip
        """Return `n_pulses` of which each is `step` volt, `width_step` seconds above the last.

        Raises
        ------
        ConfigError
            If a width on the way is not positive.
        """
        count = np.arange(n_pulses, dtype=np.float64)
        widths = width + width_step * count
        if (widths <= 0).any():
            raise ConfigError(
                f"pulse {int(np.argmax(widths <= 0)) + 1} has a width of {widths.min():.4g} s: "
                f"pulse_width of {width:g} s and pulse_width_step of {width_step:g} s must "
                "stay above 0"
            )
        return cls(kind=kind, voltage=start + step * count, width=widths, name=name)

    def extremes(self) -> Iterable[tuple[float, dict[str, float]]]:
        """Yield each width, with its lowest, highest and smallest voltage by their names.

        What an instrument can give of these, it can give of all. Pulses of 0 V are none.
        """
        rows = np.flatnonzero(self.voltage)
        rows = rows[np.argsort(self.width[rows], kind="stable")]
        changes = np.flatnonzero(np.diff(self.width[rows])) + 1
        for same in np.split(rows, changes) if rows.size else []:
            volts = self.voltage[same]
            ends = same[[volts.argmin(), volts.argmax(), np.abs(volts).argmin()]]
            named = {self._named(k): float(self.voltage[k]) for k in ends}
            yield float(self.width[same[0]]), named

    def _named(self, row: int) -> str:
        return self.name if row == 0 else f"{self.name} of pulse {row + 1}"


Train = Sequence[Branch]
"""What one cycle consists of."""


def read_train(source: str, width: float) -> list[Branch]:
    """Return the train of a CSV file, or of a text that lists its pulses.

    Parameters
    ----------
    source : str
        Name of a file ``….csv`` with the heads ``branch``, ``pulse_voltage`` and, if the
        widths differ, ``pulse_width``; or the same rows without heads, with ``;`` between
        them: ``"P, -1.5 V; P, -1.6 V; D, 1.1 V, 5 ms"``. A branch is P or 1, D or -1, N or
        0 (neither); voltages and widths are in V and s, or have a unit.
    width : float
        Of pulses that state none, in seconds.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a row is none; it says which.
    """
    text = _text_of(Path(source)) if _is_file(source) else source
    return list(_train(source, text, width))


@lru_cache(maxsize=1)  # a check and a run ask for it ten times: half a million rows take 5 s
def _train(source: str, text: str, width: float) -> tuple[Branch, ...]:
    rows = _of_file(Path(source), text) if _is_file(source) else _of_text(text)
    pulses = [_pulse(where, cells, width) for where, cells in rows]
    if not 1 <= len(pulses) <= MOST_PULSES:
        raise ConfigError(
            f"the train {source!r} has {len(pulses)} pulses, 1 to {MOST_PULSES} are allowed"
        )
    branches = []
    for kind, group in groupby(pulses, key=lambda pulse: pulse[0]):
        _, volts, seconds = zip(*group, strict=True)
        branches.append(
            Branch(kind=kind, voltage=np.array(volts), width=np.array(seconds), name="train")
        )
    return tuple(branches)


def table_of(train: Train) -> FloatArray:
    """Return branch, voltage and width of each pulse, for a block of the run file."""
    parts = [
        np.column_stack([np.full(len(each), each.kind), each.voltage, each.width])
        for each in train
    ]
    return np.concatenate(parts)


def _of_text(text: str) -> list[tuple[str, list[str]]]:
    rows = [row for row in text.split(";") if row.strip()]
    return [
        (f"pulse {n} of the train", [cell.strip() for cell in row.split(",")])
        for n, row in enumerate(rows, 1)
    ]


def _is_file(source: str) -> bool:
    return source.lower().endswith(".csv")


def _text_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except FileNotFoundError:
        raise ConfigError(f"the train {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the train {path} cannot be read: {error}") from error


def _of_file(path: Path, text: str) -> list[tuple[str, list[str]]]:
    try:
        lines = [
            (n, [cell.strip() for cell in row])
            for n, row in enumerate(csv.reader(io.StringIO(text, newline="")), 1)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise ConfigError(f"the train {path} cannot be read: {error}") from error
    heads = lines[0][1] if lines else []
    if tuple(heads) not in (_NAMES, _NAMES[:2]):
        raise ConfigError(
            f"{path}: the first line is {','.join(heads)!r}; a train has the heads "
            f"{','.join(_NAMES[:2])} or {','.join(_NAMES)}"
        )
    for n, cells in lines[1:]:
        if len(cells) != len(heads):
            raise ConfigError(
                f"{path}, line {n}: {len(cells)} cells under {len(heads)} heads; leave a cell "
                "empty where nothing is to be said"
            )
    return [(f"{path}, line {n}", cells) for n, cells in lines[1:]]


def _pulse(where: str, cells: list[str], width: float) -> tuple[int, float, float]:
    if not 2 <= len(cells) <= len(_NAMES):
        raise ConfigError(
            f"{where}: {', '.join(cells)!r} is no pulse; a pulse is a branch, a voltage and, "
            "if it is not pulse_width, a width"
        )
    if cells[0].upper() not in _KINDS:
        raise ConfigError(
            f"{where}: branch is {cells[0]!r}; it is P or 1 (potentiation), D or -1 "
            "(depression), N or 0 (neither)"
        )
    try:
        volts = parse_quantity(cells[1], "V")
        seconds = parse_quantity(cells[2], "s") if cells[2:] and cells[2] else width
    except UnitError as error:
        raise ConfigError(f"{where}: {error}") from error
    if seconds <= 0:
        raise ConfigError(f"{where}: a width of {seconds:g} s is given, it must be above 0")
    return _KINDS[cells[0].upper()], volts, seconds

"""Which device of an array to take: its pulses are one train, those of several are not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import ConfigError, ImportFormatError
from labsyn.data.importers.options import ImportOptions

Device = tuple[int, int]

_WORD_BIT = re.compile(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*")
_SHOWN = 5


@dataclass(frozen=True)
class DeviceChoice:
    """Which rows of an array are wanted.

    Attributes
    ----------
    taken : ndarray of bool, shape (n_rows,)
        Whether a row is taken.
    decision : str
        What the report says of it.
    """

    taken: NDArray[np.bool_]
    decision: str


def choose_device(
    path: Path, devices: Sequence[Device], options: ImportOptions
) -> DeviceChoice:
    """Return which rows to take, where `devices` holds word and bit line of each row.

    Raises
    ------
    ImportFormatError
        If the device is not there, or branches are asked of more than one.
    ConfigError
        If ``options.device`` is no word and bit line.
    """
    known = list(dict.fromkeys(devices))
    names = "; ".join(f"{word},{bit}" for word, bit in known[:_SHOWN])
    names += "; …" if len(known) > _SHOWN else ""
    if options.device is None:
        if options.branch is not None and len(known) > 1:
            raise ImportFormatError(
                f"{path} holds {len(known)} devices ({names}), whose pulses are no one train; "
                "take one with --device W,B"
            )
        everything = np.ones(len(devices), dtype=bool)
        return DeviceChoice(everything, f"devices: all {len(known)}, as rows by device")
    match = _WORD_BIT.fullmatch(options.device)
    if not match:
        raise ConfigError(
            f"device {options.device!r} is no word and bit line; write W,B such as 3,7"
        )
    wanted = (int(match[1]), int(match[2]))
    if wanted not in known:
        raise ImportFormatError(f"{path} has no device {options.device}; it has {names}")
    taken = np.array([device == wanted for device in devices], dtype=bool)
    return DeviceChoice(taken, f"device {options.device} of {len(known)}, as stated")

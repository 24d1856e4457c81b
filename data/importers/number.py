"""One cell as a number, or as one of the ways to write that there is none."""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import ImportFormatError

LARGEST = 1e30
"""SCPI writes 9.91E+37 for "not a number", 9.9E+37 for an overflow; B1500A 199.999E+99."""

_MISSING = frozenset(
    ("", "nan", "na", "n/a", "#n/a", "null", "none", "-nan(ind)", "1.#qnan", "-1.#ind")
)  # the last three are how programs on Windows write it
_INFINITE = {"1.#inf": math.inf, "-1.#inf": -math.inf}
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")


def numbers(
    cells: Sequence[str], decimal: str, place: Callable[[int], str]
) -> NDArray[np.float64]:
    """Return the numbers in cells, shape (n_cells,).

    Parameters
    ----------
    cells : sequence of str
        NaN comes of one where nothing was measured, infinity (of either sign) of what
        instruments write when a value is out of range.
    decimal : str
        "." or ",": the mark before the decimals in this file.
    place : callable
        Returns file, line and column of a cell, for the message.

    Raises
    ------
    ImportFormatError
        If a cell holds anything else.
    """
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        try:
            values[i] = number(cell, decimal)
        except ValueError as error:
            raise ImportFormatError(f"{place(i)}: {error}") from error
    return values


def number(text: str, decimal: str) -> float:
    """Return the number in one cell; see `numbers`.

    Raises
    ------
    ValueError
        If it holds anything else.
    """
    text = text.strip()
    if decimal == "," and _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    elif "," in text or (decimal == "," and "." in text):
        return _word(text, f"{text[:40]!r} is no number with {decimal!r} before its decimals")
    try:
        value = float(text.replace("_", "?"))  # Python alone takes 1_000 for a number
    except ValueError:
        return _word(text, f"{text[:40]!r} is no number")
    return math.copysign(math.inf, value) if abs(value) > LARGEST else value


def _word(text: str, otherwise: str) -> float:
    word = text.lower()
    if word in _MISSING:
        return math.nan
    if word in _INFINITE:
        return _INFINITE[word]
    raise ValueError(otherwise)

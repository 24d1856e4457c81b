"""One cell as a number, or as one of the ways to write that there is none."""

import math
import re

from labsyn.data.errors import ImportFormatError

LARGEST = 1e30
"""SCPI writes 9.91E+37 for "not a number", 9.9E+37 for an overflow; B1500A 199.999E+99."""

_MISSING = frozenset(
    ("", "nan", "na", "n/a", "#n/a", "null", "none", "-nan(ind)", "1.#qnan", "-1.#ind")
)  # the last three are how programs on Windows write it
_INFINITE = {"1.#inf": math.inf, "-1.#inf": -math.inf}
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")


def number(text: str, decimal: str, where: str) -> float:
    """Return the number in a cell.

    Parameters
    ----------
    text : str
        The cell.
    decimal : str
        "." or ",": the mark before the decimals in this file.
    where : str
        File, line and column, for the message.

    Returns
    -------
    float
        NaN where nothing was measured, infinity (of either sign) for what instruments
        write when a value is out of range.

    Raises
    ------
    ImportFormatError
        If the cell holds anything else.
    """
    text = text.strip()
    if text.lower() in _MISSING:
        return math.nan
    if text.lower() in _INFINITE:
        return _INFINITE[text.lower()]
    if decimal == "," and _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    elif "," in text or (decimal == "," and "." in text):
        raise ImportFormatError(
            f"{where}: {text[:40]!r} is no number with {decimal!r} before its decimals"
        )
    try:
        value = float(text.replace("_", "?"))  # Python alone takes 1_000 for a number
    except ValueError as error:
        raise ImportFormatError(f"{where}: {text[:40]!r} is no number") from error
    return math.copysign(math.inf, value) if abs(value) > LARGEST else value

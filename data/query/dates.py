"""Dates of a query: ``2026-11`` is a whole month, ``2026-11-01`` a whole day.

They are meant, and compared, as the clock at the bench showed them, wherever the query is
asked.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?)?)?", re.ASCII
)

_FIRST = (1, 1, 1, 0, 0, 0)  # year, month, day, hour, minute, second


@dataclass(frozen=True)
class Period:
    """From `start` to before `end`."""

    start: datetime
    end: datetime


def parse_period(text: str) -> Period | None:
    """Return the period that a text names, or None if it names none.

    >>> parse_period("2026-11").end
    datetime.datetime(2026, 12, 1, 0, 0)
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    given = [int(part) for part in match.groups() if part is not None]
    try:
        year, month, day, hour, minute, second = (*given, *_FIRST[len(given) :])
        start = datetime(year, month, day, hour, minute, second)
        return Period(start, _end(start, len(given)))
    except (ValueError, OverflowError):  # there is no such day, or none after it
        return None


def _end(start: datetime, n_given: int) -> datetime:
    """Return when the last of the given parts (year, month, day, …) is over."""
    match n_given:
        case 1:
            return start.replace(year=start.year + 1)
        case 2:
            return (start + timedelta(days=31)).replace(day=1)
        case 3:
            return start + timedelta(days=1)
        case 5:
            return start + timedelta(minutes=1)
    return start + timedelta(seconds=1)


def parse_moment(text: str) -> datetime | None:
    """Return what the clock showed at a time in ISO 8601, or None if it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None

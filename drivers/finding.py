"""One line of a bench check."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "failed", "unreachable", "unsafe"]


@dataclass(frozen=True)
class Finding:
    """What was tried, how it went, and what to do about it.

    Attributes
    ----------
    what : str
        An instrument, or a section of the bench file.
    level : str
        ``ok``; ``warning``, with which a run is possible; ``failed``; ``unreachable``, for an
        instrument that cannot be opened; ``unsafe``, for one that cannot be switched off.
    text : str
        One sentence.
    """

    what: str
    level: Level
    text: str

"""The error queue of an instrument, read until it is empty."""

import re
from collections.abc import Callable

from labsyn.data.errors import InstrumentDataError, InstrumentError

_ERROR = re.compile(r'\s*([+-]?\d+)\s*,\s*"?(.*?)"?\s*$')
_MOST_ERRORS = 32  # a queue that never empties must not keep anybody


def check_error_queue(name: str, ask: Callable[[str], str], query: str = "SYST:ERR?") -> None:
    """Ask `query` until the answer is error 0.

    Parameters
    ----------
    name : str
        Of the instrument, for messages.
    ask : callable
        Sends a query and returns the answer, such as ``-222,"Data out of range"``.
    query : str
        What takes the oldest error out of the queue.

    Raises
    ------
    InstrumentError
        With code and text of every error found, each kind once.
    InstrumentDataError
        If an answer is not a code and a text.
    """
    errors: list[str] = []
    for _ in range(_MOST_ERRORS):
        reply = ask(query)
        match = _ERROR.match(reply)
        if match is None:
            raise InstrumentDataError(f"{name} answered {reply[:200]!r} to {query}")
        if int(match[1]) == 0:
            break
        errors.append(f"{int(match[1])} {match[2]}")
    if errors:
        raise InstrumentError(f"{name} reports: {'; '.join(dict.fromkeys(errors))}")

"""Who is at an address, and what it still had to say: nothing else is asked or set."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvisa

from labsyn.data.errors import InstrumentDataError
from labsyn.drivers.catalogue import driver
from labsyn.drivers.wire import as_labsyn_errors

_MOST_STALE = 16
_MOST_ERRORS = 32
_MORE = 0.5  # seconds that a second reply may take: what is stale is there already
_NO_ERROR = re.compile(r"\s*[+-]?0+(\.0*)?(e[+-]?0+)?\s*(,|\t|$)", re.IGNORECASE)
_REFUSED = 0b111100  # of the standard event status; the other bits tell of power-on and keys
_STATUS = re.compile(r"\s*[+-]?\d+(\.\d*)?(e[+-]?\d+)?\s*", re.IGNORECASE)
_ERROR_QUERIES = {
    "KeysightB1500A": "ERRX?",
    "Keithley3706A": "print(errorqueue.next())",
    "SR830": "*ESR?",
    "SR860": "*ESR?",
    "LakeShore425": "*ESR?",
}
_SCPI = "SYST:ERR?"


@dataclass(frozen=True)
class Identity:
    """What an instrument said before a driver opened it.

    Attributes
    ----------
    idn : str
        Its answer to ``*IDN?``.
    stale : tuple of str
        Replies to somebody else's questions, read away.
    errors : tuple of str
        Errors of whoever was here before; reading has cleared them.
    """

    idn: str
    stale: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def identify(name: str, kind: str, resource: str, library: Any, timeout: float) -> Identity:
    """Ask who is at `resource`; only if it is a `kind`, read away what it still has to say.

    Raises
    ------
    InstrumentDisconnected
        If it does not answer within `timeout` seconds.
    InstrumentDataError
        If its answers are no text, or do not end.
    """
    model = driver(kind).MODEL
    # A serial line is silent at another rate than the instrument's.
    line = getattr(driver(kind), "SERIAL", {}) if resource.upper().startswith("ASRL") else {}
    with as_labsyn_errors(name, "open"):
        session: Any = pyvisa.ResourceManager(library).open_resource(
            resource, read_termination="\n", **line
        )
        with session:
            session.timeout = timeout * 1000
            idn, stale = _ask(session, name, "*IDN?", lambda text: bool(model.search(text)))
            if not model.search(idn):
                return Identity(idn)
            # A stale reply may be an identity too: a second question, of another kind, finds
            # what is still on the way. (To read on until nothing comes is an error on SCPI.)
            status, more = _ask(session, name, "*STB?", lambda t: bool(_STATUS.fullmatch(t)))
            if not _STATUS.fullmatch(status):
                raise InstrumentDataError(f"{name} answered {status[:200]!r} to *STB?")
            errors = _pending(session, name, kind)
    return Identity(idn, (*stale, *more), tuple(errors))


def _ask(
    session: Any, name: str, query: str, fits: Callable[[str], bool]
) -> tuple[str, list[str]]:
    """Return the first reply that fits, or the only one that came, and those before it."""
    replies: list[str] = []
    timeout = session.timeout
    session.write(query)
    try:
        while len(replies) <= _MOST_STALE:
            replies.append(str(session.read()).strip())
            if fits(replies[-1]):
                return replies[-1], replies[:-1]
            session.timeout = min(timeout, _MORE * 1000)
    except pyvisa.errors.VisaIOError as error:
        if not replies or error.error_code != pyvisa.constants.StatusCode.error_timeout:
            raise
        return replies[-1], replies[:-1]
    finally:
        session.timeout = timeout
    raise InstrumentDataError(
        f"{name} gave {len(replies)} replies that are no answer to {query}, the last one "
        f"{replies[-1][:200]!r}; switch it off and on"
    )


def _pending(session: Any, name: str, kind: str) -> list[str]:
    query = _ERROR_QUERIES.get(kind, _SCPI)
    if query == "*ESR?":
        status = str(session.query(query)).strip()
        if not _STATUS.fullmatch(status):
            raise InstrumentDataError(f"{name} answered {status[:200]!r} to {query}")
        refused = int(float(status)) & _REFUSED
        return [f"event status {refused}: a command was refused"] if refused else []
    errors: list[str] = []
    while len(errors) < _MOST_ERRORS:
        reply = str(session.query(query)).strip()
        if _NO_ERROR.match(reply):
            break
        errors.append(reply[:200])
    return errors

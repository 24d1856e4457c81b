"""What can happen on the wire, in labsyn's words: which instrument, command, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyvisa
from pyvisa.constants import StatusCode

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected


@contextmanager
def as_labsyn_errors(instrument: str, command: str = "") -> Iterator[None]:
    """Turn errors of PyVISA, and replies that are no text, into `InstrumentError` kinds."""
    during = f" after {command!r}" if command else ""
    try:
        yield
    except pyvisa.errors.VisaIOError as error:
        if error.error_code == StatusCode.error_timeout:
            raise InstrumentDisconnected(
                f"{instrument} did not answer{during}; check the cable, the address and "
                "whether another program uses it"
            ) from error
        raise InstrumentDisconnected(f"{instrument} is lost{during}: {error}") from error
    except (BrokenPipeError, ConnectionError, pyvisa.errors.InvalidSession) as error:
        if isinstance(error, InstrumentDisconnected):
            raise
        raise InstrumentDisconnected(f"{instrument} is lost{during}: {error}") from error
    except UnicodeDecodeError as error:
        raw = error.object[:200]
        raise InstrumentDataError(f"{instrument} answered {raw!r}{during}, no text") from error

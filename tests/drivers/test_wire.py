"""What happens on the wire, in words that help."""

import pytest
import pyvisa
from pyvisa.constants import StatusCode

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected
from labsyn.drivers.wire import as_labsyn_errors


def fail(error: Exception) -> None:
    with as_labsyn_errors("smu", "TI 1"):
        raise error


def test_a_time_out_says_what_to_check() -> None:
    with pytest.raises(InstrumentDisconnected, match=r"smu did not answer after 'TI 1'; check"):
        fail(pyvisa.errors.VisaIOError(StatusCode.error_timeout))


@pytest.mark.parametrize(
    "error",
    [
        pyvisa.errors.VisaIOError(StatusCode.error_connection_lost),
        BrokenPipeError("gone"),
        ConnectionResetError("reset"),
        pyvisa.errors.InvalidSession(),
    ],
)
def test_a_lost_connection(error: Exception) -> None:
    with pytest.raises(InstrumentDisconnected, match="smu is lost after 'TI 1'"):
        fail(error)


def test_a_reply_that_is_no_text() -> None:
    with pytest.raises(InstrumentDataError, match=r"answered b'\\xff\\xfe' after"):
        fail(UnicodeDecodeError("ascii", b"\xff\xfe", 0, 1, "no"))


def test_our_own_errors_pass_unchanged() -> None:
    with pytest.raises(InstrumentDisconnected, match=r"^already said$"):
        fail(InstrumentDisconnected("already said"))

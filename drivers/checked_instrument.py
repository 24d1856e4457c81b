"""An SCPI instrument that is asked for errors after everything it is told."""

import re
from typing import Any

from pymeasure.instruments import Instrument

from labsyn.data.errors import InstrumentDataError, InstrumentError
from labsyn.drivers.error_queue import check_error_queue
from labsyn.drivers.wire import as_labsyn_errors

_STRING = re.compile("\"[^\"]*\"|'[^']*'")


class CheckedInstrument(Instrument):
    """Mixin in front of one of PyMeasure's drivers that read no errors.

    Agilent33220A, Agilent33500 and Keysight81160A of PyMeasure 0.16 never read the queue: a
    setting that was refused, or clipped, would go unnoticed. Errors of PyVISA pass through
    them, and a reply of nothing is taken for a value.
    """

    _asked = ""  # what a reply that does not come was expected for

    def write(self, command: str, **kwargs: Any) -> None:
        """Send `command`; raise InstrumentError if it sets something and was refused."""
        self._asked = command
        with as_labsyn_errors(self.name, command):
            super().write(command, **kwargs)
        if "?" not in _STRING.sub("", command) and not command.startswith("*"):
            self._check_after(command)

    def read(self, **kwargs: Any) -> str:
        """Read an answer; raise InstrumentError if there is none, or nothing in it."""
        with as_labsyn_errors(self.name, self._asked):
            reply = str(super().read(**kwargs))
        if not reply.strip():
            raise InstrumentDataError(
                f"{self.name} answered {reply!r} to {self._asked}, where a value was expected"
            )
        return reply

    def write_binary_values(self, command: str, values: Any, *args: Any, **kwargs: Any) -> None:
        """Send `values` as a block; raise InstrumentError if they were refused."""
        with as_labsyn_errors(self.name, command):
            super().write_binary_values(command, values, *args, **kwargs)
        self._check_after(command)

    def check_errors(self) -> list[str]:
        """Read the error queue until it is empty; raise InstrumentError with what it held."""
        check_error_queue(self.name, self.ask)
        return []

    def check_set_errors(self) -> list[str]:
        """Return nothing: `write` has read the queue already."""
        return []

    @property
    def timeout(self) -> float:
        """Control the seconds that one read may take (float)."""
        return float(self.adapter.connection.timeout) / 1000

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self.adapter.connection.timeout = 1000 * seconds

    def _check_after(self, command: str) -> None:
        try:
            self.check_errors()
        except InstrumentError as error:
            error.add_note(f"after sending {command!r}")
            raise

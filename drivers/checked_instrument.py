"""An SCPI instrument that is asked for errors after everything it is told."""

import re
from typing import Any

from pymeasure.instruments import Instrument

from labsyn.data.errors import InstrumentDataError, InstrumentError
from labsyn.drivers.wire import as_labsyn_errors

_ERROR = re.compile(r'\s*([+-]?\d+)\s*,\s*"?(.*?)"?\s*$')
_MAX_ERRORS = 32


class CheckedInstrument(Instrument):
    """Mixin in front of one of PyMeasure's drivers that read no errors.

    Agilent33220A, Agilent33500 and Keysight81160A of PyMeasure 0.16 never read the queue: a
    setting that was refused, or clipped, would go unnoticed.
    """

    def write(self, command: str, **kwargs: Any) -> None:
        """Send `command`; raise InstrumentError if it sets something and was refused."""
        with as_labsyn_errors(self.name, command):
            super().write(command, **kwargs)
        if "?" not in command and not command.startswith("*"):
            self._check_after(command)

    def write_binary_values(self, command: str, values: Any, *args: Any, **kwargs: Any) -> None:
        """Send `values` as a block; raise InstrumentError if they were refused."""
        with as_labsyn_errors(self.name, command):
            super().write_binary_values(command, values, *args, **kwargs)
        self._check_after(command)

    def check_errors(self) -> list[str]:
        """Read the error queue until it is empty.

        Raises
        ------
        InstrumentError
            With code and text of every error found.
        """
        errors = []
        for _ in range(_MAX_ERRORS):
            with as_labsyn_errors(self.name, "SYST:ERR?"):
                reply = self.ask("SYST:ERR?")
            match = _ERROR.match(reply)
            if match is None:
                raise InstrumentDataError(f"{self.name} answered {reply[:200]!r} to SYST:ERR?")
            if int(match[1]) == 0:
                break
            errors.append(f"{int(match[1])} {match[2]}")
        if errors:
            raise InstrumentError(f"{self.name} reports: {'; '.join(errors)}")
        return errors

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

"""A mixin for PyMeasure drivers: everything on the wire fails in labsyn's words."""

from typing import Any

from labsyn.data.errors import InstrumentDataError, InstrumentError
from labsyn.drivers.wire import as_labsyn_errors


class WireErrors:
    """Mixin, to stand before PyMeasure's class.

    PyMeasure lets errors of PyVISA through, and returns a text where a number was expected
    but another answer came.
    """

    name: str

    def write(self, command: str, **kwargs: Any) -> None:
        """Send a command; raise InstrumentDisconnected if that is impossible."""
        with as_labsyn_errors(self.name, command):
            super().write(command, **kwargs)  # type: ignore[misc]

    def read(self, **kwargs: Any) -> str:
        """Read an answer; raise InstrumentDisconnected if there is none."""
        with as_labsyn_errors(self.name):
            return super().read(**kwargs)  # type: ignore[misc]

    def values(self, command: str, cast: Any = float, **kwargs: Any) -> list[Any]:
        """Ask for values; raise InstrumentDataError if they are not what `cast` makes."""
        found = super().values(command, cast=cast, **kwargs)  # type: ignore[misc]
        if cast is not str and any(isinstance(value, str) for value in found):
            shown = ",".join(str(value) for value in found)[:200]
            raise InstrumentDataError(f"{self.name} answered {shown!r} to {command}, no number")
        return found

    def send_all(self, messages: list[str]) -> None:
        """Send each message whatever happens to the others; raise the first error last."""
        errors = []
        for message in messages:
            try:
                self.write(message)
            except InstrumentError as error:
                errors.append(error)
        if errors:
            raise errors[0]

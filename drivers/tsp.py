"""What drivers of TSP instruments share: scripts out, answers in, the error queue."""

import math
from typing import Any

from pymeasure.instruments import Instrument

from labsyn.data.errors import InstrumentDataError, InstrumentError
from labsyn.drivers.wire import as_labsyn_errors

_MAX_ERRORS = 100
_OVERFLOW = 9e37  # 9.9e37 is an overflow, 9.91e37 no reading


class TspInstrument(Instrument):
    """An instrument of Keithley's that is sent Lua.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name.
    name : str
        What messages call it.
    """

    def __init__(self, adapter: Any, name: str, **visa: Any) -> None:
        lines = {"read_termination": "\n", "write_termination": "\n"}
        super().__init__(adapter, name, includeSCPI=False, **(lines | visa))
        self.write("errorqueue.clear()")  # what others left there is not ours

    def write(self, command: str, **kwargs: Any) -> None:
        with as_labsyn_errors(self.name, command):
            super().write(command, **kwargs)

    def read(self, **kwargs: Any) -> str:
        with as_labsyn_errors(self.name):
            return str(super().read(**kwargs)).strip()

    @property
    def id(self) -> str:
        """Get the identity of the instrument (str)."""
        return str(self.ask("*IDN?"))

    @property
    def timeout(self) -> float:
        """Control the seconds that a reply may take (float)."""
        return float(self.adapter.connection.timeout) / 1000

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self.adapter.connection.timeout = 1000 * seconds

    def check_errors(self) -> list[str]:
        """Read the error queue until it is empty.

        Raises
        ------
        InstrumentError
            With code and text of every error found.
        """
        errors = []
        for _ in range(_MAX_ERRORS):
            reply = self.ask("print(errorqueue.next())")
            fields = reply.split("\t")
            try:
                code = int(float(fields[0]))
            except ValueError as error:
                raise InstrumentDataError(
                    f"{self.name} answered {reply[:200]!r} to errorqueue.next()"
                ) from error
            if code == 0:
                break
            errors.append(f"{code} {fields[1] if len(fields) > 1 else ''}".strip())
        if errors:
            raise InstrumentError(f"{self.name} reports: {'; '.join(errors)}")
        return errors

    def check_set_errors(self) -> list[str]:
        return self.check_errors()

    def command(self, script: str) -> None:
        """Send a script that answers nothing; raise InstrumentError if it was refused."""
        self.write(script)
        try:
            self.check_errors()
        except InstrumentError as error:
            error.add_note(f"after sending {script!r}")
            raise

    def numbers(self, reply: str, separator: str, count: int = 1) -> list[float]:
        """Return the `count` numbers of a reply; NaN where a reading overflowed.

        Raises
        ------
        InstrumentError
            If the error queue says why there are none.
        InstrumentDataError
            If the reply is something else.
        """
        try:
            values = [float(item) for item in reply.split(separator)]
        except ValueError as error:
            self.check_errors()  # the reason, where the instrument has one
            raise InstrumentDataError(f"{self.name} answered {reply[:200]!r}") from error
        if len(values) != count:
            raise InstrumentDataError(
                f"{self.name} sent {len(values)} values where {count} were expected"
            )
        return [math.nan if abs(value) > _OVERFLOW else value for value in values]

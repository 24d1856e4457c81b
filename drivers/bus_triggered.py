"""An instrument that starts something at a trigger on the bus, and can be waited for."""

from collections.abc import Callable

import pyvisa
from pyvisa.constants import StatusCode

from labsyn.data.errors import InstrumentBusy, InstrumentDisconnected
from labsyn.drivers.checked_instrument import CheckedInstrument
from labsyn.drivers.wire import as_labsyn_errors


class BusTriggered(CheckedInstrument):
    """Mixin in front of one of PyMeasure's drivers of generators."""

    def trigger(self) -> None:
        """Start what waits for the bus; raise InstrumentError if nothing does."""
        self.write("*TRG")
        self.check_errors()

    def wait_for_trigger(
        self, timeout: float = 3600.0, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait until the burst is over, `should_stop` says so, or `timeout` seconds passed.

        Agilent33500 of PyMeasure tests ``if should_stop:`` without calling it, and returns
        after the first read that timed out, burst over or not.

        Raises
        ------
        InstrumentBusy
            If the burst is not over in time.
        """
        self.write("*OPC?")
        waited = 0.0
        while True:
            try:
                self.read()
                return
            except InstrumentDisconnected as error:
                if not _is_timeout(error):
                    raise
                waited += self.timeout
            if should_stop() or waited > timeout:
                with as_labsyn_errors(self.name, "device clear"):
                    self.adapter.connection.clear()  # or the answer comes for the next query
                if waited > timeout:
                    raise InstrumentBusy(f"{self.name}: no end of the burst in {timeout:g} s")
                return


def _is_timeout(error: InstrumentDisconnected) -> bool:
    cause = error.__cause__
    return (
        isinstance(cause, pyvisa.errors.VisaIOError)
        and cause.error_code == StatusCode.error_timeout
    )

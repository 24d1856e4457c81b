"""Keysight B1500A semiconductor parameter analyser: PyMeasure's driver, made trustworthy."""

import re
from typing import Any

import pandas as pd
from pymeasure.instruments.agilent import AgilentB1500

from labsyn.data.errors import InstrumentDataError, InstrumentDisconnected, InstrumentError
from labsyn.data.flags import Flag
from labsyn.drivers.b1500a_modules import KeysightCMU, KeysightSPGU
from labsyn.drivers.b1500a_sweeps import SweepMeasurements
from labsyn.drivers.error_queue import check_error_queue
from labsyn.drivers.flex_data import Datum, parse_data
from labsyn.drivers.wire import as_labsyn_errors

_STALE_REPLIES = 4
_TIMEOUT = 10.0  # seconds beyond what a measurement takes


class KeysightB1500A(SweepMeasurements, AgilentB1500):
    """Source voltages and pulses, measure currents and capacitances.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"GPIB0::17::INSTR"``.
    """

    MODEL = re.compile(r"B1500A")

    def __init__(self, adapter: Any, **visa: Any) -> None:
        super().__init__(adapter, "Keysight B1500A", **visa)
        with as_labsyn_errors(self.name):
            self.initialize_all_smus()
            self.write("FMT 21,0")
        self.check_errors()

    def check_errors(self) -> list[str]:
        """Read the error queue until it is empty.

        Raises
        ------
        InstrumentError
            With code and text of every error found. PyMeasure's own version reads one
            error, cuts its text at the first punctuation and fails on an empty reply.
        """
        with as_labsyn_errors(self.name, "ERRX?"):
            check_error_queue("the B1500A", self.ask, "ERRX?")
        return []

    def command(self, message: str) -> None:
        """Send commands that give no data, and raise InstrumentError if one was refused."""
        with as_labsyn_errors(self.name, message):
            self.write(message)
        try:
            self.check_errors()
        except InstrumentError as error:
            error.add_note(f"after sending {message!r}")
            raise

    def fetch(self, message: str) -> list[Datum]:
        """Send commands that measure, and return their data.

        Data are the acknowledgement: where none come, the error queue tells why.

        Raises
        ------
        InstrumentError
            If the instrument refused the command; `InstrumentDisconnected` if it is mute.
        """
        try:
            with as_labsyn_errors(self.name, message):
                self.write(message)
                reply = self.read()
        except InstrumentError as error:
            self._explain(error)
            raise
        return parse_data(reply)

    def _explain(self, error: InstrumentError) -> None:
        """Raise what the instrument says of a reply that failed, if it says anything.

        A reply that comes late must never be taken for the answer to the next question.
        """
        try:
            self._silence()
            self.check_errors()
        except InstrumentDisconnected:
            return  # it is mute: the first error tells more
        except InstrumentError as reason:
            reason.add_note(str(error))
            raise reason from error

    def _silence(self) -> None:
        """Abort, empty both output stores, and read away what is still on the way.

        A device clear would do it, but it also opens every output and makes all settings
        initial, those of the pulses among them.
        """
        for message in ("AB", "BC", "*IDN?"):  # the first two have to be alone
            with as_labsyn_errors(self.name, message):
                self.write(message)
        for attempt in range(1, _STALE_REPLIES + 1):
            try:
                with as_labsyn_errors(self.name, "*IDN?"):
                    if self.MODEL.search(self.read()):
                        return
            except InstrumentError:
                if attempt == _STALE_REPLIES:
                    raise
        raise InstrumentDataError(f"the B1500A gave {_STALE_REPLIES} other answers to *IDN?")

    def read_data(self, number_of_points: int) -> pd.DataFrame:
        """Read sweep data; one row a point, columns like ``"SMU1 Current (A)"``.

        Replaces PyMeasure's, which needs pandas below 3 and drops the status: a column
        ``flags`` holds it (`labsyn.data.flags.Flag`).
        """
        with as_labsyn_errors(self.name):
            data = parse_data(self.read())
        width, rest = divmod(len(data), number_of_points)
        if rest or not width:
            raise InstrumentDataError(
                f"the B1500A sent {len(data)} values, not a multiple of "
                f"{number_of_points} points"
            )
        quantities = {"V": "Voltage (V)", "I": "Current (A)", "T": "Time (s)"}
        rows = []
        for start in range(0, len(data), width):
            items = data[start : start + width]
            row: dict[str, float] = {}
            flags = Flag(0)
            for datum in items:
                name = self.smu_names.get(datum.channel, datum.channel)
                row[f"{name} {quantities.get(datum.kind, datum.kind)}"] = datum.value
                flags |= datum.flags
            rows.append(row | {"flags": int(flags)})
        return pd.DataFrame(rows)

    def initialize_all_spgus(self) -> None:
        """Make ``spgu3`` of the pulse generator in slot 3, with its defects mended."""
        self._add_modules("SPGU", KeysightSPGU, "spgus", "spgu")

    def initialize_cmu(self) -> None:
        """Make ``cmu`` of the capacitance unit, with its defects mended."""
        self._add_modules("CMU", KeysightCMU, "cmu", None)

    def _add_modules(self, model: str, kind: Any, collection: str, prefix: Any) -> None:
        with as_labsyn_errors(self.name, "UNT?"):
            modules = self.query_modules()
        for slot, name in modules.items():
            if model in name and name != "WGFMU":
                self.add_child(kind, slot, collection=collection, prefix=prefix)

    def spot_current(self, channel: int, measure_range: int = 0) -> Datum:
        """Measure the current of `channel` now, in ampere (``TI``); range 0 is automatic."""
        return self._only(self.fetch(f"TI {channel},{measure_range}"), channel, "I")

    def spot_voltage(self, channel: int, measure_range: int = 0) -> Datum:
        """Measure the voltage of `channel` now, in volt (``TV``); range 0 is automatic."""
        return self._only(self.fetch(f"TV {channel},{measure_range}"), channel, "V")

    def setup_pulsed_spot(self, channel: int, width: float, period: float) -> None:
        """Prepare pulses of `width` and `period` seconds on `channel` (``MM 3``, ``PT``)."""
        self.command(f"MM 3,{channel}")
        self.command(f"PT 0,{width:.6g},{period:.6g}")
        self.timeout = period + _TIMEOUT

    def set_pulse(self, channel: int, voltage: float, compliance_current: float) -> None:
        """Set the level of the next pulses, from a base of 0 V (``PV``).

        On its own and checked: a pulse whose level was refused would repeat the last one.
        """
        self.command(f"PV {channel},0,0,{voltage:.6g},{compliance_current:.6g}")

    def pulsed_spot(self, channel: int) -> Datum:
        """Apply one pulse as set, and measure at its end (``XE``)."""
        return self._only(self.fetch("XE"), channel, "I")

    def read_at(
        self,
        channel: int,
        voltage: float,
        compliance_current: float,
        measured: int | None = None,
    ) -> Datum:
        """Force `voltage`, measure the current, return to 0 V; raise if any was refused.

        The current is that of the channel `measured`, of the same one if it is left out.
        The error queue is read each time: the current that flows after a refused voltage is
        a number like any other. The time is asked for with it, so that the reply to a pulse
        that comes twice or late is never taken for the reply to a read.
        """
        limit = f"{compliance_current:.6g}"
        measured = channel if measured is None else measured
        message = (
            f"DV {channel},0,{voltage:.6g},{limit};TTI {measured},0;DV {channel},0,0,{limit}"
        )
        time, *data = self.fetch(message)
        if time.kind != "T":
            raise InstrumentDataError(
                f"expected time and current of channel {measured}, got {[time, *data]}"
            )
        datum = self._only(data, measured, "I")
        try:
            self.check_errors()
        except InstrumentError as error:
            error.add_note(f"after sending {message!r}")
            raise
        return datum

    def resync(self) -> None:
        """After a reply that failed: forget all that waits, and go to 0 V."""
        self._silence()
        self.command("DZ")

    @property
    def timeout(self) -> float:
        """Control the seconds that a reply may take (float)."""
        return float(self.adapter.connection.timeout) / 1000

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self.adapter.connection.timeout = 1000 * seconds

    def settings(self) -> dict[str, str]:
        """Return the instrument's own words for its state (``*LRN?``), for the run file."""
        kinds = {"outputs": 0, "filters": 30, "modes": 31, "ranges": 32, "adc": 56}
        with as_labsyn_errors(self.name, "*LRN?"):
            return {name: self.ask(f"*LRN? {kind}") for name, kind in kinds.items()}

    def shutdown(self) -> None:
        """Abort, force 0 V and open every output; the three do not wait for each other."""
        errors = []
        for message in ("AB", "DZ", "CL"):
            try:
                with as_labsyn_errors(self.name, message):
                    self.write(message)
            except InstrumentError as error:
                errors.append(error)
        super().shutdown()
        if errors:
            raise errors[0]

    def _only(self, data: list[Datum], channel: int, kind: str) -> Datum:
        if len(data) != 1 or data[0].channel != channel or data[0].kind != kind:
            raise InstrumentDataError(f"expected one {kind} of channel {channel}, got {data}")
        return data[0]

"""A source-measure unit of a B1500A in the roles that it can play."""

from labsyn.drivers.flex_data import Datum
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.roles import Reading


class SMUPulseSource:
    """Pulses by the unit's own timing (``PT``, ``PV``), resting at 0 V."""

    def __init__(self, analyser: KeysightB1500A, channel: int) -> None:
        self._analyser = analyser
        self._channel = channel
        self._compliance = 0.0
        self._voltage: float | None = None

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self._compliance, self._voltage = compliance_current, None
        self._analyser.command(f"CN {self._channel}")
        self._analyser.setup_pulsed_spot(self._channel, width, period)

    def pulse(self, voltage: float) -> Reading:
        if voltage != self._voltage:
            self._voltage = None  # nothing is known of the level if this is refused
            self._analyser.set_pulse(self._channel, voltage, self._compliance)
            self._voltage = voltage
        return _reading(voltage, self._analyser.pulsed_spot(self._channel))


class SMUReader:
    """Reads by a spot measurement (``DV``, ``TI``, back to 0 V)."""

    def __init__(self, analyser: KeysightB1500A, channel: int) -> None:
        self._analyser = analyser
        self._channel = channel
        self._voltage = 0.0
        self._compliance = 0.0

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self._voltage, self._compliance = voltage, compliance_current
        self._analyser.command(f"CN {self._channel}")

    def read(self) -> Reading:
        datum = self._analyser.read_at(self._channel, self._voltage, self._compliance)
        return _reading(self._voltage, datum)


def _reading(voltage: float, datum: Datum) -> Reading:
    return Reading(voltage, datum.value, datum.flags)

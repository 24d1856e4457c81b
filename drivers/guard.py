"""The one place where limits are checked: a bench hands out roles only inside a guard."""

from labsyn.drivers.limits import Limits
from labsyn.drivers.roles import PulseSource, Reader, Reading


class GuardedPulseSource:
    """A `PulseSource` that refuses what the limits do not allow, before it is sent."""

    def __init__(self, source: PulseSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits

    def setup_pulses(self, *, width: float, period: float, compliance_current: float) -> None:
        self._limits.check_pulse_width(width, "a pulse width")
        self._limits.check_current(compliance_current, "a compliance current")
        self._source.setup_pulses(
            width=width, period=period, compliance_current=compliance_current
        )

    def pulse(self, voltage: float) -> Reading:
        self._limits.check_voltage(voltage, "a pulse voltage")
        return self._source.pulse(voltage)


class GuardedReader:
    """A `Reader` that refuses what the limits do not allow, before it is sent."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self._reader = reader
        self._limits = limits

    def setup_reads(self, *, voltage: float, compliance_current: float) -> None:
        self._limits.check_voltage(voltage, "a read voltage")
        self._limits.check_current(compliance_current, "a compliance current")
        self._reader.setup_reads(voltage=voltage, compliance_current=compliance_current)

    def read(self) -> Reading:
        return self._reader.read()

"""The guard of sweeps and of voltages that are held."""

from labsyn.data.errors import LimitError
from labsyn.drivers.guard import Guard
from labsyn.drivers.ledger import Ledger
from labsyn.drivers.roles import Reading, Sweeper


class GuardedSweeper(Guard[Sweeper]):
    """A `Sweeper` that refuses what the limits do not allow, before it is sent."""

    def check_sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> None:  # fmt: skip
        """Raise LimitError if such a sweep is not allowed; nothing is sent."""
        if not step_time > 0 or n_points < 2:
            raise LimitError(
                f"a sweep of {n_points} points of {step_time:g} s is asked for, at least 2 "
                "points and a positive time are needed; nothing was sent"
            )
        for voltage in (start, stop):
            self._limits.check_source(voltage, compliance_current, "a sweep voltage")
        slew = abs(stop - start) / (n_points - 1) / step_time
        self._limits.check("voltage_slew", slew, "a sweep rate", "take a longer step_time")
        seconds = step_time * n_points * (2 if double else 1)
        self._limits.check("run_time", seconds, "a sweep time")
        self._player.check_sweep(
            start, stop, n_points,
            double=double, step_time=step_time, compliance_current=compliance_current,
        )  # fmt: skip

    def sweep(
        self, start: float, stop: float, n_points: int, *,
        double: bool, step_time: float, compliance_current: float,
    ) -> list[Reading]:  # fmt: skip
        self.check_sweep(
            start, stop, n_points,
            double=double, step_time=step_time, compliance_current=compliance_current,
        )  # fmt: skip
        ledger = self._ready()
        charge = compliance_current * step_time * n_points * (2 if double else 1)
        self._budget("charge", ledger.charge, charge)
        self._budget("energy", ledger.energy, charge * max(abs(start), abs(stop)))
        readings = self._player.sweep(
            start, stop, n_points,
            double=double, step_time=step_time, compliance_current=compliance_current,
        )  # fmt: skip
        self._note(ledger, readings, step_time, compliance_current)
        return readings

    def check_hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> None:
        """Raise LimitError if a voltage may not be held so; nothing is sent."""
        if not seconds > 0 or n_points < 1:
            raise LimitError(
                f"{n_points} measurements in {seconds:g} s are asked for, at least 1 and a "
                "positive time are needed; nothing was sent"
            )
        self._limits.check_source(voltage, compliance_current, "a held voltage")
        self._limits.check("run_time", seconds, "a time to hold a voltage")
        self._player.check_hold(
            voltage, seconds, n_points, compliance_current=compliance_current
        )

    def hold(
        self, voltage: float, seconds: float, n_points: int, *, compliance_current: float
    ) -> list[Reading]:
        self.check_hold(voltage, seconds, n_points, compliance_current=compliance_current)
        ledger = self._ready()
        charge = compliance_current * seconds
        self._budget("charge", ledger.charge, charge)
        self._budget("energy", ledger.energy, charge * abs(voltage))
        readings = self._player.hold(
            voltage, seconds, n_points, compliance_current=compliance_current
        )
        self._note(ledger, readings, seconds / n_points, compliance_current)
        return readings

    def _note(
        self, ledger: Ledger, readings: list[Reading], each: float, compliance_current: float
    ) -> None:
        """Enter what was measured, `each` seconds at a time."""
        for reading in readings:
            ledger.see(reading.voltage, reading.current)
            ledger.add(reading.voltage, reading.current, each, compliance_current)

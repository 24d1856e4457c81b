"""Sweeps and samplings of one B1500A channel, each set up, run and returned in one call."""

from labsyn.data.errors import LimitError
from labsyn.drivers.flex_data import Datum
from labsyn.drivers.flex_results import SweepData, sweep_data

_LINEAR, _LOGARITHMIC = 1, 2
_DOUBLE = 2  # added to a mode
_SPARE = 10.0  # seconds beyond what the set times add up to
_READING = 0.1  # seconds allowed for one reading of any converter setting up to 5 PLC


class SweepMeasurements:
    """Measurements of many points, for `KeysightB1500A`."""

    timeout: float

    def command(self, message: str) -> None:
        """Send commands that give no data (see `KeysightB1500A.command`)."""
        raise NotImplementedError

    def fetch(self, message: str) -> list[Datum]:
        """Send commands that measure, and return their data."""
        raise NotImplementedError

    def staircase_sweep(
        self, channel: int, start: float, stop: float, n_points: int, *,
        compliance: float, double: bool = False, logarithmic: bool = False,
        hold: float = 0.0, delay: float = 0.0, step_delay: float = 0.0, abort: bool = False,
    ) -> SweepData:  # fmt: skip
        """Sweep the voltage of `channel` from `start` to `stop`, measure the current.

        Parameters
        ----------
        start, stop : float
            In volt.
        n_points : int
            Points of one way; a double sweep comes back and passes its turn twice.
        compliance : float
            Current limit in ampere.
        hold, delay : float
            Seconds before the first point, and at each point before it is measured.
        step_delay : float
            Seconds from the start of a measurement to the next step, if it takes less.
        abort : bool
            Whether to stop at the first point in compliance; the others are NaN then.

        Raises
        ------
        InstrumentError
            If the instrument refuses a setting; it forces `start` afterwards.
        """
        self._check_points(n_points)
        mode = (_LOGARITHMIC if logarithmic else _LINEAR) + (_DOUBLE if double else 0)
        self._prepare(2, channel, f"WM {2 if abort else 1},1")
        self.command(f"WT {hold:.9g},{delay:.9g},{step_delay:.9g}")
        self.command(
            f"WV {channel},{mode},0,{start:.9g},{stop:.9g},{n_points},{compliance:.9g}"
        )
        n_steps = n_points * (2 if double else 1)
        return sweep_data(self._run(hold + n_steps * (delay + step_delay), n_steps), channel)

    def pulsed_sweep(
        self, channel: int, base: float, start: float, stop: float, n_points: int, *,
        width: float, period: float, compliance: float, double: bool = False,
        hold: float = 0.0,
    ) -> SweepData:  # fmt: skip
        """Put out pulses from `base` to heights from `start` to `stop`, measure in each.

        Voltages in volt, times in seconds, `compliance` in ampere. The three voltages
        have one sign, or are zero.
        """
        self._check_points(n_points)
        mode = _LINEAR + (_DOUBLE if double else 0)
        self._prepare(4, channel, "WM 1,1")
        self.command(f"PT {hold:.9g},{width:.9g},{period:.9g}")
        self.command(
            f"PWV {channel},{mode},0,{base:.9g},{start:.9g},{stop:.9g},{n_points},"
            f"{compliance:.9g}"
        )
        n_steps = n_points * (2 if double else 1)
        return sweep_data(self._run(hold + n_steps * period, n_steps), channel)

    def sampling(
        self, channel: int, voltage: float, interval: float, n_points: int, *,
        compliance: float, base: float = 0.0, hold: float = 0.0,
    ) -> SweepData:  # fmt: skip
        """Force `voltage` and measure the current `n_points` times, `interval` s apart.

        The first measurement is `hold` seconds after the step from `base` (volt), to
        which the channel returns.
        """
        self._check_points(n_points)
        self._prepare(10, channel, "MCC")
        self.command("MSC 1,1")
        self.command("ML 1")
        self.command(f"MT {hold:.9g},{interval:.9g},{n_points},0")
        self.command(f"MV {channel},0,{base:.9g},{voltage:.9g},{compliance:.9g}")
        data = self._run(hold + n_points * interval, n_points)
        return sweep_data(data, channel, [voltage] * (len(data) // 2))

    def _prepare(self, mode: int, channel: int, message: str) -> None:
        """Select mode and data: time, current and source, as `sweep_data` reads them."""
        self.command("FMT 21,1" if mode != 10 else "FMT 21,0")
        self.command(f"CMM {channel},1")
        self.command(f"MM {mode},{channel}")
        self.command(message)

    def _run(self, seconds: float, n_points: int) -> list[Datum]:
        """Trigger and return the data; spot measurements find their format again."""
        before = self.timeout
        self.timeout = seconds + n_points * _READING + _SPARE
        try:
            self.command("TSC 1")
            return self.fetch("TSR;XE")
        finally:
            self.timeout = before
            self.command("TSC 0")
            self.command("FMT 21,0")

    def _check_points(self, n_points: int) -> None:
        if not 1 <= n_points <= 10_001:
            raise LimitError(
                f"{n_points} points are asked for, a B1500A measures 1 to 10001; "
                "nothing was sent"
            )

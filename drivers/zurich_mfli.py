"""Zurich Instruments MFLI lock-in amplifier, through LabOne: for real benches only.

LabOne is no VISA: a data server holds a tree of nodes, which zhinst-toolkit reads and sets.
Only the first input, output, oscillator and demodulator are used.
"""

import importlib
import math
import re
from typing import Any

from labsyn.data.errors import ConfigError, InstrumentDataError, LimitError

_MAX_AMPLITUDE = 10.0 / math.sqrt(2)  # volt rms; the output is 10 V peak
_MAX_FREQUENCY = 500e3  # 5 MHz with an option
_OUTPUT_RANGES = (0.01, 0.1, 1.0, 10.0)  # volt peak
_SINE = 1  # the output amplifier that belongs to the first demodulator of an MFLI
# The largest sample of the input, as a share of its range; a choice of what is too close.
_FULL_INPUT = 0.99


def open_session(host: str) -> Any:
    """Return a zhinst-toolkit session with the data server at `host`.

    Raises
    ------
    ConfigError
        If zhinst-toolkit is not installed.
    """
    try:
        toolkit = importlib.import_module("zhinst.toolkit")
    except ImportError as error:
        raise ConfigError(
            "an MFLI needs the package zhinst-toolkit: pip install zhinst-toolkit"
        ) from error
    return toolkit.Session(host)


class ZurichMFLI:
    """Excite and read with an MFLI.

    Parameters
    ----------
    serial : str
        Name of the device, such as ``"dev3337"``.
    host : str
        Where its data server runs; the instrument itself has one.
    session : object, optional
        A zhinst-toolkit session; opened at `host` by default.

    Raises
    ------
    ConfigError
        If zhinst-toolkit is needed and not installed.
    """

    MODEL = re.compile(r"MFLI")

    def __init__(self, serial: str, host: str = "localhost", session: Any = None) -> None:
        self.name = f"Zurich MFLI {serial}"
        self._session = open_session(host) if session is None else session
        self._device = self._session.connect_device(serial)
        self._device.demods[0].enable(1)

    @property
    def amplitude(self) -> float:
        """Control the sine output in volt rms (float, strictly 0 to 7.07)."""
        # LabOne counts peak volts.
        return float(self._device.sigouts[0].amplitudes[_SINE]()) / math.sqrt(2)

    @amplitude.setter
    def amplitude(self, volts: float) -> None:
        self._check(volts, 0.0, _MAX_AMPLITUDE, "V", "an amplitude")
        peak = volts * math.sqrt(2)
        output = self._device.sigouts[0]
        output.range(min(limit for limit in _OUTPUT_RANGES if peak <= limit * (1 + 1e-9)))
        output.amplitudes[_SINE](peak)
        output.enables[_SINE](1)
        output.on(1)

    @property
    def frequency(self) -> float:
        """Control the oscillator in hertz (float, strictly 0.001 to 500000)."""
        return float(self._device.oscs[0].freq())

    @frequency.setter
    def frequency(self, hertz: float) -> None:
        self._check(hertz, 1e-3, _MAX_FREQUENCY, "Hz", "a frequency")
        self._device.oscs[0].freq(hertz)

    @property
    def time_constant(self) -> float:
        """Control the time constant in seconds (float, strictly 337 ns to 83 s).

        The instrument rounds it to what its filter can do: read it back.
        """
        return float(self._device.demods[0].timeconstant())

    @time_constant.setter
    def time_constant(self, seconds: float) -> None:
        self._check(seconds, 337e-9, 83.0, "s", "a time constant")
        self._device.demods[0].timeconstant(seconds)

    @property
    def overloaded(self) -> bool:
        """Get whether the latest samples of the input reached the ends of its range."""
        inputs = self._device.sigins[0]
        return max(abs(float(inputs.max())), abs(float(inputs.min()))) >= _FULL_INPUT

    def read_xy(self) -> tuple[float, float]:
        """Return X and Y of one instant, in volt rms.

        Raises
        ------
        InstrumentDataError
            If the sample holds no number.
        """
        sample = self._device.demods[0].sample()
        try:
            x, y = float(sample["x"][0]), float(sample["y"][0])
        except (KeyError, IndexError, TypeError, ValueError):
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            raise InstrumentDataError(
                f"{self.name} answered {sample!r:.200} as a sample, not x and y"
            )
        return x, y

    def shutdown(self) -> None:
        """Set the amplitude to zero and switch the output off, the one without the other."""
        output = self._device.sigouts[0]
        try:
            output.amplitudes[_SINE](0.0)
        finally:
            output.on(0)

    def _check(self, value: float, low: float, high: float, unit: str, what: str) -> None:
        if not low <= value <= high:  # written so that NaN is refused too
            raise LimitError(
                f"{what} of {value:g} {unit} must be between {low:g} and {high:g} {unit} "
                f"at {self.name}; nothing was sent"
            )

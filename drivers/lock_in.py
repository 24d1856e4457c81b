"""What every lock-in amplifier can do for a measurement, whoever made it."""

from typing import Protocol


class LockIn(Protocol):
    """Applies a small sine voltage and reads the response in phase with it."""

    @property
    def amplitude(self) -> float:
        """Amplitude of the sine output, in volt rms."""

    @amplitude.setter
    def amplitude(self, volts: float) -> None: ...

    @property
    def frequency(self) -> float:
        """Frequency of the internal reference, in hertz."""

    @frequency.setter
    def frequency(self, hertz: float) -> None: ...

    @property
    def time_constant(self) -> float:
        """Time constant of one stage of the output filter, in seconds."""

    @time_constant.setter
    def time_constant(self, seconds: float) -> None: ...

    @property
    def overloaded(self) -> bool:
        """Whether anything was overloaded since this was last asked."""

    def read_xy(self) -> tuple[float, float]:
        """Return X and Y of one instant, in volt rms."""

    def shutdown(self) -> None:
        """Bring every output to its smallest value."""

"""What types of pulse generators there are: their limits and what follows ``*RST``."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one type of generator is and can do, in seconds, hertz, and volts into 50 Ω.

    Attributes
    ----------
    identity : str
        Answer to ``*IDN?``.
    n_channels : int
        Number of outputs.
    frequency, period, width, edge, burst_period, cycles, load : (float, float)
        Lowest and highest setting.
    amplitude : (float, float)
        Lowest and highest peak-to-peak voltage; levels reach to ``±level``.
    reset_period, reset_amplitude, reset_width, reset_edge : float
        After ``*RST``.
    adjusts : bool
        Whether a conflict of settings is resolved (and reported) or refused.
    """

    identity: str
    n_channels: int = 1
    frequency: tuple[float, float]
    period: tuple[float, float]
    width: tuple[float, float]
    edge: tuple[float, float]
    burst_period: tuple[float, float]
    cycles: tuple[float, float]
    load: tuple[float, float] = (1.0, 10e3)
    amplitude: tuple[float, float] = (10e-3, 10.0)
    level: float = 5.0
    reset_period: float = 1e-3
    reset_amplitude: float = 0.1
    reset_width: float = 100e-6
    reset_edge: float = 10e-9
    reset_trigger: str = "IMM"
    adjusts: bool = True

"""The settings of a B1500A that ``*RST`` returns to their defaults."""

from dataclasses import dataclass, field, replace


@dataclass
class Sweep:
    """The staircase source of a sweep (WV, WI, WSV, WNX, PWV) or a pulse source (PV, PI).

    `values` holds start and stop, or base and pulse; `base` the base of a swept pulse.
    """

    channel: int
    forces_current: bool
    mode: int
    range_code: int
    values: tuple[float, float]
    steps: int
    limit: float | None = None
    power_limit: float | None = None
    base: float = 0.0

    @property
    def crosses_zero(self) -> bool:
        """Whether its logarithmic steps are not defined: its ends need one sign."""
        return self.mode in (2, 4) and self.values[0] * self.values[1] <= 0

    @property
    def ranges_each(self) -> bool:
        """Whether each value has an output range of its own (WI, page 4-217)."""
        return self.forces_current and self.mode in (2, 4)

    def like(self, primary: "Sweep") -> "Sweep":
        """Return this source with the steps and the law of the primary one."""
        return replace(self, steps=primary.steps, mode=primary.mode)


@dataclass
class SamplingSource:
    """A source of a sampling measurement (MV, MI), and what it forces afterwards (MSP)."""

    channel: int
    forces_current: bool
    range_code: int
    base: float
    bias: float
    limit: float | None = None


@dataclass
class Sampling:
    """Sampling (MT, ML, MSC, MSP, MV, MI): times in seconds, `law` 1 linear or 2 to 7.

    `after` holds the post and base values that MSP gave to channels.
    """

    bias_hold: float = 0.0
    interval: float = 2e-3
    number: int = 1000
    base_hold: float = 0.0
    law: int = 1
    abort: int = 1
    post: int = 2
    sources: dict[int, SamplingSource] = field(default_factory=dict)
    after: dict[int, tuple[float | None, float | None]] = field(default_factory=dict)


@dataclass
class QuasiPulse:
    """Quasi-pulsed spot measurement (BDM, BDT, BDV)."""

    interval: int = 0
    mode: int = 0
    hold: float = 0.0
    delay: float = 0.0
    source: Sweep | None = None


@dataclass
class QuasiStatic:
    """Quasi-static C-V (QSC, QSL, QSM, QSO, QSR, QST, QSV); times in seconds."""

    compatible: int = 0
    leakage_output: int = 0
    compensation: int = 0
    abort: int = 1
    post: int = 1
    smart: int = 0
    current_range: int = -11
    capacitance_time: float = 0.1
    leakage_time: float = 0.1
    hold: float = 0.0
    delays: tuple[float, float] = (0.0, 0.0)
    source: Sweep | None = None
    step_voltage: float = 0.0


@dataclass
class CvSweep:
    """C-V sweep of the dc bias (WDCV, WTDCV, WMDCV)."""

    timing: tuple[float, ...] = (0.0,) * 5
    abort: int = 1
    post: int = 1
    source: Sweep | None = None


@dataclass
class Settings:
    """Everything that ``*RST`` returns to its default.

    Automatic calibration, wait times and digital ports are kept and reported by ``*LRN?``
    only: the outputs here settle at once, and no line is on the ports.
    """

    data_format: int = 1
    data_mode: int = 0
    measurement: tuple[int, ...] = ()
    service_request: int = 0
    trigger_mode: int = 1
    auto_calibration: int = 1
    parallel: int = 0
    time_stamp: int = 0
    auto_zero: int = 0
    adc_modes: dict[int, tuple[int, float]] = field(
        default_factory=lambda: {0: (0, 1.0), 1: (0, 6.0), 2: (0, 1.0)}
    )
    wait_times: dict[int, tuple[float, float]] = field(
        default_factory=lambda: {1: (1.0, 0.0), 2: (1.0, 0.0)}
    )
    sweep_timing: tuple[float, ...] = (0.0,) * 5
    sweep_abort: int = 1
    sweep_post: int = 1
    sweep: Sweep | None = None
    synchronous: Sweep | None = None
    more_sources: dict[int, Sweep] = field(default_factory=dict)
    pulse_timing: tuple[float, ...] = (0.0, 1e-3, 1e-2, 0.0)
    pulse: Sweep | None = None
    pulsed_sweep: Sweep | None = None
    sampling: Sampling = field(default_factory=Sampling)
    quasi_pulse: QuasiPulse = field(default_factory=QuasiPulse)
    quasi_static: QuasiStatic = field(default_factory=QuasiStatic)
    cv: CvSweep = field(default_factory=CvSweep)

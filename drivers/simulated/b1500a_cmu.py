r"""The multi-frequency capacitance unit B1520A of a simulated B1500A.

What it measures is the admittance :math:`Y = G + jωC` at its terminals: G from the current
that a small step of the bias changes (no time passes, so the device stays as it is), and C
a fixed film capacitance, unless the bench knows the impedance of the device. The ac signal
moves the device no further than its bias does: its two half-waves are taken to cancel.
"""

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.wiring import Wiring

CMU_MODELS = ("B1520A",)
FILM_CAPACITANCE = 100e-12  # farad: a choice, some 10 nm of oxide under (200 µm)²
STRAY_CAPACITANCE = 1e-15  # farad, of open terminals: a choice
HIGHEST_BIAS = 25.0
_PROBE = 1e-3  # volt, of the step that finds G: a choice
_NOISE = 2e-4  # of |Y|, for 1 ms of averaging: a choice
_CURRENT_LIMIT = 10e-3
_AUTO_SAMPLE = 1e-3  # seconds of the initial averaging of ACT 0: a choice

Impedance = Callable[[float], complex]

# What IMP asks for: letters of the data, and how each follows from the impedance z at ω.
_Pair = tuple[str, str, Callable[[complex, float], tuple[float, float]]]


def capacitance_between(wiring: Wiring, *sources: str) -> float:
    """Return the farads that outputs see: of the film, or of nothing if one leads nowhere."""
    reached = all(wiring.is_connected(source) for source in sources)
    return FILM_CAPACITANCE if reached else STRAY_CAPACITANCE


def _quality(z: complex) -> float:
    return abs(z.imag) / z.real if z.real else math.inf


def _dissipation(z: complex) -> float:
    return z.real / abs(z.imag) if z.imag else math.inf


def _parallel_c(z: complex, w: float) -> float:
    return (1 / z).imag / w


def _series_c(z: complex, w: float) -> float:
    return -1 / (w * z.imag) if z.imag else math.inf


def _parallel_l(z: complex, w: float) -> float:
    return -1 / (w * (1 / z).imag) if (1 / z).imag else math.inf


def _parallel_r(z: complex) -> float:
    return 1 / (1 / z).real if (1 / z).real else math.inf


MODES: dict[int, _Pair] = {
    1: ("Z", "Z", lambda z, w: (z.real, z.imag)),
    2: ("Y", "Y", lambda z, w: ((1 / z).real, (1 / z).imag)),
    10: ("Z", "R", lambda z, w: (abs(z), cmath.phase(z))),
    11: ("Z", "P", lambda z, w: (abs(z), math.degrees(cmath.phase(z)))),
    20: ("Y", "R", lambda z, w: (abs(1 / z), cmath.phase(1 / z))),
    21: ("Y", "P", lambda z, w: (abs(1 / z), math.degrees(cmath.phase(1 / z)))),
    100: ("C", "Y", lambda z, w: (_parallel_c(z, w), (1 / z).real)),
    101: ("C", "D", lambda z, w: (_parallel_c(z, w), _dissipation(z))),
    102: ("C", "Q", lambda z, w: (_parallel_c(z, w), _quality(z))),
    103: ("C", "Z", lambda z, w: (_parallel_c(z, w), _parallel_r(z))),
    200: ("C", "Z", lambda z, w: (_series_c(z, w), z.real)),
    201: ("C", "D", lambda z, w: (_series_c(z, w), _dissipation(z))),
    202: ("C", "Q", lambda z, w: (_series_c(z, w), _quality(z))),
    300: ("L", "Y", lambda z, w: (_parallel_l(z, w), (1 / z).real)),
    301: ("L", "D", lambda z, w: (_parallel_l(z, w), _dissipation(z))),
    302: ("L", "Q", lambda z, w: (_parallel_l(z, w), _quality(z))),
    303: ("L", "Z", lambda z, w: (_parallel_l(z, w), _parallel_r(z))),
    400: ("L", "Z", lambda z, w: (z.imag / w, z.real)),
    401: ("L", "D", lambda z, w: (z.imag / w, _dissipation(z))),
    402: ("L", "Q", lambda z, w: (z.imag / w, _quality(z))),
}
"""Parameters by the number that IMP takes; a conductance is sent as Y, a resistance as Z."""


@dataclass(eq=False)
class Cmu:
    """One capacitance unit: settings, bias on the wiring, and what it measures.

    Attributes
    ----------
    bias, level : float
        DC and ac voltage, in volt.
    frequency : float
        In hertz.
    mode, monitor : int
        Of IMP and of LMN.
    averaging : tuple of int
        Mode and coefficient of ACT.
    ranging : tuple of int
        Mode and range of RC.
    adjustment : int
        Mode of ADJ. The compensation is perfect in every mode.
    corrections : dict of int to bool
        Open, short and load correction (1, 2, 3), on or off; what they correct is nil.
    standards : dict of int to tuple
        Mode and values of the standards (DCORR).
    frequencies : list of float
        At which correction data are taken (CORRL), in hertz.
    """

    slot: int
    source: str
    wiring: Wiring
    rng: np.random.Generator | None
    impedance: Impedance | None = None
    on: bool = False
    bias: float = 0.0
    level: float = 0.0
    frequency: float = 1000.0
    mode: int = 100
    monitor: int = 0
    averaging: tuple[int, int] = (0, 2)
    ranging: tuple[int, int] = (0, 0)
    adjustment: int = 0
    corrections: dict[int, bool] = field(default_factory=lambda: {1: False, 2: False, 3: False})
    standards: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    frequencies: list[float] = field(default_factory=list)

    def switch_on(self) -> None:
        if not self.on:
            self.on = True
            self.level, self.frequency = 0.0, 1000.0
            self.force(0.0)

    def switch_off(self) -> None:
        self.on = False
        self.bias = self.level = 0.0
        self.wiring.release(self.source)

    def reset_settings(self) -> None:
        self.mode, self.monitor, self.adjustment = 100, 0, 0
        self.averaging, self.ranging = (0, 2), (0, 0)
        self.corrections = {1: False, 2: False, 3: False}
        self.standards, self.frequencies = {}, []

    def zero(self) -> None:
        """Force 0 V and stop the ac signal (DZ)."""
        self.level = 0.0
        self.force(0.0)

    def restore(self) -> None:
        """Do nothing: RZ restores SMUs only (a choice)."""

    def force(self, volts: float) -> None:
        """Change the dc bias; raise FlexError 120 beyond ±25 V, which needs an SCUU."""
        if abs(volts) > HIGHEST_BIAS:
            raise FlexError(BAD_PARAMETER)
        self.bias = volts
        self.wiring.drive(self.source, volts, _CURRENT_LIMIT)

    def seconds(self, line_frequency: float) -> float:
        """Return the time one measurement takes."""
        mode, n = self.averaging
        return n / line_frequency if mode == 2 else n * _AUTO_SAMPLE

    def measure(self, seconds: float) -> list[tuple[str, float | None]]:
        """Return letter and value of both parameters, averaged over `seconds`."""
        admittance = self._admittance()
        first, second, function = MODES[self.mode]
        if not admittance or not cmath.isfinite(admittance):  # an open, a short
            return [(first, None), (second, None)]
        if self.rng is not None:
            spread = _NOISE * abs(admittance) * min(1.0, (1e-3 / seconds) ** 0.5)
            real, imaginary = spread * self.rng.standard_normal(2)
            admittance += complex(real, imaginary)
        values = function(1 / admittance, 2 * math.pi * self.frequency)
        kept = [value if math.isfinite(value) else None for value in values]
        return list(zip((first, second), kept, strict=True))

    def monitored(self) -> list[tuple[str, float | None]]:
        """Return the ac level and the dc bias that LMN 1 adds."""
        return [("V", self.level), ("V", self.bias)]

    def _admittance(self) -> complex:
        if self.impedance is not None:
            impedance = self.impedance(self.frequency)
            return 1 / impedance if impedance else complex(math.inf)
        currents = []
        for step in (_PROBE, -_PROBE):
            self.wiring.drive(self.source, self.bias + step, _CURRENT_LIMIT)
            currents.append(self.wiring.current(self.source))
        self.wiring.drive(self.source, self.bias, _CURRENT_LIMIT)
        conductance = (currents[0] - currents[1]) / (2 * _PROBE)
        farads = capacitance_between(self.wiring, self.source)
        return complex(conductance, 2 * math.pi * self.frequency * farads)

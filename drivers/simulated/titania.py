r"""The simulated four-terminal TiO2-x memristor: one law in continuous time.

Diao et al., Nanoscale Horizons 10, 780 (2025), https://doi.org/10.1039/d4nh00623b. The
write voltage is :math:`V_w = (V_2 + V_4)/2 - (V_1 + V_3)/2`; the resistance R between T1
and T3 moves between a high (HRS) and a low (LRS) resistance. With the progress p of the
branch, from 0 at its start to 1 at its end,

.. math:: \dot p = k\, (|V_w| - V_t)^m\, e^{-β p}\ (|V_w| > V_t), \qquad
   \dot R = (R_{rest} - R) / τ(T) \text{ at all times,}

in potentiation :math:`p = (HRS - R) / (HRS - LRS)`, in depression
:math:`p = (R - LRS) / (HRS - LRS)`. Oxygen vacancies that were driven diffuse back, faster
in the heat of the write current: :math:`T = T_{ambient} + R_{th} \sum V_i I_i` and
:math:`τ = τ_{25} \exp[E_a/k_B (1/T - 1/298\,K)]`. The change by one pulse therefore falls
with the state, grows with the voltage and saturates (figures 2a, 2c, 2d).

Between the terminals lie ohmic conductances: 1/R from T1 to T3 (figure 1c), and four equal
sides T1-T2, T2-T3, T3-T4, T4-T1 that carry the write current.
"""

import math
from dataclasses import InitVar, dataclass, field
from typing import Any, Self

import numpy as np

from labsyn.data.errors import ModelError
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.kinetics import (
    LARGEST_ENERGY,
    LARGEST_RELAXATION,
    arrhenius,
    driven,
    remembered,
)
from labsyn.drivers.simulated.titania_network import TERMINALS, TitaniaNetwork

_MARGIN = 0.25  # of the window, beyond either end
_LARGEST_DRIVE = 0.05  # of one substep, in p


@dataclass(kw_only=True)
class Titania:
    """Four-terminal TiO2-x memristor, read from T1 to T3, written by T2 and T4.

    Printed: `hrs` and `lrs`, read and write protocol, write voltages of 0.3 to 7 V, and
    that ±6 V initialises "to the HRS and LRS": taken in that order, positive write
    voltages depress (raise R) and negative ones potentiate.

    Calibrated, with ``examples/calibrate_titania.py``, to the feedforward pulses of figure
    3: `rate_p`, `exponent_p`, `rate_d`, `exponent_d`, `sigma_p`, `sigma_d` and
    `side_resistance`, so that pulses of 0.8 s, each the largest of the fifteen voltages
    that changes R by less than 0.3 Ω, take 494 ± 11 events and 240.7 mW on average in
    potentiation, 579 ± 17 events and 114.6 mW in depression.

    Everything else is a choice. The film goes on by a quarter of the window at either end
    and stops there. More than `break_voltage` between two terminals breaks it into an
    open, at once and for good.

    Attributes
    ----------
    hrs, lrs : float
        Ends of the window, in ohm (text to figure 2).
    beta_p, beta_d : float
        How fast the rate falls along a branch, dimensionless. A choice.
    rate_p, rate_d : float
        k, in 1/s: rate at the start of the branch, 1 V above threshold. Calibrated.
    exponent_p, exponent_d : float
        m, dimensionless. Calibrated.
    threshold : float
        V_t, in volt: below the smallest write voltage, so that a read is harmless. A choice.
    sigma_p, sigma_d : float
        Standard deviation of a change by 1 Ω, in ohm; one by ΔR has the variance
        ``sigma**2 * |ΔR|``, however the interval is cut. Calibrated.
    sigma_read : float
        Standard deviation of one read, in ohm. A choice: the difference of two reads then
        scatters by 0.07 Ω, and below 0.1 Ω "the influence of noise becomes dominant".
    side_resistance : float
        Of each of the four sides, in ohm. Calibrated.
    thermal_resistance : float
        R_th, in kelvin per watt. A choice.
    relaxation_time : float
        τ at 25 °C, in seconds. A choice.
    activation_energy : float
        Of the relaxation, in eV. A choice.
    break_voltage : float
        In volt. A choice, above the 7 V of figure 2.
    potentiation_sign : int
        Sign of the write voltage that lowers R, -1 or +1.
    resistance : float
        State, in ohm.
    environment : Environment, optional
        Gives the ambient temperature; without it the air has 25 °C.
    seed : int
        Seed of the noise.
    """

    hrs: float = 880.0
    lrs: float = 740.0
    beta_p: float = 0.8
    beta_d: float = 2.0
    rate_p: float = 3.071e-3
    exponent_p: float = 0.3465
    rate_d: float = 3.268e-3
    exponent_d: float = 1.211
    threshold: float = 0.2
    sigma_p: float = 0.286
    sigma_d: float = 0.341
    sigma_read: float = 0.05
    side_resistance: float = 172.5
    thermal_resistance: float = 80.0
    relaxation_time: float = 2e5
    activation_energy: float = 0.5
    break_voltage: float = 10.0
    potentiation_sign: int = -1
    resistance: float = 880.0
    seed: int = 0
    environment: InitVar[Environment | None] = None
    terminals: tuple[str, ...] = field(default=TERMINALS, init=False)
    broken: bool = field(default=False, init=False)
    _rng: np.random.Generator = field(init=False, repr=False, compare=False)
    _read_rng: np.random.Generator = field(init=False, repr=False, compare=False)
    _environment: Environment = field(init=False, repr=False, compare=False)

    def __post_init__(self, environment: Environment | None) -> None:
        self._environment = environment or Environment()
        self._check()
        self._rng = np.random.default_rng(self.seed)
        # Its own generator, so that the state does not know how often it was read.
        self._read_rng = np.random.default_rng([self.seed, 2])

    def _check(self) -> None:
        if not 0 < self.lrs < self.hrs < math.inf:
            raise ModelError(
                f"Titania: lrs = {self.lrs:g} Ω and hrs = {self.hrs:g} Ω, "
                "0 < lrs < hrs is needed"
            )
        low, high = self.bounds
        if not low <= self.resistance <= high:
            raise ModelError(
                f"Titania: resistance is {self.resistance:g} Ω, "
                f"{low:g} to {high:g} Ω is possible"
            )
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ModelError(
                    f"Titania: {name} is {getattr(self, name):g}, not above 0 and finite"
                )
        for name in ("relaxation_time", "break_voltage"):
            if not getattr(self, name) > 0:
                raise ModelError(f"Titania: {name} is {getattr(self, name):g}, not above 0")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise ModelError(f"Titania: {name} is {getattr(self, name):g}, not 0 or more")
        for name in ("beta_p", "beta_d"):
            if not 0 <= getattr(self, name) <= 20:
                raise ModelError(f"Titania: {name} is {getattr(self, name):g}, not 0 to 20")
        if not 0 <= self.activation_energy <= LARGEST_ENERGY:
            raise ModelError(
                f"Titania: activation_energy is {self.activation_energy:g} eV, "
                f"not 0 to {LARGEST_ENERGY:g}"
            )
        if self.potentiation_sign not in (-1, 1):
            raise ModelError(
                f"Titania: potentiation_sign is {self.potentiation_sign:g}, not -1 or 1"
            )

    @classmethod
    def ideal(cls, **parameters: Any) -> Self:
        """Return a device without any noise."""
        return cls(**{"sigma_p": 0.0, "sigma_d": 0.0, "sigma_read": 0.0} | parameters)

    @classmethod
    def draw(cls, seed: int, **parameters: Any) -> Self:
        """Return one device out of many, with noise of its own.

        The spread from device to device, "low" in the paper, is a choice: lognormal, 1 %
        on each rate and 1 % on the sides. `parameters` are exact.
        """
        spread = np.random.default_rng([seed, 1]).standard_normal(3)
        drawn = {
            "rate_p": cls.rate_p * math.exp(0.01 * spread[0]),
            "rate_d": cls.rate_d * math.exp(0.01 * spread[1]),
            "side_resistance": cls.side_resistance * math.exp(0.01 * spread[2]),
        }
        return cls(**drawn | {"seed": seed} | parameters)

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest resistance that the film can take, in ohm."""
        beyond = _MARGIN * (self.hrs - self.lrs)
        return max(self.lrs - beyond, 0.1 * self.lrs), self.hrs + beyond

    def currents(self, voltages: Voltages) -> dict[str, float]:
        return self._currents(voltages, self.resistance)

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        read = self.resistance
        if self.sigma_read and not self.broken:
            read += self.sigma_read * self._read_rng.standard_normal()
        return self._currents(voltages, read)

    def _currents(self, voltages: Voltages, resistance: float) -> dict[str, float]:
        if self.broken:
            return dict.fromkeys(self.terminals, 0.0)
        return TitaniaNetwork(self.side_resistance, resistance, voltages).currents()

    def advance(self, voltages: Voltages, seconds: float) -> None:
        if self.broken:
            return
        network = TitaniaNetwork(self.side_resistance, self.resistance, voltages)
        if network.largest_voltage > self.break_voltage:
            self.broken = True
        if self.broken or seconds <= 0:
            return
        write, decay = network.write_voltage, self._decay(network.power)
        seconds = remembered(seconds, decay)
        moved = abs(self._moved(self.resistance, write, seconds) - self.resistance)
        largest = _LARGEST_DRIVE * (self.hrs - self.lrs)
        steps = math.ceil(max(1.0, seconds * decay / LARGEST_RELAXATION, moved / largest))
        for _ in range(steps):
            self._step(voltages, seconds / steps)

    def _step(self, voltages: Voltages, seconds: float) -> None:
        """Drive and relax at once (Strang splitting), then stop at the bounds.

        Heat, and the voltage where a terminal floats, depend a little on R itself: they are
        those of the middle of the step.
        """
        start = TitaniaNetwork(self.side_resistance, self.resistance, voltages)
        middle = self._changed(self.resistance, start, seconds / 2)
        network = TitaniaNetwork(self.side_resistance, middle, voltages)
        low, high = self.bounds
        after = min(max(self._changed(self.resistance, network, seconds), low), high)
        write = network.write_voltage
        sigma = self.sigma_p if self._potentiates(write) else self.sigma_d
        if sigma and self._rate(write):
            spread = sigma * math.sqrt(abs(after - self.resistance))
            after += spread * self._rng.standard_normal()
        self.resistance = min(max(after, low), high)

    def _changed(self, resistance: float, network: TitaniaNetwork, seconds: float) -> float:
        """Return R after drive and relaxation as they are in `network`."""
        rest = (self.hrs + self.lrs) / 2  # diffusion evens out: the middle, a choice
        write = network.write_voltage
        half = self._moved(resistance, write, seconds / 2)
        kept = math.exp(-seconds * self._decay(network.power))
        return self._moved(rest + (half - rest) * kept, write, seconds / 2)

    def _moved(self, resistance: float, write: float, seconds: float) -> float:
        """Return R after the exact drive by the write voltage alone."""
        push, span = self._rate(write) * seconds, self.hrs - self.lrs
        if push == 0:
            return resistance
        if self._potentiates(write):
            return self.hrs - span * driven((self.hrs - resistance) / span, self.beta_p, push)
        return self.lrs + span * driven((resistance - self.lrs) / span, self.beta_d, push)

    def _potentiates(self, write: float) -> bool:
        return write * self.potentiation_sign > 0

    def _rate(self, write: float) -> float:
        """Return dp/dt at p = 0, in 1/s."""
        excess = abs(write) - self.threshold
        if excess <= 0:
            return 0.0
        if self._potentiates(write):
            return self.rate_p * excess**self.exponent_p
        return self.rate_d * excess**self.exponent_d

    def _decay(self, power: float) -> float:
        """Return 1/τ, in 1/s, in the heat of `power` watt."""
        kelvin = self._environment.temperature + self.thermal_resistance * power
        return arrhenius(self.activation_energy, kelvin) / self.relaxation_time


_POSITIVE = (
    "rate_p",
    "rate_d",
    "exponent_p",
    "exponent_d",
    "side_resistance",
)
_NOT_NEGATIVE = (
    "threshold",
    "sigma_p",
    "sigma_d",
    "sigma_read",
    "thermal_resistance",
)

r"""The simulated Au/LixCoO2/Pt synapse: one law in continuous time.

Baek et al., Nano-Micro Letters (2022), Supporting Information. For the state x (0 to 1),

.. math:: G = [G_{min} + x (G_{max} - G_{min})]\, e^{E_G/k_B (1/T_0 - 1/T)}, \qquad
   \dot x = r_P(|V|, T)\, e^{-β_P x} \; (V < 0), \qquad
   \dot x = -r_D(|V|, T)\, e^{-β_D (1 - x)} \; (V > 0),

the continuous form of their equations S1 and S2, with the relaxation
:math:`\dot x = -x / τ(T)` at all times (figures S4 and S5). As the temperature rises the
film "becomes more conductive" and the state deteriorates faster (figure S5); T_0 is 25 °C,
where the first factor is 1. Above a threshold the rates grow as a hopping current does,
with the excess :math:`u = (|V| - V_t) / V_0`,

.. math:: r(V) = r_{ref} \sinh u / \sinh u_{ref}\ (u > 0), \qquad
   r_{ref} = (e^β - 1) / (β\, n_{ref}\, w_{ref}),

so that 30 pulses (figure S11) of -1.5 V and 10 ms lead from 0 to 1 and 30 pulses of +1.1 V
and 10 ms back (table S2).

Dependence on pulse number, voltage, width and sweep rate, and retention all follow.
"""

import math
from dataclasses import InitVar, dataclass, field
from typing import Any, Self

import numpy as np

from labsyn.data.errors import ModelError
from labsyn.drivers.simulated.device import Voltages, two_terminal_voltage
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.kinetics import (
    LARGEST_ENERGY,
    LARGEST_RELAXATION,
    arrhenius,
    driven,
    remembered,
)

N_REFERENCE = 30
REFERENCE_WIDTH = 10e-3
POTENTIATION_VOLTAGE = -1.5
DEPRESSION_VOLTAGE = 1.1
_PARTS = 4  # steps of a drive for each factor e by which its rate changes on the way
_MARGIN = 1.0  # of the window, beyond either end


@dataclass(kw_only=True)
class LixCoO2:
    """Two-terminal Li-ion synapse; negative ``V(top) - V(bottom)`` potentiates.

    The pulses (voltages, width, number) are the paper's. It prints no conductances,
    nonlinearities or time constants: every default below is a choice. The window of 30
    reference pulses is x from 0 to 1; stronger trains go on, more and more slowly, by as
    much again at either end (less where the conductance would vanish), and there the film
    stops: a choice that leaves room for shapes 2 and 4 of table S2. A voltage or current
    beyond the limits breaks the device, at once and for good, into an open (a choice too).

    Attributes
    ----------
    beta_p, beta_d : float
        Nonlinearity β of the branches; 0 is linear, negative accelerates. A choice.
    g_min, g_max : float
        Conductance at x = 0 and x = 1 and 25 °C, in siemens. A choice.
    sigma_c2c : float
        Standard deviation of the change by one typical reference pulse, as a fraction of
        the range: an interval that drives x by Δx adds the variance
        ``sigma_c2c**2 * 30 * |Δx|``, however it is cut. A choice.
    sigma_read : float
        Standard deviation of one measured current, in units of ``(g_max - g_min) |V|``.
        A choice.
    temperature : float, optional
        Of the film, in kelvin, whatever surrounds it; without it that of `environment`.
    threshold_p, threshold_d : float
        V_t of the branches, in volt: reads below do not move the state. A choice: sweeps to
        1 V still potentiate (figure S2), and as the two differ by as much as the reference
        voltages, +1.1 V drives as hard as -1.5 V.
    v0 : float
        V_0, voltage scale of the rates, in volt. A choice: about linear to the 2 V of
        table S2, whose five shapes then are analog curves.
    relaxation_time : float
        τ at 25 °C, in seconds. A choice.
    activation_energy : float
        Of rates and of the relaxation, in eV: both move Li ions. A choice.
    conduction_energy : float
        E_G, activation energy of the conductance, in eV. A choice: the paper prints none,
        and a small one is that of carriers that hop in the film, not of ions.
    break_voltage, break_current : float
        In volt and ampere. A choice.
    x : float
        State; 0 is pristine.
    environment : Environment, optional
        Gives the temperature of the bench; without it the air has 25 °C.
    seed : int
        Seed of the noise.
    """

    beta_p: float = 0.8
    beta_d: float = 1.0
    g_min: float = 10e-6
    g_max: float = 40e-6
    sigma_c2c: float = 0.003
    sigma_read: float = 0.002
    temperature: float | None = None
    threshold_p: float = 0.6
    threshold_d: float = 0.2
    v0: float = 2.0
    relaxation_time: float = 1e5
    activation_energy: float = 0.3
    conduction_energy: float = 0.05
    break_voltage: float = 6.0
    break_current: float = 10e-3
    x: float = 0.0
    seed: int = 0
    environment: InitVar[Environment | None] = None
    terminals: tuple[str, ...] = field(default=("top", "bottom"), init=False)
    broken: bool = field(default=False, init=False)
    _known: tuple[float, float, float] = field(
        default=(math.nan, 1.0, 1.0), init=False, repr=False, compare=False
    )
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
        if not 0 < self.g_min < self.g_max < math.inf:
            raise ModelError(
                f"LixCoO2: g_min = {self.g_min:g} S and g_max = {self.g_max:g} S, "
                "0 < g_min < g_max is needed"
            )
        if not 0 <= self.x <= 1:
            raise ModelError(f"LixCoO2: x is {self.x:g}, it must lie between 0 and 1")
        if self.temperature is not None and not 0 < self.temperature < math.inf:
            raise ModelError(
                f"LixCoO2: temperature is {self.temperature:g} K, not positive and finite"
            )
        for name in ("relaxation_time", "break_voltage", "break_current"):
            if not getattr(self, name) > 0:
                raise ModelError(f"LixCoO2: {name} is {getattr(self, name):g}, not above 0")
        if not 0 < self.v0 < math.inf:
            raise ModelError(f"LixCoO2: v0 is {self.v0:g} V, not above 0 and finite")
        for name in ("sigma_c2c", "sigma_read"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ModelError(f"LixCoO2: {name} is {getattr(self, name):g}, not 0 or more")
        for name, low, high, unit in (
            ("beta_p", -20, 20, ""),
            ("beta_d", -20, 20, ""),
            ("activation_energy", 0, LARGEST_ENERGY, " eV"),
            ("conduction_energy", 0, LARGEST_ENERGY, " eV"),
        ):
            if not low <= getattr(self, name) <= high:
                raise ModelError(
                    f"LixCoO2: {name} is {getattr(self, name):g}{unit}, not {low:g} to {high:g}"
                )
        for name, reference in (
            ("threshold_p", -POTENTIATION_VOLTAGE),
            ("threshold_d", DEPRESSION_VOLTAGE),
        ):
            if not 0 <= getattr(self, name) < reference:
                raise ModelError(
                    f"LixCoO2: {name} is {getattr(self, name):g} V, it must lie from 0 to "
                    f"below the {reference:g} V of a reference pulse"
                )

    @classmethod
    def ideal(cls, **parameters: Any) -> Self:
        """Return a device without any noise."""
        return cls(**{"sigma_c2c": 0.0, "sigma_read": 0.0} | parameters)

    @classmethod
    def draw(cls, seed: int, **parameters: Any) -> Self:
        """Return one device out of many, with noise of its own.

        The spread from device to device is a choice: lognormal, 3 % on each β, 5 % on
        both conductances in common and 2 % on their ratio. `parameters` are exact.
        """
        spread = np.random.default_rng([seed, 1]).standard_normal(4)
        scale = math.exp(0.05 * spread[2])
        drawn = {
            "beta_p": cls.beta_p * math.exp(0.03 * spread[0]),
            "beta_d": cls.beta_d * math.exp(0.03 * spread[1]),
            "g_min": cls.g_min * scale,
            "g_max": cls.g_max * scale * math.exp(0.02 * spread[3]),
        }
        return cls(**drawn | {"seed": seed} | parameters)

    @property
    def conductance(self) -> float:
        """Conductance in siemens, at the temperature of the film; 0 when broken."""
        if self.broken:
            return 0.0
        warmer = self._thermal()[1]
        return (self.g_min + self.x * (self.g_max - self.g_min)) * warmer

    def currents(self, voltages: Voltages) -> dict[str, float]:
        current = self.conductance * two_terminal_voltage(voltages)
        return {"top": current, "bottom": -current}

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        volts = two_terminal_voltage(voltages)
        current = self.conductance * volts
        if self.sigma_read and volts and not self.broken:
            spread = self.sigma_read * (self.g_max - self.g_min) * abs(volts)
            current += spread * self._read_rng.standard_normal()
        return {"top": current, "bottom": -current}

    def advance(self, voltages: Voltages, seconds: float) -> None:
        volts = two_terminal_voltage(voltages)
        self._break_by(volts)
        if self.broken or seconds <= 0:
            return
        faster = self._thermal()[0]
        rate, decay = self._rate(volts) * faster, faster / self.relaxation_time
        if rate == 0:
            self.x *= math.exp(-seconds * decay)
        else:
            self._drive_and_relax(volts, rate, decay, seconds)
            self._break_by(volts)  # in between the current lay between its ends

    def _break_by(self, volts: float) -> None:
        current = abs(volts) * self.conductance
        if abs(volts) > self.break_voltage or current > self.break_current:
            self.broken = True

    def _drive_and_relax(self, volts: float, rate: float, decay: float, seconds: float) -> None:
        seconds = remembered(seconds, decay)
        steps = max(
            1,
            math.ceil(seconds * decay / LARGEST_RELAXATION),
            # Where the rate changes manifold on the way, so does what relaxation does to it.
            math.ceil(_PARTS * self._bending(volts, rate * seconds)),
        )
        kept = math.exp(-seconds * decay / steps)
        push = rate * seconds / steps
        # Strang splitting; the drive comes last, so that it holds x at its bound.
        for _ in range(steps):
            self.x = self._driven(self.x, volts, push / 2) * kept
            self.x = self._driven(self.x, volts, push / 2)

    def _bending(self, volts: float, push: float) -> float:
        """Return how many factors e the rate changes by under `push`."""
        beta = self.beta_p if volts < 0 else self.beta_d
        return abs(beta * (self._end(self.x, volts, push) - self.x))

    def _driven(self, x: float, volts: float, push: float) -> float:
        """Return x after the drive, with noise; `push` is rate times duration."""
        after = self._end(x, volts, push)
        if self.sigma_c2c:
            variance = N_REFERENCE * abs(after - x)
            after += self.sigma_c2c * math.sqrt(variance) * self._rng.standard_normal()
        low, high = self.bounds
        return min(max(after, low), high)

    def _end(self, x: float, volts: float, push: float) -> float:
        """Return where the exact drive leads."""
        if volts < 0:
            after = driven(x, self.beta_p, push)
        else:
            after = 1 - driven(1 - x, self.beta_d, push)
        low, high = self.bounds
        return min(max(after, low), high)

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest state that the film can take."""
        empty = self.g_min / (self.g_max - self.g_min)
        return -min(_MARGIN, 0.9 * empty), 1 + _MARGIN

    def _rate(self, volts: float) -> float:
        """Return r at 25 °C, in 1/s."""
        if volts < 0:
            beta, threshold, reference = self.beta_p, self.threshold_p, POTENTIATION_VOLTAGE
        else:
            beta, threshold, reference = self.beta_d, self.threshold_d, DEPRESSION_VOLTAGE
        u = (abs(volts) - threshold) / self.v0
        if u <= 0:
            return 0.0
        u_reference = (abs(reference) - threshold) / self.v0
        at_reference = (math.expm1(beta) / beta if beta else 1.0) / (
            N_REFERENCE * REFERENCE_WIDTH
        )
        # sinh u / sinh u_ref without overflow
        ratio = math.expm1(-2 * u) / math.expm1(-2 * u_reference)
        return at_reference * ratio * math.exp(min(u - u_reference, 600.0))

    def _thermal(self) -> tuple[float, float]:
        """Return what the temperature does to the rates, and to the conductance."""
        kelvin = self._environment.temperature if self.temperature is None else self.temperature
        if kelvin != self._known[0]:  # it seldom changes: two exponentials a reading
            self._known = (
                kelvin,
                arrhenius(self.activation_energy, kelvin),
                arrhenius(self.conduction_energy, kelvin),
            )
        return self._known[1:]

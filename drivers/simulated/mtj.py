r"""The simulated compound SOT-MTJ: thermal activation over a barrier.

Kumar et al., Nanoscale Horizons 9, 1522 (2024), https://doi.org/10.1039/d4nh00097h: n
elliptical tunnel junctions in parallel on one spin-orbit-torque channel. Each free layer
points along the easy axis, +1 or -1, and leaves a direction at the Néel-Arrhenius rate

.. math:: Γ = τ_0^{-1} \exp\{-Δ\, (298\,K / T)\, [(1 - h)(1 - v)]^2\}, \quad
          h = ∓ (H - H_{ex}) / H_k, \quad v = ∓ V / V_k,

with the upper signs for leaving +1, and a negative bracket counted as 0. The exponent of
the field is that of a uniaxial particle (Sharrock 1994), that of the current the one of
in-plane magnets (Taniguchi and Imamura, Phys. Rev. B 83, 054432 (2011)); their product is
a choice. H_k and V_k are such that half of the layers switch in 1 s at the coercive field,
and in a pulse of 200 ns at the critical voltage without field.

The reference layer is pinned to -1: a negative field and a negative V(channel_a) -
V(channel_b) lead to the parallel state (figure 4b). A field of its own turns it (3b).
"""

import math
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, Self

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.errors import ModelError
from labsyn.drivers.simulated import mtj_wedge
from labsyn.drivers.simulated.device import Voltages
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.free_layer import FreeLayer, anisotropy_field, torque_voltage

_SHORT = 100.0  # ohm, of a junction after breakdown: a choice


@dataclass(kw_only=True)
class CompoundMTJ:
    """One to six tunnel junctions from ``top`` to a channel from ``channel_a`` to ``_b``.

    Whatever is None follows from the free-layer thickness and the number of cells: see
    `labsyn.drivers.simulated.mtj_wedge`. A voltage beyond `breakdown_voltage`, along the
    channel or across a junction, shorts the junctions at once and for good. The tunnel
    resistance does not depend on the read voltage.

    Attributes
    ----------
    n_cells : int
        1 to 6 (measured: 1 to 3).
    thickness : float
        Of the free layer, 1.6e-9 to 2.6e-9 m.
    parallel_resistance : float
        R_P of one cell, in ohm.
    tmr : float
        ``(R_AP - R_P) / R_P`` of a cell.
    coercive_field : float
        In tesla; about 10 mT ± 15 % at all thicknesses (section C).
    exchange_field : float
        Shift of the minor loop, in tesla.
    critical_voltage, breakdown_voltage : float
        In volt.
    channel_resistance : float
        In ohm; the junctions sit in its middle.
    thermal_stability : float
        Δ, at least 20.
    field_free : bool
        Whether the current alone can switch; otherwise its torque grows with the field to
        its full value at `assist_field`. All devices switch with field (figure 4d).
    assist_field : float
        In tesla: the smallest of section B.
    reference_release, reference_saturation : float
        The reference layer points to -1 at and below the first (figure 3b: 90 mT), to +1
        from the second on (a choice), in tesla.
    sigma_cells : float
        Standard deviation of coercive field and critical voltage from cell to cell, as a
        fraction. A choice.
    sigma_read : float
        Standard deviation of one measured junction current, as a fraction. A choice.
    thermal_jumps : bool
        False lets each layer jump at the median of its waiting time, without chance.
    n_antiparallel : int
        Cells that start antiparallel.
    environment : Environment, optional
        Gives field and temperature; without it there is no field, and 25 °C.
    seed : int
        Seed of cells and noise.
    """

    n_cells: int = 1
    thickness: float = 1.7e-9
    parallel_resistance: float | None = None
    tmr: float | None = None
    coercive_field: float = 10e-3
    exchange_field: float | None = None
    critical_voltage: float | None = None
    breakdown_voltage: float | None = None
    channel_resistance: float | None = None
    thermal_stability: float | None = None
    field_free: bool = True
    assist_field: float = 6e-3
    reference_release: float = 90e-3
    reference_saturation: float = 100e-3
    sigma_cells: float = 0.05
    sigma_read: float = 1e-3
    thermal_jumps: bool = True
    seed: int = 0
    n_antiparallel: InitVar[int] = 0
    environment: InitVar[Environment | None] = None
    terminals: tuple[str, ...] = field(default=("channel_a", "channel_b", "top"), init=False)
    broken: bool = field(default=False, init=False)
    reference_layer: int = field(default=-1, init=False)
    _cells: tuple[FreeLayer, ...] = field(init=False, repr=False, compare=False)
    _rng: np.random.Generator = field(init=False, repr=False, compare=False)
    _environment: Environment = field(init=False, repr=False, compare=False)

    def __post_init__(self, n_antiparallel: int, environment: Environment | None) -> None:
        self._environment = environment or Environment()
        self._rng = np.random.default_rng(self.seed)
        self._check_counts(n_antiparallel)
        for name, value in _by_wedge(self.thickness, self.n_cells).items():
            if getattr(self, name) is None:
                setattr(self, name, value)
        self._check_values()
        spread = np.random.default_rng([self.seed, 2]).standard_normal((self.n_cells, 2))
        self._cells = tuple(
            self._cell(k, 1 if k < n_antiparallel else -1, self.sigma_cells * spread[k])
            for k in range(self.n_cells)
        )

    def _check_counts(self, n_antiparallel: int) -> None:
        for name, value, low, high in (
            ("n_cells", self.n_cells, 1, 6),
            ("n_antiparallel", n_antiparallel, 0, self.n_cells),
        ):
            if not (low <= value <= high and value == int(value)):
                raise ModelError(
                    f"CompoundMTJ: {name} is {value:g}, a whole number from {low:g} to "
                    f"{high:g} is needed"
                )
        self.n_cells = int(self.n_cells)  # bench files and addresses give 3.0

    def _check_values(self) -> None:
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ModelError(f"CompoundMTJ: {name} is {getattr(self, name):g}, not above 0")
        for name in ("sigma_cells", "sigma_read"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ModelError(
                    f"CompoundMTJ: {name} is {getattr(self, name):g}, not 0 or more"
                )
        if not _known(self.thermal_stability) >= 25:
            raise ModelError(
                f"CompoundMTJ: thermal_stability is {self.thermal_stability:g}, it must be at "
                "least 25 for a coercive field at 1 s"
            )
        if not abs(_known(self.exchange_field)) <= self.coercive_field / 2:
            raise ModelError(
                f"CompoundMTJ: exchange_field is {self.exchange_field:g} T, it may be half of "
                f"the coercive field of {self.coercive_field:g} T"
            )
        if not self.reference_release < self.reference_saturation:
            raise ModelError(
                f"CompoundMTJ: reference_release = {self.reference_release:g} T must lie below "
                f"reference_saturation = {self.reference_saturation:g} T"
            )

    def _cell(self, number: int, direction: int, deviation: FloatArray) -> FreeLayer:
        """Return one cell; `deviation` of its coercive field and V_c, in relative terms."""
        stability, shift = _known(self.thermal_stability), _known(self.exchange_field)
        anisotropy = anisotropy_field(self.coercive_field * math.exp(deviation[0]), stability)
        critical = _known(self.critical_voltage) * math.exp(deviation[1])
        return FreeLayer(
            direction=direction,
            stability=stability,
            anisotropy_field=anisotropy,
            shift=shift,
            torque_voltage=torque_voltage(critical, shift / anisotropy, stability),
            draw_patience=self._patience(number),
        )

    def _patience(self, number: int) -> Callable[[], float]:
        if not self.thermal_jumps:
            return lambda: math.log(2)
        # Its own generator, so that a cell does not wait for the jumps of another.
        return np.random.default_rng([self.seed, 3, number]).exponential

    @classmethod
    def ideal(cls, **parameters: Any) -> Self:
        """Return equal cells without noise that jump at the median of their waiting time."""
        quiet = {"sigma_cells": 0.0, "sigma_read": 0.0, "thermal_jumps": False}
        return cls(**quiet | parameters)

    @classmethod
    def draw(cls, seed: int, **parameters: Any) -> Self:
        """Return one device out of many, with noise of its own.

        The spread is a choice but for the coercive field, whose ±15 % are taken as two
        standard deviations: lognormal, 4 % on R_P, 2 % on TMR, 5 % on V_c, 2 % on V_B; the
        loop is shifted by ±1 mT more ("a small positive or negative offset"); whether the
        device switches field-free is drawn. `parameters` are exact.
        """
        rng = np.random.default_rng([seed, 1])
        spread, chance = rng.standard_normal(6), rng.random()
        mean = cls(**parameters)
        drawn = {
            "parallel_resistance": 0.04,
            "tmr": 0.02,
            "critical_voltage": 0.05,
            "breakdown_voltage": 0.02,
            "coercive_field": 0.075,
        }
        values = {
            name: _known(getattr(mean, name)) * math.exp(sigma * float(z))
            for (name, sigma), z in zip(drawn.items(), spread, strict=False)
        }
        offset = 1e-3 * float(np.clip(spread[5], -2, 2))  # a loop still has two states
        values["exchange_field"] = _known(mean.exchange_field) + offset
        free = bool(chance < mtj_wedge.field_free_probability(mean.thickness))
        return cls(**values | {"field_free": free, "seed": seed} | parameters)

    @property
    def free_layers(self) -> tuple[int, ...]:
        """Directions of the free layers, -1 or +1, shape (n_cells,)."""
        return tuple(cell.direction for cell in self._cells)

    @property
    def n_parallel(self) -> int:
        """Number of cells whose free layer is parallel to the reference layer."""
        return sum(direction == self.reference_layer for direction in self.free_layers)

    @property
    def conductance(self) -> float:
        """Conductance of all junctions together, in siemens."""
        if self.broken:
            return 1 / _SHORT
        high = 1 / _known(self.parallel_resistance)
        low = high / (1 + _known(self.tmr))
        return self.n_parallel * high + (self.n_cells - self.n_parallel) * low

    def currents(self, voltages: Voltages) -> dict[str, float]:
        return self._currents(voltages, self.conductance)

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        conductance = self.conductance
        if self.sigma_read:
            # A factor, so that the noise never turns a junction into a source.
            conductance *= math.exp(self.sigma_read * self._rng.standard_normal())
        return self._currents(voltages, conductance)

    def _star(self, conductance: float) -> dict[str, float]:
        """Return the conductance from each terminal to the middle of the channel."""
        half = 2 / _known(self.channel_resistance)
        return {"channel_a": half, "channel_b": half, "top": conductance}

    def _nodes(self, voltages: Voltages, conductance: float) -> tuple[dict[str, float], float]:
        """Return the volts of each terminal, floating ones settled, and of the middle."""
        star = self._star(conductance)
        held = {t: volts for t, volts in voltages.items() if volts is not None}
        total = sum(star[t] for t in held)
        middle = sum(star[t] * volts for t, volts in held.items()) / total if total else 0.0
        return {t: held.get(t, middle) for t in self.terminals}, middle

    def _currents(self, voltages: Voltages, conductance: float) -> dict[str, float]:
        nodes, middle = self._nodes(voltages, conductance)
        star = self._star(conductance)
        single = sum(volts is not None for volts in voltages.values()) < 2
        return {t: 0.0 if single else star[t] * (nodes[t] - middle) for t in self.terminals}

    def advance(self, voltages: Voltages, seconds: float) -> None:
        nodes, middle = self._nodes(voltages, self.conductance)
        along = nodes["channel_a"] - nodes["channel_b"]
        if max(abs(along), abs(nodes["top"] - middle)) > _known(self.breakdown_voltage):
            self.broken = True
        tesla = self._environment.field
        if tesla <= self.reference_release:
            self.reference_layer = -1
        elif tesla >= self.reference_saturation:
            self.reference_layer = 1
        if seconds <= 0:
            return
        torque = along if self.field_free else along * min(1.0, abs(tesla) / self.assist_field)
        ratio = self._environment.temperature / 298.15
        for cell in self._cells:
            cell.advance(tesla, torque, ratio, seconds)


_POSITIVE = (
    "parallel_resistance",
    "tmr",
    "coercive_field",
    "critical_voltage",
    "breakdown_voltage",
    "channel_resistance",
    "assist_field",
)


def _by_wedge(thickness: float, n_cells: int) -> dict[str, float]:
    """Return what the thickness and the number of cells decide."""
    return {
        "parallel_resistance": mtj_wedge.parallel_resistance(thickness),
        "tmr": mtj_wedge.tunnel_magnetoresistance(thickness),
        "exchange_field": mtj_wedge.exchange_field(thickness),
        "critical_voltage": mtj_wedge.critical_voltage(thickness, n_cells),
        "breakdown_voltage": mtj_wedge.breakdown_voltage(thickness, n_cells),
        "channel_resistance": mtj_wedge.channel_resistance(n_cells),
        "thermal_stability": mtj_wedge.thermal_stability(thickness),
    }


def _known(value: float | None) -> float:
    """Return a value that `_by_wedge` has filled in."""
    return math.nan if value is None else value

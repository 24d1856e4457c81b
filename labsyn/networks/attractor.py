r"""Continuous attractor on a ring: a bump of activity that stays where it was put.

.. math:: τ \dot U = -U + ρ\, Δx \sum_j J_{ij} r_j + I, \qquad
          r = \frac{[U]_+^2}{1 + k ρ\, Δx \sum_j [U_j]_+^2}

with the kernel J and the stimulus I Gaussians of width a and b and height
:math:`1/(2π a^2)` and :math:`1/(2π b^2)`, Δx = 2π/N, ρ = N/2π, and periodic distances: on a
line the bump would not be neutral, but drift to the middle.

S. Wu, K. Hamaguchi and S. Amari, Neural Computation 20, 994 (2008),
https://doi.org/10.1162/neco.2008.10-06-378; C. C. A. Fung, K. Y. M. Wong and S. Wu,
Neural Computation 22, 752 (2010), https://doi.org/10.1162/neco.2009.07-08-824.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError
from labsyn.networks.mapping import program_weights


@dataclass(frozen=True, eq=False)
class BumpRun:
    """What the network did, run by run.

    Attributes
    ----------
    inputs, rates : ndarray, shape (n_runs, n_neurons)
        U and r at the end.
    positions : ndarray, shape (n_runs, n_steps)
        Angle of the bump after each step, in radians; NaN while nothing is active.
    """

    inputs: FloatArray
    rates: FloatArray
    positions: FloatArray


@dataclass(frozen=True, kw_only=True)
class ContinuousAttractor:
    """Ring of `n_neurons` that remembers an angle; see the module for its equations.

    Attributes
    ----------
    n_neurons : int
        Neurons on the ring, equally spaced from −π.
    width : float
        Width a of the kernel, in radians.
    inhibition : float
        k in units of `critical_inhibition`; a bump lives below 1.
    tau, dt : float
        Time constant and Euler step, in one unit.
    stimulus_width, stimulus_amplitude : float
        Width b in radians, and factor on the stimulus.
    n_steps, n_stimulus_steps : int
        Steps in all, and those with the stimulus, from the first.
    """

    n_neurons: int = 50
    width: float = 0.5
    inhibition: float = 0.3
    tau: float = 1.0
    dt: float = 0.1
    stimulus_width: float = 0.5
    stimulus_amplitude: float = 1.0
    n_steps: int = 250
    n_stimulus_steps: int = 50

    def __post_init__(self) -> None:
        for name in ("n_neurons", "n_steps", "width", "inhibition", "stimulus_width", "tau"):
            if not 0 < getattr(self, name) < math.inf:
                raise ModelError(f"{name} is {getattr(self, name)}, it must be positive")
        if not 0 < self.dt <= self.tau:
            raise ModelError(f"dt is {self.dt:g}, allowed is above 0 up to tau = {self.tau:g}")
        if not 0 <= self.n_stimulus_steps <= self.n_steps:
            raise ModelError(
                f"n_stimulus_steps is {self.n_stimulus_steps}, allowed is 0 to n_steps = "
                f"{self.n_steps}"
            )

    @property
    def spacing(self) -> float:
        """Angle Δx between two neurons, in radians."""
        return 2 * math.pi / self.n_neurons

    @property
    def density(self) -> float:
        """Neurons per radian, ρ."""
        return self.n_neurons / (2 * math.pi)

    def angles(self) -> FloatArray:
        """Return the preferred angles, shape (n_neurons,), in radians from −π."""
        return np.linspace(-math.pi, math.pi, self.n_neurons, endpoint=False)

    def kernel(self) -> FloatArray:
        """Return J, shape (n_neurons, n_neurons)."""
        angles = self.angles()
        return _bell(angles[:, None] - angles, self.width)

    def critical_inhibition(self) -> float:
        r"""Return k_c = ρ J₀² / (8 √(2π) a) with J₀ = 1 / (√(2π) a): above, no bump lives."""
        j0 = 1 / (math.sqrt(2 * math.pi) * self.width)
        return self.density * j0**2 / (8 * math.sqrt(2 * math.pi) * self.width)

    def bump_height(self) -> float:
        r"""Return the height of U of the stable bump, ``(p + √(p² - 4q)) / 2q``.

        ``p = ρ J₀ / √2`` and ``q = k ρ √(2π) a``; exact while the width is far below π.

        Raises
        ------
        ModelError
            If the inhibition is critical or more, where there is no bump.
        """
        if self.inhibition >= 1:
            raise ModelError(
                f"inhibition is {self.inhibition:g} of the critical one: "
                "there is a bump below 1 only"
            )
        p = self.density / (math.sqrt(2 * math.pi) * self.width) / math.sqrt(2)
        k = self.inhibition * self.critical_inhibition()
        q = k * self.density * math.sqrt(2 * math.pi) * self.width
        return (p + math.sqrt(p**2 - 4 * q)) / (2 * q)

    def position(self, rates: ArrayLike) -> FloatArray:
        """Return the angle of `rates`, shape (..., n_neurons): ``arg Σ r exp(ix)``."""
        rates = np.asarray(rates, dtype=float)
        vector = rates @ np.exp(1j * self.angles())
        angle = np.array(np.angle(vector), dtype=np.float64)
        angle[~rates.any(axis=-1)] = np.nan
        return angle

    def run(
        self,
        weights: ArrayLike | None = None,
        position: ArrayLike = 0.0,
        sigma_read: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> BumpRun:
        """Show a stimulus, take it away, and return where the bump goes.

        Parameters
        ----------
        weights : array_like, shape (n_neurons, n_neurons) or (n_runs, n_neurons, n_neurons)
            One matrix for all runs, or one for each; the kernel if left out.
        position : array_like, shape () or (n_runs,)
            Angle of the stimulus, in radians.
        sigma_read : float
            Read noise: every step every weight is read with a fresh Gaussian error of this
            standard deviation, in units of the largest value of the kernel.
        rng : numpy.random.Generator, optional
            Draws the read noise.

        Raises
        ------
        ModelError
            If weights and positions do not fit, or read noise has no `rng`.
        """
        matrix, stimulus = self._prepare(weights, position)
        if not 0 <= sigma_read < math.inf or (sigma_read and rng is None):
            raise ModelError(
                f"sigma_read is {sigma_read:g}: it must be 0, or positive with rng"
            )
        n_runs = len(stimulus)
        u = np.zeros((n_runs, self.n_neurons))
        rates = self._rates(u)
        positions = np.empty((n_runs, self.n_steps))
        noise = sigma_read / (2 * math.pi * self.width**2)
        for step in range(self.n_steps):
            drive = _product(matrix, rates)
            if rng is not None and noise:
                # The sum over j of independent errors times r_j is Gaussian with width |r|:
                # one number a neuron replaces one a weight, and is exact.
                size = noise * np.linalg.norm(rates, axis=1, keepdims=True)
                drive += size * rng.standard_normal(u.shape)
            drive *= self.density * self.spacing
            if step < self.n_stimulus_steps:
                drive += stimulus
            u += self.dt / self.tau * (drive - u)
            rates = self._rates(u)
            positions[:, step] = self.position(rates)
        return BumpRun(u, rates, positions)

    def _prepare(
        self, weights: ArrayLike | None, position: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        matrix = self.kernel() if weights is None else np.asarray(weights, dtype=float)
        places = np.atleast_1d(np.asarray(position, dtype=float))
        square = matrix.shape[-2:] == (self.n_neurons, self.n_neurons)
        n_runs = len(matrix) if matrix.ndim == 3 else len(places)
        if not square or matrix.ndim > 3 or places.shape not in {(1,), (n_runs,)}:
            raise ModelError(
                f"weights of shape {matrix.shape} and positions of shape {places.shape} do not "
                f"fit a ring of {self.n_neurons} neurons"
            )
        distance = self.angles() - np.broadcast_to(places, n_runs)[:, None]
        return matrix, self.stimulus_amplitude * _bell(distance, self.stimulus_width)

    def _rates(self, u: FloatArray) -> FloatArray:
        power = np.maximum(u, 0) ** 2
        k = self.inhibition * self.critical_inhibition()
        total = self.density * self.spacing * power.sum(axis=1, keepdims=True)
        return power / (1 + k * total)

    def write_noise(self, sigma: float, n_runs: int, rng: np.random.Generator) -> FloatArray:
        """Return ``J (1 + sigma N(0, 1))``, shape (n_runs, n_neurons, n_neurons)."""
        shape = (n_runs, self.n_neurons, self.n_neurons)
        return self.kernel() * (1 + sigma * rng.standard_normal(shape))

    def on_device(
        self, synapse: Synapse, rng: np.random.Generator, n_runs: int = 1
    ) -> FloatArray:
        """Return the kernel as programmed, shape (n_runs, n_neurons, n_neurons).

        J is never negative, and so one device a weight is enough: `g_min` is 0 and `g_max`
        the largest value. Read noise is left to `run`, which draws it anew every step.
        """
        kernels = np.broadcast_to(self.kernel(), (n_runs, self.n_neurons, self.n_neurons))
        return program_weights(kernels, synapse, "minmax", rng=rng).read()


def _bell(distance: FloatArray, width: float) -> FloatArray:
    """Return the Gaussian of the periodic distance, of height ``1 / (2π width²)``."""
    nearest = (distance + math.pi) % (2 * math.pi) - math.pi
    return np.exp(-(nearest**2) / (2 * width**2)) / (2 * math.pi * width**2)


def _product(matrix: FloatArray, rates: FloatArray) -> FloatArray:
    if matrix.ndim == 2:
        return rates @ matrix.T
    product: FloatArray = np.matmul(matrix, rates[:, :, None])
    return product[:, :, 0]


def count_peaks(rates: ArrayLike) -> NDArray[np.int64]:
    """Return the peaks of `rates`, shape (n_runs, n_neurons) around the ring; (n_runs,).

    A peak is a maximum above 30 % of the largest rate that stands 2 % of it above the dips
    on both sides; without the second, the ripple of any noise would count.
    """
    from scipy.signal import find_peaks  # 1 s

    counts = []
    for row in np.asarray(rates, dtype=float):
        top = row.max()
        opened = np.roll(row, -int(row.argmin()))  # cut the ring at its lowest point
        closed = np.append(opened, opened[0]) / (top if top > 0 else 1.0)
        counts.append(len(find_peaks(closed, height=0.3, prominence=0.02)[0]))
    return np.array(counts, dtype=np.int64)

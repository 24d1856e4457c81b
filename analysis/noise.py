r"""Which noise is in a pulse train: noise that stays in the device, and noise that passes.

Cycle-to-cycle noise of a pulse stays in the device; noise of a read is gone with the next
read, or after a few (random telegraph noise). With the mean curve removed, the mean square
difference between points L pulses apart is therefore

.. math:: D(L) = σ_{c2c}^2 L + 2 \sum_j σ_j^2 (1 - e^{-L/τ_j}),

with :math:`τ = 0` for noise of a single read. The variances, none below zero, are fitted
to D(L) over lags up to a tenth of the curve.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.estimate import MIN_CYCLES, Estimate, Replicas

_MEMORIES = (2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True)
class NoiseModel:
    """Noise of a pulse train, in the unit of its conductances.

    Attributes
    ----------
    sigma_c2c : float
        Standard deviation that one pulse adds for good.
    passing : tuple of (float, float)
        Memory in pulses and standard deviation of each passing noise; memory 0 is white.
    """

    sigma_c2c: float
    passing: tuple[tuple[float, float], ...]

    @property
    def sigma_read(self) -> float:
        """Standard deviation of one read: all passing noises together."""
        return math.sqrt(sum(sigma**2 for _, sigma in self.passing))

    def draw(self, n_points: int, rng: np.random.Generator) -> FloatArray:
        """Return the noise of one curve, shape (n_points,); the walk starts at zero."""
        walk = np.cumsum(self.sigma_c2c * rng.standard_normal(n_points))
        noise: FloatArray = walk - walk[0]
        for memory, sigma in self.passing:
            noise = noise + sigma * _passing(memory, n_points, rng)
        return noise


def _passing(memory: float, n_points: int, rng: np.random.Generator) -> FloatArray:
    white = rng.standard_normal(n_points)
    if not memory:
        return white
    from scipy.signal import lfilter

    keep = math.exp(-1 / memory)
    fresh = math.sqrt(1 - keep**2) * white
    return np.asarray(lfilter([1.0], [1.0, -keep], fresh, zi=[keep * rng.standard_normal()])[0])


def noise_covariance(n_points: int, sigma_c2c: float, sigma_read: float) -> FloatArray:
    """Return the covariance of the points of one curve, shape (n_points, n_points).

    The noise of pulse k stays in every later point; the (white) noise of a read does not.
    """
    after = np.minimum.outer(np.arange(n_points), np.arange(n_points))
    return sigma_c2c**2 * after + sigma_read**2 * np.eye(n_points)


def fit_noise(cycles: Sequence[FloatArray]) -> tuple[NoiseModel, Estimate, Estimate]:
    """Return the noise in the cycles of one branch, and σ_c2c and σ_read with errors.

    With three cycles or more of equal length the mean curve is their average, without any
    model; otherwise that of each is a polynomial of at most fifth degree.
    """
    deviations = _deviations(cycles)
    model = _fit(deviations)
    values = (model.sigma_c2c, model.sigma_read)
    if len(deviations) < MIN_CYCLES:
        source = "one mean curve, no error"
        return model, Estimate(values[0], source=source), Estimate(values[1], source=source)
    replicas = Replicas.leave_out(deviations, _fit, lambda d: float(np.mean(np.square(d))))
    return (
        model,
        replicas.estimate(lambda found: found.sigma_c2c, values[0]),
        replicas.estimate(lambda found: found.sigma_read, values[1]),
    )


def _fit(deviations: Sequence[FloatArray]) -> NoiseModel:
    from scipy.optimize import nnls

    shortest = min(len(item) for item in deviations)
    lags = np.arange(1, min(max(2, shortest // 10), shortest - 1) + 1)
    squares = np.array(
        [
            np.mean(np.concatenate([item[lag:] - item[:-lag] for item in deviations]) ** 2)
            for lag in lags
        ]
    )
    memories = [0.0, *(memory for memory in _MEMORIES if 3 * memory <= lags[-1])]
    columns = [lags.astype(float)]
    columns += [2 * (1 - np.exp(-lags / m)) if m else np.full(lags.size, 2.0) for m in memories]
    scale = squares.max()
    if scale == 0:
        return NoiseModel(0.0, ((0.0, 0.0),))
    # Points far apart share most of what lies between: a long lag is known less well.
    weight = 1 / (squares * np.sqrt(lags))
    found, _ = nnls(np.column_stack(columns) * (weight * scale)[:, None], squares * weight)
    sigmas = np.sqrt(found * scale)
    passing = tuple(zip(memories, map(float, sigmas[1:]), strict=True))
    return NoiseModel(float(sigmas[0]), passing)


def _deviations(cycles: Sequence[FloatArray]) -> list[FloatArray]:
    """Return each cycle without its mean curve."""
    if len(cycles) >= MIN_CYCLES and len({len(cycle) for cycle in cycles}) == 1:
        stack = np.array(cycles)
        # One degree of freedom a point went into the mean curve.
        return list((stack - stack.mean(axis=0)) * math.sqrt(len(stack) / (len(stack) - 1)))
    smooth = []
    for cycle in cycles:
        x = np.linspace(-1, 1, len(cycle))
        degree = min(5, max(len(cycle) // 6, 1))
        smooth.append(cycle - np.polynomial.Polynomial.fit(x, cycle, degree)(x))
    return smooth

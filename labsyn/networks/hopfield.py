"""Associative memory: a Hopfield network, taught by Hebb's rule or Oja's, in devices too.

Recall is scored from disturbed cues only: a network that has learned nothing keeps any
state, and so recalls everything perfectly as long as the cue has no noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError
from labsyn.networks.mapping import program_weights

StateArray = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Recall:
    """Where a network went from its cues.

    Attributes
    ----------
    states : ndarray of int8, shape of the cues
        Last states, −1 and +1.
    n_sweeps : ndarray of int, shape (n_probes,)
        Sweeps over all neurons, the last of which changed nothing if it converged.
    converged : ndarray of bool, shape (n_probes,)
        Whether the state is a fixed point.
    oscillating : ndarray of bool, shape (n_probes,)
        Whether the network flips between two states (synchronous sweeps can).
    """

    states: StateArray
    n_sweeps: NDArray[np.int64]
    converged: NDArray[np.bool_]
    oscillating: NDArray[np.bool_]


class HopfieldNetwork:
    r"""Associative memory of `n_neurons` units with states −1 and +1.

    .. math:: x_i ← \mathrm{sgn} \sum_j W_{ij} x_j, \qquad
              E = -\tfrac12 \sum_{i ≠ j} W_{ij} x_i x_j

    and sgn 0 keeps the state.

    Parameters
    ----------
    weights : ndarray, shape (n_neurons, n_neurons)
        Dimensionless, with zero diagonal. Ideal ones are symmetric; written into devices,
        of which each has its own error, they no longer are.

    Raises
    ------
    ModelError
        If the weights are not square, not finite, or have a diagonal.

    References
    ----------
    J. J. Hopfield, PNAS 79, 2554 (1982), https://doi.org/10.1073/pnas.79.8.2554
    """

    def __init__(self, weights: ArrayLike) -> None:
        self.weights = np.asarray(weights, dtype=float)
        if self.weights.ndim != 2 or len(set(self.weights.shape)) != 1:
            raise ModelError(f"weights of shape {self.weights.shape}, expected a square")
        if not np.isfinite(self.weights).all():
            raise ModelError("weights hold values that are not finite")
        if self.weights.diagonal().any():
            raise ModelError(
                "weights have a diagonal, but no neuron feeds itself: set it to zero"
            )

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.weights)

    def energy(self, states: ArrayLike) -> FloatArray:
        """Return the energy of `states`, shape (..., n_neurons); shape of the rest.

        While the weights are symmetric, no update of a single neuron raises it.
        """
        x = np.asarray(states, dtype=float)
        product: FloatArray = (x @ self.weights.T) * x
        return -0.5 * product.sum(axis=-1)

    def recall(
        self,
        cues: ArrayLike,
        n_sweeps: int = 100,
        rng: np.random.Generator | None = None,
        *,
        asynchronous: bool = False,
    ) -> Recall:
        """Return the states reached from `cues` after at most `n_sweeps` sweeps.

        Parameters
        ----------
        cues : array_like, shape (n_neurons,) or (n_probes, n_neurons)
            States −1 and +1.
        rng : numpy.random.Generator, optional
            Draws the order of the neurons; needed for asynchronous recall, and only there.
        asynchronous : bool
            Update one neuron after another, instead of all at once.

        Raises
        ------
        ModelError
            If the cues are no states of this network, or `rng` is missing or superfluous.
        """
        given = np.asarray(cues)
        if given.shape[-1:] != (self.n_neurons,) or given.ndim > 2 or np.any(abs(given) != 1):
            raise ModelError(
                f"cues of shape {given.shape} are no states -1 and +1 of "
                f"{self.n_neurons} neurons"
            )
        if asynchronous is (rng is None):
            raise ModelError("asynchronous recall needs rng, synchronous recall takes none")
        probes = np.atleast_2d(given.astype(np.int8))
        if rng is None:
            found = self._synchronous(probes, n_sweeps)
        else:
            found = self._asynchronous(probes, n_sweeps, rng)
        return Recall(probes.reshape(given.shape), *found)

    def _synchronous(
        self, probes: StateArray, n_sweeps: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Update `probes` in place, with one matrix product a sweep for all of them."""
        n_done = np.full(len(probes), n_sweeps)
        converged = np.zeros(len(probes), bool)
        oscillating = np.zeros(len(probes), bool)
        active = np.arange(len(probes))
        before = np.zeros_like(probes)  # no state: nothing oscillates in the first sweep
        now = probes.copy()
        for sweep in range(1, n_sweeps + 1):
            field = now @ self.weights.T
            after = np.where(field == 0, now, np.where(field > 0, 1, -1)).astype(np.int8)
            fixed = (after == now).all(axis=1)
            cycle = (after == before).all(axis=1) & ~fixed
            probes[active] = after
            converged[active], oscillating[active] = fixed, cycle
            leaving = fixed | cycle  # what has arrived costs no more products
            n_done[active[leaving]] = sweep
            active = active[~leaving]
            if not active.size:
                break
            before, now = now[~leaving], after[~leaving]
        return n_done, converged, oscillating

    def _asynchronous(
        self, probes: StateArray, n_sweeps: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Update `probes` in place, one neuron after another, in random order."""
        n_done = np.full(len(probes), n_sweeps)
        converged = np.zeros(len(probes), bool)
        for k, probe in enumerate(probes):
            state = probe.astype(float)
            for sweep in range(1, n_sweeps + 1):
                start = state.copy()
                for i in rng.permutation(self.n_neurons):
                    field = self.weights[i] @ state
                    if field:
                        state[i] = 1.0 if field > 0 else -1.0
                if (state == start).all():
                    n_done[k], converged[k] = sweep, True
                    break
            probe[:] = state
        return n_done, converged, np.zeros(len(probes), bool)


def pattern_table(patterns: ArrayLike) -> FloatArray:
    """Return `patterns` as floats; raise ModelError unless they are a table of −1 and +1."""
    x = np.asarray(patterns, dtype=float)
    if x.ndim != 2 or not x.size or not np.all(np.abs(x) == 1):
        raise ModelError(f"patterns of shape {x.shape} must be a table of -1 and +1")
    return x


def hebb(patterns: ArrayLike) -> FloatArray:
    """Return Hebb's weights of `patterns`, shape (n_patterns, n_neurons): their mean overlap.

    ``W = Σ x xᵀ / n_neurons`` with zero diagonal, shape (n_neurons, n_neurons).

    Raises
    ------
    ModelError
        If the patterns are no table of −1 and +1.
    """
    x = pattern_table(patterns)
    weights: FloatArray = x.T @ x / x.shape[1]
    np.fill_diagonal(weights, 0.0)
    return weights


def on_device(
    weights: ArrayLike,
    synapse: Synapse,
    rng: np.random.Generator,
    mapping: str = "differential",
    percentile: float = 99.9,
) -> FloatArray:
    """Return `weights` after they were programmed into devices and read once.

    Every weight has devices of its own, also W_ij and W_ji; the diagonal has none. The
    weights of a memory have long tails (the largest is ten times the rms of natural
    images), so that by default the one in a thousand that is largest saturates.

    Parameters
    ----------
    mapping, percentile
        As in `labsyn.networks.mapping.program_weights`.
    """
    read = program_weights(weights, synapse, mapping, percentile, rng).read(rng)
    np.fill_diagonal(read, 0.0)
    return read

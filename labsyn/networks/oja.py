r"""Oja's subspace rule: weights that hold many patterns which resemble each other.

Hebb's rule sums the patterns, so that whatever they share drowns what tells them apart: of
natural images about five survive. Oja's rule subtracts what is known already and ends at
the projector P onto the patterns, whatever their overlaps.
"""

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.errors import ModelError
from labsyn.networks.hopfield import pattern_table


def train_oja(
    patterns: ArrayLike,
    *,
    w0: float = 0.1,
    rate: float = 2e-4,
    n_epochs: int = 40,
    rng: np.random.Generator,
) -> FloatArray:
    r"""Return the weights that Oja's subspace rule learns online from `patterns`.

    .. math:: y = W^T x, \qquad ΔW = α\, (x - W y)\, y^T, \qquad W_0 = w_0 \mathbb{1}

    for one pattern after another, in a new random order every epoch. Neither another start
    than a multiple of the unit matrix works (random weights end in a rotated subspace,
    where no pattern is recalled), nor zero, where nothing is ever learned. It ends at
    ``P + w0 (1 - P)``, with P the projector onto the patterns, up to a small rotation
    among them, which online learning leaves and which shrinks with the rate.

    Parameters
    ----------
    patterns : array_like, shape (n_patterns, n_neurons)
        States −1 and +1.
    w0 : float
        Start on the diagonal, above 0 up to 1.
    rate : float
        Learning rate α; ``rate · n_neurons`` must stay below 1. Along one pattern a step
        takes W from w to ``w + α n_neurons w (1 - w²)``, which settles at w = 1 only then;
        above it jumps around, and from 2 on diverges.
    n_epochs : int
        Passes over all patterns.

    Returns
    -------
    ndarray, shape (n_neurons, n_neurons)
        Symmetric (the mean of what was learned and its transpose: the rotation is left
        out in first order), with zero diagonal: no neuron feeds itself.

    Raises
    ------
    ModelError
        If the patterns are no table of −1 and +1, if nothing could be learned, or if the
        rule would not settle.

    Notes
    -----
    Every update lies in the span of the patterns, ``W = w0 · 1 + X A Xᵀ`` with one pattern
    a column of X. Learning the small A instead of W is exact, and replaces a pass over
    ``n_neurons²`` weights by one over ``n_patterns²``.

    References
    ----------
    E. Oja, International Journal of Neural Systems 1, 61 (1989),
    https://doi.org/10.1142/S0129065789000475
    """
    x = pattern_table(patterns)
    _check(x, w0, rate, n_epochs)
    gram = x @ x.T
    a = np.zeros_like(gram)
    for _ in range(n_epochs):
        for k in rng.permutation(len(x)):
            u = a.T @ gram[k]  # y = Wᵀ x_k = X u
            u[k] += w0
            v = -w0 * u - a @ (gram @ u)  # x_k - W y = X v
            v[k] += 1
            a += rate * np.outer(v, u)
    weights: FloatArray = x.T @ a @ x
    weights = (weights + weights.T) / 2
    np.fill_diagonal(weights, 0.0)
    return weights


def _check(x: FloatArray, w0: float, rate: float, n_epochs: int) -> None:
    if not 0 < w0 <= 1:
        raise ModelError(
            f"w0 is {w0:g}, allowed is above 0 up to 1: "
            "from zero weights Oja's rule learns nothing"
        )
    if n_epochs < 1:
        raise ModelError(f"n_epochs is {n_epochs}, at least 1 is needed")
    stability = rate * x.shape[1]
    if not 0 < stability < 1:
        raise ModelError(
            f"rate {rate:g} with {x.shape[1]} neurons does not let Oja's rule settle: "
            f"rate · n_neurons is {stability:g}, allowed is above 0 and below 1"
        )

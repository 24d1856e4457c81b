r"""How a weight becomes one conductance or two, and how it is read back.

The name of the mapping belongs to every result, because it decides the result. With x the
weight in units of the layer's range `w_max`, and G the conductances of its devices:

============== ======= ==================================================== ===============
name           devices weight that is read                                  holds
============== ======= ==================================================== ===============
differential   2       (G⁺ − G⁻)/(g_max − g_min); the other rests at g_min   −1 … 1
offset         1       (2 G − g_max − g_min)/(g_max − g_min)                 −1 … 1
minmax         1, sign ±(G − g_min)/(g_max − g_min)                          −1 … 1
gmax           1, sign ±G/g_max                                              \|x\| ≥ g_min/g_max
============== ======= ==================================================== ===============

*sign* is a digital bit beside the device. `gmax` cannot hold a small weight: whatever is
below ``g_min / g_max`` becomes that, and so a larger on/off ratio helps this mapping only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.errors import ModelError


@dataclass(frozen=True, eq=False)
class Encoding:
    """Conductances that stand for weights: ``x = Σ sign · (G - reference) / scale``.

    Attributes
    ----------
    target : ndarray, shape (n_devices, ...)
        Conductances to be programmed, in siemens; the rest of the shape is the weights'.
    sign : ndarray, broadcast to `target`
        How each device counts, +1 or −1.
    reference, scale : float
        In siemens.
    """

    target: FloatArray
    sign: FloatArray
    reference: float
    scale: float

    def weights(self, conductance: FloatArray) -> FloatArray:
        """Return the weights, in units of their range, that `conductance` stands for."""
        signed: FloatArray = self.sign * (conductance - self.reference)
        return signed.sum(axis=0) / self.scale


def differential(x: FloatArray, synapse: Synapse) -> Encoding:
    """Return a pair of devices a weight, of which one stays at `g_min`."""
    parts = np.stack([np.maximum(x, 0), np.maximum(-x, 0)])
    sign = np.array([1.0, -1.0]).reshape(2, *[1] * x.ndim)
    target = synapse.g_min + synapse.g_range * parts
    return Encoding(target, sign, synapse.g_min, synapse.g_range)


def offset(x: FloatArray, synapse: Synapse) -> Encoding:
    """Return one device a weight, read against the middle of its range."""
    target = synapse.g_min + synapse.g_range * (1 + x[None]) / 2
    return Encoding(
        target, np.ones(1), (synapse.g_min + synapse.g_max) / 2, synapse.g_range / 2
    )


def minmax(x: FloatArray, synapse: Synapse) -> Encoding:
    """Return one device a magnitude, from `g_min` to `g_max`, and a digital sign."""
    target = synapse.g_min + synapse.g_range * np.abs(x[None])
    return Encoding(target, _sign(x), synapse.g_min, synapse.g_range)


def gmax(x: FloatArray, synapse: Synapse) -> Encoding:
    """Return one device a magnitude, from 0 to `g_max`, and a digital sign.

    Raises
    ------
    ModelError
        If `g_min` is negative: a conductance with a subtracted offset has no G / g_max.
    """
    if synapse.g_min < 0:
        raise ModelError(f"g_min is {synapse.g_min:g} S, the mapping gmax needs 0 S or more")
    return Encoding(synapse.g_max * np.abs(x[None]), _sign(x), 0.0, synapse.g_max)


def _sign(x: FloatArray) -> FloatArray:
    return np.where(x < 0, -1.0, 1.0)[None]


MAPPINGS: dict[str, Callable[[FloatArray, Synapse], Encoding]] = {
    "differential": differential,
    "gmax": gmax,
    "minmax": minmax,
    "offset": offset,
}
"""Every mapping by its name."""


@dataclass(frozen=True, eq=False)
class ProgrammedWeights:
    """Weights as they ended up in devices.

    Attributes
    ----------
    conductance : ndarray, shape (n_devices, ...)
        What the devices hold, in siemens.
    w_max : float
        Weight at the end of the conductance range.
    """

    synapse: Synapse
    encoding: Encoding
    conductance: FloatArray
    w_max: float

    def read(self, rng: np.random.Generator | None = None) -> FloatArray:
        """Return the weights as one read finds them; without `rng` free of read noise."""
        return self.w_max * self.encoding.weights(self.synapse.read(self.conductance, rng))


def weight_range(weights: ArrayLike, percentile: float = 100.0) -> float:
    """Return the magnitude that `percentile` per cent of the weights do not exceed.

    100 is the largest magnitude. Below 100 a few large weights saturate, so that all others
    get finer steps.

    Raises
    ------
    ModelError
        If the percentile is not above 0 and up to 100, or the weights leave no range.
    """
    if not 0 < percentile <= 100:
        raise ModelError(f"percentile is {percentile:g}, allowed is above 0 up to 100")
    magnitude = np.abs(np.asarray(weights, dtype=float))
    if not np.isfinite(magnitude).all():
        raise ModelError("weights hold values that are not finite: they cannot be mapped")
    w_max = float(np.percentile(magnitude, percentile)) if magnitude.size else 0.0
    if not w_max > 0:
        raise ModelError(
            f"{percentile:g} % of {magnitude.size} weights are zero: they have no range to map"
        )
    return w_max


def program_weights(
    weights: ArrayLike,
    synapse: Synapse,
    mapping: str = "differential",
    percentile: float = 100.0,
    rng: np.random.Generator | None = None,
) -> ProgrammedWeights:
    """Program weights of any shape into devices of the kind `synapse`, in open loop.

    Every device is drawn with its own step size, starts at `g_min`, and gets as many pulses
    as the mean device would need. Without `rng` only the quantisation is left.

    Parameters
    ----------
    mapping : {"differential", "gmax", "minmax", "offset"}
        See this module.
    percentile : float
        Percentile of the magnitudes that becomes `w_max`; larger ones saturate there.

    Raises
    ------
    ModelError
        If the mapping is unknown, or the weights cannot be mapped.
    """
    encode = MAPPINGS.get(mapping)
    if encode is None:
        raise ModelError(f"no mapping is called {mapping!r}, known are {', '.join(MAPPINGS)}")
    w_max = weight_range(weights, percentile)
    x = np.clip(np.asarray(weights, dtype=float) / w_max, -1, 1)  # what `percentile` asks for
    encoding = encode(x, synapse)
    step_scale: float | FloatArray = 1.0
    if rng is not None and synapse.sigma_d2d:
        step_scale = synapse.draw_devices(encoding.target.shape, rng)
    conductance = synapse.program(encoding.target, rng, step_scale)
    return ProgrammedWeights(synapse, encoding, conductance, w_max)

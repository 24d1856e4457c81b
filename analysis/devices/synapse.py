"""The synapse: what a fit leaves of a device, and what every network is made of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import ExponentialLaw, FloatArray, PowerLaw, UpdateLaw
from labsyn.data.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class Synapse:
    """A device that pulses move between two conductances.

    Attributes
    ----------
    g_min, g_max : float
        Lowest and highest conductance, in siemens.
    potentiation, depression : UpdateLaw
        How far one pulse goes, each in the progress of its own branch.
    n_potentiation, n_depression : int
        Pulses that were measured from one end to the other.
    sigma_c2c : float
        Cycle-to-cycle noise: standard deviation of the change by one pulse, as a fraction
        of ``g_max - g_min``; n pulses add up to ``sqrt(n)`` times as much.
    sigma_d2d : float
        Device-to-device spread: standard deviation of the step size of a device, as a
        fraction of it; zero where only one device was measured.
    sigma_read : float
        Read noise: standard deviation of one read, as a fraction of ``g_max - g_min``.
    name : str
        What the device is, for captions.
    """

    g_min: float
    g_max: float
    potentiation: UpdateLaw
    depression: UpdateLaw
    n_potentiation: int
    n_depression: int
    sigma_c2c: float = 0.0
    sigma_d2d: float = 0.0
    sigma_read: float = 0.0
    name: str = "synapse"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.g_min) and math.isfinite(self.g_max)):
            raise ModelError("g_min and g_max must be finite conductances in siemens")
        if not self.g_max > self.g_min:
            raise ModelError(f"g_max = {self.g_max:g} S must exceed g_min = {self.g_min:g} S")
        for name in ("n_potentiation", "n_depression"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name} is {getattr(self, name)}, at least 1 is needed")
        for name in ("sigma_c2c", "sigma_d2d", "sigma_read"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ModelError(f"{name} is {getattr(self, name)}, it must be zero or more")

    @property
    def g_range(self) -> float:
        """``g_max - g_min``, in siemens."""
        return self.g_max - self.g_min

    @property
    def n_levels(self) -> int:
        """Number of conductances that potentiation from `g_min` passes, both ends counted."""
        return self.n_potentiation + 1

    def potentiate(
        self,
        g: ArrayLike,
        n: ArrayLike = 1,
        rng: np.random.Generator | None = None,
        step_scale: ArrayLike = 1.0,
    ) -> FloatArray:
        """Return `g` (siemens, any shape) after `n` potentiation pulses (same shape or one).

        Without `rng` the mean device answers, without noise. `step_scale` is the step size
        of each device in units of the mean one, from `draw_devices`.
        """
        return self._apply(g, n, rng, step_scale, self.potentiation, rising=True)

    def depress(
        self,
        g: ArrayLike,
        n: ArrayLike = 1,
        rng: np.random.Generator | None = None,
        step_scale: ArrayLike = 1.0,
    ) -> FloatArray:
        """Return `g` (siemens, any shape) after `n` depression pulses, as `potentiate`."""
        return self._apply(g, n, rng, step_scale, self.depression, rising=False)

    def _apply(
        self,
        g: ArrayLike,
        n: ArrayLike,
        rng: np.random.Generator | None,
        step_scale: ArrayLike,
        law: UpdateLaw,
        *,
        rising: bool,
    ) -> FloatArray:
        x, pulses, scale = np.broadcast_arrays(
            (np.asarray(g, dtype=float) - self.g_min) / self.g_range,
            np.asarray(n),
            np.asarray(step_scale, dtype=float),
        )
        if np.any(pulses < 0):
            raise ModelError(f"n is {pulses.min()}, a number of pulses is zero or more")
        # Devices with most pulses first: those that are done drop off the end.
        order = np.argsort(-pulses, axis=None, kind="stable")
        progress = (x if rising else 1 - x).ravel()[order]
        sizes, left = scale.ravel()[order], pulses.ravel()[order]
        for k in range(int(left[0]) if left.size else 0):
            moving = slice(0, int(np.searchsorted(-left, -k)))
            progress[moving] += sizes[moving] * law.increment(progress[moving])
            np.minimum(progress[moving], 1.0, out=progress[moving])
        restored = np.empty_like(progress)
        restored[order] = progress
        progress = restored.reshape(x.shape)
        if rng is not None and self.sigma_c2c:
            progress += self.sigma_c2c * np.sqrt(pulses) * rng.standard_normal(x.shape)
        progress = np.clip(progress, 0.0, 1.0)
        return self.g_min + self.g_range * (progress if rising else 1 - progress)

    def curve(self, n: int | None = None, *, rising: bool = True) -> FloatArray:
        """Return the mean branch from its start, shape (n + 1,), in siemens."""
        count = n if n is not None else (self.n_potentiation if rising else self.n_depression)
        values = np.empty(count + 1)
        values[0] = self.g_min if rising else self.g_max
        for k in range(count):
            after = self.potentiate(values[k]) if rising else self.depress(values[k])
            values[k + 1] = after.item()
        return values

    def states(self) -> FloatArray:
        """Return the mean conductances that can be programmed, shape (n_levels,), ascending.

        State k is reached from `g_min` by k potentiation pulses.
        """
        return self.curve()

    def draw_devices(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Return the step sizes of `shape` devices in units of the mean device's."""
        scale = 1 + self.sigma_d2d * rng.standard_normal(shape)
        return np.maximum(scale, 0.0)

    def program(
        self,
        target: ArrayLike,
        rng: np.random.Generator | None = None,
        step_scale: ArrayLike = 1.0,
    ) -> FloatArray:
        """Return the conductances (siemens, any shape) after open-loop programming.

        Each device starts at `g_min` and gets as many pulses as the mean device needs to
        come nearest to `target`: quantisation, cycle-to-cycle noise (growing with the
        number of pulses) and device-to-device spread follow, and nothing is read back.
        """
        target = np.asarray(target, dtype=float)
        states = self.states()
        middle = (states[1:] + states[:-1]) / 2
        pulses = np.searchsorted(middle, target)
        if np.ndim(step_scale) == 0 and float(np.asarray(step_scale)) == 1.0:
            g = states[pulses]
            if rng is not None and self.sigma_c2c:
                spread = self.sigma_c2c * self.g_range * np.sqrt(pulses)
                g = g + spread * rng.standard_normal(g.shape)
            return np.clip(g, self.g_min, self.g_max)
        return self.potentiate(np.full(target.shape, self.g_min), pulses, rng, step_scale)

    def read(self, g: ArrayLike, rng: np.random.Generator | None = None) -> FloatArray:
        """Return one noisy read of `g` (siemens, any shape)."""
        g = np.asarray(g, dtype=float)
        if rng is None or not self.sigma_read:
            return g
        return g + self.sigma_read * self.g_range * rng.standard_normal(g.shape)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and texts, for JSON."""
        plain = {
            key: getattr(self, key)
            for key in (
                "name",
                "g_min",
                "g_max",
                "n_potentiation",
                "n_depression",
                "sigma_c2c",
                "sigma_d2d",
                "sigma_read",
            )
        }
        return plain | {
            "potentiation": _law_to_dict(self.potentiation),
            "depression": _law_to_dict(self.depression),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Synapse":
        """Return the synapse that `to_dict` wrote; raise ModelError if it is none."""
        try:
            laws = {key: _law_from_dict(plain[key]) for key in ("potentiation", "depression")}
            return cls(**(dict(plain) | laws))
        except (KeyError, TypeError) as error:
            raise ModelError(f"this is no description of a synapse: {error}") from error

    @classmethod
    def exponential(
        cls,
        *,
        beta_p: float,
        beta_d: float,
        n_pulses: int,
        g_min: float,
        g_max: float,
        **noise: Any,
    ) -> "Synapse":
        """Return a device whose two branches end exactly after `n_pulses`."""
        from labsyn.analysis.devices.laws import step_to_endpoint

        return cls(
            g_min=g_min,
            g_max=g_max,
            potentiation=ExponentialLaw(beta=beta_p, step=step_to_endpoint(beta_p, n_pulses)),
            depression=ExponentialLaw(beta=beta_d, step=step_to_endpoint(beta_d, n_pulses)),
            n_potentiation=n_pulses,
            n_depression=n_pulses,
            **noise,
        )


_LAWS = {"exponential": ExponentialLaw, "power": PowerLaw}


def _law_to_dict(law: UpdateLaw) -> dict[str, Any]:
    name = next(name for name, kind in _LAWS.items() if isinstance(law, kind))
    return {"law": name} | vars(law)


def _law_from_dict(plain: Mapping[str, Any]) -> UpdateLaw:
    values = dict(plain)
    kind = _LAWS.get(values.pop("law", ""))
    if kind is None:
        raise ModelError(f"unknown law {plain.get('law')!r}, known are {', '.join(_LAWS)}")
    for name, value in values.items():
        if not isinstance(value, int | float):
            raise ModelError(f"{name} of a law is {value!r}, a number is needed")
    return kind(**values)

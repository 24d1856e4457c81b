"""Where the bump of a continuous attractor drifts when its weights are devices."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.analysis.estimate import Estimate
from labsyn.data.errors import ModelError
from labsyn.networks.attractor import BumpRun, ContinuousAttractor, count_peaks
from labsyn.networks.proportion import Proportion

_ALIVE = 0.1  # of the height of the ideal bump


@dataclass(frozen=True, kw_only=True)
class DriftScore:
    """What became of the bump at the end of many runs.

    Attributes
    ----------
    condition : str
        ``"ideal"``, ``"write noise 5 %"`` or ``"device"``, for example.
    drift : Estimate
        Root mean square of the angle between bump and stimulus, over the living bumps.
    alive, inside, single_peak : Proportion
        Runs with a bump at all; with one less than a neuron off; with exactly one peak.
    """

    condition: str
    drift: Estimate
    alive: Proportion
    inside: Proportion
    single_peak: Proportion

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and texts, for JSON."""
        parts = ("drift", "alive", "inside", "single_peak")
        return {"condition": self.condition} | {
            part: getattr(self, part).to_dict() for part in parts
        }


@dataclass(frozen=True)
class CannResult:
    """Scores of the ideal network, of networks with write noise, and of the device."""

    scores: tuple[DriftScore, ...]
    settings: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and texts, for JSON."""
        return {
            "scores": [score.to_dict() for score in self.scores],
            "settings": self.settings,
        }


def cann_experiment(
    synapse: Synapse,
    *,
    n_seeds: int = 200,
    seed: int = 0,
    write_noise: Sequence[float] = (0.05, 0.1, 0.3),
    attractor: ContinuousAttractor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CannResult:
    """Run the attractor ideally, with write noise, and made of devices, `n_seeds` times each.

    Parameters
    ----------
    n_seeds : int
        Runs under each condition, every one with devices and noise of its own; one run is
        enough for the ideal network, which has no noise.
    write_noise : sequence of float
        Standard deviations of a multiplicative, static error of every weight.
    attractor : ContinuousAttractor, optional
        The network; the default one if left out.
    progress : callable, optional
        Called with the conditions done and the conditions in all.

    Raises
    ------
    ModelError
        If `n_seeds` is below 2, or the network has no bump to begin with.
    """
    if n_seeds < 2:
        raise ModelError(f"n_seeds is {n_seeds}, the scatter needs 2 or more")
    ring = attractor or ContinuousAttractor()
    rng = np.random.default_rng(seed)
    scores: list[DriftScore] = []

    def add(condition: str, run: BumpRun) -> None:
        scores.append(_score(condition, ring, run))
        if progress is not None:
            progress(len(scores), len(write_noise) + 2)

    add("ideal", ring.run())
    for sigma in write_noise:
        noisy = ring.write_noise(sigma, n_seeds, rng)
        add(f"write noise {100 * sigma:g} %", ring.run(noisy))
    devices = ring.on_device(synapse, rng, n_seeds)
    add("device", ring.run(devices, sigma_read=synapse.sigma_read, rng=rng))
    settings = {
        "synapse": synapse.to_dict(),
        "attractor": vars(ring),
        "n_seeds": n_seeds,
        "seed": seed,
        "write_noise": "J (1 + sigma N(0, 1)), static",
        "read_noise": "J + sigma_read max(J) N(0, 1), fresh every step",
    }
    return CannResult(tuple(scores), settings)


def _score(condition: str, ring: ContinuousAttractor, run: BumpRun) -> DriftScore:
    n = len(run.rates)
    # A dead bump has an angle too, from the last trace of activity: it must not count.
    alive = run.inputs.max(axis=1) > _ALIVE * ring.bump_height()
    off = np.abs(np.where(alive, run.positions[:, -1], np.inf))
    single = alive & (count_peaks(run.rates) == 1)
    return DriftScore(
        condition=condition,
        drift=_root_mean_square(off[alive]),
        alive=Proportion(int(alive.sum()), n),
        inside=Proportion(int((off < ring.spacing).sum()), n),
        single_peak=Proportion(int(single.sum()), n),
    )


def _root_mean_square(values: FloatArray) -> Estimate:
    """Return the rms with its standard error, which follows from that of the mean square."""
    n = values.size
    source = f"{n} runs"
    if not n:
        return Estimate(math.nan, unit="rad", source=source)
    rms = math.sqrt(float(np.mean(values**2)))
    if n == 1 or rms == 0:
        return Estimate(rms, unit="rad", source=source)
    error = float(np.std(values**2, ddof=1)) / math.sqrt(n) / (2 * rms)
    return Estimate(rms, error, n - 1, "rad", source)

"""How many disturbed patterns a Hopfield network recalls, ideal and made of devices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.datasets import PatternArray, flip_pixels
from labsyn.data.errors import ModelError
from labsyn.networks.hopfield import HopfieldNetwork, hebb, on_device, pattern_table
from labsyn.networks.oja import train_oja
from labsyn.networks.proportion import Proportion

NEAR = 0.99
"""A pattern counts as nearly recalled when more than this fraction of its pixels is right."""

_OJA_STABILITY = 2e-4 * 1024  # rate · n_neurons: the learning rate that suits 1024 neurons


@dataclass(frozen=True, kw_only=True)
class RecallScore:
    """How well one kind of network recalls from one level of noise.

    Attributes
    ----------
    rule, weights : str
        ``"hebb"`` or ``"oja"``; ``"ideal"`` or ``"device"``.
    n_draws : int
        Pixels drawn and inverted, with replacement, in each cue.
    exact, near : Proportion
        Patterns of which all pixels, and more than 99 %, came back. The interval counts
        every cue as an independent trial.
    pixels : float
        Mean fraction of pixels that came back.
    n_sweeps : float
        Mean number of synchronous sweeps.
    """

    rule: str
    weights: str
    n_draws: int
    exact: Proportion
    near: Proportion
    pixels: float
    n_sweeps: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and texts, for JSON."""
        return vars(self) | {"exact": self.exact.to_dict(), "near": self.near.to_dict()}


@dataclass(frozen=True)
class HopfieldResult:
    """Scores of both rules, ideal and on the device, at each level of noise."""

    scores: tuple[RecallScore, ...]
    settings: dict[str, Any]

    def score(self, rule: str, weights: str, n_draws: int) -> RecallScore:
        """Return the score of one rule, ``"ideal"`` or ``"device"``, at one level of noise.

        Raises
        ------
        ModelError
            If there is none.
        """
        for found in self.scores:
            if (found.rule, found.weights, found.n_draws) == (rule, weights, n_draws):
                return found
        raise ModelError(f"no score of {rule} {weights} with {n_draws} draws in this result")

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and texts, for JSON."""
        return {
            "scores": [score.to_dict() for score in self.scores],
            "settings": self.settings,
        }


def hopfield_experiment(
    synapse: Synapse,
    patterns: ArrayLike,
    *,
    noise_fractions: Sequence[float] = (0.1, 0.3, 0.5),
    n_repeats: int = 3,
    seed: int = 0,
    mapping: str = "differential",
    percentile: float = 99.9,
    source: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> HopfieldResult:
    """Teach `patterns` by both rules, write the weights into devices, and score the recall.

    Parameters
    ----------
    patterns : array_like, shape (n_patterns, n_neurons)
        States −1 and +1.
    noise_fractions : sequence of float
        Draws of a pixel to invert, in units of `n_neurons`: 0.5 inverts 31.6 %.
    n_repeats : int
        Programmings, each in other devices, and draws of the noise of every pattern.
    mapping, percentile
        As in `labsyn.networks.hopfield.on_device`.
    source : str
        Where the patterns come from, for the record.
    progress : callable, optional
        Called with the programmings done and the programmings in all.

    Raises
    ------
    ModelError
        If no level has noise (any network keeps what it is shown), if `n_repeats` is below
        1, or as `train_oja` and `on_device` do.
    """
    x = pattern_table(patterns).astype(np.int8)
    if n_repeats < 1:
        raise ModelError(f"n_repeats is {n_repeats}, at least 1 is needed")
    if not noise_fractions or min(noise_fractions) < 0 or not max(noise_fractions) > 0:
        raise ModelError(
            f"noise_fractions = {tuple(noise_fractions)} must be 0 or more and not all 0: "
            "without noise a network that has learned nothing scores 100 %"
        )
    rng = np.random.default_rng(seed)
    learning: dict[str, Any] = {"w0": 0.1, "rate": _OJA_STABILITY / x.shape[1], "n_epochs": 40}
    ideal = {"hebb": hebb(x), "oja": train_oja(x, **learning, rng=rng)}
    draws = [round(fraction * x.shape[1]) for fraction in noise_fractions]
    tally = _Tally(x, draws)
    done = 0
    for _ in range(n_repeats):
        cues = [flip_pixels(x, n_draws, rng) for n_draws in draws]
        for rule, weights in ideal.items():
            tally.add(rule, "ideal", weights, cues)
            device = on_device(weights, synapse, rng, mapping, percentile)
            tally.add(rule, "device", device, cues)
            done += 1
            if progress is not None:
                progress(done, len(ideal) * n_repeats)
    settings = {
        "synapse": synapse.to_dict(),
        "patterns": source,
        "n_patterns": len(x),
        "n_neurons": x.shape[1],
        "oja": learning,
        "noise_fractions": list(noise_fractions),
        "n_repeats": n_repeats,
        "seed": seed,
        "mapping": mapping,
        "percentile": percentile,
    }
    return HopfieldResult(tally.scores(), settings)


class _Tally:
    """Collects the recalls of several repeats; every network gets the same cues."""

    def __init__(self, patterns: PatternArray, draws: Sequence[int]) -> None:
        self._patterns = patterns
        self._draws = draws
        self._found: dict[tuple[str, str, int], list[tuple[FloatArray, FloatArray]]] = {}

    def add(
        self, rule: str, kind: str, weights: FloatArray, cues: Sequence[PatternArray]
    ) -> None:
        network = HopfieldNetwork(weights)
        found = network.recall(np.concatenate(cues))  # one batch for all levels of noise
        right = found.states.reshape(len(cues), *self._patterns.shape) == self._patterns
        pixels = right.mean(axis=-1)
        sweeps = found.n_sweeps.reshape(pixels.shape).astype(float)
        for level, n_draws in enumerate(self._draws):
            key = (rule, kind, n_draws)
            self._found.setdefault(key, []).append((pixels[level], sweeps[level]))

    def scores(self) -> tuple[RecallScore, ...]:
        return tuple(self._score(*key) for key in self._found)

    def _score(self, rule: str, kind: str, n_draws: int) -> RecallScore:
        found = self._found[rule, kind, n_draws]
        pixels = np.concatenate([pair[0] for pair in found])
        return RecallScore(
            rule=rule,
            weights=kind,
            n_draws=n_draws,
            exact=Proportion(int((pixels == 1).sum()), pixels.size),
            near=Proportion(int((pixels > NEAR).sum()), pixels.size),
            pixels=float(pixels.mean()),
            n_sweeps=float(np.mean([pair[1] for pair in found])),
        )

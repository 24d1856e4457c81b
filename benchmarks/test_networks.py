"""Hot paths of the networks, each beside the plain form of it in the same run."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.data.datasets import PatternArray, flip_pixels, natural_patterns
from labsyn.networks.attractor import ContinuousAttractor
from labsyn.networks.hopfield import HopfieldNetwork
from labsyn.networks.oja import train_oja

N_PATTERNS, N_EPOCHS = 20, 20


def _plain_oja(patterns: PatternArray, seed: int) -> FloatArray:
    x = patterns.astype(float)
    rng = np.random.default_rng(seed)
    w = 0.1 * np.eye(x.shape[1])
    for _ in range(N_EPOCHS):
        for k in rng.permutation(len(x)):
            y = x[k] @ w
            w += 2e-4 * np.outer(x[k] - w @ y, y)
    w = (w + w.T) / 2
    np.fill_diagonal(w, 0)
    return w


def _seconds(task: Callable[[], Any]) -> float:
    """Return the best of three, which is what `benchmark.stats` calls the minimum."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def _report(name: str, peer: float, own: float) -> None:
    print(f"\n{name}: {peer / own:.1f} times as fast ({own * 1e3:.3g} ms, {peer * 1e3:.3g} ms)")


def test_oja_beside_rank_one_updates(benchmark: Any) -> None:
    patterns = natural_patterns(N_PATTERNS)

    def learn() -> FloatArray:
        return train_oja(patterns, n_epochs=N_EPOCHS, rng=np.random.default_rng(0))

    found = benchmark(learn)
    np.testing.assert_allclose(found, _plain_oja(patterns, 0), atol=1e-12)
    peer = _seconds(lambda: _plain_oja(patterns, 0))
    _report(
        f"Oja, {N_PATTERNS * N_EPOCHS} steps of 1024 neurons", peer, benchmark.stats.stats.min
    )


def test_batched_recall_beside_probe_by_probe(benchmark: Any) -> None:
    patterns = natural_patterns(N_PATTERNS)
    network = HopfieldNetwork(train_oja(patterns, rng=np.random.default_rng(0)))
    cues = flip_pixels(np.tile(patterns, (20, 1)), 102, np.random.default_rng(1))
    found = benchmark(network.recall, cues)
    one_by_one = [network.recall(cue).states for cue in cues]
    np.testing.assert_array_equal(found.states, one_by_one)
    peer = _seconds(lambda: [network.recall(cue) for cue in cues])
    _report("recall of 400 probes", peer, benchmark.stats.stats.min)


def test_attractor_beside_run_by_run(benchmark: Any) -> None:
    n_seeds = 1000
    ring = ContinuousAttractor()
    weights = ring.write_noise(0.05, n_seeds, np.random.default_rng(0))
    found = benchmark.pedantic(ring.run, (weights,), rounds=3)
    alone = ring.run(weights[7])
    np.testing.assert_allclose(found.positions[7], alone.positions[0], atol=1e-9)
    peer = _seconds(lambda: [ring.run(matrix) for matrix in weights[:20]]) * n_seeds / 20
    _report(f"attractor, {n_seeds} runs of 250 steps", peer, benchmark.stats.stats.min)

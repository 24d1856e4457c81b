"""β fits per second: the batch kernel beside scipy.optimize.curve_fit, in one run.

pytest benchmarks/test_fits.py --benchmark-enable -o testpaths= -o addopts= -s
"""

import time
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import pulse_sums, step_to_endpoint
from labsyn.analysis.nonlinearity_batch import fit_exponential_batch

N_POINTS = 100


def noisy_curves(n_curves: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    betas = rng.uniform(0.2, 4, n_curves)
    steps = [step_to_endpoint(beta, N_POINTS - 1) for beta in betas[:200]]
    shapes = [s * pulse_sums(N_POINTS - 1, b * s) for s, b in zip(steps, betas, strict=False)]
    curves = np.array(shapes)[np.arange(n_curves) % 200]
    return 1e-5 + 3e-5 * (curves + rng.normal(0, 0.005, curves.shape))


def continuum(k: np.ndarray, start: float, span: float, beta: float) -> np.ndarray:
    """The closed form that others fit; kinder to SciPy than the recursion."""
    return start + span * np.log1p(np.expm1(beta) * k / (N_POINTS - 1)) / beta


def test_batch_beside_curve_fit(benchmark: Any) -> None:
    from scipy.optimize import curve_fit

    curves = noisy_curves(20_000)
    fit_exponential_batch(curves[:2])  # compile
    fits = benchmark.pedantic(fit_exponential_batch, (curves,), rounds=5)
    assert fits.converged.all()
    batch = len(curves) / benchmark.stats.stats.median
    k = np.arange(N_POINTS)
    started = time.perf_counter()
    for curve in curves[:500]:
        scaled = (curve - curve[0]) / (curve[-1] - curve[0])
        curve_fit(continuum, k, scaled, p0=(0.0, 1.0, 1.0))
    peer = 500 / (time.perf_counter() - started)
    print(f"\nbatch {batch:,.0f} fits/s, curve_fit {peer:,.0f} fits/s: {batch / peer:.0f} x")
    assert batch > peer

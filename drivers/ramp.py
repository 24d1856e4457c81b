"""How the current of a coil changes: in small steps, at a rate its inductance can bear."""

import math
from collections.abc import Iterator

RAMP_RATE = 5.0
"""Ampere per second, where nobody asked for another rate."""

_STEPS_PER_SECOND = 20


def ramp_steps(start: float, stop: float, rate: float) -> Iterator[tuple[float, float]]:
    """Yield each current of a ramp in ampere, and the seconds to stay there.

    >>> list(ramp_steps(0.5, 0.0, rate=5.0))
    [(0.25, 0.05), (0.0, 0.05)]
    """
    seconds = abs(stop - start) / rate
    n_steps = max(math.ceil(seconds * _STEPS_PER_SECOND), 1)
    for step in range(1, n_steps + 1):
        yield start + (stop - start) * step / n_steps, seconds / n_steps

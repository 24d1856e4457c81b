"""A fraction of trials that succeeded, with the interval that so few trials allow."""

import math
from dataclasses import dataclass
from typing import Any

from labsyn.data.errors import ModelError

_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Proportion:
    """`n_successes` of `n_trials`.

    Raises
    ------
    ModelError
        If there is no trial, or not 0 to `n_trials` successes.
    """

    n_successes: int
    n_trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.n_successes <= self.n_trials or not self.n_trials:
            raise ModelError(
                f"{self.n_successes} successes in {self.n_trials} trials are no proportion"
            )

    @property
    def value(self) -> float:
        """The fraction itself, 0 to 1."""
        return self.n_successes / self.n_trials

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % interval, never empty: 20 of 20 is 0.84 to 1.

        E. B. Wilson, Journal of the American Statistical Association 22, 209 (1927).
        Written out, because `scipy.stats` takes a second to import.
        """
        n, p, z = self.n_trials, self.value, _NORMAL_95
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2) / (1 + z**2 / n)
        # At 0 and n successes the interval ends exactly there; rounding must not hide it.
        low = 0.0 if self.n_successes == 0 else centre - half
        high = 1.0 if self.n_successes == n else centre + half
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, for JSON."""
        low, high = self.interval
        return {
            "value": self.value,
            "low_95": low,
            "high_95": high,
            "n_successes": self.n_successes,
            "n_trials": self.n_trials,
        }

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.4g} ({low:.4g} to {high:.4g})"

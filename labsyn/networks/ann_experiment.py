"""Accuracy of a perceptron before and after its weights were written into devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.devices.synapse import Synapse
from labsyn.analysis.estimate import Estimate
from labsyn.data.datasets import LabelledImages
from labsyn.data.errors import ModelError
from labsyn.networks.proportion import Proportion
from labsyn.networks.transfer import (
    BATCH,
    RATE,
    Progress,
    accuracy,
    train_mlp,
    weight_transfer,
)


@dataclass(frozen=True, eq=False)
class AnnResult:
    """What a network loses when it is written into devices.

    Attributes
    ----------
    digital : Proportion
        Test accuracy of the network as it was trained.
    quantised : Proportion
        The same with the mean states of the device and no noise.
    transferred : ndarray, shape (n_repeats,)
        The same on devices, each repeat with other devices and other noise.
    settings : dict
        Everything that is needed to repeat it.
    """

    digital: Proportion
    quantised: Proportion
    transferred: FloatArray
    settings: dict[str, Any]

    @property
    def mean(self) -> Estimate:
        """Mean accuracy on devices; its error is the scatter of devices and programming.

        The error of the test set, which all repeats share, is in `digital.interval`.
        """
        n = self.transferred.size
        error = float(self.transferred.std(ddof=1)) / n**0.5
        source = f"{n} programmings of one trained network"
        return Estimate(float(self.transferred.mean()), error, n - 1, source=source)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and texts, for JSON."""
        return {
            "digital": self.digital.to_dict(),
            "quantised": self.quantised.to_dict(),
            "transferred": self.transferred.tolist(),
            "mean": self.mean.to_dict(),
            "settings": self.settings,
        }


def ann_experiment(
    synapse: Synapse,
    data: LabelledImages,
    *,
    hidden: Sequence[int] = (300,),
    epochs: int = 20,
    n_repeats: int = 10,
    seed: int = 0,
    mapping: str = "differential",
    percentile: float = 100.0,
    progress: Progress | None = None,
) -> AnnResult:
    """Train once, write into devices `n_repeats` times, and test every time.

    Raises
    ------
    ModelError
        If `n_repeats` is below 2 (one value has no scatter), or as `train_mlp` and
        `weight_transfer` do.
    """
    if n_repeats < 2:
        raise ModelError(f"n_repeats is {n_repeats}, the scatter needs 2 or more")
    n_steps = epochs + n_repeats

    def report(done: int) -> None:
        if progress is not None:
            progress(done, n_steps)

    model = train_mlp(data, hidden, epochs, BATCH, RATE, seed, lambda done, _: report(done))
    ideal = weight_transfer(model, synapse, mapping, percentile)
    scores = np.empty(n_repeats)
    for i, child in enumerate(np.random.SeedSequence(seed).spawn(n_repeats)):
        rng = np.random.default_rng(child)
        copied = weight_transfer(model, synapse, mapping, percentile, rng)
        scores[i] = accuracy(copied, data.test_x, data.test_y).value
        report(epochs + i + 1)
    settings = {
        "synapse": synapse.to_dict(),
        "data": data.name,
        "layers": [data.n_pixels, *hidden, data.n_classes],
        "epochs": epochs,
        "batch": BATCH,
        "rate": RATE,
        "n_repeats": n_repeats,
        "seed": seed,
        "mapping": mapping,
        "percentile": percentile,
    }
    return AnnResult(
        accuracy(model, data.test_x, data.test_y),
        accuracy(ideal, data.test_x, data.test_y),
        scores,
        settings,
    )

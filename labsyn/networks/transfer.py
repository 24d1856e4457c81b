"""Weight transfer: a network is trained digitally, then written into devices, and tested.

PyTorch is needed (``pip install 'labsyn[ann]'``) and imported when a function is called.
"""

import copy
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labsyn.analysis.devices.synapse import Synapse
from labsyn.data.datasets import LabelledImages
from labsyn.data.errors import ModelError
from labsyn.networks.mapping import program_weights
from labsyn.networks.proportion import Proportion

if TYPE_CHECKING:
    from torch import nn

BATCH = 64
"""Images an update, unless told otherwise."""

RATE = 2e-3
"""Learning rate of Adam, unless told otherwise."""

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""


def weight_transfer(
    model: "nn.Module",
    synapse: Synapse,
    mapping: str = "differential",
    percentile: float = 100.0,
    rng: np.random.Generator | None = None,
) -> "nn.Module":
    """Return a copy of `model` whose weights went through devices of the kind `synapse`.

    The weights of every `Linear` layer, however deep, are mapped to conductances over the
    layer's own range, programmed in open loop (states of the device, cycle-to-cycle noise,
    device-to-device spread), read once with read noise, and mapped back. Biases stay
    digital. Without `rng` only the quantisation to the states is left.

    Parameters
    ----------
    model : torch.nn.Module
        Any module whose weights all are in `Linear` layers; it is not changed.
    mapping, percentile
        As in `labsyn.networks.mapping.program_weights`.

    Raises
    ------
    ModelError
        If a layer of another kind has weights, if a lazy one has none yet, if there is no
        `Linear` layer, or if PyTorch is missing.
    """
    torch = _torch()
    model = copy.deepcopy(model)
    done: set[int] = set()  # two layers may share one weight: it is programmed once
    for name, layer in model.named_modules():
        if not any(True for _ in layer.parameters(recurse=False)):
            continue
        if not isinstance(layer, torch.nn.Linear):
            raise ModelError(
                f"layer {name or 'model'!r} is a {type(layer).__name__}: "
                "only the weights of Linear layers can be transferred"
            )
        if torch.nn.parameter.is_lazy(layer.weight):
            raise ModelError(f"layer {name or 'model'!r} has no weights yet: use it once first")
        if id(layer.weight) in done:
            continue
        done.add(id(layer.weight))
        weights = layer.weight.detach().cpu().double().numpy()
        read = program_weights(weights, synapse, mapping, percentile, rng).read(rng)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(read))
    if not done:
        raise ModelError(f"{type(model).__name__} has no Linear layer: nothing to transfer")
    return model


def train_mlp(
    data: LabelledImages,
    hidden: Sequence[int] = (300,),
    epochs: int = 20,
    batch: int = BATCH,
    rate: float = RATE,
    seed: int = 0,
    on_epoch: Progress | None = None,
) -> "nn.Sequential":
    """Return a sigmoid perceptron trained on `data` (Adam, cross entropy, processor).

    Equal seeds give equal weights; the global random state of PyTorch is left alone.

    Parameters
    ----------
    hidden : sequence of int
        Neurons of each hidden layer.
    epochs, batch : int
        Passes over the training images, and images an update.
    rate : float
        Learning rate of Adam.
    on_epoch : callable, optional
        Called with the epochs done and the epochs in all.

    Raises
    ------
    ModelError
        If a size is below 1, the rate is not positive, or PyTorch is missing.
    """
    torch = _torch()
    if min(*hidden, epochs, batch) < 1 or not rate > 0:
        raise ModelError(
            f"hidden = {tuple(hidden)}, epochs = {epochs}, batch = {batch} and rate = {rate:g} "
            "must all be positive"
        )
    x, y = torch.from_numpy(data.train_x), torch.from_numpy(data.train_y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _perceptron([data.n_pixels, *hidden, data.n_classes])
        optimiser = torch.optim.Adam(model.parameters(), lr=rate)
        for epoch in range(epochs):
            for chosen in torch.randperm(len(x)).split(batch):
                optimiser.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(x[chosen]), y[chosen])
                loss.backward()
                optimiser.step()
            if on_epoch is not None:
                on_epoch(epoch + 1, epochs)
    return model


def _perceptron(sizes: Sequence[int]) -> "nn.Sequential":
    from torch import nn

    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])  # cross entropy takes the last layer as it is


def accuracy(model: "nn.Module", x: NDArray[np.float32], y: NDArray[np.int64]) -> Proportion:
    """Return how many images `x`, shape (n_images, n_pixels), have their class `y` found.

    The interval is that of the images alone: another test set would give another value.
    """
    torch = _torch()
    was_training = model.training
    model.eval()
    with torch.no_grad():
        found = model(torch.from_numpy(x)).argmax(dim=1)
    model.train(was_training)
    return Proportion(int((found == torch.from_numpy(y)).sum()), len(y))


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise ModelError(
            "artificial neural networks need PyTorch: pip install 'labsyn[ann]'"
        ) from error
    return torch

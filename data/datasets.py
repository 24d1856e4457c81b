"""Images to learn and to remember: from a folder of data sets, or from scikit-learn.

The environment variable ``LABSYN_DATASETS`` names a folder with ``mnist/`` (the four
original idx files, .gz) and ``cifar100/`` (``cifar100_subset.npz``). Nothing is ever
downloaded: without the folder, scikit-learn's digits and photographs serve.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labsyn.data.errors import ConfigError, DataFileError, ModelError
from labsyn.data.idx import read_idx
from labsyn.data.natural_images import VARIABLE, datasets_folder, grey_images, image_source

PatternArray = NDArray[np.int8]
FloatArray = NDArray[np.float64]

SPLIT_SEED = 0
"""Seed of the one split of the digits, so that accuracies can be compared."""

_DATASETS = ("auto", "digits", "mnist")


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Grey images with their classes, for learning and for testing.

    Attributes
    ----------
    name : str
        What the images are and how they were split, for the record.
    train_x, test_x : ndarray of float32, shape (n_images, n_pixels)
        Flat images, 0 to 1.
    train_y, test_y : ndarray of int64, shape (n_images,)
        Classes, from 0.
    """

    name: str
    train_x: NDArray[np.float32]
    train_y: NDArray[np.int64]
    test_x: NDArray[np.float32]
    test_y: NDArray[np.int64]

    def __post_init__(self) -> None:
        for part, x, y in (
            ("train", self.train_x, self.train_y),
            ("test", self.test_x, self.test_y),
        ):
            if x.ndim != 2 or y.shape != x.shape[:1] or not x.size:
                raise DataFileError(
                    f"{self.name}: {part} images of shape {x.shape} and labels of shape "
                    f"{y.shape} do not belong together"
                )
            if x.dtype != np.float32 or y.dtype != np.int64:
                raise DataFileError(
                    f"{self.name}: {part} images are {x.dtype} and labels {y.dtype}, "
                    "expected float32 and int64"
                )

    @property
    def n_pixels(self) -> int:
        """Pixels of one image."""
        return int(self.train_x.shape[1])

    @property
    def n_classes(self) -> int:
        """Classes, counted from 0 to the largest label."""
        return int(max(self.train_y.max(), self.test_y.max())) + 1


def dataset(name: str = "auto") -> LabelledImages:
    """Return the images called `name`: ``"mnist"``, ``"digits"``, or ``"auto"``.

    ``"auto"`` is MNIST where the folder of data sets has it, else the digits; the result's
    `name` tells which.

    Raises
    ------
    ConfigError
        If no data set has this name.
    DataFileError
        If MNIST is asked for and is not there, or is damaged.
    """
    if name not in _DATASETS:
        raise ConfigError(f"no data set is called {name!r}, known are {', '.join(_DATASETS)}")
    if name == "auto":
        folder = datasets_folder("mnist")
        name = "mnist" if folder is not None and folder.is_dir() else "digits"
    return load_mnist() if name == "mnist" else load_digits()


def load_digits() -> LabelledImages:
    """Return scikit-learn's 1797 digits of 8 × 8 pixels: 1347 to learn, 450 to test.

    References
    ----------
    E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (1998),
    https://doi.org/10.24432/C50P49
    """
    from sklearn import datasets, model_selection  # 1 s

    x, y = datasets.load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = model_selection.train_test_split(
        (x / 16).astype(np.float32),
        y.astype(np.int64),
        test_size=0.25,
        random_state=SPLIT_SEED,
        stratify=y,
    )
    name = f"digits (scikit-learn, stratified split, seed {SPLIT_SEED})"
    return LabelledImages(name, train_x, train_y, test_x, test_y)


def load_mnist() -> LabelledImages:
    """Return MNIST: 60 000 digits of 28 × 28 pixels to learn, 10 000 to test.

    Raises
    ------
    DataFileError
        If the folder or one of the four files is missing or damaged.

    References
    ----------
    Y. LeCun et al., Proceedings of the IEEE 86, 2278 (1998),
    https://doi.org/10.1109/5.726791
    """
    folder = datasets_folder("mnist")
    if folder is None:
        raise DataFileError(
            f"MNIST was looked for nowhere, because {VARIABLE} is not set: "
            "set it to the folder that holds mnist/"
        )
    if not folder.is_dir():
        raise DataFileError(
            f"MNIST was looked for in {folder}, which is no folder: "
            f"set {VARIABLE} to the folder that holds mnist/"
        )
    parts: list[NDArray[np.uint8]] = []
    for part in ("train", "t10k"):
        parts.append(read_idx(folder / f"{part}-images-idx3-ubyte.gz"))
        parts.append(read_idx(folder / f"{part}-labels-idx1-ubyte.gz"))
    train_x, train_y, test_x, test_y = parts
    return LabelledImages(
        "MNIST (60 000 to learn, 10 000 to test)",
        _flat(train_x),
        train_y.astype(np.int64),
        _flat(test_x),
        test_y.astype(np.int64),
    )


def _flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (images.reshape(len(images), -1) / np.float32(255)).astype(np.float32)


def natural_patterns(n: int, size: int = 32, seed: int = 0) -> PatternArray:
    """Return `n` binarised natural images of ±1, shape (n, size · size).

    Natural images overlap far more than random patterns (0.2 instead of 0.03 at 1024
    pixels), and only such patterns tell learning rules apart. `labsyn.data.natural_images.
    image_source` says which images these are.

    Parameters
    ----------
    n : int
        Number of patterns.
    size : int
        Pixels along one side; with CIFAR-100 a divisor of 32.
    seed : int
        0 takes the images in their own order (CIFAR-100: the first test image of each
        class, then the second; photographs: by falling contrast); any other seed draws
        them at random.

    Raises
    ------
    ModelError
        If there are not that many images, or none of this size.
    DataFileError
        If the file of CIFAR-100 is damaged.
    """
    if n < 1 or size < 1:
        raise ModelError(f"{n} patterns of size {size} were asked for, both must be 1 or more")
    images = grey_images(size)
    if n > len(images):
        raise ModelError(
            f"{n} patterns were asked for, but {image_source()} give only {len(images)} "
            f"of {size} × {size} pixels"
        )
    if seed:
        images = images[np.random.default_rng(seed).permutation(len(images))]
    return binarise(images[:n])


def binarise(images: ArrayLike, threshold: str | float = "mean") -> PatternArray:
    """Return patterns of ±1, shape (n_images, n_pixels): dark is +1.

    Parameters
    ----------
    images : array_like, shape (n_images, ...)
        Grey values.
    threshold : {"mean", "median"} or float
        Below it a pixel is dark: the image's own mean or median, or one grey value.

    Raises
    ------
    ModelError
        If the threshold has another name.
    """
    images = np.asarray(images, dtype=float)
    grey = images.reshape(len(images), -1)
    limit: FloatArray | float
    match threshold:
        case "mean":
            limit = grey.mean(axis=1, keepdims=True)
        case "median":
            limit = np.median(grey, axis=1, keepdims=True)
        case str():
            raise ModelError(f"threshold is {threshold!r}, known are 'mean' and 'median'")
        case _:
            limit = float(threshold)
    return np.where(grey < limit, 1, -1).astype(np.int8)


def flip_pixels(patterns: ArrayLike, n_draws: int, rng: np.random.Generator) -> PatternArray:
    """Return `patterns`, shape (n_patterns, n_pixels), with pixels inverted at random.

    Each pattern draws one of its pixels and inverts it, `n_draws` times *with* replacement:
    the expected fraction that ends inverted is ``(1 - (1 - 2 / n_pixels)**n_draws) / 2``,
    31.6 % for ``n_pixels / 2`` draws, not 50 %.

    Raises
    ------
    ModelError
        If `n_draws` is negative, or the patterns are no table of −1 and +1.
    """
    if n_draws < 0:
        raise ModelError(f"n_draws is {n_draws}, a number of draws is zero or more")
    given = np.asarray(patterns)
    if given.ndim != 2 or not given.size or np.any(np.abs(given) != 1):
        raise ModelError(f"patterns of shape {given.shape} must be a table of -1 and +1")
    values = given.astype(np.int8)
    n_patterns, n_pixels = values.shape
    drawn = rng.integers(n_pixels, size=(n_patterns, n_draws))
    drawn += n_pixels * np.arange(n_patterns)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=values.size).reshape(values.shape)
    return np.where(counts % 2, -values, values)

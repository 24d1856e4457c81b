"""Small natural images in grey: CIFAR-100 where its file is, else two photographs.

The environment variable ``LABSYN_DATASETS`` names the folder of data sets; the file is
``cifar100/cifar100_subset.npz`` in it, with ``x_test`` (uint8, n × 32 × 32 × 3) and
``y_test``. The photographs come with scikit-learn.
"""

import os
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import DataFileError, ModelError

FloatArray = NDArray[np.float64]

VARIABLE = "LABSYN_DATASETS"

_PHOTOGRAPH_SCALE = 2  # a patch is this many times as wide as the image made of it


def datasets_folder(name: str) -> Path | None:
    """Return the folder `name` among the data sets, there or not; None if none is named."""
    root = os.environ.get(VARIABLE)
    return Path(root) / name if root else None


def image_source() -> str:
    """Return which images `grey_images` takes, for the record.

    A. Krizhevsky, Learning multiple layers of features from tiny images (2009); or the
    photographs china.jpg and flower.jpg of scikit-learn.
    """
    return "scikit-learn's two photographs" if _cifar100() is None else "CIFAR-100 test images"


def grey_images(size: int) -> FloatArray:
    """Return all images, shape (n_images, size, size), grey values 0 to 255.

    CIFAR-100: the first test image of each class, then the second of each, …; photographs:
    patches that do not overlap, by falling contrast, since a patch of sky is noise only.

    Raises
    ------
    ModelError
        If images cannot be had in this size.
    DataFileError
        If the file of CIFAR-100 is damaged.
    """
    path = _cifar100()
    return _photographs(size) if path is None else _shrink(_read_cifar100(path), size)


def _cifar100() -> Path | None:
    folder = datasets_folder("cifar100")
    path = folder / "cifar100_subset.npz" if folder is not None else None
    return path if path is not None and path.is_file() else None


def _read_cifar100(path: Path) -> FloatArray:
    try:
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["x_test"], file["y_test"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataFileError(f"{path}: no archive of CIFAR-100: {error}") from error
    if images.shape[1:] != (32, 32, 3) or labels.shape != images.shape[:1]:
        raise DataFileError(f"{path}: images of shape {images.shape}, expected (n, 32, 32, 3)")
    by_class = np.argsort(labels, kind="stable")
    rank = np.empty(len(labels), int)  # of an image within its class
    _, counts = np.unique(labels, return_counts=True)
    rank[by_class] = np.concatenate([np.arange(count) for count in counts])
    return images[np.lexsort((labels, rank))].mean(axis=-1)


def _photographs(size: int) -> FloatArray:
    from sklearn.datasets import load_sample_images  # 1 s

    side = size * _PHOTOGRAPH_SCALE
    patches = []
    for photograph in load_sample_images().images:
        grey = photograph.mean(axis=-1)
        rows, columns = grey.shape[0] // side, grey.shape[1] // side
        tiles = grey[: rows * side, : columns * side].reshape(rows, side, columns, side)
        patches.append(tiles.swapaxes(1, 2).reshape(-1, side, side))
    images = _shrink(np.concatenate(patches), size)
    return images[np.argsort(-images.std(axis=(1, 2)), kind="stable")]


def _shrink(images: FloatArray, size: int) -> FloatArray:
    """Return the means over square blocks, shape (n_images, size, size)."""
    n, side, _ = images.shape
    if side % size:
        raise ModelError(f"images of {side} pixels cannot be shrunk to {size}: no divisor")
    return images.reshape(n, size, side // size, size, side // size).mean(axis=(2, 4))

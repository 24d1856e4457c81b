"""Data sets: where they come from, what they promise, and the noise put on patterns."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from labsyn.data.datasets import (
    LabelledImages,
    binarise,
    dataset,
    flip_pixels,
    load_digits,
    load_mnist,
    natural_patterns,
)
from labsyn.data.errors import ConfigError, DataFileError, ModelError


def _write_mnist(folder: Path, n_train: int = 4, n_test: int = 2, n_labels: int = 4) -> None:
    folder.mkdir(parents=True)
    for part, n, labels in (("train", n_train, n_labels), ("t10k", n_test, n_test)):
        pixels = bytes(i % 256 for i in range(n * 784))
        raw = struct.pack(">4B3I", 0, 0, 8, 3, n, 28, 28) + pixels
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(raw))
        raw = struct.pack(">4BI", 0, 0, 8, 1, labels) + bytes(i % 10 for i in range(labels))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(raw))


def test_digits_are_split_the_same_way_every_time() -> None:
    first, second = load_digits(), load_digits()
    assert first.train_x.shape == (1347, 64)
    assert first.test_x.shape == (450, 64)
    assert (first.n_pixels, first.n_classes) == (64, 10)
    assert first.train_x.dtype == np.float32
    assert (first.train_x.min(), first.train_x.max()) == (0, 1)
    np.testing.assert_array_equal(first.test_x, second.test_x)
    assert "seed 0" in first.name
    share = np.bincount(first.test_y) / np.bincount(np.r_[first.train_y, first.test_y])
    np.testing.assert_allclose(share, 0.25, atol=0.005)  # stratified


def test_digits_keep_image_and_label_together() -> None:
    from sklearn.datasets import load_digits as original

    x, y = original(return_X_y=True)
    label = {image.tobytes(): int(k) for image, k in zip(x, y, strict=True)}
    found = load_digits()
    images = (found.test_x * 16).astype(float)
    assert [label[image.tobytes()] for image in images] == found.test_y.tolist()


def test_mnist_is_read_from_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_mnist(tmp_path / "mnist")
    monkeypatch.setenv("LABSYN_DATASETS", str(tmp_path))
    images = dataset("auto")
    assert images.name.startswith("MNIST")
    assert images.train_x.shape == (4, 784)
    np.testing.assert_allclose(images.train_x[0, :3], [0, 1 / 255, 2 / 255])
    assert images.train_y.tolist() == [0, 1, 2, 3]


def test_without_the_folder_auto_is_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABSYN_DATASETS", str(tmp_path))
    assert dataset("auto").name.startswith("digits")
    with pytest.raises(DataFileError, match=r"looked for in .*mnist, which is no folder"):
        dataset("mnist")
    monkeypatch.delenv("LABSYN_DATASETS")
    assert dataset().name.startswith("digits")
    with pytest.raises(DataFileError, match="LABSYN_DATASETS is not set: set it to the folder"):
        load_mnist()


def test_an_incomplete_folder_is_not_silently_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist").mkdir()
    monkeypatch.setenv("LABSYN_DATASETS", str(tmp_path))
    with pytest.raises(DataFileError, match=r"train-images-idx3-ubyte\.gz: cannot be read"):
        dataset("auto")


def test_mnist_with_too_few_labels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_mnist(tmp_path / "mnist", n_labels=3)
    monkeypatch.setenv("LABSYN_DATASETS", str(tmp_path))
    with pytest.raises(DataFileError, match=r"MNIST.*\(4, 784\).*\(3,\) do not belong"):
        load_mnist()


def test_unknown_names_and_types_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'fashion', known are auto, digits, mnist"):
        dataset("fashion")
    x, y = np.zeros((2, 3)), np.zeros(2, np.int64)
    with pytest.raises(DataFileError, match="train images are float64 and labels int64"):
        LabelledImages("mine", x, y, x, y)  # type: ignore[arg-type]


def test_mnist_itself() -> None:
    if not os.environ.get("LABSYN_DATASETS"):
        pytest.skip("LABSYN_DATASETS is not set: no MNIST here")
    images = load_mnist()
    assert images.train_x.shape == (60_000, 784)
    assert images.test_x.shape == (10_000, 784)
    assert images.train_y[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(images.test_y).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert images.train_x.mean() == pytest.approx(0.1307, abs=1e-4)


def test_natural_patterns_overlap_more_than_random_ones() -> None:
    patterns = natural_patterns(20)
    assert patterns.shape == (20, 1024)
    assert set(np.unique(patterns)) == {-1, 1}
    overlap = patterns.astype(float) @ patterns.T / 1024
    rms = np.sqrt(np.mean(overlap[np.triu_indices(20, 1)] ** 2))
    assert rms > 0.15  # random patterns: 1 / sqrt(1024) = 0.03


def test_seed_zero_keeps_the_order_and_others_draw() -> None:
    np.testing.assert_array_equal(natural_patterns(5), natural_patterns(9)[:5])
    np.testing.assert_array_equal(natural_patterns(5, seed=3), natural_patterns(5, seed=3))
    assert not np.array_equal(natural_patterns(5, seed=3), natural_patterns(5, seed=4))


def test_too_many_or_no_patterns_are_refused() -> None:
    with pytest.raises(ModelError, match=r"100000 patterns were asked for, but .* give only"):
        natural_patterns(100_000)
    with pytest.raises(ModelError, match="0 patterns of size 32 were asked for"):
        natural_patterns(0)


def test_binarise_makes_the_dark_plus_one() -> None:
    images = np.array([[[0, 1], [2, 9]]])  # mean 3, median 1.5
    assert binarise(images).tolist() == [[1, 1, 1, -1]]
    assert binarise(images, "median").tolist() == [[1, 1, -1, -1]]
    assert binarise(images, 0.5).tolist() == [[1, -1, -1, -1]]
    with pytest.raises(ModelError, match="threshold is 'mode', known are"):
        binarise(images, "mode")


@given(n_draws=st.integers(0, 40), seed=st.integers(0, 99))
def test_flips_have_the_parity_of_the_draws(n_draws: int, seed: int) -> None:
    patterns = np.where(np.arange(30).reshape(3, 10) % 3, 1, -1)
    flipped = flip_pixels(patterns, n_draws, np.random.default_rng(seed))
    n_flips = (flipped != patterns).sum(axis=1)
    assert np.all(n_flips <= n_draws)
    assert np.all((n_flips - n_draws) % 2 == 0)


def _expected_flips(n_pixels: int, n_draws: int) -> float:
    return (1 - (1 - 2 / n_pixels) ** n_draws) / 2


@pytest.mark.parametrize(("n_draws", "percent"), [(102, 9.05), (512, 31.6), (1024, 43.2)])
def test_fraction_of_flips_is_the_closed_form(n_draws: int, percent: float) -> None:
    patterns = np.ones((400, 1024), np.int8)
    flipped = flip_pixels(patterns, n_draws, np.random.default_rng(0))
    assert 100 * _expected_flips(1024, n_draws) == pytest.approx(percent, abs=0.05)
    tolerance = 5 * 0.5 / np.sqrt(flipped.size)
    assert np.mean(flipped == -1) == pytest.approx(
        _expected_flips(1024, n_draws), abs=tolerance
    )


@pytest.mark.parametrize("patterns", [np.zeros((2, 3)), np.ones(3), np.ones((0, 3))])
def test_flips_only_states(patterns: NDArray[np.float64]) -> None:
    with pytest.raises(ModelError, match="must be a table of -1 and"):
        flip_pixels(patterns, 1, np.random.default_rng(0))


def test_a_negative_number_of_draws_is_refused() -> None:
    with pytest.raises(ModelError, match="n_draws is -1"):
        flip_pixels(np.ones((1, 3)), -1, np.random.default_rng(0))

"""Natural images: the archive of CIFAR-100 where there is one, else photographs."""

from pathlib import Path

import numpy as np
import pytest

from labsyn.data.errors import DataFileError, ModelError
from labsyn.data.natural_images import datasets_folder, grey_images, image_source


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the archive of CIFAR-100 is looked for."""
    monkeypatch.setenv("LABSYN_DATASETS", str(tmp_path))
    (tmp_path / "cifar100").mkdir()
    return tmp_path / "cifar100" / "cifar100_subset.npz"


def test_classes_take_turns(archive: Path) -> None:
    labels = np.array([1, 0, 0, 2, 1])
    images = np.zeros((5, 32, 32, 3), np.uint8)
    images += np.arange(5, dtype=np.uint8)[:, None, None, None]
    np.savez(archive, x_test=images, y_test=labels)
    assert image_source() == "CIFAR-100 test images"
    assert grey_images(32)[:, 0, 0].tolist() == [1, 0, 3, 2, 4]


def test_shrinking_takes_means_of_blocks_and_channels(archive: Path) -> None:
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[0, :2, :2] = [[[30, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 90]]]
    np.savez(archive, x_test=image, y_test=np.zeros(1, int))
    found = grey_images(16)
    assert found.shape == (1, 16, 16)
    assert found[0, 0, 0] == 10
    assert found.sum() == 10
    with pytest.raises(ModelError, match="32 pixels cannot be shrunk to 20"):
        grey_images(20)


def test_damaged_archives_are_refused(archive: Path) -> None:
    archive.write_bytes(b"no archive")
    with pytest.raises(DataFileError, match=r"cifar100_subset\.npz: no archive of CIFAR-100"):
        grey_images(32)
    np.savez(archive, x=np.zeros(1))
    with pytest.raises(DataFileError, match="no archive of CIFAR-100"):
        grey_images(32)
    np.savez(archive, x_test=np.zeros((3, 8, 8, 3)), y_test=np.zeros(3))
    with pytest.raises(DataFileError, match=r"images of shape \(3, 8, 8, 3\), expected"):
        grey_images(32)
    pickled = {"x_test": np.array([{}], dtype=object), "y_test": np.zeros(1)}
    np.savez(archive, allow_pickle=True, **pickled)
    with pytest.raises(DataFileError, match="no archive of CIFAR-100"):
        grey_images(32)


def test_photographs_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABSYN_DATASETS", raising=False)
    assert datasets_folder("cifar100") is None
    assert image_source() == "scikit-learn's two photographs"
    images = grey_images(32)
    assert images.shape == (120, 32, 32)  # of 427 × 640 pixels, twice 6 × 10 patches
    contrast = images.std(axis=(1, 2))
    assert np.all(np.diff(contrast) <= 0)
    from sklearn.datasets import load_sample_images

    corner = load_sample_images().images[0][:2, :2].mean()
    assert np.isclose(images[:, 0, 0], corner).any()

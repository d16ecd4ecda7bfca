"""NumPy arrays in memory and in .npz and .npy files; images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wellposed.data.read import read
from wellposed.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, size=(30, 3, 4), dtype=np.uint8)
LABELS = np.arange(30) % 3


def test_images_become_pixel_columns_that_rebuild_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:5], y_test=LABELS[:5])
    dataset = read(tmp_path / "a.npz")
    assert dataset.image_shape == (3, 4)
    assert list(dataset.features.columns[:2]) == ["pixel_0", "pixel_1"]
    assert {str(dtype) for dtype in dataset.features.dtypes} == {"uint8"}
    np.testing.assert_array_equal(dataset.features.to_numpy().reshape(30, 3, 4), IMAGES)
    assert dataset.classes == ("0", "1", "2")
    assert dataset.test is not None
    assert dataset.test.rows == 5
    assert dataset.test.classes == dataset.classes
    np.testing.assert_array_equal(dataset.test.features.to_numpy().reshape(5, 3, 4), IMAGES[:5])
    assert dataset.summary().splitlines()[0] == (
        "a: 30 rows, images of 3×4, classification into 3 classes (0: 10, 1: 10, 2: 10), and 5 test rows given apart"
    )


def test_constant_pixels_stay_in_the_image() -> None:
    images = IMAGES.copy()
    images[:, 0, 0] = 0
    assert read((images, LABELS)).features.shape[1] == 12


@pytest.mark.parametrize("keys", [("x", "y"), ("X", "y"), ("X", "Y"), ("x_train", "y_train")])
def test_names_of_arrays(tmp_path: Path, keys: tuple[str, str]) -> None:
    x = np.random.default_rng(1).normal(size=(30, 2))
    np.savez(tmp_path / "a.npz", **{keys[0]: x, keys[1]: LABELS})  # type: ignore[arg-type]
    dataset = read(tmp_path / "a.npz")
    assert list(dataset.features.columns) == ["x_0", "x_1"]
    np.testing.assert_array_equal(dataset.features, x)


def test_a_pair_of_npy_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32)
    np.save("X.npy", x)
    np.save("y.npy", np.linspace(0, 1, 30))
    dataset = read("X.npy,y.npy")
    assert dataset.task == "regression"
    assert dataset.features["x_0"].dtype == np.float32
    with pytest.raises(DataError, match=r"^one \.npy file has no target, got X\.npy\. Give a pair: X\.npy,y\.npy\.$"):
        read("X.npy")


def test_one_hot_and_several_targets() -> None:
    x = np.random.default_rng(1).normal(size=(30, 2))
    dataset = read((x, np.eye(3)[LABELS]))
    assert dataset.targets["target"].tolist() == [str(label) for label in LABELS]
    assert dataset.warnings == ("The 3 target columns are one-hot: read as class labels.",)
    several = read((x, x * 2))
    assert list(several.targets.columns) == ["target_0", "target_1"]
    assert several.task == "regression"


def test_counting_columns_of_arrays_are_no_identifiers() -> None:
    assert list(read((np.column_stack([np.arange(30), LABELS]), LABELS)).features.columns) == ["x_0", "x_1"]


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}, {}], dtype=object), y=np.array([0, 1]))
    with pytest.raises(DataError, match="got Python objects, which are never unpickled"):
        read(tmp_path / "a.npz")


def test_arrays_that_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    together = "Check that they belong together."
    with pytest.raises(DataError) as caught:
        read((IMAGES, LABELS[:4]))
    assert str(caught.value) == f"features and targets must have equally many rows, got 30 and 4. {together}"
    with pytest.raises(DataError, match=r"^features must be real numbers or texts, got complex128\. "):
        read((np.ones((3, 2), dtype=complex), LABELS[:3]))
    np.savez("a.npz", a=IMAGES)
    with pytest.raises(DataError) as caught:
        read("a.npz")
    assert str(caught.value) == (
        "a.npz: must hold the arrays x and y, or x_train and y_train, got a. Write it again with numpy.savez(x=…, y=…)."
    )
    Path("b.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(DataError, match=r"^b\.npz: must be an \.npz file of plain arrays, got File is not a zip file"):
        read("b.npz")
    with pytest.raises(DataError, match=r"^pixels must be finite numbers, got infinite or missing ones"):
        read((np.full((3, 2, 2), np.nan), LABELS[:3]))


def test_fours_and_nines(real_data: Path) -> None:
    dataset = read("mnist-4-9")
    assert dataset.class_counts() == {"4": 5842, "9": 5949}
    assert dataset.test is not None
    assert dataset.test.class_counts() == {"4": 982, "9": 1009}
    assert dataset.image_shape == (28, 28)

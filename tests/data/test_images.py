"""Folders of images by class, written with pillow and read back pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wellposed as wp
from wellposed.errors import DataError

rng = np.random.default_rng(0)


def write(folder: Path, shape: tuple[int, ...] = (5, 7), count: int = 6, suffix: str = "png") -> dict[str, np.ndarray]:
    """Pictures of two classes; by file name, their pixels."""
    written = {}
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = rng.integers(0, 256, shape, np.uint8)
            written[f"{label}/{number}"] = pixels
            Image.fromarray(pixels).save(folder / label / f"{number}.{suffix}")
    return written


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)], ids=["grey", "coloured"])
def test_pixels_and_classes(shape: tuple[int, ...], tmp_path: Path):
    written = write(tmp_path / "pets", shape)
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / "pets" / "README.md").write_text("no class")
    data = wp.read(tmp_path / "pets")
    assert (data.rows, data.image_shape, data.task, data.classes) == (12, shape, "classification", ("cat", "dog"))
    assert data.name == "pets"
    for row, (place, pixels) in enumerate(written.items()):
        np.testing.assert_array_equal(data.features.iloc[row], pixels.ravel())
        assert data.targets.iloc[row, 0] == place.split("/")[0]


def test_a_grey_picture_among_coloured_ones(tmp_path: Path):
    write(tmp_path, (4, 4, 3))
    grey = rng.integers(0, 256, (4, 4), np.uint8)
    Image.fromarray(grey).save(tmp_path / "cat" / "0.png")
    data = wp.read(tmp_path)
    assert data.image_shape == (4, 4, 3)
    np.testing.assert_array_equal(data.features.iloc[0], np.repeat(grey.ravel(), 3))


def test_jpeg_is_near(tmp_path: Path):
    for label, level in (("dark", 30), ("light", 220)):
        (tmp_path / label).mkdir()
        for number in range(3):
            Image.fromarray(np.full((16, 16), level + number, np.uint8)).save(tmp_path / label / f"{number}.JPG")
    data = wp.read(tmp_path)
    assert data.features.to_numpy()[:3].max() < 40
    assert data.features.to_numpy()[3:].min() > 210


def test_a_study_on_a_folder(tmp_path: Path):
    write(tmp_path, (4, 4), 10)
    study = wp.compare(wp.read(tmp_path), (4,), [wp.Rotation(10.0)], folds=2, seeds=1, epochs=1, references=False)
    assert [recipe["failed"] for recipe in study.results["recipes"]] == [0, 0, 0]


def test_trouble(tmp_path: Path):
    with pytest.raises(DataError) as error:
        wp.read(tmp_path)
    assert str(error.value) == (
        f"a folder of images needs at least two classes, got 0 in {tmp_path}. "
        "Give a folder that has a folder of .png or .jpg files for each class."
    )
    write(tmp_path)
    Image.fromarray(np.zeros((5, 8), np.uint8)).save(tmp_path / "dog" / "9.png")
    with pytest.raises(DataError) as error:
        wp.read(tmp_path)
    assert str(error.value) == (
        "images must all have one size, got 7×5 in 0.png and 8×5 in 9.png. Scale or crop them to the same size first."
    )
    for content in (
        b"",
        b"\x89PNG\r\n\x1a\njunk",
        (tmp_path / "dog" / "1.png").read_bytes()[:60],
        b"GIF89a" + bytes(50),
    ):
        (tmp_path / "dog" / "9.png").write_bytes(content)
        with pytest.raises(DataError) as error:
            wp.read(tmp_path)
        assert ": the image can't be read, got " in str(error.value)
        assert str(error.value).endswith("Save it again.")


def test_bombs_are_refused(tmp_path: Path):
    """A small file that unpacks to a gigabyte is refused by its header."""
    write(tmp_path, count=1)
    Image.new("L", (30_000, 30_000)).save(tmp_path / "cat" / "0.png")
    (tmp_path / "dog" / "0.png").unlink()
    Image.new("L", (30_000, 30_000)).save(tmp_path / "dog" / "0.png")
    with pytest.raises(DataError) as error:
        wp.read(tmp_path)
    assert "the image can't be read" in str(error.value) or "too large" in str(error.value)

"""A folder of images by class: ``FOLDER/CLASS/picture.png``, all of one size."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wellposed.data.arrays import array_source
from wellposed.data.files import MEMORY, first_line, too_large
from wellposed.data.source import Source
from wellposed.errors import DataError, printable

__all__ = ["folder_source"]

_KINDS = (".png", ".jpg", ".jpeg")
_LARGEST = 4096 * 4096  # pixels of one image


def folder_source(folder: Path, name: str | None = None, memory: int = MEMORY) -> Source:
    """Images in one folder a class, PNG or JPEG; the folders' names are the classes.

    Grey images have the shape ``(height, width)``, coloured ones ``(height, width, 3)``; a folder with both is
    coloured. Transparency is left out. Pixels are whole numbers from 0 to 255.

    Raises:
        DataError: fewer than two classes with images, images of different sizes, a broken image, or too many of them.
    """
    files = list(_pictures(folder))
    classes = sorted({file.parent.name for file in files})
    if len(classes) < 2:
        remedy = "Give a folder that has a folder of .png or .jpg files for each class."
        got = f"{len(classes)} in {printable(str(folder), 80)}"
        raise DataError("a folder of images needs at least two classes", got, remedy)
    size, coloured = _kind(files)
    channels = 3 if coloured else 1
    if len(files) * size[0] * size[1] * channels > memory // 4:
        raise too_large(folder, len(files) * size[0] * size[1] * channels)
    pixels = np.empty((len(files), size[1], size[0], channels), np.uint8)
    digest = hashlib.sha256()
    for number, file in enumerate(files):
        pixels[number] = _pixels(file, coloured).reshape(pixels.shape[1:])
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + pixels[number].tobytes())
    labels = np.array([file.parent.name for file in files], object)
    x = pixels if coloured else pixels[..., 0]
    return array_source(x, labels, name=name or folder.name or "images", origin=str(folder), digest=digest.hexdigest())


def _pictures(folder: Path) -> Iterator[Path]:
    """Image files two levels down, in an order that doesn't depend on the file system."""
    for inside in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for file in sorted(inside.iterdir()):
            if file.suffix.lower() in _KINDS and file.is_file():
                yield file


def _kind(files: list[Path]) -> tuple[tuple[int, int], bool]:
    """(width, height) of all images, and whether any has colours; reads headers only."""
    from PIL import Image

    first: tuple[Path, tuple[int, int]] | None = None
    coloured = False
    for file in files:
        with _opened(file) as picture:
            assert isinstance(picture, Image.Image)
            first = first or (file, picture.size)
            coloured |= picture.mode not in ("1", "L", "LA", "I;16")
            if picture.size != first[1]:
                sizes = ["×".join(map(str, size)) for size in (first[1], picture.size)]
                got = f"{sizes[0]} in {printable(first[0].name, 40)} and {sizes[1]} in {printable(file.name, 40)}"
                raise DataError("images must all have one size", got, "Scale or crop them to the same size first.")
    assert first is not None
    if first[1][0] * first[1][1] > _LARGEST:
        raise DataError("an image is too large", "×".join(map(str, first[1])), "Scale the images down first.")
    return first[1], coloured


def _opened(file: Path):  # PIL's own type, imported only here
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(file, formats=("PNG", "JPEG"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _broken(file, error) from None


def _pixels(file: Path, coloured: bool) -> np.ndarray:
    with _opened(file) as picture:
        try:
            return np.asarray(picture.convert("RGB" if coloured else "L"))
        except (OSError, ValueError, SyntaxError) as error:
            raise _broken(file, error) from None


def _broken(file: Path, error: Exception) -> DataError:
    return DataError(f"{printable(str(file), 100)}: the image can't be read", first_line(error), "Save it again.")

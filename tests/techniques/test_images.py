"""Transforms of images against SciPy's ndimage; of points against their matrices."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.affine import Rotation, Shear, Shift, Zoom, sample
from wellposed.techniques.base import Batch, Context, Own, Technique
from wellposed.techniques.images import Brightness, Elastic, Flip, RandomErasing

ROWS, HEIGHT, WIDTH = 8, 9, 12
IMAGE = Context(
    HEIGHT * WIDTH, 1, "regression", ("input", "output"), (HEIGHT * WIDTH, 1), ROWS, image_shape=(HEIGHT, WIDTH)
)
POINTS = dataclasses.replace(IMAGE, features=2, widths=(2, 1), feature_groups=((0,), (1,)), image_shape=None)
PICTURES = ndimage.gaussian_filter(np.random.default_rng(0).random((ROWS, HEIGHT, WIDTH)), (0, 1, 1)).astype(np.float32)
PLANE = np.random.default_rng(1).normal(size=(ROWS, 2)).astype(np.float32)
RNG = Rng(study_key(5), "technique")
AFFINE = [Rotation(90.0), Shear(0.3), Shift(0.2), Zoom(0.3)]
PICTURE = [Elastic(3.0, 2.0), Flip(0.5), Brightness(0.3), RandomErasing(0.9)]


def augmented(item: Technique, x: np.ndarray, context: Context) -> np.ndarray:
    flat = x.reshape(ROWS, -1)
    own = Own(prepared=jax.tree.map(jnp.asarray, item.prepare(context, {"x": flat})))
    batch = Batch(jnp.asarray(flat), jnp.zeros((ROWS, 1)), jnp.ones(ROWS), jnp.ones(ROWS), {})
    return np.asarray(jax.jit(lambda batch: item.augment(batch, own, RNG).x)(batch)).reshape(x.shape)


def drawn(item: Any) -> tuple[np.ndarray, np.ndarray]:
    turn, shift = item.drawn(RNG, ROWS)
    return np.asarray(turn, np.float64), np.asarray(shift, np.float64)


@pytest.mark.parametrize("item", AFFINE, ids=lambda item: item.name)
def test_images_move_as_scipy_moves_them(item: Technique):
    found, (turn, shift) = augmented(item, PICTURES, IMAGE), drawn(item)
    centre = np.array([(HEIGHT - 1) / 2, (WIDTH - 1) / 2])
    for picture, after, matrix, way in zip(PICTURES, found, turn, shift, strict=True):
        inverse = np.linalg.inv(matrix)[::-1, ::-1]  # (down, right), SciPy's order
        origin = centre - inverse @ (centre + way[::-1] * (HEIGHT, WIDTH))
        expected = ndimage.affine_transform(picture, inverse, origin, order=1, mode="nearest")
        np.testing.assert_allclose(after, expected, atol=2e-5)
    assert np.abs(found - PICTURES).mean() > 0.003


def test_degrees_are_degrees():
    """The largest of many draws turns by 45 degrees, and none of 30 degrees by more."""

    ends = Rotation(45.0).drawn(RNG, 100_000)[0]
    largest = float(jnp.max(ends[:, 1, 0]))
    assert largest == pytest.approx(np.sin(np.deg2rad(45)), abs=1e-3)
    angles = np.rad2deg(np.arctan2(*drawn(Rotation(30.0))[0][:, 1].T))
    assert (np.abs(angles) <= 30).all()
    assert np.abs(angles).max() > 5


@pytest.mark.parametrize("item", AFFINE, ids=lambda item: item.name)
def test_points_move_by_the_same_maps(item: Technique):
    turn, shift = drawn(item)
    expected = np.einsum("rij,rj->ri", turn, PLANE) + shift
    np.testing.assert_allclose(augmented(item, PLANE, POINTS), expected, rtol=1e-5, atol=1e-6)


def test_values_between_pixels_are_scipys():
    numbers = np.random.default_rng(2)
    down, right = (
        numbers.uniform(-2, HEIGHT + 1, (ROWS, HEIGHT, WIDTH)),
        numbers.uniform(-2, WIDTH + 1, (ROWS, HEIGHT, WIDTH)),
    )
    found = sample(jnp.asarray(PICTURES)[..., None], *(jnp.asarray(a, jnp.float32) for a in (down, right)))[..., 0]
    for picture, after, *places in zip(PICTURES, found, down, right, strict=True):
        np.testing.assert_allclose(after, ndimage.map_coordinates(picture, places, order=1, mode="nearest"), atol=1e-5)


def test_elastic_fields_are_smoothed_noise():
    item = Elastic(2.0, 1.5)
    noise = np.asarray(jax.random.uniform(RNG.key("field"), (2, ROWS, HEIGHT, WIDTH), jnp.float32, -1.0, 1.0))
    field = ndimage.gaussian_filter(noise.astype(np.float64), (0, 0, 1.5, 1.5), mode="constant", truncate=12)
    field *= 2.0 / np.abs(field).max((0, 2, 3), keepdims=True)
    grid = np.stack(np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), indexing="ij"))
    found = augmented(item, PICTURES, IMAGE)
    for row in range(ROWS):
        expected = ndimage.map_coordinates(PICTURES[row], grid + field[:, row], order=1, mode="nearest")
        np.testing.assert_allclose(found[row], expected, atol=2e-5)


def test_flips_are_mirror_images_of_about_half():
    found = augmented(Flip(0.5), PICTURES, IMAGE)
    mirrored = [np.array_equal(after, picture[:, ::-1]) for picture, after in zip(PICTURES, found, strict=True)]
    same = [np.array_equal(after, picture) for picture, after in zip(PICTURES, found, strict=True)]
    assert sum(mirrored) + sum(same) == ROWS
    assert 0 < sum(mirrored) < ROWS
    np.testing.assert_array_equal(augmented(Flip(1.0, "vertical"), PICTURES, IMAGE), PICTURES[:, ::-1])


def test_brightness_adds_one_amount_to_a_row():
    found, low, high = augmented(Brightness(0.2), PICTURES, IMAGE), PICTURES.min(), PICTURES.max()
    for picture, after in zip(PICTURES, found, strict=True):
        inside = (after > low) & (after < high)
        amounts = (after - picture)[inside]
        np.testing.assert_allclose(amounts, amounts[0], atol=1e-5)
        assert abs(amounts[0]) <= 0.2 * (high - low)
    assert found.min() >= low
    assert found.max() <= high


def test_random_erasing_fills_a_rectangle():
    found, changed_sizes = augmented(RandomErasing(1.0), PICTURES, IMAGE), []
    for picture, after in zip(PICTURES, found, strict=True):
        changed = after != picture
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        if len(rows):
            assert changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        changed_sizes.append(changed.mean())
    assert max(changed_sizes) <= 0.45  # a third, and whole pixels
    assert np.median(changed_sizes) > 0.02
    assert ((found >= PICTURES.min()) & (found <= PICTURES.max())).all()


@pytest.mark.parametrize("item", [type(item)() for item in AFFINE + PICTURE], ids=lambda item: item.name)
def test_neutral_changes_nothing(item: Technique):
    neutral = item.neutral()
    assert neutral is not None
    np.testing.assert_allclose(augmented(neutral, PICTURES, IMAGE), PICTURES, atol=1e-6)


def test_refusals():
    table = dataclasses.replace(POINTS, features=5)
    for item, what in ((Rotation(), "images, or points with two numeric features"), (Elastic(), "images")):
        with pytest.raises(TechniqueError) as error:
            item.check(table)
        assert str(error.value).startswith(f"{type(item).__name__}: rows must be {what}, got 5 columns. Leave it out; ")
    Rotation().check(POINTS)
    Rotation().check(IMAGE)
    Elastic().check(IMAGE)

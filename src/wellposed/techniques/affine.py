"""Affine augmentation of images, and of points in the plane: every row is turned, slanted, shifted, scaled by itself.

Transforms run inside the compiled program, once a stream. Values between pixels are interpolated linearly; beyond the
edge the edge's values go on (SciPy's and Keras's ``nearest``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng
from wellposed.techniques.base import Batch, Context, Own, Static, Technique, strength, technique

__all__ = ["Rotation", "Shear", "Shift", "Zoom", "grid", "picture_shape", "sample", "spread"]

Images = Float[Array, "rows height width channels"]


def sample(images: Images, down: Float[Array, "rows height width"], right: Float[Array, "rows height width"]) -> Images:
    """The images' values at places given in pixels from the first one, interpolated linearly between four pixels."""
    rows, height, width, channels = images.shape
    down, right = jnp.clip(down, 0.0, height - 1.0), jnp.clip(right, 0.0, width - 1.0)
    top, left = jnp.floor(down), jnp.floor(right)
    below, beside = (down - top)[..., None], (right - left)[..., None]
    first = (top * width + left).astype(jnp.int32)
    step_down = jnp.where(top < height - 1, width, 0)
    step_right = (left < width - 1).astype(jnp.int32)
    flat = images.reshape(rows, height * width, channels)

    def at(places: Array) -> Array:
        found = jnp.take_along_axis(flat, places.reshape(rows, -1, 1), axis=1, mode="promise_in_bounds")
        return found.reshape(images.shape)

    upper = at(first) * (1.0 - beside) + at(first + step_right) * beside
    lower = at(first + step_down) * (1.0 - beside) + at(first + step_down + step_right) * beside
    return upper * (1.0 - below) + lower * below


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Each pixel's place, down and right."""
    down, right = jnp.meshgrid(
        jnp.arange(height, dtype=jnp.float32), jnp.arange(width, dtype=jnp.float32), indexing="ij"
    )
    return down, right


def picture_shape(context: Context) -> Static:
    """Height, width and channels of the rows."""
    height, width, *channels = context.image_shape or (1, 1)
    return Static((height, width, channels[0] if channels else 1))


def spread(rng: Rng, name: str, largest: float | Array, shape: tuple[int, ...]) -> Array:
    """Uniform draws between −``largest`` and ``largest``."""
    return largest * jax.random.uniform(rng.key(name), shape, jnp.float32, -1.0, 1.0)


class _Affine(Technique):
    """A linear map of the plane and a shift, drawn for every row; about the image's centre or the points' mean."""

    family = "augmentation"

    def check(self, context: Context) -> None:
        points = context.features == 2 and len(context.feature_groups) in (0, 2)
        if context.image_shape is None and not points:
            what = f"{type(self).__name__}: rows must be images, or points with two numeric features"
            raise TechniqueError(what, f"{context.features} columns", "Leave it out; for tables try Mixup or Cutout.")

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        return Static(None) if context.image_shape is None else picture_shape(context)

    @abstractmethod
    def drawn(self, rng: Rng, rows: int) -> tuple[Float[Array, "rows 2 2"], Float[Array, "rows 2"]]:
        """The maps, of vectors (right, down), and the shifts, as fractions of width and height."""

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        turn, shift = self.drawn(rng, batch.x.shape[0])
        if own.prepared.value is None:
            return batch._replace(x=jnp.einsum("rij,rj->ri", turn, batch.x) + shift)
        height, width, channels = own.prepared.value
        down, right = grid(height, width)
        # where each pixel's value comes from: the inverse map
        x = right - (width - 1) / 2 - (shift[:, 0] * width)[:, None, None]
        y = down - (height - 1) / 2 - (shift[:, 1] * height)[:, None, None]
        a, b, c, d = (turn[:, i, j, None, None] for i in (0, 1) for j in (0, 1))
        scale = 1.0 / (a * d - b * c)
        from_right, from_down = (d * x - b * y) * scale, (a * y - c * x) * scale
        images = batch.x.reshape(-1, height, width, channels)
        moved = sample(images, from_down + (height - 1) / 2, from_right + (width - 1) / 2)
        return batch._replace(x=moved.reshape(batch.x.shape))


def _matrices(a: Array, b: Array, c: Array, d: Array) -> Float[Array, "rows 2 2"]:
    return jnp.stack([jnp.stack([a, b], -1), jnp.stack([c, d], -1)], -2)


@technique
class Rotation(_Affine):
    """Turns every row by a random angle about the centre.

    x ← R(θ) x, θ uniform in [−d, d] degrees

    Args:
        degrees: d in [0, 180], default 10.

    Raises:
        TechniqueError: rows are neither images nor points with two numeric features.

    Source: Simard et al. 2003; Keras's ``RandomRotation``.
    """

    degrees: float = strength(default=10.0, maximum=180.0, neutral=0.0, search=(0.0, 20.0), log=False)

    name: ClassVar[str] = "rotation"
    reference: ClassVar[str] = (
        "Simard, Steinkraus and Platt 2003, Best practices for convolutional neural networks applied to visual "
        "document analysis, ICDAR"
    )

    def drawn(self, rng: Rng, rows: int) -> tuple[Array, Array]:
        angle = jnp.deg2rad(spread(rng, "angle", self.degrees, (rows,)))
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
        return _matrices(cosine, -sine, sine, cosine), jnp.zeros((rows, 2))


@technique
class Shear(_Affine):
    """Slants every row by a random amount.

    (right, down) ← (right + s · down, down), s uniform in [−m, m]

    Args:
        slant: m in [0, 1], default 0.15: the shift for each step down.

    Raises:
        TechniqueError: rows are neither images nor points with two numeric features.

    Source: Simard et al. 2003; Keras's ``RandomShear`` in horizontal direction.
    """

    slant: float = strength(default=0.15, maximum=1.0, neutral=0.0, search=(0.0, 0.3), log=False)

    name: ClassVar[str] = "shear"
    reference: ClassVar[str] = Rotation.reference

    def drawn(self, rng: Rng, rows: int) -> tuple[Array, Array]:
        ones, zeros = jnp.ones(rows), jnp.zeros(rows)
        return _matrices(ones, spread(rng, "slant", self.slant, (rows,)), zeros, ones), jnp.zeros((rows, 2))


@technique
class Shift(_Affine):
    """Moves every row by a random way, right or left and up or down.

    x ← x + t, both parts of t uniform in [−f, f], as fractions of the width and height (points: standard deviations)

    Args:
        fraction: f in [0, 1], default 0.08.

    Raises:
        TechniqueError: rows are neither images nor points with two numeric features.

    Source: Simard et al. 2003; Keras's ``RandomTranslation``.
    """

    fraction: float = strength(default=0.08, maximum=1.0, neutral=0.0, search=(0.0, 0.15), log=False)

    name: ClassVar[str] = "shift"
    reference: ClassVar[str] = Rotation.reference

    def drawn(self, rng: Rng, rows: int) -> tuple[Array, Array]:
        return jnp.tile(jnp.eye(2), (rows, 1, 1)), spread(rng, "way", self.fraction, (rows, 2))


@technique
class Zoom(_Affine):
    """Enlarges or shrinks every row by a random factor, about the centre.

    x ← (1 + z) x, z uniform in [−m, m]

    Args:
        fraction: m in [0, 0.9], default 0.1.

    Raises:
        TechniqueError: rows are neither images nor points with two numeric features.

    Source: Simard et al. 2003; Keras's ``RandomZoom`` with one factor for both directions.
    """

    fraction: float = strength(default=0.1, maximum=0.9, neutral=0.0, search=(0.0, 0.2), log=False)

    name: ClassVar[str] = "zoom"
    reference: ClassVar[str] = Rotation.reference

    def drawn(self, rng: Rng, rows: int) -> tuple[Array, Array]:
        factor, zeros = 1.0 + spread(rng, "factor", self.fraction, (rows,)), jnp.zeros(rows)
        return _matrices(factor, zeros, zeros, factor), jnp.zeros((rows, 2))

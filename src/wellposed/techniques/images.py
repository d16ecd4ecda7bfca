"""Augmentation of images only: they are bent, mirrored, lit and blanked, every row by itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng
from wellposed.techniques.affine import Images, Rotation, grid, picture_shape, sample, spread
from wellposed.techniques.base import Batch, Context, Own, Technique, option, strength, technique

__all__ = ["Brightness", "Elastic", "Flip", "RandomErasing"]


class _Picture(Technique):
    """A technique whose rows must be images; it may use the smallest and the largest value of training images."""

    family = "augmentation"

    def check(self, context: Context) -> None:
        if context.image_shape is None:
            remedy = "Leave it out; for tables try Cutout, FeatureMasking or Mixup."
            raise TechniqueError(f"{type(self).__name__}: rows must be images", f"{context.features} columns", remedy)

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        values = np.asarray(rows["x"], np.float32)
        return {"shape": picture_shape(context), "low": values.min(), "high": values.max()}

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        images = batch.x.reshape(-1, *own.prepared["shape"].value)
        return batch._replace(x=self.changed(images, own, rng).reshape(batch.x.shape))

    @abstractmethod
    def changed(self, images: Images, own: Own, rng: Rng) -> Images:
        """The images after the technique."""


@technique
class Elastic(_Picture):
    """Bends every image by a smooth random field of displacements.

    image(p) ← image(p + α u(p) / max|u|), u uniform noise in [−1, 1] smoothed by a Gaussian of standard deviation σ

    Args:
        alpha: α in [0, 20] pixels, the largest displacement along an axis, default 3.
        sigma: σ > 0 in pixels, default 4.

    Raises:
        TechniqueError: rows aren't images.

    Source: Simard et al. 2003 (their α multiplies the smoothed field before any scaling: 34 there is about 4 here).
    """

    alpha: float = strength(default=3.0, maximum=20.0, neutral=0.0, search=(2.0, 8.0), log=False)
    sigma: float = strength(default=4.0, open_minimum=True, neutral=4.0, search=(2.0, 6.0), log=False)

    name: ClassVar[str] = "elastic"
    reference: ClassVar[str] = Rotation.reference

    def changed(self, images: Images, own: Own, rng: Rng) -> Images:
        rows, height, width, _ = images.shape
        noise = spread(rng, "field", 1.0, (2, rows, height, width))
        # a Gaussian filter along each axis is a product with a band matrix
        field = jnp.einsum("ih,arhw,jw->arij", _gaussian(height, self.sigma), noise, _gaussian(width, self.sigma))
        field = self.alpha * field / jnp.max(jnp.abs(field), (0, 2, 3), keepdims=True)
        down, right = grid(height, width)
        return sample(images, down + field[0], right + field[1])


def _gaussian(size: int, sigma: float) -> Float[Array, "size size"]:
    distance = jnp.arange(size, dtype=jnp.float32)[:, None] - jnp.arange(size, dtype=jnp.float32)
    return jnp.exp(-jnp.square(distance) / (2.0 * jnp.square(jnp.asarray(sigma, jnp.float32))))


@technique
class Flip(_Picture):
    """Mirrors random images.

    x[i, j] ← x[i, width − 1 − j] with a probability; down the image for ``vertical``

    Args:
        probability: of an image to be mirrored, in [0, 1], default 0.5.
        axis: ``horizontal`` (default: left and right change places) or ``vertical``.

    Raises:
        TechniqueError: rows aren't images.

    Source: Krizhevsky et al. 2012, §4.1; Keras's ``RandomFlip``.
    """

    probability: float = strength(default=0.5, maximum=1.0, neutral=0.0, search=(0.0, 0.5), log=False)
    axis: str = option(default="horizontal", choices=("horizontal", "vertical"))

    name: ClassVar[str] = "flip"
    reference: ClassVar[str] = (
        "Krizhevsky, Sutskever and Hinton 2012, ImageNet classification with deep convolutional neural networks, "
        "NeurIPS"
    )

    def changed(self, images: Images, own: Own, rng: Rng) -> Images:
        mirrored = jnp.flip(images, 2 if self.axis == "horizontal" else 1)
        chance = jax.random.uniform(rng.key("flip"), (images.shape[0], 1, 1, 1), jnp.float32)
        return jnp.where(chance < self.probability, mirrored, images)


@technique
class Brightness(_Picture):
    """Makes every image brighter or darker by a random amount.

    image ← clip(image + b · (largest − smallest)), b uniform in [−m, m]; largest and smallest value of training images

    Args:
        fraction: m in [0, 1], default 0.1.

    Raises:
        TechniqueError: rows aren't images.

    Source: Krizhevsky et al. 2012, §4.1 (intensity); Keras's ``RandomBrightness``.
    """

    fraction: float = strength(default=0.1, maximum=1.0, neutral=0.0, search=(0.0, 0.3), log=False)

    name: ClassVar[str] = "brightness"
    reference: ClassVar[str] = Flip.reference

    def changed(self, images: Images, own: Own, rng: Rng) -> Images:
        low, high = own.prepared["low"], own.prepared["high"]
        amount = spread(rng, "amount", self.fraction, (images.shape[0], 1, 1, 1))
        return jnp.clip(images + amount * (high - low), low, high)


@technique
class RandomErasing(_Picture):
    """Fills a random rectangle of random images with noise.

    x[i, j] ← noise for (i, j) in the rectangle, with a probability

    The rectangle takes 2 to 33 % of the image, its sides are in a ratio from 0.3 to 3.3, its centre lies anywhere; the
    noise is uniform between the smallest and the largest value of training images.

    Args:
        probability: of an image to be changed, in [0, 1], default 0.5.

    Raises:
        TechniqueError: rows aren't images.

    Source: Zhong et al. 2020, algorithm 1 (there rectangles that hang over the edge are drawn again).
    """

    probability: float = strength(default=0.5, maximum=1.0, neutral=0.0, search=(0.0, 0.5), log=False)

    name: ClassVar[str] = "random-erasing"
    reference: ClassVar[str] = "Zhong, Zheng, Kang, Li and Yang 2020, Random erasing data augmentation, AAAI"

    def changed(self, images: Images, own: Own, rng: Rng) -> Images:
        rows, height, width, _ = images.shape
        area, ratio, chance, *centre = jax.random.uniform(rng.key("rectangle"), (5, rows, 1, 1), jnp.float32)
        area = (0.02 + 0.31 * area) * height * width
        ratio = jnp.exp(jnp.log(0.3) + ratio * (jnp.log(3.3) - jnp.log(0.3)))
        down, right = grid(height, width)
        inside = jnp.abs(down + 0.5 - centre[0] * height) < 0.5 * jnp.sqrt(area * ratio)
        inside &= jnp.abs(right + 0.5 - centre[1] * width) < 0.5 * jnp.sqrt(area / ratio)
        low, high = own.prepared["low"], own.prepared["high"]
        noise = low + (high - low) * jax.random.uniform(rng.key("noise"), images.shape, jnp.float32)
        return jnp.where((inside & (chance < self.probability))[..., None], noise, images)

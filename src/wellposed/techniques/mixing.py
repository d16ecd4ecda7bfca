"""Mixing and erasing: parts of rows are replaced, by parts of other rows or by the column's mean.

Tables lose whole source columns (a one-hot block goes as one), images a rectangle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng
from wellposed.techniques.augmentation import partner_rows, partner_share, share_table
from wellposed.techniques.base import Batch, Context, Own, Params, Static, Technique, strength, technique

__all__ = ["CMixup", "CutMix", "Cutout", "ManifoldMixup", "region", "regions"]


def regions(context: Context) -> dict[str, np.ndarray]:
    """Where each encoded column lies: ``group`` [features], its source column; or, for images, ``row`` and ``column``.

    Rows and columns of an image run from 0 to 1, at the centres of the pixels.
    """
    if context.image_shape is not None:
        height, width = context.image_shape[:2]
        row, column, *_ = np.indices(context.image_shape).reshape(len(context.image_shape), -1)
        return {
            "row": ((row + 0.5) / height).astype(np.float32),
            "column": ((column + 0.5) / width).astype(np.float32),
        }
    group = np.arange(context.features, dtype=np.int32)
    for number, columns in enumerate(context.feature_groups):
        group[list(columns)] = number
    return {"group": group}


def region(
    where: Mapping[str, Array], size: Float[Array, " rows"], rng: Rng, rows: int
) -> Bool[Array, "rows features"]:
    """For each row, columns that make up about ``size`` of it: source columns by chance, or a rectangle of pixels.

    A rectangle has the image's proportions and the centre anywhere, so that it may hang over the edge.
    """
    if "row" in where:
        half = 0.5 * jnp.sqrt(size)[:, None]
        centre = jax.random.uniform(rng.key("centre"), (2, rows, 1), jnp.float32)
        inside = jnp.abs(where["row"] - centre[0]) < half
        return inside & (jnp.abs(where["column"] - centre[1]) < half)
    chance = jax.random.uniform(rng.key("columns"), (rows, where["group"].shape[0]), jnp.float32)
    return chance[:, where["group"]] < size[:, None]


def _applied(probability: float, rng: Rng, rows: int) -> Bool[Array, " rows"]:
    return jax.random.uniform(rng.key("applied"), (rows,), jnp.float32) < probability


@technique
class CutMix(Technique):
    """Pastes a part of another row into a row, and mixes their targets by the size of the part.

    x ← m x′ + (1 − m) x, y ← s y′ + (1 − s) y, s the share of columns in m; the size of m is uniform in [0, 1]

    x′ is another row of the minibatch. The part m is drawn for every row: source columns of a table, a rectangle of an
    image. Sample weights mix like targets.

    Args:
        probability: of a row to be changed, in [0, 1], default 0.5.

    Source: Yun et al. 2019; columns of tables as in Kadra et al. 2021.
    """

    probability: float = strength(default=0.5, maximum=1.0, neutral=0.0, search=(0.0, 1.0), log=False)

    name: ClassVar[str] = "cutmix"
    family: ClassVar[str] = "augmentation"
    reference: ClassVar[str] = (
        "Yun, Han, Oh, Chun, Choe and Yoo 2019, CutMix: regularization strategy to train strong classifiers with "
        "localizable features, ICCV"
    )

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        return regions(context)

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        rows = batch.mask.shape[0]
        size = jax.random.uniform(rng.key("size"), (rows,), jnp.float32)
        part = region(own.prepared, size, rng, rows) & _applied(self.probability, rng, rows)[:, None]
        partner = partner_rows(batch.mask, jax.random.uniform(rng.key("partner"), (rows,), jnp.float32))
        share = jnp.mean(part.astype(jnp.float32), 1)

        def mixed(values: Float[Array, "rows ..."]) -> Array:
            return values + share.reshape(share.shape + (1,) * (values.ndim - 1)) * (values[partner] - values)

        x = jnp.where(part, batch.x[partner], batch.x)
        return Batch(x, mixed(batch.y), mixed(batch.weight), batch.mask, jax.tree.map(mixed, batch.extra))


@technique
class Cutout(Technique):
    """Blanks a part of a row: its columns take their mean over the training rows.

    x ← m x̄ + (1 − m) x, x̄ the means of the training rows

    The part m is drawn for every row: source columns of a table, a rectangle of an image.

    Args:
        probability: of a row to be changed, in [0, 1], default 0.5.
        size: share of the columns that the part takes, in [0, 1], default 0.2.

    Source: DeVries and Taylor 2017; columns of tables as in Kadra et al. 2021.
    """

    probability: float = strength(default=0.5, maximum=1.0, neutral=0.0, search=(0.0, 1.0), log=False)
    size: float = strength(default=0.2, maximum=1.0, neutral=0.0, search=(0.05, 0.5), log=False)

    name: ClassVar[str] = "cutout"
    family: ClassVar[str] = "augmentation"
    reference: ClassVar[str] = (
        "DeVries and Taylor 2017, Improved regularization of convolutional neural networks with cutout, "
        "arXiv:1708.04552"
    )

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        return {**regions(context), "mean": np.asarray(rows["x"], np.float32).mean(0)}

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        rows = batch.mask.shape[0]
        size = jnp.full((rows,), self.size, jnp.float32)
        part = region(own.prepared, size, rng, rows) & _applied(self.probability, rng, rows)[:, None]
        return batch._replace(x=jnp.where(part, own.prepared["mean"], batch.x))


@technique
class CMixup(Technique):
    """Mixup for regression: partners are drawn among rows with similar targets.

    x ← λ x + (1 − λ) x′, y ← λ y + (1 − λ) y′, P(x′) ∝ exp(−‖y − y′‖² / 2σ²), λ = max(b, 1 − b), b ~ Beta(α, α)

    Partners are other real rows of the minibatch; targets are standardized. Sample weights mix likewise.

    Args:
        alpha: α in [0, 32], default 0.2; 0 mixes nothing.
        bandwidth: σ > 0 in standard deviations of the target, default 0.5.

    Raises:
        TechniqueError: the task is classification.

    Source: Yao et al. 2022, eq. 6 (partners within the minibatch, larger share kept as in `Mixup`).
    """

    alpha: float = strength(default=0.2, maximum=32.0, neutral=0.0, search=(0.0, 1.0), log=False)
    bandwidth: float = strength(default=0.5, open_minimum=True, neutral=0.5, search=(0.05, 2.0))

    name: ClassVar[str] = "c-mixup"
    family: ClassVar[str] = "augmentation"
    reference: ClassVar[str] = (
        "Yao, Wang, Zhang, Zou and Finn 2022, C-Mixup: improving generalization in regression, NeurIPS"
    )

    def check(self, context: Context) -> None:
        if context.task != "regression":
            raise TechniqueError("CMixup: the task must be regression", context.task, "For classes use Mixup.")

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        return share_table()

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        rows = batch.mask.shape[0]
        uniform = jax.random.uniform(rng.key("share"), (rows,), jnp.float32)
        share = partner_share(own.prepared, self.alpha, uniform)
        distance = jnp.sum(jnp.square(batch.y[:, None, :] - batch.y[None, :, :]), -1)
        # the largest of log-probability plus Gumbel noise is a draw from the distribution
        chance = jax.random.gumbel(rng.key("partner"), (rows, rows), jnp.float32)
        allowed = (batch.mask[None, :] > 0) & ~jnp.eye(rows, dtype=bool)
        score = jnp.where(allowed, chance - distance / (2.0 * self.bandwidth**2), -jnp.inf)
        alone = jnp.sum(batch.mask) < 2
        partner = jnp.where(alone | (batch.mask == 0), jnp.arange(rows), jnp.argmax(score, 1))

        def mixed(values: Float[Array, "rows ..."]) -> Array:
            return values + share.reshape(share.shape + (1,) * (values.ndim - 1)) * (values[partner] - values)

        return Batch(mixed(batch.x), mixed(batch.y), mixed(batch.weight), batch.mask, jax.tree.map(mixed, batch.extra))


@technique
class ManifoldMixup(Technique):
    """Mixup at a random depth: the input or the values that leave a hidden layer are mixed, and the targets likewise.

    h ← λ h + (1 − λ) h′ at one layer drawn for every minibatch, y ← λ y + (1 − λ) y′, λ as in `Mixup` for every row

    Args:
        alpha: α in [0, 32], default 0.2; 0 mixes nothing.

    Source: Verma et al. 2019; shares and partners as in `Mixup`.
    """

    alpha: float = strength(default=0.2, maximum=32.0, neutral=0.0, search=(0.0, 1.0), log=False)

    name: ClassVar[str] = "manifold-mixup"
    family: ClassVar[str] = "augmentation"
    reference: ClassVar[str] = (
        "Verma, Lamb, Beckham, Najafi, Mitliagkas, Lopez-Paz and Bengio 2019, Manifold mixup: better representations "
        "by interpolating hidden states, ICML"
    )

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        return share_table()

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        return Own(state=Static(context.layers[:-1]))

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        share, partner = self._pairs(batch.mask, own, rng)

        def mixed(values: Float[Array, "rows ..."]) -> Array:
            return values + share.reshape(share.shape + (1,) * (values.ndim - 1)) * (values[partner] - values)

        return batch._replace(y=mixed(batch.y), weight=mixed(batch.weight), extra=jax.tree.map(mixed, batch.extra))

    def hidden(self, h: Array, layer: str, own: Own, *, mask: Array, rng: Rng, train: bool) -> Array:
        if not train:
            return h
        # the minibatch's own draws, so that a second pass (R-Drop, SAM) mixes as its targets were mixed
        share, partner = self._pairs(mask, own, rng.again(0))
        places = own.state.value
        chosen = jax.random.randint(rng.again(0).key("layer"), (), 0, len(places))
        share = jnp.where(chosen == places.index(layer), share, 0.0)[:, None]
        return h + share * (h[..., partner, :] - h)

    def _pairs(self, mask: Array, own: Own, rng: Rng) -> tuple[Array, Array]:
        """The partner's share and number of each row; the same wherever they are asked for in a step."""
        uniform = jax.random.uniform(rng.key("share"), mask.shape, jnp.float32)
        partner = partner_rows(mask, jax.random.uniform(rng.key("partner"), mask.shape, jnp.float32))
        return partner_share(own.prepared, self.alpha, uniform), partner

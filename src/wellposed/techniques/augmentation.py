"""Augmentation: minibatches are changed before the network sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.special import betaincinv

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Batch, Context, Own, Technique, strength, technique

__all__ = ["Mixup", "partner_rows", "partner_share", "share_table"]

_MAXIMUM = 32.0
_ALPHAS, _QUANTILES = 64, 257
_POWER = 3  # grids are uniform in the cube root: both quantiles near 0 and small α need the finer steps


@technique
class Mixup(Technique):
    """Trains on straight lines between random pairs of rows.

    x ← λ x + (1 − λ) x′, y ← λ y + (1 − λ) y′, λ = max(b, 1 − b), b ~ Beta(α, α) for every row

    x′ is another row of the minibatch, by a random permutation of its real rows. The larger share stays with the row
    itself: every pair (x, x′) has its mirror (x′, x), so mixed rows have the paper's distribution, and α → 0 leads to
    the minibatch as it is instead of a resampled one. Sample weights mix likewise.

    Args:
        alpha: α in [0, 32], default 0.2; 0 mixes nothing.

    Source: Zhang et al. 2018; the larger share as in Berthelot et al. 2019, "MixMatch".
    """

    alpha: float = strength(default=0.2, maximum=_MAXIMUM, neutral=0.0, search=(0.0, 1.0), log=False)

    name: ClassVar[str] = "mixup"
    family: ClassVar[str] = "augmentation"
    reference: ClassVar[str] = (
        "Zhang, Cisse, Dauphin and Lopez-Paz 2018, mixup: beyond empirical risk minimization, ICLR"
    )

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        return share_table()

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        uniform = jax.random.uniform(rng.key("share"), batch.mask.shape, jnp.float32)
        share = partner_share(own.prepared, self.alpha, uniform)
        partner = partner_rows(batch.mask, jax.random.uniform(rng.key("partner"), batch.mask.shape, jnp.float32))

        def mixed(rows: Float[Array, "rows ..."]) -> Array:
            weight = share.reshape(share.shape + (1,) * (rows.ndim - 1))
            return rows + weight * (rows[partner] - rows)

        return Batch(mixed(batch.x), mixed(batch.y), mixed(batch.weight), batch.mask, jax.tree.map(mixed, batch.extra))


def share_table() -> Float[np.ndarray, "alphas quantiles"]:
    """The partner's share min(b, 1 − b), b ~ Beta(α, α), by α and quantile.

    Row i is α = 32 (i/63)³, column j the quantile (j/256)³; `partner_share` interpolates. The error of an interpolated
    share is at most 0.004 for α ≥ 0.03 and 0.0002 for α ≥ 1; below 0.03 it is 0.003 on average.
    """
    alphas = _MAXIMUM * np.linspace(0.0, 1.0, _ALPHAS)[1:, None] ** _POWER
    quantiles = np.linspace(0.0, 1.0, _QUANTILES) ** _POWER
    table = betaincinv(alphas, alphas, quantiles / 2.0)  # the lower half of a symmetric distribution
    return np.concatenate([np.zeros((1, _QUANTILES)), table]).astype(np.float32)


def partner_share(
    table: Float[Array, "alphas quantiles"], alpha: float | Float[Array, ""], uniform: Float[Array, " rows"]
) -> Float[Array, " rows"]:
    """The partner's share of each row, in [0, ½], increasing with α for the same uniform draw; 0 at α = 0."""
    row, row_part = _position(jnp.asarray(alpha, jnp.float32) / _MAXIMUM, _ALPHAS)
    column, column_part = _position(uniform, _QUANTILES)

    def along(row: Array) -> Array:
        return (1.0 - column_part) * table[row, column] + column_part * table[row, column + 1]

    return (1.0 - row_part) * along(row) + row_part * along(row + 1)


def _position(fraction: Array, size: int) -> tuple[Array, Array]:
    """Where a fraction of the range stands in a grid that is uniform in its cube root: index and remainder."""
    place = jnp.power(fraction, 1.0 / _POWER) * (size - 1)
    index = jnp.clip(jnp.floor(place), 0.0, size - 2.0)
    return index.astype(jnp.int32), place - index


def partner_rows(mask: Float[Array, " rows"], uniform: Float[Array, " rows"]) -> Int[Array, " rows"]:
    """A random permutation of the real rows (mask 1); the others are their own partners."""
    padding = mask == 0.0
    in_order = jnp.argsort(padding, stable=True)
    at_random = jnp.argsort(jnp.where(padding, 2.0, uniform), stable=True)
    return jnp.zeros_like(in_order).at[in_order].set(at_random)

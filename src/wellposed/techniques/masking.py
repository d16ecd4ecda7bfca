"""Feature masking: random cells of the table are hidden from the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Batch, Context, Own, Technique, option, strength, technique

__all__ = ["FeatureMasking"]


@technique
class FeatureMasking(Technique):
    """Replaces random cells of the minibatch, so that predictions can't hang on a single column.

    x_j ← x′_j with probability p, for every row and source column j; x′ is another row of the minibatch (anew for every
    cell, so from the column's own distribution) or the mean of the training rows

    All encoded columns of a source column are replaced together. Targets stay.

    Args:
        rate: p in [0, 1], the share of cells that is replaced, default 0.1.
        by: ``row`` (default), another row's value, or ``mean``.

    Source: Bahri et al. 2022 (there for contrastive pre-training, p = 0.6; here beside the true targets).
    """

    rate: float = strength(default=0.1, maximum=1.0, neutral=0.0, search=(0.05, 0.4), log=False)
    by: str = option(default="row", choices=("row", "mean"))

    name: ClassVar[str] = "feature-masking"
    family: ClassVar[str] = "noise"
    reference: ClassVar[str] = (
        "Bahri, Jiang, Tay and Metzler 2022, SCARF: self-supervised contrastive learning using random feature "
        "corruption, ICLR"
    )

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        """``source``: by encoded column the first one of its source column; ``mean``: of the training rows."""
        source = np.arange(context.features, dtype=np.int32)
        for group in context.feature_groups:
            source[list(group)] = min(group, default=0)
        return {"source": source, "mean": np.mean(rows["x"], 0, dtype=np.float64).astype(np.float32)}

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        source, shape = own.prepared["source"], batch.x.shape
        hidden = jax.random.uniform(rng.key("mask"), shape, jnp.float32)[:, source] < self.rate
        if self.by == "mean":
            other = jnp.broadcast_to(own.prepared["mean"], shape)
        else:
            uniform = jax.random.uniform(rng.key("row"), shape, jnp.float32)[:, source]
            other = _other_rows(batch.x, batch.mask, uniform)
        return batch._replace(x=jnp.where(hidden, other, batch.x))


def _other_rows(
    x: Float[Array, "rows features"], mask: Float[Array, " rows"], uniform: Float[Array, "rows features"]
) -> Float[Array, "rows features"]:
    """Each cell from another real row (mask 1) of the minibatch, in its own column; a single row's from itself."""
    in_order = jnp.argsort(mask == 0.0, stable=True)  # real rows first
    place = jnp.argsort(in_order, stable=True)
    real = jnp.maximum(jnp.sum(mask), 1.0).astype(jnp.int32)
    away = 1 + jnp.floor(uniform * (real - 1).astype(jnp.float32)).astype(jnp.int32)
    rows = in_order[(place[:, None] + away) % real]
    return jnp.take_along_axis(x, rows, axis=0)

"""Normalization layers besides batch normalization: over a row's units, and over parts of a minibatch."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from wellposed.network.layers import BatchNormalization, Layer, Params, State
from wellposed.network.randomness import Rng

__all__ = ["GhostBatchNormalization", "LayerNormalization"]


@dataclasses.dataclass(frozen=True)
class LayerNormalization(Layer):
    """(h − mean) / sqrt(variance + ε) · scale + offset, over the units of each row (Keras's definition).

    Rows don't know of each other, and training and inference are the same.

    Source: Ba, Kiros and Hinton 2016, "Layer Normalization".
    """

    epsilon: float = 1e-3

    def init(self, key: PRNGKeyArray, inputs: int) -> tuple[Params, State]:
        return {"scale": jnp.ones(inputs, jnp.float32), "offset": jnp.zeros(inputs, jnp.float32)}, {}

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        centred = h - jnp.mean(h, -1, keepdims=True)
        variance = jnp.mean(jnp.square(centred), -1, keepdims=True)
        return centred / jnp.sqrt(variance + self.epsilon) * params["scale"] + params["offset"], state


@dataclasses.dataclass(frozen=True)
class GhostBatchNormalization(BatchNormalization):
    """Batch normalization of each ``ghost`` rows by themselves, in the minibatch's order.

    Each ghost batch is normalized as a minibatch of its own (masked rows left out; by the running statistics if it has
    a single real row); running statistics take in those of all ghost batches with at least two real rows, averaged.

    Source: Hoffer, Hubara and Soudry 2017, "Train longer, generalize better", Algorithm 1.
    """

    ghost: int = 16

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        rows = h.shape[-2]
        count = -(-rows // self.ghost)
        if not train or count == 1:
            return super().apply(params, state, h, mask=mask, rng=rng, train=train)
        missing = count * self.ghost - rows
        filled = jnp.pad(h, [(0, 0)] * (h.ndim - 2) + [(0, missing), (0, 0)])
        ghosts = jnp.moveaxis(filled.reshape(*h.shape[:-2], count, self.ghost, h.shape[-1]), -3, 0)
        masks = jnp.pad(mask, (0, missing)).reshape(count, self.ghost)

        def one(ghost: Array, mask: Array) -> tuple[Array, State]:
            # an empty ghost batch would divide by zero rows
            mask = jnp.where(jnp.sum(mask) > 0.0, mask, jnp.ones_like(mask))
            return super(GhostBatchNormalization, self).apply(params, state, ghost, mask=mask, rng=rng, train=True)

        outputs, after = jax.vmap(one)(ghosts, masks)
        counted = (jnp.sum(masks, 1) >= 2.0).astype(jnp.float32)
        share = (counted / jnp.maximum(jnp.sum(counted), 1.0))[:, None]
        none = jnp.sum(counted) == 0.0
        state = jax.tree.map(lambda old, new: jnp.where(none, old, jnp.sum(new * share, 0)), state, after)
        outputs = jnp.moveaxis(outputs, 0, -3).reshape(filled.shape)
        return outputs[..., :rows, :], state

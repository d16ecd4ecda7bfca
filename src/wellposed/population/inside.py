"""What happens inside a network as it trains: gradients, weights and dead units, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.network.mlp import Network, Outputs
from wellposed.network.randomness import Rng
from wellposed.population.step import Algorithm, Member, Techniques, forward, weights_of
from wellposed.techniques.base import kernels

__all__ = ["inside_columns", "inside_of"]


def inside_columns(network: Network) -> tuple[str, ...]:
    """Names of the records, e.g. ``gradient_norm_hidden1``.

    By block, ``output`` included: ``gradient_norm`` of the data loss by all its parameters; ``weight_norm`` and
    ``zeros``, the share of exact zeros, of its kernels; by hidden block ``dead``, the share of units that are 0 on all
    the rows looked at.
    """
    blocks, hidden = (*network.hidden_names, "output"), network.hidden_names
    measured = (("gradient_norm", blocks), ("weight_norm", blocks), ("zeros", blocks), ("dead", hidden))
    return tuple(f"{measure}_{block}" for measure, where in measured for block in where)


def inside_of(
    algorithm: Algorithm,
    techniques: Techniques,
    member: Member,
    x: Float[Array, "rows features"],
    y: Float[Array, "rows outputs"],
    mask: Float[Array, " rows"],
    prepared: Sequence[Any],
) -> Float[Array, " records"]:
    """The records of a member in inference mode, at its latest weights, without penalties; rows of mask 0 don't count.

    It costs a pass and its gradient over the rows.
    """
    own, rng, network = member.own(prepared), Rng(jax.random.key(0)), algorithm.network

    def loss(params: Any) -> tuple[Array, Outputs]:
        outputs, _ = forward(algorithm, techniques, member.state, params, own, x, rng)
        losses = [algorithm.loss.rows(logits, y, network.output_activation) for logits in outputs.logits]
        return jnp.sum(jnp.mean(jnp.stack(losses), 0) * mask) / jnp.sum(mask), outputs

    grads, outputs = jax.grad(loss, has_aux=True)(member.params)
    weights = weights_of(techniques, member.params, own, rng, train=False)
    blocks = (*network.hidden_names, "output")
    found = [_norm(jax.tree.leaves(grads[block])) for block in blocks]
    found += [_norm(list(kernels(weights, (block,)))) for block in blocks]
    found += [_zeros(list(kernels(weights, (block,)))) for block in blocks]
    found += [_dead(outputs.hidden[block], mask) for block in network.hidden_names]
    return jnp.stack(found)


def _norm(leaves: Sequence[Array]) -> Array:
    return jnp.sqrt(jnp.sum(jnp.stack([jnp.sum(jnp.square(leaf)) for leaf in leaves])))


def _zeros(leaves: Sequence[Array]) -> Array:
    zeros = jnp.stack([jnp.sum(leaf == 0, dtype=jnp.float32) for leaf in leaves])
    return jnp.sum(zeros) / float(sum(leaf.size for leaf in leaves))


def _dead(h: Float[Array, "... rows units"], mask: Float[Array, " rows"]) -> Array:
    silent = jnp.all((h == 0) | (mask[:, None] == 0), axis=-2)
    return jnp.mean(silent.astype(jnp.float32))

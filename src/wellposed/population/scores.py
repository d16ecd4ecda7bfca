"""One member's scores: predictions in inference mode, losses and metrics free of penalties, and the penalty itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.network.mlp import Outputs
from wellposed.network.randomness import Rng
from wellposed.population.step import Algorithm, Member, Techniques, forward, owners, predicting

__all__ = ["evaluate_rows", "finish_scores", "penalty_of", "predict_rows", "row_losses"]


def predict_rows(
    algorithm: Algorithm,
    techniques: Techniques,
    member: Member,
    x: Float[Array, "rows features"],
    prepared: Sequence[Any],
) -> tuple[Float[Array, "rows outputs"], Float[Array, "rows outputs"] | None, Outputs]:
    """Predictions in inference mode: the mean over heads and parameter sets.

    Returns:
        Predictions; logits where there is a single head and set (None otherwise); the first set's outputs.
    """
    own = member.own(prepared)
    sets, rng = predicting(techniques, member.params, own), Rng(jax.random.key(0))
    states = member.states(len(sets))
    passes = [
        forward(algorithm, techniques, state, params, own, x, rng)[0]
        for params, state in zip(sets, states, strict=True)
    ]
    first = passes[0]
    if len(passes) == 1 and first.logits.shape[0] == 1:
        return algorithm.network.predict(first.logits[0]), first.logits[0], first
    means = [jnp.mean(algorithm.network.predict(outputs.logits), 0) for outputs in passes]
    return sum(means[1:], means[0]) / float(len(means)), None, first


def row_losses(
    algorithm: Algorithm,
    predictions: Float[Array, "rows outputs"],
    logits: Float[Array, "rows outputs"] | None,
    y: Float[Array, "rows outputs"],
) -> Float[Array, " rows"]:
    """Each row's loss, from logits where there are any: they don't saturate."""
    if logits is None:
        return algorithm.loss.of_predictions(predictions, y)
    return algorithm.loss.rows(logits, y, algorithm.network.output_activation)


def evaluate_rows(
    algorithm: Algorithm,
    techniques: Techniques,
    member: Member,
    x: Float[Array, "rows features"],
    y: Float[Array, "rows outputs"],
    weights: Float[Array, "rows sets"],
    prepared: Sequence[Any],
) -> tuple[Array, ...]:
    """Sums over rows from which loss and metrics follow, by set of rows; sums of row blocks add up.

    Args:
        weights: of each row in each set; 0: it isn't in it.
    """
    predictions, logits, _ = predict_rows(algorithm, techniques, member, x, prepared)
    losses = row_losses(algorithm, predictions, logits, y)

    def sums(weight: Float[Array, " rows"]) -> tuple[Array, ...]:
        loss = jnp.sum(jnp.where(weight > 0, losses, 0.0) * weight)
        others = (metric.sums(predictions, y, weight) for metric in algorithm.metrics)
        return (jnp.stack([loss, jnp.sum(weight)]), *others)

    return jax.vmap(sums, in_axes=1)(weights)


def finish_scores(
    algorithm: Algorithm, sums: tuple[Array, ...], scale: Float[Array, " outputs"]
) -> Float[Array, " scores"]:
    """Loss, then the metrics, from the sums over all rows."""
    loss = sums[0][0] / sums[0][1]
    return jnp.stack(
        [loss, *(metric.finish(part, scale) for metric, part in zip(algorithm.metrics, sums[1:], strict=True))]
    )


def penalty_of(
    algorithm: Algorithm,
    techniques: Techniques,
    member: Member,
    x: Float[Array, "rows features"],
    mask: Array,
    prepared: Sequence[Any],
) -> Float[Array, ""]:
    """The sum of all penalties; those on hidden values are measured on the rows ``x`` in inference mode."""
    penalties = owners(techniques, "penalty")
    if not penalties:
        return jnp.float32(0.0)
    own = member.own(prepared)
    outputs, _ = forward(algorithm, techniques, member.state, member.params, own, x, Rng(jax.random.key(0)))
    terms = [item.penalty(member.params, own[index], outputs.hidden, mask) for item, index in penalties]
    return jnp.sum(jnp.stack([jnp.asarray(term, jnp.float32) for term in terms]))

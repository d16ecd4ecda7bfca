"""What hooks are given and give back: the context, a minibatch, an evaluation, scores, what belongs to a technique."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float

from wellposed.network.mlp import Outputs

__all__ = ["Batch", "Context", "Evaluation", "Monitor", "Own", "Static"]


@dataclasses.dataclass(frozen=True)
class Context:
    """What a technique may know of the study while programs are made; all of it is static.

    Attributes:
        features, outputs: columns of the encoded features and targets.
        task: ``classification`` or ``regression``.
        layers: names of the places: ``input``, ``hidden1``, …, ``output``.
        widths: columns at each of ``layers``.
        batch_size: rows of a minibatch.
        feature_groups: encoded column numbers by source column.
        image_shape: (height, width[, channels]) if rows are images.
        metric: name of the main metric.
        output_activation: turns logits into predictions; empty: as the task says (sigmoid, softmax or linear).
    """

    features: int
    outputs: int
    task: str
    layers: tuple[str, ...]
    widths: tuple[int, ...]
    batch_size: int
    feature_groups: tuple[tuple[int, ...], ...] = ()
    image_shape: tuple[int, ...] | None = None
    metric: str = "accuracy"
    output_activation: str = ""


class Batch(NamedTuple):
    """A minibatch. ``mask`` is 0 on rows that only fill up the last one; ``extra`` carries e.g. teacher outputs."""

    x: Float[Array, "rows features"]
    y: Float[Array, "rows outputs"]
    weight: Float[Array, " rows"]
    mask: Float[Array, " rows"]
    extra: dict[str, Array]


class Evaluation(NamedTuple):
    """The loss of one pass (penalties included), the pass's outputs and the network's state after it."""

    loss: Float[Array, ""]
    outputs: Outputs
    state: Any


class Monitor(NamedTuple):
    """Penalty-free scores on the monitor rows after an epoch, each turned so that lower is better.

    Attributes:
        scores: ``loss`` and the metrics by name; `Context.metric` names the main one.
    """

    scores: dict[str, Float[Array, ""]]


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Static:
    """Something static that ``init`` learned from the context and a hook needs: it stands in `Own` but holds no arrays.

    Args:
        value: hashable; part of the program's structure.
    """

    value: Any


class Own(NamedTuple):
    """What belongs to one technique: parameters (trained by the optimizer), state, and what ``prepare`` made."""

    params: Any = ()
    state: Any = ()
    prepared: Any = ()

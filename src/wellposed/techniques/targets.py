"""Targets: labels are softened, and predictions kept from certainty."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.network.mlp import Outputs
from wellposed.network.randomness import Rng
from wellposed.techniques.base import Batch, Context, Own, Params, Static, Technique, strength, technique

__all__ = ["ConfidencePenalty", "LabelSmoothing"]


@technique
class LabelSmoothing(Technique):
    """Gives every class a little of the target, so that the network isn't driven to certainty.

    y ← y (1 − ε) + ε / K, K the number of classes (2 for a single sigmoid output)

    Args:
        rate: ε in [0, 1), default 0.1.

    Raises:
        TechniqueError: the task is regression.

    Source: Szegedy et al. 2016, §7; Keras's ``label_smoothing``.
    """

    rate: float = strength(default=0.1, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.005, 0.2))

    name: ClassVar[str] = "label-smoothing"
    family: ClassVar[str] = "targets"
    reference: ClassVar[str] = (
        "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, Rethinking the Inception architecture for computer vision, "
        "CVPR"
    )

    def check(self, context: Context) -> None:
        if context.task != "classification":
            remedy = "Leave it out; for numbers try Mixup or GaussianNoise."
            raise TechniqueError("LabelSmoothing: the task must be classification", context.task, remedy)

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        classes = max(batch.y.shape[-1], 2)
        return batch._replace(y=batch.y * (1.0 - self.rate) + self.rate / classes)


@technique
class ConfidencePenalty(Technique):
    """Rewards predictions that keep some doubt: it subtracts their entropy from the loss.

    loss of a row ← loss − β H(p), H(p) = −Σ p log p over the classes (softmax), or summed over 0/1 outputs (sigmoid)

    Args:
        weight: β ≥ 0, default 0.1.

    Raises:
        TechniqueError: the task is regression.

    Source: Pereyra et al. 2017, eq. 2.
    """

    weight: float = strength(default=0.1, neutral=0.0, search=(0.01, 1.0))

    name: ClassVar[str] = "confidence-penalty"
    family: ClassVar[str] = "targets"
    reference: ClassVar[str] = (
        "Pereyra, Tucker, Chorowski, Kaiser and Hinton 2017, Regularizing neural networks by penalizing confident "
        "output distributions, ICLR workshop"
    )
    cheap: ClassVar[bool] = True

    def check(self, context: Context) -> None:
        if context.task != "classification":
            remedy = "Leave it out; for numbers try GaussianNoise or JacobianPenalty."
            raise TechniqueError("ConfidencePenalty: the task must be classification", context.task, remedy)

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        by_size = "sigmoid" if context.outputs == 1 else "softmax"
        return Own(state=Static(context.output_activation or by_size))

    def row_loss(self, losses: Float[Array, "heads rows"], outputs: Outputs, batch: Batch, own: Own) -> Array:
        return losses - self.weight * _entropy(outputs.logits, own.state.value)


def _entropy(logits: Float[Array, "heads rows outputs"], activation: str) -> Float[Array, "heads rows"]:
    """The entropy of each row's prediction, in nats, from logits: no logarithm of a zero is formed."""
    if activation == "softmax":
        return -jnp.sum(jax.nn.softmax(logits) * jax.nn.log_softmax(logits), -1)
    ones, zeros = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    return -jnp.sum(jax.nn.sigmoid(logits) * ones + jax.nn.sigmoid(-logits) * zeros, -1)

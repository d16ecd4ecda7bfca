"""Losses of one network, one number a row, as Keras defines them.

The loss of a batch is Σ weight·loss / rows (Keras's ``sum_over_batch_size``); that sum belongs to the engine.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.errors import StudyError
from wellposed.network.activations import activation as find_activation
from wellposed.textform import Named, build, registry

EPSILON = 1e-7
"""Keras's fuzz factor: probabilities are clipped to [ε, 1 − ε] before a logarithm."""


@dataclass(frozen=True)
class Loss(Named):
    """A loss; ``output_activation`` is the activation of the last layer that it is usually paired with."""

    output_activation: ClassVar[str] = "linear"

    def rows(
        self, logits: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], activation: str
    ) -> Float[Array, " rows"]:
        """The loss of each row, from the outputs before their activation.

        Args:
            logits: outputs of the last layer before its activation, ``[rows, outputs]``.
            y: targets; classes are one-hot, or 0 and 1 in one column.
            activation: name of the last layer's activation. Where loss and activation belong together (sigmoid with
                binary, softmax with categorical cross-entropy) the pair is computed in one stable form, without
                the clipping that ``of_predictions`` needs: it and its gradient stay right for large logits.
        """
        return self.of_predictions(find_activation(activation)(logits), y)

    @abstractmethod
    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        """The loss of each row, from predictions (for averaged probabilities, which have no logits)."""


@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """ℓ = −mean over outputs of y·log p + (1 − y)·log(1 − p); one sigmoid output, or one for each class."""

    name: ClassVar[str] = "binary_crossentropy"
    aliases: ClassVar[tuple[str, ...]] = ("bce",)
    output_activation: ClassVar[str] = "sigmoid"

    def rows(
        self, logits: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], activation: str
    ) -> Float[Array, " rows"]:
        if activation != "sigmoid":
            return super().rows(logits, y, activation)
        # y·softplus(−z) + (1 − y)·softplus(z) with their common tail taken once; a right answer's gradient is
        # −σ(−z) itself, not the difference σ(z) − 1, so it keeps its digits when z is large.
        linear_part = y * jnp.maximum(-logits, 0.0) + (1.0 - y) * jnp.maximum(logits, 0.0)
        size = jnp.maximum(logits, -logits)  # not jnp.abs: its slope at 0, where dead units put z, is 1
        return jnp.mean(linear_part + jnp.log1p(jnp.exp(-size)), axis=-1)

    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        p = jnp.clip(predictions, EPSILON, 1.0 - EPSILON)
        return -jnp.mean(y * jnp.log(p) + (1.0 - y) * jnp.log(1.0 - p), axis=-1)


@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """ℓ = −Σ over classes of y·log p; predictions are first divided by their sum."""

    name: ClassVar[str] = "categorical_crossentropy"
    aliases: ClassVar[tuple[str, ...]] = ("cce",)
    output_activation: ClassVar[str] = "softmax"

    def rows(
        self, logits: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"], activation: str
    ) -> Float[Array, " rows"]:
        if activation != "softmax":
            return super().rows(logits, y, activation)
        return -jnp.sum(y * jax.nn.log_softmax(logits, axis=-1), axis=-1)

    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        p = jnp.clip(predictions / jnp.sum(predictions, axis=-1, keepdims=True), EPSILON, 1.0 - EPSILON)
        return -jnp.sum(y * jnp.log(p), axis=-1)


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """ℓ = mean over outputs of (p − y)²."""

    name: ClassVar[str] = "mean_squared_error"
    aliases: ClassVar[tuple[str, ...]] = ("mse",)

    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        return jnp.mean(jnp.square(predictions - y), axis=-1)


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """ℓ = mean over outputs of |p − y|."""

    name: ClassVar[str] = "mean_absolute_error"
    aliases: ClassVar[tuple[str, ...]] = ("mae",)

    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        return jnp.mean(jnp.abs(predictions - y), axis=-1)


@dataclass(frozen=True)
class Huber(Loss):
    """ℓ = mean over outputs of ½e² if |e| ≤ δ, else δ|e| − ½δ², with e = p − y. Huber 1964.

    Args:
        delta: δ > 0, in units of the (scaled) targets; default 1.
    """

    delta: float = 1.0
    name: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise StudyError("Huber: delta must be positive", self.delta)

    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        error = jnp.abs(predictions - y)
        squared, straight = 0.5 * jnp.square(error), self.delta * error - 0.5 * self.delta**2
        return jnp.mean(jnp.where(error <= self.delta, squared, straight), axis=-1)


@dataclass(frozen=True)
class LogCosh(Loss):
    """ℓ = mean over outputs of log cosh(p − y)."""

    name: ClassVar[str] = "log_cosh"

    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        error = predictions - y
        return jnp.mean(error + jax.nn.softplus(-2.0 * error) - jnp.log(jnp.float32(2.0)), axis=-1)


@dataclass(frozen=True)
class Poisson(Loss):
    """ℓ = mean over outputs of p − y·log(p + ε); counts, with an exponential output."""

    name: ClassVar[str] = "poisson"
    output_activation: ClassVar[str] = "exponential"

    def of_predictions(
        self, predictions: Float[Array, "rows outputs"], y: Float[Array, "rows outputs"]
    ) -> Float[Array, " rows"]:
        return jnp.mean(predictions - y * jnp.log(predictions + EPSILON), axis=-1)


LOSSES: Mapping[str, type[Loss]] = registry(
    (BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, MeanAbsoluteError, Huber, LogCosh, Poisson)
)
"""Every loss by its Keras name."""


def loss(spec: str | Loss) -> Loss:
    """The loss that a text describes, e.g. ``"mse"`` or ``"huber(delta=2)"``; ``to_text()`` is the way back.

    Raises:
        StudyError: unknown name or argument, or a value without a meaning.
    """
    return build("loss", spec, LOSSES)

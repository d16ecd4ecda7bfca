"""Layers: pure ``init`` and ``apply``, written for one network; the engine maps them over a population."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.network.activations import activation as named_activation
from wellposed.network.initializers import Initializer, initializer
from wellposed.network.randomness import Rng

__all__ = ["Activation", "BatchNormalization", "Block", "Dense", "Layer"]

Params = dict[str, Any]
State = dict[str, Any]


@jax.custom_vjp
def linear(h: Float[Array, "... rows inputs"], kernel: Float[Array, "inputs units"]) -> Float[Array, "... rows units"]:
    """h W, with a gradient that comes out in the kernel's own memory order.

    JAX's rule for a product gives the transposed gradient of W; turning it around in every optimizer update cost up to
    half of a step.
    """
    return h @ kernel


def _linear_forward(h: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return h @ kernel, (h, kernel)


def _linear_backward(saved: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    h, kernel = saved
    rows = tuple(range(h.ndim - 1))
    return cotangent @ kernel.T, jax.lax.dot_general(h, cotangent, ((rows, rows), ((), ())))


linear.defvjp(_linear_forward, _linear_backward)


class Layer:
    """A map of rows to rows. Subclasses are frozen dataclasses; everything in them is static."""

    def width(self, inputs: int) -> int:
        """Number of output columns for ``inputs`` input columns."""
        return inputs

    def init(self, key: PRNGKeyArray, inputs: int) -> tuple[Params, State]:
        """Trained parameters and running state."""
        return {}, {}

    def apply(
        self,
        params: Params,
        state: State,
        h: Float[Array, "... rows inputs"],
        *,
        mask: Float[Array, " rows"],
        rng: Rng,
        train: bool,
    ) -> tuple[Float[Array, "... rows outputs"], State]:
        """The output, and the state after it. ``mask`` is 0 on rows that only fill up the last minibatch."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Dense(Layer):
    """A linear layer, h W + b, with ``kernel`` [inputs, units] and ``bias`` [units] (Keras's ``Dense``, linear)."""

    units: int
    kernel_initializer: Initializer = dataclasses.field(default_factory=lambda: initializer("glorot_uniform"))
    bias_initializer: Initializer = dataclasses.field(default_factory=lambda: initializer("zeros"))
    use_bias: bool = True

    def width(self, inputs: int) -> int:
        return self.units

    def init(self, key: PRNGKeyArray, inputs: int) -> tuple[Params, State]:
        rng = Rng(key, "Dense")
        params = {"kernel": self.kernel_initializer(rng.key("kernel"), (inputs, self.units))}
        if self.use_bias:
            params["bias"] = self.bias_initializer(rng.key("bias"), (self.units,))
        return params, {}

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        h = linear(h, params["kernel"])
        return (h + params["bias"] if self.use_bias else h), state


@dataclasses.dataclass(frozen=True)
class Activation(Layer):
    """An activation function by its Keras name."""

    name: str

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        return named_activation(self.name)(h), state


@dataclasses.dataclass(frozen=True)
class BatchNormalization(Layer):
    """(h − mean) / sqrt(variance + ε) · scale + offset, by column over the batch's rows (Keras's definition).

    Training uses the batch's own statistics (variance without Bessel's correction, masked rows left out), inference
    running averages r ← momentum · r + (1 − momentum) · batch. A batch with a single real row has no spread: it is
    normalized by the running statistics and leaves them alone.

    Source: Ioffe and Szegedy 2015, "Batch Normalization".
    """

    momentum: float = 0.99
    epsilon: float = 1e-3

    def init(self, key: PRNGKeyArray, inputs: int) -> tuple[Params, State]:
        params = {"scale": jnp.ones(inputs, jnp.float32), "offset": jnp.zeros(inputs, jnp.float32)}
        return params, {"mean": jnp.zeros(inputs, jnp.float32), "variance": jnp.ones(inputs, jnp.float32)}

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        mean, variance = state["mean"], state["variance"]
        if train:
            share = (mask / jnp.sum(mask))[:, None]
            axes = tuple(range(h.ndim - 1))
            heads = float(h.size // (h.shape[-2] * h.shape[-1]))
            batch_mean = jnp.sum(h * share, axes) / heads
            batch_variance = jnp.sum(jnp.square(h - batch_mean) * share, axes) / heads
            alone = jnp.sum(mask) < 2
            mean = jnp.where(alone, mean, batch_mean)
            variance = jnp.where(alone, variance, batch_variance)
            kept = jnp.where(alone, jnp.float32(1.0), jnp.float32(self.momentum))
            state = {
                "mean": kept * state["mean"] + (1 - kept) * mean,
                "variance": kept * state["variance"] + (1 - kept) * variance,
            }
        scale = params["scale"] / jnp.sqrt(variance + self.epsilon)
        return (h - mean) * scale + params["offset"], state


@dataclasses.dataclass(frozen=True)
class Block:
    """Named layers in a row; hidden values leave a block through the ``hidden`` hook.

    Args:
        name: ``hidden1``, ``hidden2``, …, ``output``.
        layers: pairs of a name (the key of its parameters) and the layer.
    """

    name: str
    layers: tuple[tuple[str, Layer], ...]

    def width(self, inputs: int) -> int:
        """Number of output columns."""
        for _, layer in self.layers:
            inputs = layer.width(inputs)
        return inputs

    def init(self, key: PRNGKeyArray, inputs: int) -> tuple[Params, State]:
        """Parameters and state of all layers, by their names."""
        params: Params = {}
        state: State = {}
        rng = Rng(key, self.name)
        for name, layer in self.layers:
            params[name], state[name] = layer.init(rng.key(name), inputs)
            inputs = layer.width(inputs)
        return params, state

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        """All layers one after the other."""
        after: State = {}
        for name, layer in self.layers:
            own = rng.of(f"{self.name}.{name}")
            h, after[name] = layer.apply(params[name], state[name], h, mask=mask, rng=own, train=train)
        return h, after

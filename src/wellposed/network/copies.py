"""Layers with several copies: values carry the copies as a first axis, [copies, rows, units]."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from wellposed.network.layers import Dense, Layer, Params, State, linear
from wellposed.network.randomness import Rng

__all__ = ["CopiedDense", "EnsembleDense", "Shake"]


@dataclasses.dataclass(frozen=True)
class CopiedDense(Dense):
    """Linear layers side by side, h_k W_k + b_k.

    ``kernel`` is [copies, inputs, units], ``bias`` [copies, 1, units]. The first copy starts as the layer that it
    stands for, so that networks with and without copies start alike.

    Args:
        copies: number of layers; an input without copies goes to all of them.
    """

    copies: int = 2

    def init(self, key: PRNGKeyArray, inputs: int) -> tuple[Params, State]:
        rng = Rng(key, "Dense")
        keys = [rng.key("kernel", str(number) if number else "") for number in range(self.copies)]
        kernel = jnp.stack([self.kernel_initializer(key, (inputs, self.units)) for key in keys])
        if not self.use_bias:
            return {"kernel": kernel}, {}
        bias = self.bias_initializer(rng.key("bias"), (self.units,))
        return {"kernel": kernel, "bias": jnp.tile(bias, (self.copies, 1, 1))}, {}

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        h = jnp.matmul(h, params["kernel"])
        return (h + params["bias"] if self.use_bias else h), state


@dataclasses.dataclass(frozen=True)
class EnsembleDense(Dense):
    """Linear layers that share a kernel: s_k ∘ ((h_k ∘ r_k) W) + b_k.

    ``input_scale`` r is [copies, 1, inputs], ``output_scale`` s and ``bias`` are [copies, 1, units].

    Args:
        copies: number of layers; an input without copies goes to all of them.
        signs: r starts from random signs, so that the copies differ; else from ones.

    Source: Wen et al. 2020, "BatchEnsemble"; initial values as in Gorishniy et al. 2025, "TabM".
    """

    copies: int = 2
    signs: bool = False

    def init(self, key: PRNGKeyArray, inputs: int) -> tuple[Params, State]:
        params, state = super().init(key, inputs)
        shape = (self.copies, 1, inputs)
        signs = jax.random.rademacher(Rng(key, "EnsembleDense").key("signs"), shape, jnp.float32)
        params["input_scale"] = signs if self.signs else jnp.ones(shape, jnp.float32)
        params["output_scale"] = jnp.ones((self.copies, 1, self.units), jnp.float32)
        if self.use_bias:
            params["bias"] = jnp.tile(params["bias"], (self.copies, 1, 1))
        return params, state

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        h = params["output_scale"] * linear(h * params["input_scale"], params["kernel"])
        return (h + params["bias"] if self.use_bias else h), state


@dataclasses.dataclass(frozen=True)
class Shake(Layer):
    """Joins two copies at random: α h_1 + (1 − α) h_2, α uniform in [0, 1] for each row; inference: their mean.

    The gradient flows as if another draw had been taken.

    Source: Gastaldi 2017, "Shake-Shake regularization", with draws by row ("image").
    """

    def apply(
        self, params: Params, state: State, h: Array, *, mask: Array, rng: Rng, train: bool
    ) -> tuple[Array, State]:
        if not train:
            return jnp.mean(h, 0), state

        def joined(name: str) -> Array:
            share = jax.random.uniform(rng.key(name), (h.shape[1], 1), jnp.float32)
            return share * h[0] + (1.0 - share) * h[1]

        backward = joined("backward")
        return backward + jax.lax.stop_gradient(joined("forward") - backward), state

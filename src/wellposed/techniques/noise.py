"""Noise: hidden values, weights or inputs are disturbed in training; inference is exact."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Context, Own, Params, option, strength, technique
from wellposed.techniques.places import Placed

__all__ = ["DropConnect", "Dropout", "GaussianNoise"]


def _dropped(values: Array, rate: float, uniform: Array) -> Array:
    """Inverted dropout. The uniform draw doesn't depend on the rate: what a low rate drops, a higher one drops too."""
    return jnp.where(uniform >= rate, values / (1.0 - rate), 0.0)


class _ValueNoise(Placed):
    """Noise on the input or on what leaves hidden layers."""

    family = "noise"

    def candidates(self, context: Context) -> tuple[str, ...]:
        return tuple(name for name in context.layers if name != "output")


@technique
class Dropout(_ValueNoise):
    """Sets random hidden values to zero in training, so that units can't rely on each other.

    h ← h · m / (1 − p), m = 1 with probability 1 − p, else 0; anew for every row and minibatch

    Other rates in other layers: ``Dropout(0.1, "input") + Dropout(0.5, "hidden")``.

    Args:
        rate: p in [0, 1), the share that is dropped, default 0.2.
        layers: ``hidden`` (default), ``last``, ``input``, ``all`` (input and hidden) or names joined by ``/``.

    Source: Srivastava et al. 2014; Keras's ``Dropout``.
    """

    rate: float = strength(default=0.2, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.0, 0.8), log=False)
    layers: str = option(default="hidden")

    name: ClassVar[str] = "dropout"
    reference: ClassVar[str] = (
        "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, "
        "Dropout: a simple way to prevent neural networks from overfitting, JMLR 15"
    )
    cheap: ClassVar[bool] = True

    def hidden(
        self, h: Float[Array, "*heads rows units"], layer: str, own: Own, *, mask: Array, rng: Rng, train: bool
    ) -> Array:
        if not train or layer not in own.state.value:
            return h
        return _dropped(h, self.rate, jax.random.uniform(rng.key("mask", layer), h.shape, jnp.float32))


@technique
class DropConnect(Placed):
    """Sets random weights to zero in training.

    W ← W · M / (1 − p), M = 1 with probability 1 − p, else 0, by entry; anew for every minibatch

    Wan et al. draw a mask for every row, mask biases too, and in inference sample from a Gaussian; here the rows of
    a minibatch share the mask of the kernel, and inference uses the mean weights, as inverted dropout does.

    Args:
        rate: p in [0, 1), the share that is dropped, default 0.1.
        layers: kernels of ``hidden`` layers (default), ``last``, ``all`` or names joined by ``/``.

    Source: Wan et al. 2013.
    """

    rate: float = strength(default=0.1, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.0, 0.5), log=False)
    layers: str = option(default="hidden")

    name: ClassVar[str] = "drop-connect"
    family: ClassVar[str] = "noise"
    reference: ClassVar[str] = (
        "Wan, Zeiler, Zhang, LeCun and Fergus 2013, Regularization of neural networks using DropConnect, ICML"
    )

    def weights(self, params: Params, own: Own, rng: Rng, *, train: bool) -> Params:
        if not train:
            return params

        def dropped(block: str, layer: str, leaves: dict[str, Array]) -> dict[str, Array]:
            if "kernel" not in leaves:
                return leaves
            kernel = leaves["kernel"]
            uniform = jax.random.uniform(rng.key("mask", f"{block}.{layer}"), kernel.shape, jnp.float32)
            return {**leaves, "kernel": _dropped(kernel, self.rate, uniform)}

        def inner(block: str, layers: Params) -> Params:
            return {layer: dropped(block, layer, leaves) for layer, leaves in layers.items()}

        chosen = own.state.value
        return {block: inner(block, layers) if block in chosen else layers for block, layers in params.items()}


@technique
class GaussianNoise(_ValueNoise):
    """Adds normal noise to the inputs (or hidden values) in training.

    x ← x + σ ε, ε ~ N(0, 1) by entry; anew for every row and minibatch

    Args:
        stddev: σ in [0, 1], in units of the scaled inputs, default 0.1.
        layers: ``input`` (default), ``hidden``, ``last``, ``all`` (input and hidden) or names joined by ``/``.

    Source: Bishop 1995; Keras's ``GaussianNoise``, which has the same bounds.
    """

    stddev: float = strength(default=0.1, maximum=1.0, neutral=0.0, search=(0.01, 0.3))
    layers: str = option(default="input")

    name: ClassVar[str] = "gaussian-noise"
    reference: ClassVar[str] = (
        "Bishop 1995, Training with noise is equivalent to Tikhonov regularization, Neural Computation 7(1)"
    )

    def hidden(
        self, h: Float[Array, "*heads rows units"], layer: str, own: Own, *, mask: Array, rng: Rng, train: bool
    ) -> Array:
        if not train or layer not in own.state.value:
            return h
        return h + self.stddev * jax.random.normal(rng.key("noise", layer), h.shape, jnp.float32)

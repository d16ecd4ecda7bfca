"""Noise: hidden values, weights or inputs are disturbed in training; inference is exact."""

from __future__ import annotations

import itertools
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Context, Own, Params, Technique, option, strength, technique
from wellposed.techniques.places import Placed
from wellposed.techniques.shapes import SHAPES, shares

__all__ = ["AlphaDropout", "DropConnect", "Dropout", "GaussianDropout", "GaussianNoise", "GradientNoise"]

_SELU_FLOOR = -1.7580993408473766  # selu's value far below zero, −scale · alpha


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

    Other rates in other layers: ``Dropout(0.1, "input") + Dropout(0.5, "hidden")``, or a ``shape``, which multiplies p
    by a factor of at most one in each of the chosen layers: ``brick`` 1 everywhere, ``funnel`` falling from 1 towards
    the output, ``triangle`` rising to 1, ``diamond`` rising and falling, ``hexagon`` with 1 in between, ``long-funnel``
    1 and then falling, ``stairs`` falling every second layer.

    Args:
        rate: p in [0, 1), the share that is dropped, default 0.2; with a shape: the largest one.
        layers: ``hidden`` (default), ``last``, ``input``, ``all`` (input and hidden) or names joined by ``/``.
        shape: ``brick`` (default), ``funnel``, ``long-funnel``, ``diamond``, ``hexagon``, ``triangle`` or ``stairs``.

    Source: Srivastava et al. 2014; Keras's ``Dropout``; shapes: Zimmer et al. 2021, as searched by Kadra et al. 2021.
    """

    rate: float = strength(default=0.2, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.0, 0.8), log=False)
    layers: str = option(default="hidden")
    shape: str = option(default="brick", choices=SHAPES)

    name: ClassVar[str] = "dropout"
    reference: ClassVar[str] = (
        "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, "
        "Dropout: a simple way to prevent neural networks from overfitting, JMLR 15"
    )
    cheap: ClassVar[bool] = True

    def hidden(
        self, h: Float[Array, "*heads rows units"], layer: str, own: Own, *, mask: Array, rng: Rng, train: bool
    ) -> Array:
        chosen = own.state.value
        if not train or layer not in chosen:
            return h
        rate = self.rate if self.shape == "brick" else self.rate * shares(self.shape, len(chosen))[chosen.index(layer)]
        return _dropped(h, rate, jax.random.uniform(rng.key("mask", layer), h.shape, jnp.float32))


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


@technique
class GaussianDropout(_ValueNoise):
    """Multiplies hidden values by normal noise around one in training: dropout's mean and variance without zeros.

    h ← h (1 + √(p / (1 − p)) ε), ε ~ N(0, 1) by entry; anew for every row and minibatch

    Args:
        rate: p in [0, 1), the rate of the dropout with the same variance, default 0.2.
        layers: ``hidden`` (default), ``last``, ``input``, ``all`` (input and hidden) or names joined by ``/``.

    Source: Srivastava et al. 2014, §10; Keras's ``GaussianDropout``.
    """

    rate: float = strength(default=0.2, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.05, 0.4), log=False)
    layers: str = option(default="hidden")

    name: ClassVar[str] = "gaussian-dropout"
    reference: ClassVar[str] = (
        "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, "
        "Dropout: a simple way to prevent neural networks from overfitting, JMLR 15, §10"
    )

    def hidden(
        self, h: Float[Array, "*heads rows units"], layer: str, own: Own, *, mask: Array, rng: Rng, train: bool
    ) -> Array:
        if not train or layer not in own.state.value:
            return h
        spread = jnp.sqrt(self.rate / (1.0 - self.rate))
        return h * (1.0 + spread * jax.random.normal(rng.key("noise", layer), h.shape, jnp.float32))


@technique
class AlphaDropout(_ValueNoise):
    """Dropout for networks with the activation ``selu``: values fall to selu's floor, and mean and variance stay.

    h ← a (h m + α′ (1 − m)) + b, m = 1 with probability 1 − p, else 0; α′ = −1.7581 is selu's value far below zero,
    a = ((1 − p)(1 + p α′²))^(−½), b = −a p α′; anew for every row and minibatch

    Args:
        rate: p in [0, 1), the share that is dropped, default 0.1.
        layers: ``hidden`` (default), ``last``, ``input``, ``all`` (input and hidden) or names joined by ``/``.

    Source: Klambauer et al. 2017; Keras's ``AlphaDropout``.
    """

    rate: float = strength(default=0.1, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.05, 0.4), log=False)
    layers: str = option(default="hidden")

    name: ClassVar[str] = "alpha-dropout"
    reference: ClassVar[str] = (
        "Klambauer, Unterthiner, Mayr and Hochreiter 2017, Self-normalizing neural networks, NeurIPS"
    )

    def hidden(
        self, h: Float[Array, "*heads rows units"], layer: str, own: Own, *, mask: Array, rng: Rng, train: bool
    ) -> Array:
        if not train or layer not in own.state.value:
            return h
        uniform = jax.random.uniform(rng.key("mask", layer), h.shape, jnp.float32)
        scale = 1.0 / jnp.sqrt((1.0 - self.rate) * (1.0 + self.rate * _SELU_FLOOR**2))
        return scale * jnp.where(uniform >= self.rate, h, _SELU_FLOOR) - scale * _SELU_FLOOR * self.rate


@technique
class GradientNoise(Technique):
    """Adds normal noise to every gradient, less and less in the course of training.

    g ← g + √(η / (1 + t)^γ) ε, ε ~ N(0, 1) by entry, t the number of updates before this one

    Args:
        eta: η ≥ 0, the variance at the first update, default 0.01; the paper takes 0.01, 0.3 or 1.
        gamma: γ ≥ 0, default 0.55, the paper's.

    Source: Neelakantan et al. 2015.
    """

    eta: float = strength(default=0.01, neutral=0.0, search=(0.01, 1.0))
    gamma: float = strength(default=0.55, neutral=0.55, search=(0.3, 1.0), log=False)

    name: ClassVar[str] = "gradient-noise"
    family: ClassVar[str] = "noise"
    reference: ClassVar[str] = (
        "Neelakantan, Vilnis, Le, Sutskever, Kaiser, Kurach and Martens 2015, Adding gradient noise improves learning "
        "for very deep networks, arXiv 1511.06807"
    )

    def gradients(self, grads: Params, own: Own, rng: Rng, *, step: Array) -> Params:
        stddev = jnp.sqrt(self.eta / jnp.power(jnp.asarray(step).astype(jnp.float32), self.gamma))
        leaves, structure = jax.tree.flatten(grads)
        ends = list(itertools.accumulate(leaf.size for leaf in leaves))
        # One draw compiles faster than many; without the barrier each of its parts would draw all of it again.
        noise = jax.lax.optimization_barrier(jax.random.normal(rng.key("noise"), (ends[-1],), jnp.float32))
        parts = [noise[end - g.size : end].reshape(g.shape) for g, end in zip(leaves, ends, strict=True)]
        return jax.tree.unflatten(structure, [g + stddev * part for g, part in zip(leaves, parts, strict=True)])

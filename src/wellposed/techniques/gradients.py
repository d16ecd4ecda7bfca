"""Clipping: gradients are bounded before the optimizer sees them."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Own, Params, Technique, strength, technique

__all__ = ["ClipGlobalNorm", "ClipNorm", "ClipValue", "global_norm"]


def global_norm(tree: Any) -> Float[Array, ""]:
    """√(Σ over all arrays of Σ g²)."""
    return jnp.sqrt(sum((jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)), jnp.float32(0.0)))


def _factor(norm: Array, limit: float) -> Array:
    """min(1, limit / norm), also at norm 0 and at an infinite limit."""
    return jnp.where(norm > limit, limit / norm, 1.0)


@technique
class ClipNorm(Technique):
    """Shortens the gradient of each variable (each kernel, each bias) to a largest length.

    g ← g · min(1, c / ‖g‖₂), for every variable by itself

    Args:
        limit: c > 0, default 1.

    Source: Pascanu et al. 2013, applied by variable as Keras's ``clipnorm`` does.
    """

    limit: float = strength(default=1.0, open_minimum=True, neutral=float("inf"), search=(0.1, 10.0))

    name: ClassVar[str] = "clip-norm"
    family: ClassVar[str] = "gradients"
    reference: ClassVar[str] = (
        "Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks, ICML"
    )
    cheap: ClassVar[bool] = True

    def gradients(self, grads: Params, own: Own, rng: Rng, *, step: Array) -> Params:
        return jax.tree.map(lambda g: g * _factor(global_norm(g), self.limit), grads)


@technique
class ClipValue(Technique):
    """Cuts every entry of the gradient off at a largest size.

    g ← min(max(g, −c), c), by entry

    Args:
        limit: c > 0, default 1.

    Source: Mikolov 2012; Keras's ``clipvalue``.
    """

    limit: float = strength(default=1.0, open_minimum=True, neutral=float("inf"), search=(0.1, 10.0))

    name: ClassVar[str] = "clip-value"
    family: ClassVar[str] = "gradients"
    reference: ClassVar[str] = (
        "Mikolov 2012, Statistical language models based on neural networks, PhD thesis, Brno University of Technology"
    )
    cheap: ClassVar[bool] = True

    def gradients(self, grads: Params, own: Own, rng: Rng, *, step: Array) -> Params:
        return jax.tree.map(lambda g: jnp.clip(g, -self.limit, self.limit), grads)


@technique
class ClipGlobalNorm(Technique):
    """Shortens the gradient of all variables together to a largest length; its direction stays.

    g ← g · min(1, c / √(Σ ‖g_v‖₂²)), the sum over all variables v

    Args:
        limit: c > 0, default 1.

    Source: Pascanu et al. 2013; Keras's ``global_clipnorm``.
    """

    limit: float = strength(default=1.0, open_minimum=True, neutral=float("inf"), search=(0.1, 10.0))

    name: ClassVar[str] = "clip-global-norm"
    family: ClassVar[str] = "gradients"
    reference: ClassVar[str] = (
        "Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks, ICML"
    )
    cheap: ClassVar[bool] = True

    def gradients(self, grads: Params, own: Own, rng: Rng, *, step: Array) -> Params:
        factor = _factor(global_norm(grads), self.limit)
        return jax.tree.map(lambda g: g * factor, grads)

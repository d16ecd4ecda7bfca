"""Weight normalization: the length of each unit's weights and their direction are trained apart."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Context, Own, Params, Static, option, technique
from wellposed.techniques.places import Placed

__all__ = ["WeightNorm"]


@technique
class WeightNorm(Placed):
    """Trains the length and the direction of each unit's incoming weights apart.

    w_u = g_u v_u / ‖v_u‖₂ for each unit u (a column of the kernel); the optimizer trains g and v

    Training starts at the baseline's own weights: v is the kernel as initialized and g its columns' lengths (the
    paper's initialization from a first minibatch is left out). The network is saved with w. Penalties, decay and
    constraints would act on v, whose length has no meaning, and averages would leave out g: they are refused beside it.

    Args:
        layers: kernels of ``all`` layers (default), ``hidden``, ``last`` or names joined by ``/``.

    Source: Salimans and Kingma 2016.
    """

    layers: str = option(default="all")

    name: ClassVar[str] = "weight-norm"
    decides: ClassVar[tuple[str, ...]] = ("how long a unit's weights are",)
    takes: ClassVar[tuple[str, ...]] = (
        "lengths of the trained weights",
        "averages of the weights",
    )  # it trains lengths apart
    family: ClassVar[str] = "normalization"
    reference: ClassVar[str] = (
        "Salimans and Kingma 2016, Weight normalization: a simple reparameterization to accelerate training of deep "
        "neural networks, NeurIPS"
    )
    order: ClassVar[int] = -10  # its weights come before those that others drop or gate

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        chosen = self.chosen(self.candidates(context), self.layers)
        lengths: dict[str, dict[str, Array]] = {}
        for block in chosen:
            lengths[block] = {
                layer: _lengths(leaves["kernel"]) for layer, leaves in params[block].items() if "kernel" in leaves
            }
        return Own(params=lengths, state=Static(chosen))

    def weights(self, params: Params, own: Own, rng: Rng, *, train: bool) -> Params:
        changed: dict[str, Any] = {block: dict(layers) for block, layers in params.items()}
        for block, layers in own.params.items():
            for layer, length in layers.items():
                leaves = params[block][layer]
                changed[block][layer] = {**leaves, "kernel": leaves["kernel"] * _ratio(length, leaves["kernel"])}
        return changed


def _lengths(kernel: Float[Array, "*heads inputs units"]) -> Float[Array, "*heads one units"]:
    return jnp.sqrt(jnp.sum(jnp.square(kernel), -2, keepdims=True))


def _ratio(
    length: Float[Array, "*heads one units"], kernel: Float[Array, "*heads inputs units"]
) -> Float[Array, "*heads one units"]:
    """g / ‖v‖; 0 where v is zero, with a gradient of zero."""
    square = jnp.sum(jnp.square(kernel), -2, keepdims=True)
    return jnp.where(square > 0.0, length / jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)

"""L0 regularization: gates that learn which inputs, units or weights to do without."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.network.randomness import Rng
from wellposed.techniques.base import Context, Own, Params, Static, option, strength, technique
from wellposed.techniques.groups import groupings
from wellposed.techniques.places import Placed

__all__ = ["L0"]

# The hard concrete distribution's constants, as in the paper's experiments.
_BETA, _GAMMA, _ZETA = 2.0 / 3.0, -0.1, 1.1
_SHUT_AT_THE_START = 0.2


@technique
class L0(Placed):
    """Counts what the network uses, with gates that are trained beside the weights; shut gates are exact zeros.

    loss ← loss + λ Σ_g P(z_g > 0) = loss + λ Σ_g σ(log α_g − β log(−γ/ζ)), W ← z · W in the forward pass

    In training z = min(1, max(0, s (ζ − γ) + γ)), s = σ((log u − log(1 − u) + log α) / β), u uniform for every gate
    and minibatch; in inference z = min(1, max(0, σ(log α)(ζ − γ) + γ)), and the network is saved with z · W. β = 2/3,
    γ = −0.1, ζ = 1.1. The optimizer trains log α like a weight, from log 4: gates begin open with probability 0.95.
    The paper counts a gate by the number of its weights, and divides λ by the number of training rows.

    Args:
        weight: λ ≥ 0, default 1e-3, for every expected open gate.
        on: a gate for each of the ``inputs`` of a layer (default; a source column's one-hot columns share one),
            ``units`` of hidden layers, or ``weights``.
        layers: kernels of ``all`` layers (default; units: all hidden ones), ``hidden``, ``last`` or names joined by
            ``/``; ``hidden1`` with ``inputs`` selects features.

    Source: Louizos et al. 2018.
    """

    weight: float = strength(default=1e-3, search=(1e-5, 1e-2))  # not neutral at 0: gates are still drawn
    on: str = option(default="inputs", choices=("inputs", "units", "weights"))
    layers: str = option(default="all")

    name: ClassVar[str] = "l0"
    takes: ClassVar[tuple[str, ...]] = ("averages of the weights",)  # gates are trained apart
    family: ClassVar[str] = "penalty"
    reference: ClassVar[str] = (
        "Louizos, Welling and Kingma 2018, Learning sparse neural networks through L0 regularization, ICLR"
    )

    def candidates(self, context: Context) -> tuple[str, ...]:
        if self.on == "units":
            return tuple(name for name in context.layers if name.startswith("hidden"))
        return super().candidates(context)

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        grouped = groupings(params, self.on, self.chosen(self.candidates(context), self.layers), context)
        start = math.log((1.0 - _SHUT_AT_THE_START) / _SHUT_AT_THE_START)
        gates: dict[str, dict[str, Array]] = {}
        for block, layer, grouping in grouped:
            gates.setdefault(block, {})[layer] = jnp.full(grouping.shape, start, jnp.float32)
        return Own(params=gates, state=Static(grouped))

    def weights(self, params: Params, own: Own, rng: Rng, *, train: bool) -> Params:
        gated = {block: dict(layers) for block, layers in params.items()}
        for block, layer, grouping in own.state.value:
            log_alpha, leaves = own.params[block][layer], params[block][layer]
            gate = _drawn(log_alpha, rng.key("gate", f"{block}.{layer}")) if train else _stretched(log_alpha)
            gated[block][layer] = {**leaves, "kernel": leaves["kernel"] * grouping.spread(gate)}
        return gated

    def penalty(self, params: Params, own: Own, hidden: Mapping[str, Array], mask: Array) -> Float[Array, ""]:
        shift = _BETA * math.log(-_GAMMA / _ZETA)
        opened = [jnp.sum(jax.nn.sigmoid(alpha - shift)) for alpha in jax.tree.leaves(own.params)]
        return self.weight * sum(opened, jnp.float32(0.0))


def _drawn(log_alpha: Float[Array, "*groups"], key: PRNGKeyArray) -> Float[Array, "*groups"]:
    """A gate of every group at random, by the hard concrete distribution."""
    uniform = jax.random.uniform(key, log_alpha.shape, jnp.float32, minval=1e-6, maxval=1.0 - 1e-6)
    return _stretched((jnp.log(uniform) - jnp.log1p(-uniform) + log_alpha) / _BETA)


def _stretched(logit: Float[Array, "*groups"]) -> Float[Array, "*groups"]:
    """A sigmoid, stretched beyond 0 and 1 and cut off there: both ends are reached."""
    return jnp.clip(jax.nn.sigmoid(logit) * (_ZETA - _GAMMA) + _GAMMA, 0.0, 1.0)

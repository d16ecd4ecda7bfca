"""The group lasso: whole features or units are set to zero."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.techniques.base import Context, Own, Params, Static, option, strength, technique
from wellposed.techniques.groups import Grouping, groupings, map_grouped
from wellposed.techniques.places import Placed

__all__ = ["GroupLasso"]

# A third would add less than 0.3 % of the shrinkage, and nothing at the end of training; it costs half a step.
_NEWTON_STEPS = 2
_TINY = 1e-30


@technique
class GroupLasso(Placed):
    """Shrinks groups of weights as a whole after each update; a group that is worth too little becomes exactly zero.

    Minimizes loss + λ Σ_g √|g| ‖w_g‖₂ by proximal steps:
    w_g ← argmin_w ½ Σᵢ (wᵢ − vᵢ)² / (η Dᵢ) + λ √|g| ‖w‖₂, v the weights after the optimizer's update of group g, |g|
    its size, η the learning rate, D the optimizer's preconditioner (1 for SGD: w_g ← v_g max(0, 1 − ηλ√|g| / ‖v_g‖₂))

    ``inputs``: a group is all that leaves one source column (its one-hot columns together), or one unit of the layer
    before; that column or unit is then unused. ``units``: all that enters one hidden unit, which is then a constant.
    Biases stay free. With an adaptive optimizer the step is solved by Newton's method, so that its end is the same.

    Args:
        weight: λ ≥ 0, default 1e-3.
        on: ``inputs`` (default) or ``units``.
        layers: kernels of ``all`` layers (default; units: all hidden ones), ``hidden``, ``last`` or names joined by
            ``/``; ``hidden1`` with ``inputs`` selects features.

    Source: Scardapane et al. 2017; Yuan and Lin 2006; the proximal step as in Parikh and Boyd 2014, §6.5.4.
    """

    weight: float = strength(default=1e-3, neutral=0.0, search=(1e-5, 1e-1))
    on: str = option(default="inputs", choices=("inputs", "units"))
    layers: str = option(default="all")

    name: ClassVar[str] = "group-lasso"
    family: ClassVar[str] = "penalty"
    reference: ClassVar[str] = (
        "Scardapane, Comminiello, Hussain and Uncini 2017, Group sparse regularization for deep neural networks, "
        "Neurocomputing 241; Yuan and Lin 2006, Model selection and estimation in regression with grouped variables, "
        "J. R. Stat. Soc. B 68(1)"
    )
    order: ClassVar[int] = 10

    def requires(self) -> frozenset[str]:
        return frozenset({"lengths of the trained weights"})

    def candidates(self, context: Context) -> tuple[str, ...]:
        if self.on == "units":  # an output without incoming weights predicts a constant: nothing is gained
            return tuple(name for name in context.layers if name.startswith("hidden"))
        return super().candidates(context)

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        chosen = self.chosen(self.candidates(context), self.layers)
        return Own(state=Static(groupings(params, self.on, chosen, context)))

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        def shrunk(grouping: Grouping, kernel: Array, scale: Array) -> Array:
            return _proximal(grouping, kernel, lr * self.weight * grouping.spread(jnp.sqrt(grouping.sizes)) * scale)

        return map_grouped(shrunk, own.state.value, new, preconditioner), own.state


def _proximal(
    grouping: Grouping, v: Float[Array, "*heads inputs units"], threshold: Float[Array, "*heads inputs units"]
) -> Float[Array, "*heads inputs units"]:
    """argmin_w Σ_g ½ Σᵢ (wᵢ − vᵢ)² / tᵢ + ‖w_g‖, t the thresholds: wᵢ = vᵢ r / (r + tᵢ), r = ‖w_g‖.

    r solves Σᵢ vᵢ² / (r + tᵢ)² = 1, written as 1 / √Σ = 1: concave in r, and a straight line where all t are equal. So
    Newton's steps from ‖v_g‖ come from below after the first one, and a group whose r isn't positive is zero: from 0,
    the second step goes up only if Σᵢ vᵢ² / tᵢ² > 1.
    """
    threshold = threshold + _TINY
    length = jnp.sqrt(grouping.sum(jnp.square(v)))
    for _ in range(_NEWTON_STEPS):
        inverse = 1.0 / (grouping.spread(length) + threshold)
        parts = jnp.square(v * inverse)
        second, third = grouping.sum(parts), grouping.sum(parts * inverse)
        length = jnp.maximum(length + second * (jnp.sqrt(second) - 1.0) / jnp.maximum(third, _TINY), 0.0)
    spread = grouping.spread(length)
    return v * (spread / (spread + threshold))

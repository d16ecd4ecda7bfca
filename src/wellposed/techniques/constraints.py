"""Decay and constraints: changes of the weights after the optimizer's update."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.techniques.base import Own, Params, Technique, map_kernels, option, strength, technique
from wellposed.techniques.places import Placed

__all__ = ["MaxNorm", "WeightDecay"]


@technique
class WeightDecay(Technique):
    """Shrinks the weights a little at every update, apart from the gradient (decoupled, as in AdamW).

    w ← w + update − η λ w, η the learning rate of this step, its schedule included

    Loshchilov and Hutter multiply λ by the schedule alone; Keras, PyTorch and this class by the learning rate.

    Args:
        rate: λ ≥ 0, default 0.01.
        on: ``kernel`` (default) or ``all`` (biases and normalization's parameters too, as Keras's AdamW does).

    Source: Loshchilov and Hutter 2019.
    """

    rate: float = strength(default=1e-2, neutral=0.0, search=(1e-6, 1e-1))
    on: str = option(default="kernel", choices=("kernel", "all"))

    name: ClassVar[str] = "weight-decay"
    family: ClassVar[str] = "decay"
    reference: ClassVar[str] = "Loshchilov and Hutter 2019, Decoupled weight decay regularization, ICLR"
    cheap: ClassVar[bool] = True

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        def decayed(new: Array, old: Array) -> Array:
            return new - lr * self.rate * old

        if self.on == "all":
            return jax.tree.map(decayed, new, old), own.state
        return map_kernels(decayed, tuple(new), new, old), own.state


@technique
class MaxNorm(Placed):
    """Keeps the incoming weights of every unit within a ball, by projection after each update.

    w_u ← w_u · min(1, c / ‖w_u‖₂) for each unit u (a column of the kernel)

    Keras divides by ‖w‖ + 1e-7 and so shrinks weights within the ball too; here they stay as they are.

    Args:
        limit: c > 0, default 3.
        layers: kernels of ``all`` layers (default), ``hidden``, ``last`` or names joined by ``/``.

    Source: Srivastava et al. 2014, §5.1; Keras's ``MaxNorm`` with ``axis=0``.
    """

    limit: float = strength(default=3.0, open_minimum=True, neutral=float("inf"), search=(1.0, 4.0), log=False)
    layers: str = option(default="all")

    name: ClassVar[str] = "max-norm"
    family: ClassVar[str] = "constraint"
    reference: ClassVar[str] = (
        "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, "
        "Dropout: a simple way to prevent neural networks from overfitting, JMLR 15, §5.1"
    )
    cheap: ClassVar[bool] = True
    order: ClassVar[int] = 20

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        def projected(w: Float[Array, "*heads inputs units"]) -> Array:
            norm = jnp.sqrt(jnp.sum(jnp.square(w), axis=-2, keepdims=True))
            return jnp.where(norm > self.limit, w * (self.limit / norm), w)

        return map_kernels(projected, own.state.value, new), own.state

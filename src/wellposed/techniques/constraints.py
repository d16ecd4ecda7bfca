"""Decay and constraints: changes of the weights after the optimizer's update."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.errors import TechniqueError
from wellposed.techniques.base import Own, Params, Technique, map_kernels, option, strength, technique
from wellposed.techniques.places import Placed
from wellposed.training.schedules import FlatCosine

__all__ = ["MaxNorm", "MinMaxNorm", "NonNegative", "UnitNorm", "WeightDecay"]


@technique
class WeightDecay(Technique):
    """Shrinks the weights a little at every update, apart from the gradient (decoupled, as in AdamW).

    w ← w + update − η λ s(t) w, η the learning rate of this step, its schedule included

    Loshchilov and Hutter multiply λ by the schedule alone; Keras, PyTorch and this class by the learning rate. s(t) is
    1, or with ``schedule="flat-cosine"`` 1 in the first half of training and ½ (1 + cos π(2t − 1)) in the second, t
    from 0 to 1. ``cautious`` decays only entries that the update moves towards zero: those with w · update ≤ 0.

    Args:
        rate: λ ≥ 0, default 0.01.
        on: ``kernel`` (default) or ``all`` (biases and normalization's parameters too, as Keras's AdamW does).
        schedule: ``constant`` (default) or ``flat-cosine``.
        cautious: decay only where update and decay agree, default false.

    Source: Loshchilov and Hutter 2019; cautious: Chen et al. 2025; flat-cosine: RealMLP's (Holzmüller et al. 2024).
    """

    rate: float = strength(default=1e-2, neutral=0.0, search=(1e-6, 1e-1))
    on: str = option(default="kernel", choices=("kernel", "all"))
    schedule: str = option(default="constant", choices=("constant", "flat-cosine"))
    cautious: bool = option(default=False)

    name: ClassVar[str] = "weight-decay"
    family: ClassVar[str] = "decay"
    reference: ClassVar[str] = (
        "Loshchilov and Hutter 2019, Decoupled weight decay regularization, ICLR; "
        "Chen, Li, Liang, Su, Xie, Pierse, Liang, Lao and Liu 2025, Cautious weight decay, arXiv 2510.12402"
    )
    cheap: ClassVar[bool] = True

    def requires(self) -> frozenset[str]:
        return frozenset({"lengths of the trained weights"})

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        factor = lr * self.rate
        if self.schedule == "flat-cosine":
            factor = factor * FlatCosine(0.5).factor(jnp.asarray(step) - 1, total)

        def decayed(new: Array, old: Array) -> Array:
            return jnp.where((new - old) * old <= 0.0, new - factor * old, new) if self.cautious else new - factor * old

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
    decides: ClassVar[tuple[str, ...]] = ("how long a unit's weights are",)
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
            norm = _unit_norms(w)
            return jnp.where(norm > self.limit, w * (self.limit / norm), w)

        return map_kernels(projected, own.state.value, new), own.state


@technique
class UnitNorm(Placed):
    """Keeps the incoming weights of every unit on a sphere: after each update their length is one.

    w_u ← w_u / ‖w_u‖₂ for each unit u (a column of the kernel); a column of zeros stays

    Keras divides by ‖w‖ + 1e-7.

    Args:
        layers: kernels of ``hidden`` layers (default), ``last``, ``all`` or names joined by ``/``.

    Source: Keras's ``UnitNorm`` with ``axis=0``; compare Salimans and Kingma 2016, which also trains the length.
    """

    layers: str = option(default="hidden")

    name: ClassVar[str] = "unit-norm"
    decides: ClassVar[tuple[str, ...]] = ("how long a unit's weights are",)
    family: ClassVar[str] = "constraint"
    reference: ClassVar[str] = "Keras, keras.constraints.UnitNorm"
    order: ClassVar[int] = 20

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        return map_kernels(lambda w: w / _nonzero(_unit_norms(w)), own.state.value, new), own.state


@technique
class NonNegative(Placed):
    """Keeps weights from becoming negative: after each update those below zero are set to zero.

    w ← max(w, 0) by entry, for kernels; biases stay free

    A network with non-negative kernels beyond its first layer, and increasing activations, is increasing in each unit
    of the first layer.

    Args:
        layers: kernels of ``hidden`` layers (default), ``last``, ``all`` or names joined by ``/``.

    Source: Chorowski and Zurada 2015; Keras's ``NonNeg``.
    """

    layers: str = option(default="hidden")

    name: ClassVar[str] = "non-negative"
    family: ClassVar[str] = "constraint"
    reference: ClassVar[str] = (
        "Chorowski and Zurada 2015, Learning understandable neural networks with nonnegative weight constraints, "
        "IEEE Trans. Neural Netw. Learn. Syst. 26(1)"
    )
    order: ClassVar[int] = 19  # before norms: clipping shortens columns

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        return map_kernels(lambda w: jnp.maximum(w, 0.0), own.state.value, new), own.state


@technique
class MinMaxNorm(Placed):
    """Pulls the length of every unit's incoming weights into an interval after each update.

    w_u ← w_u · (ρ n′ + (1 − ρ) n) / n, n = ‖w_u‖₂, n′ = min(max(n, a), b), for each unit u (a column of the kernel)

    Columns within the interval, and columns of zeros, stay as they are; Keras divides by n + 1e-7.

    Args:
        minimum: a ≥ 0, default 0.5.
        maximum: b > 0, at least a, default 2.
        rate: ρ in [0, 1], how far a column goes at each update, default 1; 0 does nothing.
        layers: kernels of ``all`` layers (default), ``hidden``, ``last`` or names joined by ``/``.

    Raises:
        TechniqueError: minimum above maximum.

    Source: Keras's ``MinMaxNorm`` with ``axis=0``.
    """

    minimum: float = strength(default=0.5, neutral=0.0, search=(0.0, 1.0), log=False)
    maximum: float = strength(default=2.0, open_minimum=True, neutral=float("inf"), search=(1.0, 4.0), log=False)
    rate: float = strength(default=1.0, maximum=1.0, neutral=0.0, search=(0.1, 1.0), log=False)
    layers: str = option(default="all")

    name: ClassVar[str] = "min-max-norm"
    decides: ClassVar[tuple[str, ...]] = ("how long a unit's weights are",)
    family: ClassVar[str] = "constraint"
    reference: ClassVar[str] = "Keras, keras.constraints.MinMaxNorm"
    cheap: ClassVar[bool] = True
    order: ClassVar[int] = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minimum > self.maximum:
            got = f"{self.minimum:g} and {self.maximum:g}"
            raise TechniqueError("MinMaxNorm: minimum must not be above maximum", got, "Swap them.")

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        def pulled(w: Float[Array, "*heads inputs units"]) -> Array:
            norm = _unit_norms(w)
            wanted = jnp.clip(norm, self.minimum, self.maximum)
            return w * (1.0 + self.rate * (wanted - norm) / _nonzero(norm))

        return map_kernels(pulled, own.state.value, new), own.state


def _unit_norms(w: Float[Array, "*heads inputs units"]) -> Float[Array, "*heads one units"]:
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=-2, keepdims=True))


def _nonzero(norm: Array) -> Array:
    return jnp.where(norm > 0.0, norm, 1.0)

"""Penalties: terms added to the loss that grow with weights or activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.techniques.base import Context, Own, Params, kernels, map_kernels, option, strength, technique
from wellposed.techniques.places import Placed

__all__ = ["L1", "L2", "ElasticNet", "ProximalL1"]

_ON = ("kernel", "bias", "activity")


class _Penalty(Placed):
    """A sum over kernels, biases or activations; Keras's conventions."""

    family = "penalty"
    cheap = True
    on: str

    def candidates(self, context: Context) -> tuple[str, ...]:
        if self.on == "activity":  # the output layer's values are the predictions: the loss judges those
            return tuple(name for name in context.layers if name.startswith("hidden"))
        return super().candidates(context)

    def _sum(
        self, function: Callable[[Array], Array], params: Params, own: Own, hidden: Mapping[str, Array], mask: Array
    ) -> Array:
        """The sum over what ``on`` and ``layers`` choose; for activations divided by real rows (and heads)."""
        total = jnp.float32(0.0)
        names = own.state.value
        if self.on != "activity":
            return sum((jnp.sum(function(leaf)) for leaf in kernels(params, names, self.on)), total)
        for name in names:
            h = hidden[name]
            heads = h.size // (h.shape[-2] * h.shape[-1])
            total = total + jnp.sum(function(h) * mask[:, None]) / (jnp.sum(mask) * heads)
        return total


@technique
class L1(_Penalty):
    """Adds the absolute size of the weights to the loss, which drives many of them towards zero.

    loss ← loss + λ Σ|w|

    Under a gradient method weights become small but seldom exactly zero; `ProximalL1` makes exact zeros.
    ``on="activity"`` sums over hidden values and divides by the rows of the minibatch.

    Args:
        l1: λ ≥ 0, default 1e-4.
        on: ``kernel`` (default), ``bias`` or ``activity``.
        layers: ``all`` (default; activity: all hidden ones), ``hidden``, ``last`` or names joined by ``/``.

    Source: Tibshirani 1996; Keras's ``L1``.
    """

    l1: float = strength(default=1e-4, neutral=0.0, search=(1e-7, 1e-1))
    on: str = option(default="kernel", choices=_ON)
    layers: str = option(default="all")

    name: ClassVar[str] = "l1"
    reference: ClassVar[str] = (
        "Tibshirani 1996, Regression shrinkage and selection via the lasso, J. R. Stat. Soc. B 58(1); "
        "Ng 2004, Feature selection, L1 vs. L2 regularization, and rotational invariance, ICML"
    )

    def penalty(self, params: Params, own: Own, hidden: Mapping[str, Array], mask: Array) -> Float[Array, ""]:
        return self.l1 * self._sum(jnp.abs, params, own, hidden, mask)


@technique
class L2(_Penalty):
    """Adds the squared size of the weights to the loss, which keeps all of them small.

    loss ← loss + λ Σw²   (no factor ½, as in Keras)

    With Adam this is not weight decay: the gradient 2λw is rescaled like any other (see `WeightDecay`).

    Args:
        l2: λ ≥ 0, default 1e-3.
        on: ``kernel`` (default), ``bias`` or ``activity``.
        layers: ``all`` (default; activity: all hidden ones), ``hidden``, ``last`` or names joined by ``/``.

    Source: Hoerl and Kennard 1970; Krogh and Hertz 1992; Keras's ``L2``.
    """

    l2: float = strength(default=1e-3, neutral=0.0, search=(1e-7, 1e-1))
    on: str = option(default="kernel", choices=_ON)
    layers: str = option(default="all")

    name: ClassVar[str] = "l2"
    reference: ClassVar[str] = (
        "Hoerl and Kennard 1970, Ridge regression: biased estimation for nonorthogonal problems, Technometrics 12(1); "
        "Krogh and Hertz 1992, A simple weight decay can improve generalization, NeurIPS 4"
    )

    def penalty(self, params: Params, own: Own, hidden: Mapping[str, Array], mask: Array) -> Float[Array, ""]:
        return self.l2 * self._sum(jnp.square, params, own, hidden, mask)


@technique
class ElasticNet(_Penalty):
    """Adds both the absolute and the squared size of the weights to the loss.

    loss ← loss + λ₁ Σ|w| + λ₂ Σw²

    Args:
        l1: λ₁ ≥ 0, default 1e-4.
        l2: λ₂ ≥ 0, default 1e-3.
        on: ``kernel`` (default), ``bias`` or ``activity``.
        layers: ``all`` (default; activity: all hidden ones), ``hidden``, ``last`` or names joined by ``/``.

    Source: Zou and Hastie 2005; Keras's ``L1L2``.
    """

    l1: float = strength(default=1e-4, neutral=0.0, search=(1e-7, 1e-1))
    l2: float = strength(default=1e-3, neutral=0.0, search=(1e-7, 1e-1))
    on: str = option(default="kernel", choices=_ON)
    layers: str = option(default="all")

    name: ClassVar[str] = "elastic-net"
    cheap: ClassVar[bool] = False  # L1 and L2 side by side already stand for it
    reference: ClassVar[str] = (
        "Zou and Hastie 2005, Regularization and variable selection via the elastic net, J. R. Stat. Soc. B 67(2)"
    )

    def penalty(self, params: Params, own: Own, hidden: Mapping[str, Array], mask: Array) -> Float[Array, ""]:
        absolute = self._sum(jnp.abs, params, own, hidden, mask)
        return self.l1 * absolute + self.l2 * self._sum(jnp.square, params, own, hidden, mask)


@technique
class ProximalL1(Placed):
    """Shrinks every weight by a threshold after each update; what falls below it becomes exactly zero.

    w ← sign(w) · max(|w| − η D λ, 0), η the learning rate, D the optimizer's preconditioner (1 for SGD)

    It minimizes the same objective as `L1`: the loss's gradient first, then the proximal step of λΣ|w| in the metric
    of the optimizer.

    Args:
        l1: λ ≥ 0, default 1e-4.
        layers: kernels of ``all`` layers (default), ``hidden``, ``last`` or names joined by ``/``.

    Source: Parikh and Boyd 2014, §4.2 (proximal gradient) and §6.5.2 (soft threshold).
    """

    l1: float = strength(default=1e-4, neutral=0.0, search=(1e-7, 1e-2))
    layers: str = option(default="all")

    name: ClassVar[str] = "proximal-l1"
    family: ClassVar[str] = "penalty"
    reference: ClassVar[str] = "Parikh and Boyd 2014, Proximal algorithms, Foundations and Trends in Optimization 1(3)"
    cheap: ClassVar[bool] = True
    order: ClassVar[int] = 10

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        def shrunk(w: Array, scale: Array) -> Array:
            return jnp.sign(w) * jnp.maximum(jnp.abs(w) - lr * self.l1 * scale, 0.0)

        return map_kernels(shrunk, own.state.value, new, preconditioner), own.state

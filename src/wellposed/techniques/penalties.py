"""Penalties: terms added to the loss that grow with weights or activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.techniques.base import Context, Own, Params, kernels, map_kernels, option, strength, technique
from wellposed.techniques.places import Placed

__all__ = ["L1", "L2", "ElasticNet", "Orthogonal", "ProximalL1"]

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

    def requires(self) -> frozenset[str]:
        return frozenset({"lengths of the trained weights"} if self.on == "kernel" else ())

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

    def requires(self) -> frozenset[str]:
        return frozenset({"lengths of the trained weights"})

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        def shrunk(w: Array, scale: Array) -> Array:
            return jnp.sign(w) * jnp.maximum(jnp.abs(w) - lr * self.l1 * scale, 0.0)

        return map_kernels(shrunk, own.state.value, new, preconditioner), own.state


@technique
class Orthogonal(Placed):
    """Penalizes kernels whose units overlap, so that they look at different directions of their inputs.

    loss ← loss + λ Σ ‖WᵀW − I‖², the sum of squares over the Gram matrix of the kernel's units, for every kernel W

    A kernel with more units than inputs can't have orthogonal units: there W is transposed, which changes the penalty
    by a constant and its gradient not at all. The two forms with ``cosine`` are Keras's instead: λ times the mean of
    |cosine| over pairs of units (of inputs), which leaves lengths free; Keras calls them ``columns`` and ``rows``.

    Args:
        weight: λ ≥ 0, default 1e-3.
        layers: kernels of ``hidden`` layers (default), ``last``, ``all`` or names joined by ``/``.
        form: ``frobenius`` (default), ``cosine-units`` or ``cosine-inputs``.

    Source: Bansal, Chen and Wang 2018, "soft orthogonality" (Brock et al. 2017 sum |WᵀW − I|); Keras's
        ``OrthogonalRegularizer``.
    """

    weight: float = strength(default=1e-3, neutral=0.0, search=(1e-5, 1e-2))
    layers: str = option(default="hidden")
    form: str = option(default="frobenius", choices=("frobenius", "cosine-units", "cosine-inputs"))

    name: ClassVar[str] = "orthogonal"
    family: ClassVar[str] = "penalty"
    reference: ClassVar[str] = (
        "Bansal, Chen and Wang 2018, Can we gain more from orthogonality regularizations in training deep networks?, "
        "NeurIPS; Brock, Lim, Ritchie and Weston 2017, Neural photo editing with introspective adversarial networks, "
        "ICLR"
    )

    def requires(self) -> frozenset[str]:
        return frozenset(
            {"lengths of the trained weights"} if self.form == "frobenius" else ()
        )  # cosines know no length

    def penalty(self, params: Params, own: Own, hidden: Mapping[str, Array], mask: Array) -> Float[Array, ""]:
        measure = _overlap if self.form == "frobenius" else _cosines
        total = jnp.float32(0.0)
        for kernel in kernels(params, own.state.value):
            inputs, units = kernel.shape[-2:]
            of_units = self.form == "cosine-units" or (self.form == "frobenius" and units <= inputs)
            total = total + measure(kernel if of_units else jnp.swapaxes(kernel, -1, -2))
        return self.weight * total


def _overlap(w: Float[Array, "*heads entries vectors"]) -> Float[Array, ""]:
    gram = jnp.swapaxes(w, -1, -2) @ w
    return jnp.sum(jnp.square(gram - jnp.eye(w.shape[-1], dtype=w.dtype)))


def _cosines(w: Float[Array, "*heads entries vectors"]) -> Float[Array, ""]:
    """The mean |cosine| over pairs of vectors; vectors of zeros are at right angles to all others."""
    vectors = w.shape[-1]
    if vectors < 2:
        return jnp.float32(0.0)
    unit = w * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(w), -2, keepdims=True), 1e-14))
    gram = jnp.swapaxes(unit, -1, -2) @ unit
    others = 1.0 - jnp.eye(vectors, dtype=w.dtype)
    return jnp.sum(jnp.abs(gram) * others) / (vectors * (vectors - 1.0))

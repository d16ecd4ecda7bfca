"""Capacity: the network is made just large enough, or what it doesn't need is taken away."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from wellposed.errors import TechniqueError
from wellposed.network.initializers import Scaled
from wellposed.network.layers import Block, Dense
from wellposed.network.mlp import Network
from wellposed.techniques.base import Context, Own, Params, Technique, map_kernels, option, strength, technique
from wellposed.techniques.places import Placed

__all__ = ["Depth", "InitialScale", "MagnitudePruning", "Width"]


@technique
class Width(Technique):
    """Makes every hidden layer narrower or wider.

    units ← max(1, round(f · units))

    Args:
        factor: f in [1/64, 64], default 0.5.

    Source: Baum and Haussler 1989 (few weights for few rows).
    """

    factor: float = option(default=0.5)

    name: ClassVar[str] = "width"
    family: ClassVar[str] = "capacity"
    reference: ClassVar[str] = (
        "Baum and Haussler 1989, What size net gives valid generalization?, Neural Computation 1(1)"
    )
    order: ClassVar[int] = -20  # shortcuts and copies are laid around the layers that it leaves

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.factor, (int, float)) and 1 / 64 <= self.factor <= 64):
            raise TechniqueError(
                "Width: factor must be a number in [1/64, 64]", self.factor, "0.5 halves every hidden layer."
            )

    def check(self, context: Context) -> None:
        if len(context.layers) < 3:
            raise TechniqueError("Width: the network has no hidden layer", len(context.layers) - 2, "Leave it out.")

    def network(self, spec: Network) -> Network:
        blocks = [self._resized(block) for block in spec.blocks[:-1]]
        return dataclasses.replace(spec, blocks=(*blocks, spec.blocks[-1]))

    def _resized(self, block: Block) -> Block:
        def resized(layer: Any) -> Any:
            if not isinstance(layer, Dense):
                return layer
            return dataclasses.replace(layer, units=max(1, round(self.factor * layer.units)))

        return dataclasses.replace(block, layers=tuple((name, resized(layer)) for name, layer in block.layers))


@technique
class Depth(Technique):
    """Gives the network fewer or more hidden layers: the first ones stay, further ones are like the last.

    hidden layers ← F₁, …, F_n; F_i like the network's last one where it has fewer than i

    Args:
        layers: n, from 1 to 64, default 1.

    Raises:
        TechniqueError: the network has no hidden layer to repeat.

    Source: Baum and Haussler 1989 (few weights for few rows).
    """

    layers: int = option(default=1)

    name: ClassVar[str] = "depth"
    family: ClassVar[str] = "capacity"
    reference: ClassVar[str] = Width.reference
    order: ClassVar[int] = -20  # shortcuts and copies are laid around the layers that it leaves

    def __post_init__(self) -> None:
        if isinstance(self.layers, bool) or not isinstance(self.layers, int) or not 1 <= self.layers <= 64:
            raise TechniqueError("Depth: layers must be a whole number from 1 to 64", self.layers)
        super().__post_init__()

    def places(self, context: Context) -> frozenset[str]:
        return frozenset({""})  # ``layers`` is a number here

    def check(self, context: Context) -> None:
        Width.check(self, context)  # type: ignore[arg-type]

    def network(self, spec: Network) -> Network:
        hidden = list(spec.blocks[:-1][: self.layers])
        while len(hidden) < self.layers:
            hidden.append(dataclasses.replace(hidden[-1], name=f"hidden{len(hidden) + 1}"))
        return dataclasses.replace(spec, blocks=(*hidden, spec.blocks[-1]))


@technique
class InitialScale(Technique):
    """Starts from smaller or larger kernels.

    W₀ ← s W₀, for every kernel

    Args:
        scale: s in [0.01, 100], default 0.5.

    Source: Chizat et al. 2019 (small scales learn features, large ones stay near where they start).
    """

    scale: float = option(default=0.5)

    name: ClassVar[str] = "initial-scale"
    family: ClassVar[str] = "capacity"
    reference: ClassVar[str] = "Chizat, Oyallon and Bach 2019, On lazy training in differentiable programming, NeurIPS"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.scale, (int, float)) and 0.01 <= self.scale <= 100):
            raise TechniqueError(
                "InitialScale: scale must be a number in [0.01, 100]", self.scale, "1 changes nothing."
            )

    def network(self, spec: Network) -> Network:
        def scaled(layer: Any) -> Any:
            if not isinstance(layer, Dense):
                return layer
            return dataclasses.replace(layer, kernel_initializer=Scaled(layer.kernel_initializer, float(self.scale)))

        def inside(block: Block) -> Block:
            return dataclasses.replace(block, layers=tuple((name, scaled(layer)) for name, layer in block.layers))

        return dataclasses.replace(spec, blocks=tuple(inside(block) for block in spec.blocks))


@technique
class MagnitudePruning(Placed):
    """Removes the smallest weights, more and more of them in the course of training; removed weights stay zero.

    share of zeros s_t = s (1 − (1 − t)³), t from 0 at a tenth to 1 at three quarters of training

    The weights that are smallest in a kernel go first.

    Args:
        share: s in [0, 0.99], the final share of zeros in each kernel, default 0.5.
        layers: kernels of ``all`` layers (default), ``hidden``, ``last`` or names joined by ``/``.

    Source: Zhu and Gupta 2018, eq. 1.
    """

    share: float = strength(default=0.5, maximum=0.99, neutral=0.0, search=(0.2, 0.95), log=False)
    layers: str = option(default="all")

    name: ClassVar[str] = "magnitude-pruning"
    family: ClassVar[str] = "capacity"
    reference: ClassVar[str] = (
        "Zhu and Gupta 2018, To prune, or not to prune: exploring the efficacy of pruning for model compression, ICLR "
        "workshop"
    )
    order: ClassVar[int] = 20

    def requires(self) -> frozenset[str]:
        return frozenset({"lengths of the trained weights"})

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        progress = jnp.asarray(step).astype(jnp.float32) / jnp.asarray(total).astype(jnp.float32)
        t = jnp.clip((progress - 0.1) / 0.65, 0.0, 1.0)
        share = self.share * (1.0 - (1.0 - t) ** 3)

        def pruned(now: Array, before: Array) -> Array:
            removed = (before == 0.0) & (t > 0.0) & (self.share > 0.0)
            now = jnp.where(removed, 0.0, now)
            return jnp.where(_smallest(jnp.abs(now), share), 0.0, now)

        return map_kernels(pruned, own.state.value, new, old), own.state


def _smallest(size: Float[Array, ...], share: Array) -> Bool[Array, ...]:
    """The ``share`` of entries that are smallest, by bisection for the threshold; equal ones stay together."""
    wanted = jnp.floor(share * size.size)

    def halved(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        enough = jnp.sum((size < middle).astype(jnp.float32)) >= wanted
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    start = (jnp.zeros((), jnp.float32), 2.0 * jnp.max(size) + jnp.float32(1e-30))
    _, threshold = jax.lax.fori_loop(0, 30, halved, start)
    return (size < threshold) & (wanted > 0)

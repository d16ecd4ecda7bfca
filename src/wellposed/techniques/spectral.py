"""The spectral norm of kernels, found by power iteration and bounded after every update."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.network.randomness import Rng
from wellposed.techniques.base import Context, Own, Params, Static, option, strength, technique
from wellposed.techniques.places import Placed

__all__ = ["SpectralNorm"]

_AT_THE_START = 30  # power iterations; later ones start from the direction found before


@technique
class SpectralNorm(Placed):
    """Bounds how much a layer can stretch its inputs: the largest singular value of its kernel, after each update.

    W ← W / max(1, σ(W) / c), σ the largest singular value of the kernel

    σ comes from power iteration, u ← WᵀW u / ‖WᵀW u‖, σ = ‖W u‖, which goes on from the direction u of the update
    before; it is never above the true value, and falls short of it by little once weights move slowly. Miyato et al.
    always divide by σ, in the forward pass; this is the projection of Gouk et al.: weights within the bound stay, and
    the kernel that is saved is the projected one.

    Args:
        limit: c > 0, default 2.
        layers: kernels of ``all`` layers (default), ``hidden``, ``last`` or names joined by ``/``.
        iterations: of the power method at each update, at least 1, default 1.

    Source: Gouk et al. 2021, Algorithm 2 (p = 2); Miyato et al. 2018 (power iteration kept between updates).
    """

    limit: float = strength(default=2.0, open_minimum=True, neutral=float("inf"), search=(0.5, 5.0))
    layers: str = option(default="all")
    iterations: int = option(default=1)

    name: ClassVar[str] = "spectral-norm"
    decides: ClassVar[tuple[str, ...]] = ("how long a unit's weights are",)
    family: ClassVar[str] = "constraint"
    reference: ClassVar[str] = (
        "Gouk, Frank, Pfahringer and Cree 2021, Regularisation of neural networks by enforcing Lipschitz continuity, "
        "Machine Learning 110; Miyato, Kataoka, Koyama and Yoshida 2018, Spectral normalization for generative "
        "adversarial networks, ICLR"
    )
    cheap: ClassVar[bool] = True
    order: ClassVar[int] = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.iterations, int) and not isinstance(self.iterations, bool)
        if not (whole and 1 <= self.iterations <= 100):
            what = "SpectralNorm: iterations must be a whole number from 1 to 100"
            raise TechniqueError(what, self.iterations, "Usual is 1.")

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        chosen = self.chosen(self.candidates(context), self.layers)
        rng = Rng(key, "SpectralNorm")
        directions: dict[str, dict[str, Array]] = {}
        for block in chosen:
            directions[block] = {}
            for layer, leaves in params[block].items():
                if "kernel" in leaves:
                    kernel = leaves["kernel"]
                    shape = (*kernel.shape[:-2], kernel.shape[-1], 1)
                    start = jax.random.normal(rng.key(layer, block), shape, jnp.float32)
                    directions[block][layer] = _turned(kernel, start, _AT_THE_START)
        return Own(state=(Static(chosen), directions))

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        chosen, before = own.state
        after: dict[str, dict[str, Array]] = {}
        params = dict(new)
        for block, layers in before.items():
            after[block], params[block] = {}, dict(new[block])
            for layer, direction in layers.items():
                kernel = new[block][layer]["kernel"]
                direction = _turned(kernel, direction, self.iterations)
                sigma = jnp.sqrt(jnp.sum(jnp.square(kernel @ direction), axis=-2, keepdims=True))
                after[block][layer] = direction
                params[block][layer] = {**new[block][layer], "kernel": kernel / jnp.maximum(1.0, sigma / self.limit)}
        return params, (chosen, after)


def _turned(
    kernel: Float[Array, "*heads inputs units"], direction: Float[Array, "*heads units one"], count: int
) -> Float[Array, "*heads units one"]:
    """The direction after power iterations: nearer to the one that the kernel stretches most."""

    def iterated(_: Any, direction: Array) -> Array:
        longer = jnp.swapaxes(kernel, -1, -2) @ (kernel @ direction)
        norm = jnp.sqrt(jnp.sum(jnp.square(longer), axis=-2, keepdims=True))
        return jnp.where(norm > 0.0, longer / jnp.where(norm > 0.0, norm, 1.0), direction)

    if count == 1:
        return iterated(0, direction)
    return jax.lax.fori_loop(0, count, iterated, direction)

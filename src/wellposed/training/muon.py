"""Muon: momentum made orthogonal, for the kernels of hidden layers; all else goes Adam's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wellposed.errors import StudyError
from wellposed.training.adam import Adam
from wellposed.training.optimizer import Count, Params, Scalar, State, require_decay

__all__ = ["Muon", "orthogonalized"]

_QUINTIC = (3.4445, -4.7750, 2.0315)


@dataclass(frozen=True)
class Muon(Adam):
    """m ← μm + g; W ← W − lr·0.2·√max(n, k)·O(g + μm), O(M) ≈ UVᵀ for M = UΣVᵀ, kernels W [n, k] of hidden layers.

    All other parameters (output layer, biases, scales) take Adam's step; every parameter decays,
    w ← w − lr·weight_decay·w. O is ``ns_steps`` Newton–Schulz iterations of the fifth order. The factor makes steps as
    large as Adam's usually are, so that learning rates carry over. Of a Muon kernel D = 1.

    Args:
        beta_1, beta_2, epsilon: of Adam, for the other parameters.
        momentum: μ in [0, 1), default 0.95.
        nesterov: orthogonalize g + μm (default) or m.
        ns_steps: Newton–Schulz iterations, default 5.
        weight_decay: λ ≥ 0, default 0.004.

    Source: Jordan et al. 2024, "Muon"; the factor of Liu et al. 2025, "Muon is scalable for LLM training"; Keras's
    ``Muon`` with the output layer among its ``exclude_layers``.
    """

    momentum: float = 0.95
    nesterov: bool = True
    ns_steps: int = 5
    weight_decay: float = 0.004
    name: ClassVar[str] = "muon"
    entrywise: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_decay(self, "momentum")
        if self.ns_steps < 1:
            raise StudyError("Muon: ns_steps must be at least 1", self.ns_steps)
        if not self.weight_decay >= 0:
            raise StudyError("Muon: weight_decay must not be negative", self.weight_decay)

    def step(
        self, grads: Params, state: State, params: Params, *, learning_rate: Scalar, count: Count
    ) -> tuple[Params, Params, State]:
        lr = jnp.asarray(learning_rate, jnp.float32)
        updates, scaling, after = super().step(grads, state, params, learning_rate=lr, count=count)
        hidden = _hidden_kernels(params)

        def momentum(chosen: bool, m: Array, g: Array, adam: Array) -> Array:
            return self.momentum * m + g if chosen else adam

        def update(chosen: bool, w: Array, g: Array, m: Array, adam: Array) -> Array:
            decay = lr * self.weight_decay * w
            if not chosen:
                return adam - decay
            ahead = g + self.momentum * m if self.nesterov else m
            size = 0.2 * float(max(w.shape[-2:])) ** 0.5
            return -lr * size * orthogonalized(ahead, self.ns_steps) - decay

        moved = jax.tree.map(momentum, hidden, state["momentum"], grads, after["momentum"])
        updates = jax.tree.map(update, hidden, params, grads, moved, updates)
        scaling = jax.tree.map(lambda chosen, d: jnp.ones_like(d) if chosen else d, hidden, scaling)
        return updates, scaling, {**after, "momentum": moved}


def orthogonalized(matrix: Float[Array, "*copies n k"], steps: int) -> Float[Array, "*copies n k"]:
    """A matrix with the same singular vectors and singular values near 1 (between 0.7 and 1.2)."""
    a, b, c = _QUINTIC
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = jnp.swapaxes(matrix, -1, -2) if tall else matrix
    x = x / (jnp.sqrt(jnp.sum(jnp.square(x), (-2, -1), keepdims=True)) + 1e-7)
    for _ in range(steps):
        square = x @ jnp.swapaxes(x, -1, -2)
        x = a * x + (b * square + c * square @ square) @ x
    return jnp.swapaxes(x, -1, -2) if tall else x


def _hidden_kernels(params: Params) -> Params:
    """True at the kernels of hidden layers."""

    def hidden(path: tuple[object, ...], leaf: Array) -> bool:
        names = [getattr(part, "key", None) for part in path]
        return leaf.ndim >= 2 and names[-1:] == ["kernel"] and "output" not in names

    return jax.tree_util.tree_map_with_path(hidden, params)

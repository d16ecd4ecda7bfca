"""A model's network on encoded rows: compiled once, in blocks of one fixed shape, all parameter sets together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.models.model import Model
from wellposed.network.mlp import Network
from wellposed.network.randomness import Rng

__all__ = ["Forward", "Group", "block_rows"]

_BLOCK_OPERATIONS = 4e8  # of one block, about 10 ms on a core
_FEWEST, _MOST = 64, 8192


class Group(NamedTuple):
    """Parameter sets that share a preprocessing.

    Attributes:
        preprocessing: its number in `Model.preprocessings`.
        arrays: weights and state, with a first axis over the sets.
        sets: how many there are.
    """

    preprocessing: int
    arrays: tuple[Any, Any]
    sets: int


def block_rows(model: Model) -> int:
    """Rows of a block, from the network's size alone: a row's prediction doesn't depend on how many come with it."""
    parameters = sum(leaf.size for leaf in jax.tree.leaves(model.weights))
    rows = _BLOCK_OPERATIONS / max(1, 2 * parameters)
    return int(2 ** np.clip(np.floor(np.log2(rows)), np.log2(_FEWEST), np.log2(_MOST)))


class Forward:
    """Predictions in inference mode, averaged over heads and parameter sets."""

    def __init__(self, model: Model) -> None:
        self.block = block_rows(model)
        self.groups = tuple(_groups(model))
        self._apply = _compiled(model.built)

    def __call__(self, group: Group, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Predictions [rows, outputs], and logits where there is a single head and set (None otherwise).

        Args:
            group: one of ``groups``.
            x: encoded rows, float32 [rows, features].
        """
        predictions, logits = [], []
        for block in _padded(x, self.block):
            found, raw = self._apply(*group.arrays, block)
            predictions.append(np.asarray(found))
            logits.append(None if raw is None else np.asarray(raw))
        joined = np.concatenate(predictions)[: len(x)]
        if any(part is None for part in logits):
            return joined, None
        return joined, np.concatenate([part for part in logits if part is not None])[: len(x)]


def _groups(model: Model) -> Iterator[Group]:
    places: dict[int, list[int]] = {}
    known: list[int] = []
    for number in range(len(model.weights)):
        learned = model.preprocessings[number if len(model.preprocessings) > 1 else 0]
        same = next((k for k in known if model.preprocessings[k] is learned), number)
        known += [same] if same == number else []
        places.setdefault(same, []).append(number)
    for first, numbers in places.items():
        stacked = [
            jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *(parts[number] for number in numbers))
            for parts in (model.weights, model.state)
        ]
        yield Group(first, (stacked[0], stacked[1]), len(numbers))


@functools.lru_cache(maxsize=64)
def _compiled(network: Network) -> Callable[..., tuple[jax.Array, jax.Array | None]]:
    def one(weights: Any, state: Any, x: jax.Array) -> jax.Array:
        mask, rng = jnp.ones(x.shape[0], jnp.float32), Rng(jax.random.key(0))
        return network.apply(weights, state, x, mask=mask, rng=rng, train=False)[0].logits

    def all_sets(weights: Any, state: Any, x: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        logits = jax.vmap(one, in_axes=(0, 0, None))(weights, state, x)
        predictions = jnp.mean(network.predict(logits), axis=(0, 1))
        return predictions, logits[0, 0] if logits.shape[0] * logits.shape[1] == 1 else None

    return jax.jit(all_sets)


def _padded(x: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Blocks of ``size`` rows, the last one filled up with zeros."""
    for start in range(0, max(1, len(x)), size):
        block = x[start : start + size]
        if len(block) < size:
            block = np.concatenate([block, np.zeros((size - len(block), x.shape[1]), np.float32)])
        yield block

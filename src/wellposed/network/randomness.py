"""Named random keys: the same draw for every recipe of a (fold, seed), whatever stands beside it."""

from __future__ import annotations

import dataclasses
import zlib

import jax
from jaxtyping import Array, Key, PRNGKeyArray

from wellposed.network.threefry import IMPLEMENTATION

__all__ = ["Rng", "stable_hash", "study_key"]


def stable_hash(text: str) -> int:
    """A 31-bit number that depends on the text alone, in every process and version (CRC-32)."""
    return zlib.crc32(text.encode()) & 0x7FFFFFFF


def study_key(seed: int) -> Key[Array, ""]:
    """The root key of a study. Always threefry2x32: ``rbg`` draws other numbers under ``vmap`` than in a loop."""
    return jax.random.key(seed, impl=IMPLEMENTATION)


@dataclasses.dataclass(frozen=True)
class Rng:
    """The random keys of one owner (a technique or layer) at one step.

    ``Rng(key, "Dropout/0").key("mask", "hidden1")`` folds a stable hash of owner, draw and layer into the step's
    key. Neither other techniques nor strengths enter, so draws are common to all recipes.

    Args:
        base: the step's key, already derived from study seed, fold, seed, epoch and step.
        owner: class name and occurrence.
        draw: number of the pass through the network within the step (R-Drop's second pass draws anew).
    """

    base: PRNGKeyArray
    owner: str = ""
    draw: int = 0

    def key(self, name: str = "", layer: str = "") -> PRNGKeyArray:
        """The key of the draw ``name`` in ``layer``."""
        return jax.random.fold_in(self.base, stable_hash(f"{self.owner}/{name}/{layer}/{self.draw}"))

    def of(self, owner: str) -> Rng:
        """The keys of another owner at the same step and pass."""
        return dataclasses.replace(self, owner=owner)

    def again(self, draw: int) -> Rng:
        """The same owner's keys in another pass."""
        return dataclasses.replace(self, draw=draw)

"""What a tile holds: its rows, its members' settings, and how far they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from wellposed.population.step import Hyper, Member, Techniques

__all__ = ["Carry", "Probe", "Rows", "Settings", "TileData", "probe", "stream_key"]


class Rows(NamedTuple):
    """Rows of every stream, filled up to a common number; ``weight`` is 0 on the filling."""

    x: Float[Array, "streams rows features"]
    y: Float[Array, "streams rows outputs"]
    weight: Float[Array, "streams rows"]


class TileData(NamedTuple):
    """What a tile trains on and is scored on.

    Attributes:
        key: each stream's random key.
        training, monitor, validation: rows with the weights that scores use; ``monitor`` may be None.
        loss_weight: the training rows' weights in the loss (sample weights × class weights).
        real: number of real training rows; steps: updates in an epoch, the same for all streams.
        scale: what turns encoded targets back into their units.
    """

    key: Key[Array, " streams"]
    training: Rows
    monitor: Rows | None
    validation: Rows | None
    loss_weight: Float[Array, "streams rows"]
    real: Int[Array, " streams"]
    steps: Int[Array, ""]
    scale: Float[Array, "streams outputs"]


class Settings(NamedTuple):
    """Strengths, ``prepare``'s leaves, learning rates and epochs of a tile's members.

    Leaves of techniques that augment have the axis [streams], all others [streams, lanes].
    """

    techniques: Techniques
    prepared: tuple[Any, ...]
    hyper: Hyper


class Carry(NamedTuple):
    """A tile between two segments; every leaf begins with [streams, lanes].

    Attributes:
        member: the networks in training.
        kept: each member's result so far, if a technique decides which epoch is kept.
        kept_epoch: the epoch of the result, from 1 (0: none yet).
        epochs_run: epochs trained.
        active: still training.
        diverged: the epoch at which the loss or weights stopped being finite (0: never).
    """

    member: Member
    kept: Member | None
    kept_epoch: Int[Array, "streams lanes"]
    epochs_run: Int[Array, "streams lanes"]
    active: Bool[Array, "streams lanes"]
    diverged: Int[Array, "streams lanes"]

    def result(self) -> Member:
        """The weights that count: the kept ones, or the last."""
        return self.member if self.kept is None else self.kept


class Probe(NamedTuple):
    """Training rows that penalties on hidden values and the inside of networks are measured on."""

    x: Float[Array, "rows features"]
    y: Float[Array, "rows outputs"]
    mask: Float[Array, " rows"]


def probe(x: Array, y: Array, real: Array) -> Probe:
    """256 rows of a stream, evenly spread over the real ones."""
    wanted = jnp.arange(min(256, x.shape[0]), dtype=jnp.int32)
    spread = jnp.where(real > wanted.size, wanted * (real // wanted.size), jnp.minimum(wanted, real - 1))
    return Probe(x[spread], y[spread], (wanted < real).astype(jnp.float32))


def stream_key(root: Key[Array, ""], fold: int, seed: int) -> Key[Array, ""]:
    """The key of all members of a (fold, seed)."""
    return jax.random.fold_in(jax.random.fold_in(root, fold), seed)

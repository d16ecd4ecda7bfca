"""What an optimizer is: a pure function from gradients to updates, in Keras's form.

An optimizer is a frozen dataclass of static settings; the learning rate is an argument of every step, so that members
with different (and scheduled) rates share one compiled program. ``step`` also returns the preconditioner, which
proximal steps scale their thresholds by.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from wellposed.errors import StudyError
from wellposed.textform import Named

__all__ = ["Count", "Leaf", "Optimizer", "Params", "Scalar", "Slots", "State", "require_decay", "require_positive"]

Params = PyTree[Float[Array, "..."]]
State = dict[str, Any]
Scalar = Float[Array, ""] | float
Count = Int[Array, ""] | int
Leaf = Float[Array, "..."]
Slots = dict[str, Leaf]


@dataclass(frozen=True)
class Optimizer(Named):
    """Turns gradients into updates.

    A subclass names its ``slots`` (one array a parameter each, and the value it starts from) and writes ``leaf``, the
    equation for one parameter array.
    """

    learning_rate: ClassVar[float] = 0.001
    entrywise: ClassVar[bool] = True  # whether arrays may come flattened: every entry is updated by itself

    def slots(self) -> dict[str, float]:
        """Names of the arrays kept for every parameter, and their initial values."""
        return {}

    @abstractmethod
    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        """(update, preconditioner, new slots) of one parameter array; ``shared`` comes from ``corrections``."""

    def corrections(self, count: Leaf, state: State) -> dict[str, Leaf]:
        """Scalars that all parameters share in this step, e.g. bias corrections."""
        return {}

    def init(self, params: Params) -> State:
        """The state before the first step: for each slot a pytree like ``params``."""
        return {
            slot: jax.tree.map(lambda leaf, start=start: jnp.full_like(leaf, start), params)
            for slot, start in self.slots().items()
        }

    def step(
        self, grads: Params, state: State, params: Params, *, learning_rate: Scalar, count: Count
    ) -> tuple[Params, Params, State]:
        """One update.

        Args:
            grads: gradients, a pytree like ``params``.
            state: from ``init`` or the step before.
            params: parameters before the update.
            learning_rate: of this update, with the schedule's factor in it; may be traced.
            count: number of this update, counted from 1; may be traced.

        Returns:
            ``updates`` to be added to the parameters; the ``preconditioner``, the positive diagonal D for which an
            update without momentum is −learning_rate·D·gradient; the new state.
        """
        lr = jnp.asarray(learning_rate, jnp.float32)
        shared = self.corrections(jnp.asarray(count).astype(jnp.float32), state)
        gradients, tree = jax.tree.flatten(grads)
        parameters = tree.flatten_up_to(params)
        columns = {slot: tree.flatten_up_to(state[slot]) for slot in self.slots()}
        updates, preconditioner, kept = [], [], {slot: [] for slot in columns}
        for i, (gradient, parameter) in enumerate(zip(gradients, parameters, strict=True)):
            old = {slot: leaves[i] for slot, leaves in columns.items()}
            update, scaling, new = self.leaf(gradient, parameter, old, lr, shared)
            updates.append(update)
            preconditioner.append(scaling)
            for slot in kept:
                kept[slot].append(new[slot])
        after: State = {slot: tree.unflatten(leaves) for slot, leaves in kept.items()}
        return tree.unflatten(updates), tree.unflatten(preconditioner), after


def require_decay(owner: Optimizer, *arguments: str) -> None:
    """Refuses decays outside [0, 1)."""
    for argument in arguments:
        if not 0 <= getattr(owner, argument) < 1:
            raise StudyError(f"{type(owner).__name__}: {argument} must be in [0, 1)", getattr(owner, argument))


def require_positive(owner: Optimizer, argument: str) -> None:
    """Refuses what isn't positive."""
    if not getattr(owner, argument) > 0:
        raise StudyError(f"{type(owner).__name__}: {argument} must be positive", getattr(owner, argument))

"""One minibatch with padding, in variants: do the rows that fill it up matter?"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wellposed.network.randomness import study_key
from wellposed.population.step import Hyper, augment, initialize, train_step
from wellposed.techniques.base import Batch
from wellposed.testing.trial import Trial
from wellposed.training.optimizers import SGD

__all__ = ["PaddedStep", "padded_step"]

_DRAWS = 20
_STEP, _TOTAL = 40, 100  # an update at which every technique acts


@dataclasses.dataclass(frozen=True)
class PaddedStep:
    """A member after one update, by variant of the minibatch.

    Attributes:
        first, second: half of the minibatch is padding, with other rows in each.
        twice: no padding: the real rows stand in the place of the padding once more.
        others: ``first`` with other random draws: several, since rare masks may leave one as it is.
    """

    first: Any
    second: Any
    twice: Any
    others: tuple[Any, ...]

    @property
    def random(self) -> bool:
        """Whether chance has a part in it: then ``twice`` says nothing."""
        return not all(_equal(self.first, other) for other in self.others)

    @property
    def padding_matters(self) -> bool:
        """Whether other rows under the same mask change anything at all."""
        return not _equal(self.first, self.second)

    @property
    def distance(self) -> float:
        """How far ``first`` is from ``twice``, relative to the size of the weights."""
        pairs = list(zip(jax.tree.leaves(self.first), jax.tree.leaves(self.twice), strict=True))
        size = max(float(np.abs(a).max()) for a, _ in pairs)
        return max(float(np.abs(a - b).max()) for a, b in pairs) / size


def padded_step(trial: Trial) -> PaddedStep:
    """One update of the example from each variant, by one compiled function."""
    rows, key = trial.rows(0), study_key(1)
    # the gradient itself, as SGD takes it: Adam would turn the rounding of a zero gradient into a step
    algorithm = dataclasses.replace(trial.part.program.algorithm, optimizer=SGD())
    recipe = trial.plan.candidates[trial.names.index("example")].techniques
    prepared = [
        jax.tree.map(jnp.asarray, item.prepare(algorithm.context, {"x": rows.x, "y": rows.y})) for item in recipe
    ]
    hyper = Hyper(jnp.float32(1.0), jnp.int32(_TOTAL), jnp.int32(_TOTAL))
    strengths = jax.tree.map(jnp.float32, recipe)
    start = initialize(algorithm, strengths, key)

    @jax.jit
    def after(techniques: Any, batch: Batch, key: Any) -> Any:
        batch = augment(techniques, batch, prepared, key)
        numbers = {"step": jnp.int32(_STEP), "total": jnp.int32(_TOTAL)}
        member = train_step(algorithm, techniques, hyper, start, batch, prepared, key, **numbers)
        return member.params, member.own_params

    half = min(algorithm.context.batch_size // 2, len(rows.x) // 3)
    weight = np.linspace(0.5, 1.5, len(rows.x), dtype=np.float32)

    def updated(padding: int, real: float, key: Any) -> Any:
        chosen = np.r_[np.arange(half), padding + np.arange(half)]
        mask = np.r_[np.ones(half), np.full(half, real)].astype(np.float32)
        x, y, weights = (jnp.asarray(part[chosen]) for part in (rows.x, rows.y, weight))
        batch = Batch(x, y, weights, jnp.asarray(mask), {})
        return jax.tree.map(np.asarray, after(strengths, batch, key))

    others = tuple(updated(half, 0.0, jax.random.fold_in(key, draw)) for draw in range(_DRAWS))
    return PaddedStep(updated(half, 0.0, key), updated(2 * half, 0.0, key), updated(0, 1.0, key), others)


def _equal(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))

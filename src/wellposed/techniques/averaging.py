"""Averaging: predictions come from averages over the path of training, not from its last point."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.techniques.base import Context, Own, Params, Technique, option, strength, technique
from wellposed.training.schedules import WarmRestarts
from wellposed.training.spec import Training

__all__ = ["EMA", "Snapshots"]


@technique
class EMA(Technique):
    """Predicts with an exponential moving average of the weights.

    a ← d a + (1 − d) w after every update; a = w after the first one

    The average starts at the weights after the first update, without bias correction, as in Keras. It looks back over
    about 1 / (1 − d) updates: with fewer updates in all than that, early weights weigh too much.

    Args:
        decay: d in [0, 1), default 0.99.

    Source: Polyak and Juditsky 1992 (averages of weights); Keras's ``use_ema``.
    """

    decay: float = strength(default=0.99, maximum=1.0, open_maximum=True, neutral=0.0, search=(0.9, 0.9999), log=False)

    name: ClassVar[str] = "ema"
    family: ClassVar[str] = "averaging"
    reference: ClassVar[str] = (
        "Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging, SIAM J. Control Optim. 30; "
        "Tarvainen and Valpola 2017, Mean teachers are better role models, NeurIPS"
    )
    order: ClassVar[int] = 40

    def requires(self) -> frozenset[str]:
        return frozenset({"statistics"})

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        return Own(state=params)

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        decay = jnp.where(step > 1, self.decay, 0.0)
        return new, jax.tree.map(lambda average, w: decay * average + (1.0 - decay) * w, own.state, new)

    def inference(self, params: Params, own: Own) -> Sequence[Params]:
        return (own.state,)


@technique
class Snapshots(Technique):
    """Anneals the learning rate several times and averages the predictions of the weights at the end of each cycle.

    p(x) = (1 / M) Σ p(x; w_k), w_k the weights after cycle k; η_t = η ½ (1 + cos πt), t from 0 to 1 in each cycle

    All cycles are equally long; the schedule replaces the training's own. Before the end of a cycle its snapshot is the
    current weights.

    Args:
        cycles: M, a whole number from 2 to 10, default 5; usual are 3 to 5.

    Source: Huang et al. 2017; the cosine of Loshchilov and Hutter 2017, "SGDR".
    """

    cycles: int = option(default=5)

    name: ClassVar[str] = "snapshots"
    family: ClassVar[str] = "averaging"
    reference: ClassVar[str] = (
        "Huang, Li, Pleiss, Liu, Hopcroft and Weinberger 2017, Snapshot ensembles: train 1, get M for free, ICLR"
    )
    order: ClassVar[int] = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.cycles, bool) or not isinstance(self.cycles, int) or not 2 <= self.cycles <= 10:
            raise TechniqueError(
                "Snapshots: cycles must be a whole number from 2 to 10", self.cycles, "Usual are 3 to 5."
            )

    def requires(self) -> frozenset[str]:
        return frozenset({"statistics"})

    def training(self, spec: Training) -> Training:
        return dataclasses.replace(spec, schedule=WarmRestarts(cycles=(1.0,) * self.cycles))

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        return Own(state=jax.tree.map(lambda leaf: jnp.stack([leaf] * self.cycles), params))

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        # Whole numbers: the cycle of this update, as the schedule counts it (its restarts compare step·M ≥ k·total).
        cycle = (jnp.asarray(step).astype(jnp.int32) - 1) * self.cycles // jnp.asarray(total).astype(jnp.int32)
        following = jnp.arange(self.cycles) >= cycle

        def taken(slots: Array, leaf: Array) -> Array:
            return jnp.where(following.reshape(-1, *[1] * leaf.ndim), leaf, slots)

        return new, jax.tree.map(taken, own.state, new)

    def inference(self, params: Params, own: Own) -> Sequence[Params]:
        return tuple(jax.tree.map(lambda slots, k=k: slots[k], own.state) for k in range(self.cycles))

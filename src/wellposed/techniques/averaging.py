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

__all__ = ["EMA", "SWA", "Lookahead", "Snapshots"]


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
        return frozenset({"statistics", "averages of the weights"})

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
class SWA(Technique):
    """Predicts with the mean of the weights over the last part of training (stochastic weight averaging).

    a = (1 / n) Σ w_t, the sum over the n updates of the last part; before it, a = w

    The paper adds one point an epoch; here every update counts, which has the same centre and less noise. Its learning
    rate is held up while averaging: leave the schedule constant, or end it high.

    Args:
        share: of the updates that are averaged, in [0, 1], default 0.25.

    Source: Izmailov et al. 2018, algorithm 1.
    """

    share: float = strength(default=0.25, maximum=1.0, neutral=0.0, search=(0.1, 0.5), log=False)

    name: ClassVar[str] = "swa"
    family: ClassVar[str] = "averaging"
    reference: ClassVar[str] = (
        "Izmailov, Podoprikhin, Garipov, Vetrov and Wilson 2018, Averaging weights leads to wider optima and better "
        "generalization, UAI"
    )
    order: ClassVar[int] = 40

    def requires(self) -> frozenset[str]:
        return frozenset({"statistics", "averages of the weights"})

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        return Own(state=params)

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        whole = jnp.asarray(total).astype(jnp.float32)
        first = whole - jnp.floor(self.share * whole)  # updates before the averaging begins
        count = jnp.asarray(step).astype(jnp.float32) - first

        def averaged(average: Array, w: Array) -> Array:
            return jnp.where(count > 1.0, average + (w - average) / jnp.maximum(count, 1.0), w)

        return new, jax.tree.map(averaged, own.state, new)

    def inference(self, params: Params, own: Own) -> Sequence[Params]:
        return (own.state,)


@technique
class Lookahead(Technique):
    """Lets the optimizer run ahead for some updates, then goes only part of the way: slow weights follow fast ones.

    after every k updates: φ ← φ + α (w − φ), w ← φ

    The optimizer's own averages go on. Predictions are those of the fast weights w, which are the slow ones after every
    k-th update.

    Args:
        alpha: α in [0, 1], default 0.5; 1 changes nothing.
        every: k ≥ 1, a whole number, default 5.

    Source: Zhang et al. 2019, algorithm 1.
    """

    alpha: float = strength(default=0.5, maximum=1.0, neutral=1.0, search=(0.5, 0.8), log=False)
    every: int = option(default=5)

    name: ClassVar[str] = "lookahead"
    family: ClassVar[str] = "averaging"
    reference: ClassVar[str] = (
        "Zhang, Lucas, Hinton and Ba 2019, Lookahead optimizer: k steps forward, 1 step back, NeurIPS"
    )
    order: ClassVar[int] = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise TechniqueError(
                "Lookahead: every must be a whole number of at least 1", self.every, "Usual are 5 to 10."
            )

    def requires(self) -> frozenset[str]:
        return frozenset({"averages of the weights"})

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        return Own(state=params)

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        now = jnp.asarray(step) % self.every == 0
        slow = jax.tree.map(lambda s, w: jnp.where(now, (1.0 - self.alpha) * s + self.alpha * w, s), own.state, new)
        return jax.tree.map(lambda s, w: jnp.where(now, s, w), slow, new), slow


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
        return frozenset({"statistics", "averages of the weights"})

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

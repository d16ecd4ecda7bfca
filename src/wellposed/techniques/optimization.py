"""Optimization as regularization: another optimizer, batch size or schedule finds other minima."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from wellposed.errors import StudyError, TechniqueError
from wellposed.techniques.base import Context, Own, Params, Technique, option, strength, technique
from wellposed.training.optimizers import SGD, Adam, optimizer
from wellposed.training.schedules import schedule
from wellposed.training.spec import Training

__all__ = ["BatchSize", "LearningRateSchedule", "OptimizerChoice", "ScheduleFree"]


@technique
class OptimizerChoice(Technique):
    """Trains with another optimizer, at its own usual learning rate unless one is given.

    w ← w − η d(g), d the optimizer's direction for the gradient g, η its learning rate

    Args:
        optimizer: its name, with settings if need be (Python only: ``"sgd(momentum=0.9)"``); default ``muon``.
        rate: learning rate; 0 (default): the optimizer's own.

    Source: Gorishniy et al. 2026 report Muon ahead of AdamW on plain networks for tables.
    """

    optimizer: str = option(default="muon")
    rate: float = option(default=0.0)

    name: ClassVar[str] = "optimizer"
    family: ClassVar[str] = "optimization"
    reference: ClassVar[str] = (
        "Keskar and Socher 2017, Improving generalization performance by switching from Adam to SGD, arXiv:1712.07628"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _known("OptimizerChoice", optimizer, self.optimizer)
        if not (isinstance(self.rate, (int, float)) and 0 <= self.rate < float("inf")):
            raise TechniqueError("OptimizerChoice: rate must be a number, 0 or above", self.rate)

    def training(self, spec: Training) -> Training:
        return dataclasses.replace(spec, optimizer=optimizer(self.optimizer), learning_rate=self.rate or None)


@technique
class BatchSize(Technique):
    """Trains on larger or smaller minibatches; the learning rate stays.

    g = (1 / B) Σ ∇ℓ_i, the sum over the B rows of a minibatch: its variance falls with 1 / B

    Args:
        rows: B, a whole number of at least 1, default 128.

    Source: Keskar et al. 2017 (small batches find flat minima).
    """

    rows: int = option(default=128)

    name: ClassVar[str] = "batch-size"
    family: ClassVar[str] = "optimization"
    reference: ClassVar[str] = (
        "Keskar, Mudigere, Nocedal, Smelyanskiy and Tang 2017, On large-batch training for deep learning: "
        "generalization gap and sharp minima, ICLR"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.rows, bool) or not isinstance(self.rows, int) or self.rows < 1:
            raise TechniqueError(
                "BatchSize: rows must be a whole number of at least 1", self.rows, "Usual are 16 to 512."
            )

    def training(self, spec: Training) -> Training:
        return dataclasses.replace(spec, batch_size=self.rows)


@technique
class LearningRateSchedule(Technique):
    """Changes the learning rate in the course of training.

    η_t = η s(t); for the cosine s = ½ (1 + cos πt), t from 0 to 1 over the updates

    Args:
        schedule: its name, with settings if need be (Python only: ``"flat_cosine(flat=0.5)"``): ``constant``,
            ``cosine`` (default), ``warm_restarts``, ``flat_cosine``, ``coslog4``, ``linear``, ``exponential`` or
            ``step``.

    Source: Loshchilov and Hutter 2017; Holzmüller et al. 2024 (``coslog4``, ``flat_cosine``).
    """

    schedule: str = option(default="cosine")

    name: ClassVar[str] = "schedule"
    family: ClassVar[str] = "optimization"
    reference: ClassVar[str] = (
        "Loshchilov and Hutter 2017, SGDR: stochastic gradient descent with warm restarts, ICLR; Holzmüller, "
        "Grinsztajn and Steinwart 2024, Better by default: strong pre-tuned MLPs and boosted trees on tabular "
        "data, NeurIPS"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _known("LearningRateSchedule", schedule, self.schedule)

    def training(self, spec: Training) -> Training:
        return dataclasses.replace(spec, schedule=schedule(self.schedule))


def _known(owner: str, named: Any, text: str) -> None:
    try:
        named(text)
    except StudyError as error:
        raise TechniqueError(f"{owner}: {error.what}", error.got, error.remedy) from None


@technique
class ScheduleFree(Technique):
    """Averages the path of training as it goes, in place of a schedule that ends it.

    y = (1 − β) z + β x is trained on; z ← z + (the optimizer's step at y); x ← x + (z − x) / t; x predicts

    The average takes the place of momentum: SGD and Adam lose theirs. The learning rate stays constant.

    Args:
        beta: β in [0, 1), default 0.9.

    Raises:
        TechniqueError: the optimizer is neither SGD nor Adam or AdamW.

    Source: Defazio et al. 2024, eq. 2 to 4, without their warm-up.
    """

    beta: float = strength(default=0.9, maximum=1.0, open_maximum=True, search=(0.8, 0.98), log=False)

    name: ClassVar[str] = "schedule-free"
    family: ClassVar[str] = "optimization"
    reference: ClassVar[str] = (
        "Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky 2024, The road less scheduled, NeurIPS"
    )
    order: ClassVar[int] = 40

    def requires(self) -> frozenset[str]:
        return frozenset({"statistics", "averages of the weights"})

    def training(self, spec: Training) -> Training:
        if isinstance(spec.optimizer, Adam):
            without = dataclasses.replace(spec.optimizer, beta_1=0.0)
        elif isinstance(spec.optimizer, SGD):
            without = dataclasses.replace(spec.optimizer, momentum=0.0, nesterov=False)
        else:
            name = getattr(spec.optimizer, "name", spec.optimizer)
            raise TechniqueError("ScheduleFree: the optimizer must be sgd, adam or adamw", name, "Choose another one.")
        return dataclasses.replace(spec, optimizer=without, schedule=schedule("constant"))

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        return Own(state={"x": params, "z": params})

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        share = 1.0 / jnp.asarray(step).astype(jnp.float32)
        z = jax.tree.map(lambda z, y, before: z + (y - before), own.state["z"], new, old)
        x = jax.tree.map(lambda x, z: x + share * (z - x), own.state["x"], z)
        return jax.tree.map(lambda z, x: (1.0 - self.beta) * z + self.beta * x, z, x), {"x": x, "z": z}

    def inference(self, params: Params, own: Own) -> Sequence[Params]:
        return (own.state["x"],)

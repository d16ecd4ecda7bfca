"""Stopping: which epoch's weights count, decided on monitor rows."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from wellposed.techniques.base import Context, Monitor, Own, Params, Static, Technique, option, strength, technique

__all__ = ["BestEpoch", "EarlyStopping"]

_METRICS = ("loss", "metric")


class _Watching(Technique):
    """Follows one penalty-free score on monitor rows."""

    family = "stopping"
    cheap = True
    metric: str

    def requires(self) -> frozenset[str]:
        return frozenset({"monitor"})

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        name = "loss" if self.metric == "loss" else context.metric
        counts = {"epoch": jnp.int32(0), "wait": jnp.int32(0)}
        return Own(state={"best": jnp.float32(jnp.inf), **counts, "metric": Static(name)})


@technique
class EarlyStopping(_Watching):
    """Stops when the score on monitor rows has not improved for a while, and goes back to the best epoch.

    stop after ``patience`` epochs in a row without s < best − min_delta, s the loss, or the metric with its sign turned
    so that lower is better

    Scores hold no penalties and are taken in inference mode. As in Keras the first epoch counts as an improvement.

    Args:
        patience: epochs, at least 1, default 20.
        min_delta: least improvement that counts, in units of the score, default 0.
        metric: ``loss`` (default) or ``metric`` (the study's main one).
        restore: result is the best epoch (default) or, if false, the last one.

    Source: Prechelt 1998; Keras's ``EarlyStopping(restore_best_weights=True)``.
    """

    patience: float = strength(default=20, minimum=1, neutral=float("inf"), search=(5, 100))
    min_delta: float = strength(default=0.0, neutral=0.0, search=(1e-5, 1e-2))
    metric: str = option(default="loss", choices=_METRICS)
    restore: bool = option(default=True)

    name: ClassVar[str] = "early-stopping"
    reference: ClassVar[str] = (
        "Prechelt 1998, Early stopping - but when?, in Neural Networks: Tricks of the Trade, Springer LNCS 1524"
    )

    @classmethod
    def search_space(cls) -> dict[str, tuple[float, float, bool]]:
        return {"patience": super().search_space()["patience"]}

    def epoch_end(self, own: Own, monitor: Monitor, *, epoch: Array) -> tuple[Any, Array | bool, Array | bool]:
        state = own.state
        score = monitor.scores[state["metric"].value]
        improved = (score + self.min_delta < state["best"]) | (state["epoch"] == 0)
        wait = jnp.where(improved, 0, state["wait"] + 1)
        # Infinite patience is the neutral strength: it neither stops nor goes back.
        keep = improved | jnp.isinf(self.patience) if self.restore else True
        after = {**state, "best": jnp.where(improved, score, state["best"]), "epoch": state["epoch"] + 1, "wait": wait}
        return after, wait.astype(jnp.float32) >= self.patience, keep


@technique
class BestEpoch(_Watching):
    """Trains to the end and goes back to the epoch with the best score on monitor rows.

    result = weights after the epoch e ≥ start with the least s_e, s the loss, or the metric with its sign turned so
    that lower is better

    Args:
        metric: ``loss`` (default) or ``metric`` (the study's main one).
        start: first epoch that may be chosen, from 1, default 1.

    Source: Prechelt 1998; Keras's ``ModelCheckpoint(save_best_only=True)``.
    """

    metric: str = option(default="loss", choices=_METRICS)
    start: float = strength(default=1, minimum=1, neutral=float("inf"), search=(1, 100))

    name: ClassVar[str] = "best-epoch"
    reference: ClassVar[str] = (
        "Prechelt 1998, Early stopping - but when?, in Neural Networks: Tricks of the Trade, Springer LNCS 1524"
    )

    @classmethod
    def search_space(cls) -> dict[str, tuple[float, float, bool]]:
        return {}

    def epoch_end(self, own: Own, monitor: Monitor, *, epoch: Array) -> tuple[Any, Array | bool, Array | bool]:
        state = own.state
        score = monitor.scores[state["metric"].value]
        number = state["epoch"] + 1
        # Up to `start` every epoch is kept; infinite, the neutral strength, it never begins to choose.
        early = number.astype(jnp.float32) <= self.start
        keep = early | (score < state["best"])
        best = jnp.where(keep, score, state["best"])
        best = jnp.where(number.astype(jnp.float32) < self.start, jnp.inf, best)
        return {**state, "best": best, "epoch": number}, False, keep

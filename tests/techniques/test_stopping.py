"""Early stopping against Keras's callback, the best epoch against argmin."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.network.randomness import study_key
from wellposed.techniques.base import Context, Monitor, Technique
from wellposed.techniques.stopping import BestEpoch, EarlyStopping

PATHS = np.random.default_rng(0).integers(0, 8, (24, 20)).astype(np.float32) / 8.0  # ties included
PATHS[0, :3] = np.nan  # Keras takes the first epoch as the best, whatever it is
PATHS[1, 5:] = np.nan


def decisions(item: Technique, context: Context, paths: np.ndarray = PATHS) -> tuple[np.ndarray, np.ndarray]:
    """By path: the epoch after which training stops, and the one whose weights count (both from 1)."""

    def member(path: Any) -> Any:
        own = item.init(context, {}, study_key(0))

        def epoch(carry: Any, scored: Any) -> Any:
            state, active, last, kept = carry
            number, score = scored
            monitor = Monitor({"loss": score, "accuracy": -score})
            state, stop, keep = item.epoch_end(own._replace(state=state), monitor, epoch=number)
            last, kept = jnp.where(active, number, last), jnp.where(active & keep, number, kept)
            return (state, active & ~jnp.asarray(stop), last, kept), None

        numbers = jnp.arange(1, path.shape[0] + 1)
        start = (own.state, jnp.array(True), jnp.int32(0), jnp.int32(0))
        _, _, last, kept = jax.lax.scan(epoch, start, (numbers, path))[0]
        return last, kept

    last, kept = jax.jit(jax.vmap(member))(jnp.asarray(paths))
    return np.asarray(last), np.asarray(kept)


def keras_decision(path: np.ndarray, **settings: Any) -> tuple[int, int]:
    epoch = 0
    restored: list[Any] = [None]
    model = SimpleNamespace(
        stop_training=False, get_weights=lambda: epoch, set_weights=lambda kept: restored.__setitem__(0, kept)
    )
    callback = keras.callbacks.EarlyStopping(monitor="val_loss", mode="min", **settings)
    callback.set_model(model)  # type: ignore[arg-type]
    callback.on_train_begin()
    for epoch, score in enumerate(path, start=1):
        callback.on_epoch_end(epoch - 1, {"val_loss": np.float32(score)})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch, epoch if restored[0] is None else restored[0]


@pytest.mark.parametrize("restore", [True, False])
@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (3, 0.0), (3, 0.125), (7, 0.3), (50, 0.0)])
def test_stops_and_restores_as_keras_does(patience: int, min_delta: float, restore: bool, context: Context):
    item = EarlyStopping(patience, min_delta, restore=restore)
    last, kept = decisions(item, context)
    expected = [
        keras_decision(path, patience=patience, min_delta=min_delta, restore_best_weights=restore) for path in PATHS
    ]
    assert [(int(a), int(b)) for a, b in zip(last, kept, strict=True)] == expected


def test_best_epoch_is_the_first_minimum(context: Context):
    last, kept = decisions(BestEpoch(), context, PATHS[2:])
    assert (last == 20).all()
    assert (kept == PATHS[2:].argmin(1) + 1).all()
    late = decisions(BestEpoch(start=6), context, PATHS[2:])[1]
    assert (late == PATHS[2:, 5:].argmin(1) + 6).all()


def test_metric_is_the_studys_main_one(context: Context):
    named = dataclasses.replace(context, metric="accuracy")
    assert (decisions(BestEpoch("metric"), named, -PATHS[2:])[1] == PATHS[2:].argmin(1) + 1).all()
    assert (
        decisions(EarlyStopping(5, metric="metric"), named)[0] == decisions(EarlyStopping(5), named, -PATHS)[0]
    ).all()


@pytest.mark.parametrize("item", [EarlyStopping(3), EarlyStopping(3, restore=False), BestEpoch()])
def test_neutral_neither_stops_nor_goes_back(item: Technique, context: Context):
    neutral = item.neutral()
    assert neutral is not None
    last, kept = decisions(neutral, context)
    assert (last == 20).all()
    assert (kept == 20).all()


def test_both_need_monitor_rows():
    assert EarlyStopping().requires() == BestEpoch().requires() == {"monitor"}

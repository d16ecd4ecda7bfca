"""Early stopping through the whole engine, against Keras's callback fed the recorded curve and the same weights.

Members that train 1, 2, … epochs without stopping tell the weights after every epoch; they share the program, the
stream and hence the bits with those that stop.
"""

# pyright: reportArgumentType=false
# (Keras's own annotations are narrower than what it takes.)

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import keras
import numpy as np
import pytest

from wellposed.data.read import read
from wellposed.data.splits import make_splits
from wellposed.network.mlp import MLP
from wellposed.recipe import BASELINE, Recipe
from wellposed.records import MemberRecord, Records
from wellposed.runners.local import LocalRunner
from wellposed.studies.experiment import Experiment, RowCache, Target
from wellposed.techniques.stopping import BestEpoch, EarlyStopping
from wellposed.training.spec import Training

EPOCHS = 30
STOPPING = {
    "impatient": EarlyStopping(patience=1),
    "patient": EarlyStopping(patience=4),
    "demanding": EarlyStopping(patience=3, min_delta=0.02),
    "never satisfied": EarlyStopping(patience=6, min_delta=10.0),
    "to the end": EarlyStopping(patience=EPOCHS),
    "last weights": EarlyStopping(patience=4, restore=False),
    "accuracy": EarlyStopping(patience=5, metric="metric"),
    "demanding accuracy": EarlyStopping(patience=3, min_delta=0.05, metric="metric"),
}


@pytest.fixture(scope="module")
def study() -> tuple[Records, list[str]]:
    """Every kind of stopping, the best epoch, and the network after every number of epochs; two seeds."""
    random = np.random.default_rng(4)
    x = random.normal(size=(90, 5))
    y = (x[:, 0] * x[:, 1] + 0.7 * random.normal(size=90) > 0).astype(int)
    data = read((x, y), name="noisy")
    scheme = make_splits(data, np.arange(90), folds=None, validation=0.2, seeds=2, monitor=0.4)
    training = Training(batch_size=8, epochs=EPOCHS, learning_rate=0.02)
    target = Target.of(data, MLP((8,)), training)
    experiment = Experiment(data, np.arange(90), scheme, MLP((8,)), training, target)
    named = {name: Recipe((item,)) for name, item in STOPPING.items()} | {"best epoch": Recipe((BestEpoch(),))}
    candidates = [experiment.candidate(recipe, name) for name, recipe in named.items()]
    candidates += [experiment.candidate(BASELINE, f"{epochs} epochs", epochs=epochs) for epochs in range(1, EPOCHS + 1)]
    plan = experiment.plan(candidates, memory=10**9, predictions=False)
    runner = LocalRunner(keep_weights=True)
    records, _ = runner.run(plan, RowCache(experiment), experiment.identities, seed=0)
    return records, [candidate.name for candidate in candidates]


@dataclasses.dataclass(frozen=True)
class Curve:
    """A seed's network without stopping: monitored scores and weights after every epoch."""

    loss: np.ndarray
    accuracy: np.ndarray
    weights: list[list[np.ndarray]]


def curve_of(study: tuple[Records, list[str]], seed: int) -> Curve:
    records, names = study
    members = [records.of(names.index(f"{epochs} epochs"))[seed] for epochs in range(1, EPOCHS + 1)]
    columns = [members[-1].curves[:, records.columns.index(f"monitor_{name}")] for name in ("loss", "accuracy")]
    return Curve(columns[0], columns[1], [weights_of(member) for member in members])


def weights_of(member: MemberRecord) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(member.weights.params)]


class Recorded(keras.Model):
    """Stands for the network under the callback: its weights are what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.held: Any = None
        self.stop_training = False

    def get_weights(self) -> Any:
        return self.held

    def set_weights(self, weights: Any) -> None:
        self.held = weights


def replay(item: EarlyStopping, curve: Curve) -> tuple[int, list[np.ndarray]]:
    """Epochs run and final weights under Keras's callback."""
    monitor, mode = ("val_loss", "min") if item.metric == "loss" else ("val_accuracy", "max")
    callback = keras.callbacks.EarlyStopping(
        monitor, item.min_delta, int(item.patience), mode=mode, restore_best_weights=item.restore
    )
    model = Recorded()
    callback.set_model(model)
    callback.on_train_begin()
    epoch = 0
    while epoch < EPOCHS and not model.stop_training:
        model.held = curve.weights[epoch]
        logs = {"val_loss": float(curve.loss[epoch]), "val_accuracy": float(curve.accuracy[epoch])}
        callback.on_epoch_end(epoch, logs)
        epoch += 1
    callback.on_train_end()
    return epoch, model.held


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", STOPPING)
def test_stopped_epoch_and_weights_are_those_of_keras(study: Any, name: str, seed: int) -> None:
    records, names = study
    member = records.of(names.index(name))[seed]
    epochs, weights = replay(STOPPING[name], curve_of(study, seed))
    assert member.epochs_run == epochs
    for ours, theirs in zip(weights_of(member), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_curves_decide_differently(study: Any) -> None:
    """The cases above differ: some stop early, one at the end, and some go back."""
    records, names = study
    runs = {name: [member.epochs_run for member in records.of(names.index(name))] for name in STOPPING}
    assert runs["to the end"] == [EPOCHS, EPOCHS]
    assert runs["never satisfied"] == [7, 7]
    assert len({tuple(epochs) for epochs in runs.values()}) >= 5
    back = [
        member
        for name in STOPPING
        for member in records.of(names.index(name))
        if member.result_epoch < member.epochs_run
    ]
    assert len(back) >= 8


@pytest.mark.parametrize("seed", [0, 1])
def test_best_epoch_is_keras_checkpoint(study: Any, seed: int) -> None:
    """`ModelCheckpoint(save_best_only=True)`: the first of the epochs with the lowest monitored loss."""
    records, names = study
    curve, member = curve_of(study, seed), records.of(names.index("best epoch"))[seed]
    best = int(np.argmin(curve.loss))
    assert (member.epochs_run, member.result_epoch) == (EPOCHS, best + 1)
    for ours, theirs in zip(weights_of(member), curve.weights[best], strict=True):
        np.testing.assert_array_equal(ours, theirs)

"""The whole engine, from encoded rows to recorded scores, against Keras's ``fit``.

Without shuffling both sides see the same minibatches, the last of an epoch a partial one. Members of several recipes
and seeds train side by side; Keras trains some of them again, alone.
"""

# pyright: reportArgumentType=false
# (Keras's own annotations are narrower than what it takes.)

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from parity.twins import ALL, by_path, compiled_quickly, differences, keras_network, problem, set_weights
from wellposed.data.read import read
from wellposed.data.splits import make_splits
from wellposed.network.mlp import MLP
from wellposed.network.randomness import study_key
from wellposed.population.plan import Plan
from wellposed.population.step import initialize
from wellposed.population.tile import stream_key
from wellposed.recipe import Recipe
from wellposed.records import Records
from wellposed.runners.local import LocalRunner
from wellposed.studies.experiment import Experiment, RowCache, Target
from wellposed.techniques.normalization import BatchNorm
from wellposed.techniques.penalties import L1, L2
from wellposed.training.spec import Training

EPOCHS, ROWS, SEEDS = 12, 70, 3
RECIPES = {
    "baseline": Recipe(),
    "penalties": Recipe((L1(0.01, layers="hidden1"), L2(0.02, layers="output"))),
    "batch-norm": Recipe((BatchNorm(),)),
}
REGULARIZED = {
    "hidden1": {"kernel_regularizer": keras.regularizers.L1(0.01)},
    "output": {"kernel_regularizer": keras.regularizers.L2(0.02)},
}
CLASS_WEIGHT = {0: 2.0, 1: 0.5, 2: 1.0}


@dataclasses.dataclass(frozen=True)
class Study:
    """What was trained."""

    experiment: Experiment
    plan: Plan
    records: Records


def trained(task: str) -> Study:
    random = np.random.default_rng(8)
    x = random.normal(size=(ROWS, 5))
    signal = x @ random.normal(size=(5, 3)) + random.normal(size=(ROWS, 3))
    frame = pd.DataFrame(x, columns=list("abcde"))
    frame["target"] = signal.argmax(1) if task == "classification" else signal[:, 0]
    frame["weight"] = random.choice([0.0, 0.5, 1.0, 3.0], ROWS)
    more: dict[str, Any] = {"drop": ("weight",)} if task == "classification" else {"weight": "weight"}
    data = read(frame, target="target", task=task, name=task, **more)  # type: ignore[arg-type]
    scheme = make_splits(data, np.arange(ROWS), folds=None, validation=0.2, seeds=SEEDS)
    training = Training(
        optimizer="sgd(momentum=0.9)", learning_rate=0.02, batch_size=16, epochs=EPOCHS, shuffle=False,
        class_weight={str(k): weight for k, weight in CLASS_WEIGHT.items()} if task == "classification" else None,
    )  # fmt: skip
    mlp = MLP((4, 3), "tanh")
    experiment = Experiment(data, np.arange(ROWS), scheme, mlp, training, Target.of(data, mlp, training))
    recipes = RECIPES if task == "classification" else {"baseline": Recipe()}
    plan = experiment.plan(
        [experiment.candidate(recipe, name) for name, recipe in recipes.items()], memory=10**9, predictions=True
    )
    rows = RowCache(experiment)
    records, _ = LocalRunner(keep_weights=True).run(plan, rows, experiment.identities, seed=5)
    return Study(experiment, plan, records)


@pytest.fixture(scope="module")
def classes() -> Study:
    return trained("classification")


def start_of(study: Study, number: int, split: int) -> dict[str, np.ndarray]:
    """A member's initial weights."""
    part = next(part for part in study.plan.programs if number in part.techniques)
    key = stream_key(study_key(5), *study.experiment.identities[split])
    member = initialize(part.program.algorithm, part.techniques[number], key)
    return by_path(member.params, member.state)


def check(study: Study, name: str, split: int, model: keras.Model, **fit: Any) -> None:
    """Weights, every epoch's validation scores, and predictions are Keras's."""
    number, member = next(
        (index, member)
        for index, member in enumerate(study.records.members)
        if (study.records.candidates[member.candidate], member.split) == (name, split)
    )
    rows = RowCache(study.experiment)(split)
    set_weights(model, start_of(study, number, split))
    with compiled_quickly():
        history = model.fit(
            rows.x,
            rows.y,
            batch_size=16,
            epochs=EPOCHS,
            shuffle=False,
            verbose=0,
            validation_data=rows.validation,
            **fit,
        ).history
    weights = {variable.path: np.asarray(variable) for variable in model.weights}
    assert differences([by_path(member.weights.params, member.weights.state)], [weights])[0] < ALL
    assert rows.validation is not None
    assert member.predictions is not None
    np.testing.assert_allclose(member.predictions, model([rows.validation[0]], training=False), atol=ALL)
    score = "accuracy" if "val_accuracy" in history else "r2"
    columns = dict(zip(study.records.columns, member.curves.T, strict=True))
    np.testing.assert_allclose(columns["validation_loss"] + columns["penalty"], history["val_loss"], rtol=ALL)
    np.testing.assert_allclose(columns[f"validation_{score}"], history[f"val_{score}"], rtol=ALL)


@pytest.mark.parametrize(
    ("name", "split", "twin"),
    [
        ("baseline", 0, {}),
        ("penalties", 2, {"dense": REGULARIZED}),
        ("batch-norm", 1, {"norms": {"hidden1": 0.99, "hidden2": 0.99}}),
    ],
    ids=["baseline", "penalties", "batch-norm"],
)
def test_classification_with_class_weights(classes: Study, name: str, split: int, twin: dict[str, Any]) -> None:
    model = keras_network(problem("categorical_crossentropy", 3), **twin)
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "categorical_crossentropy", metrics=["accuracy"])
    check(classes, name, split, model, class_weight=CLASS_WEIGHT)


def test_regression_with_sample_weights() -> None:
    study = trained("regression")
    model = keras_network(problem("mean_squared_error", 1))
    model.compile(
        keras.optimizers.SGD(0.02, momentum=0.9),
        "mean_squared_error",
        weighted_metrics=[keras.metrics.R2Score(name="r2")],
    )
    check(study, "baseline", 1, model, sample_weight=RowCache(study.experiment)(1).loss_weight)

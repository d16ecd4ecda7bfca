"""Every technique that Keras has, against Keras: from the same weights over the same rows, step by step.

Momentum SGD, not Adam, where it can be chosen: Adam's updates don't show a wrong factor of the gradient.
"""

# pyright: reportArgumentType=false
# (Keras's own annotations are narrower than what it takes.)

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest

from parity.twins import MIXED, PARTIAL, assert_same_path, keras_network, keras_predictions, keras_walk, problem, walk
from wellposed.techniques.averaging import EMA
from wellposed.techniques.base import Technique
from wellposed.techniques.constraints import MaxNorm, MinMaxNorm, NonNegative, UnitNorm, WeightDecay
from wellposed.techniques.gradients import ClipGlobalNorm, ClipNorm, ClipValue
from wellposed.techniques.normalization import BatchNorm, LayerNorm
from wellposed.techniques.penalties import L1, L2, ElasticNet, Orthogonal
from wellposed.techniques.targets import LabelSmoothing
from wellposed.training.spec import Training

ball = keras.constraints.MaxNorm
keras_l1, keras_l2, keras_l1l2 = keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2


@dataclasses.dataclass(frozen=True)
class Twin:
    """A recipe, and the arguments of Keras's layers and optimizer that mean the same."""

    techniques: tuple[Technique, ...]
    dense: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    optimizer: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def everywhere(*layers: str, **arguments: Any) -> dict[str, dict[str, Any]]:
    return {name: arguments for name in layers or ("hidden1", "hidden2", "output")}


TWINS = {
    "l1 beside l2 is elastic net": Twin((L1(0.01), L2(0.02)), everywhere(kernel_regularizer=keras_l1l2(0.01, 0.02))),
    "kernels of chosen layers": Twin(
        (L1(0.01, layers="hidden1/output"), L2(0.02, layers="hidden2"), ElasticNet(0.02, 0.03, layers="output")),
        {
            "hidden1": {"kernel_regularizer": keras_l1(0.01)},
            "hidden2": {"kernel_regularizer": keras_l2(0.02)},
            "output": {"kernel_regularizer": keras_l1l2(0.03, 0.03)},
        },
    ),
    "bias": Twin(
        (L1(0.02, on="bias", layers="hidden"), L2(0.05, on="bias", layers="output")),
        {
            "hidden1": {"bias_regularizer": keras_l1(0.02)},
            "hidden2": {"bias_regularizer": keras_l1(0.02)},
            "output": {"bias_regularizer": keras_l2(0.05)},
        },
    ),
    "activity": Twin(
        (L1(0.02, on="activity"), L2(0.03, on="activity", layers="last"), ElasticNet(on="activity", layers="hidden1")),
        {
            "hidden1": {"activity_regularizer": keras_l1l2(0.0201, 0.001)},
            "hidden2": {"activity_regularizer": keras_l1l2(0.02, 0.03)},
        },
    ),
    "clip-norm": Twin((ClipNorm(0.05),), optimizer={"clipnorm": 0.05}),
    "clip-value": Twin((ClipValue(0.02),), optimizer={"clipvalue": 0.02}),
    "clip-global-norm": Twin((ClipGlobalNorm(0.08),), optimizer={"global_clipnorm": 0.08}),
    "max-norm": Twin((MaxNorm(0.9, layers="hidden"),), everywhere("hidden1", "hidden2", kernel_constraint=ball(0.9))),
    "together": Twin(
        (L1(0.01), L2(0.01), ClipGlobalNorm(0.2), MaxNorm(0.9, layers="hidden"), WeightDecay(0.1, on="all")),
        {
            **everywhere("hidden1", "hidden2", kernel_regularizer=keras_l1l2(0.01, 0.01), kernel_constraint=ball(0.9)),
            "output": {"kernel_regularizer": keras_l1l2(0.01, 0.01)},
        },
        {"global_clipnorm": 0.2, "weight_decay": 0.1},
    ),
}
AMONG = [item for twin in TWINS.values() for item in twin.techniques]


@pytest.mark.parametrize("name", TWINS)
def test_one_program_with_all_of_them_equals_each_in_keras(name: str) -> None:
    """All techniques stand in one program, those that aren't in the recipe at their neutral strengths."""
    twin, sizes = TWINS[name], MIXED if name in ("activity", "together") else PARTIAL
    ours = walk(problem(), twin.techniques, among=AMONG, sizes=sizes)
    model = keras_network(problem(), dense=twin.dense)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, **twin.optimizer), "binary_crossentropy")
    assert_same_path(ours, keras_walk(model, problem(), ours, sizes=sizes), model, problem())


def keras_overlap(weight: float, mode: str) -> keras.regularizers.Regularizer:
    return keras.regularizers.OrthogonalRegularizer(weight, mode)


@pytest.mark.parametrize(
    "twin",
    [
        Twin(
            (UnitNorm("hidden1"), NonNegative("hidden2"), MinMaxNorm(0.4, 0.7, rate=0.5, layers="output")),
            {
                "hidden1": {"kernel_constraint": keras.constraints.UnitNorm()},
                "hidden2": {"kernel_constraint": keras.constraints.NonNeg()},
                "output": {"kernel_constraint": keras.constraints.MinMaxNorm(0.4, 0.7, rate=0.5)},
            },
        ),
        Twin(
            (
                Orthogonal(0.3, layers="hidden1", form="cosine-units"),
                Orthogonal(0.2, layers="hidden2", form="cosine-inputs"),
            ),
            {
                "hidden1": {"kernel_regularizer": keras_overlap(0.3, "columns")},
                "hidden2": {"kernel_regularizer": keras_overlap(0.2, "rows")},
            },
        ),
    ],
    ids=["constraints", "orthogonal"],
)
def test_what_stands_in_a_program_of_its_own(twin: Twin) -> None:
    ours = walk(problem(), twin.techniques, sizes=PARTIAL)
    model = keras_network(problem(), dense=twin.dense)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy")
    assert_same_path(ours, keras_walk(model, problem(), ours, sizes=PARTIAL), model, problem())


def test_layer_norm() -> None:
    ours = walk(problem(), (LayerNorm("input/hidden1"),))
    model = keras_network(problem(), norms={"input": None, "hidden1": None})
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy")
    assert_same_path(ours, keras_walk(model, problem(), ours), model, problem())


@pytest.mark.parametrize("text", ["adam", "sgd(momentum=0.9, nesterov=true)"])
def test_weight_decay_of_kernels_is_adamw_without_biases(text: str) -> None:
    training = Training(optimizer=text, learning_rate=0.02, schedule="cosine(alpha=0.1)")
    ours = walk(problem(), (WeightDecay(0.2),), training=training, sizes=PARTIAL)
    rate = keras.optimizers.schedules.CosineDecay(0.02, decay_steps=50, alpha=0.1)
    if text == "adam":
        theirs = keras.optimizers.AdamW(rate, weight_decay=0.2)
    else:
        theirs = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=0.2)
    theirs.exclude_from_weight_decay(var_names=["bias"])
    model = keras_network(problem())
    model.compile(theirs, "binary_crossentropy")
    assert_same_path(ours, keras_walk(model, problem(), ours, sizes=PARTIAL), model, problem())


@pytest.mark.parametrize("technique", [BatchNorm(), BatchNorm("all", momentum=0.8)], ids=["default", "all"])
def test_batch_norm_and_its_moving_statistics(technique: BatchNorm) -> None:
    ours = walk(problem(), (technique,))
    places = technique.chosen(("input", "hidden1", "hidden2"), technique.layers)
    model = keras_network(problem(), norms=dict.fromkeys(places, technique.momentum))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "binary_crossentropy")
    assert_same_path(ours, keras_walk(model, problem(), ours), model, problem())


def test_ema_predicts_with_the_average_that_keras_ends_with() -> None:
    ours = walk(problem(), (EMA(0.98),), sizes=PARTIAL)
    model = keras_network(problem())
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.98), "binary_crossentropy")
    theirs = keras_walk(model, problem(), ours, sizes=PARTIAL)
    last = keras_predictions(model, problem())
    model.optimizer.finalize_variable_values(model.trainable_variables)
    assert np.max(np.abs(last - keras_predictions(model, problem()))) > 0.01
    assert_same_path(ours, theirs, model, problem())


@pytest.mark.parametrize(
    ("loss", "outputs", "activation"),
    [
        ("binary_crossentropy", 1, "sigmoid"),
        ("binary_crossentropy", 2, "sigmoid"),
        ("categorical_crossentropy", 3, "softmax"),
    ],
    ids=["one sigmoid", "two-hot", "softmax"],
)
def test_label_smoothing(loss: str, outputs: int, activation: str) -> None:
    given = problem(loss, outputs, activation)
    ours = walk(given, (LabelSmoothing(0.2),), sizes=PARTIAL)
    theirs = keras.losses.BinaryCrossentropy if activation == "sigmoid" else keras.losses.CategoricalCrossentropy
    model = keras_network(given)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), theirs(label_smoothing=0.2))
    assert_same_path(ours, keras_walk(model, given, ours, sizes=PARTIAL), model, given)

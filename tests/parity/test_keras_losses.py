"""Every loss with its output activation, with and without weights, against Keras's ``train_on_batch``."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from parity.twins import MIXED, PARTIAL, ROWS, assert_same_path, keras_network, keras_walk, problem, walk
from wellposed.training.losses import loss
from wellposed.training.spec import Training

CASES = {
    "binary": ("binary_crossentropy", 1, "sigmoid"),
    "two-hot": ("binary_crossentropy", 2, "sigmoid"),
    "softmax": ("categorical_crossentropy", 3, "softmax"),
    "squared": ("mean_squared_error", 2, "linear"),
    "squared, relu output": ("mean_squared_error", 1, "relu"),
    "absolute": ("mean_absolute_error", 2, "linear"),
    "huber": ("huber", 2, "linear"),
    "huber 0.3": ("huber(delta=0.3)", 1, "linear"),
    "log cosh": ("log_cosh", 1, "linear"),
    "poisson": ("poisson", 1, "exponential"),
}
# Plain SGD: squared errors and counts under momentum are so unsteady that rounding grows a thousandfold in fifty steps.
RATE = 0.05
TRAINING = Training(optimizer="sgd", learning_rate=RATE)
WEIGHT = np.random.default_rng(9).choice([0.0, 0.5, 1.0, 3.0], ROWS).astype(np.float32)


def twin_of(text: str, given) -> keras.Model:
    ours = loss(text)
    model = keras_network(given, hidden=(4,), activation="relu")
    model.compile(keras.optimizers.SGD(RATE), getattr(keras.losses, type(ours).__name__)(**vars(ours)))
    return model


@pytest.mark.parametrize("name", CASES)
def test_every_loss(name: str) -> None:
    text, outputs, activation = CASES[name]
    given = problem(text, outputs, activation)
    ours = walk(given, hidden=(4,), activation="relu", training=TRAINING, sizes=PARTIAL)
    model = twin_of(text, given)
    assert_same_path(ours, keras_walk(model, given, ours, sizes=PARTIAL), model, given)


@pytest.mark.parametrize("name", ["binary", "two-hot", "softmax", "squared", "poisson"])
def test_weights_of_samples_and_classes(name: str) -> None:
    """Σ weight·loss / rows, not / Σ weight; a row of weight 0 still counts as a row."""
    text, outputs, activation = CASES[name]
    given, sizes = problem(text, outputs, activation), MIXED if name == "binary" else PARTIAL
    model = twin_of(text, given)
    ours = walk(given, hidden=(4,), activation="relu", training=TRAINING, weight=WEIGHT, sizes=sizes)
    assert_same_path(ours, keras_walk(model, given, ours, weight=WEIGHT, sizes=sizes), model, given)
    if text.endswith("crossentropy"):
        weights = dict(enumerate([2.0, 0.5, 1.5][: max(outputs, 2)]))
        classes = given.y[:, 0] if outputs == 1 else given.y.argmax(1)
        by_class = np.array([weights[int(label)] for label in classes])
        ours = walk(given, hidden=(4,), activation="relu", training=TRAINING, weight=by_class, sizes=sizes)
        theirs = keras_walk(model, given, ours, class_weight=weights, sizes=sizes)  # plain SGD keeps nothing of before
        assert_same_path(ours, theirs, model, given)

"""Every optimizer within the engine's step, against Keras's ``train_on_batch``; schedules as traced factors."""

from __future__ import annotations

import keras
import pytest

from parity.optimizer_twins import keras_optimizer
from parity.twins import PARTIAL, STEPS, assert_same_path, keras_network, keras_walk, problem, walk
from wellposed.training.optimizers import OPTIMIZERS, optimizer
from wellposed.training.spec import Training

schedules = keras.optimizers.schedules

# Rates at which fifty steps move the weights: Keras's defaults are for more steps.
RATES = {"adadelta": 1.0, "adagrad": 0.05, "lion": 0.01, "sgd": 0.1}
SETTINGS = (
    "adam(beta_1=0.8, beta_2=0.95, epsilon=0.001)",
    "adamw(weight_decay=0.3)",
    "adamax(beta_1=0.8, beta_2=0.9)",
    "adagrad(initial_accumulator_value=0.01, epsilon=0.001)",
    "adadelta(rho=0.8, epsilon=0.0001)",
    "lion(beta_1=0.8, beta_2=0.9)",
    "muon(momentum=0.8, nesterov=false, weight_decay=0.2)",
)


@pytest.mark.parametrize("text", [*OPTIMIZERS, *SETTINGS])
def test_every_optimizer(text: str) -> None:
    ours = optimizer(text)
    rate = RATES.get(ours.name, 0.02)
    check(text, "constant", rate, keras_optimizer(ours, rate))


@pytest.mark.parametrize(
    ("text", "schedule", "theirs"),
    [
        (
            "rmsprop(rho=0.8, momentum=0.5, epsilon=0.001, centered=true)",
            "cosine(alpha=0.05, warmup=0.2)",
            schedules.CosineDecay(0.0, STEPS - 10, alpha=0.05, warmup_target=0.02, warmup_steps=10),
        ),
        (
            "sgd(momentum=0.9, nesterov=true)",
            "exponential(rate=0.3, every=0.2)",
            schedules.ExponentialDecay(0.02, 10, 0.3),
        ),
        (
            "nadam(beta_1=0.8, beta_2=0.99)",
            "step(boundaries=(0.5, 0.75), factors=(1, 0.1, 0.01))",
            schedules.PiecewiseConstantDecay([25, 37.5], [0.02, 0.002, 0.0002]),
        ),
    ],
    ids=["cosine with warmup", "exponential", "step"],
)
def test_schedules_within_the_step(text: str, schedule: str, theirs: schedules.LearningRateSchedule) -> None:
    ours = optimizer(text)
    check(text, schedule, 0.02, keras_optimizer(ours, theirs))


def check(text: str, schedule: str, rate: float, theirs: keras.optimizers.Optimizer) -> None:
    given = problem("categorical_crossentropy", 3)
    training = Training(optimizer=text, learning_rate=rate, schedule=schedule)
    ours = walk(given, training=training, hidden=(4,), sizes=PARTIAL)
    model = keras_network(given, hidden=(4,))
    model.compile(theirs, "categorical_crossentropy")
    assert_same_path(ours, keras_walk(model, given, ours, sizes=PARTIAL), model, given)

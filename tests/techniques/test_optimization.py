"""Rewritten training settings, and the schedule-free path against its equations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.recipe import parse
from wellposed.techniques.base import Own
from wellposed.techniques.optimization import BatchSize, LearningRateSchedule, OptimizerChoice, ScheduleFree
from wellposed.training.optimizers import SGD, Adam, Muon, RMSprop
from wellposed.training.schedules import Constant, CosineDecay
from wellposed.training.spec import Training


def test_settings_are_replaced():
    spec = Training(learning_rate=0.3, batch_size=7)
    muon = OptimizerChoice("muon").training(spec)
    assert isinstance(muon.optimizer, Muon)
    assert muon.rate == Muon.learning_rate
    assert OptimizerChoice("sgd(momentum=0.9)", rate=0.05).training(spec).rate == 0.05
    assert BatchSize(64).training(spec).batch_size == 64
    assert LearningRateSchedule("cosine").training(spec).schedule == CosineDecay()
    for text in ("optimizer=sgd", "batch-size=64", "schedule=coslog4"):
        assert parse(text).name == text


def test_schedule_free_equals_its_equations():
    """SGD on a quadratic, in NumPy: the gradient at y, a step of z, an average x."""
    item = ScheduleFree(0.8)
    curvature, z = np.array([1.0, 3.0]), np.array([2.0, -1.0])
    x = y = z
    params = {"w": jnp.asarray(y, jnp.float32)}
    own = Own(state={"x": params, "z": params})
    for step in range(1, 9):
        z = z - 0.1 * curvature * y
        x = x + (z - x) / step
        y = 0.2 * z + 0.8 * x
        new = jax.tree.map(lambda w: w - 0.1 * jnp.asarray(curvature, jnp.float32) * w, params)
        params, state = item.update(
            new, params, own, lr=jnp.float32(0.1), preconditioner=new, step=jnp.int32(step), total=jnp.int32(8)
        )
        own = own._replace(state=state)
        np.testing.assert_allclose(params["w"], y, rtol=1e-5)
        np.testing.assert_allclose(item.inference(params, own)[0]["w"], x, rtol=1e-5)


def test_schedule_free_takes_momentum_away():
    item = ScheduleFree()
    assert item.training(Training(schedule="cosine")).schedule == Constant()
    assert item.training(Training()).optimizer == Adam(beta_1=0.0)
    assert item.training(Training(optimizer=SGD(0.9, nesterov=True))).optimizer == SGD()
    with pytest.raises(TechniqueError) as error:
        item.training(Training(optimizer=RMSprop()))
    assert str(error.value) == (
        "ScheduleFree: the optimizer must be sgd, adam or adamw, got rmsprop. Choose another one."
    )


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: BatchSize(0), "BatchSize: rows must be a whole number of at least 1, got 0. Usual are 16 to 512."),
        (lambda: OptimizerChoice("sgd", -1), "OptimizerChoice: rate must be a number, 0 or above, got -1"),
        (
            lambda: LearningRateSchedule("cosin"),
            "LearningRateSchedule: schedule: unknown name, got cosin. Choose one of constant, cosine, coslog4, "
            "exponential, flat_cosine, linear, step, warm_restarts.",
        ),
    ],
)
def test_refusals(made, message: str):
    with pytest.raises(TechniqueError) as error:
        made()
    assert str(error.value) == message

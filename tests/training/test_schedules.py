"""Schedules against Keras's, and against their papers' formulas."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import StudyError
from wellposed.training.schedules import (
    SCHEDULES,
    Constant,
    CosineDecay,
    CosLog4,
    ExponentialDecay,
    FlatCosine,
    Linear,
    Schedule,
    Step,
    WarmRestarts,
    schedule,
)

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
theirs = keras.optimizers.schedules

TOTAL = 70


def over_steps(function, steps) -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(function))(jnp.asarray(steps, jnp.float32)))


def factors(ours: Schedule, steps=None, total: int = TOTAL) -> np.ndarray:
    with jax.numpy_dtype_promotion("strict"):
        horizon = jnp.int32(total)
        result = over_steps(lambda step: ours.factor(step, horizon), np.arange(total + 1) if steps is None else steps)
    assert result.dtype == np.float32
    return result


@pytest.mark.parametrize(
    ("ours", "twin"),
    [
        (CosineDecay(), theirs.CosineDecay(1.0, TOTAL)),
        (CosineDecay(0.1), theirs.CosineDecay(1.0, TOTAL, alpha=0.1)),
        (CosineDecay(0.1, 0.2), theirs.CosineDecay(0.0, 56, alpha=0.1, warmup_target=1.0, warmup_steps=14)),
        (ExponentialDecay(0.5, 0.1), theirs.ExponentialDecay(1.0, 7, 0.5)),
        (ExponentialDecay(0.5, 0.5, True), theirs.ExponentialDecay(1.0, 35, 0.5, staircase=True)),
        (WarmRestarts(), theirs.CosineDecayRestarts(1.0, 10, t_mul=2.0)),
        (WarmRestarts((1.0, 1.0), 0.2), theirs.CosineDecayRestarts(1.0, 35, t_mul=1.0, alpha=0.2)),
        (Linear(), theirs.PolynomialDecay(1.0, TOTAL, 0.0)),
        (Linear(0.25), theirs.PolynomialDecay(1.0, TOTAL, 0.25)),
        (Step(), theirs.PiecewiseConstantDecay([35.0, 52.5], [1.0, 0.1, 0.01])),
        (Step((0.2,), (0.5, 1.0)), theirs.PiecewiseConstantDecay([14.0], [0.5, 1.0])),
    ],
    ids=lambda value: value.to_text() if isinstance(value, Schedule) else "",
)
def test_equals_keras(ours: Schedule, twin) -> None:
    # At the horizon itself Keras restarts again, where ours has arrived.
    steps = np.arange(TOTAL)
    np.testing.assert_allclose(factors(ours, steps), over_steps(twin, steps), rtol=2e-6, atol=1e-6)


def test_restarts_fall_on_their_updates_at_any_horizon() -> None:
    for steps_per_epoch in (1, 7, 39, 1001):
        total = 105 * steps_per_epoch
        starts = np.array([0, 15, 45]) * steps_per_epoch
        np.testing.assert_allclose(factors(WarmRestarts(), starts, total), 1.0)
        assert (factors(WarmRestarts(), np.array([15, 45, 105]) * steps_per_epoch - 1, total) < 0.02).all()


def test_flat_cosine() -> None:
    t = np.arange(TOTAL + 1) / TOTAL
    np.testing.assert_allclose(
        factors(FlatCosine(0.5)), (1 + np.cos(np.pi * (np.maximum(1, 2 * t) - 1))) / 2, atol=1e-6
    )
    assert (factors(FlatCosine())[:50] == 1).all()
    assert factors(FlatCosine())[-1] == pytest.approx(0, abs=1e-6)


def test_coslog4_has_four_doubling_cycles() -> None:
    t = np.arange(151) / 150
    ours = factors(CosLog4(), total=150)
    np.testing.assert_allclose(ours, 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t))), atol=2e-6)
    np.testing.assert_allclose(ours[[0, 10, 30, 70, 150]], 0, atol=1e-6)


@pytest.mark.parametrize("name", SCHEDULES)
def test_stays_in_bounds_and_keeps_its_last_value(name: str) -> None:
    values = factors(schedule(name), np.arange(TOTAL + 20))
    assert ((values >= -1e-6) & (values <= 1 + 1e-6)).all()
    assert (values[TOTAL:] == values[TOTAL]).all()
    assert np.isfinite(factors(schedule(name), total=1)).all()


def test_one_program_serves_any_horizon() -> None:
    traces = []

    @jax.jit
    def factor(step, total):
        traces.append(1)
        return CosineDecay().factor(step, total)

    assert factor(5, 10) == pytest.approx(0.5)
    assert factor(10, 20) == pytest.approx(0.5)
    assert len(traces) == 1


def test_constant() -> None:
    assert (factors(Constant()) == 1).all()


@pytest.mark.parametrize(
    "ours",
    [CosineDecay(0.1, 0.05), ExponentialDecay(0.5, 0.1, True), WarmRestarts((1.0, 3.0)), Step((0.25,), (1.0, 0.5))],
    ids=Schedule.to_text,
)
def test_text_round_trip(ours: Schedule) -> None:
    assert schedule(ours.to_text()) == ours


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosine(alpha=2)", "CosineDecay: alpha must be in [0, 1], got 2.0"),
        ("cosine(warmup=1)", "CosineDecay: warmup must be in [0, 1), got 1.0"),
        ("exponential(rate=0)", "ExponentialDecay: rate must be in (0, 1], got 0.0"),
        ("exponential(every=0)", "ExponentialDecay: every must be positive, got 0.0"),
        ("warm_restarts(cycles=())", "WarmRestarts: cycles must be positive numbers, got ()"),
        ("warm_restarts(cycles=(1, -1))", "WarmRestarts: cycles must be positive numbers, got (1.0, -1.0)"),
        ("flat_cosine(1)", "FlatCosine: flat must be in [0, 1), got 1.0"),
        ("linear(-1)", "Linear: end must be in [0, 1], got -1.0"),
        ("step((.5, .2), (1, 1, 1))", "Step: boundaries must increase within (0, 1), got (0.5, 0.2)"),
        ("step((.5,), (1,))", "Step: 1 boundaries need 2 factors, got (1.0,)"),
        ("step((.5,), (1, -1))", "Step: factors must not be negative, got (1.0, -1.0)"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        schedule(text)
    assert str(caught.value) == message

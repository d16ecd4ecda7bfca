"""Metrics against scikit-learn, in blocks and with padding."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as reference

from wellposed.errors import StudyError
from wellposed.training.metrics import METRICS, metric

rng = np.random.default_rng(3)
ROWS, CLASSES = 40, 3
WEIGHTS = rng.uniform(0.1, 2, ROWS)
LABELS = rng.integers(0, CLASSES, ROWS)
PROBABILITIES = rng.dirichlet(np.ones(CLASSES), ROWS)
POSITIVE = rng.integers(0, 2, ROWS)
P = rng.uniform(size=ROWS)
TARGETS = rng.normal(size=(ROWS, 2))
GUESSES = TARGETS + 0.7 * rng.normal(size=(ROWS, 2))
SCALE = np.array([10.0, 0.5])


@cache
def compiled(name: str):
    ours = metric(name)
    return jax.jit(ours.sums), jax.jit(ours.finish)


def score(name: str, predictions, y, w=None, scale=None) -> float:
    predictions, y = (np.asarray(a, np.float32).reshape(len(a), -1) for a in (predictions, y))
    weights = np.zeros(ROWS + 2, np.float32)
    weights[: len(y)] = 1.0 if w is None else w
    padding = ((0, ROWS + 2 - len(y)), (0, 0))  # one shape for all tests: each metric is compiled once a width
    predictions, y = np.pad(predictions, padding, constant_values=np.nan), np.pad(y, padding)
    sums, finish = compiled(name)
    with jax.numpy_dtype_promotion("strict"):
        scale = np.ones(y.shape[1]) if scale is None else scale
        result = finish(sums(predictions, y, weights), jnp.asarray(scale, jnp.float32))
    assert result.dtype == jnp.float32
    assert result.shape == ()
    return float(result)


@pytest.mark.parametrize("w", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("name", "oracle"),
    [("accuracy", reference.accuracy_score), ("balanced_accuracy", reference.balanced_accuracy_score)],
)
def test_accuracies(name: str, oracle, w) -> None:
    one_hot = np.eye(CLASSES)[LABELS]
    expected = oracle(LABELS, PROBABILITIES.argmax(1), sample_weight=w)
    assert score(name, PROBABILITIES, one_hot, w) == pytest.approx(expected, rel=1e-5)
    expected = oracle(POSITIVE, P > 0.5, sample_weight=w)
    assert score(name, P, POSITIVE, w) == pytest.approx(expected, rel=1e-5)
    two = np.stack([1 - P, P], 1)
    assert score(name, two, np.eye(2)[POSITIVE], w) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("w", [None, WEIGHTS], ids=["plain", "weighted"])
def test_brier(w) -> None:
    expected = reference.brier_score_loss(LABELS, PROBABILITIES, sample_weight=w)
    assert score("brier", PROBABILITIES, np.eye(CLASSES)[LABELS], w) == pytest.approx(expected, rel=1e-5)
    expected = reference.brier_score_loss(POSITIVE, P, sample_weight=w)
    assert score("brier", P, POSITIVE, w) == pytest.approx(expected, rel=1e-5)
    assert score("brier", np.stack([1 - P, P], 1), np.eye(2)[POSITIVE], w) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("w", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("r2", reference.r2_score),
        ("mae", reference.mean_absolute_error),
        ("mse", reference.mean_squared_error),
        ("rmse", reference.root_mean_squared_error),
    ],
)
def test_regression_in_original_units(name: str, oracle, w) -> None:
    expected = oracle(TARGETS * SCALE + 5, GUESSES * SCALE + 5, sample_weight=w)
    assert score(name, GUESSES, TARGETS, w, SCALE) == pytest.approx(expected, rel=1e-5)


def test_r2_of_a_constant_target() -> None:
    for constant in (0.0, 3.0):
        y = np.full(5, constant)
        assert score("r2", y, y) == reference.r2_score(y, y) == 1.0
        assert score("r2", y + 0.1, y) == reference.r2_score(y, y + 0.1) == 0.0


def test_balanced_accuracy_leaves_out_classes_that_do_not_occur() -> None:
    y = np.eye(3)[[0, 0, 1]]
    assert score("balanced_accuracy", np.eye(3)[[0, 1, 1]], y) == pytest.approx(0.75)


def batch(name: str):
    regression = metric(name).task == "regression"
    return (GUESSES, TARGETS) if regression else (PROBABILITIES, np.eye(CLASSES)[LABELS])


@pytest.mark.parametrize("name", METRICS)
def test_blocks_add_up(name: str) -> None:
    predictions, y = (np.asarray(np.pad(a, ((0, 2), (0, 0))), np.float32) for a in batch(name))
    w = np.pad(WEIGHTS, (0, 2)).astype(np.float32)
    first = (np.arange(ROWS + 2) < 25).astype(np.float32)
    sums, _ = compiled(name)
    blocks = sums(predictions, y, w * first) + sums(predictions, y, w * (1 - first))
    np.testing.assert_allclose(blocks, sums(predictions, y, w), rtol=1e-5)


@pytest.mark.parametrize("name", METRICS)
def test_nan_shows(name: str) -> None:
    predictions, y = batch(name)
    assert np.isnan(score(name, np.where(np.arange(ROWS)[:, None] == 4, np.nan, predictions), y))
    assert np.isnan(score(name, np.full(4, np.nan), np.array([0.0, 1.0, 1.0, 0.0])))


def test_direction_and_task() -> None:
    assert {name: (cls.direction, cls.task) for name, cls in METRICS.items()} == {
        "accuracy": ("max", "classification"),
        "balanced_accuracy": ("max", "classification"),
        "brier": ("min", "classification"),
        "r2": ("max", "regression"),
        "mae": ("min", "regression"),
        "mse": ("min", "regression"),
        "rmse": ("min", "regression"),
    }


def test_unknown_name() -> None:
    with pytest.raises(StudyError) as caught:
        metric("auc")
    expected = "metric: unknown name, got auc. Choose one of accuracy, balanced_accuracy, brier, mae, mse, r2, rmse."
    assert str(caught.value) == expected

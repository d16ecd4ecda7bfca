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
def test_log_loss(w) -> None:
    expected = reference.log_loss(LABELS, PROBABILITIES, sample_weight=w)
    assert score("log_loss", PROBABILITIES, np.eye(CLASSES)[LABELS], w) == pytest.approx(expected, rel=1e-5)
    certain = np.where(np.arange(ROWS) < 3, [0.0, 1.0] * 20, P).astype(np.float32)
    expected = reference.log_loss(POSITIVE, certain, sample_weight=w)
    assert score("log_loss", certain, POSITIVE, w) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("w", [None, WEIGHTS], ids=["plain", "weighted"])
def test_f1(w) -> None:
    one_hot = np.eye(CLASSES)[LABELS]
    expected = reference.f1_score(LABELS, PROBABILITIES.argmax(1), average="macro", sample_weight=w)
    assert score("f1", PROBABILITIES, one_hot, w) == pytest.approx(expected, rel=1e-5)
    expected = reference.f1_score(POSITIVE, P > 0.5, sample_weight=w)
    assert score("f1", P, POSITIVE, w) == pytest.approx(expected, rel=1e-5)
    assert score("f1", np.stack([1 - P, P], 1), np.eye(2)[POSITIVE], w) == pytest.approx(expected, rel=1e-5)


def test_f1_of_classes_that_do_not_occur() -> None:
    y, guess = [0, 0, 1], [0, 1, 1]
    expected = reference.f1_score(y, guess, average="macro")  # over the two classes that occur
    assert score("f1", np.eye(3)[guess], np.eye(3)[y]) == pytest.approx(expected)
    assert score("f1", np.full(4, 0.1), np.zeros(4)) == reference.f1_score([0] * 4, [0] * 4, zero_division=0) == 0.0


@pytest.mark.parametrize("w", [None, WEIGHTS], ids=["plain", "weighted"])
def test_auc(w) -> None:
    expected = reference.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr", sample_weight=w)
    assert score("auc", PROBABILITIES, np.eye(CLASSES)[LABELS], w) == pytest.approx(expected, abs=1e-3)
    expected = reference.roc_auc_score(POSITIVE, P, sample_weight=w)
    assert score("auc", P, POSITIVE, w) == pytest.approx(expected, abs=1e-3)
    assert score("auc", np.stack([1 - P, P], 1), np.eye(2)[POSITIVE], w) == pytest.approx(expected, abs=1e-3)
    rounded = np.round(P, 1)  # ties count half
    expected = reference.roc_auc_score(POSITIVE, rounded, sample_weight=w)
    assert score("auc", rounded, POSITIVE, w) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("centre", [-6.0, -2.0, 0.0, 3.0])
@pytest.mark.parametrize("spread", [0.1, 0.5, 2.0, 10.0, 40.0])
def test_auc_of_timid_and_certain_networks(centre: float, spread: float) -> None:
    """The bins are narrow beside any spread of logits that a network which learned something has."""
    draws = np.random.default_rng(7)
    y = draws.integers(0, 2, 4000).astype(np.float32)
    logits = (centre + spread * (draws.normal(size=4000) + 0.8 * y)).astype(np.float32)
    p = np.asarray(jax.nn.sigmoid(logits))
    ours = metric("auc").score(p[:, None], y[:, None], np.ones(4000), np.ones(1))
    assert ours == pytest.approx(reference.roc_auc_score(y, p), abs=1e-3)


def test_auc_error_is_bounded_by_pairs_in_one_bin() -> None:
    """Scores too close to be told apart count as equal: here all of them are."""
    p = np.nextafter(np.float32(0.3), np.array([1.0, 0.0] * 10, np.float32))
    assert score("auc", p, [1.0, 0.0] * 10) == 0.5
    assert np.isnan(score("auc", P, np.zeros(ROWS)))  # one class alone has no curve


ORACLES = {
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p > 0.5, sample_weight=w),
    "balanced_accuracy": lambda y, p, w: reference.balanced_accuracy_score(y, p > 0.5, sample_weight=w),
    "f1": lambda y, p, w: reference.f1_score(y, p > 0.5, sample_weight=w),
    "auc": lambda y, p, w: reference.roc_auc_score(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: reference.log_loss(y, p, sample_weight=w),
    "brier": lambda y, p, w: reference.brier_score_loss(y, p, sample_weight=w),
    "r2": lambda y, p, w: reference.r2_score(y, p, sample_weight=w),
    "mae": lambda y, p, w: reference.mean_absolute_error(y, p, sample_weight=w),
    "mse": lambda y, p, w: reference.mean_squared_error(y, p, sample_weight=w),
    "rmse": lambda y, p, w: reference.root_mean_squared_error(y, p, sample_weight=w),
}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("w", [np.ones(ROWS), WEIGHTS], ids=["plain", "weighted"])
def test_contributions(name: str, w: np.ndarray) -> None:
    """They average to the score, and say what more weight on a row does to scikit-learn's."""
    regression = metric(name).task == "regression"
    scale = 3.0 if regression else 1.0
    p, y = (GUESSES[:, 0], TARGETS[:, 0]) if regression else (P, POSITIVE)
    found = metric(name).contributions(p[:, None], y[:, None], w, np.array([scale]))
    whole = ORACLES[name](scale * y, scale * p, w)
    assert found.mean() == pytest.approx(whole, abs=1e-5 if name != "auc" else 1e-3)
    for row in range(0, ROWS, 5):
        more = w.copy()
        more[row] *= 1.0 + 1e-4
        change = (ORACLES[name](scale * y, scale * p, more) - whole) / 1e-4
        assert found[row] - found.mean() == pytest.approx(ROWS * change, abs=3e-3 * max(1.0, abs(found).max()))


def test_contributions_of_a_mean_are_the_rows_own_values() -> None:
    found = metric("accuracy").contributions(P[:, None], POSITIVE[:, None], np.ones(ROWS), np.ones(1))
    np.testing.assert_allclose(found, (P > 0.5) == POSITIVE, atol=1e-5)


def test_contributions_where_every_row_is_right() -> None:
    y = TARGETS[:, :1]
    np.testing.assert_array_equal(metric("rmse").contributions(y, y, np.ones(ROWS), np.ones(1)), np.zeros(ROWS))


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
        "f1": ("max", "classification"),
        "auc": ("max", "classification"),
        "log_loss": ("min", "classification"),
        "brier": ("min", "classification"),
        "r2": ("max", "regression"),
        "mae": ("min", "regression"),
        "mse": ("min", "regression"),
        "rmse": ("min", "regression"),
    }


def test_unknown_name() -> None:
    with pytest.raises(StudyError) as caught:
        metric("kappa")
    assert str(caught.value) == (
        "metric: unknown name, got kappa. "
        "Choose one of accuracy, auc, balanced_accuracy, brier, f1, log_loss, mae, mse, r2, rmse."
    )


@pytest.mark.parametrize("written", ["balanced-accuracy", "F1", "roc-auc", "log-loss", "RMSE", "mean_absolute_error"])
def test_names_as_people_write_them(written: str) -> None:
    assert metric(written).name in METRICS

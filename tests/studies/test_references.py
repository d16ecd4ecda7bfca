"""Oracles: scikit-learn's own estimators and metrics on the same rows."""

from __future__ import annotations

import re
import threading
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from wellposed.errors import StudyError
from wellposed.studies.references import Pair, references


@pytest.fixture(autouse=True)
def one_thread():
    """OpenMP threads that wait for each other on a busy machine take ten times as long."""
    with threadpool_limits(1):
        yield


def accuracy(y, probabilities):
    return float((probabilities.argmax(axis=1) == y).mean())


def split(x, y, folds=2):
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    return [Pair(x[a], y[a], x[b], y[b]) for a, b in KFold(folds, shuffle=True, random_state=0).split(x)]


def by_name(rows):
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_classification_equals_scikit_learn(load):
    pairs = split(*load(return_X_y=True))
    rows = by_name(references("classification", pairs, {"accuracy": accuracy}, seed=0, limit_s=60))
    assert list(rows) == ["majority class", "logistic regression", "gradient boosting"]
    oracles = {
        "logistic regression": LogisticRegression(max_iter=10_000, tol=1e-6),
        "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    }
    for name, model in oracles.items():
        fitted = [(y, model.fit(a, b).predict_proba(x)) for a, b, x, y, _ in pairs]
        losses = [log_loss(y, p) for y, p in fitted]
        scores = [accuracy_score(y, p.argmax(axis=1)) for y, p in fitted]
        found = rows[name]["validation"]
        assert found["loss"]["mean"] == pytest.approx(np.mean(losses), rel=2e-3)
        assert found["loss"]["sd"] == pytest.approx(np.std(losses, ddof=1), rel=2e-2)
        assert found["accuracy"]["mean"] == pytest.approx(np.mean(scores))
    frequent = [(np.bincount(b).argmax() == y).mean() for _, b, _, y, _ in pairs]
    assert rows["majority class"]["validation"]["accuracy"]["mean"] == pytest.approx(np.mean(frequent))


def test_regression_on_several_targets_equals_scikit_learn():
    x, y = load_diabetes(return_X_y=True)
    y = np.column_stack([(y - y.mean()) / y.std(), x[:, 2] / x[:, 2].std()]).astype(np.float32)
    pairs = split(x[:, [0, 1, 3, 4, 5]], y)
    rows = by_name(references("regression", pairs, {"r2": r2_score}, seed=0, limit_s=60))
    assert list(rows) == ["mean", "ridge regression", "gradient boosting"]
    ridge = [((y - RidgeCV().fit(a, b).predict(x)) ** 2).mean() for a, b, x, y, _ in pairs]
    assert rows["ridge regression"]["validation"]["loss"]["mean"] == pytest.approx(np.mean(ridge), rel=1e-4)
    boosted = [
        r2_score(y[:, 0], HistGradientBoostingRegressor(random_state=0).fit(a, b[:, 0]).predict(x))
        for a, b, x, y, _ in pairs
    ]
    one = by_name(
        references(
            "regression", [Pair(a, b[:, 0], x, y[:, 0]) for a, b, x, y, _ in pairs], {"r2": r2_score}, seed=0, limit_s=9
        )
    )
    assert one["gradient boosting"]["validation"]["r2"]["mean"] == pytest.approx(np.mean(boosted))
    assert rows["mean"]["validation"]["r2"]["mean"] < 0.01


def test_weights_of_rows_are_scikit_learns():
    """The same estimators with sample_weight; whole weights are repeated rows."""
    x, y = load_iris(return_X_y=True)
    random = np.random.default_rng(0)
    pairs = [pair._replace(weight=random.integers(1, 5, len(pair.y_train)).astype(np.float32)) for pair in split(x, y)]
    rows = by_name(references("classification", pairs, {"accuracy": accuracy}, seed=0, limit_s=60))
    oracles = {
        "logistic regression": LogisticRegression(max_iter=10_000, tol=1e-6),
        "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    }
    for name, model in oracles.items():
        losses = [log_loss(y, model.fit(a, b, sample_weight=w).predict_proba(x)) for a, b, x, y, w in pairs]
        assert rows[name]["validation"]["loss"]["mean"] == pytest.approx(np.mean(losses), rel=2e-3)
    repeated = [
        Pair(np.repeat(a, w.astype(int), axis=0), np.repeat(b, w.astype(int)), x, y)
        for a, b, x, y, w in pairs
        if w is not None
    ]
    again = by_name(references("classification", repeated, {}, seed=0, limit_s=60))
    for name in ("majority class", "logistic regression"):
        expected = again[name]["validation"]["loss"]["mean"]
        assert rows[name]["validation"]["loss"]["mean"] == pytest.approx(expected, rel=1e-3)


def test_weights_of_rows_in_regression():
    x, y = load_diabetes(return_X_y=True)
    y = ((y - y.mean()) / y.std()).astype(np.float32)
    weights = np.where(y > 0, 3.0, 1.0).astype(np.float32)
    pair = Pair(x[:300].astype(np.float32), y[:300], x[300:].astype(np.float32), y[300:], weights[:300])
    rows = by_name(references("regression", [pair], {"r2": r2_score}, seed=0, limit_s=60))
    a, b, x, y, w = pair
    predicted = {
        "mean": np.full(len(y), np.average(b, weights=w)),
        "ridge regression": RidgeCV().fit(a.astype(np.float64), b, sample_weight=w).predict(x),
        "gradient boosting": HistGradientBoostingRegressor(random_state=0).fit(a, b, sample_weight=w).predict(x),
    }
    for name, values in predicted.items():
        assert rows[name]["validation"]["loss"]["mean"] == pytest.approx(np.mean((y - values) ** 2), rel=1e-4)


def test_a_class_missing_from_the_training_rows_has_probability_zero():
    x, y = load_iris(return_X_y=True)
    x = x.astype(np.float32)
    pairs = [Pair(x[:100], y[:100], x[50:], y[50:]), Pair(x[:50], y[:50], x[50:], y[50:])]
    seen: list[np.ndarray] = []
    rows = references("classification", pairs, {"shape": lambda y, p: seen.append(p) or 0.0}, seed=0, limit_s=60)
    assert [row["splits"] for row in rows] == [2, 2, 2]
    for probabilities in seen:
        assert probabilities.shape == (100, 3)
        assert probabilities.sum(axis=1) == pytest.approx(1.0)
        assert not probabilities[:, 2].any()
    assert all(np.isfinite(row["validation"]["loss"]["mean"]) for row in rows)


def test_boosting_runs_on_the_first_splits_only():
    pairs = split(*load_iris(return_X_y=True), folds=4)
    rows = by_name(references("classification", iter(pairs), {}, seed=0, limit_s=60, max_pairs=2))
    assert {name: row["splits"] for name, row in rows.items()} == {
        "majority class": 4,
        "logistic regression": 4,
        "gradient boosting": 2,
    }


def test_a_metric_without_a_value_is_nan():
    row = references(
        "classification", split(*load_iris(return_X_y=True)), {"m": lambda *_: np.nan}, seed=0, limit_s=60
    )[0]
    assert np.isnan([row["validation"]["m"]["mean"], row["validation"]["m"]["sd"]]).all()


def test_no_time_no_models():
    assert references("classification", split(*load_iris(return_X_y=True)), {}, seed=0, limit_s=0) == []


def test_boosting_that_would_not_end_in_time_is_left_out():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 300)).astype(np.float32)
    y = rng.integers(0, 10, 4000)
    rows = by_name(references("classification", [Pair(x, y, x[:50], y[:50])], {}, seed=0, limit_s=0.5))
    assert "gradient boosting" not in rows


def test_a_worker_thread_warns_of_nothing_and_leaves_the_filters_alone():
    x, y = load_breast_cancer(return_X_y=True)  # unscaled: L-BFGS doesn't converge in 100 steps
    pairs = [Pair(x[:300].astype(np.float32), y[:300], x[300:].astype(np.float32), y[300:])]
    filters, found = list(warnings.filters), []
    worker = threading.Thread(
        target=lambda: found.extend(references("classification", pairs, {"accuracy": accuracy}, seed=0, limit_s=60))
    )
    worker.start()
    worker.join()
    assert len(found) == 3
    assert warnings.filters == filters


def test_unknown_task():
    message = "references: task must be 'classification' or 'regression', got ranking"
    with pytest.raises(StudyError, match=f"^{re.escape(message)}$"):
        references("ranking", [], {}, seed=0, limit_s=1)  # pyright: ignore[reportArgumentType]

"""Reference models on a study's own splits: is the network better than what scikit-learn does in a second?

They run in a worker thread while programs compile: one thread each, nothing printed, no warnings (so logistic
regression minimizes scikit-learn's objective with SciPy here: scikit-learn warns where it stops early, and filters of
warnings are shared by all threads).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import StudyError

Array = NDArray[Any]
Metric = Callable[[Array, Array], float]


class Pair(NamedTuple):
    """A split: encoded rows, class codes or scaled targets; ``weight`` of each training row (None: all alike)."""

    x_train: Array
    y_train: Array
    x: Array
    y: Array
    weight: Array | None = None


CLIP = 1e-7  # probabilities in the log loss, as Keras clips them
PILOT_CELLS = 1_000_000  # training cells (rows x columns x trees a round) above which boosting is timed first
PILOT_ROUNDS, ROUNDS = 3, 100


def references(
    task: Literal["classification", "regression"],
    pairs: Iterable[Pair],
    metrics: Mapping[str, Metric],
    *,
    seed: int,
    limit_s: float,
    max_pairs: int = 5,
    classes: int | None = None,
) -> list[dict[str, Any]]:
    """Scores of three reference models, averaged over splits.

    Classification: class frequencies (the majority class), logistic regression (L2, C = 1), histogram gradient
    boosting. Regression: the mean, ridge regression (alpha of 0.1, 1, 10 by leave-one-out), histogram gradient
    boosting (one model a target). All with scikit-learn's defaults, and with the
    training rows' weights.

    Args:
        task: ``"classification"`` or ``"regression"``.
        pairs: of every split: x are ``[rows, columns]``, y class codes ``[rows]`` or scaled targets
            ``[rows, targets]``. Read once, so they may be made as they are asked for.
        metrics: name -> function of (y, prediction), prediction being probabilities ``[rows, classes]`` or values
            ``[rows, targets]``; one named ``"loss"`` replaces the default (log loss or mean squared error).
        seed: of boosting.
        limit_s: seconds; what doesn't fit is left out (looked at before each fit; logistic regression stops early).
        max_pairs: boosting runs on at most the first so many splits.
        classes: number of classes; None: one more than the largest code of the split.

    Returns:
        One dict a model that finished a split: ``{"name", "splits": n, "validation": {"loss": {"mean", "sd"}, ...}}``;
        sd over splits, NaN for a single one.

    Raises:
        StudyError: an unknown task.
    """
    if task not in ("classification", "regression"):
        raise StudyError("references: task must be 'classification' or 'regression'", task)
    deadline = time.monotonic() + limit_s
    models = _classifiers(seed) if task == "classification" else _regressors(seed)
    loss = log_loss if task == "classification" else squared_error
    scored = {"loss": loss, **metrics}
    scores: dict[str, list[dict[str, float]]] = {name: [] for name in models}
    for index, (x_train, y_train, x_validation, y_validation, weight) in enumerate(pairs):
        if time.monotonic() >= deadline:
            break
        if task == "classification":
            width = classes or int(max(y_train.max(initial=0), y_validation.max(initial=0))) + 1
        else:
            y_train, y_validation = (y if y.ndim == 2 else y[:, None] for y in (y_train, y_validation))
            width = y_train.shape[1]
        for name, model in models.items():
            if name == "gradient boosting" and index >= max_pairs:
                continue
            prediction = model(x_train, y_train, weight, x_validation, width, deadline)
            if prediction is not None:
                scores[name].append({key: float(score(y_validation, prediction)) for key, score in scored.items()})
    return [
        {"name": name, "splits": len(rows), "validation": {key: _summary([row[key] for row in rows]) for key in scored}}
        for name, rows in scores.items()
        if rows
    ]


def log_loss(y: Array, probabilities: Array) -> float:
    """-mean log p[row, y[row]], p clipped to [1e-7, 1 - 1e-7]; y are class codes ``[rows]``."""
    p = probabilities[np.arange(len(y)), y.astype(int)].astype(np.float64)
    return float(-np.log(np.clip(p, CLIP, 1 - CLIP)).mean())


def squared_error(y: Array, values: Array) -> float:
    """Mean over rows and targets of (y - value)^2."""
    return float(np.square(y.astype(np.float64) - values).mean())


Model = Callable[[Array, Array, Array | None, Array, int, float], Array | None]


def _classifiers(seed: int) -> dict[str, Model]:
    def over_all_classes(model: Model) -> Model:
        """Fits on the classes that the training rows have; the others get probability 0."""

        def fitted(
            x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float
        ) -> Array | None:
            present, codes = np.unique(y_train.astype(int), return_inverse=True)
            few = model if present.size > 1 else frequencies
            prediction = few(x_train, codes, weight, x, present.size, deadline)
            if prediction is None:
                return None
            full = np.zeros((len(x), width))
            full[:, present] = prediction
            return full

        return fitted

    def frequencies(
        x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float
    ) -> Array:
        share = np.bincount(y_train, weight, minlength=width)
        return np.tile(share / share.sum(), (len(x), 1))

    def logistic(
        x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float
    ) -> Array | None:
        return _logistic_regression(x_train, y_train, weight, x, width, deadline)

    def boosting(
        x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float
    ) -> Array | None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        trees = width if width > 2 else 1
        # scikit-learn's early stopping (from 10,000 rows) splits by class, which a class of one row makes impossible.
        stopping: Any = "auto" if np.bincount(y_train).min() > 1 else False

        def fit(rounds: int) -> Array:
            model = HistGradientBoostingClassifier(max_iter=rounds, early_stopping=stopping, random_state=seed)
            return model.fit(x_train, y_train, sample_weight=weight).predict_proba(x)

        return _boosted(fit, x_train.size * trees, deadline)

    return {
        "majority class": over_all_classes(frequencies),
        "logistic regression": over_all_classes(logistic),
        "gradient boosting": over_all_classes(boosting),
    }


def _regressors(seed: int) -> dict[str, Model]:
    def mean(x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float) -> Array:
        return np.tile(np.average(y_train.astype(np.float64), axis=0, weights=weight), (len(x), 1))

    def ridge(
        x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float
    ) -> Array | None:
        from sklearn.linear_model import RidgeCV

        if time.monotonic() >= deadline:
            return None
        x_train = _working(x_train)
        model = RidgeCV().fit(x_train, y_train.astype(x_train.dtype), sample_weight=weight)
        return np.asarray(model.predict(_working(x))).reshape(len(x), width)

    def boosting(
        x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float
    ) -> Array | None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        def fit(rounds: int) -> Array:
            models = [HistGradientBoostingRegressor(max_iter=rounds, random_state=seed) for _ in range(width)]
            fitted = [m.fit(x_train, y, sample_weight=weight) for m, y in zip(models, y_train.T, strict=True)]
            return np.stack([model.predict(x) for model in fitted], axis=1)

        return _boosted(fit, x_train.size * width, deadline)

    return {"mean": mean, "ridge regression": ridge, "gradient boosting": boosting}


def _boosted(fit: Callable[[int], Array], cells: int, deadline: float) -> Array | None:
    """The prediction after all rounds, or None if they wouldn't end in time: a fit can't be interrupted."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):  # of the calling thread: the others compile meanwhile
        if cells > PILOT_CELLS:
            began = time.monotonic()
            fit(PILOT_ROUNDS)
            taken = time.monotonic() - began
            if began + taken * (1 + ROUNDS / PILOT_ROUNDS) >= deadline:
                return None
        return fit(ROUNDS) if time.monotonic() < deadline else None


def _logistic_regression(
    x_train: Array, y_train: Array, weight: Array | None, x: Array, width: int, deadline: float
) -> Array | None:
    """Probabilities of multinomial logistic regression: weighted sum of log losses + 1/2 |w|^2.

    Intercepts are free. With two classes the two columns share what scikit-learn's single one holds, hence the factor 2
    there.
    """
    from scipy.optimize import minimize

    if time.monotonic() >= deadline:
        return None
    x_train, x = _working(x_train), _working(x)
    rows, columns = x_train.shape
    strength = 2.0 if width == 2 else 1.0
    truth = np.eye(width)[y_train]
    each = np.ones((rows, 1)) if weight is None else weight.astype(np.float64)[:, None]

    def objective(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(-1, width)
        log_p = _log_softmax(x_train @ w[:-1].astype(x_train.dtype) + w[-1])
        errors = each * (np.exp(log_p) - truth)
        slope = x_train.T @ errors.astype(x_train.dtype) + strength * w[:-1]
        value = 0.5 * strength * np.square(w[:-1]).sum() - (each * truth * log_p).sum()
        return float(value) / rows, np.vstack([slope, errors.sum(axis=0)]).ravel() / rows

    def in_time(_: Array) -> None:
        if time.monotonic() >= deadline:
            raise StopIteration  # SciPy then returns what it has

    start = np.zeros((columns + 1) * width)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", callback=in_time, options={"maxiter": 100})
    w = found.x.reshape(-1, width)
    return np.exp(_log_softmax(x @ w[:-1].astype(x.dtype) + w[-1]))


def _working(x: Array) -> Array:
    """Double precision while it is cheap; a large float32 table is not copied."""
    return x if x.size > 10_000_000 else x.astype(np.float64)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _summary(values: list[float]) -> dict[str, float]:
    finite = [value for value in values if math.isfinite(value)]
    return {
        "mean": float(np.mean(finite)) if finite else math.nan,
        "sd": float(np.std(finite, ddof=1)) if len(finite) > 1 else math.nan,
    }

"""Out-of-fold predictions: for every row, what networks that never saw it say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.records import Records
from wellposed.studies.experiment import Experiment

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["out_of_fold", "out_of_fold_summary"]

_MOST_CLASSES = 30
_MOST_POINTS = 1000


def out_of_fold(experiment: Experiment, records: Records) -> pd.DataFrame:
    """The dataset's rows in their order, with a prediction of every recipe beside them.

    A row's prediction is the mean over the members whose validation rows held it (one a seed under k-fold); empty
    where no split validated the row. Classification: a column ``RECIPE`` with the class, and ``RECIPE p(CLASS)``
    with probabilities; regression: a column for each target, in its own units.
    """
    import pandas as pd

    data = experiment.data
    columns: dict[str, np.ndarray] = {}
    for number, name in enumerate(records.candidates):
        mean, seen = _mean_predictions(experiment, records, number)
        columns |= _columns(experiment, name, mean, seen)
    frame = pd.concat([data.features, data.targets], axis=1)
    return pd.concat([frame, pd.DataFrame(columns)], axis=1)


def out_of_fold_summary(experiment: Experiment, records: Records, names: Sequence[str | None]) -> list[dict[str, Any]]:
    """The out-of-fold predictions of a few recipes in few numbers, as results.json holds them.

    Args:
        experiment, records: of the study.
        names: of recipes; None and recipes without predictions are left out.

    Returns:
        An entry a recipe, with its ``name``. Classification: ``classes`` and ``counts`` [true][predicted] of rows; no
        entries beyond 30 classes. Regression: ``targets``, each with ``name``, ``rows`` (predicted ones), ``absolute``
        errors (``median``, ``p90``) and a sample of at most 1,000 rows (fewer for several targets), ``true`` and
        ``predicted`` in the target's units.
    """
    found: list[dict[str, Any]] = []
    if len(experiment.data.classes) > _MOST_CLASSES:
        return found
    for name in dict.fromkeys(names):
        if name is None or name not in records.candidates:
            continue
        mean, seen = _mean_predictions(experiment, records, records.candidates.index(name))
        if seen.any():
            summary = _confusion if experiment.data.classes else _sample
            found.append({"name": name, **summary(experiment, mean, seen)})
    return found


def _mean_predictions(experiment: Experiment, records: Records, number: int) -> tuple[np.ndarray, np.ndarray]:
    """[rows, outputs], the mean over the members that validated each row, in the targets' units; and which rows."""
    data, scheme = experiment.data, experiment.scheme
    total = np.zeros((data.rows, experiment.target.outputs))
    seen = np.zeros(data.rows)
    for member in records.of(number):
        if member.failed or member.predictions is None:
            continue
        split = scheme.splits[member.split]
        scale, center = np.ones(1), np.zeros(1)
        if data.task == "regression":
            preprocessing = experiment.preprocessing(split)
            scale, center = preprocessing.target_scale, preprocessing.target_center
        total[split.validation] += member.predictions.astype(np.float64) * scale + center
        seen[split.validation] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / seen[:, None], seen > 0


def _confusion(experiment: Experiment, mean: np.ndarray, seen: np.ndarray) -> dict[str, Any]:
    """Rows by true and predicted class."""
    classes = [str(label) for label in experiment.data.classes]
    codes = {label: code for code, label in enumerate(classes)}
    true = experiment.data.targets.iloc[:, 0].astype(str).map(codes).to_numpy()[seen]
    guess = mean[seen].argmax(axis=1) if experiment.target.per_class else (mean[seen, 0] > 0.5).astype(int)
    counts = np.bincount(true.astype(int) * len(classes) + guess, minlength=len(classes) ** 2)
    return {"classes": classes, "counts": counts.reshape(len(classes), -1).tolist()}


def _sample(experiment: Experiment, mean: np.ndarray, seen: np.ndarray) -> dict[str, Any]:
    """The same rows for every recipe and target, drawn without regard to their values."""
    targets = experiment.data.targets
    rows = np.flatnonzero(seen)
    most = max(_MOST_POINTS // targets.shape[1], 1)
    kept = rows if len(rows) <= most else np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    found = []
    for column, name in enumerate(targets.columns):
        true = targets[name].to_numpy(np.float64)
        errors = np.abs(true - mean[:, column])[rows]
        found.append(
            {
                "name": str(name),
                "rows": len(rows),
                "absolute": {"median": float(np.median(errors)), "p90": float(np.quantile(errors, 0.9))},
                "true": _short(true[kept]),
                "predicted": _short(mean[kept, column]),
            }
        )
    return {"targets": found}


def _short(values: np.ndarray) -> list[float]:
    """Five significant digits: enough for a picture."""
    return [float(f"{value:.5g}") for value in values]


def _columns(experiment: Experiment, name: str, mean: np.ndarray, seen: np.ndarray) -> dict[str, np.ndarray]:
    data = experiment.data
    if data.task == "regression":
        names = [name] if mean.shape[1] == 1 else [f"{name} {column}" for column in data.targets.columns]
        return {column: mean[:, i] for i, column in enumerate(names)}
    shares = mean if experiment.target.per_class else np.column_stack([1 - mean[:, 0], mean[:, 0]])
    filled = np.where(seen[:, None], shares, 0.0)
    labels = np.array([str(label) for label in data.classes], object)[filled.argmax(1)]
    found: dict[str, np.ndarray] = {name: np.where(seen, labels, "")}
    return found | {f"{name} p({label})": shares[:, i] for i, label in enumerate(data.classes)}

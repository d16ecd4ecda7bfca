"""Out-of-fold predictions: for every row, what networks that never saw it say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wellposed.records import Records
from wellposed.studies.experiment import Experiment

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["out_of_fold"]


def out_of_fold(experiment: Experiment, records: Records) -> pd.DataFrame:
    """The dataset's rows in their order, with a prediction of every recipe beside them.

    A row's prediction is the mean over the members whose validation rows held it (one a seed under k-fold); empty
    where no split validated the row. Classification: a column ``RECIPE`` with the class, and ``RECIPE p(CLASS)``
    with probabilities; regression: a column for each target, in its own units.
    """
    import pandas as pd

    data, target = experiment.data, experiment.target
    units = [(np.ones(1), np.zeros(1))] * len(experiment.scheme.splits)
    if data.task == "regression":
        learned = [experiment.preprocessing(split) for split in experiment.scheme.splits]
        units = [(preprocessing.target_scale, preprocessing.target_center) for preprocessing in learned]
    columns: dict[str, np.ndarray] = {}
    for number, name in enumerate(records.candidates):
        total = np.zeros((data.rows, target.outputs))
        seen = np.zeros(data.rows)
        for member in records.of(number):
            if member.failed or member.predictions is None:
                continue
            split = experiment.scheme.splits[member.split]
            scale, center = units[member.split]
            total[split.validation] += member.predictions.astype(np.float64) * scale + center
            seen[split.validation] += 1
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / seen[:, None]
        columns |= _columns(experiment, name, mean, seen > 0)
    frame = pd.concat([data.features, data.targets], axis=1)
    return pd.concat([frame, pd.DataFrame(columns)], axis=1)


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

"""From a trial's member to a saved model and its predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wellposed.models.model import Model
from wellposed.records import MemberRecord, Records
from wellposed.studies.refit import WeightKeeper, kept_model
from wellposed.testing.trial import Result, Trial

__all__ = ["saved_predictions"]


def saved_predictions(trial: Trial, result: Result, folder: Path) -> np.ndarray:
    """What the example, made a model, saved and loaded again, predicts for the validation rows.

    Args:
        result: of the trial's ``example``.
        folder: an empty one.

    Returns:
        [validation rows, outputs]: probabilities, or standardized targets.
    """
    experiment, split = trial.experiment, trial.experiment.scheme.splits[0]
    number = trial.names.index("example")
    record = MemberRecord(number, 0, result.curves, result.epochs_run, 0, weights=result.member)
    keeper = WeightKeeper()
    keeper.plan = trial.plan
    keeper.records = Records((), (record,), tuple(trial.names), tuple(experiment.identities))
    recipe = trial.recipes["example"]
    model = kept_model(experiment, recipe, split.training, experiment.training.epochs, 0, keeper, number)
    loaded = Model.load(model.save(folder / "model"))
    features = experiment.data.features.iloc[split.validation]
    if experiment.data.task == "classification":
        return np.asarray(loaded.predict_proba(features))
    predictions = np.asarray(loaded.predict(features)).reshape(len(features), -1)
    scaling = loaded.preprocessing
    return (predictions - np.asarray(scaling.target_center)) / np.asarray(scaling.target_scale)

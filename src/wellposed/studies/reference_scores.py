"""Reference models on a study's own splits, scored with its own measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wellposed.studies.experiment import Experiment, RowCache
from wellposed.studies.references import Pair, references
from wellposed.studies.scores import clean

__all__ = ["reference_scores"]

_SECONDS = 60.0  # what isn't done by then is left out, and each entry says how many splits it saw


def reference_scores(experiment: Experiment, rows: RowCache, seed: int) -> list[dict[str, Any]]:
    """Reference models on the same splits, scored with the study's own measures, fitted with its weights of rows."""
    target = experiment.target
    regression = experiment.data.task == "regression"
    wide = experiment.target.per_class or regression

    def pairs() -> Any:
        for index in range(len(experiment.scheme.splits)):
            split = rows(index)
            assert split.validation is not None
            y, y_validation = split.y, split.validation[1]
            if not regression:
                y, y_validation = (part.argmax(1) if wide else part[:, 0].astype(int) for part in (y, y_validation))
            current.update(scale=split.scale, weight=split.validation[2])
            weight = None if np.all(split.loss_weight == split.loss_weight[0]) else split.loss_weight
            yield Pair(split.x, y, split.validation[0], y_validation, weight)

    current: dict[str, np.ndarray] = {}

    def measure(name: str) -> Callable[[np.ndarray, np.ndarray], float]:
        def score(y: np.ndarray, prediction: np.ndarray) -> float:
            if not regression:
                classes = len(experiment.data.classes)
                y = np.eye(classes)[y] if wide else y[:, None]
                prediction = prediction if wide else prediction[:, 1:]
            prediction, y = prediction.astype(np.float32), y.astype(np.float32)
            if name == "loss":
                losses = np.asarray(target.loss.of_predictions(prediction, y))  # type: ignore[arg-type]
                return float(np.average(losses, weights=current["weight"]))
            return target.metric.score(prediction, y, current["weight"], current["scale"])

        return score

    metrics = {name: measure(name) for name in ("loss", target.metric.name)}
    classes = None if regression else len(experiment.data.classes)
    found = references(
        experiment.data.task,
        pairs(),
        metrics,
        seed=seed,
        limit_s=_SECONDS,
        max_pairs=len(experiment.scheme.splits),
        classes=classes,
    )
    return [clean(entry) for entry in found]

"""How long a comparison will take: its programs, and the reference models beside them."""

from __future__ import annotations

import os

import jax

from wellposed.population.estimate import work_of
from wellposed.population.plan import Plan
from wellposed.studies.experiment import Experiment

__all__ = ["range_text", "study_seconds"]

_SPREAD = 1.4  # a range that holds most measured times: half as long to twice as long is what can be promised
_LIMIT = 60.0  # seconds that reference models are given


def study_seconds(experiment: Experiment, plan: Plan, *, references: bool, vault: bool) -> float:
    """Wall time on this machine if it has nothing else to do, within a factor of two (`bench/estimate.py`).

    Args:
        references: reference models are fitted, one thread long.
        vault: a refit of two recipes follows, in programs of its own.
    """
    cores = os.cpu_count() or 1
    features, outputs = experiment.schema.width, experiment.target.outputs
    work = work_of(plan, features=features, outputs=outputs)
    beside = _references(experiment) if references and jax.default_backend() == "cpu" else 0.0
    seconds = work.seconds(cores, beside)
    return seconds + (2 * work.compile_s / len(plan.programs) / min(cores, 2) if vault else 0.0)


def _references(experiment: Experiment) -> float:
    """Boosting takes most of it: 100 rounds of a tree for each class or target."""
    splits = experiment.scheme.splits
    cells = sum(len(split.training) for split in splits) * experiment.schema.width
    classes = len(experiment.data.classes)
    trees = experiment.data.targets.shape[1] if experiment.data.task == "regression" else classes if classes > 2 else 1
    return min(_LIMIT, trees * (0.06 * len(splits) + 4.5e-6 * cells))


def range_text(seconds: float) -> str:
    """``1 to 2 min``: the range that a rough estimate stands for, in round numbers."""
    (low, low_unit), (high, high_unit) = _round(seconds / _SPREAD), _round(seconds * _SPREAD)
    if low_unit != high_unit:
        return f"{low} {low_unit} to {high} {high_unit}"
    return f"{low} {low_unit}" if low == high else f"{low} to {high} {high_unit}"


def _round(seconds: float) -> tuple[int, str]:
    if seconds < 90:
        step = 1 if seconds < 10 else 5 if seconds < 30 else 10
        return max(1, step * round(seconds / step)), "s"
    if seconds < 90 * 60:
        step = 1 if seconds < 600 else 5
        return step * round(seconds / 60 / step), "min"
    return round(seconds / 3600), "h"

"""The vault: rows set aside before anything else, opened once for the selected recipe and the baseline."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wellposed.data.dataset import Dataset
from wellposed.data.splits import Split, SplitScheme
from wellposed.recipe import Recipe
from wellposed.records import Records
from wellposed.runners.base import Progress, Runner
from wellposed.studies.experiment import Experiment, RowCache
from wellposed.studies.scores import clean

__all__ = ["open_vault", "refit_epochs", "without_monitor"]


def refit_epochs(records: Records, number: int) -> int:
    """Epochs of a refit on all rows: the median of the epochs whose weights counted."""
    epochs = [member.result_epoch for member in records.of(number) if member.result_epoch and not member.failed]
    return max(1, int(np.median(epochs))) if epochs else 1


def without_monitor(recipe: Recipe) -> Recipe:
    """The recipe without techniques that watch monitor rows: a refit has none, and trains a fixed number of epochs."""
    return Recipe(tuple(item for item in recipe if "monitor" not in item.requires()))


def open_vault(
    experiment: Experiment,
    records: Records,
    recipes: Sequence[Recipe],
    chosen: int,
    vault: Dataset | np.ndarray,
    *,
    runner: Runner,
    seed: int,
    memory: int,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Refits the selected recipe and the baseline on all development rows and scores them on the vault's rows.

    One network a seed of the study, each for the median of the epochs that counted in the study, with the schedule of
    the learning rate still laid out for the study's epochs; predictions are not averaged over seeds: the mean and sd
    are of single networks.

    Returns:
        The ``test`` part of the results.
    """
    data, test_rows = _with_vault(experiment.data, vault)
    seeds = experiment.scheme.seeds
    split = [Split(0, seed, experiment.development, np.zeros(0, int), test_rows) for seed in range(seeds)]
    scheme = dataclasses.replace(experiment.scheme, kind="refit", folds=1, monitor=0.0, splits=tuple(split))
    refit = dataclasses.replace(experiment, data=data, scheme=SplitScheme(**vars(scheme)))
    numbers = [0] if chosen == 0 else [0, chosen]
    candidates = [
        refit.candidate(
            without_monitor(recipes[number]), records.candidates[number], epochs=refit_epochs(records, number)
        )
        for number in numbers
    ]
    plan = refit.plan(candidates, memory=memory, predictions=False)
    scored, _ = runner.run(plan, RowCache(refit), refit.identities, seed=seed, progress=progress)
    measures = ("loss", experiment.target.metric.name)

    def scores(number: int) -> dict[str, Any]:
        members = scored.of(number)
        found: dict[str, Any] = {"name": candidates[number].name, "epochs": candidates[number].epochs}
        found |= {"members": len(members), "failed": sum(member.failed for member in members)}
        for measure in measures:
            values = scored.scores(number, f"validation_{measure}")
            values = values[np.isfinite(values)]
            mean = float(values.mean()) if len(values) else math.nan
            sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
            found[measure] = clean({"mean": mean, "sd": sd})
        return found

    return {"selected": scores(len(numbers) - 1), "baseline": scores(0), "rows": len(test_rows), "openings": []}


def _with_vault(data: Dataset, vault: Dataset | np.ndarray) -> tuple[Dataset, np.ndarray]:
    """One dataset that holds the vault's rows too, and their numbers."""
    if isinstance(vault, np.ndarray):
        return data, vault
    import pandas as pd

    features = pd.concat([data.features, vault.features[data.features.columns]], ignore_index=True)
    targets = pd.concat([data.targets, vault.targets[data.targets.columns]], ignore_index=True)
    weights = None
    if data.weights is not None:
        weights = np.concatenate([data.weights, np.ones(vault.rows) if vault.weights is None else vault.weights])
    joined = dataclasses.replace(data, features=features, targets=targets, weights=weights, test=None)
    return joined, np.arange(data.rows, data.rows + vault.rows)

"""The main job: techniques against the unregularized network, paired, with intervals."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import difflib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from wellposed.data.dataset import Dataset
from wellposed.errors import StudyError
from wellposed.models.model import Model
from wellposed.network.mlp import MLP
from wellposed.recipe import Recipe
from wellposed.records import Records
from wellposed.runners.base import Progress, Runner
from wellposed.runners.local import LocalRunner
from wellposed.studies.comparison import Comparison
from wellposed.studies.experiment import RowCache
from wellposed.studies.predictions import out_of_fold, out_of_fold_summary
from wellposed.studies.prepare import Prepared, Settings, prepare
from wellposed.studies.reference_scores import reference_scores
from wellposed.studies.refit import WeightKeeper, kept_model, refit
from wellposed.studies.results import results_of
from wellposed.studies.scores import recipe_entries, select
from wellposed.studies.vault import open_vault, refit_epochs
from wellposed.techniques.base import Technique

__all__ = ["Comparison", "Prepared", "compare", "prepare", "run"]


_SMALL = 2_000_000  # encoded cells


def compare(
    data: Dataset,
    network: MLP | Sequence[int] = (64, 64),
    recipes: Sequence[Recipe | Technique | str] | None = None,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    runner: Runner | None = None,
    **settings: Unpack[Settings],
) -> Comparison:
    """Trains the network under every recipe at once and compares each with the unregularized network.

    Every recipe sees the same splits, initial weights, minibatches and random draws, so differences are paired.
    Scores are free of penalties, in inference mode, on rows that no choice was made on.

    Args:
        data: made by `read`.
        network: an `MLP`, or its widths; default ``(64, 64)``.
        recipes: recipes, techniques or their text (``"l2=1e-5..1e-1"`` is a grid); default: the part of the
            catalogue that applies, at reference strengths.
        progress: called a few times a second.
        runner: default: in this process.
        settings: as `prepare`'s.

    Raises:
        StudyError, DataError, TechniqueError: settings that contradict each other or the data.

    Example:
        >>> import wellposed as wp
        >>> study = wp.compare(wp.read("iris"), (8,), ["l2=1e-3"], epochs=2, folds=2, seeds=2)
        >>> [recipe["name"] for recipe in study.results["recipes"]]
        ['baseline', 'best-epoch', 'l2=0.001']
    """
    unknown = [name for name in settings if name not in Settings.__annotations__]
    if unknown:
        close = difflib.get_close_matches(unknown[0].lower(), Settings.__annotations__, n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"There are {', '.join(Settings.__annotations__)}."
        raise StudyError("compare: no setting of that name", unknown[0], remedy)
    return run(prepare(data, network, recipes, **settings), progress=progress, runner=runner)


def run(
    prepared: Prepared,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    runner: Runner | None = None,
    model: bool = False,
    stop: threading.Event | None = None,
) -> Comparison:
    """Trains everything that was planned, and compares.

    Args:
        model: also make the best model.
        stop: once it is set, training ends, and the recipes that were trained to their end are compared.

    Raises:
        KeyboardInterrupt: stopped before the baseline was trained.
    """
    began = time.perf_counter()
    experiment, runner = prepared.experiment, runner or LocalRunner()
    rows = RowCache(experiment)
    beside = concurrent.futures.ThreadPoolExecutor(1)
    try:
        # on small data reference models run while programs compile; on large data their memory comes after training's
        small = experiment.data.rows * experiment.schema.width <= _SMALL
        others = _references(prepared, rows, beside) if small else None
        records, timing = runner.run(
            prepared.plan, rows, experiment.identities, seed=prepared.seed, progress=progress, stop=stop
        )
        if len(records.complete()) < len(prepared.recipes):
            prepared, records, others = *_complete(prepared, records), None
        entries = recipe_entries(experiment, records, prepared.recipes, rows)
        metric = experiment.target.metric
        selected = select(entries, metric.name, metric.direction, rule=prepared.select, recipes=prepared.recipes)
        lengths = {name: refit_epochs(records, number) for number, name in enumerate(records.candidates)}
        test, models, trouble, model_s = None, {}, [], 0.0
        stopped = stop is not None and stop.is_set()
        if prepared.vault is not None and selected is not None and not stopped:
            test, models = _vault(prepared, records, selected, lengths, runner, progress)
        if model and selected is not None and not stopped:
            start = time.perf_counter()
            trouble = _make_model(prepared, selected, lengths, models, runner, progress)
            model_s = time.perf_counter() - start
        found, failed = _finished(others if others or stopped else _references(prepared, rows, beside))
    finally:
        beside.shutdown(wait=False, cancel_futures=True)
    seconds = time.perf_counter() - began
    results = results_of(prepared, entries, selected, test, found, timing, seconds)
    results["out_of_fold"] = out_of_fold_summary(experiment, records, ("baseline", selected))
    results["warnings"] += [*failed, *trouble]
    results["run"]["model_s"] = round(model_s, 3)
    if test is not None:  # what is about time stands under `run`, so that equal studies have equal results
        results["run"]["vault_opened"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    table = out_of_fold(experiment, records) if prepared.predictions else None
    return Comparison(results, records.to_frame(), table, prepared=prepared, refit_epochs=lengths, models=models)


def _complete(prepared: Prepared, records: Records) -> tuple[Prepared, Records]:
    """What is left of a study that was stopped: the recipes all of whose networks were trained to their end."""
    kept = records.complete()
    if 0 not in kept:
        raise KeyboardInterrupt
    number = {old: new for new, old in enumerate(kept)}
    members = [m for m in records.members if m.candidate in number]
    members = tuple(dataclasses.replace(member, candidate=number[member.candidate]) for member in members)
    lost = [recipe.name for index, recipe in enumerate(prepared.recipes) if index not in number]
    message = f"Interrupted: {len(lost)} of {len(prepared.recipes)} recipes weren't trained to their end: "
    prepared = dataclasses.replace(
        prepared,
        recipes=tuple(prepared.recipes[index] for index in kept),
        vault=None,
        references=False,
        messages=(f"{message}{', '.join(lost)}.", *prepared.messages),
    )
    candidates = tuple(records.candidates[index] for index in kept)
    return prepared, dataclasses.replace(records, members=members, candidates=candidates)


def _vault(
    prepared: Prepared,
    records: Records,
    selected: str,
    lengths: Mapping[str, int],
    runner: Runner,
    progress: Callable[[Progress], None],
) -> tuple[dict[str, Any], dict[str, Model]]:
    """The scores on the vault's rows, and the model: the first of the networks that were scored there."""
    assert prepared.vault is not None
    number = records.candidates.index(selected)
    keeper = WeightKeeper(runner) if isinstance(runner, LocalRunner) else None
    test = open_vault(
        prepared.experiment, records, prepared.recipes, number, prepared.vault,
        runner=keeper or runner, seed=prepared.seed, memory=prepared.plan.memory, progress=progress,
    )  # fmt: skip
    test["openings"] = [{"recipes": list({selected: 0, "baseline": 0})}]
    models: dict[str, Model] = {}
    if keeper is not None:
        with contextlib.suppress(StudyError):  # it diverged: said when a model is asked for
            development, recipe = prepared.experiment.development, prepared.recipes[number]
            models[selected] = kept_model(
                prepared.experiment, recipe, development, lengths[selected], prepared.seed, keeper, min(number, 1)
            )
    return test, models


def _make_model(
    prepared: Prepared,
    selected: str,
    lengths: Mapping[str, int],
    models: dict[str, Model],
    runner: Runner,
    progress: Callable[[Progress], None],
) -> list[str]:
    """Adds the selected recipe's model, unless it is there; its failure is a warning, not the comparison's end."""
    if selected in models:
        return []
    recipe = next(recipe for recipe in prepared.recipes if recipe.name == selected)
    experiment = prepared.experiment
    try:
        models[selected] = refit(
            experiment, recipe, experiment.development, lengths[selected], prepared.seed, runner,
            memory=prepared.plan.memory, progress=progress,
        )  # fmt: skip
    except StudyError as error:
        return [f"No model was made: {error}"]
    return []


def _references(
    prepared: Prepared, rows: RowCache, beside: concurrent.futures.Executor
) -> concurrent.futures.Future[list[dict[str, Any]]] | None:
    if not prepared.references:
        return None
    return beside.submit(reference_scores, prepared.experiment, rows, prepared.seed)


def _finished(
    references: concurrent.futures.Future[list[dict[str, Any]]] | None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The reference models' scores; their failure is a warning, not the end of a comparison that is done."""
    if references is None:
        return [], []
    try:
        return references.result(), []
    except Exception as error:
        return [], [f"Reference models could not be scored: {type(error).__name__}: {error}."]

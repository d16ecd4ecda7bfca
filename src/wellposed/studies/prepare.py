"""A comparison ready to run: splits, recipes, programs and tiles, nothing trained yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from wellposed.data.dataset import Dataset
from wellposed.data.splits import make_splits, set_aside
from wellposed.errors import StudyError, TechniqueError, option
from wellposed.network.mlp import MLP
from wellposed.population.memory import parse_size, size_text
from wellposed.population.plan import Plan
from wellposed.recipe import BASELINE, Recipe, parse_grid
from wellposed.studies.estimate import range_text, study_seconds
from wellposed.studies.experiment import Experiment, Target
from wellposed.techniques.base import Technique
from wellposed.techniques.catalog import known
from wellposed.techniques.stopping import BestEpoch
from wellposed.training.spec import Training

__all__ = ["Prepared", "Settings", "prepare"]

_MONITOR = 0.15
_MOST_PREDICTED = 5_000_000  # numbers: up to here predictions are kept for the report without being asked for


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A comparison ready to run: inspectable, nothing trained yet.

    Attributes:
        experiment: data, splits, network, training.
        recipes: the baseline first, then the same network at its best monitored epoch, then the others.
        plan: candidates, members, tiles, programs.
        skipped: techniques that don't apply, and why.
        vault: row numbers or further rows for the test, None without one.
        seed: of the study; select: ``best`` or ``one-se``.
    """

    experiment: Experiment
    recipes: tuple[Recipe, ...]
    plan: Plan
    skipped: tuple[tuple[str, str], ...]
    vault: Dataset | np.ndarray | None
    seed: int
    select: str
    references: bool
    predictions: bool
    messages: tuple[str, ...]

    def line(self) -> str:
        """What will be done, in one line."""
        scheme, plan = self.experiment.scheme, self.plan
        seeds = f"{scheme.seeds} seed{'s' if scheme.seeds != 1 else ''}"
        splits = f"{scheme.folds} folds × {seeds}" if scheme.folds > 1 else f"{seeds} ({scheme.kind})"
        members, programs = len(plan.members), len(plan.programs)
        return (
            f"{len(self.recipes)} recipes ({self._kinds()}) × {splits} = {members} networks of "
            f"{self.experiment.base.parameters():,} weights, "
            f"{self.experiment.training.epochs} epochs, in {programs} program{'s' if programs != 1 else ''}; "
            f"{_count(plan.member_steps)} updates, about {range_text(self.seconds())}, "
            f"{size_text(self.memory())} at most"
        )

    def _kinds(self) -> str:
        """``21 techniques and 2 baselines``: what the comparison is between, in the words of its findings."""
        baselines = sum(recipe in (BASELINE, Recipe((BestEpoch(),))) for recipe in self.recipes)
        counts = ((len(self.recipes) - baselines, "technique"), (baselines, "baseline"))
        return " and ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)

    def memory(self) -> int:
        """Bytes that the largest wave of tiles takes."""
        return max(min(self.plan.memory, part.bytes_per_tile * len(part.tiles)) for part in self.plan.programs)

    def seconds(self) -> float:
        """How long it will take, within a factor of two on an idle machine; early stopping isn't foreseen."""
        vault = self.vault is not None
        return study_seconds(self.experiment, self.plan, references=self.references, vault=vault)


class Settings(TypedDict, total=False):
    """What `prepare` and ``compare`` take by name; `prepare` says what each means."""

    training: Training | None
    epochs: int | None
    folds: int | None
    validation: float | None
    seeds: int | None
    test: float | None
    seed: int
    monitor: float | None
    fixed: bool
    shuffle_splits: bool
    keep_duplicates_together: bool
    metric: str
    scale_targets: bool | None
    select: str
    memory: str | int
    references: bool
    predictions: bool
    inside: bool


def prepare(
    data: Dataset,
    network: MLP | Sequence[int] = (64, 64),
    recipes: Sequence[Recipe | Technique | str] | None = None,
    *,
    training: Training | None = None,
    epochs: int | None = None,
    folds: int | None = None,
    validation: float | None = None,
    seeds: int | None = None,
    test: float | None = None,
    seed: int = 0,
    monitor: float | None = None,
    fixed: bool = False,
    shuffle_splits: bool = True,
    keep_duplicates_together: bool = False,
    metric: str = "auto",
    scale_targets: bool | None = None,
    select: str = "best",
    memory: str | int = "4GB",
    references: bool = True,
    predictions: bool = False,
    inside: bool = False,
) -> Prepared:
    """The plan of a comparison.

    Args:
        data, network, recipes: as in `compare`.
        training: loss, optimizer, batch size, …; epochs: overrides its number of epochs.
        folds: of repeated stratified k-fold, default 5. validation: share of a hold-out instead.
        seeds: repetitions, each with its own partition, weights and order; default 3 (10 for a hold-out).
        test: share of rows set aside in the vault, scored once for the selected recipe and the baseline.
        seed: of everything random.
        monitor: share of each split's training rows that early stopping and the best-epoch baseline watch; default
            0.15; 0 leaves out the best-epoch baseline.
        fixed: the same partition for every seed. shuffle_splits: False takes validation rows in their order.
        keep_duplicates_together: equal rows stay on one side of every split.
        metric: the main one; default accuracy or r2.
        scale_targets: standardize regression targets (default yes; their metrics are in the original units).
        select: ``best`` mean validation score, or ``one-se``: the simplest recipe within one standard error of it.
        memory: bound on what training takes.
        references: also score majority or mean, linear model, gradient boosting.
        predictions: also record out-of-fold predictions of every row.
        inside: also record what happens inside every network, as further columns of the history: by layer and epoch
            the gradient's norm, the kernels' norm and share of exact zeros, and the share of dead units. An epoch then
            costs one more pass and gradient over 256 training rows (`bench/inside.py`).

    Raises:
        StudyError, DataError, TechniqueError: settings that contradict each other or the data.
    """
    if not isinstance(data, Dataset):
        remedy = 'Write e.g. wp.compare(wp.read(table, target="price"), ...).'
        raise StudyError("data: must be what wp.read gives", type(data).__name__, remedy)
    if isinstance(recipes, (str, Recipe, Technique)):
        recipes = [recipes]
    network = network if isinstance(network, MLP) else MLP(network)
    training = training or Training()
    training = training if epochs is None else dataclasses.replace(training, epochs=epochs)
    if folds is not None and validation is not None:
        raise StudyError(
            "splits: give either folds or validation", f"folds {folds} and validation {validation:g}", "Leave one out."
        )
    if select not in ("best", "one-se"):
        raise StudyError("select: must be best or one-se", select)
    user_split = data.split is not None and bool((data.split == "validation").any())
    if user_split and (folds is not None or validation is not None):
        raise StudyError(
            "splits: the data bring validation rows of their own", "folds or validation besides", "Leave them out."
        )
    if not 0 <= seed < 2**32:
        raise StudyError("seed: must be a whole number from 0 to 4294967295", seed)
    hold_out = validation is not None or user_split
    seeds = seeds if seeds is not None else (10 if hold_out else 3)
    monitor = _MONITOR if monitor is None else monitor
    development, set_apart = set_aside(data, test, seed=seed, keep_duplicates_together=keep_duplicates_together)
    scheme = make_splits(
        data,
        development,
        folds=None if hold_out else (folds or 5),
        validation=validation,
        seeds=seeds,
        seed=seed,
        monitor=monitor,
        fixed=fixed,
        shuffle=shuffle_splits,
        keep_duplicates_together=keep_duplicates_together,
    )
    target = Target.of(data, network, training, metric)
    if scale_targets is None and target.loss.name == "poisson":
        scale_targets = False  # counts stay counts
    experiment = Experiment(data, development, scheme, network, training, target, scale_targets)
    experiment._class_weights(np.zeros(0, str))  # wrong ones are refused before anything is trained
    chosen, skipped = _recipes(recipes, experiment)
    if monitor == 0 and recipes is None:
        why = "it watches monitor rows, and there are none"
        skipped += tuple((recipe.name, why) for recipe in chosen if "monitor" in recipe.requires())
        chosen = [recipe for recipe in chosen if "monitor" not in recipe.requires()]
    elif monitor == 0:
        needing = [recipe.name for recipe in chosen if "monitor" in recipe.requires()]
        if needing:
            raise StudyError(
                "monitor: rows are needed", f"0, but {needing[0]} watches them", f"Leave {option('monitor')} out."
            )
    every = (BASELINE, *([Recipe((BestEpoch(),))] if monitor else []), *chosen)
    every = tuple({recipe.name: recipe for recipe in every}.values())
    validated = sum(len(split.validation) for split in scheme.splits) * target.outputs * len(every)
    predicted = predictions or scheme.design == "fixed-holdout" or validated <= _MOST_PREDICTED
    plan = experiment.plan(
        [experiment.candidate(recipe) for recipe in every],
        memory=parse_size(memory),
        predictions=predicted,
        inside=inside,
    )
    vault = data.test if data.test is not None else (set_apart if len(set_apart) else None)
    return Prepared(
        experiment,
        every,
        plan,
        skipped,
        vault,
        seed,
        select,
        references,
        predictions,
        (*data.warnings, *scheme.warnings),
    )


def _recipes(
    given: Sequence[Recipe | Technique | str] | None, experiment: Experiment
) -> tuple[list[Recipe], tuple[tuple[str, str], ...]]:
    """The recipes to compare; of the default panel, those that apply, and why others don't."""
    context = experiment.context
    if given is None:
        chosen, skipped = [], []
        for cls in known():
            try:
                recipe = Recipe(cls.panel())
                recipe.check(context)
                chosen.append(recipe)
            except TechniqueError as error:
                skipped.append((cls.name, str(error)))
        return chosen, tuple(skipped)
    recipes: list[Recipe] = []
    for item in given:
        parsed = (
            parse_grid(item) if isinstance(item, str) else [Recipe((item,)) if isinstance(item, Technique) else item]
        )
        recipes.extend(parsed)
    for recipe in recipes:
        if not isinstance(recipe, Recipe):
            got = recipe.__name__ if isinstance(recipe, type) else recipe
            remedy = 'Write e.g. [wp.Dropout(0.2), wp.L2(1e-3) + wp.Dropout(0.2), "l1=1e-4"].'
            raise StudyError("recipes: each must be a recipe, a technique or its text", got, remedy)
        recipe.check(context)
    return recipes, ()


def _count(number: int) -> str:
    return f"{number / 1e6:.1f} million" if number >= 1e6 else f"{number:,}"

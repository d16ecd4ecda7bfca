"""The main job: techniques against the unregularized network, paired, with intervals."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wellposed.data.dataset import Dataset
from wellposed.data.splits import make_splits, set_aside
from wellposed.errors import StudyError, TechniqueError
from wellposed.network.mlp import MLP
from wellposed.population.memory import parse_size, size_text
from wellposed.population.plan import Plan
from wellposed.recipe import BASELINE, Recipe, parse_grid
from wellposed.records import Records
from wellposed.runners.base import Progress, Runner, Timing
from wellposed.runners.local import LocalRunner
from wellposed.store import Run
from wellposed.studies.experiment import Experiment, RowCache, Target
from wellposed.studies.predictions import out_of_fold
from wellposed.studies.references import references
from wellposed.studies.scores import clean, contributions, recipe_entries, select
from wellposed.studies.vault import open_vault
from wellposed.studies.warnings import warnings_of
from wellposed.techniques.base import Technique
from wellposed.techniques.catalog import CATALOG
from wellposed.techniques.stopping import BestEpoch
from wellposed.training.spec import Training

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "Prepared", "compare", "prepare"]

SCHEMA = "wellposed.compare/1"
_MONITOR = 0.15
_REFERENCE_SECONDS = 20.0


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
            f"{len(self.recipes)} recipes × {splits} = {members} networks of {self.experiment.base.parameters():,} weights, "
            f"{self.experiment.training.epochs} epochs, in {programs} program{'s' if programs != 1 else ''}; "
            f"{_count(plan.member_steps)} updates, about {self.seconds():.0f} s, {size_text(self.memory())} at most"
        )

    def memory(self) -> int:
        """Bytes that the largest wave of tiles takes."""
        return max(min(self.plan.memory, part.bytes_per_tile * len(part.tiles)) for part in self.plan.programs)

    def seconds(self) -> float:
        """A rough estimate: 4 s for each program, and 2 µs + floating-point operations at 40 GFLOP/s for an update."""
        flops = 6.0 * self.experiment.base.parameters() * self.experiment.training.batch_size
        return 4.0 * len(self.plan.programs) + self.plan.member_steps * (2e-6 + flops / 4e10)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        results: everything that was found, as `results.json` holds it.
        history: a row per member and epoch.
        predictions: out-of-fold predictions of every row, if asked for.
        folder: of the run, if it was written.
    """

    results: dict[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame | None = None
    folder: Path | None = None

    def table(self) -> pd.DataFrame:
        """One row a recipe: scores, differences from the baseline with intervals, adjusted p, verdicts."""
        from wellposed.report.tables import table

        return table(self.results)

    def findings(self) -> list[str]:
        """What was found, in sentences."""
        from wellposed.report.words import findings

        return findings(self.results)

    def report(self, path: str | Path) -> Path:
        """Writes the report, one self-contained HTML file."""
        from wellposed.report.page import write_report

        return write_report(path, self.results, self.history)

    def save(self, folder: str | Path, **facts: Any) -> Path:
        """Writes the run directory and its report; returns the report's path."""
        run = Run(folder)
        run.write_results(self.results)
        run.write_history(self.history)
        if self.predictions is not None:
            run.write_table("predictions.csv", self.predictions)
        report = self.report(run.folder / "report.html")
        run.write_state("done", **facts)
        return report


def compare(
    data: Dataset,
    network: MLP | Sequence[int] = (64, 64),
    recipes: Sequence[Recipe | Technique | str] | None = None,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    runner: Runner | None = None,
    **settings: Any,
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
    return run(prepare(data, network, recipes, **settings), progress=progress, runner=runner)


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

    Raises:
        StudyError, DataError, TechniqueError: settings that contradict each other or the data.
    """
    network = network if isinstance(network, MLP) else MLP(network)
    training = training or Training()
    training = training if epochs is None else dataclasses.replace(training, epochs=epochs)
    if folds is not None and validation is not None:
        raise StudyError("splits: give either folds or validation", f"folds {folds} and validation {validation:g}", "Leave one out.")
    if select not in ("best", "one-se"):
        raise StudyError("select: must be best or one-se", select)
    user_split = data.split is not None and bool((data.split == "validation").any())
    if user_split and (folds is not None or validation is not None):
        raise StudyError("splits: the data bring validation rows of their own", "folds or validation besides", "Leave them out.")
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
            raise StudyError("monitor: rows are needed", f"0, but {needing[0]} watches them", "Leave --monitor out.")
    every = (BASELINE, *([Recipe((BestEpoch(),))] if monitor else []), *chosen)
    every = tuple({recipe.name: recipe for recipe in every}.values())
    predicted = predictions or scheme.design == "fixed-holdout"
    plan = experiment.plan([experiment.candidate(recipe) for recipe in every], memory=parse_size(memory), predictions=predicted)
    vault = data.test if data.test is not None else (set_apart if len(set_apart) else None)
    return Prepared(
        experiment, every, plan, skipped, vault, seed, select, references, predictions, (*data.warnings, *scheme.warnings)
    )


def run(
    prepared: Prepared, *, progress: Callable[[Progress], None] = lambda _: None, runner: Runner | None = None
) -> Comparison:
    """Trains everything that was planned, and compares."""
    began = time.perf_counter()
    experiment, runner = prepared.experiment, runner or LocalRunner()
    rows = RowCache(experiment)
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        others = beside.submit(_references, experiment, rows, prepared.seed) if prepared.references else None
        records, timing = runner.run(prepared.plan, rows, experiment.identities, seed=prepared.seed, progress=progress)
        entries = recipe_entries(experiment, records, prepared.recipes, rows)
        metric = experiment.target.metric
        selected = select(entries, metric.name, metric.direction, rule=prepared.select, recipes=prepared.recipes)
        test = None
        if prepared.vault is not None:
            number = [entry["name"] for entry in entries].index(selected)
            test = open_vault(
                experiment, records, prepared.recipes, number, prepared.vault,
                runner=runner, seed=prepared.seed, memory=prepared.plan.memory, progress=progress,
            )  # fmt: skip
            test["openings"] = [{"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "recipes": list({selected: 0, "baseline": 0})}]
        found = others.result() if others is not None else []
    results = _results(prepared, entries, selected, test, found, timing, time.perf_counter() - began)
    table = out_of_fold(experiment, records) if prepared.predictions else None
    return Comparison(results, records.to_frame(), table)


def _recipes(
    given: Sequence[Recipe | Technique | str] | None, experiment: Experiment
) -> tuple[list[Recipe], tuple[tuple[str, str], ...]]:
    """The recipes to compare; of the default panel, those that apply, and why others don't."""
    context = experiment.context
    if given is None:
        chosen, skipped = [], []
        for cls in CATALOG:
            recipe = Recipe((cls.example(),))
            try:
                recipe.check(context)
                chosen.append(recipe)
            except TechniqueError as error:
                skipped.append((cls.name, str(error)))
        return chosen, tuple(skipped)
    recipes: list[Recipe] = []
    for item in given:
        parsed = parse_grid(item) if isinstance(item, str) else [Recipe((item,)) if isinstance(item, Technique) else item]
        recipes.extend(parsed)
    for recipe in recipes:
        if not isinstance(recipe, Recipe):
            raise StudyError("recipes: each must be a recipe, a technique or its text", recipe)
        recipe.check(context)
    return recipes, ()


def _count(number: int) -> str:
    return f"{number / 1e6:.1f} million" if number >= 1e6 else f"{number:,}"


def _references(experiment: Experiment, rows: RowCache, seed: int) -> list[dict[str, Any]]:
    """Reference models on the same splits, scored with the study's own measures."""
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
            scales.append(split.scale)
            yield split.x, y, split.validation[0], y_validation

    scales: list[np.ndarray] = []

    def measure(name: str) -> Callable[[np.ndarray, np.ndarray], float]:
        def score(y: np.ndarray, prediction: np.ndarray) -> float:
            if not regression:
                classes = len(experiment.data.classes)
                y = np.eye(classes)[y] if wide else y[:, None]
                prediction = prediction if wide else prediction[:, 1:]
            prediction, y = prediction.astype(np.float32), y.astype(np.float32)
            return float(np.mean(contributions(experiment, name, prediction, y, scales[-1])))

        return score

    metrics = {name: measure(name) for name in ("loss", target.metric.name)}
    classes = None if regression else len(experiment.data.classes)
    found = references(experiment.data.task, pairs(), metrics, seed=seed, limit_s=_REFERENCE_SECONDS, classes=classes)
    return [clean(entry) for entry in found]


def _results(
    prepared: Prepared,
    entries: list[dict[str, Any]],
    selected: str,
    test: dict[str, Any] | None,
    found: list[dict[str, Any]],
    timing: Timing,
    seconds: float,
) -> dict[str, Any]:
    """What `results.json` holds."""
    experiment, scheme = prepared.experiment, prepared.experiment.scheme
    data, training, target = experiment.data, experiment.training, experiment.target
    first = scheme.splits[0]
    vault = prepared.vault
    results = {
        "schema": SCHEMA,
        "data": {
            "name": data.name, "rows": data.rows, "features": experiment.schema.width, "task": data.task, "sha256": data.sha256,
            "source": data.source, "columns": data.features.shape[1], "classes": list(data.classes), "targets": list(data.targets.columns),
        },
        "network": {
            "widths": list(experiment.network.widths), "activation": experiment.network.activation,
            "output_activation": target.activation, "parameters": experiment.base.parameters(),
            "kernel_initializer": str(experiment.network.kernel_initializer),
        },
        "training": {
            "loss": target.loss.name, "optimizer": str(training.optimizer), "learning_rate": training.rate,
            "schedule": str(training.schedule), "batch_size": training.batch_size, "epochs": training.epochs,
            "class_weight": training.class_weight, "seed": prepared.seed,
        },
        "splits": {
            "kind": scheme.kind, "folds": scheme.folds, "seeds": scheme.seeds, "training": len(first.training),
            "monitor": len(first.monitor), "validation": len(first.validation),
            "test": 0 if vault is None else (vault.rows if isinstance(vault, Dataset) else len(vault)),
        },
        "metric": {"name": target.metric.name, "direction": target.metric.direction},
        "baseline": "baseline",
        "selected": selected,
        "skipped": [{"name": name, "why": why} for name, why in prepared.skipped],
        "warnings": [*warnings_of(entries, target.metric.name, target.metric.direction, training.epochs), *prepared.messages],
        "recipes": entries,
        "references": found,
        "test": test,
        "run": {
            "compile_s": round(timing.compile_s, 3), "train_s": round(timing.train_s, 3), "total_s": round(seconds, 3),
            "member_steps": timing.member_steps, "programs": len(prepared.plan.programs), "versions": _versions(),
            "host": {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()},
            "peak_memory": _peak_memory(),
        },
    }  # fmt: skip
    return clean(results)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("wellposed", "jax", "numpy", "scikit-learn", "scipy")}


def _peak_memory() -> int | None:
    """Most bytes that this process held at once."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
